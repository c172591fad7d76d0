"""What is done with a run that is there already: python -m distilabel_selfinstruct report|forecast|push|review."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from distilabel_selfinstruct.cli import fail, forecast_of
from distilabel_selfinstruct.errors import ConfigError, SelfInstructError
from distilabel_selfinstruct.hub import push_run
from distilabel_selfinstruct.llms.records import usage_by_stage
from distilabel_selfinstruct.report import Prices, report_for_rows, write_report
from distilabel_selfinstruct.seeds import load_seed_tasks


def options() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(prog="python -m distilabel_selfinstruct", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    report = commands.add_parser("report", help="write the report of a run, or of any dataset of instructions")
    report.add_argument("what", type=Path, metavar="RUN", help="run folder, or rows with instruction, input, output")
    report.add_argument("--out", type=Path, metavar="FOLDER", help="where to (default: report in the run folder)")
    report.add_argument("--seeds", nargs="+", default=[], metavar="FILE", help="seed files to compare a dataset with")
    _add_prices(report)

    forecast = commands.add_parser("forecast", help="say what a run will take, judged by one that is there")
    forecast.add_argument("run", type=Path, metavar="RUN", help="run folder, of a pilot for instance")
    forecast.add_argument("--num-instructions", type=int, required=True, metavar="N", help="instructions to admit")
    forecast.add_argument("--concurrency", type=int, default=8, metavar="N", help="requests in flight (default: 8)")
    _add_prices(forecast)

    push = commands.add_parser("push", help="publish a run on the Hugging Face Hub (token: HF_TOKEN)")
    push.add_argument("run", type=Path, metavar="RUN", help="run folder")
    push.add_argument("repo_id", metavar="NAMESPACE/NAME", help="the dataset's name there")
    push.add_argument("--private", action="store_true", help="in a private repository")
    push.add_argument("--license", metavar="ID", help="of the dataset, such as apache-2.0 (default: unknown)")
    push.add_argument("--language", nargs="+", metavar="CODE", help="such as en (default: en where the text looks so)")
    push.add_argument("--script", type=Path, metavar="FILE.py", help="the pipeline script, published too")
    push.add_argument("--allow-incomplete", action="store_true", help="also a run with less than was asked for")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; the exit status."""
    given = options().parse_args(arguments)
    try:
        print({"report": _report, "forecast": _forecast, "push": _push}[given.command](given))
    except (SelfInstructError, OSError) as error:
        return fail(f"Error: {error}")
    return 0


def _add_prices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input-price", type=float, default=0.0, metavar="MONEY", help="of a million tokens in")
    parser.add_argument("--output-price", type=float, default=0.0, metavar="MONEY", help="of a million tokens out")


def _prices(given: argparse.Namespace) -> Prices | None:
    return Prices(given.input_price, given.output_price) if given.input_price or given.output_price else None


def _report(given: argparse.Namespace) -> str:
    if (given.what / "config.yaml").exists():
        if given.out is not None or given.seeds:
            raise ConfigError("--out and --seeds are for datasets; the report of a run goes into its folder.")
        usage = usage_by_stage(given.what / "completions")
        return f"report: {write_report(given.what, usage=usage, prices=_prices(given))}"
    if given.out is None:
        raise ConfigError(f"{given.what}: is no run folder; for the report of a dataset say where to: --out FOLDER.")
    seeds = [task.instruction for task in load_seed_tasks(*given.seeds)] if given.seeds else []
    return f"report: {report_for_rows(given.what, given.out, seeds=seeds)}"


def _forecast(given: argparse.Namespace) -> str:
    return forecast_of(given.run, given.num_instructions, given.concurrency, _prices(given))


def _push(given: argparse.Namespace) -> str:
    return "pushed: " + push_run(
        given.run,
        given.repo_id,
        private=given.private,
        license=given.license,
        language=given.language,
        script=given.script,
        allow_incomplete=given.allow_incomplete,
    )


if __name__ == "__main__":
    sys.exit(main())
