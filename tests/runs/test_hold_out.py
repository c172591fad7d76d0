"""`--hold-out`: which instructions are set apart, and that nothing similar is on both sides."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from distilabel_selfinstruct.data.evaluation_sets import read_sets_beside
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.sources import read_source
from distilabel_selfinstruct.errors import ConfigError, RunFolderError
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.recipes.self_instruct.config import SelfInstructConfig
from distilabel_selfinstruct.runs.config import read_config
from distilabel_selfinstruct.runs.hold_out import Side, sides_of
from distilabel_selfinstruct.runs.run import Run
from tests.support.recipes import Made, bytes_of, run_here

SCORER = RougeScorer(["rougeL"])
DIFFERENT = {f"i{at:03}": f"word{at} thing{at} topic{at} verb{at}" for at in range(200)}


def similarity(one: str, other: str) -> float:
    return float(SCORER.score(one, other)["rougeL"].fmeasure)


def held(sides: dict[str, Side]) -> set[str]:
    return {name for name, side in sides.items() if side == "held_out"}


class TestSides:
    @pytest.mark.parametrize("share", [0.05, 0.1, 0.333, 0.5, 0.99])
    def test_the_share_is_exact_where_nothing_is_similar(self, share: float) -> None:
        sides = sides_of(DIFFERENT, share, seed=0)
        assert len(held(sides)) == round(200 * share)
        assert set(sides.values()) == {"training", "held_out"}
        assert list(sides) == list(DIFFERENT)

    def test_drawn_at_random_the_same_every_time(self) -> None:
        first, again, other = (held(sides_of(DIFFERENT, 0.2, seed)) for seed in (0, 0, 1))
        assert first == again != other
        assert first != set(list(DIFFERENT)[:40])

    def test_what_is_connected_is_on_one_side(self) -> None:
        """The first and the last are not similar, and yet go together: by way of the one between them."""
        chain = {"a": "one two three four five", "b": "one two three four six", "c": "one two seven four six"}
        assert similarity(chain["a"], chain["b"]) > 0.7
        assert similarity(chain["b"], chain["c"]) > 0.7
        assert similarity(chain["a"], chain["c"]) < 0.7
        for seed in range(40):
            assert len({side for name, side in sides_of(chain | DIFFERENT, 0.3, seed).items() if name in chain}) == 1

    def test_a_group_that_is_larger_than_what_is_missing_is_trained_on(self) -> None:
        sides = sides_of({f"c{at}": "the very same text" for at in range(9)} | {"d": "something else"}, 0.1, seed=0)
        assert held(sides) == {"d"}

    def test_the_same_text_without_words_is_one_instruction(self) -> None:
        for seed in range(10):
            assert len(set(sides_of({"a": "!?", "b": "!?", "c": "..."}, 0.4, seed).values())) <= 2
            sides = sides_of({"a": "!?", "b": "!?"} | DIFFERENT, 0.5, seed)
            assert sides["a"] == sides["b"]

    def test_instructions_of_other_scripts(self) -> None:
        chinese = {"a": "请写一首关于春天的诗", "b": "请写一首关于春天的歌"}
        for seed in range(20):
            sides = sides_of(chinese | DIFFERENT, 0.5, seed)
            assert sides["a"] == sides["b"]

    def test_nothing_is_held_out_where_there_is_too_little(self) -> None:
        assert set(sides_of({"a": "one", "b": "two"}, 0.1, seed=0).values()) == {"training"}
        assert sides_of({}, 0.1, seed=0) == {}

    @given(
        st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=5), min_size=1, max_size=14),
        st.integers(0, 13),
        st.floats(0.1, 0.9),
    )
    def test_nothing_similar_is_on_both_sides_and_what_was_there_stays(
        self, texts: list[list[str]], grown_from: int, share: float
    ) -> None:
        instructions = {str(at): " ".join(words) for at, words in enumerate(texts)}
        before = sides_of({name: instructions[name] for name in list(instructions)[:grown_from]}, share, seed=0)
        sides = sides_of(instructions, share, seed=0, before=before)
        assert {name: sides[name] for name in before} == before
        out = held(sides)
        trained_on = {name for name, side in sides.items() if side == "training"}
        for one in out:
            for other in trained_on:
                assert similarity(instructions[one], instructions[other]) <= 0.7


RECIPE = get_recipe("self-instruct")
OPTIONS: list[Any] = ["--hold-out", "0.25"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return run_here(RECIPE, tmp_path_factory.mktemp("held") / "run", "--num-instructions", 20, *OPTIONS)


class TestARun:
    def test_it_is_recorded_and_said(self, made: Made) -> None:
        assert made.folder.config()["hold_out"] == 0.25
        names = {row["instruction_id"] for row in made.rows("instances")}
        sides = made.folder.sides()
        assert sides.keys() == names
        count, rows = list(sides.values()).count("held_out"), len(made.rows("held_out"))
        assert count == round(0.25 * len(names))
        assert made.folder.summary().rows["held_out"] == rows
        assert f"{count} of {len(names)} instructions are set apart: {rows} rows in the config held_out" in made.out

    def test_an_extension_keeps_what_was_held_out(self, made: Made, tmp_path: Path) -> None:
        shutil.copytree(made.path, tmp_path / "run")
        before = made.folder.sides()
        longer = run_here(RECIPE, tmp_path / "run", "--num-instructions", 40, *OPTIONS)
        assert longer.status == 0, longer.err
        after = longer.folder.sides()
        kept = {name: side for name, side in before.items() if name in after}
        assert len(kept) > 10
        assert {name: after[name] for name in kept} == kept
        assert len(held(after)) > len(held(before))
        trained_on = {row["messages"][0]["content"] for row in longer.rows("sft")}
        for row in longer.rows("held_out"):
            question = f"{row['instruction']}\n\n{row['input']}" if row["input"] else row["instruction"]
            assert question not in trained_on

    def test_what_goes_on_with_the_run_does_not_see_what_was_held_out(self, made: Made) -> None:
        """Preference pairs of held-out instructions would be trained on, too."""
        sides = made.folder.sides()
        rows = read_source(str(made.path))
        assert {row["instruction_id"] for row in rows} == {n for n, side in sides.items() if side == "training"}
        assert len(read_source(str(made.path), limit=3)) == 3
        every = read_source(str(made.path), "held_out")
        assert {row["instruction_id"] for row in every} == held(sides)

    def test_another_share_is_another_run(self, made: Made) -> None:
        given = {"out": str(made.path), "num_instructions": 20, "hold_out": 0.5}
        with pytest.raises(RunFolderError, match=r"hold_out is 0\.25 there, 0\.5 here"):
            Run(read_config(given, {}, "", SelfInstructConfig), RECIPE)

    @pytest.mark.parametrize("share", [0, 1, -0.1, 1.5])
    def test_a_share_that_is_none(self, share: float) -> None:
        with pytest.raises(ConfigError, match="--hold-out: Input should be"):
            read_config({"hold_out": share}, {}, "", SelfInstructConfig)

    def test_a_run_without_it_has_nothing_of_it(self, tmp_path: Path) -> None:
        plain = run_here(RECIPE, tmp_path / "run", "--num-instructions", 6)
        assert not (plain.folder.dataset_path / "held_out").exists()
        assert not (plain.path / "hold_out.jsonl").exists()
        assert RunFolder(plain.path).sides() == {}


@pytest.fixture(scope="module")
def second(made: Made) -> Made:
    return run_here(RECIPE, made.path.parent / "second", "--num-instructions", 20)


class TestBesideIt:
    """What one run has set apart, the others beside it are kept clear of."""

    def test_a_run_beside_it_has_nothing_of_what_was_held_out(self, made: Made, second: Made) -> None:
        held_out = {row["instruction"] for row in made.rows("held_out")}
        assert second.status == 0, second.err
        assert second.folder.summary().admitted == 20
        assert not held_out & {row["instruction"] for row in second.rows("instructions")}
        rejected = [row for row in second.rows("rejected") if row["stage"] == "clear"]
        assert held_out & {row["neighbour"] for row in rejected}
        assert f"Kept clear of what is evaluated on beside this run: {made.path}:held_out." in second.out

    def test_it_stays_so_whatever_becomes_of_the_other(self, made: Made, second: Made, tmp_path: Path) -> None:
        """A run that is moved, or gone on with, is kept clear of what it was kept clear of before."""
        shutil.copytree(second.path, tmp_path / "second")
        before = bytes_of(second.path / "dataset")
        (tmp_path / "second" / "summary.json").unlink()
        again = run_here(RECIPE, tmp_path / "second", "--num-instructions", 20)
        assert (again.status, bytes_of(tmp_path / "second" / "dataset")) == (0, before)

    def test_it_can_be_left(self, made: Made) -> None:
        free = run_here(RECIPE, made.path.parent / "free", "--num-instructions", 20, "--no-keep-clear-of-project")
        assert not [row for row in free.rows("rejected") if row["stage"] == "clear"]
        assert not (free.path / "kept_clear.jsonl").exists()

    def test_what_evaluations_ask(self, tmp_path: Path) -> None:
        for place in ("runs/before", "evaluations/before"):
            (tmp_path / place).mkdir(parents=True)
            (tmp_path / place / "evaluation.yaml").write_text("benchmark: rows\n")
            row = {"id": "0", "instruction": f"What is asked in {place} of all?", "input": "", "response": "x"}
            (tmp_path / place / "predictions.jsonl").write_text(json.dumps(row) + "\n")
        (tmp_path / "runs" / "no-run").mkdir()
        (tmp_path / "elsewhere").mkdir()
        found = read_sets_beside(RunFolder(tmp_path / "runs" / "mine"))
        assert [row["text"] for row in found] == [
            "What is asked in runs/before of all?", "What is asked in evaluations/before of all?",
        ]  # fmt: skip
        assert read_sets_beside(RunFolder(tmp_path / "elsewhere" / "none" / "mine")) == []


class TestOtherFormats:
    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["alpaca", "prompt_completion"])
    def test_the_training_format_does_not_matter(self, tmp_path: Path, name: str) -> None:
        other = run_here(RECIPE, tmp_path / "run", "--num-instructions", 20, *OPTIONS, "--training-format", name)
        assert other.status == 0, other.err
        instructions = [row["instruction"] for row in other.rows("held_out")]
        assert instructions
        first = {"alpaca": "instruction", "prompt_completion": "prompt"}[name]
        texts = [row[first] for row in other.rows("sft")]
        assert not [text for text in texts for instruction in instructions if instruction in text]
        assert "instance_id" not in other.rows("sft")[0]
