"""What every recipe owes, on the demo model: one small run of each, and what is done with it.

What only one recipe does stands in the tests of that recipe.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from datasets import load_dataset, load_from_disk

from distilabel_selfinstruct.hub.contents import read_finished_run, statistics_of
from distilabel_selfinstruct.models.records import usage_by_stage
from distilabel_selfinstruct.recipe import Recipe, recipes
from distilabel_selfinstruct.report.card import CardFacts, render_card
from distilabel_selfinstruct.report.rows import read_run
from distilabel_selfinstruct.report.statistics import funnel_of
from distilabel_selfinstruct.review import push_review
from distilabel_selfinstruct.text.rouge import RougeLIndex
from tests.conftest import ROOT, WITHOUT_REPORT, first_line, run_apart
from tests.support.recipes import (
    Made,
    bytes_of,
    check_again,
    check_ended_well,
    check_reasons,
    pipeline_of,
    run_here,
    types_of,
)
from tests.support.waiting import LIMIT, wait_until
from tests.support.warm import WarmProcess, ended, start

# distilabel reads all attributes of its tasks, those that are deprecated too.
pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")

SMALL = {
    "self-instruct": ["--num-instructions", "15"],
    "alpaca": ["--num-instructions", "20"],
    "domain": ["--max-documents", "6"],
    "evolve": ["--max-instructions", "12", "--generations", "1"],
    "magpie": ["--num-instructions", "20"],
    "preferences": ["--max-instructions", "12"],
    "topics": ["--num-topics", "6", "--quotas", "general=6,multiple_choice=4"],
}
"""Runs that take a second or two."""

NOISY: dict[str, tuple[float, list[str]]] = {
    "self-instruct": (2, ["--num-instructions", "90"]),
    "alpaca": (1.5, ["--num-instructions", "90"]),
    "domain": (2, ["--max-documents", "24"]),
    "evolve": (2, ["--max-instructions", "40", "--generations", "2"]),
    "magpie": (2, ["--num-instructions", "100", "--pre-query-template", "qwen2"]),
    "preferences": (2, ["--max-instructions", "40"]),
    "topics": (2.5, ["--num-topics", "20", "--quotas", "general=50,multiple_choice=15"]),
}
"""How often the demo model errs, and what it is asked for: so that everything that can go wrong does."""

_NO_LOOP = "the demo model does not loop: test_instances, test_answering, test_response_pairs, test_rules"
_REQUESTS = "the demo model lists instructions and nothing else: test_real_answers, test_requests, test_containment"
_ANSWERS = "the demo model answers its questions: test_rules, test_refusals, test_answering, test_response_pairs"
_SHORT = "the demo model says yes, no and a score in a few words: test_cut_answers"
NOT_SHOWN = {  # what the demo model does not do, or these runs do not show, and what does
    "self-instruct": {
        **dict.fromkeys(
            [("bootstrap", each) for each in ["chatter", "copied_prompt", "no_request", "repetition"]],
            _REQUESTS,
        ),
        **dict.fromkeys([("instances", each) for each in ["greeting", "refusal", "repeats_question"]], _ANSWERS),
        ("instances", "other_task"): "it speaks of the task it was asked about: test_instances",
        ("instances", "repetition"): _NO_LOOP,
        ("instances", "echoed_label"): "it knows the labels of its tasks: test_labels",
        ("instances", "no_label"): "it knows the labels of its tasks: test_labels",
        ("classification", "truncated"): _SHORT,
        ("judgement", "truncated"): _SHORT,
        ("bootstrap", "non_ascii"): "a rule of the presets paper and alpaca: test_demo_run",
    },
    "alpaca": {
        **dict.fromkeys(
            [("bootstrap", each) for each in ["chatter", "copied_prompt", "no_request", "no_instructions"]], _REQUESTS
        ),
        **dict.fromkeys([("bootstrap", each) for each in ["greeting", "repeats_question"]], _ANSWERS),
        ("bootstrap", "repetition"): _NO_LOOP,
        ("judgement", "truncated"): _SHORT,
        ("bootstrap", "field_order"): "it keeps to the order: test_task_lists",
    },
    "domain": {
        **dict.fromkeys(
            [("queries", each) for each in ["chatter", "copied_prompt", "no_request", "repetition"]], _REQUESTS
        ),
        **dict.fromkeys([("answers", each) for each in ["greeting", "repeats_question"]], _ANSWERS),
        ("answers", "repetition"): _NO_LOOP,
        ("judgement", "truncated"): _SHORT,
        ("queries", "empty_document"): "no document of the project's is empty: test_domain",
        ("queries", "non_ascii"): "a rule of the presets paper and alpaca, which a script may choose: test_rules",
    },
    "evolve": {
        ("evolution", "repetition"): _NO_LOOP,
        **dict.fromkeys([("answers", each) for each in ["greeting", "repeats_question"]], _ANSWERS),
        ("answers", "repetition"): _NO_LOOP,
        ("judgement", "truncated"): _SHORT,
        ("evolution", "empty_instruction"): "no seed task is empty: test_evolve",
    },
    "magpie": {
        **dict.fromkeys(
            [
                ("magpie", each)
                for each in ["chatter", "copied_prompt", "no_request", "refusal", "repetition", "contained"]
            ],
            _REQUESTS,
        ),
        **dict.fromkeys([("answers", each) for each in ["greeting", "repeats_question"]], _ANSWERS),
        ("answers", "repetition"): _NO_LOOP,
        ("judgement", "truncated"): _SHORT,
        ("magpie", "non_ascii"): "a rule of the presets paper and alpaca: test_rules",
    },
    "preferences": {
        **dict.fromkeys([("responses", each) for each in ["greeting", "repeats_question"]], _ANSWERS),
        ("responses", "repetition"): _NO_LOOP,
        ("judgement", "truncated"): _SHORT,
        ("responses", "empty_instruction"): "no seed task is empty: test_preferences",
    },
    "topics": {
        **dict.fromkeys(
            [("topics", each) for each in ["chatter", "copied_prompt", "repetition", "contained"]], _REQUESTS
        ),
        **dict.fromkeys(
            [("instructions", each) for each in ["chatter", "copied_prompt", "no_request", "repetition", "contained"]],
            _REQUESTS,
        ),
        **dict.fromkeys([("answers", each) for each in ["greeting", "repeats_question"]], _ANSWERS),
        ("answers", "repetition"): _NO_LOOP,
        ("judgement", "truncated"): _SHORT,
        ("topics", "punctuation"): "its topics are words: test_topic_rules",
        ("instructions", "program"): "it asks for no programs here: test_topic_loops",
        ("instructions", "non_ascii"): "a rule of the presets paper and alpaca: test_rules",
    },
}

FILES = {"completions", "config.yaml", "dataset", "pipeline.yaml", "recipe.json", "run.log", "summary.json"}
MORE_FILES = {
    "self-instruct": {"bootstrap.json", "pool.jsonl"},
    "alpaca": {"bootstrap.json", "pool.jsonl", "alpaca_data.json"},
    "magpie": {"magpie.json"},
    "topics": {"topics.json", "instructions.json"},
}
USUAL = {"instances", "instructions", "rejected", "sft"}


@pytest.fixture(scope="module", params=recipes().values(), ids=recipes())
def recipe(request: pytest.FixtureRequest) -> Recipe:
    found: Recipe = request.param
    return found


@pytest.fixture(scope="module")
def made(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A small run of the recipe as it stands."""
    return run_here(recipe, tmp_path_factory.mktemp(recipe.name) / "made", *SMALL[recipe.name])


class TestWhatItLeaves:
    def test_it_ends_well_and_says_where_it_works(self, made: Made) -> None:
        assert (made.status, made.err) == (0, first_line(made.path, pipeline_of(made.recipe)))
        assert f"dataset: {made.path / 'dataset'}\n" in made.out
        summary = made.folder.summary()
        assert (summary.ended, summary.failed, summary.is_whole) == ("complete", 0, True)

    def test_the_files_of_the_folder(self, made: Made) -> None:
        found = {path.name for path in made.path.iterdir() if not path.name.startswith(".")}
        assert found == FILES | MORE_FILES.get(made.recipe.name, set())

    def test_every_config_loads(self, made: Made) -> None:
        loaded = {path.name: load_from_disk(str(path)) for path in made.folder.dataset_path.iterdir()}
        assert loaded.keys() == USUAL | made.recipe.configs.keys()
        assert all(list(dataset) == ["train"] and len(dataset["train"]) for dataset in loaded.values())

    def test_recipe_json_describes_every_config_and_every_column(self, made: Made) -> None:
        description = made.folder.description()
        types = types_of(made.path)
        columns = {name for of_config in types.values() for name in of_config}
        assert description["configs"].keys() == types.keys()
        assert description["columns"].keys() == columns
        undescribed = [name for part in ("configs", "columns") for name, what in description[part].items() if not what]
        assert undescribed == []
        assert made.recipe.columns.keys() <= columns
        assert Recipe.of_record(description["recipe"]).record() == made.recipe.record()
        assert description["model"]["name"] == "demo"
        assert description["versions"]["prompts"] == made.recipe.prompts_version

    def test_every_reason_is_declared(self, made: Made) -> None:
        check_reasons(made)

    def test_the_counts_add_up(self, made: Made) -> None:
        summary, rejected, instances = made.folder.summary(), made.rows("rejected"), made.rows("instances")
        assert summary.rejected == {
            stage: Counter(row["reason"] for row in rejected if row["stage"] == stage)
            for stage in {row["stage"] for row in rejected}
        }
        assert (summary.instances, summary.admitted) == (len(instances), len(made.rows("instructions")))
        assert summary.wanted in (None, summary.admitted)
        assert summary.rows == {name: len(made.rows(name)) for name in made.recipe.configs if name != "seeds"}
        assert summary.usage == usage_by_stage(made.folder.completions)
        assert len({row["instance_id"] for row in instances}) == len(instances)
        assert len(made.rows("sft")) == sum(row.get("is_chosen", True) for row in instances)

    def test_every_instruction_comes_to_an_end(self, made: Made) -> None:
        """In instances, or in rejected with the stage after it was admitted; where it is answered once, in one row."""
        admitted = [row["instruction_id"] for row in made.rows("instructions")]
        ended = [row["instruction_id"] for row in made.rows("instances")]
        judging = {stage.name for stage in made.recipe.stages if stage.judges not in ("candidate", "topic")}
        ended += [row["instruction_id"] for row in made.rows("rejected") if row["stage"] in judging]
        assert set(ended) == set(admitted)
        assert len(set(admitted)) == len(admitted)
        if "answers" in judging:
            assert sorted(ended) == sorted(admitted)

    def test_the_funnel_has_the_numbers_of_the_summary(self, made: Made) -> None:
        summary, funnel = made.folder.summary(), funnel_of(read_run(made.path))
        assert [stage.name for stage in funnel] == [stage.name for stage in made.recipe.stages if not stage.optional]
        candidates = [stage for stage in funnel if made.recipe.maker_of("candidate")]
        loops = made.recipe.stages_that_ask("rounds")
        by_name = {stage.name: stage for stage in funnel}
        for loop in loops:
            assert (by_name[loop].candidates, by_name[loop].admitted) == (summary.candidates, summary.admitted)
        assert (summary.candidates is None) == (not loops)
        without_text = sum(sum(stage.barren.values()) for stage in candidates or funnel)
        shown = sum(sum(stage.rejected.values()) for stage in funnel) + without_text
        assert shown == len(made.rows("rejected"))


@pytest.fixture(scope="module")
def set_apart(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The same run with a fifth of its instructions held out."""
    return run_here(recipe, tmp_path_factory.mktemp(recipe.name) / "apart", *SMALL[recipe.name], "--hold-out", "0.2")


@pytest.mark.slow
class TestHoldOut:
    """Each recipe can set rows apart before anybody trains on the others."""

    def test_training_and_held_out_rows_are_those_of_a_run_without_it(self, made: Made, set_apart: Made) -> None:
        assert set_apart.status == 0, set_apart.err
        assert set_apart.rows("instances") == made.rows("instances")
        sides = set_apart.folder.sides()
        assert sides.keys() == {row["instruction_id"] for row in made.rows("instances")}
        chosen = [row for row in made.rows("instances") if row.get("is_chosen", True)]
        by_side = Counter(sides[row["instruction_id"]] for row in chosen)
        assert by_side["held_out"] > 0
        assert by_side["training"] > by_side["held_out"]
        assert len(set_apart.rows("held_out")) == by_side["held_out"]
        assert len(set_apart.rows("sft")) == by_side["training"]
        assert types_of(set_apart.path)["sft"] == types_of(made.path)["sft"]

    def test_nothing_that_is_trained_on_is_similar(self, set_apart: Made) -> None:
        trained_on = RougeLIndex(0.7, "unicode")
        trained_on.load(row["messages"][0]["content"] for row in set_apart.rows("sft"))
        sides = set_apart.folder.sides()
        instructions = {row["instruction_id"]: row["instruction"] for row in set_apart.rows("instances")}
        others = RougeLIndex(0.7, "unicode")
        others.load(text for name, text in instructions.items() if sides[name] == "training")
        for row in set_apart.rows("held_out"):
            assert others.nearest(row["instruction"]) is None
            assert row["instruction"] not in trained_on.texts
        if "preferences" in set_apart.recipe.configs:
            names = {row["instruction_id"] for row in set_apart.rows("preferences")}
            assert names
            assert {sides[name] for name in names} == {"training"}

    def test_it_is_described_and_stands_in_the_card(self, set_apart: Made) -> None:
        assert set_apart.folder.description()["configs"]["held_out"]
        run = read_finished_run(set_apart.path)
        card = render_card(CardFacts("me/made", statistics_of(run), run.datasets, run.settings, run.recipe))
        assert "`held_out`" in card
        assert "A share of 0.2 of the instructions is set apart in `held_out`" in card

    def test_the_same_command_changes_nothing(self, set_apart: Made) -> None:
        before = bytes_of(set_apart.path)
        again = run_here(set_apart.recipe, set_apart.path, *SMALL[set_apart.recipe.name], "--hold-out", "0.2")
        assert (again.status, bytes_of(set_apart.path)) == (0, before)


class TestAgain:
    def test_the_same_command_asks_nothing_and_changes_nothing(self, made: Made) -> None:
        check_again(made, *SMALL[made.recipe.name])

    @pytest.mark.slow
    def test_its_own_config_gives_the_same_bytes_elsewhere(self, made: Made, tmp_path: Path) -> None:
        """Every option that the run recorded is one that a config file takes."""
        twin = run_here(made.recipe, tmp_path / "twin", "--config", made.path / "config.yaml")
        assert twin.status == 0, twin.err
        assert bytes_of(tmp_path / "twin" / "dataset") == bytes_of(made.folder.dataset_path)
        assert twin.folder.config() == made.folder.config()


class TestWhatIsDoneWithIt:
    def test_the_card(self, made: Made) -> None:
        run = read_finished_run(made.path)
        card = render_card(CardFacts("me/made", statistics_of(run), run.datasets, run.settings, run.recipe))
        assert made.recipe.title in card
        assert made.recipe.url in card
        for paragraph in made.recipe.how:
            assert paragraph.split("**")[1] in card
        assert all(f"`{name}`" in card for name in (*run.datasets, *made.folder.description()["columns"]))
        assert made.recipe.citation.splitlines()[0] in card

    def test_it_goes_out_to_annotators(self, made: Made, tmp_path: Path) -> None:
        shutil.copytree(made.path, tmp_path / "made")
        push_review(tmp_path / "made", to_file=tmp_path / "review.csv", sample=None)
        rows = load_dataset("csv", data_files=str(tmp_path / "review.csv"), cache_dir=str(tmp_path), split="train")
        assert set(rows["instruction"]) == {row["instruction"] for row in made.rows("instances")}


@pytest.mark.slow
class TestAsAUserStartsIt:
    def test_another_seed_gives_other_rows_and_a_report(self, made: Made, tmp_path: Path) -> None:
        pipeline = pipeline_of(made.recipe)
        other = run_apart(tmp_path, *SMALL[made.recipe.name], "--seed", 1, pipeline=pipeline)
        check_ended_well(other, pipeline)
        assert other.rows("instances") != made.rows("instances")
        page = (other.folder / "report" / "index.html").read_text(encoding="utf-8")
        assert all(stage.title in page for stage in made.recipe.stages if not stage.optional)

    def test_every_reason_occurs(self, made: Made, tmp_path: Path) -> None:
        noise, options = NOISY[made.recipe.name]
        llm = {"class": "distilabel_selfinstruct.demo.model.DemoLLM", "arguments": {"noise": noise}}
        config: dict[str, Any] = {"llm": llm, "stage_by_stage": False}
        if any(stage.optional for stage in made.recipe.stages):
            config |= {"judge_threshold": 4.8, "judgements": 1}
        (tmp_path / "noisy.yaml").write_text(yaml.safe_dump(config))
        noisy = run_here(made.recipe, tmp_path / "noisy", "--config", tmp_path / "noisy.yaml", *options)
        assert noisy.status == 0, noisy.err
        declared = {(stage.name, reason.code) for stage in made.recipe.stages for reason in stage.reasons}
        assert declared - (noisy.reasons | made.reasons) == NOT_SHOWN.get(made.recipe.name, {}).keys()
        assert noisy.reasons <= declared

    def test_kill_9_in_the_middle_and_the_same_command(self, made: Made, tmp_path: Path) -> None:
        stages = len(made.folder.summary().usage)
        with started(made.recipe, tmp_path / "run") as process:
            wait_until(lambda: len(stages_of(tmp_path / "run")) > stages // 2 or process.poll() is not None)
            os.killpg(process.pid, signal.SIGKILL)
            assert ended(process, LIMIT).returncode == -signal.SIGKILL
        assert not (tmp_path / "run" / "summary.json").exists()
        assert run_here(made.recipe, tmp_path / "run", *SMALL[made.recipe.name]).status == 0
        assert bytes_of(tmp_path / "run" / "dataset") == bytes_of(made.folder.dataset_path)
        again, whole = usage_by_stage(tmp_path / "run" / "completions"), made.folder.summary().usage
        assert {stage: usage.requests for stage, usage in again.items()} == {
            stage: usage.requests for stage, usage in whole.items()
        }


@contextmanager
def started(recipe: Recipe, folder: Path, *more: str) -> Iterator[WarmProcess | subprocess.Popen[str]]:
    """The script of a recipe in a session of its own, of which nothing is left over."""
    arguments = [str(recipe.script_path()), "--out", str(folder), *SMALL[recipe.name], *more]
    process = start(arguments, ROOT, {**os.environ, "PYTHONPATH": WITHOUT_REPORT})
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def stages_of(run: Path) -> set[str]:
    """The stages that have stored an answer."""
    return {path.name.partition("-")[0] for path in (run / "completions").glob("*.sqlite")}
