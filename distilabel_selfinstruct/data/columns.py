"""The configs and columns of a dataset, each once with its meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from distilabel_selfinstruct.recipe import Column, Recipe

TrainingFormat = Literal["messages", "alpaca", "prompt_completion"]

REASONING_COLUMN = "reasoning"
JUDGE_COLUMNS = ("judge_score", "judgements", "judge_words")
"""What a judge adds to an instance."""

TURN_COLUMNS = ("messages", "turns")
"""What further turns add to an instance."""
AGREEMENT_COLUMN = "agreement"
TAG_COLUMNS = ("difficulty", "category", "quality")
"""What tags add to an instance."""

HELD_OUT = "held_out"
HELD_OUT_COLUMNS = ("instance_id", "instruction_id", "instruction", "input", "output")
"""The config of `--hold-out`."""

CONFIGS = {  # with their meaning
    "instances": "The dataset: one row an instance, an instruction with an input, which may be empty, and an output.",
    "instructions": "The admitted instructions, each once, also those that no instance was kept of.",
    "rejected": "Everything that was thrown away: the stage, the reason, and what it was compared with.",
    "sft": "The instances in the format that a trainer takes.",
    HELD_OUT: "Instances that were set apart before training, for evaluation: nothing that is trained on is similar.",
    "reviewed": "What annotators said of instances: their verdicts and corrections.",
    "curated": "The reviewed instances that are right, with corrections applied.",
}
COLUMNS: dict[str, Column] = {  # a recipe adds its own
    "instance_id": Column("names the instance"),
    "instruction_id": Column("names the instruction: number of its prompt, and place in the answer"),
    "instruction": Column("the instruction"),
    "input": Column("the input of the instance; empty where the instruction needs none"),
    "output": Column("the output of the instance"),
    "is_classification": Column(
        "whether the instruction asks for one of a few labels; null where that is not known", "flag"
    ),
    "round": Column("the round of prompts that brought it, from 0", "number"),
    "shot_ids": Column("the seed tasks and earlier instructions that its prompt showed", "texts"),
    "most_similar": Column(
        "the most similar instructions of the pool, with their ROUGE-L, where the preset keeps them", "similar"
    ),
    "max_similarity": Column("the highest ROUGE-L F with an instruction of the pool, where it was computed", "score"),
    "mean_similarity": Column("the mean ROUGE-L F over the pool, where the preset keeps it", "score"),
    "finish_reason": Column("why the completion ended: stop, length, or, ended early, repetition or off_form"),
    "input_tokens": Column("tokens of the prompt", "number"),
    "output_tokens": Column("tokens of the completion", "number"),
    "model_name": Column("the model"),
    "stage": Column("the stage that rejected it"),
    "reason": Column("the reason code"),
    "detail": Column("what the reason code leaves open, such as the beginning of an unusable completion"),
    "neighbour_id": Column("the instruction that a candidate was too similar to; of an evaluation set it has none"),
    "neighbour": Column("its text"),
    "score": Column(
        "their ROUGE-L F, the cosine of their embeddings, or the share of an evaluation text that shared runs cover",
        "score",
    ),
    "id": Column("names the seed task"),
    "name": Column("a short name of the seed task"),
    "instances": Column("input and output of each instance", "instances"),
    "messages": Column("role and content of each message of the chat", "chat"),
    "prompt": Column("what the model is given in training"),
    "completion": Column("what it learns to answer"),
    "reasoning": Column("what the model thought before it wrote the completion with this instance, where it says so"),
    "judge_score": Column("the mean of a judge's scores, from 0 to 5", "score"),
    "judgements": Column("how many of the judge's answers gave a score", "number"),
    "agreement": Column("the share of the answers to the instance that say what its output says", "score"),
    "difficulty": Column("how hard the task is, from 1 to 5, as a model says", "number"),
    "category": Column("what kind of task it is, as a model says"),
    "quality": Column("how well instruction and output are made, from 1 to 5, as a model says", "number"),
    "turns": Column("how many turns the conversation has, of a question and an answer each", "number"),
    "judge_words": Column("what the judge answered, each time", "texts"),
    "original_instruction": Column("the instruction before its correction"),
    "original_input": Column("the input before its correction"),
    "original_output": Column("the output before its correction"),
    "record_id": Column("names the record that was reviewed"),
    "valid_task": Column("whether the instruction describes a valid task"),
    "appropriate_input": Column("whether the input suits the instruction"),
    "correct_output": Column("whether the output is right"),
    "annotator": Column("a pseudonym of who answered"),
    "reviewed_at": Column("when"),
    "is_corrected": Column("whether an annotator corrected it"),
    "annotators": Column("how many answered"),
}


PAIR_CONFIG = {
    "preferences": "Pairs of answers, the better and the worse one, as trainers of preferences (DPO) take them."
}
PAIR_COLUMNS = {
    "chosen": Column("the better answer, as a chat", "chat"),
    "rejected": Column("the worse answer, as a chat", "chat"),
    "score_chosen": Column("the score of the better answer", "score"),
    "score_rejected": Column("the score of the worse answer", "score"),
}
"""The config and the columns of recipes that make preference pairs, and of `--answers`."""


def columns_of(recipe: Recipe) -> dict[str, Column]:
    """All columns that a dataset of this recipe can have."""
    return COLUMNS | dict(recipe.columns)


def describe_configs(columns: Mapping[str, Sequence[str]], recipe: Recipe) -> dict[str, Any]:
    """Configs and columns with their meaning, as a run folder records them.

    Args:
        columns: the columns of each config.
        recipe: whose own configs and columns are among them.
    """
    known, configs = columns_of(recipe), CONFIGS | dict(recipe.configs)
    every = dict.fromkeys(column for names in columns.values() for column in names)
    return {
        "configs": {name: configs.get(name, "") for name in columns},
        "columns": {column: known[column].meaning if column in known else "" for column in every},
    }
