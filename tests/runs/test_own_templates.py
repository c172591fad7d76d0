"""A user's own templates: found, checked before anything is asked, recorded, and part of what a run is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from distilabel_selfinstruct.engine.pipelines import Pipeline
from distilabel_selfinstruct.errors import ConfigError, RunFolderError
from distilabel_selfinstruct.recipe import get_recipe, recipes
from distilabel_selfinstruct.runs.config import read_config
from distilabel_selfinstruct.runs.prompts import read_templates, template_texts
from distilabel_selfinstruct.runs.run import Run
from tests.support.openai_server import OpenAIServer
from tests.support.recipes import rows_of, status_of

OWN = "Ist das eine Klassifikation? Antworte Yes oder No.\n\n{{ instruction }}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a template of the question about classification."""
    made = tmp_path / "mine"
    made.mkdir()
    (made / "classification.chat.jinja2").write_text(OWN)
    return made


def read(folder: Path, recipe: str = "self-instruct", wording: str = "chat") -> dict[str, str]:
    return read_templates(str(folder), get_recipe(recipe), {wording})


def error(folder: Path, text: str, name: str = "classification.chat.jinja2", recipe: str = "self-instruct") -> str:
    """What is said of a template with this text, after its path."""
    (folder / "classification.chat.jinja2").unlink()
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        read(folder, recipe)
    return str(caught.value).replace(f"{folder / name}: ", "")


class TestRead:
    def test_a_template(self, folder: Path) -> None:
        assert read(folder) == {"classification.chat.jinja2": OWN.rstrip("\n")}

    @pytest.mark.parametrize("recipe", recipes())
    def test_those_of_the_recipes_themselves_are_right(self, tmp_path: Path, recipe: str) -> None:
        for name, text in template_texts(get_recipe(recipe)).items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text + "\n")
        assert read(tmp_path, recipe) == template_texts(get_recipe(recipe))

    def test_that_of_the_judge(self, folder: Path) -> None:
        (folder / "judgement.chat.jinja2").write_text("Bewerte: {{ instruction }} {{ output }}\nScore:")
        assert list(read(folder)) == ["classification.chat.jinja2", "judgement.chat.jinja2"]

    def test_there_is_no_such_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"mine: there is no such folder\."):
            read(tmp_path / "mine")

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"there is no template in it; the recipe magpie has agreement\.chat"):
            read(tmp_path, "magpie")

    def test_a_name_that_the_recipe_does_not_have(self, folder: Path) -> None:
        said = error(folder, OWN, "clasification.chat.jinja2")
        assert said.startswith(
            f"--prompts {folder}: the recipe self-instruct has no template 'clasification.chat.jinja2' (did you mean"
            " classification.chat.jinja2?); it has agreement.chat.jinja2, bootstrap.base.jinja2, "
        )

    def test_none_is_of_the_wording_of_the_run(self, folder: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            read(folder, wording="base")
        assert str(caught.value) == f"--prompts {folder}: none of its templates is of the wording of this run (base)."

    def test_what_is_no_text(self, folder: Path) -> None:
        (folder / "classification.chat.jinja2").write_bytes(b"\xff\xfe{{ instruction }}")
        with pytest.raises(ConfigError, match=r"classification\.chat\.jinja2: cannot be read \(is no UTF-8\)\."):
            read(folder)


class TestVariables:
    def test_an_unknown_one(self, folder: Path) -> None:
        assert error(folder, "{{ instructoin }}") == (
            "there is no variable 'instructoin' (did you mean instruction?); there are: instruction, instructions,"
            " shots."
        )

    def test_one_is_missing_without_which_nothing_is_asked(self, folder: Path) -> None:
        assert error(folder, "Is it classification?") == (
            "the variable 'instruction' is missing, without which nothing is asked; there are: instruction,"
            " instructions, shots."
        )

    def test_the_shots_may_be_left_out_where_something_else_changes(self, folder: Path) -> None:
        assert read(folder)

    def test_and_not_where_all_prompts_would_be_the_same(self, folder: Path) -> None:
        assert error(folder, "Name {{ new }} tasks.", "bootstrap.chat.jinja2").startswith("the variable 'shots' is")

    def test_a_field_of_a_shot(self, folder: Path) -> None:
        text = "{% for shot in shots %}{{ shot.instructions }}{% endfor %}{{ instruction }}"
        assert error(folder, text) == "there is no field 'instructions' (did you mean instruction?)."

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("{{ instruction }}\n{% for shot in shots %}", "line 2: Unexpected end of template."),
            ("{{ instruction | shout }}", "line 1: No filter named 'shout'."),
            ("{{ instruction", "line 1: unexpected end of template, expected 'end of print statement'."),
        ],
    )
    def test_what_is_no_template(self, folder: Path, text: str, said: str) -> None:
        assert error(folder, text).startswith(said)

    def test_a_template_that_others_are_made_of(self, folder: Path) -> None:
        said = error(folder, "{{ subject }}{% block kind %}{% endblock %}", "kinds/instructions.jinja2", "topics")
        assert said.startswith("there is no variable 'subject'; there are: known, new, topic.")

    def test_one_that_is_made_of_itself(self, folder: Path) -> None:
        text = '{% extends "kinds/instructions.jinja2" %}'
        assert error(folder, text, "kinds/instructions.jinja2", "topics") == "is made of itself."

    def test_one_that_is_made_of_nothing(self, folder: Path) -> None:
        text = '{% extends "kind/instructions.jinja2" %}'
        said = error(folder, text, "kinds/trivia.chat.jinja2", "topics")
        assert said == "there is no template 'kind/instructions.jinja2' to be included."


class Built(Exception):
    """The pipeline was asked for: the run did not stop before."""


def build(run: Run[Any]) -> Pipeline:
    raise Built


def make(out: Path, **options: Any) -> Run[Any]:
    recipe = get_recipe("self-instruct")
    given = {"llm": "openai", "model": "stub-model", "base_url": "http://127.0.0.1:9/v1", "out": str(out), **options}
    return Run(read_config(given, {}, "", recipe.load_config()), recipe)


class TestWhatARunIs:
    def started(self, out: Path, **options: Any) -> None:
        """A run of which something was answered."""
        with pytest.raises(Built):
            make(out, **options).execute(build)
        (out / "completions").mkdir()
        (out / "completions" / "bootstrap-1.sqlite").touch()

    def test_the_texts_are_recorded(self, tmp_path: Path, folder: Path) -> None:
        self.started(tmp_path / "run", prompts=str(folder))
        assert (tmp_path / "run" / "prompts" / "classification.chat.jinja2").read_text() == OWN
        recorded = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
        assert re.fullmatch(r"1-[0-9a-f]{16}", recorded["own_prompts"])

    def test_the_same_texts_in_another_folder(self, tmp_path: Path, folder: Path) -> None:
        self.started(tmp_path / "run", prompts=str(folder))
        folder.rename(tmp_path / "moved")
        make(tmp_path / "run", prompts=str(tmp_path / "moved"))

    def test_another_text_is_refused(self, tmp_path: Path, folder: Path) -> None:
        self.started(tmp_path / "run", prompts=str(folder))
        (folder / "classification.chat.jinja2").write_text("Classification? {{ instruction }}")
        with pytest.raises(RunFolderError, match=r"another config: own_prompts is '1-[0-9a-f]{16}' there, '1-"):
            make(tmp_path / "run", prompts=str(folder))

    def test_own_templates_left_out_or_added_are_refused(self, tmp_path: Path, folder: Path) -> None:
        self.started(tmp_path / "with", prompts=str(folder))
        with pytest.raises(RunFolderError, match=r"own_prompts is '1-[0-9a-f]{16}' there, None here"):
            make(tmp_path / "with")
        self.started(tmp_path / "without")
        with pytest.raises(RunFolderError, match=r"own_prompts is None there, '1-[0-9a-f]{16}' here"):
            make(tmp_path / "without", prompts=str(folder))

    def test_a_language_is_part_of_it(self, tmp_path: Path) -> None:
        self.started(tmp_path / "run", language="German")
        with pytest.raises(RunFolderError, match="language is 'German' there, None here"):
            make(tmp_path / "run")

    @pytest.mark.parametrize("language", ["de", "", "German\nand French", "123"])
    def test_what_is_no_language(self, tmp_path: Path, language: str) -> None:
        with pytest.raises(ConfigError, match="--language: expected the name of a language, such as German, got"):
            make(tmp_path / "run", language=language)

    @pytest.mark.parametrize("option", [{"language": "German"}, {"prompts": "mine"}])
    def test_the_demo_model_speaks_english_and_knows_its_own_questions(
        self, tmp_path: Path, option: dict[str, str]
    ) -> None:
        with pytest.raises(ConfigError, match=r"the demo model answers its own questions alone, in English"):
            make(tmp_path / "run", **{"llm": "demo", "model": None, **option})

    def test_magpie_asks_nothing_in_any_language(self) -> None:
        given = {"llm": "openai", "model": "stub-model", "language": "German"}
        with pytest.raises(ConfigError, match="--language: Magpie asks nothing that could name one"):
            read_config(given, {}, "", get_recipe("magpie").load_config())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_a_run_asks_in_them_in_all_its_processes(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "document_answer.chat.jinja2").write_text(
        "Passage: {{ document }}\nAntworte auf Deutsch: {{ instruction }}"
    )
    with OpenAIServer(answer=lambda body: "1. What does the heart do all day long?") as server:
        assert not status_of(
            "domain", "--llm", "openai", "--model", "stub-model", "--base-url", server.url, "--out", tmp_path / "run",
            "--max-documents", 2, "--queries", 1, "--prompts", mine, "--language", "German",
        )  # fmt: skip
    first_lines = {request.body["messages"][0]["content"].partition("\n")[0] for request in server.requests}
    assert sum(line.startswith("Write in German;") for line in first_lines) == 1
    assert sum(line.startswith("Passage: ") for line in first_lines) >= 1
    assert len(rows_of(tmp_path / "run", "instances")) >= 1
