"""Self-Rewarding Language Models: the declaration of the recipe."""

from __future__ import annotations

from distilabel_selfinstruct.data.columns import PAIR_COLUMNS, PAIR_CONFIG
from distilabel_selfinstruct.data.reasons import (
    ANSWER_RULES,
    DUPLICATE,
    EMPTY_INSTRUCTION,
    TRUNCATED,
    UNCLEAR_JUDGEMENT,
)
from distilabel_selfinstruct.recipe import Chart, Column, Listing, Reason, Recipe, Stage

TIE = Reason("tie", "best and worst response judged equal")
TOO_FEW_RESPONSES = Reason("too_few_responses", "fewer than two responses to compare")

RECIPE = Recipe(
    name="preferences",
    title="Self-Rewarding Language Models",
    url="https://arxiv.org/abs/2401.10020",
    makes="several responses an instruction, scored by a judge; best and worst as `prompt`, `chosen`, `rejected`",
    stages=(
        Stage("responses", "Responses", "instance", (*ANSWER_RULES, DUPLICATE, EMPTY_INSTRUCTION)),
        Stage("judgement", "Judgement", "instance", (UNCLEAR_JUDGEMENT, TRUNCATED)),
        Stage("preferences", "Preference pairs", "pair", (TIE, TOO_FEW_RESPONSES)),
    ),
    how=(
        "**Responses.** The model answers each instruction several times; empty, cut and repeated answers are dropped,"
        " and so are refusals.",
        "**Judgement.** The model as judge gives each answer up to five points, several times; the mean is its reward.",
        "**Preference pairs.** The best and the worst answer make a pair; where they are equal there is none.",
    ),
    citation="""\
@misc{yuan2024selfrewarding,
  title = {Self-Rewarding Language Models},
  author = {Weizhe Yuan and Richard Yuanzhe Pang and Kyunghyun Cho and Xian Li and Sainbayar Sukhbaatar and Jing Xu \
and Jason Weston},
  year = {2024},
  eprint = {2401.10020},
  archivePrefix = {arXiv},
  primaryClass = {cs.CL}
}""",
    columns={
        "is_chosen": Column("whether it is the better response of a preference pair", "flag"),
        **PAIR_COLUMNS,
    },
    configs=PAIR_CONFIG,
    main_config="preferences",
    listings=(
        Listing(
            "preferences",
            "Pairs",
            ("prompt", "score_chosen", "score_rejected", "score_chosen - score_rejected"),
            ("score_chosen", "score_rejected", "score_chosen - score_rejected", "words of chosen - words of rejected"),
        ),
        Listing(
            "instances",
            "Responses",
            ("instruction", "output", "judge_score", "is_chosen"),
            ("is_chosen", "judge_score", "words of output", "finish_reason"),
        ),
    ),
    charts=(
        Chart("Scores of all responses", "instances", "judge_score", "histogram"),
        Chart(
            "Margins of the pairs",
            "preferences",
            "score_chosen - score_rejected",
            "histogram",
            note="The score of the better response less that of the worse one.",
        ),
        Chart(
            "Is the longer response chosen?",
            "preferences",
            "words of chosen - words of rejected",
            "histogram",
            note="Words of the better response less those of the worse one: a judge that likes length shows on the"
            " right of 0.",
        ),
        Chart("Length of chosen against rejected", "preferences", "words of chosen", "points", "words of rejected"),
    ),
    config="distilabel_selfinstruct.recipes.preferences.config:PreferencesConfig",
    script="preferences.py",
)
