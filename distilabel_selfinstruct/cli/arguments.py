"""Arguments that several commands take."""

from __future__ import annotations

import argparse
from pathlib import Path

from distilabel_selfinstruct.data.files import local_path
from distilabel_selfinstruct.usage import Prices


def a_path(given: str) -> Path:
    """A path of this machine, with `~` expanded."""
    try:
        return Path(local_path(given))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{given!r}: {error}") from None


def a_count(given: str) -> int:
    """A number of things, one at least."""
    if not given.isdecimal() or int(given) < 1:
        raise argparse.ArgumentTypeError(f"{given!r}: a whole number is needed, 1 or more")
    return int(given)


def add_prices(parser: argparse.ArgumentParser) -> None:
    """Adds what a million tokens cost."""
    parser.add_argument(
        "--input-price", type=float, metavar="MONEY", help="of a million tokens in (default: that of the run)"
    )
    parser.add_argument(
        "--cached-price", type=float, metavar="MONEY", help="of a million tokens in that the endpoint had in its cache"
    )
    parser.add_argument("--output-price", type=float, metavar="MONEY", help="of a million tokens out")


def prices_of(given: argparse.Namespace) -> Prices | None:
    """What was given of them; None where nothing was."""
    return Prices.given(given.input_price, given.output_price, given.cached_price)
