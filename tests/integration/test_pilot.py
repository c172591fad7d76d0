"""A pilot of a recipe with a loop: a few rounds, what the whole run will take, and the whole run after it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.conftest import Script

pytestmark = pytest.mark.slow

MANY = {
    "self_instruct": ("--num-instructions", 400),
    "alpaca": ("--num-instructions", 400),
    "topics": ("--quotas", "general=300,coding=100"),
    "magpie": ("--num-instructions", 400),
}


@pytest.mark.parametrize("recipe", MANY)
def test_a_pilot_says_what_the_whole_run_takes(script: Script, tmp_path: Path, recipe: str) -> None:
    command = (*MANY[recipe], "--lag", 8, "--out", tmp_path / "run")
    pilot = script(*command, "--pilot-rounds", pipeline=recipe)
    assert pilot.returncode == 3, pilot.stderr
    assert "400 instructions will take, judged by 3 rounds:" in pilot.stdout
    [expected] = re.findall(r"^  requests +([\d,]+) ", pilot.stdout, re.MULTILINE)
    whole = script(*command, pipeline=recipe)
    assert whole.returncode == 0, whole.stderr
    usage = json.loads((tmp_path / "run" / "summary.json").read_text())["usage"]
    asked = sum(stage["requests"] for stage in usage.values())
    assert 0.5 * asked < int(expected.replace(",", "")) < 2 * asked
