"""The command line: what `self-instruct` and each pipeline script do. What a command takes is imported within it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from distilabel_selfinstruct.cli.stopping import status_of


def main(*args: Any, **kwargs: Any) -> int:
    """What a pipeline script does when it is run: see `script.run`; the exit status."""

    def command() -> int:
        from distilabel_selfinstruct.cli.script import run

        return run(*args, **kwargs)

    return status_of(command)


def self_instruct(arguments: Sequence[str] | None = None) -> int:
    """What the command `self-instruct` does: see `commands.run_command`; the exit status."""

    def command() -> int:
        from distilabel_selfinstruct.cli.commands import run_command

        return run_command(arguments)

    return status_of(command)
