"""`self-instruct draw`: a picture of a pipeline, drawn on this machine."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from distilabel_selfinstruct.cli.arguments import a_path
from distilabel_selfinstruct.cli.commands.run import script_of
from distilabel_selfinstruct.cli.parser import PROG, Parser
from distilabel_selfinstruct.data.folder import RunFolder

if TYPE_CHECKING:
    from distilabel_selfinstruct.engine.drawing import Wiring


def options() -> Parser:
    """Of what, and where to."""
    parser = Parser(
        prog=f"{PROG} draw",
        description="Draws the pipeline of a recipe, a script or a run, as SVG or PNG. Nothing is sent anywhere.",
        examples=[f"{PROG} draw topics --out topics.svg", f"{PROG} draw mine.py --top-to-bottom"],
    )
    parser.add_argument("what", metavar="RECIPE", help="recipe, pipeline script (.py), or run folder")
    parser.add_argument("--out", type=a_path, metavar="FILE", help="ends in .svg or .png (default: RECIPE.svg)")
    parser.add_argument("--top-to-bottom", action="store_true", help="the first step on top, not on the left")
    return parser


def run(words: list[str]) -> str:
    """Draws it; where it is."""
    given = options().parse_args(words)
    folder = RunFolder(given.what)
    out = given.out or Path(f"{folder.name if folder.is_run else Path(given.what).stem}.svg")

    from distilabel_selfinstruct.engine.drawing import write_picture

    wiring = _wiring_of_run(folder) if folder.is_run else _wiring_of_recipe(given.what)
    return f"pipeline: {write_picture(wiring, out, given.top_to_bottom)}"


def _wiring_of_run(folder: RunFolder) -> Wiring:
    from distilabel_selfinstruct.engine.drawing import Wiring
    from distilabel_selfinstruct.errors import RunFolderError

    if (description := folder.pipeline_description()) is None:
        raise RunFolderError(f"{folder}: the run has not ended, and its pipeline is not kept yet; draw its recipe.")
    return Wiring.of_description(description)


def _wiring_of_recipe(name: str) -> Wiring:
    """Of the pipeline as its script builds it with the embedded demo model, which nothing is asked of."""
    _, module = script_of(name)

    from distilabel_selfinstruct.runs.run import Run

    with TemporaryDirectory(prefix="self-instruct-") as folder:
        run = Run(module.RECIPE.load_config()(out=f"{folder}/drawn"), module.RECIPE)
        wiring: Wiring = module.build(run).wiring()
    return wiring
