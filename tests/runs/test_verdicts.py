"""A run that calls far more or fewer instructions classification than there are among the seeds says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distilabel_selfinstruct import load_seed_tasks
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.report import write_report
from distilabel_selfinstruct.runs.verdicts import is_far_off, verdict_notes
from distilabel_selfinstruct.shares import Share
from distilabel_selfinstruct.text.requests import asks_for_text
from tests.support.answers import answer, question_of
from tests.support.openai_server import Body, OpenAIServer
from tests.support.recipes import run_here

OURS = Share(59, 303)  # the project's seed tasks
AUTHORS = Share(25, 175)  # the paper's


@pytest.mark.parametrize(
    ("said", "seeds", "is_far"),
    [
        (Share(39, 40), OURS, True),  # gemma-3-270m
        (Share(11_584, 52_445), AUTHORS, False),  # the paper's own run
        (Share(8, 67), AUTHORS, False),  # the authors' davinci run
        (Share(0, 40), OURS, True),
        (Share(0, 10), OURS, False),  # may be chance
        (Share(3, 4), OURS, True),
        (Share(2, 3), OURS, False),
        (Share(14, 40), OURS, False),  # more than the seeds, and not far
        (Share(24, 40), OURS, True),
        (Share(40, 40), Share(3, 4), False),
        (Share(3, 30), Share(0, 5), False),  # few seed tasks say little
        (Share(25, 30), Share(0, 5), True),
        (Share(2, 30), Share(5, 5), True),
        (Share(0, 0), OURS, False),
        (Share(5, 5), Share(0, 0), False),
    ],
)
def test_what_is_far_off(said: Share, seeds: Share, is_far: bool) -> None:
    assert is_far_off(said, seeds) is is_far


def test_what_is_told() -> None:
    verdicts = [True] * 39 + [False] + [None] * 7
    assert verdict_notes(verdicts, [True] * 59 + [False] * 244) == [
        "Of the instructions whose form does not tell, the model called 39 of 40 classification, 98% (95% interval 87%"
        " to 100%), and of such seed tasks 19% are: see with `self-instruct check` whether it can tell them apart, or"
        " in another folder (--out) take --base (a base model), --structured (guided decoding), another model, or"
        " --skip-classification."
    ]


def test_where_nobody_has_asked_nothing_is_told() -> None:
    assert verdict_notes([None] * 50, [True] * 59 + [False] * 244) == []


def say_yes(body: Body) -> str:
    return "Yes" if question_of(body) == "classification" else answer(body)


@pytest.mark.slow
def test_a_run_says_it_in_its_summary_and_its_report(seed_file: str, tmp_path: Path) -> None:
    with OpenAIServer(answer=say_yes) as server:
        options = ("--llm", "openai", "--model", "stub-model", "--base-url", server.url, "--num-instructions", 24)
        made = run_here(get_recipe("self-instruct"), tmp_path / "run", *options)
    asked = [task.is_classification for task in load_seed_tasks(seed_file) if not asks_for_text(task.instruction)]
    (note,) = made.folder.summary().notes
    assert note.startswith(
        "Of the instructions whose form does not tell, the model called 14 of 14 classification, 100%"
    )
    assert f" of such seed tasks {sum(asked) / len(asked):.0%} are:" in note
    assert f"note: {note}\n" in made.out
    assert made.status == 0
    page = write_report(made.path)
    assert "the model called 14 of 14 classification" in page.read_text(encoding="utf-8")
    assert json.loads((made.path / "report" / "statistics.json").read_text(encoding="utf-8"))["notes"] == [note]
