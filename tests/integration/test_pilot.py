"""A pilot of a recipe with a loop: a few rounds, what the whole run will take, and the whole run after it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from distilabel_selfinstruct.recipe import get_recipe
from tests.support.recipes import run_here

pytestmark = pytest.mark.slow

MANY = {
    "self-instruct": ("--num-instructions", 400),
    "alpaca": ("--num-instructions", 400),
    "topics": ("--quotas", "general=300,coding=100"),
    "magpie": ("--num-instructions", 400),
}


@pytest.mark.parametrize("recipe", MANY)
def test_a_pilot_says_what_the_whole_run_takes(tmp_path: Path, recipe: str) -> None:
    command = (get_recipe(recipe), tmp_path / "run", *MANY[recipe], "--lag", 8)
    pilot = run_here(*command, "--pilot-rounds")
    assert pilot.status == 3, pilot.err
    assert "400 instructions will take, judged by 3 rounds:" in pilot.out
    [expected] = re.findall(r"^  requests +([\d,]+) ", pilot.out, re.MULTILINE)
    whole = run_here(*command)
    assert whole.status == 0, whole.err
    usage = json.loads((tmp_path / "run" / "summary.json").read_text())["usage"]
    asked = sum(stage["requests"] for stage in usage.values())
    assert 0.5 * asked < int(expected.replace(",", "")) < 2 * asked
