"""README, the pages of docs/ and their commands: read, held against the command line, run.

- A block of `sh` or `console` holds commands, and so does one without a language that begins with a command; in
  `console` they begin with `$ `, and what follows each is what it writes on stdout.
- `<!-- needs: a key -->` above a block: it is not run here, only held against the command line.
- A command with a placeholder (`NAME`, `...`, `me/`) is not run either, nor `self-instruct view`, which does not end.
- `<!-- file: NAME -->` above a block: the page's commands find it in their folder under that name.
- `<!-- output -->` above a block: it is what the Python block before it prints.

A page is a session: its blocks run in their order, in one new folder. `python -m tests.support.pages PAGE ...` runs
pages and writes what their commands say now.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from distilabel_selfinstruct.cli.commands import module_of
from distilabel_selfinstruct.cli.iterations.config import read_iterations
from distilabel_selfinstruct.cli.script import options
from distilabel_selfinstruct.recipe import DEFAULT, Recipe, recipes
from distilabel_selfinstruct.runs.config import read_config
from tests.conftest import ROOT
from tests.support.warm import ended, start

LIMIT = 300.0
RECIPES = recipes()
_BLOCK = re.compile(
    r"(?:^<!-- (?P<kind>needs|file|output)(?:: (?P<value>.+?))? -->\n+)?^```(?P<language>\w*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_PLACEHOLDER = re.compile(
    r"\b(?:NAME|NAMESPACE|MODEL|TRAINED|SMALL|FILE|REPOSITORY|FOLDER|RUN)\b|\.\.\.|\bme/|/shared/|^self-instruct view "
)
_DURATION = re.compile(r" *(?:\d[\d,.]* (?:ms|s|min|h)\b ?)+")
_OTHERS = (
    *("python", "pytest", "export", "mkdir", "cp", "ls", "cat", "head", "grep"),
    *("uv", "pipx", "pre-commit", "lint-imports", "."),
)
_COMMANDS = ("self-instruct", "pip", "make", *_OTHERS)
_CLONE = ("benchmarks", "distilabel_selfinstruct", "pipelines", "seeds", "tests", "pyproject.toml", "Makefile")


@dataclass(frozen=True)
class Block:
    """A block between fences.

    Attributes:
        language: as it is named.
        text: of it.
        needs: what it takes that is not here; empty where it runs.
        file: the name under which the page's commands find it.
        is_output: whether it is what the Python block before it prints.
        begin: where its text begins in the page.
    """

    language: str
    text: str
    needs: str = ""
    file: str = ""
    is_output: bool = False
    begin: int = 0

    @property
    def commands(self) -> list[str]:
        """Its commands, those that go on behind a backslash in one line."""
        begins_with_one = self.text.split(maxsplit=1)[:1] in [[name] for name in _COMMANDS]
        if self.language not in ("sh", "console") and (self.language or not begins_with_one):
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        if self.language == "console":
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]

    @property
    def runs(self) -> list[str]:
        """Those of its commands that run here."""
        return [] if self.needs else [line for line in self.commands if not _PLACEHOLDER.search(line)]


def pages() -> list[Path]:
    """README and the pages of docs/."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(text: str) -> list[Block]:
    """The blocks of a page, in their order."""
    return [
        Block(
            found["language"],
            found["body"],
            needs=found["value"] if found["kind"] == "needs" else "",
            file=found["value"] if found["kind"] == "file" else "",
            is_output=found["kind"] == "output",
            begin=found.start("body"),
        )
        for found in _BLOCK.finditer(text)
    ]


def words_of(command: str) -> Iterator[list[str]]:
    """The words of each command of a line, without what stands behind `#` and what a shell does with its output."""
    words: list[str] = []
    for word in [*shlex.split(re.sub(r" > \S+", "", command), comments=True), ";"]:
        if word not in ("&&", "|", ";"):
            words.append(word)
        elif words:
            yield words
            words = []


def recipe_run(words: list[str]) -> tuple[Recipe, list[str]] | None:
    """The recipe that a command runs, and its options; None where it runs none."""
    scripts = {f"pipelines/{recipe.script}": recipe for recipe in RECIPES.values()}
    if words[:1] == ["python"] and words[1:] and words[1] in scripts:
        return scripts[words[1]], words[2:]
    if words[:2] == ["self-instruct", "run"]:
        named = words[2:3] if words[2:3] and not words[2].startswith("-") else []
        if named and named[0].endswith(".py"):
            return None
        return RECIPES[named[0] if named else DEFAULT], words[2 + len(named) :]
    return None


def check(words: list[str]) -> None:
    """Raises where a command asks for what there is not; nothing is run."""
    if found := recipe_run(words):
        recipe, given = found
        values = vars(options(recipe).parse_args(given))
        values.pop("config", None)  # a file of the page, which is read when it runs
        read_config(values, {}, "", recipe.load_config())
    elif words[0] == "self-instruct":
        _check_command(words[1:])
    elif words[:2] == ["pip", "install"] or words[:4] == ["python", "-m", "pip", "install"]:
        _check_extras(words)
    elif words[0] == "python" and words[1].endswith(".py"):
        _check_script(words[1:])
    elif words[0] == "make":
        assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text(encoding="utf-8"), words
    elif words[0] not in _OTHERS:
        raise AssertionError(f"nothing is known of the command {words[0]!r}: {' '.join(words)}")


def _check_command(words: list[str]) -> None:
    if words[0].startswith("-") or words[0] == "run":
        return
    module_of(words[0]).options().parse_args([word for word in words[1:] if word != "--help"])


def _check_extras(words: list[str]) -> None:
    extras = metadata.metadata("distilabel-selfinstruct").get_all("Provides-Extra") or []
    for word in words:
        for named in re.findall(r"(?:^\.|distilabel-selfinstruct)\[([\w,-]+)\]", word):
            assert set(named.split(",")) <= set(extras), words


def _check_script(words: list[str]) -> None:
    """One of the repository, by its text: it may take long, or packages that are not here."""
    if not (ROOT / words[0]).is_file():  # a script of the page
        return
    text = (ROOT / words[0]).read_text(encoding="utf-8")
    for word in words[1:]:
        assert not word.startswith("--") or f'"{word}"' in text or word.strip("-").replace("-", "_") in text, words


class Session:
    """The folder in which the commands of a page run, like a clone, without a network and without the user's keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in _CLONE:
            (folder / name).symlink_to(ROOT / name)
        secret = ("KEY", "TOKEN")
        kept = {name: value for name, value in os.environ.items() if not any(word in name for word in secret)}
        path = os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]])
        self._printed = ""
        self._environment = {**kept, "PATH": path, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT), "COLUMNS": "120"}

    def run(self, command: str) -> str:
        """What a command writes on stdout; paths are those of a reader. It may end with less than was asked for."""
        words = list(words_of(command))
        if len(words) == 1 and words[0][0] == "self-instruct" and ">" not in command:
            program = Path(sys.executable).parent / "self-instruct"
            result = ended(start([str(program), *words[0][1:]], self.folder, self._environment), LIMIT)
        else:
            result = subprocess.run(
                ["bash", "-o", "pipefail", "-c", command],
                cwd=self.folder, env=self._environment, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=LIMIT,
            )  # fmt: skip
        assert result.returncode in (0, 3), f"{command}\n{result.stdout}{result.stderr}"
        return result.stdout.replace(f"{self.folder}/", "").replace(str(self.folder), ".")

    def block(self, block: Block) -> str:
        """Runs the commands of a block; its text with what they write now."""
        if block.file:
            (self.folder / block.file).write_text(block.text, encoding="utf-8")
        elif block.is_output:
            return block.text if steady(block.text) == steady(self._printed) else self._printed
        elif block.language == "python" and not block.needs:
            (self.folder / "block.py").write_text(block.text, encoding="utf-8")
            self._printed = self.run("python block.py").rstrip() + "\n"
        if block.language != "console":
            for command in block.runs:
                self.run(command)
            return block.text
        parts = re.split(r"^(?=\$ )", block.text, flags=re.MULTILINE)[1:]
        return "".join(map(self._said, parts, block.commands)) if block.runs else block.text

    def _said(self, part: str, command: str) -> str:
        """A command as it stands, and what it writes; as it was written where nothing but a duration has changed."""
        asked = re.match(r"(?:.*\\\n)*.*\n", part)
        assert asked
        now = asked[0] + "".join(f"{line}\n" for line in self.run(command).rstrip().splitlines())
        return part if steady(part) == steady(now) else now


def steady(text: str) -> str:
    """Without what differs from one run to the next."""
    return _DURATION.sub("# s", text).rstrip()


def run_page(text: str) -> str:
    """A page with what its commands write now."""
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder).resolve())
        parts, end = [], 0
        for block in blocks_of(text):
            parts += [text[end : block.begin], session.block(block)]
            end = block.begin + len(block.text)
        return "".join([*parts, text[end:]])


def check_config(values: dict[str, object], where: str) -> None:
    """Raises where a config file of a page holds what there is not."""
    if "runs" in values:
        read_iterations(values, where)
    else:
        name = str(values.pop("recipe", DEFAULT))
        read_config({}, values, where, RECIPES[name].load_config())


def main() -> None:
    parser = argparse.ArgumentParser(description="Runs pages, and writes what their commands say now.")
    parser.add_argument("pages", nargs="*", type=Path, default=pages())
    for page in parser.parse_args().pages:
        text = page.read_text(encoding="utf-8")
        if (new := run_page(text)) != text:
            page.write_text(new, encoding="utf-8")
            print(f"{page}: written anew")


if __name__ == "__main__":
    main()
