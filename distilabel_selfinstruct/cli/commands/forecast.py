"""`self-instruct forecast`: what a run will take."""

from __future__ import annotations

from distilabel_selfinstruct.cli.arguments import a_count, a_path, add_prices, prices_of
from distilabel_selfinstruct.cli.parser import PROG, Parser
from distilabel_selfinstruct.data.folder import RunFolder


def options() -> Parser:
    """By which run, for how many instructions, and what a token costs."""
    parser = Parser(
        prog=f"{PROG} forecast",
        description="Says what a run will take, judged by one that is there.",
        examples=[f"{PROG} forecast runs/pilot --num-instructions 10000"],
    )
    parser.add_argument("run", type=a_path, metavar="RUN", help="run folder, of a pilot for instance")
    parser.add_argument("--num-instructions", type=a_count, required=True, metavar="N", help="instructions to admit")
    parser.add_argument("--concurrency", type=a_count, default=8, metavar="N", help="requests in flight (default: 8)")
    add_prices(parser)
    return parser


def run(words: list[str]) -> str:
    """Requests, tokens, money and time, with a range."""
    given = options().parse_args(words)

    from distilabel_selfinstruct.cli.words import forecast_of

    return forecast_of(RunFolder.open(given.run), given.num_instructions, given.concurrency, prices_of(given))
