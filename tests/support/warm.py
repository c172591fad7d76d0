"""Pipeline scripts in processes of their own that begin with distilabel imported, which is most of what a start costs.

They fork from one process that has imported what a run imports and done nothing else. Tests of the start itself, and of
what environment variables do to it, start Python anew.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import resource
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from typing import NoReturn

from tests.support.waiting import wait_until

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([__name__])


class WarmProcess:
    """Like `subprocess.Popen` of `python ARGUMENTS` in a new session, its output kept for `communicate`."""

    def __init__(
        self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], file_size: int | None = None
    ) -> None:
        self._outputs = [tempfile.TemporaryFile("r", encoding="utf-8") for _ in "oe"]  # noqa: SIM115 - until it is read
        self._said: tuple[str, str] | None = None
        self._look = threading.Lock()  # of two threads that look for the end at once, one would be told 255
        self._arguments = list(arguments)
        paths = [f"/proc/{os.getpid()}/fd/{output.fileno()}" for output in self._outputs]
        self._process = _SERVER.Process(
            target=_become, args=(self._arguments, cwd, dict(environment), paths, file_size)
        )
        self._process.start()
        wait_until(lambda: self.poll() is not None or os.getsid(self.pid) == self.pid)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        with self._look:
            return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def communicate(self, input: None = None, timeout: float | None = None) -> tuple[str, str]:
        """What it has written, when it has ended."""
        wait([self._process.sentinel], timeout)
        if self.returncode is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self._arguments, timeout)
        if self._said is None:
            out, err = (output.read() for output in self._outputs)
            self._said = out, err
            for output in self._outputs:
                output.close()
        return self._said


def start(
    arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], file_size: int | None = None
) -> WarmProcess | subprocess.Popen[str]:
    """Starts `python ARGUMENTS` in a new session: warm where workers fork, so that they are children of the run.

    Args:
        file_size: most bytes that it may write into a file.
    """
    if multiprocessing.get_start_method() == "fork":
        return WarmProcess(arguments, cwd, environment, file_size)
    return start_anew(arguments, cwd, environment, file_size)


def start_anew(
    arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], file_size: int | None = None
) -> subprocess.Popen[str]:
    """The same in a Python that has imported nothing."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=None if file_size is None else partial(_limit_files, file_size),
    )


def ended(process: WarmProcess | subprocess.Popen[str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Waits for its end; what takes longer is killed, and an error."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode is not None
    return subprocess.CompletedProcess([], process.returncode, out, err)


def _limit_files(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _become(
    arguments: list[str], cwd: Path, environment: dict[str, str], outputs: list[str], file_size: int | None
) -> NoReturn:
    os.setsid()
    multiprocessing.set_start_method("fork", force=True)  # that of this process is the one that it was started by
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate([os.devnull, *outputs]):
        opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY)
        os.dup2(opened, number)
        os.close(opened)
    if file_size is not None:
        _limit_files(file_size)
    script = arguments[0]
    sys.argv = arguments
    sys.path[:0] = [str(Path(script).resolve().parent), *environment.get("PYTHONPATH", "").split(os.pathsep)]
    status = _status_of(script)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _status_of(script: str) -> int:
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        return 1
    return 0
