"""What the site makes of the package: a page a component, every reason, every message. `make docs` builds it."""

from __future__ import annotations

import pytest

from distilabel_selfinstruct.recipe import recipes
from tests.test_package import COMPONENTS, columns, headings
from tools.site.messages import of_errors
from tools.site.pages import components, notebooks, reasons_of


@pytest.fixture(scope="module")
def gallery() -> dict[str, str]:
    return components()


def test_the_gallery_has_every_component(gallery: dict[str, str]) -> None:
    assert gallery.keys() == {"components/index.md", *(f"components/{name}.md" for name in COMPONENTS)}
    assert [name for name in COMPONENTS if f"]({name}.md)" not in gallery["components/index.md"]] == []


def test_steps_tasks_and_models_are_told_apart(gallery: dict[str, str]) -> None:
    steps, tasks, models = gallery["components/index.md"].split("## ")[1:]
    assert "[RougeDedup]" in steps
    assert "[BootstrapInstructions]" in tasks
    assert "[DurableLLM]" in models


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_page_has_the_columns_and_the_example_of_the_docstring(name: str, gallery: dict[str, str]) -> None:
    page = gallery[f"components/{name}.md"]
    documented = headings(COMPONENTS[name])
    of_page = [line.split(" | ")[0].strip("| ") for line in page.splitlines() if line.startswith("| ")]
    for column in columns(documented.get("Input columns", "")) + columns(documented.get("Output columns", "")):
        assert column in of_page
    assert page.count("```python") == 1 + documented["Examples"].count("```python")


def test_every_reason_of_a_recipe_has_a_line() -> None:
    for recipe in recipes().values():
        page = reasons_of(recipe)
        assert [
            each.code for stage in recipe.stages for each in stage.reasons if f"| `{each.code}` |" not in page
        ] == []


def test_messages_are_read_from_the_source_with_what_they_fill_in() -> None:
    assert "…: there is no such seed file." in of_errors()["data"]


def test_a_notebook_becomes_a_page_of_its_texts_and_cells() -> None:
    page = notebooks()["notebooks/self-instruct.md"]
    assert page.startswith("# Self-Instruct: from seed tasks to a dataset\n")
    assert "```python\n%%bash\nself-instruct run --num-instructions 20 --out runs/notebook\n```" in page
