"""Magpie: the declaration of the recipe."""

from __future__ import annotations

from distilabel_selfinstruct.data.reasons import (
    ANSWERS_STAGE,
    DEDUP_SENTENCE,
    INSTRUCTION_RULES,
    JUDGEMENT_STAGE,
    NO_INSTRUCTIONS,
    POOL_RULES,
    WORDING_RULES,
)
from distilabel_selfinstruct.recipe import Chart, Recipe, Stage

RECIPE = Recipe(
    name="magpie",
    title="Magpie",
    url="https://arxiv.org/abs/2406.08464",
    makes="what an aligned model says as a user, and its answers; needs a model that takes raw text",
    stages=(
        Stage(
            "magpie",
            "Instructions",
            "candidate",
            (
                *(rule for rule in INSTRUCTION_RULES if rule.code != "punctuation"),
                *WORDING_RULES,
                *POOL_RULES,
                NO_INSTRUCTIONS,
            ),
            asks="rounds",
        ),
        ANSWERS_STAGE,
        JUDGEMENT_STAGE,
    ),
    how=(
        "**Instructions.** The model is given nothing but the beginning of a user's turn, and writes what a user might"
        f" ask. {DEDUP_SENTENCE}",
        "**Answers.** It answers its own instruction.",
    ),
    citation="""\
@misc{xu2024magpie,
  title = {Magpie: Alignment Data Synthesis from Scratch by Prompting Aligned LLMs with Nothing},
  author = {Zhangchen Xu and Fengqing Jiang and Luyao Niu and Yuntian Deng and Radha Poovendran and Yejin Choi and \
Bill Yuchen Lin},
  year = {2024},
  eprint = {2406.08464},
  archivePrefix = {arXiv},
  primaryClass = {cs.CL}
}""",
    columns={},
    configs={},
    charts=(
        Chart(
            "How the instructions begin",
            "instructions",
            "opening",
            note="Their first word: what the model takes a user to say.",
        ),
        Chart("Instances by how the answer ended", "instances", "finish_reason"),
    ),
    config="distilabel_selfinstruct.recipes.magpie.config:MagpieConfig",
    script="magpie.py",
    demo="distilabel_selfinstruct.recipes.magpie.demo",
)
