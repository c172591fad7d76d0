"""The options that all pipelines share, and what a run says at its end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.errors import SelfInstructError
from distilabel_selfinstruct.hub import check_push, push_run
from distilabel_selfinstruct.llms.records import usage_by_stage
from distilabel_selfinstruct.pipeline import Interrupted, Pipeline
from distilabel_selfinstruct.presets import PRESETS
from distilabel_selfinstruct.report import PILOT_ROUNDS, Prices, forecast, forecast_text, rounds_of
from distilabel_selfinstruct.report.rows import read_run
from distilabel_selfinstruct.review import push_review
from distilabel_selfinstruct.run import Run, Summary, read_config, read_config_file

_INCOMPLETE = 3  # exit status of a run that ended with less than was asked for
_ENDINGS = {
    "stalled": "It stopped because round after round brought nothing new. Give it more --patience, or in another"
    " folder (--out) other or more seed tasks (--seeds) or a higher --temperature.",
    "budget": "It stopped because the budget is used up. Run the same command with a larger one to go on.",
    "pilot": "These were the pilot rounds. Run the same command without --pilot-rounds to go on.",
    "unavailable": "It stopped because the endpoint did not answer any more. Run the same command to go on.",
}


def options(description: str | None) -> argparse.ArgumentParser:
    """The options of a pipeline script; those left out are not in the namespace."""
    parser = argparse.ArgumentParser(
        description=description,
        argument_default=argparse.SUPPRESS,
        epilog="The key of an endpoint comes from the environment: OPENAI_API_KEY.",
    )
    model = parser.add_argument_group("model")
    model.add_argument("--llm", choices=["demo", "openai", "vllm"], help="embedded demo model (default), "
                       "an OpenAI-compatible endpoint, or vLLM in this process")  # fmt: skip
    model.add_argument("--model", metavar="NAME", help="name of the model")
    model.add_argument("--base-url", metavar="URL", help="address of the endpoint, such as http://127.0.0.1:8000/v1")
    wording = model.add_mutually_exclusive_group()
    for name, text in (
        ("chat", "the model answers messages (default)"),
        ("base", "the model continues a text: raw completions"),
        ("structured", "the model answers messages under a JSON schema (guided decoding)"),
    ):
        wording.add_argument(f"--{name}", dest="wording", action="store_const", const=name, help=text)
    model.add_argument("--temperature", type=float, metavar="T", help="of bootstrap prompts (default: the preset's)")
    model.add_argument("--concurrency", type=int, metavar="N", help="most requests in flight (default: 8)")
    model.add_argument(
        "--stage-by-stage",
        action=argparse.BooleanOptionalAction,
        help="one stage holds the model at a time (default: only for models in this process)",
    )
    model.add_argument("--timeout", type=float, metavar="SECONDS", help="of one request (default: 600)")
    model.add_argument(
        "--outage", type=float, metavar="SECONDS", help="how long the endpoint may be away (default: 600)"
    )

    what = parser.add_argument_group("what is made")
    what.add_argument("--num-instructions", type=int, metavar="N", help="instructions to admit (default: 100)")
    what.add_argument("--seeds", nargs="+", metavar="FILE", help="seed files (default: the project's own)")
    what.add_argument("--preset", metavar="NAME", help=f"{', '.join(PRESETS)} (default: default)")
    what.add_argument("--seed", type=int, metavar="N", help="seed of all random draws (default: 0)")
    what.add_argument(
        "--lag",
        type=int,
        metavar="N",
        help="prompts between an answer and the first one that may show its instructions (default: from concurrency)",
    )
    what.add_argument(
        "--patience", type=int, metavar="N", help="rounds without an admission before it stops (default: 5)"
    )
    what.add_argument(
        "--pilot-rounds",
        type=int,
        nargs="?",
        const=PILOT_ROUNDS,
        metavar="K",
        help="stop after K rounds (default: 3) and say what the whole run will take",
    )
    what.add_argument("--training-format", choices=["messages", "alpaca", "prompt_completion"],
                      help="of the config sft (default: messages)")  # fmt: skip

    budget = parser.add_argument_group("budget")
    budget.add_argument("--max-tokens-total", type=int, metavar="N", help="stop after so many tokens, in and out")
    budget.add_argument("--max-cost", type=float, metavar="MONEY", help="stop after so much money")
    budget.add_argument("--input-price", type=float, metavar="MONEY", help="price of a million tokens in")
    budget.add_argument("--output-price", type=float, metavar="MONEY", help="price of a million tokens out")

    hub = parser.add_argument_group("Hugging Face Hub (token: HF_TOKEN)")
    hub.add_argument("--push-to-hub", metavar="NAMESPACE/NAME", help="publish the dataset with its card at the end")
    hub.add_argument("--private", action="store_true", help="in a private repository")
    hub.add_argument("--license", metavar="ID", help="of the dataset, such as apache-2.0 (default: unknown)")

    parser.add_argument("--argilla-url", metavar="URL", help="send 200 instances to be reviewed (key: ARGILLA_API_KEY)")
    parser.add_argument("--out", metavar="FOLDER", help="run folder (default: runs/self-instruct)")
    parser.add_argument("--config", metavar="FILE.yaml", help="options from a file, by the same names; options win")
    parser.add_argument("--verbose", action="store_true", help="show the log on screen")
    return parser


def main(
    build: Callable[[Run], Pipeline], description: str | None = None, recipe: str = "self-instruct",
    arguments: Sequence[str] | None = None,
) -> int:  # fmt: skip
    """Runs a pipeline from the command line: options, progress, summary, and one clear line for each error.

    Args:
        build: makes the pipeline for a run.
        description: what `--help` says first.
        recipe: name of the pipeline.
        arguments: instead of those of the command line.

    Returns:
        The exit status: 0 for a whole run, 1 for an error, 3 for less than was asked for, 130 after a signal.
    """
    given = vars(options(description).parse_args(arguments))
    try:
        file = given.pop("config", None)
        of_file: dict[str, Any] = read_config_file(file) if file else {}
        run = Run(read_config(given, of_file, file or "config"), recipe)
        if run.config.push_to_hub:
            check_push(run.config.push_to_hub)
        summary = run.execute(build)
        print(describe(summary, run), flush=True)
        if run.config.push_to_hub:
            print(f"pushed: {_push(run)}")
        if run.config.argilla_url:
            print(push_review(run.folder, argilla_url=run.config.argilla_url))
    except Interrupted as stopped:
        return fail(stopped, 130)
    except KeyboardInterrupt:
        return fail(Interrupted("SIGINT"), 130)
    except (SelfInstructError, OSError) as error:
        return fail(f"Error: {error}")
    return 0 if summary.is_whole else _INCOMPLETE


def fail(message: object, status: int = 1) -> int:
    """Says what went wrong, in one line."""
    print(message, file=sys.stderr)
    return status


def _push(run: Run) -> str:
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


def describe(summary: Summary, run: Run) -> str:
    """The end of a run in words: what there is, what was thrown away and why, what it cost, and what to do next."""
    lines = [
        f"{summary.admitted:,} of {summary.wanted:,} instructions admitted from {summary.candidates:,} candidates"
        f" in {summary.prompts:,} prompts; {summary.instances:,} instances",
    ]
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
        lines.append(_ENDINGS[summary.ended])
    if summary.failed:
        lines.append(f"{summary.failed:,} requests failed. Run the same command: it asks for those, and nothing else.")
    dataset = run.folder / "dataset"
    lines.append(f"dataset: {dataset}")
    if run.page.exists():
        lines.append(f"report: {run.page}")
    else:
        lines.append('report: not written; it needs: pip install "distilabel-selfinstruct[report]"')
    if summary.ended == "pilot":
        lines.append(forecast_of(run.folder, summary.wanted, run.config.concurrency, run.prices()))
    if summary.instances:
        show = f"import datasets; print(datasets.load_from_disk('{dataset}/instances')['train'][0])"
        lines.append(f'next: python -c "{show}"')
    if run.config.llm == "demo":
        lines.append(
            "This was the embedded demo model. For a real one: --llm openai --model NAME --base-url URL --out FOLDER"
        )
    return "\n".join(lines)
