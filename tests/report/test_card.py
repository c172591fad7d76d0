"""The dataset card: its metadata, its text, and what happens to a card that is there already."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any

import pytest
import yaml
from datasets import Dataset
from huggingface_hub import DatasetCard
from markdown_it import MarkdownIt

from distilabel_selfinstruct.data.columns import CONFIGS, JUDGE_COLUMNS, columns_of
from distilabel_selfinstruct.data.dataset import features_of
from distilabel_selfinstruct.recipe import Column, get_recipe, recipes
from distilabel_selfinstruct.report.card import (
    CardFacts,
    card_text,
    detect_languages,
    plain,
    pushed_configs,
    render_card,
    size_category,
    split_card,
    type_name,
)
from distilabel_selfinstruct.report.rows import ReportRows
from distilabel_selfinstruct.report.statistics import Statistics, balance_of, funnel_of, overview_of
from distilabel_selfinstruct.review.agreement import Agreement, Judge, Judged
from distilabel_selfinstruct.review.curate import curated_features, reviewed_features
from distilabel_selfinstruct.review.quality import judge
from distilabel_selfinstruct.review.records import QUESTIONS, Answer, record_of
from distilabel_selfinstruct.steps.select import (
    INSTANCE_COLUMNS,
    INSTRUCTION_COLUMNS,
    REJECTED_COLUMNS,
    SelectPreferences,
    SelectTopics,
)
from distilabel_selfinstruct.usage import Usage

NASTY = "<script>alert(1)</script> | ![x](http://evil.example/x.png) [a](javascript:b) *b* `c` www.evil.example & \\|"
ENGLISH = "Write a poem about the sea and the wind that blows over it."
SPANISH = "Escribe un poema sobre el mar y el viento que sopla sobre las olas."


def make_facts(instruction: str = ENGLISH, output: str = "positive", **changes: Any) -> CardFacts:
    instance = dict.fromkeys(INSTANCE_COLUMNS) | {
        "instance_id": "000000-00-0", "instruction_id": "000000-00", "instruction": instruction, "input": "",
        "output": output, "is_classification": True, "round": 0, "model_name": "acme/tiny-1b",
    }  # fmt: skip
    of_instruction = {name: instance.get(name) for name in INSTRUCTION_COLUMNS}
    rejected = dict.fromkeys(REJECTED_COLUMNS) | {
        "stage": "bootstrap", "reason": "too_short", "instruction": "Sing.", "instruction_id": "000000-01", "round": 0,
    }  # fmt: skip
    rows = {"instances": [instance], "instructions": [of_instruction], "rejected": [rejected]}
    recipe = get_recipe("self-instruct")
    statistics = Statistics(
        name="run",
        models=["acme/tiny-1b"],
        overview=overview_of(rows["instructions"], rows["instances"]),
        funnel=funnel_of(ReportRows("run", recipe=recipe, **rows)),
        diversity=None,
        similarity=None,
        lengths={},
        rounds=[],
        balance=balance_of(rows["instances"]),
        usage={"bootstrap": Usage(requests=2, input_tokens=1_000, output_tokens=50, seconds=3.0)},
    )
    facts = CardFacts(
        repo_id="ada/tasks",
        statistics=statistics,
        datasets={name: Dataset.from_list(each, features_of(each[0])) for name, each in rows.items()},
        settings={"llm": "openai", "model": "acme/tiny-1b", "preset": "default"},
        recipe=recipe,
        wanted=1,
    )
    return replace(facts, **changes)


def metadata_of(card: str) -> dict[str, Any]:
    return split_card(card)[0]


# --- metadata -----------------------------------------------------------------------------------------------------


def test_metadata_are_those_of_a_dataset_card() -> None:
    card = DatasetCard(render_card(make_facts(license=["cc-by-4.0"])))

    values = card.data.to_dict()
    mark = values.pop("distilabel_selfinstruct")
    assert mark["configs"] == ["instances", "instructions", "rejected"]
    assert values == {
        "language": ["en"],
        "license": "cc-by-4.0",
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"],
        "size_categories": ["n<1K"],
        "task_categories": ["text-generation"],
        "pretty_name": "tasks",
        "tags": ["synthetic", "self-instruct", "distilabel", "instruction-tuning", "arxiv:2212.10560"],
        "configs": [
            {
                "config_name": "instances",
                "default": True,
                "data_files": [{"split": "train", "path": "instances/train-*"}],
            },
            {"config_name": "instructions", "data_files": [{"split": "train", "path": "instructions/train-*"}]},
            {"config_name": "rejected", "data_files": [{"split": "train", "path": "rejected/train-*"}]},
        ],
    }


@pytest.mark.parametrize(
    ("recipe", "configs", "default", "shown"),
    [
        ("self-instruct", {"sft": 1, "instances": 1}, "sft", "instances"),
        ("self-instruct", {"sft": 0, "instances": 1}, "instances", "instances"),
        ("preferences", {"sft": 1, "instances": 1, "preferences": 1}, "preferences", "preferences"),
        ("preferences", {"sft": 1, "instances": 1}, "sft", "instances"),
    ],
)
def test_the_rows_that_train_are_loaded_by_default(
    recipe: str, configs: dict[str, int], default: str, shown: str
) -> None:
    datasets = {name: Dataset.from_dict({"text": ["a"] * rows}) for name, rows in configs.items()}
    facts = make_facts(recipe=get_recipe(recipe), datasets=datasets)
    assert (facts.default_config, facts.main_config) == (default, shown)


def test_a_licence_that_nobody_stated_is_unknown() -> None:
    card = render_card(make_facts())

    assert metadata_of(card)["license"] == "unknown"
    assert "Nobody has stated a licence" in card


@pytest.mark.parametrize(
    ("rows", "category"),
    [
        (1, "n<1K"),
        (999, "n<1K"),
        (1_000, "1K<n<10K"),
        (82_439, "10K<n<100K"),
        (100_000, "100K<n<1M"),
        (52_000_000, "10M<n<100M"),
        (5_000_000_000, "1B<n<10B"),
        (50_000_000_000, "n>10B"),
    ],
)
def test_size_category(rows: int, category: str) -> None:
    assert size_category(rows) == category


@pytest.mark.parametrize(
    ("texts", "languages"),
    [
        ([ENGLISH], ["en"]),
        ([SPANISH], ["es"]),
        (["Schreibe ein Gedicht über das Meer."] * 3 + [ENGLISH], ["de", "en"]),
        ([ENGLISH] * 19 + [SPANISH], ["en"]),
        (["Sing.", "12 + 7", ""], []),
    ],
)
def test_the_languages_of_the_instructions_are_stated(texts: list[str], languages: list[str]) -> None:
    assert detect_languages(texts) == languages


def test_a_card_states_no_language_that_nobody_can_tell() -> None:
    assert metadata_of(render_card(make_facts(SPANISH)))["language"] == ["es"]
    assert "language" not in metadata_of(render_card(make_facts("12 + 7")))


# --- text ---------------------------------------------------------------------------------------------------------


def test_every_config_says_its_columns_and_how_to_load_it() -> None:
    text = card_text(make_facts())

    for name in ("instances", "instructions", "rejected"):
        assert f'{name} = load_dataset("ada/tasks", "{name}", split="train")' in text
    assert "| `most_similar` | list of {id: string, score: float64} | the most similar" in text
    assert "| `is_classification` | bool | whether" in text


@pytest.mark.parametrize(
    ("recipe", "columns"),
    [
        ("self-instruct", INSTANCE_COLUMNS),
        ("self-instruct", INSTRUCTION_COLUMNS),
        ("self-instruct", REJECTED_COLUMNS),
        ("topics", SelectTopics.columns),
        ("preferences", SelectPreferences.columns),
        ("preferences", (*JUDGE_COLUMNS, "is_chosen")),
        ("self-instruct", tuple(reviewed_features(INSTANCE_COLUMNS))),
        ("self-instruct", tuple(curated_features(INSTANCE_COLUMNS))),
    ],
)
def test_every_column_of_the_pipeline_is_explained(recipe: str, columns: tuple[str, ...]) -> None:
    assert set(columns) <= columns_of(get_recipe(recipe)).keys()


def test_every_config_of_the_pipeline_is_explained() -> None:
    of_recipes = {name for recipe in recipes().values() for name in recipe.configs}
    assert CONFIGS.keys() | of_recipes == {
        "instances", "instructions", "rejected", "seeds", "sft", "held_out", "topics", "preferences", "reviewed",
        "curated",
    }  # fmt: skip


def test_columns_and_configs_of_a_recipe_of_another_package_are_explained() -> None:
    recipe = replace(
        get_recipe("self-instruct"), columns={"mood": Column("what it feels like")}, configs={"moods": "All moods."}
    )
    rows = Dataset.from_list([{"mood": "calm"}])
    text = card_text(make_facts(recipe=recipe, datasets={**make_facts().datasets, "moods": rows}))
    assert "| `mood` | string | what it feels like |" in text
    assert "All moods." in text


def test_what_a_judge_says_stands_below_what_people_say() -> None:
    records = {record.id: record for record in (record_of({"instruction": str(n)}) for n in range(4))}
    answers = [
        Answer(record_id, "ada", {question.name: n % 2 == 0 for question in QUESTIONS})
        for n, record_id in enumerate(records)
    ]
    quality = judge(records, answers, 1, 4)
    judged = tuple(Judged(record_id, 5.0 - n % 2, None, n % 2 == 0) for n, record_id in enumerate(records))
    assert "A model as judge" not in card_text(make_facts(quality=quality))
    judges = (Judge(name, 3, "chat", 0.7, 1) for name in ("<b>judge</b>", "other"))
    agreements = [Agreement(judge, judged) for judge in judges]
    text = card_text(make_facts(quality=quality, agreements=agreements))
    assert text.index("## Quality") < text.index("### A model as judge")
    first = text.index(
        "&#60;b&#62;judge&#60;/b&#62; (3 judgements, chat, temperature 0.7, prompts version 1) as judge of 4"
    )
    assert text.index("### A model as judge") < first < text.index("other (3 judgements, chat")
    assert text.count("### A model as judge") == 1
    assert "| 5 | 2 | 0 | 0 | 2 | 100% | 1.00 | 1.00 to 1.00 |" in text


def test_no_stage_of_another_recipe_is_named() -> None:
    text = card_text(make_facts(settings={"llm": "demo"}, recipe=get_recipe("domain")))
    assert "| `stage` | string | the stage that rejected it |" in text
    assert "of the bootstrap" not in text


def test_the_papers_table_stands_beside_the_papers_own_figures() -> None:
    assert "| instances | 1 | 82,439 |" in card_text(make_facts())


def test_the_funnel_and_the_reasons_are_told() -> None:
    text = card_text(make_facts())

    assert "| Bootstrap (candidates) | 2 | 1 | 1 |" in text
    assert "| too short | 1 |" in text


def test_only_published_figures_are_shown() -> None:
    text = card_text(make_facts(figures=["funnel"]))

    assert re.findall(r"\]\((report/[^)]*)\)", text) == ["report/figures/funnel.png"]


def test_the_model_and_its_terms_are_named() -> None:
    text = card_text(make_facts())

    assert "written by **acme/tiny-1b**" in text
    assert "terms of use of a model may restrict" in text


def test_limits_of_the_paper_are_told() -> None:
    text = card_text(make_facts())

    for limit in ("Rare things stay rare", "It takes a capable model", "Biases feed themselves"):
        assert limit in text


def test_the_demo_says_that_it_is_one() -> None:
    assert "A demonstration" not in card_text(make_facts())
    assert "A demonstration" in card_text(make_facts(settings={"llm": "demo"}))


def test_an_incomplete_run_says_so() -> None:
    text = card_text(make_facts(ended="budget", wanted=100, failed=3))

    assert "The run ended `budget` with 1 of 100 instructions; 3 requests failed." in text


def test_how_to_make_it_again_names_only_what_is_published() -> None:
    without, with_all = (
        card_text(make_facts()),
        card_text(make_facts(script="self_instruct.py", published=["seed_tasks.jsonl", "pipeline.yaml"])),
    )

    assert "self-instruct run self-instruct --config config.yaml --out run" in without
    assert "seed_tasks.jsonl" not in without
    assert "pipeline.yaml" not in without
    assert "self-instruct run self_instruct.py --config config.yaml --out run" in with_all
    assert "seed_tasks.jsonl" in with_all
    assert "pipeline.yaml" in with_all


def test_to_make_it_again_takes_the_extras_of_its_models_and_what_is_not_published() -> None:
    settings = {"llm": "openai", "base_url": "http://127.0.0.1:8000/v1", "stage": {"judgement": {"llm": "litellm"}},
                "package_version": "1.2.3"}  # fmt: skip
    text = card_text(make_facts(settings=settings, unpublished={"documents": "articles", "phrases": "mine.txt"}))
    assert 'pip install "distilabel-selfinstruct[litellm]==1.2.3"' in text
    assert "self-instruct run self-instruct --config config.yaml --out run --base-url URL" in text
    assert (
        "The run has read what is not published here; put yours into the folder `again`, or name it on the command"
        " line: `--documents` articles, `--phrases` mine.txt.\n"
    ) in text


def test_the_paper_is_cited() -> None:
    text = card_text(make_facts())

    assert "@misc{wang2022selfinstruct," in text
    assert "https://arxiv.org/abs/2212.10560" in text


# --- text of the model ----------------------------------------------------------------------------------------------


def rendered(text: str) -> str:
    return MarkdownIt("commonmark").enable("table").render(text)


def test_text_of_the_model_is_shown_and_never_interpreted() -> None:
    facts = make_facts(instruction=NASTY, output=NASTY[:55])
    facts = replace(facts, statistics=replace(facts.statistics, models=[NASTY]))

    page = rendered(card_text(facts))

    assert "<script" not in page
    assert "<img" not in page
    assert 'href="javascript' not in page
    assert f"<strong>{html.escape(NASTY)}</strong>" in page


@pytest.mark.parametrize(
    "text", [NASTY, "a | b", "**bold** _it_", "1 < 2 > 0 &amp; x", "`code` ~~gone~~", "line\nbreak", "\\"]
)
def test_plain_text_comes_out_of_a_table_as_it_went_in(text: str) -> None:
    page = rendered(f"| a |\n| --- |\n| {plain(text)} |\n")

    cell = re.search(r"<td>(.*?)</td>", page, re.DOTALL)
    assert cell is not None
    assert html.unescape(cell[1]) == " ".join(text.split())
    assert "<" not in cell[1]


def test_rows_to_read_end_where_they_should() -> None:
    facts = make_facts(instruction="```\n# not a heading\n<!-- distilabel-selfinstruct: end -->", output="x" * 2_000)

    card = render_card(facts)

    assert (
        "1. **instruction:** &#96;&#96;&#96;<br>&#35; not a heading<br>&#60;&#33;-- distilabel-selfinstruct&#58; end"
        f" --&#62;<br>**output:** {'x' * 500}...\n"
    ) in card
    assert render_card(facts, card) == card


def test_five_rows_are_from_all_over_and_an_answer_of_a_chat_is_a_text() -> None:
    chats = [[{"role": "user", "content": "Sing."}, {"role": "assistant", "content": f"La {at}."}] for at in range(12)]
    rows = Dataset.from_dict({"prompt": ["Sing."] * 12, "chosen": chats, "rejected": ["No."] * 12})
    facts = make_facts(recipe=get_recipe("preferences"))
    text = card_text(replace(facts, datasets={**facts.datasets, "preferences": rows}))
    assert re.findall(r"^\d\. \*\*prompt:\*\* Sing.<br>\*\*chosen:\*\* (La \d+)\.", text, re.MULTILINE) == [
        "La 0", "La 2", "La 4", "La 7", "La 9",
    ]  # fmt: skip
    assert "## 5 rows to read" in text


def test_figures_come_first_and_the_rows_that_train_before_the_rest() -> None:
    facts = make_facts()
    text = card_text(replace(facts, datasets={**facts.datasets, "sft": Dataset.from_dict({"text": ["a"]})}))
    parts = ["## What is in it", "## 1 row to read", "## Load it", "## What was kept", "## How it was made",
             "### `sft`", "### `instances`", "## Make it again"]  # fmt: skip
    assert sorted(parts, key=text.index) == parts


def test_tokens_are_those_that_the_endpoint_counted() -> None:
    said = "The model wrote 50 tokens and read 1,000, what was rejected included, each counted by the tokenizer of the"
    assert said in card_text(make_facts())
    facts = make_facts()
    assert "tokens and read" not in card_text(replace(facts, statistics=replace(facts.statistics, usage={})))


def test_types_of_columns_are_told_in_words() -> None:
    features = features_of(["round", "shot_ids", "messages"])

    assert [type_name(features[name]) for name in features] == [
        "int64",
        "list of string",
        "list of {role: string, content: string}",
    ]


# --- a card that is there already -----------------------------------------------------------------------------------


def test_rendering_again_changes_nothing() -> None:
    card = render_card(make_facts())

    assert render_card(make_facts(), card) == card


def test_an_older_version_is_replaced() -> None:
    old = render_card(make_facts(SPANISH))

    new = render_card(make_facts(), old)

    assert "mar y el viento" not in new
    assert "the sea and the wind" in new


def test_text_around_ours_stays() -> None:
    head, body = render_card(make_facts()).split("---\n\n", 1)
    edited = f"{head}---\n\nRead this first.\n\n{body}\nReviewed by Grace in May.\n"

    again = render_card(make_facts(), edited)

    text = split_card(again)[1]
    assert text.startswith("\nRead this first.\n\n<!--")
    assert text.endswith("-->\n\nReviewed by Grace in May.\n")


def test_a_foreign_card_stays_below_ours() -> None:
    card = render_card(make_facts(), "# My notes\n\nImportant.\n")

    assert card.endswith("<!-- distilabel-selfinstruct: end -->\n\n# My notes\n\nImportant.\n")


def test_a_card_with_broken_metadata_is_kept_as_text() -> None:
    card = render_card(make_facts(), "---\nlicense: [\n---\nNotes.\n")

    assert metadata_of(card)["license"] == "unknown"
    assert card.endswith("---\nlicense: [\n---\nNotes.\n")


def test_foreign_metadata_stay() -> None:
    existing = {
        "license": "mit",
        "language": ["es"],
        "tags": ["mine", "synthetic"],
        "pretty_name": "My Tasks",
        "extra_gated_prompt": "Be nice.",
        "configs": [
            {"config_name": "notes", "default": True, "data_files": "notes.csv"},
            {"config_name": "instances", "data_files": "old.csv"},
        ],
        "dataset_info": [{"config_name": "notes", "x": 1}, {"config_name": "instances", "x": 2}],
    }

    values = metadata_of(render_card(make_facts(SPANISH), f"---\n{yaml.safe_dump(existing)}---\n"))

    assert values["license"] == "mit"
    assert values["language"] == ["es"]
    assert values["tags"][-1] == "mine"
    assert values["tags"].count("synthetic") == 1
    assert values["pretty_name"] == "My Tasks"
    assert values["extra_gated_prompt"] == "Be nice."
    assert values["dataset_info"] == [{"config_name": "notes", "x": 1}]
    assert [config["config_name"] for config in values["configs"]] == ["instances", "instructions", "rejected", "notes"]
    assert [config.get("default") for config in values["configs"]] == [True, None, None, None]


def test_a_licence_that_is_stated_now_wins() -> None:
    assert (
        metadata_of(render_card(make_facts(license=["apache-2.0"]), "---\nlicense: mit\n---\n"))["license"]
        == "apache-2.0"
    )


def test_a_language_that_the_text_contradicts_is_corrected() -> None:
    assert metadata_of(render_card(make_facts(), "---\nlanguage: [es]\n---\n"))["language"] == ["en"]
    assert metadata_of(render_card(make_facts(), "---\nlanguage: [en, fr]\n---\n"))["language"] == ["en", "fr"]


def test_configs_of_an_earlier_push_go_and_those_of_others_stay() -> None:
    earlier = render_card(make_facts())
    values, text = split_card(earlier)
    values["configs"].append({"config_name": "notes", "data_files": "notes.csv"})
    facts = make_facts()
    facts = replace(facts, datasets={"instances": facts.datasets["instances"]})

    card = render_card(facts, f"---\n{yaml.safe_dump(values)}---\n{text}")

    assert [config["config_name"] for config in metadata_of(card)["configs"]] == ["instances", "notes"]
    assert pushed_configs(metadata_of(card)) == ["instances"]
