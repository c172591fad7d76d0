"""README, CONTRIBUTING and the pages of docs/ say nothing that does not work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from distilabel_selfinstruct.data.rubrics import Rubric
from tests.conftest import ROOT
from tests.support.pages import Block, blocks_of, check, check_config, pages, recipe_run, run_page, steady, words_of
from tools.site.messages import GAP, messages

PAGES = {path.relative_to(ROOT).as_posix(): path for path in pages()}
TEXTS = {name: path.read_text(encoding="utf-8") for name, path in PAGES.items()}
TO_RUN = [name for name, text in TEXTS.items() if name not in ("README.md", "CONTRIBUTING.md") and blocks_of(text)]
every_page = pytest.mark.parametrize("page", TEXTS)


def commands(page: str) -> Iterator[list[str]]:
    for block in blocks_of(TEXTS[page]):
        for line in block.commands:
            yield from words_of(line)


@every_page
def test_every_command_asks_for_what_there_is(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for block in blocks_of(TEXTS[page]):
        if block.file:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
    for words in commands(page):
        check(words)


@every_page
def test_config_files_hold_options_that_exist_and_python_is_valid(page: str) -> None:
    for block in blocks_of(TEXTS[page]):
        if block.file == "rubric.yaml":
            Rubric.model_validate(yaml.safe_load(block.text))
        elif block.language == "yaml":
            check_config(yaml.safe_load(block.text), page)
        if block.language == "python":
            compile(block.text, page, "exec")


@pytest.mark.slow
@pytest.mark.parametrize("page", TO_RUN)
def test_its_commands_run_and_say_what_it_shows(page: str) -> None:
    """Where this fails because the output has changed for good: `python -m tests.support.pages PAGE` writes it anew."""
    now = run_page(TEXTS[page])
    assert steady(now) == steady(TEXTS[page])


def test_every_recipe_has_a_guide_with_its_output() -> None:
    from tests.support.pages import RECIPES

    for name in RECIPES:
        blocks = blocks_of(TEXTS[f"docs/recipes/{name}.md"])
        shown = [block for block in blocks if block.language == "console" and len(block.text.splitlines()) > 3]
        assert [recipe_run(next(words_of(block.commands[0])))[0].name for block in shown][:1] == [name]  # type: ignore[index]


@pytest.mark.parametrize("page", ["docs/troubleshooting.md"])
def test_every_message_that_is_quoted_is_one_of_the_package(page: str) -> None:
    known = [" ".join(message.text.split()) for message in messages()]
    quoted = re.findall(r"^\| `([^`]+)` \|", TEXTS[page], re.MULTILINE)
    assert len(quoted) > 50
    assert [line for line in quoted if not any(_parts_in_order(line, text) for text in known)] == []


def _parts_in_order(line: str, text: str) -> bool:
    pattern = ".*".join(re.escape(part.strip()) for part in line.split(GAP))
    return re.search(pattern, text) is not None


class TestBlocks:
    def test_commands_of_a_console_are_told_from_what_they_write(self) -> None:
        [block] = blocks_of("```console\n$ self-instruct recipes\nself-instruct: Self-Instruct\n```\n")
        assert (block.commands, block.runs) == (["self-instruct recipes"], ["self-instruct recipes"])

    def test_a_command_goes_on_behind_a_backslash(self) -> None:
        assert blocks_of("```sh\nmake \\\n  lint\n```\n")[0].commands == ["make    lint"]

    def test_what_needs_something_does_not_run(self) -> None:
        [block] = blocks_of("<!-- needs: a key -->\n```sh\nself-instruct recipes\n```\n")
        assert (block.needs, block.commands, block.runs) == ("a key", ["self-instruct recipes"], [])

    @pytest.mark.parametrize(
        "command", ["run --model NAME", "run --base-url https://.../v1", "run --documents me/papers"]
    )
    def test_nor_does_a_placeholder(self, command: str) -> None:
        assert Block("sh", f"self-instruct {command}\n").runs == []

    @pytest.mark.parametrize("text", ["```text\nself-instruct recipes\n```\n", "```\nbootstrap  86% 258 of 300\n```\n"])
    def test_other_texts_hold_no_commands(self, text: str) -> None:
        assert blocks_of(text)[0].commands == []

    def test_what_does_not_end_does_not_run(self) -> None:
        assert Block("sh", "self-instruct view runs/mine\n").runs == []


class TestCheck:
    def test_an_option_that_there_is_not(self) -> None:
        with pytest.raises(SystemExit):
            check(["self-instruct", "run", "--num-instruction", "3"])

    def test_a_value_that_cannot_be(self) -> None:
        from distilabel_selfinstruct.errors import ConfigError

        with pytest.raises(ConfigError, match="num-instructions"):
            check(["self-instruct", "run", "--num-instructions", "0"])

    @pytest.mark.parametrize("words", [["self-instruct", "fly"], ["make", "tea"], ["rm", "-r", "runs"]])
    def test_a_command_that_there_is_not(self, words: list[str]) -> None:
        with pytest.raises(Exception, match=r"fly|tea|rm"):
            check(words)

    def test_an_extra_that_there_is_not(self) -> None:
        with pytest.raises(AssertionError):
            check(["pip", "install", "-e", ".[nonsense]"])


def test_links_between_files_lead_somewhere() -> None:
    """Those of README and CONTRIBUTING; zensical checks those of the site."""
    for name in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", TEXTS[name]):
            assert (ROOT / target).exists(), f"{name}: {target}"


def test_pictures_of_pages_are_there() -> None:
    for name, path in PAGES.items():
        for target in re.findall(r"!\[[^\]]*\]\((?!https?:)([^)#]+)", TEXTS[name]):
            assert Path(path.parent / target).is_file(), f"{name}: {target}"
