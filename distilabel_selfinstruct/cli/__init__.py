"""The command line: what `self-instruct` and each pipeline script do."""

from __future__ import annotations

from typing import Any


def main(*args: Any, **kwargs: Any) -> int:
    """What a pipeline script does when it is run: see `script.main`, which is imported only then."""
    from distilabel_selfinstruct.cli.parser import fail
    from distilabel_selfinstruct.cli.stopping import signal_of, stopped_by_signals
    from distilabel_selfinstruct.errors import Interrupted

    try:
        with stopped_by_signals():
            from distilabel_selfinstruct.cli import script

            return script.main(*args, **kwargs)
    except KeyboardInterrupt as stopped:
        return fail(Interrupted(signal_of(stopped)), 130)
