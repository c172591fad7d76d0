"""A run folder: whose it is, and what may change in it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.engine.pipelines import Pipeline
from distilabel_selfinstruct.errors import ConfigError, RunFolderError, SeedFileError
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.recipes.self_instruct.config import SelfInstructConfig
from distilabel_selfinstruct.runs.config import read_config
from distilabel_selfinstruct.runs.options import CustomLLM
from distilabel_selfinstruct.runs.run import Run
from distilabel_selfinstruct.usage import Usage
from distilabel_selfinstruct.version import __version__
from tests.support.recipes import Made, rows_of, run_here

HOLD_LOCK = "import sys, filelock; held = filelock.FileLock(sys.argv[1]); held.acquire(); print('held'); input()"


RECIPE = get_recipe("self-instruct")


class Built(Exception):
    """The pipeline was asked for: the run did not stop before."""


def build(run: Run) -> Pipeline:
    raise Built


def make(folder: Path, **options: Any) -> Run:
    return Run(read_config({"out": str(folder), "num_instructions": 12, **options}, {}, "", SelfInstructConfig), RECIPE)


def content(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A finished run with 12 instructions and the preset `default`."""
    return run_here(RECIPE, tmp_path_factory.mktemp("finished") / "run", "--num-instructions", 12)


@pytest.fixture
def finished(made: Made, tmp_path: Path) -> Path:
    """Its folder, to write in."""
    shutil.copytree(made.path, tmp_path / "run")
    return tmp_path / "run"


class TestWhoseFolder:
    def test_a_folder_that_is_not_there_yet(self, tmp_path: Path) -> None:
        run = make(tmp_path / "a" / "b")
        assert not (tmp_path / "a").exists()
        with pytest.raises(Built):
            run.execute(build)
        assert (tmp_path / "a" / "b" / "config.yaml").exists()

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(Built):
            make(tmp_path).execute(build)

    def test_a_folder_of_something_else_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.tex").write_text("chapter one")
        with pytest.raises(RunFolderError) as caught:
            make(tmp_path)
        assert str(caught.value) == f"{tmp_path}: is no run folder, and not empty; choose another --out."
        assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]

    def test_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "notes").write_text("")
        with pytest.raises(RunFolderError) as caught:
            make(tmp_path / "notes")
        assert str(caught.value) == f"{tmp_path / 'notes'}: is a file; choose another --out."

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "notes").write_text("")
        with pytest.raises(RunFolderError) as caught:
            make(tmp_path / "notes" / "run").execute(build)
        assert str(caught.value) == f"{tmp_path}/notes/run: cannot be made (Not a directory); choose another --out."

    @pytest.mark.slow
    def test_another_config_is_refused_with_every_difference(self, finished: Path) -> None:
        before = content(finished)
        with pytest.raises(RunFolderError) as caught:
            make(finished, preset="paper", seed=3, llm="openai", model="davinci", wording="base")
        assert str(caught.value) == (
            f"{finished}: holds a run with another config: llm is 'demo' there, 'openai' here; model is None there,"
            " 'davinci' here; wording is 'chat' there, 'base' here; seed is 0 there, 3 here; preset is 'default'"
            " there, 'paper' here. Nothing was changed. Choose another --out, or the same options."
        )
        assert content(finished) == before

    @pytest.mark.parametrize(
        ("name", "value"),
        [("temperature", 0.5), ("lag", 3), ("training_format", "alpaca"), ("seed", 1)],
    )
    def test_what_the_result_depends_on_is_fixed(self, finished: Path, name: str, value: Any) -> None:
        with pytest.raises(RunFolderError, match=f"another config: {name} is "):
            make(finished, **{name: value})

    def test_another_recipe_is_refused(self, finished: Path) -> None:
        with pytest.raises(RunFolderError) as caught:
            Run(read_config({"out": str(finished)}, {}, "", SelfInstructConfig), get_recipe("evolve"))
        assert str(caught.value) == (
            f"{finished}: holds a run of the recipe 'self-instruct', and this is 'evolve'. Choose another --out."
        )

    def test_a_folder_of_a_recipe_with_other_options_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "completions").mkdir()
        (tmp_path / "completions" / "a-1-1.sqlite").touch()
        (tmp_path / "config.yaml").write_text("{recipe: evolve, prompts_version: 1}")
        with pytest.raises(RunFolderError, match=r"holds a run of the recipe 'evolve', and this is 'self-instruct'\."):
            make(tmp_path)

    def test_other_seed_tasks_are_refused(self, finished: Path, seed_file: str, tmp_path: Path) -> None:
        lines = Path(seed_file).read_text(encoding="utf-8").splitlines(keepends=True)
        fewer = tmp_path / "fewer.jsonl"
        fewer.write_text("".join(lines[:-1]), encoding="utf-8")
        with pytest.raises(RunFolderError, match="seed tasks were read there that are not among those of this command"):
            make(finished, seeds=[str(fewer)])

    def test_the_same_seed_tasks_elsewhere_are_the_same(self, finished: Path, seed_file: str, tmp_path: Path) -> None:
        copy = shutil.copy(seed_file, tmp_path / "copy.jsonl")
        assert make(finished, seeds=[str(copy)]).execute(build).admitted == 12

    def test_phrases_are_a_part_of_what_a_run_is(self, finished: Path, tmp_path: Path) -> None:
        file = tmp_path / "phrases.txt"
        file.write_text("refusal:\nhelaas kan ik ... niet\n", encoding="utf-8")
        with pytest.raises(RunFolderError, match="phrase list were read there that are not among those of this"):
            make(finished, phrases=str(file))

    def test_a_run_before_there_were_phrases_of_users_goes_on(self, finished: Path) -> None:
        config = finished / "config.yaml"
        lines = config.read_text().splitlines(keepends=True)
        config.write_text("".join(line for line in lines if not line.startswith("phrase")))
        assert make(finished).execute(build).admitted == 12

    @pytest.mark.slow
    def test_phrases_reach_every_step(self, tmp_path: Path) -> None:
        file = tmp_path / "phrases.txt"
        file.write_text("chatter:\n(sort|convert|is|what|give|count|which|write)\n", encoding="utf-8")
        made = run_here(RECIPE, tmp_path / "run", "--num-instructions", 4, "--phrases", file)
        rejected = rows_of(made.path, "rejected")
        assert {row["instruction"].split()[0].lower() for row in rejected if row["reason"] == "chatter"}

    def test_what_the_result_does_not_depend_on_may_change(self, finished: Path) -> None:
        free = {
            "concurrency": 2,
            "timeout": 5,
            "outage": 1,
            "base_url": "http://127.0.0.1:1/v1",
            "max_tokens_total": 9,
        }
        run = make(finished, **free)
        assert run.config.lag == 4  # as the first run had it, whose concurrency was 8
        assert run.execute(build).admitted == 12

    def test_fewer_instructions_are_refused(self, finished: Path) -> None:
        with pytest.raises(RunFolderError) as caught:
            make(finished, num_instructions=6)
        assert str(caught.value) == (
            f"{finished}: holds a run of 12 instructions, and 6 were asked for. Ask for as many or more, or choose"
            " another --out."
        )

    def test_more_instructions_go_on(self, finished: Path) -> None:
        with pytest.raises(Built):
            make(finished, num_instructions=13).execute(build)

    def test_a_folder_in_which_nothing_was_answered_takes_another_config(self, tmp_path: Path) -> None:
        with pytest.raises(Built):
            make(tmp_path, llm="openai", model="dawinci").execute(build)
        with pytest.raises(Built):
            make(tmp_path, llm="openai", model="davinci", num_instructions=10).execute(build)
        config = yaml.safe_load((tmp_path / "config.yaml").read_text())
        assert (config["model"], config["num_instructions"]) == ("davinci", 10)

    def test_one_process_at_a_time(self, finished: Path) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", HOLD_LOCK, str(finished / ".lock")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as other:  # fmt: skip
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            with pytest.raises(RunFolderError) as caught:
                make(finished, num_instructions=14).execute(build)
            other.communicate("\n")
        assert str(caught.value) == (
            f"{finished}: another process is at work here; wait for it, or choose another folder."
        )
        with pytest.raises(Built):
            make(finished, num_instructions=14).execute(build)


class TestFinished:
    def test_a_finished_run_is_not_built_again(self, finished: Path) -> None:
        before = content(finished)
        summary = make(finished).execute(build)
        assert (summary.ended, summary.admitted, summary.wanted) == ("complete", 12, 12)
        assert content(finished) == before

    def test_a_run_that_stalled_goes_on_with_more_patience_only(self, finished: Path) -> None:
        summary = json.loads((finished / "summary.json").read_text())
        (finished / "summary.json").write_text(json.dumps(summary | {"ended": "stalled", "admitted": 11}))
        assert make(finished).execute(build).ended == "stalled"
        assert make(finished, patience=2).execute(build).ended == "stalled"
        with pytest.raises(Built):
            make(finished, patience=6).execute(build)

    @pytest.mark.parametrize("ended", ["budget", "unavailable", "pilot"])
    def test_a_run_that_stopped_early_goes_on(self, finished: Path, ended: str) -> None:
        summary = json.loads((finished / "summary.json").read_text())
        (finished / "summary.json").write_text(json.dumps(summary | {"ended": ended, "admitted": 11}))
        with pytest.raises(Built):
            make(finished).execute(build)

    @pytest.mark.parametrize(("ended", "is_left"), [("complete", False), ("budget", True)])
    def test_of_a_budget_something_is_left_where_a_loop_wants_more(
        self, finished: Path, ended: str, is_left: bool
    ) -> None:
        used = sum((usage for usage in make(finished).used().values()), Usage())
        run = make(finished, max_tokens_total=used.input_tokens + used.output_tokens + 2000)
        run._requests_before = 0
        RunFolder(finished).write_loop("bootstrap", {"ended": ended})
        assert run.has_budget_left is is_left

    def test_a_run_with_failed_requests_asks_them_again(self, finished: Path) -> None:
        summary = json.loads((finished / "summary.json").read_text())
        (finished / "summary.json").write_text(json.dumps(summary | {"failed": 2}))
        with pytest.raises(Built):
            make(finished).execute(build)

    def test_what_0_1_0_misread_is_put_together_again(self, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        summary = json.loads((finished / "summary.json").read_text())
        (finished / "summary.json").write_text(json.dumps(summary | {"main_rows": None}))
        assert make(finished).execute(build).ended == "complete"
        monkeypatch.setattr("distilabel_selfinstruct.runs.run.has_misread", lambda folder: True)
        with pytest.raises(Built):
            make(finished).execute(build)

    def test_a_lost_dataset_is_made_again(self, finished: Path) -> None:
        shutil.rmtree(finished / "dataset")
        with pytest.raises(Built):
            make(finished).execute(build)

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"ended": "complete"}', "\0"])
    def test_a_damaged_summary(self, finished: Path, text: str) -> None:
        (finished / "summary.json").write_text(text)
        with pytest.raises(RunFolderError) as caught:
            make(finished).execute(build)
        assert str(caught.value) == (
            f"{finished / 'summary.json'}: is damaged; delete it, and the run is put together again."
        )

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", "preset: paper", "\0"])
    def test_a_damaged_config(self, finished: Path, text: str) -> None:
        (finished / "config.yaml").write_text(text)
        with pytest.raises(RunFolderError) as caught:
            make(finished)
        assert str(caught.value) == (
            f"{finished / 'config.yaml'}: is damaged; restore it from a copy, or choose another folder."
        )

    def test_the_folder_tells_what_it_was_made_with(self, finished: Path, seed_file: str) -> None:
        config = yaml.safe_load((finished / "config.yaml").read_text())
        assert {name: config[name] for name in ("llm", "wording", "num_instructions", "preset", "seed", "lag")} == {
            "llm": "demo", "wording": "chat", "num_instructions": 12, "preset": "default", "seed": 0, "lag": 4,
        }  # fmt: skip
        assert (config["recipe"], config["prompts_version"]) == ("self-instruct", RECIPE.prompts_version)
        assert config["package_version"] == __version__
        assert config["seeds"] == [seed_file]
        assert re.fullmatch(r"303-[0-9a-f]{16}", config["seed_tasks"])
        assert {"out", "verbose"}.isdisjoint(config)  # a folder may be moved, and looked at as one likes


class TestWhatIsResolved:
    def test_the_paper_gets_the_lag_of_its_requests(self, tmp_path: Path) -> None:
        assert make(tmp_path, preset="paper", num_instructions=1000).config.lag == 5

    @pytest.mark.parametrize(
        ("concurrency", "wanted", "lag"), [(8, 1000, 32), (8, 100, 12), (64, 10_000, 256), (1, 8, 1)]
    )
    def test_otherwise_the_lag_comes_from_concurrency_and_size(
        self, tmp_path: Path, concurrency: int, wanted: int, lag: int
    ) -> None:
        assert make(tmp_path, concurrency=concurrency, num_instructions=wanted).config.lag == lag

    def test_a_bad_seed_file_is_told_before_anything_is_made(self, tmp_path: Path) -> None:
        seeds = tmp_path / "seeds.jsonl"
        seeds.write_text('{"id": "a", "instruction": "Name a river.", "instances": [], "is_classification": false}\n')
        with pytest.raises(SeedFileError) as caught:
            make(tmp_path / "run", seeds=[str(seeds)])
        assert str(caught.value) == f"{seeds}, line 1, field 'instances': expected at least one instance, found none."
        assert not (tmp_path / "run").exists()


DEMO = "distilabel_selfinstruct.demo.model.DemoLLM"


class TestCustomLLM:
    def test_the_class_and_its_arguments_make_the_model(self, tmp_path: Path) -> None:
        model = make(tmp_path, llm={"class": DEMO, "arguments": {"seed": 5, "noise": 0}}).llm("bootstrap").llm
        assert (type(model).__name__, model.dump()["seed"], model.dump()["noise"]) == ("DemoLLM", 5, 0.0)

    @pytest.mark.parametrize(
        ("path", "arguments", "said"),
        [
            ("nowhere.Model", {}, "llm.class: there is no 'nowhere.Model' (No module named 'nowhere')."),
            ("DemoLLM", {}, "llm.class: there is no 'DemoLLM' (Empty module name)."),
            ("pathlib.Path", {}, "llm.class: 'pathlib.Path' is no distilabel LLM."),
            ("distilabel.models.llms.base.LLM", {}, "llm.class: Can't instantiate abstract class LLM"),
            (DEMO, {"noise": -1}, "llm.arguments: noise: Input should be greater than or equal to 0."),
            (DEMO, {"noisy": 1}, "llm.arguments: noisy: Extra inputs are not permitted."),
            ("distilabel_selfinstruct.models.openai.OpenAICompatibleLLM", {}, "llm.arguments: model: Field required."),
        ],
    )
    def test_what_cannot_be_made_is_told_before_anything_is_written(
        self, tmp_path: Path, path: str, arguments: dict[str, Any], said: str
    ) -> None:
        run = make(tmp_path / "run", llm={"class": path, "arguments": arguments})
        with pytest.raises(ConfigError) as caught:
            run.execute(build)
        assert str(caught.value).startswith(said)
        assert not (tmp_path / "run").exists()

    def test_its_keys_stand_in_no_file(self, tmp_path: Path) -> None:
        arguments = {"model": "m", "api_key": "sk-0123456789", "timeout": 5}
        path = "distilabel_selfinstruct.models.openai.OpenAICompatibleLLM"
        with pytest.raises(Built):
            make(tmp_path, llm={"class": path, "arguments": arguments}).execute(build)
        written = yaml.safe_load((tmp_path / "config.yaml").read_text())
        assert written["llm"] == {"class": path, "arguments": {"model": "m", "api_key": "***", "timeout": 5}}

    @pytest.mark.parametrize("name", ["api_key", "token", "hf_token", "password", "client_secret"])
    def test_what_counts_as_a_key(self, name: str) -> None:
        custom = CustomLLM(class_path="a.B", arguments={name: "x", "max_tokens": 5, "tokenizer": "t"})
        assert custom.model_dump()["arguments"] == {name: "***", "max_tokens": 5, "tokenizer": "t"}
