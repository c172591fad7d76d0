"""The command `self-instruct`: what it lists, copies and runs, and one line for each mistake."""

from __future__ import annotations

import argparse
import pkgutil
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from distilabel_selfinstruct.cli import commands, self_instruct
from distilabel_selfinstruct.cli.commands import COMMANDS, module_of, options
from distilabel_selfinstruct.cli.script import options as options_of
from distilabel_selfinstruct.cli.stopping import BROKEN_PIPE
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.errors import GO_ON
from distilabel_selfinstruct.recipe import DEFAULT, Recipe, get_recipe, recipes
from distilabel_selfinstruct.runs.config import read_config
from distilabel_selfinstruct.version import __version__
from tests.conftest import ROOT, WITHOUT_REPORT, first_line
from tests.support.recipes import bytes_of
from tests.support.waiting import LIMIT

ALL = ", ".join(recipes())


def parsers_of(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser, and those of its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from parsers_of(command)


ALL_PARSERS = [options(), *(each for name in COMMANDS for each in parsers_of(module_of(name).options()))]


def examples() -> list[str]:
    """All examples of all helps."""
    parsers = [*ALL_PARSERS, *(options_of(recipe, f"self-instruct run {recipe.name}") for recipe in recipes().values())]
    lines = [line.strip() for parser in parsers for line in (parser.epilog or "").splitlines()]
    return [line for line in lines if line.startswith("self-instruct ")]


class TestHelp:
    @pytest.mark.parametrize("example", examples())
    def test_the_options_of_an_example_exist(self, example: str) -> None:
        command, *words = shlex.split(example)[1:]
        if command == "run":
            recipe = get_recipe(words.pop(0) if words and not words[0].startswith("-") else DEFAULT)
            read_config(vars(options_of(recipe).parse_args(words)), {}, "", recipe.load_config())
        else:
            module_of(command).options().parse_args(words)

    def test_every_module_is_a_command(self) -> None:
        assert {module.name for module in pkgutil.iter_modules(commands.__path__)} == set(COMMANDS)

    def test_every_command_has_examples(self) -> None:
        assert {shlex.split(example)[1] for example in examples()} == set(COMMANDS)

    @pytest.mark.parametrize("words", ["", *COMMANDS, "review push"])
    def test_each_command_explains_itself(self, words: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            self_instruct([*words.split(), "--help"])
        assert ended.value.code == 0
        assert capsys.readouterr().out.startswith("usage: self-instruct ")

    def test_no_option_is_explained_with_less_than_a_few_words(self) -> None:
        for parser in ALL_PARSERS:
            for action in parser._actions:
                explained = (action.help or "") if action.help != argparse.SUPPRESS else "hidden"
                assert len(explained) > 5 or isinstance(action, argparse._SubParsersAction), (parser.prog, action.dest)

    def test_it_imports_nothing_heavy(self) -> None:
        heavy = ["distilabel", "datasets", "openai", "matplotlib", "numpy", "pyarrow", "yaml", "pydantic"]
        code = (
            "import sys; from distilabel_selfinstruct.cli import self_instruct\n"
            "try: self_instruct(['--help'])\n"
            f"except SystemExit: print([name for name in {heavy} if name in sys.modules])"
        )
        shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert shown.stdout.endswith("\n[]\n")

    def test_version(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            self_instruct(["--version"])
        assert ended.value.code == 0
        assert capsys.readouterr().out == f"self-instruct {__version__}\n"


class TestMistakes:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["reprot", "runs/a"], "There is no command 'reprot' (did you mean report?); see self-instruct --help."),
            (["xyzzy"], "There is no command 'xyzzy'; see self-instruct --help."),
            (
                ["run", "evolv"],
                f"There is no recipe 'evolv' (did you mean evolve?); there are: {ALL}.",
            ),
            (["run", "self_instruct"], "There is no recipe 'self_instruct' (did you mean self-instruct?); there are: "),
            (["run", "xyzzy"], "There is no recipe 'xyzzy'; there are: "),
            (["new", "mine", "--from", "topic"], "There is no recipe 'topic' (did you mean topics?); there are: "),
            (["run", "mine.py"], "mine.py: there is no such pipeline script."),
            (["run", "broken.py"], "broken.py: cannot be imported: ZeroDivisionError: division by zero"),
            (["run", "other.py"], "other.py: is no pipeline script: it has no RECIPE; begin with `self-instruct new"),
            (["report", "nothing"], "nothing: is no run folder; for the report of a dataset say where to: --out"),
            (["forecast", "nothing", "--num-instructions", "9"], "nothing: is no run folder; give the folder that a"),
            (["judge", "nothing", "--llm", "demo"], "nothing: is no run folder; give the folder that a pipeline"),
            (
                ["run", "topics", "--preset", "alpca"],
                "There is no preset 'alpca' (did you mean alpaca?); choose one",
            ),
            (["run", "topics", "--quotas", "generl=3"], "--quotas: Input should be 'general', "),
        ],
    )
    def test_one_line_and_status_1(
        self, words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        monkeypatch.chdir(tmp_path)
        Path("broken.py").write_text("1 / 0\n")
        Path("other.py").write_text("build = print\n")
        assert self_instruct(words) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(f"Error: {said}")
        assert err.count("\n") == 1
        assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".py") == ["broken.py", "other.py"]

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ([], "self-instruct: the following arguments are required: COMMAND. See self-instruct --help.\n"),
            (["report"], "self-instruct report: the following arguments are required: RUN. See "),
            (["report", "runs/a", "--ot", "b"], "self-instruct report: there is no option --ot (did you mean --out?)"),
            (["review", "push", "runs/a", "--too", "b.csv", "--to", "a.csv"],
             "self-instruct review push: there is no option --too (did you mean --to?). See "),
            (["run", "domain", "--max-document", "3"],
             "self-instruct run domain: there is no option --max-document (did you mean --max-documents?). See "
             "self-instruct run domain --help.\n"),
            (["judge", "runs/a", "--threshold", "3"], "self-instruct judge: there is no option --threshold"),
            (["review", "pul", "runs/a"],
             "self-instruct review: argument STEP: invalid choice: 'pul' (did you mean pull?); choose from push, pull, "
             "seeds. See self-instruct review --help.\n"),
            (["review", "push", "runs/a"],
             "self-instruct review push: one of the arguments --argilla-url --to is required. See "),
        ],
    )  # fmt: skip
    def test_a_usage_error_is_one_line_and_status_2(
        self, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            self_instruct(words)
        assert ended.value.code == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(said)
        assert err.count("\n") == 1


def test_recipes_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert self_instruct(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[::2] == [f"{each.name}: {each.title}, {each.url}" for each in recipes().values()]
    assert lines[1::2] == [f"    {each.makes}" for each in recipes().values()]
    assert lines[0].startswith("self-instruct: ")


@pytest.mark.parametrize("recipe", recipes().values(), ids=recipes())
def test_every_script_is_copied(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert self_instruct(["new", "mine", "--from", recipe.name]) == 0
    said = f"mine.py: the script of {recipe.name}. Edit it, then: self-instruct run mine.py\n"
    assert capsys.readouterr().out == said
    assert Path("mine.py").read_text(encoding="utf-8") == recipe.script_path().read_text(encoding="utf-8")


def test_nothing_is_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("# a week's work\n")
    for name in ("mine", "mine.py"):
        assert self_instruct(["new", name]) == 1
        assert capsys.readouterr().err == "Error: mine.py: is there already; choose another name.\n"
    assert Path("mine.py").read_text() == "# a week's work\n"


def run(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`python ...` in a folder of its own, as after an installation."""
    return subprocess.run(
        [sys.executable, *map(str, words)], cwd=cwd, env={"PATH": "", "PYTHONPATH": WITHOUT_REPORT}, text=True,
        capture_output=True, timeout=LIMIT, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_a_copied_script_runs_by_itself_and_by_the_command(tmp_path: Path) -> None:
    assert self_instruct(["new", str(tmp_path / "mine"), "--from", "domain"]) == 0
    alone = run("mine.py", "--max-documents", 3, cwd=tmp_path)
    assert (alone.returncode, alone.stderr) == (0, first_line("runs/domain", "domain"))
    command = ("-m", "distilabel_selfinstruct", "run")
    by_path = run(*command, "mine.py", "--max-documents", 3, "--out", "by-path", cwd=tmp_path)
    by_name = run(*command, "domain", "--max-documents", 3, "--out", "by-name", cwd=tmp_path)
    assert (by_path.returncode, by_path.stderr) == (0, first_line("by-path", "domain"))
    assert (by_name.returncode, by_name.stderr) == (0, first_line("by-name", "domain"))
    first, *others = (bytes_of(tmp_path / run / "dataset") for run in ("runs/domain", "by-path", "by-name"))
    assert others == [first, first]


@pytest.mark.parametrize("script", [False, True], ids=["command", "script"])
def test_a_signal_while_it_is_imported(script: bool) -> None:
    module, call = ("script", "main(None, None)") if script else ("commands", "self_instruct(['--version'])")
    code = f"""
        import os, signal, sys

        class Signal:
            def find_spec(self, name, *_):
                if name == "distilabel_selfinstruct.cli.{module}":
                    os.kill(os.getpid(), signal.SIGTERM)

        sys.meta_path.insert(0, Signal())
        from distilabel_selfinstruct.cli import main, self_instruct
        sys.exit({call})
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (130, f"Stopped by SIGTERM. {GO_ON}\n")


@pytest.mark.slow
@pytest.mark.parametrize("name", recipes())
def test_every_recipe_is_drawn(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / f"{name}.svg"
    assert self_instruct(["draw", name, "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"pipeline: {out}\n"
    drawn = out.read_text(encoding="utf-8")
    assert all(f">{step}<" in drawn for step in ("instances", "rejected", "sft"))


def test_a_run_that_has_not_ended_is_not_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    RunFolder(tmp_path).write_config({"recipe": "self-instruct"})
    assert self_instruct(["draw", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"Error: {tmp_path}: the run has not ended")


def test_a_reader_that_leaves_ends_a_command_without_a_word() -> None:
    command = [sys.executable, "-m", "distilabel_selfinstruct", "recipes"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        process.stdout.close()
        _, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, err) == (BROKEN_PIPE, b"")
