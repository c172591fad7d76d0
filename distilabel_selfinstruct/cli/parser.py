"""The parser of the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from distilabel_selfinstruct.errors import did_you_mean
from distilabel_selfinstruct.secrets import shown

PROG = "self-instruct"
PRIVATE = {"argparse": ("_actions", "_check_value")}  # which options there are, and what a value may be


class Parser(argparse.ArgumentParser):
    """Takes whole names only, says which one may be meant, and shows examples as they are."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        if examples:
            kwargs["epilog"] = "examples:\n" + "\n".join(f"  {example}" for example in examples)
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        kwargs["allow_abbrev"] = False
        super().__init__(*args, **kwargs)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, but nothing unknown is left to others: a command knows its own options best."""
        given, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.unknown(unknown)
        return given, unknown

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """As argparse's, for the values of an option."""
        if action.choices is not None and value not in action.choices:
            choices = ", ".join(map(str, action.choices))
            raise argparse.ArgumentError(
                action, f"invalid choice: {value!r}{did_you_mean(str(value), action.choices)}; choose from {choices}"
            )

    def error(self, message: str) -> NoReturn:
        """Ends with one line, and not with all options."""
        self.exit(2, f"{self.prog}: {shown(message)}. See {self.prog} --help.\n")

    def unknown(self, given: Sequence[str]) -> NoReturn:
        """Ends with the options that there are not."""
        known = [name for action in self._actions for name in action.option_strings if name.startswith("--")]
        names = [name.partition("=")[0] for name in given if name.startswith("-")] or list(given)
        self.error(f"there is no option {names[0]}{did_you_mean(names[0], known)}")


def fail(message: object, status: int = 1) -> int:
    """Says what went wrong, in one line."""
    print(shown(message), file=sys.stderr)
    return status


def say(*texts: object) -> None:
    """Shows texts on screen, each on lines of its own, whoever has written what stands in them."""
    for text in texts:
        print(shown(text), flush=True)
