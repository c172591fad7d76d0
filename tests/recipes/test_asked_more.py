"""What every recipe can ask about its instances besides: more answers, further turns, tags. On the demo model."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from datasets import load_dataset

from distilabel_selfinstruct.data.checks import AGREEMENT_STAGE, TAGS_STAGE, TURNS_STAGE
from distilabel_selfinstruct.hub.contents import read_finished_run, statistics_of
from distilabel_selfinstruct.models.records import first_requests, usage_by_stage
from distilabel_selfinstruct.recipe import Recipe, recipes
from distilabel_selfinstruct.report.card import CardFacts, render_card
from distilabel_selfinstruct.report.rows import read_run
from distilabel_selfinstruct.report.statistics import funnel_of
from distilabel_selfinstruct.review import push_review
from tests.recipes.test_contract import SMALL, stages_of, started
from tests.support.recipes import Made, bytes_of, run_here, types_of
from tests.support.waiting import LIMIT, wait_until
from tests.support.warm import ended

# distilabel reads all attributes of its tasks, those that are deprecated too.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")]

STAGES = (AGREEMENT_STAGE, TURNS_STAGE, TAGS_STAGE)
TALKING = {"magpie", "topics", "domain"}
ASKING = {name: recipe for name, recipe in recipes().items() if name != "preferences"}
MORE = ["--answers", "3", "--tags"]
NOISY = ["--answers", "4", "--tags"]  # of three answers of the demo model the first two are the same
NOT_SHOWN = {
    *((stage, "truncated") for stage in ("agreement", "tags")),  # answered in a few words: test_cut_answers
    ("agreement", "unclear_agreement"),  # of --agree-by judge: test_a_judge_decides
    ("tags", "unwanted_tags"),  # of --keep-tags: test_tags_that_are_not_wanted
    *(("turns", reason) for reason in ("repetition", "greeting", "repeats_question")),  # test_conversation
}


def options_of(recipe: Recipe) -> list[str]:
    return [*SMALL[recipe.name], *MORE, *(["--turns", "3"] if recipe.name in TALKING else [])]


@pytest.fixture(scope="module", params=ASKING.values(), ids=ASKING)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    recipe = request.param
    return run_here(recipe, tmp_path_factory.mktemp(recipe.name) / "made", *options_of(recipe))


def test_columns_and_configs_have_their_types_and_meanings(made: Made) -> None:
    assert made.status == 0, made.err
    types, description = types_of(made.path), made.folder.description()
    wanted = {"agreement": "double", "difficulty": "int64", "category": "string", "quality": "int64"}
    if made.recipe.name in TALKING:
        wanted |= {"turns": "int64", "messages": "list<item: struct<role: string, content: string>>"}
    assert wanted.items() <= types["instances"].items()
    assert types["preferences"]["chosen"] == types["sft"]["messages"]
    assert description["configs"].keys() == types.keys()
    assert all(description["configs"].values())
    assert all(description["columns"].values())


def test_what_is_kept_is_what_most_agree_on(made: Made) -> None:
    instances = made.rows("instances")
    assert instances
    assert all(row["agreement"] > 0.5 for row in instances)
    pairs = {row["instruction_id"] for row in made.rows("preferences")}
    assert pairs or made.recipe.name == "domain"  # the demo model answers about a document in one way alone
    assert pairs <= {row["instruction_id"] for row in instances if row["agreement"] < 1}
    assert all(row["chosen"] != row["rejected"] for row in made.rows("preferences"))


def test_conversations_hold_all_turns(made: Made) -> None:
    if made.recipe.name not in TALKING:
        return
    instances = made.rows("instances")
    assert {row["turns"] for row in instances} >= {1, 3}
    for row in instances:
        messages = row["messages"]
        assert [message["role"] for message in messages] == ["user", "assistant"] * row["turns"]
        assert (messages[0]["content"], messages[1]["content"]) == (row["instruction"], row["output"])
    assert [row["messages"] for row in made.rows("sft")] == [row["messages"] for row in instances]
    cut = [row["instance_id"] for row in made.rows("rejected") if row["stage"] == "turns"]
    ends = [row["instance_id"] for row in instances if row["turns"] < 3]
    assert set(ends) <= set(cut)
    assert len(set(cut)) == len(cut)


def test_the_counts_add_up(made: Made) -> None:
    summary, rejected, instances = made.folder.summary(), made.rows("rejected"), made.rows("instances")
    assert summary.rejected == {
        stage: Counter(row["reason"] for row in rejected if row["stage"] == stage)
        for stage in {row["stage"] for row in rejected}
    }
    assert (
        summary.admitted
        == len(made.rows("instructions"))
        == len({r["instruction_id"] for r in made.rows("instructions")})
    )
    assert summary.rows["preferences"] == len(made.rows("preferences"))
    assert summary.usage == usage_by_stage(made.folder.completions)
    declared = {(stage.name, reason.code) for stage in made.folder.recipe().stages for reason in stage.reasons}
    assert made.reasons <= declared
    funnel = {stage.name: stage for stage in funnel_of(read_run(made.path))}
    if "turns" in funnel:
        assert funnel["turns"].admitted == sum(row["turns"] - 1 for row in instances)


def test_the_card_tells_of_it(made: Made) -> None:
    run = read_finished_run(made.path)
    card = render_card(CardFacts("me/made", statistics_of(run), run.datasets, run.settings, run.recipe))
    assert "**Answers that agree.**" in card
    assert "**Tags.**" in card
    assert ("**Further turns.**" in card) == (made.recipe.name in TALKING)
    assert all(f"`{name}`" in card for name in (*run.datasets, *made.folder.description()["columns"]))


def test_annotators_see_the_whole(made: Made, tmp_path: Path) -> None:
    shutil.copytree(made.path, tmp_path / "made")
    push_review(tmp_path / "made", to_file=tmp_path / "review.csv", sample=None)
    rows = load_dataset("csv", data_files=str(tmp_path / "review.csv"), cache_dir=str(tmp_path), split="train")
    shown = {row["instruction"]: row["document"] or "" for row in rows}
    for row in made.rows("instances"):
        later = (row.get("messages") or [])[2:]
        assert all(message["content"] in shown[row["instruction"]] for message in later)


def test_the_same_command_changes_nothing_and_its_config_gives_the_same_bytes(made: Made, tmp_path: Path) -> None:
    before = bytes_of(made.path)
    again = run_here(made.recipe, made.path, *options_of(made.recipe))
    assert (again.status, bytes_of(made.path)) == (0, before)
    twin = run_here(made.recipe, tmp_path / "twin", "--config", made.path / "config.yaml")
    assert twin.status == 0, twin.err
    assert bytes_of(tmp_path / "twin" / "dataset") == bytes_of(made.folder.dataset_path)


def test_kill_9_in_the_middle_and_the_same_command(made: Made, tmp_path: Path) -> None:
    last = "tags"
    with started(made.recipe, tmp_path / "run", *options_of(made.recipe)[len(SMALL[made.recipe.name]) :]) as process:
        wait_until(lambda: last in stages_of(tmp_path / "run") or process.poll() is not None)
        os.killpg(process.pid, signal.SIGKILL)
        assert ended(process, LIMIT).returncode == -signal.SIGKILL
    assert run_here(made.recipe, tmp_path / "run", *options_of(made.recipe)).status == 0
    assert bytes_of(tmp_path / "run" / "dataset") == bytes_of(made.folder.dataset_path)
    again, whole = usage_by_stage(tmp_path / "run" / "completions"), made.folder.summary().usage
    assert {stage: used.requests for stage, used in again.items()} == {
        stage: used.requests for stage, used in whole.items()
    }


def noisy(recipe: Recipe, folder: Path, *options: object, noise: float = 2) -> Made:
    llm = {"class": "distilabel_selfinstruct.demo.model.DemoLLM", "arguments": {"noise": noise}}
    (folder / "noisy.yaml").write_text(yaml.safe_dump({"llm": llm, "stage_by_stage": False}))
    return run_here(recipe, folder / "noisy", "--config", folder / "noisy.yaml", *options)


def test_every_reason_occurs(tmp_path: Path) -> None:
    options: list[Any] = ["--num-instructions", "120", "--pre-query-template", "qwen2", *NOISY, "--turns", "4"]
    made = noisy(recipes()["magpie"], tmp_path, *options)
    declared = {(stage.name, reason.code) for stage in STAGES for reason in stage.reasons}
    assert declared - made.reasons == NOT_SHOWN


def test_a_judge_decides(tmp_path: Path) -> None:
    options = ["--num-instructions", "40", "--answers", "4", "--agree-by", "judge", "--pre-query-template", "qwen2"]
    made = noisy(recipes()["magpie"], tmp_path, *options)
    assert made.status == 0, made.err
    assert {reason for stage, reason in made.reasons if stage == "agreement"} == {"no_agreement", "unclear_agreement"}


def test_tags_that_are_not_wanted(tmp_path: Path) -> None:
    made = run_here(
        recipes()["topics"], tmp_path / "run", *SMALL["topics"], "--keep-tags", "difficulty>=3", "category!=other"
    )
    kept = made.rows("instances")
    assert kept
    assert all(row["difficulty"] >= 3 and row["category"] != "other" for row in kept)
    assert ("tags", "unwanted_tags") in made.reasons


def test_a_system_prompt_stands_before_answers_and_not_before_tags(tmp_path: Path) -> None:
    options = ["--num-instructions", "6", "--answers", "2", "--turns", "2", "--tags", "--system-prompt", "Be brief."]
    made = run_here(recipes()["magpie"], tmp_path / "run", *options)
    prompts = {stage: prompt for stage, (prompt, _) in first_requests(made.folder.completions).items()}
    assert ["Be brief." in prompts[stage] for stage in ("answers", "agreement", "tags")] == [True, True, False]


@pytest.mark.parametrize("training_format", ["alpaca", "prompt_completion"])
def test_other_training_formats_have_a_row_an_answer(training_format: str, tmp_path: Path) -> None:
    made = run_here(
        recipes()["domain"], tmp_path / "run", *SMALL["domain"], "--turns", "2", "--training-format", training_format
    )
    sft, instances = made.rows("sft"), made.rows("instances")
    assert len(sft) == sum(row["turns"] for row in instances)
    asked = [row["instruction" if training_format == "alpaca" else "prompt"] for row in sft]
    two = next(row for row in instances if row["turns"] == 2)
    before = f"User: {two['instruction']}\n\nAssistant: {two['output']}\n\nUser: {two['messages'][2]['content']}"
    assert any(before in text for text in asked)


@pytest.mark.parametrize(
    ("recipe", "options", "said"),
    [
        ("preferences", ["--answers", "3"], "--answers: this recipe compares several responses anyway"),
        ("preferences", ["--tags"], "--tags: this recipe makes pairs"),
        ("magpie", ["--agree-by", "judge"], "--agree-by: there is one answer to each instance; add --answers K."),
        ("self-instruct", ["--base", "--tags"], "--tags: asks by messages"),
        ("magpie", ["--turns", "2", "--pre-query-template", "<user> "], "how a turn ends is known of ChatML"),
        ("magpie", ["--keep-tags", "qualty>=3"], "there is no tag 'qualty' (did you mean quality?)"),
    ],
)
def test_a_mistake_is_one_line(recipe: str, options: list[str], said: str, tmp_path: Path) -> None:
    made = run_here(recipes()[recipe], tmp_path / "run", *options)
    assert made.status == 1
    assert said in made.err
    assert not (tmp_path / "run" / "dataset").exists()
