"""`self-instruct evaluate`: a model answers a benchmark and is scored; models side by side."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.cli.arguments import a_path
from distilabel_selfinstruct.cli.options import add_options, config_of
from distilabel_selfinstruct.cli.parser import PROG, Parser, say
from distilabel_selfinstruct.evaluation.config import EvaluationConfig, EvaluationJudgeConfig

_INCOMPLETE = 3  # exit status of an evaluation with requests that failed or were not sent


def options() -> Parser:
    """A model and a benchmark; or what is done with evaluations that are there."""
    parser = Parser(
        prog=f"{PROG} evaluate",
        usage="%(prog)s --benchmark NAME [options]\n       %(prog)s compare FOLDER FOLDER ..."
        "\n       %(prog)s judge FOLDER ... --llm NAME [--pairs]",
        description="Has a model answer a benchmark and scores it, with 95% intervals; or takes answers that are there"
        " (--predictions). The same command goes on where it was interrupted. Exit status: 0 where every question was"
        " answered, 3 where requests failed or the budget ended, 1 for an error.",
        examples=[
            f"{PROG} evaluate --llm local --benchmark held-out --tasks runs/mine --out evaluations/before",
            f"{PROG} evaluate --llm openai --model NAME --base-url https://.../v1 --benchmark superni"
            " --tasks natural-instructions --out evaluations/superni",
            f"{PROG} evaluate --predictions answers.jsonl --benchmark rows --tasks test.jsonl --out evaluations/theirs",
            f"{PROG} evaluate compare evaluations/before evaluations/after",
            f"{PROG} evaluate judge evaluations/before evaluations/after --pairs --llm openai --model NAME",
        ],
    )
    add_options(parser, EvaluationConfig)
    _add_json(parser)
    steps = parser.add_subparsers(dest="step", metavar="STEP", parser_class=Parser, prog=f"{PROG} evaluate")
    compare = steps.add_parser("compare", help="models on the same questions: a table, and a page")
    compare.add_argument("folders", type=a_path, nargs="+", metavar="FOLDER", help="folders of evaluations")
    compare.add_argument(
        "--to", type=a_path, metavar="FILE.html", help="the page (default: comparison.html beside the first folder)"
    )
    _add_json(compare)
    judge = steps.add_parser("judge", help="a model as judge: four levels of answers, or which of two is better")
    judge.add_argument("folders", type=a_path, nargs="+", metavar="FOLDER", help="folders of evaluations")
    judge.add_argument("--pairs", action="store_true", help="which of two models is better, in either order")
    add_options(judge, EvaluationJudgeConfig)
    _add_json(judge)
    return parser


def _add_json(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", default=False, help="print one JSON object")


def run(words: list[str]) -> int:
    """Evaluates, or compares; the exit status."""
    given = vars(options().parse_args(words))
    is_json = given.pop("json")
    step = given.pop("step", None)
    if step == "compare":
        return _compare(given["folders"], given.get("to"), is_json)
    if step == "judge":
        return _judge(given, is_json)

    config = config_of(given, EvaluationConfig)

    from distilabel_selfinstruct.evaluation.evaluating import evaluate
    from distilabel_selfinstruct.evaluation.tables import describe

    scores = evaluate(config, show=True)
    _say(scores.record(), f"{describe(scores)}\nevaluation: {config.out}", is_json)
    return 0 if scores.is_whole else _INCOMPLETE


def _compare(folders: list[Path], page: Path | None, is_json: bool) -> int:
    from distilabel_selfinstruct.evaluation.comparing import compare
    from distilabel_selfinstruct.evaluation.tables import describe_comparison
    from distilabel_selfinstruct.report.comparison import write_comparison

    comparison = compare(folders)
    page = write_comparison(comparison, page or folders[0].absolute().parent / "comparison.html")
    record = comparison.record() | {"page": str(page)}
    _say(record, f"{describe_comparison(comparison)}\npage: {page}", is_json)
    return 0


def _judge(given: dict[str, Any], is_json: bool) -> int:
    folders, is_pairs = given.pop("folders"), given.pop("pairs", False)
    config = config_of(given, EvaluationJudgeConfig)

    from distilabel_selfinstruct.evaluation.judging import judge_levels, judge_pairs
    from distilabel_selfinstruct.evaluation.tables import describe_judged

    judged = (judge_pairs if is_pairs else judge_levels)(folders, config, show=True)
    _say(asdict(judged), describe_judged(judged), is_json)
    return _INCOMPLETE if judged.failed else 0


def _say(record: dict[str, Any], text: str, is_json: bool) -> None:
    say(json.dumps(record, ensure_ascii=False, indent=2) if is_json else text)
