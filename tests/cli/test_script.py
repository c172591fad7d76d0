"""What a pipeline script does: options, what is said at the end, one line for each error, and no secret anywhere."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from datasets import load_from_disk

from distilabel_selfinstruct import DemoLLM
from distilabel_selfinstruct.cli import main
from distilabel_selfinstruct.cli.script import options
from distilabel_selfinstruct.cli.words import describe
from distilabel_selfinstruct.data.summary import Outcome, Summary
from distilabel_selfinstruct.engine.pipelines import Pipeline
from distilabel_selfinstruct.errors import Interrupted
from distilabel_selfinstruct.recipe import Recipe, get_recipe, recipes
from distilabel_selfinstruct.recipes.self_instruct.config import SelfInstructConfig
from distilabel_selfinstruct.runs.config import read_config
from distilabel_selfinstruct.runs.run import Run
from distilabel_selfinstruct.usage import Usage
from tests.conftest import Script, first_line
from tests.support.openai_server import Body, OpenAIServer, status

RECIPE = get_recipe("self-instruct")
KEY = "sk-live-0123456789abcdefghij"


def build(run: Run) -> Pipeline:
    raise AssertionError("nothing was to be built")


def demo(body: Body) -> str:
    """What the demo model says to a chat, for a server."""
    completion: Any = DemoLLM(noise=0).generate([list(body["messages"])])[0]["generations"][0]
    return str(completion)


def files_with(secret: str, folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


class TestOptions:
    def test_help_explains_each_option_in_a_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            main(RECIPE, build, arguments=["--help"])
        assert ended.value.code == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert f"{RECIPE.title} ({RECIPE.url}): {RECIPE.makes}." in shown
        for action in options(RECIPE)._actions:
            explained = (action.help or "") % {"prog": ""}
            assert 5 < len(explained) < 110, action.dest
            assert "".join(explained.split()) in "".join(shown.split())  # a line may break behind a hyphen

    def test_what_is_not_given_is_not_there(self) -> None:
        assert vars(options(RECIPE).parse_args([])) == {}
        assert options(RECIPE).parse_args(["--base"]) == argparse.Namespace(wording="base")

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--num-instructions", "many"], "argument --num-instructions: invalid int value: 'many'"),
            (["--llm", "gpt"], "argument --llm: invalid choice: 'gpt'; choose from demo, local, openai, litellm,"
             " vllm"),
            (["--training-format", "mesages"], "argument --training-format: invalid choice: 'mesages' (did you mean"
             " messages?); choose from messages, alpaca, prompt_completion"),
            (["--base", "--chat"], "argument --chat: not allowed with argument --base"),
            (["--nun-instructions", "5"], "there is no option --nun-instructions (did you mean --num-instructions?)"),
            (["--nun-instructions=5"], "there is no option --nun-instructions (did you mean --num-instructions?)"),
            (["--xyzzy"], "there is no option --xyzzy"),
            (["5"], "there is no option 5"),
        ],
    )  # fmt: skip
    def test_a_usage_error_is_one_line_and_status_2(
        self, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            main(RECIPE, build, arguments=arguments, prog="self-instruct run")
        assert ended.value.code == 2
        assert capsys.readouterr() == ("", f"self-instruct run: {said}. See self-instruct run --help.\n")


@pytest.mark.parametrize("recipe", recipes().values(), ids=recipes())
class TestOptionsOfEachRecipe:
    def test_every_value_of_the_config_has_an_option_of_that_name(self, recipe: Recipe) -> None:
        names = {action.dest for action in options(recipe)._actions} - {"help", "config"}
        wordings = get_args(recipe.load_config().model_fields["wording"].annotation)
        assert names | ({"wording"} if len(wordings) == 1 else set()) == set(recipe.load_config().model_fields)

    def test_no_option_is_taken_by_its_beginning(self, recipe: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
        parser = options(recipe)
        known = {name for action in parser._actions for name in action.option_strings if name.startswith("--")}
        for shortened in {name[:-1] for name in known} - known:
            with pytest.raises(SystemExit) as ended:
                main(recipe, build, arguments=[shortened, "1"])
            assert ended.value.code == 2
            assert f"there is no option {shortened} (did you mean --" in capsys.readouterr().err

    def test_base_is_a_wording_and_no_beginning_of_the_endpoints_address(
        self, recipe: Recipe, capsys: pytest.CaptureFixture[str]
    ) -> None:
        if "base" in get_args(recipe.load_config().model_fields["wording"].annotation):
            assert vars(options(recipe).parse_args(["--base"])) == {"wording": "base"}
            return
        with pytest.raises(SystemExit) as ended:
            main(recipe, build, arguments=["--base", "http://127.0.0.1:8000/v1"])
        assert ended.value.code == 2
        assert "there is no option --base (did you mean --base-url?)" in capsys.readouterr().err


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--num-instructions", "0"], "Error: --num-instructions: Input should be greater than 0, got 0."),
            (["--temperature", "nan"], "Error: --temperature: Input should be a finite number, got nan."),
            (["--preset", "defualt"],
             "Error: There is no preset 'defualt' (did you mean default?); choose one of: default, paper, alpaca."),
            (["--config", "none.yaml"], "Error: none.yaml: cannot be read (No such file or directory)."),
            (["--llm", "openai"], "Error: --llm openai needs --model, the name of the model."),
        ],
    )  # fmt: skip
    def test_one_line_and_status_1(
        self, arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        monkeypatch.chdir(tmp_path)
        assert main(RECIPE, build, arguments=["--out", "run", *arguments]) == 1
        assert capsys.readouterr() == ("", f"{said}\n")
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--seeds", "none.jsonl"], "Error: none.jsonl: there is no such seed file."),
            (["--out", "full"], "Error: full: is no run folder, and not empty; choose another --out."),
            (["--out", "full/thesis.tex"], "Error: full/thesis.tex: is a file; choose another --out."),
        ],
    )
    def test_what_files_get_wrong(
        self, arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        monkeypatch.chdir(tmp_path)
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "thesis.tex").write_text("")
        out = arguments[1] if arguments[0] == "--out" else "run"
        assert main(RECIPE, build, arguments=["--out", "run", *arguments]) == 1
        assert capsys.readouterr() == ("", f"{first_line(out)}{said}\n")
        assert not (tmp_path / "run").exists()

    def test_a_file_system_that_refuses(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        def full(run: Run) -> Pipeline:
            raise OSError(28, "No space left on device", "dataset")

        assert main(RECIPE, full, arguments=["--out", str(tmp_path)]) == 1
        assert (
            capsys.readouterr().err == f"{first_line(tmp_path)}Error: [Errno 28] No space left on device: 'dataset'\n"
        )

    @pytest.mark.parametrize(("stop", "signal"), [(Interrupted("SIGTERM"), "SIGTERM"), (KeyboardInterrupt(), "SIGINT")])
    def test_a_signal(
        self, stop: BaseException, signal: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def stopped(run: Run) -> Pipeline:
            raise stop

        assert main(RECIPE, stopped, arguments=["--out", str(tmp_path)]) == 130
        assert capsys.readouterr().err == first_line(tmp_path) + (
            f"Stopped by {signal}. Run the same command again to go on: nothing that was answered is lost.\n"
        )


SUMMARY: dict[str, Any] = {
    "ended": "complete", "admitted": 1000, "wanted": 1000, "candidates": 1312, "prompts": 181, "instances": 1860,
    "rejected": {"bootstrap": {"similar": 120, "too_short": 5}, "instances": {"duplicate": 4}}, "failed": 0,
    "usage": {"bootstrap": Usage(181, 0, 58360, 39900, 9.0), "classification": Usage(1000, 0, 877600, 2120, 8.0)},
    "seconds": 37.62, "cost": 0.0,
}  # fmt: skip


def said(tmp_path: Path, llm: str = "openai", report: bool = True, **values: Any) -> list[str]:
    given = {"llm": llm, "model": "davinci", "out": str(tmp_path / "run")}
    run = Run(read_config(given, {}, "", SelfInstructConfig), RECIPE)
    if report:
        run.folder.report.path.mkdir(parents=True)
        run.folder.page.write_text("")
    return describe(Summary(**(SUMMARY | values)), run).splitlines()


def outcome(cause: str, reason: str, meaning: str, excerpt: str = "", came: int = 20) -> Outcome:
    return Outcome(came, 20, reason, 19, meaning, cause, excerpt)


class TestNoData:
    """Exit 0 means that there is data; else a sentence says which stage threw it away, most of it why, and shows it."""

    @pytest.mark.parametrize(
        ("stage", "given", "said_of_it"),
        [
            ("classification", outcome("unread", "unclear_classification", "neither yes nor no", "Perhaps."),
             'unclear_classification (neither yes nor no), such as "Perhaps.".'),
            ("instances", outcome("cut", "truncated", "cut off by the length limit"),
             "truncated (cut off by the length limit). In another folder (--out) give it more room: --max-tokens N."),
            ("judgement", outcome("rules", "low_score", "judged to be of little use", "1.00 of 5"),
             'low_score (judged to be of little use), such as "1.00 of 5".'),
            ("instances", outcome("failed", "bad_request", "request failed: bad request", "400: no such field"),
             'bad_request (request failed: bad request), such as "400: no such field".'),
            ("answers", outcome("refused", "refusal", "refused to answer", "I can't help with that."),
             'refusal (refused to answer), such as "I can\'t help with that.".'),
        ],
    )  # fmt: skip
    def test_an_empty_dataset(self, tmp_path: Path, stage: str, given: Outcome, said_of_it: str) -> None:
        lines = said(tmp_path, instances=0, main_rows=0, outcomes={stage: given})
        assert (
            f"There is nothing in the config instances. The stage {stage} rejected 20 of the 20 rows that came to it,"
            f" 19 of them as {said_of_it}"
        ) in lines
        assert not Summary(**(SUMMARY | {"main_rows": 0, "outcomes": {stage: given}})).is_whole

    @pytest.mark.parametrize(("came", "is_whole"), [(20, False), (22, False), (23, True), (40, True), (1000, True)])
    def test_a_stage_that_rejected_more_than_nine_tenths(self, tmp_path: Path, came: int, is_whole: bool) -> None:
        outcomes = {"bootstrap": outcome("similar", "similar", "too similar to the pool", came=came)}
        summary = Summary(**(SUMMARY | {"main_rows": 5, "outcomes": outcomes}))
        assert summary.is_whole is is_whole
        told = any(
            line.startswith("The stage bootstrap rejected 20 of the ") for line in said(tmp_path, outcomes=outcomes)
        )
        assert told is not is_whole

    def test_of_an_empty_dataset_the_narrowest_stage_is_told(self) -> None:
        outcomes = {
            "evolution": outcome("rules", "no_gain", "asks for no more", came=25),
            "answers": outcome("refused", "refusal", "refused", came=24),
        }
        assert Summary(**(SUMMARY | {"main_rows": 0, "outcomes": outcomes})).narrowest == "answers"

    def test_nothing_to_begin_with(self, tmp_path: Path) -> None:
        line = "There is nothing in the config instances. Nothing was rejected either: look at what the run has read."
        assert line in said(tmp_path, rejected={}, instances=0, main_rows=0)

    @pytest.mark.parametrize("recipe", recipes().values(), ids=recipes())
    def test_what_a_recipe_is_for(self, recipe: Recipe) -> None:
        assert recipe.main_config == ("preferences" if recipe.name == "preferences" else "instances")

    @pytest.mark.parametrize(
        ("given", "advice"),
        [
            (outcome("refused", "no_instructions", "answer without instructions", "I'm sorry."),
             'It stopped because the model refuses, such as "I\'m sorry.".'),
            (outcome("cut", "truncated", "cut off by the length limit"), "give it more room: --max-tokens N."),
            (outcome("failed", "bad_request", "request failed: bad request", "400: no"),
             'request after request failed: request failed: bad request, such as "400: no". Mend that,'),
            (outcome("unread", "no_instructions", "answer without instructions", "<html>"),
             'could not be read: answer without instructions, such as "<html>". In another folder (--out) take'
             " --structured or a model that follows the format."),
            (outcome("rules", "too_short", "too short"), "broke a rule time after time: too short."),
        ],
    )  # fmt: skip
    def test_more_patience_is_no_advice_where_answers_are_at_fault(
        self, tmp_path: Path, given: Outcome, advice: str
    ) -> None:
        text = "\n".join(said(tmp_path, ended="stalled", admitted=0, outcomes={"bootstrap": given}))
        assert advice in text
        assert "--patience" not in text


class TestTheEnd:
    def test_of_a_whole_run(self, tmp_path: Path) -> None:
        dataset = tmp_path / "run" / "dataset"
        assert said(tmp_path) == [
            "1,000 of 1,000 instructions admitted from 1,312 candidates in 181 prompts; 1,860 instances",
            "rejected in bootstrap: 120 similar, 5 too_short",
            "rejected in instances: 4 duplicate",
            "1,181 requests, 935,960 tokens in, 42,020 out, 37.6 s",
            f"dataset: {dataset}",
            f"report: {tmp_path / 'run' / 'report' / 'index.html'}",
            f"next: python -c \"import datasets; print(datasets.load_from_disk('{dataset}/instances')['train'][0])\"",
        ]

    def test_of_a_run_without_a_loop(self, tmp_path: Path) -> None:
        lines = said(tmp_path, wanted=None, candidates=None, prompts=None, rows={"preferences": 900})
        assert lines[0] == "1,000 instructions; 1,860 instances; 900 preferences"

    def test_what_it_cost(self, tmp_path: Path) -> None:
        assert "1,181 requests, 935,960 tokens in, 42,020 out, 37.6 s, cost 1.25 USD" in said(tmp_path, cost=1.254)

    @pytest.mark.parametrize(
        ("ended", "line"),
        [
            ("stalled", "It stopped because round after round brought nothing new. Give it more --patience,"
             " or in another folder (--out) other or more seed tasks (--seeds) or a higher --temperature."),
            ("budget", "It stopped because the budget is used up. Run the same command with a larger one to go on."),
            ("unavailable", "It stopped because the endpoint did not answer any more. Run the same command to go on."),
        ],
    )  # fmt: skip
    def test_why_it_stopped_early(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: str, line: str) -> None:
        monkeypatch.setattr(Run, "has_budget_left", False)
        assert line in said(tmp_path, ended=ended, admitted=700)

    def test_it_stopped_early_to_keep_something_back(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Run, "has_budget_left", True)
        line = (
            "It stopped because it kept of the budget what answers were likely to take. Run the same command to go on"
            " with what is left."
        )
        assert line in said(tmp_path, ended="budget", admitted=700)

    def test_failed_requests(self, tmp_path: Path) -> None:
        line = "3 requests failed. Run the same command: it asks for those, and nothing else."
        assert line in said(tmp_path, failed=3)

    def test_nothing_to_look_at(self, tmp_path: Path) -> None:
        lines = said(tmp_path, admitted=0, instances=0)
        assert f"dataset: {tmp_path / 'run' / 'dataset'}" in lines
        assert not any(line.startswith("next: ") for line in lines)

    def test_what_the_report_needs(self, tmp_path: Path) -> None:
        line = 'report: not written; it needs: pip install "distilabel-selfinstruct[report]"'
        assert line in said(tmp_path, report=False)

    def test_the_demo_says_what_it_is(self, tmp_path: Path) -> None:
        assert said(tmp_path, llm="demo")[-1] == (
            "This was the embedded demo model. For a real one: --llm openai --model NAME --base-url URL --out FOLDER"
        )


@pytest.mark.slow
class TestRuns:
    def test_a_key_stands_nowhere(self, script: Script, tmp_path: Path) -> None:
        with OpenAIServer(answer=demo, api_keys=[KEY]) as server:
            result = script(
                "--llm", "openai", "--model", "stub-model", "--base-url", server.url, "--num-instructions", 8,
                "--out", tmp_path / "run", "--verbose", report=True, OPENAI_API_KEY=KEY,
            )  # fmt: skip
            assert {request.key for request in server.requests} == {KEY}
        assert result.returncode == 0, result.stderr
        assert "Step 'bootstrap'" in result.stderr  # --verbose shows the log
        assert files_with("Step 'bootstrap'", tmp_path) == [str(tmp_path / "run" / "run.log")]
        assert files_with(KEY, tmp_path) == []
        assert KEY not in result.stdout + result.stderr
        steps = yaml.safe_load((tmp_path / "run" / "pipeline.yaml").read_text())["pipeline"]["steps"]
        assert all("api_key" not in step["step"].get("llm", {}).get("llm", {}) for step in steps)

    def test_a_key_refused_in_the_middle_that_the_endpoint_repeats(self, script: Script, tmp_path: Path) -> None:
        refusal = status(401, f"Incorrect API key provided: {KEY}.", code="invalid_api_key")
        with OpenAIServer(demo, faults=[None, refusal]) as server:
            result = script(
                "--llm", "openai", "--model", "stub-model", "--base-url", server.url, "--out", tmp_path / "run",
                OPENAI_API_KEY=KEY,
            )  # fmt: skip
        assert (result.returncode, result.stdout) == (1, "")
        first = first_line(tmp_path / "run", model="stub-model")
        assert result.stderr.startswith(f"{first}Error: Step 'bootstrap' failed: The endpoint refuses the key")
        assert result.stderr.count("\n") == 2
        assert KEY not in result.stderr
        assert files_with(KEY, tmp_path) == []

    def test_failed_requests_are_asked_again_by_the_same_command(self, script: Script, tmp_path: Path) -> None:
        failing = {"on": True}

        def fault(body: Body) -> Any:
            asked = str(body["messages"][-1]["content"])
            return status(400, "no") if failing["on"] and asked.endswith("Is it classification?") else None

        with OpenAIServer(demo, fault_rule=fault) as server:
            command = [
                "--llm", "openai", "--model", "stub-model", "--base-url", server.url, "--num-instructions", 8,
                "--out", tmp_path / "run",
            ]  # fmt: skip
            first = script(*command)
            assert first.returncode == 3, first.stderr
            assert "rejected in classification: 8 bad_request" in first.stdout
            assert "8 requests failed. Run the same command: it asks for those, and nothing else." in first.stdout
            assert "next: " not in first.stdout
            before, failing["on"] = len(server.requests), False
            second = script(*command)
            assert second.returncode == 0, second.stdout
            asked = [str(request.body["messages"][-1]["content"]) for request in server.requests[before:]]
        assert sum(question.endswith("Is it classification?") for question in asked) == 8
        assert len(asked) == 16  # and what follows from them: the instances of each
        assert "bad_request" not in second.stdout

    def test_a_model_that_brings_nothing_ends_with_status_3(self, script: Script, tmp_path: Path) -> None:
        with OpenAIServer(answer=lambda body: "I'm sorry, but I can't help with that.") as server:
            result = script(
                "--llm", "openai", "--model", "stub-model", "--base-url", server.url, "--num-instructions", 8,
                "--patience", 3, "--out", tmp_path / "run",
            )  # fmt: skip
        assert (result.returncode, result.stderr) == (3, first_line(tmp_path / "run", model="stub-model"))
        assert result.stdout.splitlines()[:2] == [
            "0 of 8 instructions admitted from 0 candidates in 12 prompts; 0 instances",  # 3 rounds of 4
            "rejected in bootstrap: 12 refusal",
        ]
        refused = "such as \"I'm sorry, but I can't help with that.\"."
        assert "The stage bootstrap rejected 12 of the 12 rows that came to it" in result.stdout
        assert f"It stopped because the model refuses, {refused}" in result.stdout
        assert "--patience" not in result.stdout
        rejected = load_from_disk(str(tmp_path / "run" / "dataset" / "rejected"))["train"]
        assert set(rejected["detail"]) == {"I'm sorry, but I can't help with that."}
        assert len(load_from_disk(str(tmp_path / "run" / "dataset" / "instances"))["train"]) == 0

    def test_any_model_of_distilabel_by_its_class_path(self, script: Script, tmp_path: Path) -> None:
        config = {
            "llm": {"class": "distilabel_selfinstruct.demo.model.DemoLLM", "arguments": {"noise": 0, "seed": 4}},
            "num-instructions": 40,
            "training-format": "alpaca",
        }
        (tmp_path / "my.yaml").write_text(yaml.safe_dump(config))
        result = script("--config", "my.yaml", "--num-instructions", 8, "--out", "run", cwd=tmp_path)
        said = "Self-Instruct: a model of your own, in run\n"
        assert (result.returncode, result.stderr) == (0, said)
        assert result.stdout.startswith("8 of 8 instructions admitted")
        rows = load_from_disk(str(tmp_path / "run" / "dataset" / "sft"))["train"]
        assert rows.column_names == ["instruction", "input", "output"]
        written = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
        assert (written["llm"], written["num_instructions"]) == (config["llm"], 8)
