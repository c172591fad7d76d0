"""How the report words numbers."""

from __future__ import annotations

NOTHING = "–"


def count(number: float | None) -> str:
    return NOTHING if number is None else f"{number:,.0f}"


def mean(number: float | None, digits: int = 1) -> str:
    return NOTHING if number is None else f"{number:,.{digits}f}"


def share(part: float, whole: float) -> str:
    """In percent; small shares keep a digit behind the point."""
    if not whole:
        return NOTHING
    percent = 100 * part / whole
    return f"{percent:.1f}%" if 0 < percent < 10 else f"{percent:.0f}%"


def money(amount: float, currency: str) -> str:
    """With as many digits as it takes to see small amounts."""
    digits = 2 if amount >= 1 or amount == 0 else 4
    return f"{amount:,.{digits}f} {currency}"


def number_of(number: int, noun: str) -> str:
    """Such as "1 round" and "3 rounds"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """Such as "45 s", "12 min" or "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:,.1f} h"
