"""The fault campaign in its short form: one run of each recipe, with a signal, an outage and a wrong set-up in all.

Through litellm it is one run, which meets all three.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns.faults import RECIPES, campaign, table

pytestmark = pytest.mark.slow


def test_runs_to_which_everything_happens_that_heals_give_the_dataset_of_one_to_which_nothing_happens(
    tmp_path: Path,
) -> None:
    outcomes = campaign(1, 0, list(RECIPES), len(RECIPES), tmp_path)
    assert [outcome.wrong for outcome in outcomes] == [[]] * len(RECIPES), table(outcomes)
    assert all(outcome.injected.total() > 10 for outcome in outcomes)


def test_so_do_they_through_litellm(tmp_path: Path) -> None:
    outcomes = campaign(1, 8, ["self_instruct"], 1, tmp_path, client="litellm")
    assert [outcome.wrong for outcome in outcomes] == [[]], table(outcomes)
    assert all(outcome.injected.total() > 10 for outcome in outcomes)
