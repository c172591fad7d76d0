"""What is done with a run that is there already: report, forecast, push, review, judge."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.cli import Parser, add_options, config_of, fail, forecast_of, say
from distilabel_selfinstruct.config import JudgeConfig
from distilabel_selfinstruct.errors import ConfigError, SelfInstructError
from distilabel_selfinstruct.hub import push_run
from distilabel_selfinstruct.llms.durable import DurableLLM
from distilabel_selfinstruct.llms.records import usage_by_stage
from distilabel_selfinstruct.report import Prices, report_for_rows, write_report
from distilabel_selfinstruct.review import (
    judge_review,
    pull_review,
    push_review,
    render_agreements,
    render_quality,
    review_seeds,
)
from distilabel_selfinstruct.run import make_model
from distilabel_selfinstruct.seeds import load_seed_tasks
from distilabel_selfinstruct.steps.judging import STAGE as JUDGEMENT


def options() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = Parser(prog="python -m distilabel_selfinstruct", description=__doc__)
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

    review = commands.add_parser("review", help="instances out to annotators; quality, corrections and seeds back")
    _add_review(review.add_subparsers(dest="step", required=True, metavar="STEP"))

    judge = commands.add_parser("judge", help="compare a model as judge with the annotators of a reviewed run")
    judge.add_argument("run", type=Path, metavar="RUN", help="reviewed run folder")
    add_options(judge, JudgeConfig)
    return parser


def _add_review(steps: Any) -> None:
    push = steps.add_parser("push", help="send instances to an Argilla server (key: ARGILLA_API_KEY) or to a file")
    push.add_argument("run", type=Path, metavar="RUN", help="run folder")
    where = push.add_mutually_exclusive_group(required=True)
    where.add_argument("--argilla-url", metavar="URL", help="address of the Argilla server")
    where.add_argument("--to", type=Path, metavar="FILE", help="a .csv or .jsonl file instead")
    how_many = push.add_mutually_exclusive_group()
    how_many.add_argument("--sample", type=int, default=200, metavar="N", help="instances, at random (default: 200)")
    how_many.add_argument("--all", dest="sample", action="store_const", const=None, help="all instances")
    push.add_argument("--annotators", type=int, default=1, metavar="N", help="answers a record needs (default: 1)")
    push.add_argument("--workspace", metavar="NAME", help="of the server (default: the only one)")
    push.add_argument("--name", metavar="NAME", help="of the dataset there (default: the run folder's)")
    push.add_argument("--seed", type=int, default=0, metavar="N", help="of the draw (default: 0)")

    pull = steps.add_parser("pull", help="take in what annotators have answered, and show the quality")
    pull.add_argument("run", type=Path, metavar="RUN", help="run folder")
    pull.add_argument("--argilla-url", metavar="URL", help="of the server, if its address has changed")
    pull.add_argument("--from", dest="from_file", type=Path, metavar="FILE", help="a file that was filled in")

    seeds = steps.add_parser("seeds", help="write approved instances as seed tasks")
    seeds.add_argument("run", type=Path, metavar="RUN", help="run folder")
    seeds.add_argument("--out", type=Path, required=True, metavar="FILE", help="the seed file to write")
    seeds.add_argument(
        "--seeds", nargs="+", type=Path, default=[], metavar="FILE", help="other seed files to stay clear of"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; the exit status."""
    given = options().parse_args(arguments)
    try:
        say(_COMMANDS[given.command](given))
    except KeyboardInterrupt:
        return fail("Stopped. Run the same command again to go on: nothing that was answered is lost.", 130)
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


def _review(given: argparse.Namespace) -> str:
    if given.step == "push":
        pushed = push_review(
            given.run,
            argilla_url=given.argilla_url,
            to_file=given.to,
            sample=given.sample,
            annotators=given.annotators,
            workspace=given.workspace,
            name=given.name,
            seed=given.seed,
        )
        return str(pushed)
    if given.step == "pull":
        return render_quality(pull_review(given.run, argilla_url=given.argilla_url, from_file=given.from_file))
    written = review_seeds(given.run, given.out, given.seeds)
    return f"{written:,} seed tasks: {given.out}. The next run takes them too: --seeds OLD {given.out}"


def _judge(given: argparse.Namespace) -> str:
    options = {name: value for name, value in vars(given).items() if name not in ("command", "run")}
    config = config_of(options, JudgeConfig)
    llm = DurableLLM(
        llm=make_model(config),
        folder=str(given.run / "completions"),
        stage=JUDGEMENT,
        concurrency=config.concurrency,
        outage=config.outage,
    )
    return render_agreements(judge_review(given.run, llm, config.judgements, config.wording))


_COMMANDS = {"report": _report, "forecast": _forecast, "push": _push, "review": _review, "judge": _judge}


if __name__ == "__main__":
    sys.exit(main())
