"""Python code that must do what is asserted of it; it is run, in a process that can do little else."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.data.ready import Verdict
from distilabel_selfinstruct.data.ready.syntax import code_in
from distilabel_selfinstruct.errors import ConfigError

TESTS = ("tests", "test", "test_list")
"""The columns that may have assertions, besides instruction, input and the code itself."""
_SECONDS, _MEMORY = 5, 512 * 2**20
_STARTING = 10.0  # seconds that Python has beside those of the code
_SANDBOX = Path(__file__).with_name("sandbox.py")
_ASSERT = re.compile(r"^[ \t]*(assert\b.+)$", re.MULTILINE)
_PROMPT = re.compile(r"^[ \t]*>>> ", re.MULTILINE)


def examples(argument: str) -> Callable[[str, dict[str, Any]], Verdict]:
    """Code that ends well, with the assertions and the examples (`>>>`) of the row; kept where there are none.

    Args:
        argument: seconds of computing that the code may take.

    Raises:
        ConfigError: if this machine cannot keep the code in.
    """
    if not re.fullmatch(r"\d{0,3}", argument) or argument == "0":
        raise ConfigError(f"--filter examples:{argument}: expected seconds, such as examples:5.")
    seconds = int(argument or _SECONDS)
    if (trouble := _trouble()) is not None:
        raise ConfigError(f"--filter examples: code of a model cannot be run safely on this machine: {trouble}.")

    def judge(text: str, row: dict[str, Any]) -> Verdict:
        told = "\n".join(filter(None, (row.get("instruction"), row.get("input"))))
        asserted = [*_ASSERT.findall(told), *_tests(row)]
        code = "\n\n".join(code_in(text, "python"))
        if not (asserted or _PROMPT.search(told + code) or _ASSERT.search(code)):
            return True
        fault = run_apart(code, asserted, told, seconds)
        return fault is None, fault or ""

    return judge


def _tests(row: dict[str, Any]) -> list[str]:
    found: Any = next((row[name] for name in TESTS if row.get(name)), [])
    return [found] if isinstance(found, str) else list(map(str, found))


def run_apart(code: str, asserted: list[str], told: str = "", seconds: int = _SECONDS) -> str | None:
    """Runs code in a sandbox: no network, no other process, no files but its own, so much time and memory.

    Args:
        code: Python; the standard library is there.
        asserted: what is run after it.
        told: a text with examples, as doctest has them.
        seconds: of computing.

    Returns:
        What went wrong, or None.
    """
    token = secrets.token_hex(16)
    given = {"code": code, "asserted": asserted, "told": told, "seconds": seconds, "memory": _MEMORY, "token": token}
    with tempfile.TemporaryDirectory(prefix="examples-") as folder:
        try:
            ended = subprocess.run(
                [sys.executable, "-I", "-S", "-B", str(_SANDBOX)],
                input=json.dumps(given),
                cwd=folder,
                env={},
                capture_output=True,
                text=True,
                errors="replace",
                timeout=2 * seconds + _STARTING,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "took too long"
    if ended.returncode == 0 and ended.stdout.endswith(f"{token}\n"):
        return None
    if ended.returncode < 0 or not ended.stderr.strip():
        return "took too long" if ended.returncode in (-9, -24) else "ended before its end"
    return ended.stderr.strip().rpartition("\n")[2]


@cache
def _trouble() -> str | None:
    """Why code cannot be kept in here; None where it can."""
    if not sys.platform.startswith("linux"):
        return "that takes Linux"
    return run_apart("", ["assert True"])
