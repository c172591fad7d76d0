"""Answers that must be those of a reference, as math-verify compares them.

math-verify limits its time with signals, which reach the main thread of a process alone: so it works in one of its own,
`python -m distilabel_selfinstruct.data.ready.maths`.
"""

from __future__ import annotations

import atexit
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from distilabel_selfinstruct.data.ready import Verdict
from distilabel_selfinstruct.errors import ConfigError, MissingExtraError

REFERENCES = ("reference", "reference_answer", "answer", "solution")
"""The columns that may have one, where no file is named."""
_SECONDS = 5  # for reading one of the two answers, and for comparing them
_PATIENCE = 60.0  # seconds after which the process is given up, whatever it does
_MARK = "####"  # after which GSM8K has the answer


def maths(argument: str) -> Callable[[str, dict[str, Any]], Verdict]:
    """Answers that are those of the reference; where there is none of a row, it is kept.

    Args:
        argument: a file or dataset of questions with answers; empty: the row has the reference itself.

    Raises:
        ConfigError: if it cannot be read.
        MissingExtraError: if math-verify is not installed.
    """
    if find_spec("math_verify") is None:
        raise MissingExtraError.of("--filter maths", "filters")
    known = _read(argument) if argument else None

    def judge(text: str, row: dict[str, Any]) -> Verdict:
        if known is None:
            reference = next((row[name] for name in REFERENCES if row.get(name)), None)
        else:
            asked = "\n\n".join(filter(None, (row.get("instruction"), row.get("input"))))
            reference = known.get(_normal(asked))
        if reference is None:
            return True
        reference = str(reference).rpartition(_MARK)[2].strip()
        return _VERIFIER.agree(reference, text), f"reference: {reference}"

    return judge


def _read(source: str) -> dict[str, str]:
    from distilabel_selfinstruct.data.sources import EVERY_SPLIT, iter_source
    from distilabel_selfinstruct.data.tasks import tasks_of

    rows = enumerate(iter_source(source, None, EVERY_SPLIT), 1)
    tasks = [task for number, row in rows for task in tasks_of(row, f"{source}, row {number}")]
    if not any(task.output for task in tasks):
        raise ConfigError(f"--filter maths:{source}: there are no answers in it.")
    return {_normal(task.whole): task.output for task in tasks if task.output}


def _normal(text: str) -> str:
    return " ".join(text.split())


class _Verifier:
    """The process that compares, started with the first question."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def agree(self, reference: str, answer: str) -> bool:
        """Whether an answer is that of the reference.

        Raises:
            RuntimeError: if the process cannot say.
        """
        with self._lock:
            process = self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            overdue = threading.Timer(_PATIENCE, process.kill)
            overdue.start()
            try:
                process.stdin.write(json.dumps([reference, answer]) + "\n")
                process.stdin.flush()
                said = process.stdout.readline()
            finally:
                overdue.cancel()
            if not said:
                self._process = None
                raise RuntimeError("math-verify has come to no end")
            return bool(json.loads(said))

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                text=True,
                encoding="utf-8",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            atexit.register(_end, self._process)
        return self._process


_VERIFIER = _Verifier()


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def main() -> None:
    """Compares pairs of answers, a line each, until the standard input ends."""
    from math_verify import parse, verify

    logging.disable(logging.CRITICAL)
    for line in sys.stdin:
        reference, answer = json.loads(line)
        is_marked = "$" in reference or "\\boxed" in reference
        gold = parse(reference if is_marked else f"${reference}$", parsing_timeout=_SECONDS)
        found = parse(answer, parsing_timeout=_SECONDS)
        agrees = bool(gold and found) and verify(gold, found, timeout_seconds=_SECONDS)
        print(json.dumps(bool(agrees)), flush=True)


if __name__ == "__main__":
    main()
