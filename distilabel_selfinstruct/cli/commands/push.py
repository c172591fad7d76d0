"""`self-instruct push`: a run on the Hugging Face Hub."""

from __future__ import annotations

from distilabel_selfinstruct.cli.arguments import a_path
from distilabel_selfinstruct.cli.parser import PROG, Parser


def options() -> Parser:
    """Which run, and what its dataset is to be there."""
    parser = Parser(
        prog=f"{PROG} push",
        description="Publishes a run on the Hugging Face Hub (token: HF_TOKEN).",
        examples=[f"{PROG} push runs/mine me/my-dataset --private --license apache-2.0"],
    )
    parser.add_argument("run", type=a_path, metavar="RUN", help="run folder")
    parser.add_argument("repo_id", metavar="NAMESPACE/NAME", help="the dataset's name there")
    parser.add_argument("--private", action="store_true", help="in a private repository")
    parser.add_argument("--license", metavar="ID", help="of the dataset, such as apache-2.0 (default: unknown)")
    parser.add_argument("--language", nargs="+", metavar="CODE", help="such as en (default: en where it looks so)")
    parser.add_argument("--script", type=a_path, metavar="FILE.py", help="the pipeline script, published too")
    parser.add_argument("--allow-incomplete", action="store_true", help="also a run with less than was asked for")
    return parser


def run(words: list[str]) -> str:
    """Publishes it; where it is."""
    given = vars(options().parse_args(words))

    from distilabel_selfinstruct.hub import push_run

    return "pushed: " + push_run(given.pop("run"), given.pop("repo_id"), **given)
