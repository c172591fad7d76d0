"""Self-Instruct: the declaration of the recipe."""

from __future__ import annotations

import dataclasses

from distilabel_selfinstruct.data.reasons import (
    INSTANCE_RULES,
    INSTRUCTION_RULES,
    JUDGEMENT_STAGE,
    KEYWORD,
    NO_INSTRUCTIONS,
    OVER_LIMIT,
    POOL_RULES,
    SURPLUS,
    TRUNCATED,
    WORDING_RULES,
)
from distilabel_selfinstruct.recipe import Reason, Recipe, Stage

OTHER_TASK = Reason("other_task", "answer to another task than the one asked about")
_CLASSIFICATION = "classification"
UNCLEAR_CLASSIFICATION = Reason("unclear_classification", "neither yes nor no")
ECHOED_LABEL = Reason("echoed_label", "label that only repeats what the instruction is about")
NO_LABEL = Reason("no_label", "placeholder or sentences instead of a label")
NO_INSTANCES = Reason("no_instances", "answer without instances")

_BOOTSTRAP = (
    "**Bootstrap.** The model is shown a few tasks of the pool, which begins with the seed tasks, and comes up with new"
    " ones. A candidate joins the pool if it passes the filters and its ROUGE-L with everything in the pool is low"
    " enough."
)
_FILTERS = "**Filters.** Empty, repeated, contradictory and cut-off instances are dropped."

RECIPE = Recipe(
    name="self-instruct",
    title="Self-Instruct",
    url="https://arxiv.org/abs/2212.10560",
    makes="instructions from seed tasks, with instances",
    stages=(
        Stage(
            "bootstrap",
            "Bootstrap",
            "candidate",
            (*INSTRUCTION_RULES, KEYWORD, *WORDING_RULES, *POOL_RULES, NO_INSTRUCTIONS, SURPLUS),
            asks="rounds",
        ),
        Stage(_CLASSIFICATION, "Classification", "instruction", (UNCLEAR_CLASSIFICATION, TRUNCATED)),
        Stage(
            "instances",
            "Instances",
            "instance",
            (TRUNCATED, OTHER_TASK, NO_INSTANCES, ECHOED_LABEL, NO_LABEL, *INSTANCE_RULES, OVER_LIMIT),
        ),
        JUDGEMENT_STAGE,
    ),
    how=(
        _BOOTSTRAP,
        "**Classification.** The model says of each instruction whether it is a classification task.",
        "**Instances.** For a classification task the model writes the label first and then an input for it, which"
        " keeps labels from being one-sided; for the others the input first and then the output.",
        _FILTERS,
    ),
    citation="""\
@misc{wang2022selfinstruct,
  title = {Self-Instruct: Aligning Language Models with Self-Generated Instructions},
  author = {Yizhong Wang and Yeganeh Kordi and Swaroop Mishra and Alisa Liu and Noah A. Smith and Daniel Khashabi and \
Hannaneh Hajishirzi},
  year = {2022},
  eprint = {2212.10560},
  archivePrefix = {arXiv},
  primaryClass = {cs.CL}
}""",
    columns={},
    configs={"seeds": "The human-written seed tasks that the run started from."},
    of_paper=True,
    prompts_version=5,  # class labels are numbered, and end after the fifth
    config="distilabel_selfinstruct.recipes.self_instruct.config:SelfInstructConfig",
    script="self_instruct.py",
    demo="distilabel_selfinstruct.recipes.self_instruct.demo",
    check="distilabel_selfinstruct.recipes.self_instruct.advice:before_a_run",
    groups={"identify": (_CLASSIFICATION,), "instances": ("output_first", "input_first")},
)


def without_classification(recipe: Recipe) -> Recipe:
    """The recipe of a run that asks nothing about classification."""
    instances = (
        "**Instances.** For every instruction the model writes the input first and then the output; whether it is a"
        " classification task was not asked."
    )
    stages = tuple(stage for stage in recipe.stages if stage.name != _CLASSIFICATION)
    return dataclasses.replace(recipe, stages=stages, how=(_BOOTSTRAP, instances, _FILTERS))
