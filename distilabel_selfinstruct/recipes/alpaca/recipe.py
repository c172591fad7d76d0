"""Stanford Alpaca: the declaration of the recipe."""

from __future__ import annotations

from distilabel_selfinstruct.data.reasons import (
    DEDUP_SENTENCE,
    INSTRUCTION_RULES,
    JUDGEMENT_STAGE,
    KEYWORD,
    NO_INSTRUCTIONS,
    ONE_INSTANCE_RULES,
    POOL_RULES,
    SURPLUS,
    WORDING_RULES,
    unique,
)
from distilabel_selfinstruct.recipe import Chart, Reason, Recipe, Stage

MISSING_FIELD = Reason("missing_field", "task without one of its fields")
FIELD_ORDER = Reason("field_order", "fields of a task in another order")

RECIPE = Recipe(
    name="alpaca",
    title="Stanford Alpaca",
    url="https://github.com/tatsu-lab/stanford_alpaca",
    makes="whole tasks, up to the 20th in one completion, from seed tasks alone; also as `alpaca_data.json`",
    stages=(
        Stage(
            "bootstrap",
            "Bootstrap",
            "candidate",
            (
                *INSTRUCTION_RULES,
                KEYWORD,
                *unique(*WORDING_RULES, *ONE_INSTANCE_RULES, *POOL_RULES),
                MISSING_FIELD,
                FIELD_ORDER,
                NO_INSTRUCTIONS,
                SURPLUS,
            ),
            asks="rounds",
        ),
        Stage("instances", "Instances", "instance"),  # each has passed with its instruction
        JUDGEMENT_STAGE,
    ),
    how=(
        "**Tasks.** The model is shown three seed tasks and goes on to the twentieth: instruction, input and output in"
        f" one completion. {DEDUP_SENTENCE}",
        "**Filters.** Empty, repeated and cut-off tasks are dropped.",
    ),
    citation="""\
@misc{alpaca,
  author = {Rohan Taori and Ishaan Gulrajani and Tianyi Zhang and Yann Dubois and Xuechen Li and Carlos Guestrin and \
Percy Liang and Tatsunori B. Hashimoto},
  title = {Stanford Alpaca: An Instruction-following LLaMA model},
  year = {2023},
  publisher = {GitHub},
  howpublished = {\\url{https://github.com/tatsu-lab/stanford_alpaca}}
}""",
    columns={},
    configs={"seeds": "The human-written seed tasks that the run started from."},
    charts=(
        Chart(
            "Tasks by place in the completion",
            "instances",
            "place",
            note="The model goes on to the twentieth task of a list; the later ones are often weaker, or not written.",
        ),
    ),
    config="distilabel_selfinstruct.recipes.alpaca.config:AlpacaConfig",
    script="alpaca.py",
    demo="distilabel_selfinstruct.recipes.alpaca.demo",
)
