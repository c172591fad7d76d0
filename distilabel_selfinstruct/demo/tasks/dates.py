"""Dates, weekdays, clocks and durations."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from random import Random

from distilabel_selfinstruct.demo.tasks.arithmetic import computed
from distilabel_selfinstruct.demo.tasks.grammar import GENERAL_LEADS, GENERAL_TAILS, Family, Slot, Values
from distilabel_selfinstruct.demo.tasks.numbers import NUMBER_TAILS

WEEKDAYS = tuple(calendar.day_name)
MONTHS = tuple(calendar.month_name)[1:]
LEADS = (
    *GENERAL_LEADS,
    "I am planning my calendar for the coming months.",
    "A travel agent is asked the following.",
    "The secretary of a doctor keeps an appointment book.",
    "We plan a timetable for the village school.",
)
CLOCK_TAILS = (*GENERAL_TAILS, "Use the 24-hour clock.", "Write hours and minutes with a colon in between.")
ISO_TAILS = (*GENERAL_TAILS, "Format the date as YYYY-MM-DD.", "Use the ISO notation for the date.")
TIMES = tuple(f"{hour:02d}:{minute:02d}" for hour in range(24) for minute in range(0, 60, 5))
DATES = tuple(str(date(2021, 1, 3) + timedelta(days=37 * k)) for k in range(120))


def clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def minutes_of(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)


def in_hours(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{hours} {'hour' if hours == 1 else 'hours'} {rest} {'minute' if rest == 1 else 'minutes'}"


def written(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def read_date(text: str) -> date:
    """A date such as 5 March 2021."""
    day, month, year = text.split()
    return date(int(year), MONTHS.index(month) + 1, int(day))


def draw_date(rng: Random, values: Values) -> str:
    return written(date(1950, 1, 1) + timedelta(days=rng.randrange(30000)))


def _family(
    name: str,
    cores: Sequence[str],
    answer: Callable[[Values, str], str],
    draw: Callable[[Random, Values], str] | None = None,
    tails: Sequence[str] = GENERAL_TAILS,
    slots: Mapping[str, Slot] | None = None,
) -> Family:
    return Family(name, tuple(cores), answer, draw, slots or {}, LEADS, tuple(tails))


def _weekday_after(values: Values, text: str) -> str:
    return WEEKDAYS[(WEEKDAYS.index(values["weekday"]) + int(values["days"])) % 7]


def _weekday_before(values: Values, text: str) -> str:
    return WEEKDAYS[(WEEKDAYS.index(values["weekday"]) - int(values["days"])) % 7]


def _later_date(values: Values, text: str) -> str:
    return str(date.fromisoformat(values["date"]) + timedelta(days=int(values["days"])))


def _days_between(values: Values, text: str) -> str:
    return str((date.fromisoformat(values["date"]) - date(2020, 1, 1)).days)


def _leap_years(values: Values, text: str) -> str:
    return ", ".join(str(y) for y in range(int(values["start"]), int(values["end"]) + 1) if calendar.isleap(y))


def _twelve_hours(values: Values, text: str) -> str:
    hours, minutes = divmod(minutes_of(values["time"]), 60)
    return f"{hours % 12 or 12}:{minutes:02d} {'a.m.' if hours < 12 else 'p.m.'}"


def _draw_stop_times(rng: Random, values: Values) -> str:
    times = sorted(rng.sample(range(300, 1380, 5), 2))
    return " to ".join(clock(minutes).replace(":", ".") for minutes in times)


def _duration(values: Values, text: str) -> str:
    start, end = (minutes_of(time.replace(".", ":")) for time in text.split(" to "))
    return in_hours(end - start)


def _draw_dates(rng: Random, values: Values) -> str:
    return "; ".join(draw_date(rng, values) for _ in range(rng.randint(3, 5)))


FAMILIES = (
    _family(
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
    _family(
        "weekday_before",
        (
            "Which weekday was it {days} days before a {weekday}?",
            "Go back {days} days from {weekday}; where in the week do you land?",
            "On {weekday} the milk turned sour, {days} days after it was bought: name the day of purchase.",
        ),
        _weekday_before,
        slots={"weekday": WEEKDAYS, "days": range(2, 60)},
    ),
    _family(
        "weekday_of_date",
        (
            "What day of the week was or will be this date?",
            "Determine the weekday for the given calendar date.",
            "Someone was born on this day; was it a Monday, a Tuesday or which other day?",
            "Use the Gregorian calendar to find the name of the day.",
        ),
        lambda values, text: WEEKDAYS[read_date(text).weekday()],
        draw_date,
    ),
    _family(
        "later_date",
        (
            "Which date is {days} days after {date}?",
            "A parcel was sent on {date} and needs {days} days; when does it arrive?",
            "Add {days} days to {date}.",
            "The warranty starts on {date} and ends {days} days later, so on which date?",
        ),
        _later_date,
        tails=ISO_TAILS,
        slots={"date": DATES, "days": range(10, 100)},
    ),
    _family(
        "days_between",
        (
            "How many days passed between 2020-01-01 and {date}?",
            "Subtract the date 2020-01-01 from {date} and state the difference in days.",
            "A diary was begun on 2020-01-01 and lost on {date}; for how many days was it kept, not counting the last?",
        ),
        _days_between,
        tails=NUMBER_TAILS,
        slots={"date": DATES},
    ),
    _family(
        "leap_years",
        (
            "List all leap years from {start} to {end}.",
            "In which years between {start} and {end} did February have 29 days?",
            "Name every year with 366 days that lies in the span from {start} up to {end}.",
        ),
        _leap_years,
        tails=(*GENERAL_TAILS, "Separate the years by commas."),
        slots={"start": range(1890, 1960, 3), "end": range(1966, 1999, 3)},
    ),
    _family(
        "month_days",
        (
            "How many days does {month} have in the year {year}?",
            "State the length of {month} {year} in days.",
            "The rent for {month} {year} is shared by the day, so by how many days must it be divided?",
        ),
        lambda values, text: str(calendar.monthrange(int(values["year"]), MONTHS.index(values["month"]) + 1)[1]),
        tails=NUMBER_TAILS,
        slots={"month": MONTHS, "year": range(1990, 2040)},
    ),
    _family(
        "month_after",
        (
            "Which month comes {n} months after {month}?",
            "Starting in {month}, a project runs for {n} full months; what month follows the last of them?",
            "Turn {n} pages of a wall calendar that shows {month}, one page a month: what do you see?",
        ),
        lambda values, text: MONTHS[(MONTHS.index(values["month"]) + int(values["n"])) % 12],
        slots={"month": MONTHS, "n": range(2, 30)},
    ),
    _family(
        "minutes_to_hours",
        (
            "Express {n} minutes in hours and minutes.",
            "A film lasts {n} minutes; how long is that in hours and minutes?",
            "The oven timer says {n} minutes, so how many hours and how many minutes will it take?",
            "Break {n} minutes up into full hours and the minutes left over.",
        ),
        computed(in_hours, "n"),
        tails=(*GENERAL_TAILS, "Use the form 3 hours 20 minutes."),
        slots={"n": range(65, 600, 3)},
    ),
    _family(
        "hours_to_seconds",
        (
            "How many seconds are {n} hours?",
            "Convert {n} hours into seconds.",
            "A stopwatch counts seconds only; what does it show after {n} hours?",
        ),
        computed(lambda n: n * 3600, "n"),
        tails=NUMBER_TAILS,
        slots={"n": range(2, 48)},
    ),
    _family(
        "weeks_to_days",
        (
            "How many days do {n} weeks and {d} days make?",
            "Convert a holiday of {n} weeks and {d} days to days.",
            "The patient stayed in hospital for {n} weeks plus {d} days, in days that is how many?",
        ),
        computed(lambda n, d: 7 * n + d, "n", "d"),
        tails=NUMBER_TAILS,
        slots={"n": range(2, 30), "d": range(2, 7)},
    ),
    _family(
        "clock_after",
        (
            "What time is it {n} minutes after {time}?",
            "A train departs at {time} and travels for {n} minutes; when does it arrive?",
            "The lesson starts at {time} and takes {n} minutes, so at what time is it over?",
            "Advance a clock that shows {time} by {n} minutes.",
            "Dough put aside at {time} must rest {n} minutes: when can baking begin?",
        ),
        lambda values, text: clock(minutes_of(values["time"]) + int(values["n"])),
        tails=CLOCK_TAILS,
        slots={"time": TIMES, "n": range(20, 300, 5)},
    ),
    _family(
        "clock_before",
        (
            "At what time must I leave to arrive at {time} if the way takes {n} minutes?",
            "Set the clock back from {time} by {n} minutes.",
            "Dinner is at {time} and cooking needs {n} minutes; when does the cook have to start?",
            "The concert ended at {time} after {n} minutes, so when had it begun?",
        ),
        lambda values, text: clock(minutes_of(values["time"]) - int(values["n"]) + 24 * 60),
        tails=CLOCK_TAILS,
        slots={"time": TIMES, "n": range(20, 300, 5)},
    ),
    _family(
        "twelve_hours",
        (
            "Write {time} in the 12-hour system with a.m. or p.m. at the end.",
            "How would an American clock with a.m. and p.m. show {time}?",
            "Convert the military time {time} to the 12-hour clock.",
        ),
        _twelve_hours,
        slots={"time": TIMES},
    ),
    _family(
        "duration",
        (
            "How long does the event last?",
            "The opening hours of a stall are given; for how many hours and minutes is it open?",
            "Compute the time between departure and arrival on the same day.",
            "Someone worked without a break from the first time to the second: how long was the shift?",
        ),
        _duration,
        _draw_stop_times,
        tails=(*GENERAL_TAILS, "Use the form 3 hours 20 minutes."),
    ),
    _family(
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
    _family(
        "written_date",
        (
            "Spell the ISO date out as day, month name and year.",
            "Turn a date such as 2024-02-09 into the style 9 February 2024.",
            "For the invitation, the machine-readable date should become readable: day, name of the month, year.",
        ),
        lambda values, text: written(date.fromisoformat(text)),
        lambda rng, values: str(read_date(draw_date(rng, values))),
    ),
    _family(
        "day_of_year",
        (
            "Which day of the year is it, with 1 January as number 1?",
            "Give the ordinal number of the date within its year.",
            "How many days of that year are over at the end of the given day?",
        ),
        lambda values, text: str(read_date(text).timetuple().tm_yday),
        draw_date,
        tails=NUMBER_TAILS,
    ),
    _family(
        "age",
        (
            "A company founded in {born} holds a jubilee in {year}; how old is it then?",
            "How many years lie between {born} and {year}?",
            "The tower was finished in {born}, so which anniversary is due in {year}?",
            "What was the age, in years, of a tree in {year} that was planted in {born}?",
        ),
        computed(lambda born, year: year - born, "born", "year"),
        tails=NUMBER_TAILS,
        slots={"born": range(1890, 1990), "year": range(1995, 2030)},
    ),
    _family(
        "sort_dates",
        (
            "Arrange the dates from earliest to latest.",
            "Bring the events of a diary into chronological order; only their dates are given.",
            "Sort the dates so that the oldest comes first, with semicolons between them.",
        ),
        lambda values, text: "; ".join(map(written, sorted(map(read_date, text.split("; "))))),
        _draw_dates,
    ),
    _family(
        "earliest_date",
        (
            "Which of the dates is the earliest?",
            "Pick the date that came first in history.",
            "Letters were written on these days; when was the oldest one written?",
        ),
        lambda values, text: written(min(map(read_date, text.split("; ")))),
        _draw_dates,
    ),
)
