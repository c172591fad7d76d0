"""The options that all pipelines share, and what a run says at its end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NoReturn, Union, get_args, get_origin

from distilabel_selfinstruct.config import (
    GROUPS,
    C,
    M,
    ModelConfig,
    Option,
    RunConfig,
    SelfInstructConfig,
    option_of,
    read_config,
    read_config_file,
)
from distilabel_selfinstruct.errors import SelfInstructError
from distilabel_selfinstruct.hub import check_push, push_run
from distilabel_selfinstruct.llms.records import usage_by_stage
from distilabel_selfinstruct.pipeline import Interrupted, WholePipeline
from distilabel_selfinstruct.report import Prices, forecast, forecast_text, rounds_of
from distilabel_selfinstruct.report.rows import read_run
from distilabel_selfinstruct.review import push_review
from distilabel_selfinstruct.run import Run, Summary
from distilabel_selfinstruct.secrets import shown

_INCOMPLETE = 3  # exit status of a run that ended with less than was asked for
_WORDINGS = {
    "chat": "the model answers messages (default)",
    "base": "the model continues a text: raw completions",
    "structured": "the model answers messages under a JSON schema (guided decoding)",
}
_ENDINGS = {
    "stalled": "It stopped because round after round brought nothing new. Give it more --patience, or in another"
    " folder (--out) {other_seeds}a higher --temperature.",
    "budget": "It stopped because the budget is used up. Run the same command with a larger one to go on.",
    "kept back": "It stopped because it kept of the budget what answers were likely to take. Run the same command to go"
    " on with what is left.",
    "pilot": "These were the pilot rounds. Run the same command without --pilot-rounds to go on.",
    "unavailable": "It stopped because the endpoint did not answer any more. Run the same command to go on.",
}


def options(description: str | None = None, kind: type[RunConfig] = SelfInstructConfig) -> argparse.ArgumentParser:
    """The options of a pipeline script, those of its config."""
    parser = Parser(description=description)
    add_options(parser, kind)
    return parser


def add_options(parser: argparse.ArgumentParser, kind: type[ModelConfig]) -> None:
    """Adds the options of a config, and the file that they may come from; none left out is in the namespace."""
    parser.argument_default = argparse.SUPPRESS
    parser.epilog = "The key of an endpoint comes from the environment: OPENAI_API_KEY."
    groups = {name: parser.add_argument_group(name) if name else parser for name in GROUPS}
    own_first = sorted(kind.model_fields.items(), key=lambda item: item[0] in RunConfig.model_fields)
    for name, field in own_first:
        _add_option(groups[option_of(field).group], name, field.annotation, option_of(field))
    parser.add_argument("--config", metavar="FILE.yaml", help="options from a file, by the same names; options win")


def config_of(given: dict[str, Any], kind: type[M]) -> M:
    """The config of options of the command line, and of the file that they name.

    Raises:
        ConfigError: names the first value that cannot be used.
    """
    file = given.pop("config", None)
    return read_config(given, read_config_file(file) if file else {}, file or "config", kind)


def _add_option(group: argparse._ActionsContainer, name: str, annotation: Any, known: Option) -> None:
    """One option of the type that the config wants."""
    if name == "wording":
        _add_wording(group, get_args(annotation))
        return
    flag, types = f"--{name.replace('_', '-')}", _types(annotation)
    if types[0] is bool:
        action = argparse.BooleanOptionalAction if len(types) > 1 else "store_true"
        group.add_argument(flag, action=action, help=known.help)
    elif (choices := _choices(annotation)) is not None:
        group.add_argument(flag, choices=choices, help=known.help)
    else:
        values: dict[str, Any] = {"nargs": "?", "const": known.const} if known.const is not None else {}
        if (kind := get_origin(types[0])) in (list, dict):
            values = {"nargs": "+", "action": "extend"}
            types = get_args(types[0]) if kind is list else (str,)
        group.add_argument(flag, type=types[0], metavar=known.metavar, help=known.help, **values)


def _add_wording(group: argparse._ActionsContainer, choices: Sequence[str]) -> None:
    """A flag for each way the recipe can put its questions, where there is more than one."""
    if len(choices) == 1:
        return
    wording = group.add_mutually_exclusive_group()
    for name in choices:
        wording.add_argument(f"--{name}", dest="wording", action="store_const", const=name, help=_WORDINGS[name])


def _types(annotation: Any) -> tuple[Any, ...]:
    """The types of a union, or the one there is."""
    is_union = get_origin(annotation) in (Union, UnionType)
    return get_args(annotation) if is_union else (annotation,)


def _choices(annotation: Any) -> tuple[str, ...] | None:
    """What a value may be, if the config names it."""
    first = _types(annotation)[0]
    return get_args(first) if get_origin(first) is Literal else None


def main(
    build: Callable[[Run[C]], WholePipeline], description: str | None = None, recipe: str = "self-instruct",
    kind: type[C] = SelfInstructConfig,  # type: ignore[assignment]
    finish: Callable[[Run[C]], Sequence[str]] | None = None, arguments: Sequence[str] | None = None,
) -> int:  # fmt: skip
    """Runs a pipeline from the command line: options, progress, summary, and one clear line for each error.

    Args:
        build: makes the pipeline for a run.
        description: what `--help` says first.
        recipe: name of the pipeline.
        kind: its config.
        finish: see `Run.execute`.
        arguments: instead of those of the command line.

    Returns:
        The exit status: 0 for a whole run, 1 for an error, 3 for less than was asked for, 130 after a signal.
    """
    given = vars(options(description, kind).parse_args(arguments))
    try:
        run = Run(config_of(given, kind), recipe)
        if run.config.push_to_hub:
            check_push(run.config.push_to_hub)
        if run.config.judge_agreement:
            say(*run.judge_notes())
        summary = run.execute(build, finish=finish)
        say(describe(summary, run))
        if run.config.push_to_hub:
            say(f"pushed: {_push(run)}")
        if run.config.argilla_url:
            say(push_review(run.folder, argilla_url=run.config.argilla_url))
    except Interrupted as stopped:
        return fail(stopped, 130)
    except KeyboardInterrupt:
        return fail(Interrupted("SIGINT"), 130)
    except (SelfInstructError, OSError) as error:
        return fail(f"Error: {error}")
    return 0 if summary.is_whole else _INCOMPLETE


def fail(message: object, status: int = 1) -> int:
    """Says what went wrong, in one line."""
    print(shown(message), file=sys.stderr)
    return status


def say(*texts: object) -> None:
    """Shows texts on screen, each on lines of its own, whoever has written what stands in them."""
    print(*map(shown, texts), sep="\n", flush=True)


class Parser(argparse.ArgumentParser):
    """Repeats no key that was given as if there were an option for it."""

    def error(self, message: str) -> NoReturn:
        """Says what is wrong with the command, and ends the process."""
        super().error(shown(message))


def _push(run: Run[Any]) -> str:
    """Publishes a run with the script that made it; the address of the dataset."""
    script = Path(sys.argv[0])
    return push_run(
        run.folder,
        str(run.config.push_to_hub),
        private=run.config.private,
        license=run.config.license,
        script=script if script.suffix == ".py" and script.is_file() else None,
    )


def forecast_of(folder: Path, num_instructions: int, concurrency: int, prices: Prices | None) -> str:
    """What so many instructions will take, judged by the rounds of the run in a folder, in words."""
    rows = read_run(folder)
    rounds = rounds_of(rows.instructions, rows.instances, rows.rejected or [])
    usage = usage_by_stage(folder / "completions")
    return forecast_text(forecast(rounds, usage, num_instructions, concurrency=concurrency, prices=prices))


def describe(summary: Summary, run: Run[Any]) -> str:
    """The end of a run in words: what there is, what was thrown away and why, what it cost, and what to do next."""
    what = f"{summary.admitted:,} instructions"
    if summary.prompts is not None and summary.wanted is not None:
        what = (
            f"{summary.admitted:,} of {summary.wanted:,} instructions admitted from {summary.candidates:,} candidates"
            f" in {summary.prompts:,} prompts"
        )
    rows = [f"{count:,} {name}" for name, count in summary.rows.items()]
    lines = ["; ".join([what, f"{summary.instances:,} instances", *rows])]
    for stage, reasons in summary.rejected.items():
        lines.append(f"rejected in {stage}: " + ", ".join(f"{count:,} {reason}" for reason, count in reasons.items()))
    tokens_in = sum(usage.input_tokens for usage in summary.usage.values())
    tokens_out = sum(usage.output_tokens for usage in summary.usage.values())
    requests = sum(usage.requests for usage in summary.usage.values())
    spent = f"{requests:,} requests, {tokens_in:,} tokens in, {tokens_out:,} out, {summary.seconds:.1f} s"
    if summary.cost:
        spent += f", cost {summary.cost:,.2f}"
    lines.append(spent)
    lines += [f"note: {note}" for note in summary.notes]
    if summary.ended in _ENDINGS:
        other_seeds = "other or more seed tasks (--seeds) or " if hasattr(run.config, "seeds") else ""
        ending = "kept back" if summary.ended == "budget" and run.has_budget_left else summary.ended
        lines.append(_ENDINGS[ending].format(other_seeds=other_seeds))
    if summary.failed:
        lines.append(f"{summary.failed:,} requests failed. Run the same command: it asks for those, and nothing else.")
    dataset = run.folder / "dataset"
    lines.append(f"dataset: {dataset}")
    if run.page.exists():
        lines.append(f"report: {run.page}")
    else:
        lines.append('report: not written; it needs: pip install "distilabel-selfinstruct[report]"')
    if summary.ended == "pilot":
        lines.append(forecast_of(run.folder, summary.wanted or 0, run.config.concurrency, run.config.prices()))
    if summary.instances:
        show = f"import datasets; print(datasets.load_from_disk('{dataset}/instances')['train'][0])"
        lines.append(f'next: python -c "{show}"')
    if run.config.llm == "demo":
        lines.append(
            "This was the embedded demo model. For a real one: --llm openai --model NAME --base-url URL --out FOLDER"
        )
    return "\n".join(lines)
