"""The stages of `--answers`, `--turns` and `--tags`, which any recipe can have, with what dataset and page show."""

from __future__ import annotations

import dataclasses
from typing import Any

from distilabel_selfinstruct.data.columns import PAIR_COLUMNS, PAIR_CONFIG
from distilabel_selfinstruct.data.reasons import ANSWER_RULES, TRUNCATED, before_judge
from distilabel_selfinstruct.recipe import Chart, Reason, Recipe, Stage

AGREEMENT_STAGE = Stage(
    "agreement",
    "Answers that agree",
    "instance",
    (
        Reason("no_agreement", "most of the answers say something else"),
        Reason("unclear_agreement", "no verdict on which answers agree"),
        TRUNCATED,
    ),
    optional=True,
)
"""The stage of `--answers`."""
TURNS_STAGE = Stage(
    "turns",
    "Further turns",
    "turn",
    (
        Reason("empty_turn", "the user says nothing"),
        Reason("goodbye", "the user has nothing more to ask"),
        Reason("repeated_turn", "says what was said before"),
        *ANSWER_RULES,
    ),
    optional=True,
)
"""The stage of `--turns`: a conversation that is cut keeps the turns before."""
TAGS_STAGE = Stage(
    "tags",
    "Tags",
    "instance",
    (Reason("unwanted_tags", "tagged as what was not asked for"), Reason("unclear_tags", "no clear tags"), TRUNCATED),
    optional=True,
)
"""The stage of `--tags`."""


def with_agreement(recipe: Recipe) -> Recipe:
    """The recipe with answers that must agree, and preference pairs of those that do not."""
    how = (
        "**Answers that agree.** Each instance is answered several times; it is kept where most of the answers agree"
        " (Self-Consistency, arXiv 2203.11171). One that does not agree makes a preference pair with one that does."
    )
    chart = Chart("Instances by how many answers agree", "instances", "agreement", "histogram")
    configs, columns = {**recipe.configs, **PAIR_CONFIG}, {**recipe.columns, **PAIR_COLUMNS}
    return _with_stage(recipe, AGREEMENT_STAGE, how, chart, configs=configs, columns=columns)


def with_turns(recipe: Recipe) -> Recipe:
    """The recipe with conversations."""
    how = (
        "**Further turns.** The model says what the user says next, and answers; a conversation ends before a turn that"
        " repeats, says nothing or takes leave."
    )
    return _with_stage(recipe, TURNS_STAGE, how, Chart("Conversations by their turns", "instances", "turns"))


def with_tags(recipe: Recipe) -> Recipe:
    """The recipe with tags."""
    how = "**Tags.** A model says of each instance what kind of task it is, how hard, and how well made."
    charts = [
        Chart("Instances by category", "instances", "category"),
        Chart("Instances by difficulty", "instances", "difficulty"),
        Chart("Instances by quality", "instances", "quality"),
    ]
    return _with_stage(recipe, TAGS_STAGE, how, *charts)


def _with_stage(recipe: Recipe, stage: Stage, how: str, *charts: Chart, **more: Any) -> Recipe:
    """The recipe with a stage that looks at its instances before any judge, what it does, and what the page shows."""
    return dataclasses.replace(
        recipe,
        stages=before_judge(recipe.stages, stage),
        how=(*recipe.how, how),
        charts=(*recipe.charts, *charts),
        **more,
    )
