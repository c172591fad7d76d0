"""A recipe from another package: declared by an entry point, and the same to every command as those of this package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import WITHOUT_REPORT
from tests.support.recipes import bytes_of, rows_of
from tests.support.waiting import LIMIT

pytestmark = pytest.mark.slow

PACKAGE = {
    "greetings_recipe/__init__.py": "",
    "greetings_recipe/recipe.py": """
from pathlib import Path

from distilabel_selfinstruct.data.reasons import ANSWERS_STAGE, EMPTY_INSTRUCTION
from distilabel_selfinstruct.recipe import Column, Reason, Recipe, Stage

RECIPE = Recipe(
    name="greetings",
    title="Greetings",
    url="https://example.org/greetings",
    makes="a greeting for everybody whom a file names",
    stages=(
        Stage("greetings", "Warmth", "instance", (Reason("cold", "without any warmth"), EMPTY_INSTRUCTION)),
        ANSWERS_STAGE,
    ),
    how=("**Greetings.** The model greets everybody.",),
    citation="@misc{greetings, title = {Greetings}}",
    columns={"mood": Column("how the greeting sounds")},
    prompts_version=3,
    config="greetings_recipe.config:GreetingsConfig",
    script=str(Path(__file__).with_name("pipeline.py")),
    demo="greetings_recipe.demo",
)
""",
    "greetings_recipe/config.py": """
from pathlib import Path
from typing import Literal

from distilabel_selfinstruct.runs.config import RunConfig
from distilabel_selfinstruct.runs.inputs import Input
from distilabel_selfinstruct.runs.options import MODEL, option


class GreetingsConfig(RunConfig):
    wording: Literal["chat"] = option("chat", "how the model is asked", None, MODEL)
    people: str = option("people.txt", "whom to greet, one a line", "FILE", fixed=False)
    tone: str = option("warm", "of the greetings", "TONE")

    def inputs(self):
        return {"people_read": Input(Path(self.people).read_text().splitlines(), may_grow=True)}
""",
    "greetings_recipe/prompts/greeting.chat.jinja2": "In a {{ tone }} tone, say hello to: {{ instruction }}",
    "greetings_recipe/steps.py": """
from distilabel_selfinstruct import AnswerInstructions
from distilabel_selfinstruct.data.rows import reject
from distilabel_selfinstruct.steps.prompting import Prompts

PROMPTS = Prompts("greetings_recipe")


class Greet(AnswerInstructions):
    def _own_outputs(self):
        return [*super()._own_outputs(), "mood"]

    def _take(self, row, answer):
        super()._take(row, answer)
        row["mood"] = "warm" if "!" in (row["output"] or "") else "cold"
        if row["reject_reason"] is None and row["mood"] == "cold":
            reject(row, "greetings", "cold")
""",
    "greetings_recipe/demo.py": """
from distilabel_selfinstruct.demo.completion import Completion


def answer(prompt, rng, scale):
    tone, asked, whom = prompt.partition(" tone, say hello to: ")
    if not asked:
        return None
    return Completion("Oh. It is you." if "stranger" in whom else f"Good morning, {whom}!")
""",
    "greetings_recipe/pipeline.py": """
import sys

from distilabel_selfinstruct.cli import main
from greetings_recipe.recipe import RECIPE


def build(run):
    from distilabel_selfinstruct import (
        FormatForTraining,
        LoadInstructions,
        SelectInstances,
        SelectInstructions,
        SelectRejected,
    )
    from greetings_recipe.steps import PROMPTS, Greet

    config = run.config
    with run.pipeline("greetings") as pipeline:
        load = LoadInstructions(name="load", source=config.people, stage="greetings")
        template = PROMPTS.template("greeting").replace("{{ tone }}", config.tone)
        greet = Greet(name="greet", llm=run.llm("answers"), template=template)
        instances = SelectInstances(name="instances", more_columns=["mood", *config.judge_columns])
        instructions = SelectInstructions(name="instructions", stages=[])
        rejected = SelectRejected(name="rejected", more_columns=["mood"])
        sft = FormatForTraining(name="sft", training_format=config.training_format, seed=config.seed)
        load >> greet
        run.judged(greet) >> [instances, instructions, rejected, sft]
    return pipeline


def finish(run):
    return ["everybody was greeted"]


if __name__ == "__main__":
    sys.exit(main(RECIPE, build, finish))
""",
    "greetings_recipe-0.1.dist-info/METADATA": "Metadata-Version: 2.1\nName: greetings-recipe\nVersion: 0.1\n",
    "greetings_recipe-0.1.dist-info/entry_points.txt": (
        "[distilabel_selfinstruct.recipes]\ngreetings = greetings_recipe.recipe:RECIPE\n"
    ),
}
PEOPLE = ["the baker", "a stranger at the door", "the children of the village"]
CARD = """
import sys
from distilabel_selfinstruct.hub.contents import read_finished_run, statistics_of
from distilabel_selfinstruct.report.card import CardFacts, render_card
run = read_finished_run(sys.argv[1])
print(render_card(CardFacts("me/greetings", statistics_of(run), run.datasets, run.settings, run.recipe)))
"""


@dataclass
class Installed:
    """A working directory, and a folder of packages that is on the path or not."""

    home: Path
    site: Path

    def python(self, *arguments: object, installed: bool = True) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(self.site), WITHOUT_REPORT]) if installed else WITHOUT_REPORT
        return subprocess.run(
            [sys.executable, *map(str, arguments)], cwd=self.home, env={**os.environ, "PYTHONPATH": path},
            capture_output=True, text=True, timeout=LIMIT, check=False,
        )  # fmt: skip

    def command(self, *arguments: object, installed: bool = True) -> str:
        """What the command says; it succeeds."""
        result = self.python("-m", "distilabel_selfinstruct", *arguments, installed=installed)
        assert result.returncode == 0, result.stderr
        return result.stdout


@pytest.fixture(scope="module")
def greetings(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The package, not yet run; then a run of it in `made`."""
    base = tmp_path_factory.mktemp("outside")
    for name, text in PACKAGE.items():
        path = base / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (base / "home").mkdir()
    (base / "home" / "people.txt").write_text("".join(f"{name}\n" for name in PEOPLE))
    return Installed(base / "home", base / "site")


@pytest.fixture(scope="module")
def made(greetings: Installed) -> Path:
    """A run of it."""
    said = greetings.command("run", "greetings", "--out", "made")
    assert said.startswith("3 instructions; 2 instances\nrejected in greetings: 1 cold\n")
    assert "note: everybody was greeted\n" in said
    return greetings.home / "made"


def test_it_is_listed_behind_those_of_the_package(greetings: Installed) -> None:
    listed = greetings.command("recipes")
    assert listed.startswith("self-instruct: ")
    assert listed.endswith(
        "greetings: Greetings, https://example.org/greetings\n    a greeting for everybody whom a file names\n"
    )


def test_its_own_options_are_explained(greetings: Installed) -> None:
    shown = greetings.command("run", "greetings", "--help")
    assert "--people FILE" in shown
    assert "whom to greet, one a line" in shown


def test_the_demo_model_answers_its_question(made: Path) -> None:
    assert [(row["instruction"], row["output"], row["mood"]) for row in rows_of(made, "instances")] == [
        ("the baker", "Good morning, the baker!", "warm"),
        ("the children of the village", "Good morning, the children of the village!", "warm"),
    ]
    [rejected] = rows_of(made, "rejected")
    assert (rejected["stage"], rejected["reason"], rejected["mood"]) == ("greetings", "cold", "cold")


def test_the_folder_says_what_it_is(made: Path) -> None:
    description = json.loads((made / "recipe.json").read_text(encoding="utf-8"))
    assert description["recipe"]["stages"][0]["reasons"][0] == {"code": "cold", "meaning": "without any warmth"}
    assert description["columns"]["mood"] == "how the greeting sounds"
    assert description["versions"]["prompts"] == 3


def test_the_same_command_changes_nothing_and_its_config_gives_the_same_elsewhere(
    greetings: Installed, made: Path
) -> None:
    before = bytes_of(made)
    greetings.command("run", "greetings", "--out", "made")
    assert bytes_of(made) == before
    greetings.command("run", "greetings", "--config", "made/config.yaml", "--out", "twin")
    assert bytes_of(greetings.home / "twin" / "dataset") == bytes_of(made / "dataset")


def test_its_script_is_copied_and_runs(greetings: Installed) -> None:
    greetings.command("new", "mine", "--from", "greetings")
    result = greetings.python("mine.py", "--tone", "cheerful", "--out", "mine")
    assert result.returncode == 0, result.stderr
    assert len(rows_of(greetings.home / "mine", "instances")) == 2


@pytest.mark.parametrize("installed", [True, False], ids=["installed", "uninstalled"])
class TestTheFolder:
    def test_report(self, greetings: Installed, made: Path, installed: bool) -> None:
        path = os.pathsep.join(WITHOUT_REPORT.split(os.pathsep)[1:])
        path = os.pathsep.join([str(greetings.site), path]) if installed else path
        result = subprocess.run(
            [sys.executable, "-m", "distilabel_selfinstruct", "report", "made"], cwd=greetings.home,
            env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=LIMIT, check=False,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        page = (made / "report" / "index.html").read_text(encoding="utf-8")
        assert "Warmth" in page
        assert "without any warmth" in page

    def test_card(self, greetings: Installed, made: Path, installed: bool) -> None:
        result = greetings.python("-c", CARD, "made", installed=installed)
        assert result.returncode == 0, result.stderr
        for text in ("[Greetings](https://example.org/greetings)", "how the greeting sounds", "@misc{greetings"):
            assert text in result.stdout

    def test_review(self, greetings: Installed, made: Path, installed: bool) -> None:
        file = greetings.home / f"review-{installed}.csv"
        greetings.command("review", "push", "made", "--to", file, installed=installed)
        assert "the children of the village" in file.read_text(encoding="utf-8")


def test_without_its_package_there_is_no_such_recipe(greetings: Installed, made: Path) -> None:
    result = greetings.python("-m", "distilabel_selfinstruct", "run", "greetings", installed=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: There is no recipe 'greetings'; there are: self-instruct, alpaca, ")


def test_a_package_that_cannot_be_imported_is_named(greetings: Installed, tmp_path: Path) -> None:
    (tmp_path / "sad_recipe.py").write_text("raise ImportError('no hope')\n")
    info = tmp_path / "sad_recipe-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sad-recipe\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[distilabel_selfinstruct.recipes]\nsad = sad_recipe:RECIPE\n")
    result = Installed(greetings.home, tmp_path).python("-m", "distilabel_selfinstruct", "recipes")
    said = "Error: The recipe 'sad' (sad_recipe:RECIPE) cannot be loaded (ImportError: no hope). Mend or uninstall its"
    assert (result.returncode, result.stderr) == (1, f"{said} package.\n")
