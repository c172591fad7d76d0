"""Puts the source of the site together in build/docs: the pages of docs/, and those that the package itself makes.

`python -m tools.site.pages && zensical build --strict --clean`, or `make docs`. Made of the package are the gallery of
components (their docstrings), the options of every command, the reasons of every recipe, and the list of messages;
of notebooks/ their texts and cells.
"""

from __future__ import annotations

import json
import os
import shutil
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.site.messages import of_errors

os.environ["COLUMNS"] = "110"  # of the helps
ROOT = Path(__file__).parents[2]
TARGET = ROOT / "build" / "docs"
KINDS = {
    "steps": ("Steps", "They read rows and mark them; none asks a model."),
    "tasks": ("Tasks", "They ask a model, and read what it answers."),
    "llms": ("Models", "They answer; each works in any distilabel pipeline."),
}


def main() -> None:
    """Makes all of it anew."""
    shutil.rmtree(TARGET, ignore_errors=True)
    shutil.copytree(ROOT / "docs", TARGET)
    pages = {**components(), **references(), **notebooks(), "changelog.md": read("CHANGELOG.md")}
    for name, text in pages.items():
        path = TARGET / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.rstrip() + "\n", encoding="utf-8")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def components() -> dict[str, str]:
    """The gallery: a page a component, of its docstring, and an index by kind."""
    from distilabel.utils.docstring import parse_google_docstring
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=False)
    environment.filters.update(cell=lambda text: text.replace("|", "\\|"), dedent=dedent)
    template = environment.get_template("component.md.jinja2")
    lines: dict[str, list[str]] = {kind: [] for kind in KINDS}
    pages = {}
    for name, kind, component in public_components():
        docstring = parse_google_docstring(component)
        about = f" ({', '.join(docstring['categories'])})" if docstring["categories"] else ""
        lines[kind].append(f"- [{name}]({name}.md){about}: {docstring['short_description']}")
        pages[f"components/{name}.md"] = template.render(name=name, docstring=docstring)
    parts = [f"## {title}\n\n{what}\n\n" + "\n".join(lines[kind]) for kind, (title, what) in KINDS.items()]
    first = "# Components\n\nWhat a pipeline is wired of, each with its columns and an example that runs."
    return {"components/index.md": "\n\n".join([first, *parts]), **pages}


def public_components() -> Iterator[tuple[str, str, type]]:
    """Every public class with an example: name, kind, class."""
    from distilabel.models.llms.base import LLM
    from distilabel.steps.tasks.base import _Task

    import distilabel_selfinstruct

    for name in distilabel_selfinstruct.__all__:
        component = getattr(distilabel_selfinstruct, name)
        if isinstance(component, type) and "Examples:\n" in (component.__doc__ or ""):
            kind = "llms" if issubclass(component, LLM) else "tasks" if issubclass(component, _Task) else "steps"
            yield name, kind, component


def dedent(text: str) -> str:
    """Of a docstring, whose first line stands further left."""
    return textwrap.dedent("    " + text)


def references() -> dict[str, str]:
    """Pages of what the package declares."""
    from distilabel_selfinstruct.cli.commands import COMMANDS, module_of
    from distilabel_selfinstruct.cli.script import options
    from distilabel_selfinstruct.recipe import recipes

    helps: dict[str, Callable[[], str]] = {
        f"self-instruct {name}": module_of(name).options().format_help for name in COMMANDS if name != "run"
    }
    for name, recipe in recipes().items():
        helps[f"self-instruct run {name}"] = options(recipe, f"self-instruct run {name}").format_help
    commands = [f"## {title}\n\n```text\n{help_of().rstrip()}\n```" for title, help_of in helps.items()]
    return {
        "reference/commands.md": "\n\n".join(["# Every command and its options", *commands]),
        "reference/reasons.md": "\n\n".join([REASONS, *map(reasons_of, recipes().values())]),
        "reference/messages.md": all_messages(),
    }


REASONS = """# Why a row was rejected

Every row that is thrown away stands in the config `rejected` with its stage and one of these codes. A failed request is
named after its fault (`content_filter`, `context_length`, `bad_request` ...); a filter of your own brings its name."""


def reasons_of(recipe: Any) -> str:
    """The reasons of a recipe, a table."""
    rows = [
        f"| {stage.name} | `{reason.code}` | {reason.meaning.replace('|', chr(92) + '|')} |"
        for stage in recipe.stages
        for reason in stage.reasons
    ]
    table = "\n".join(["| stage | reason | meaning |", "|---|---|---|", *rows])
    return f"## {recipe.name}\n\n{table}"


def all_messages() -> str:
    """Every message of an error: it says what is wrong, where, and what to do."""
    parts = [
        "# All messages\n\nEach says what is wrong, where, and what to do; `…` is what it fills in. Those that people"
        " meet most are explained in [troubleshooting](../troubleshooting.md)."
    ]
    for part, texts in of_errors().items():
        lines = "\n".join(f"- `{' '.join(text.split()).replace('`', chr(39))}`" for text in texts)
        parts.append(f"## {part}\n\n{lines}")
    return "\n\n".join(parts)


def notebooks() -> dict[str, str]:
    """A page a notebook: its texts, and its cells as code."""
    return {
        f"notebooks/{path.stem}.md": "\n\n".join([*map(cell, json.loads(path.read_text("utf-8"))["cells"]), at(path)])
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    }


def cell(made: Mapping[str, Any]) -> str:
    source = "".join(made["source"])
    return source if made["cell_type"] == "markdown" else f"```python\n{source}\n```"


def at(path: Path) -> str:
    return f"(The notebook itself: `notebooks/{path.name}` in the repository.)"


if __name__ == "__main__":
    main()
