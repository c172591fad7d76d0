"""`self-instruct review`: instances out to annotators; quality, corrections and seeds back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distilabel_selfinstruct.cli.arguments import a_count, a_path
from distilabel_selfinstruct.cli.parser import PROG, Parser
from distilabel_selfinstruct.errors import ConfigError


def options() -> Parser:
    """The three steps of a review."""
    parser = Parser(
        prog=f"{PROG} review",
        description="Instances out to annotators; quality, corrections and seeds back.",
        examples=[
            f"{PROG} review push runs/mine --to review.csv",
            f"{PROG} review pull runs/mine --from review.csv",
            f"{PROG} review seeds runs/mine --out seeds.jsonl",
            f"{PROG} review push --evaluation evaluations/before evaluations/after --to answers.csv",
            f"{PROG} review pull --evaluation evaluations/before evaluations/after --from answers.csv",
        ],
    )
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP", parser_class=Parser)
    _add_push(steps)

    pull = steps.add_parser("pull", help="take in what annotators have answered, and show the quality")
    _add_what(pull)
    pull.add_argument("--argilla-url", metavar="URL", help="of the server, if its address has changed")
    pull.add_argument(
        "--from",
        dest="from_files",
        nargs="+",
        type=a_path,
        default=[],
        metavar="FILE",
        help="a file that was filled in; of an evaluation several",
    )
    pull.add_argument("--workspace", metavar="NAME", help="of the server, for an evaluation (default: the only one)")
    pull.add_argument("--name", metavar="NAME", help="of the dataset there, for an evaluation")

    seeds = steps.add_parser("seeds", help="write approved instances as seed tasks")
    seeds.add_argument("run", type=a_path, metavar="RUN", help="run folder")
    seeds.add_argument("--out", type=a_path, required=True, metavar="FILE", help="the seed file to write")
    seeds.add_argument(
        "--seeds", nargs="+", type=a_path, default=[], metavar="FILE", help="other seed files to stay clear of"
    )
    return parser


def _add_what(step: Parser) -> None:
    """A run, or evaluations."""
    step.add_argument("run", type=a_path, nargs="?", metavar="RUN", help="run folder")
    step.add_argument(
        "--evaluation",
        type=a_path,
        nargs="+",
        default=[],
        metavar="FOLDER",
        help="instead of a run: evaluations, whose answers are rated from A to D, blind to the model",
    )


def _add_push(steps: Any) -> None:
    push = steps.add_parser("push", help="send instances to an Argilla server (key: ARGILLA_API_KEY) or to a file")
    _add_what(push)
    where = push.add_mutually_exclusive_group(required=True)
    where.add_argument("--argilla-url", metavar="URL", help="address of the Argilla server")
    where.add_argument("--to", dest="to_file", type=a_path, metavar="FILE", help="a .csv or .jsonl file instead")
    how_many = push.add_mutually_exclusive_group()
    how_many.add_argument(
        "--sample", type=a_count, default=200, metavar="N", help="instances, at random (default: 200)"
    )
    how_many.add_argument("--all", dest="sample", action="store_const", const=None, help="all instances")
    push.add_argument("--annotators", type=a_count, default=1, metavar="N", help="answers a record needs (default: 1)")
    push.add_argument("--workspace", metavar="NAME", help="of the server (default: the only one)")
    push.add_argument("--name", metavar="NAME", help="of the dataset there (default: the run folder's)")
    push.add_argument("--seed", type=int, default=0, metavar="N", help="of the draw (default: 0)")


def run(words: list[str]) -> str:
    """Takes a step; what came of it."""
    given = vars(options().parse_args(words))
    step, folder, evaluations = given.pop("step"), given.pop("run"), given.pop("evaluation", [])
    if (folder is None) == (not evaluations):
        raise ConfigError(f"review {step} needs a run folder, or --evaluation FOLDER ...")

    from distilabel_selfinstruct.review import (
        pull_answers,
        pull_review,
        push_answers,
        push_review,
        render_quality,
        render_ratings,
        review_seeds,
    )

    if step == "push":
        return push_answers(evaluations, **given) if evaluations else str(push_review(folder, **given))
    if step == "pull" and evaluations:
        return render_ratings(pull_answers(evaluations, **given))
    if step == "pull":
        return render_quality(pull_review(folder, **_of_run(**given)))
    written = review_seeds(folder, given["out"], given["seeds"])
    return f"{written:,} seed tasks: {given['out']}. The next run takes them too: --seeds OLD {given['out']}"


def _of_run(argilla_url: str | None, from_files: list[Path], workspace: str | None, name: str | None) -> dict[str, Any]:
    """What `review pull RUN` takes."""
    if workspace or name or len(from_files) > 1:
        raise ConfigError("review pull RUN takes one --from FILE; --workspace and --name are those of its push.")
    return {"argilla_url": argilla_url, "from_file": next(iter(from_files), None)}
