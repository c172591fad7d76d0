"""What a loop does, step by step, and what is said of a config that cannot be carried out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.cli.iterations.config import read_iterations
from distilabel_selfinstruct.cli.iterations.folder import IterationsFolder
from distilabel_selfinstruct.cli.iterations.plan import Step, steps_of
from distilabel_selfinstruct.errors import ConfigError, RunFolderError

SELF_INSTRUCT = {"recipe": "self-instruct", "num_instructions": 20, "hold_out": 0.2}
REWARDING = {
    "model": "m0",
    "iterations": 3,
    "runs": [SELF_INSTRUCT, {"recipe": "preferences", "num_responses": 4}],
    "serve": "vllm",
}


def steps(values: dict[str, Any], on_cpu: bool = False) -> dict[str, Step]:
    config = read_iterations(values, "loop.yaml")
    return {step.name: step for step in steps_of(config, Path("/loop"), "m0", on_cpu)}


class TestSelfRewarding:
    """M1, M2, M3: each makes the data that the next one learns from."""

    def test_each_iteration_makes_data_trains_and_evaluates(self) -> None:
        one = ["run-1-self-instruct", "run-2-preferences", "model", "evaluation", "comparison"]
        later = [f"iteration-{number}/{name}" for number in (2, 3) for name in one]
        assert list(steps(REWARDING)) == [
            "iteration-1/run-1-self-instruct", "iteration-1/run-2-preferences", "before", "iteration-1/model",
            "iteration-1/evaluation", "iteration-1/comparison", *later,
        ]  # fmt: skip

    def test_the_model_of_an_iteration_answers_in_the_next(self) -> None:
        found = steps(REWARDING)
        for number, model in ((1, "m0"), (2, "/loop/iteration-1/model/model"), (3, "/loop/iteration-2/model/model")):
            for name in ("run-1-self-instruct", "run-2-preferences"):
                options = found[f"iteration-{number}/{name}"].options
                assert (options["llm"], options["model"]) == ("vllm", model)
            assert found[f"iteration-{number}/model"].options["model"] == model

    def test_it_learns_from_the_pairs_of_its_own_instructions(self) -> None:
        found = steps(REWARDING)
        assert found["iteration-2/run-2-preferences"].options["source"] == "/loop/iteration-2/run-1-self-instruct"
        assert found["iteration-2/model"].command == ["train", "/loop/iteration-2/run-2-preferences"]
        assert found["iteration-2/model"].options["method"] == "dpo"

    def test_all_models_answer_what_the_first_iteration_has_set_apart(self) -> None:
        found = steps(REWARDING)
        tasks = {step.options["tasks"] for step in found.values() if step.command == ["evaluate"]}
        assert tasks == {"/loop/iteration-1/run-1-self-instruct"}
        assert found["iteration-1/run-1-self-instruct"].options["hold_out"] == 0.2
        assert "hold_out" not in found["iteration-2/run-1-self-instruct"].options
        for number in (1, 2, 3):
            assert found[f"iteration-{number}/model"].options["keep_clear"] == "/loop/iteration-1/run-1-self-instruct"
        assert "keep_clear_of" not in found["iteration-1/run-1-self-instruct"].options
        clear = found["iteration-2/run-1-self-instruct"].options["keep_clear_of"]
        assert clear == ["/loop/before/predictions.jsonl"]

    def test_each_iteration_draws_anew(self) -> None:
        found = steps(REWARDING)
        assert [found[f"iteration-{number}/run-1-self-instruct"].options["seed"] for number in (1, 2, 3)] == [0, 1, 2]

    def test_the_page_shows_all_models_so_far(self) -> None:
        assert steps(REWARDING)["iteration-2/comparison"].command == [
            "evaluate", "compare", "/loop/before", "/loop/iteration-1/evaluation", "/loop/iteration-2/evaluation",
            "--to", "/loop/comparison.html",
        ]  # fmt: skip


class TestSelfInstruct:
    VALUES = {"model": "m0", "runs": SELF_INSTRUCT | {"llm": "demo"}}  # noqa: RUF012

    def test_a_run_with_a_model_of_its_own_asks_that(self) -> None:
        options = steps(self.VALUES)["iteration-1/run-1-self-instruct"].options
        assert (options["llm"], "model" in options) == ("demo", False)

    def test_trains_on_instances(self) -> None:
        assert steps(self.VALUES)["iteration-1/model"].options["method"] == "sft"

    def test_the_trained_model_answers_through_transformers(self) -> None:
        llm = steps(self.VALUES, on_cpu=True)["iteration-1/evaluation"].options["llm"]
        assert llm == {
            "class": "distilabel.models.llms.TransformersLLM",
            "arguments": {
                "model": "/loop/iteration-1/model/model", "device": "cpu", "disable_cuda_device_placement": True,
                "generation_kwargs": {"repetition_penalty": 1.0},
            },
        }  # fmt: skip

    def test_or_through_a_class_of_the_users(self) -> None:
        serve = {"class": "mine.LLM", "arguments": {"slots": 4}}
        llm = steps(self.VALUES | {"serve": serve})["before"].options["llm"]
        assert llm == {"class": "mine.LLM", "arguments": {"slots": 4, "model": "m0"}}


class TestMistakes:
    @pytest.mark.parametrize(
        ("values", "said"),
        [
            (
                {"modell": 3},
                r"loop\.yaml: there is no 'modell' \(did you mean model\?\); there are: model, iterations, runs",
            ),
            ({"iteration": 3}, r"loop\.yaml: there is no 'iteration' \(did you mean iterations\?\)"),
            ({"iterations": 0}, r"loop\.yaml: iterations: Input should be greater than 0, got 0"),
            ({"runs": []}, r"loop\.yaml: runs: List should have at least 1 item"),
            ({"runs": [{"recipe": "preference"}]}, r"There is no recipe 'preference' \(did you mean preferences\?\)"),
            ({"runs": [{"num_instruction": 3}]}, r"loop\.yaml: runs\[0\]: there is no option 'num_instruction' \(did"),
            ({"runs": [{"out": "x"}]}, r"loop\.yaml: runs\[0\]: out: the loop decides that itself; leave it out"),
            ({"train": {"epochs": -1}}, r"loop\.yaml: train: epochs: Input should be greater than 0, got -1"),
            ({"train": {"model": "x"}}, r"loop\.yaml: train: model: the loop decides that itself; leave it out"),
            ({"evaluate": {"limit": 0}}, r"loop\.yaml: evaluate: limit: Input should be greater than 0, got 0"),
            ({}, r"loop\.yaml: there is nothing to evaluate on: give a run `hold_out: 0\.2`"),
        ],
    )
    def test_are_one_clear_line_before_anything_begins(self, values: dict[str, Any], said: str) -> None:
        with pytest.raises(ConfigError, match=said):
            read_iterations(values, "loop.yaml")


class TestFolder:
    def test_holds_one_loop(self, tmp_path: Path) -> None:
        folder = IterationsFolder(tmp_path / "loop")
        folder.make()
        folder.check({"model": "m0", "iterations": 1})
        folder.write_config({"model": "m0", "iterations": 1})
        folder.check({"model": "m0", "iterations": 3})
        with pytest.raises(RunFolderError, match="holds another loop: model is 'm0' there, 'm1' here"):
            folder.check({"model": "m1", "iterations": 1})

    def test_with_something_else_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.tex").touch()
        with pytest.raises(RunFolderError, match="is no folder of a loop, and not empty"):
            IterationsFolder(tmp_path).check({})

    def test_knows_what_has_ended(self, tmp_path: Path) -> None:
        folder = IterationsFolder(tmp_path)
        assert folder.done() == []
        folder.mark_done("before")
        folder.mark_done("iteration-1/model")
        assert folder.done() == ["before", "iteration-1/model"]
