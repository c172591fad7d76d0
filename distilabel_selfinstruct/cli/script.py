"""What a pipeline script does when it is run: options, progress, summary, and one clear line for each error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distilabel_selfinstruct.cli.options import add_options, config_of
from distilabel_selfinstruct.cli.parser import Parser, say
from distilabel_selfinstruct.errors import SelfInstructError
from distilabel_selfinstruct.lazy import plain_tracebacks
from distilabel_selfinstruct.models.local.weights import SMALL_MODEL
from distilabel_selfinstruct.recipe import Recipe
from distilabel_selfinstruct.secrets import shown

if TYPE_CHECKING:
    from distilabel_selfinstruct.engine.pipeline import WholePipeline
    from distilabel_selfinstruct.engine.ray.cluster import Cluster
    from distilabel_selfinstruct.runs.config import RunConfig
    from distilabel_selfinstruct.runs.run import Run

INCOMPLETE = 3  # exit status of a run that ended with less than was asked for


def options(recipe: Recipe, prog: str | None = None) -> Parser:
    """The options of a recipe, those of its config."""
    prog = prog or f"python {sys.argv[0]}"
    examples = [prog, f"{prog} --llm openai --model NAME --base-url https://.../v1 --out runs/mine"]
    parser = Parser(
        prog=prog,
        usage="%(prog)s [options]",
        description=f"{recipe.title} ({recipe.url}): {recipe.makes}.",
        examples=examples,
    )
    add_options(parser, recipe.load_config())
    return parser


def run(
    recipe: Recipe,
    build: Callable[[Run[Any]], WholePipeline],
    finish: Callable[[Run[Any]], Sequence[str]] | None = None,
    arguments: Sequence[str] | None = None,
    prog: str | None = None,
    script: Path | None = None,
) -> int:
    """Runs a pipeline from the command line.

    Args:
        recipe: that the pipeline follows.
        build: makes the pipeline for a run.
        finish: see `Run.execute`.
        arguments: instead of those of the command line.
        prog: what the command is called in its help.
        script: the pipeline script, published with the run; by default the one that is run.

    Returns:
        The exit status: 0 for a whole run, 3 for less than was asked for.

    Raises:
        SelfInstructError: see `stopping.status_of`.
    """
    given = vars(options(recipe, prog).parse_args(arguments))
    config: RunConfig = config_of(given, recipe.load_config())
    if config.show_config:
        from distilabel_selfinstruct.cli.resolved import resolved_config

        say(resolved_config(recipe, config, build))
        return 0
    _note(config, f"{recipe.title}: {_model(config)}, {_where(config, recipe)}")
    with _on_the_way(config) as cluster:
        return _run(recipe, config, build, finish, script or Path(sys.argv[0]), cluster)


def _run(
    recipe: Recipe,
    config: RunConfig,
    build: Callable[[Run[Any]], WholePipeline],
    finish: Callable[[Run[Any]], Sequence[str]] | None,
    script: Path,
    cluster: Cluster | None,
) -> int:
    from distilabel_selfinstruct.engine.progress import sign_of_life

    show = not config.quiet
    with sign_of_life("getting ready", show=show), plain_tracebacks():
        from distilabel_selfinstruct.cli.finish import check_targets, judge_notes, publishing, send, write_what_follows
        from distilabel_selfinstruct.cli.preview import preview
        from distilabel_selfinstruct.cli.words import describe, forecast_before, preview_end, what_is_missing
        from distilabel_selfinstruct.runs.run import Run

    if config.preview:
        looked_at, summary = preview(recipe, config, build, finish)
        say(looked_at, "", *preview_end(summary, config.preview))
        return 0 if summary.main_rows else INCOMPLETE
    with sign_of_life("reading what the run begins with", show=show):
        run = Run(config, recipe, cluster)
        before = forecast_before(run)
    _note(config, *filter(None, [before]))
    notes = judge_notes(run)
    check_targets(run.config)
    if run.config.judge_agreement and show:
        say(*notes)
    with publishing(run) as whole:
        summary = run.execute(
            build, show=show, finish=finish, notes=notes, begin=lambda: _check(recipe, run), whole=whole
        )
    if not run.is_concluded:
        with sign_of_life("writing review and report", show=show):
            write_what_follows(run, summary)
        run.conclude(summary)
    if show:
        say(describe(summary, run))
    else:
        for line in what_is_missing(summary, run):
            print(shown(line), file=sys.stderr, flush=True)
    with sign_of_life("sending", show=show):
        sent = send(run, script)
    say(*(sent if show else [run.folder.summary_path]))
    return 0 if summary.is_whole else INCOMPLETE


@contextmanager
def _on_the_way(config: RunConfig) -> Iterator[Cluster | None]:
    """Sets out for a Ray cluster that stands, which gets ready while this process does."""
    if config.ray in (None, "local"):
        yield None
        return
    from distilabel_selfinstruct.engine.ray.cluster import Cluster

    cluster = Cluster(config.ray)
    try:
        with suppress(SelfInstructError):  # told once the cluster is needed
            cluster.begin()
        yield cluster
    finally:
        cluster.end()


def _note(config: RunConfig, *lines: str) -> None:
    """Says something beside the result, unless the run is to be quiet."""
    for line in [] if config.quiet else lines:
        print(shown(line), file=sys.stderr, flush=True)


def _check(recipe: Recipe, run: Run[Any]) -> None:
    """Asks the model a few questions before the run, where the recipe has some, and says what speaks against it."""
    from distilabel_selfinstruct.engine.progress import sign_of_life

    if (check := recipe.load_check()) is None:
        return
    with sign_of_life("asking the model a few questions", show=not run.config.quiet):
        said = check(run)
    _note(run.config, *said)


def _where(config: RunConfig, recipe: Recipe) -> str:
    return "a preview that writes nothing" if config.preview else f"in {config.out or f'runs/{recipe.name}'}"


def _model(config: RunConfig) -> str:
    if config.llm == "demo":
        return "the embedded demo model"
    if config.llm == "local" and config.model is None:
        return f"{SMALL_MODEL} on this machine (a real model, small enough to show how all of it works)"
    return f"the model {config.model}" if config.model else "a model of your own"
