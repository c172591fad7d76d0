"""`self-instruct view`: the page of a run of any size, also while it goes on."""

from __future__ import annotations

from contextlib import suppress

from distilabel_selfinstruct.cli.arguments import a_path
from distilabel_selfinstruct.cli.parser import PROG, Parser, say
from distilabel_selfinstruct.data.folder import RunFolder


def options() -> Parser:
    """Which run, and where its page is."""
    parser = Parser(
        prog=f"{PROG} view",
        description="Serves the page of a run on this machine, with all its rows, also while it goes on, until Ctrl-C.",
        examples=[f"{PROG} view runs/mine", f"{PROG} view runs/mine --port 8080"],
    )
    parser.add_argument("run", type=a_path, metavar="RUN", help="run folder")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="of 127.0.0.1 (default: a free one)")
    return parser


def run(words: list[str]) -> int:
    """Serves until Ctrl-C; the exit status."""
    given = options().parse_args(words)
    folder = RunFolder.open(given.run)

    from distilabel_selfinstruct.report.live import LiveRun
    from distilabel_selfinstruct.report.server import ViewServer

    with suppress(KeyboardInterrupt), ViewServer(LiveRun(folder), given.port) as server:
        say(f"{folder.name}: {server.address} (Ctrl-C ends it)")
        server.serve_forever(poll_interval=0.2)
    return 0
