"""A terminal as a user sees it: a command runs on it, keys are pressed, and its screen is read."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pyte

from tests.conftest import ROOT


def own_terminal() -> None:
    """Makes standard input the terminal from which Ctrl-C comes; called in the process that begins."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """Runs a command on a terminal of its own; used as a context manager.

    Attributes:
        written: all that was written to it, control sequences included.
        screens: what was to be seen after each write, without the lines that were the same.
    """

    def __init__(
        self, command: Sequence[str], columns: int = 100, lines: int = 30, env: Mapping[str, str] | None = None
    ) -> None:
        self._screen = pyte.HistoryScreen(columns, lines, history=1000)
        self._stream = pyte.ByteStream(self._screen)
        self.written, self.screens = b"", [""]
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "CI", "COLUMNS")}
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, preexec_fn=own_terminal,
            env={**plain, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **(env or {})},
        )  # fmt: skip
        os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)

    @property
    def shown(self) -> str:
        """The screen, with what has left it at the top, without blanks at the ends."""
        gone: list[Any] = list(self._screen.history.top)
        columns = range(self._screen.columns)
        lines = ["".join(line[at].data for at in columns) for line in gone] + list(self._screen.display)
        return "\n".join(line.rstrip() for line in lines).rstrip()

    @property
    def is_cursor_shown(self) -> bool:
        """Whether the terminal shows its cursor."""
        return not self._screen.cursor.hidden

    def press(self, keys: str) -> None:
        """Types."""
        os.write(self._ours, keys.encode())

    def until(self, text: str, seconds: float = 120.0) -> str:
        """Reads on until the text is to be seen: the screen then."""
        end = time.monotonic() + seconds
        while text not in self.shown:
            if time.monotonic() > end or not self._read(1.0):
                raise AssertionError(f"{text!r} did not come:\n{self.shown}")
        return self.shown

    def ended(self, seconds: float = 120.0) -> int:
        """Reads to the end; the exit status."""
        end = time.monotonic() + seconds
        while self._read(1.0):
            if time.monotonic() > end:
                raise AssertionError(f"It did not end:\n{self.shown}")
        return self.process.wait()

    def _read(self, seconds: float) -> bool:
        """Reads what there is, or waits a while; whether more may come."""
        if not select.select([self._ours], [], [], seconds)[0]:
            return True
        try:
            part = os.read(self._ours, 65536)
        except OSError:  # nobody has the other end any more
            return False
        self.written += part
        self._stream.feed(part)
        if self.screens[-1] != self.shown:
            self.screens.append(self.shown)
        return bool(part)
