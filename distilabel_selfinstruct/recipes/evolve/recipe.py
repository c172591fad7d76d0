"""Evol-Instruct (WizardLM): the declaration of the recipe."""

from __future__ import annotations

from distilabel_selfinstruct.data.reasons import (
    ANSWER_RULES,
    COPIED_PROMPT,
    DEDUP_SENTENCE,
    DEDUP_STAGE,
    EMPTY_INSTRUCTION,
    JUDGEMENT_STAGE,
    NO_INSTRUCTIONS,
    NO_REQUEST,
    REFUSAL,
    REPETITION,
    TRUNCATED,
)
from distilabel_selfinstruct.recipe import Chart, Column, Listing, Reason, Recipe, Stage

NO_GAIN = Reason("no_gain", "asks for no more than before")
UNCLEAR_GAIN = Reason("unclear_gain", "judged neither yes nor no")
ONLY_STOP_WORDS = Reason("only_stop_words", "only punctuation and stop words")

RECIPE = Recipe(
    name="evolve",
    title="Evol-Instruct (WizardLM)",
    url="https://arxiv.org/abs/2304.12244",
    makes="more demanding versions, over several generations, of the instructions of a run, a file or a Hub dataset",
    stages=(
        Stage(
            "evolution",
            "Evolution",
            "candidate",
            (
                NO_INSTRUCTIONS,
                TRUNCATED,
                REPETITION,
                REFUSAL,
                COPIED_PROMPT,
                NO_REQUEST,
                NO_GAIN,
                UNCLEAR_GAIN,
                EMPTY_INSTRUCTION,
            ),
        ),
        DEDUP_STAGE,
        Stage("answers", "Answers", "instance", (*ANSWER_RULES, ONLY_STOP_WORDS)),
        JUDGEMENT_STAGE,
    ),
    how=(
        "**Evolution.** The model rewrites each instruction into a more demanding one, or makes a rarer one of the same"
        " domain; what brings no gain, copies words of the prompt or is refused is dropped, and the instruction before"
        " it goes on to the next generation.",
        f"**Near-duplicates.** {DEDUP_SENTENCE} The original instructions count too.",
        "**Answers.** The model answers the evolved instructions; refusals and answers of stop words only are dropped.",
    ),
    citation="""\
@misc{xu2023wizardlm,
  title = {WizardLM: Empowering Large Language Models to Follow Complex Instructions},
  author = {Can Xu and Qingfeng Sun and Kai Zheng and Xiubo Geng and Pu Zhao and Jiazhan Feng and Chongyang Tao and \
Daxin Jiang},
  year = {2023},
  eprint = {2304.12244},
  archivePrefix = {arXiv},
  primaryClass = {cs.CL}
}""",
    columns={
        "generation": Column("how often its lineage had been evolved, this evolution included", "number"),
        "parent_id": Column("the instruction that it was evolved from; with no generation in it, an original"),
        "parent": Column("that instruction"),
        "evolution": Column("how it was evolved: the name of distilabel's prompt"),
    },
    configs={},
    listings=(
        Listing(
            "instructions",
            "Instructions",
            ("instruction", "generation", "evolution"),
            ("generation", "evolution", "max_similarity", "words of instruction"),
        ),
        Listing(
            "instances", "Instances", ("instruction", "output", "generation", "evolution"), ("generation", "evolution")
        ),
    ),
    charts=(
        Chart("Instructions by generation", "instructions", "generation"),
        Chart("Instructions by operation", "instructions", "evolution", against="generation"),
        Chart("Rejected by operation", "rejected", "evolution", against="reason"),
        Chart(
            "Length by generation",
            "instructions",
            "words of instruction",
            "points",
            "generation",
            "Words of an instruction: evolved ones grow.",
        ),
    ),
    config="distilabel_selfinstruct.recipes.evolve.config:EvolveConfig",
    script="evolve.py",
    demo="distilabel_selfinstruct.recipes.evolve.demo",
)
