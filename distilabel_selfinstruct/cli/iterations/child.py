"""A step of a loop in a process of its own: `python -m distilabel_selfinstruct.cli.iterations.child WORD ...`.

What a step has loaded is gone with it, and no library meets the threads of another. It ends with the loop, however that
one ends: its standard input is the loop's, and when it closes the step is stopped as by SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from distilabel_selfinstruct.cli import self_instruct
from distilabel_selfinstruct.cli.stopping import status_of

PREPARE = "prepare-base"


def main(words: list[str]) -> int:
    """Carries out a command of `self-instruct`, or prepares the first model."""
    threading.Thread(target=_end_with_the_loop, daemon=True).start()
    return status_of(lambda: _prepare(*words[1:])) if words[0] == PREPARE else self_instruct(words)


def _prepare(folder: str, *model: str) -> int:
    from distilabel_selfinstruct.training.weights import find_base, write_base

    write_base(find_base(*model or (None,)), folder)
    return 0


def _end_with_the_loop() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
