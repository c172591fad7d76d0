"""One of several processes that train together: `python -m distilabel_selfinstruct.training.worker FOLDER`.

It reads from the folder what is to be done. The command that has started it holds the folder's lock, and it ends when
that command is gone.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from distilabel_selfinstruct.errors import SelfInstructError
from distilabel_selfinstruct.training.folder import TrainingFolder
from distilabel_selfinstruct.training.launching import MARK, PARENT
from distilabel_selfinstruct.training.training import fit_here

_SECOND = 1.0  # between two looks at whether the command is still there


def main() -> int:
    """Trains; 1 with one line where that fails."""
    threading.Thread(target=_end_with, args=(int(os.environ[PARENT]),), daemon=True).start()
    try:
        fit_here(TrainingFolder(sys.argv[1]))
    except (SelfInstructError, OSError) as error:
        print(f"{MARK}{error}", file=sys.stderr, flush=True)
        return 1
    return 0


def _end_with(parent: int) -> None:
    while True:
        try:
            os.kill(parent, 0)
        except ProcessLookupError:
            os._exit(1)
        time.sleep(_SECOND)


if __name__ == "__main__":
    sys.exit(main())
