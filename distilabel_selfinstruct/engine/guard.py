"""Whether a script may run a pipeline where workers import it again, as they do with start methods other than fork."""

from __future__ import annotations

import inspect
import multiprocessing as mp
import os
import sys
from types import FrameType

from distilabel_selfinstruct.errors import ConfigError

UNGUARDED = 78  # exit code of a worker that came to `Pipeline.run` while it imported the script
_GUARD = 'if __name__ == "__main__":'
PRIVATE = {"multiprocessing": ("_inheriting",)}  # set while a process that was just started imports the script


class UnguardedScript(ConfigError, SystemExit):
    """A script that runs its pipeline wherever it is imported; uncaught, it ends with this one line on screen."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = message

    @classmethod
    def under(cls, start_method: str) -> UnguardedScript:
        return cls(
            f"Each worker imports the script again (start method {start_method!r}), and would run the pipeline again."
            f" Write `{_GUARD}` above `pipeline.run()`, and indent `pipeline.run()` and what follows."
        )


def check_script(start_method: str) -> None:
    """Lets nobody run a pipeline in a script that the workers will import, or in a worker that imports it.

    Raises:
        UnguardedScript: in the main process, if the script never looks at its name. A worker that is importing the
            script ends at once, and the main process tells the user.
    """
    if getattr(mp.current_process(), "_inheriting", False):
        os._exit(UNGUARDED)
    if start_method != "fork" and _script_ignores_its_name():
        raise UnguardedScript.under(start_method)


def _script_ignores_its_name() -> bool:
    """Whether the pipeline is run by a script's own lines, and none of them reads `__name__`.

    What has no file, as a notebook or a console, no worker imports.
    """
    script = sys.modules["__main__"]
    if script.__spec__ is None and not hasattr(script, "__file__"):
        return False
    frame: FrameType | None = inspect.currentframe()
    while frame is not None:
        if frame.f_globals is vars(script) and frame.f_code.co_name == "<module>":
            return "__name__" not in frame.f_code.co_names
        frame = frame.f_back
    return False
