"""Dates, weekdays and clocks."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from random import Random

from distilabel_selfinstruct.demo.tasks.grammar import GENERAL_TAILS, Family, Values

WEEKDAYS = tuple(calendar.day_name)
MONTHS = tuple(calendar.month_name)[1:]
TIMES = tuple(f"{hour:02d}:{minute:02d}" for hour in range(24) for minute in range(0, 60, 5))


def read_date(text: str) -> date:
    """A date such as 5 March 2021."""
    day, month, year = text.split()
    return date(int(year), MONTHS.index(month) + 1, int(day))


def draw_date(rng: Random, values: Values) -> str:
    return _written(date(1950, 1, 1) + timedelta(days=rng.randrange(30000)))


def _written(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def _weekday_after(values: Values, text: str) -> str:
    return WEEKDAYS[(WEEKDAYS.index(values["weekday"]) + int(values["days"])) % 7]


def _clock_after(values: Values, text: str) -> str:
    hours, minutes = map(int, values["time"].split(":"))
    total = 60 * hours + minutes + int(values["n"])
    return f"{total // 60 % 24:02d}:{total % 60:02d}"


def _draw_dates(rng: Random, values: Values) -> str:
    return "; ".join(draw_date(rng, values) for _ in range(rng.randint(3, 5)))


FAMILIES = (
    Family(
        "weekday_after",
        (
            "If today is {weekday}, what day of the week is it in {days} days?",
            "Count {days} days on from a {weekday} and name the weekday.",
            "The bill arrived on a {weekday} and is due {days} days later; on which weekday must it be paid?",
            "Seeds sown on {weekday} sprout after {days} days, so on what weekday do they come up?",
        ),
        _weekday_after,
        slots={"weekday": WEEKDAYS, "days": range(2, 120)},
    ),
    Family(
        "clock_after",
        (
            "What time is it {n} minutes after {time}?",
            "A train departs at {time} and travels for {n} minutes; when does it arrive?",
            "The lesson starts at {time} and takes {n} minutes, so at what time is it over?",
            "Advance a clock that shows {time} by {n} minutes.",
            "Dough put aside at {time} must rest {n} minutes: when can baking begin?",
        ),
        _clock_after,
        slots={"time": TIMES, "n": range(20, 300, 5)},
        tails=(*GENERAL_TAILS, "Use the 24-hour clock.", "Write hours and minutes with a colon in between."),
    ),
    Family(
        "iso_date",
        (
            "Rewrite the date in ISO 8601 form.",
            "Convert the date to YYYY-MM-DD.",
            "Our database only takes dates like 2024-02-09; bring this one into shape.",
            "Change the written date into year-month-day with hyphens and two digits for month and day.",
        ),
        lambda values, text: str(read_date(text)),
        draw_date,
    ),
    Family(
        "sort_dates",
        (
            "Arrange the dates from earliest to latest.",
            "Bring the events of a diary into chronological order; only their dates are given.",
            "Sort the dates so that the oldest comes first, with semicolons between them.",
        ),
        lambda values, text: "; ".join(map(_written, sorted(map(read_date, text.split("; "))))),
        _draw_dates,
    ),
)
