"""airoboros: the declaration of the recipe."""

from __future__ import annotations

from distilabel_selfinstruct.data.reasons import (
    ANSWERS_STAGE,
    CHATTER,
    COPIED_PROMPT,
    DEDUP_SENTENCE,
    INSTRUCTION_RULES,
    JUDGEMENT_STAGE,
    NO_INSTRUCTIONS,
    POOL_RULES,
    REFUSAL,
    SURPLUS,
    WORDING_RULES,
)
from distilabel_selfinstruct.recipe import Chart, Column, Listing, Reason, Recipe, Stage

TOPIC_RULES = tuple(reason for reason in INSTRUCTION_RULES if reason.code in ("too_long", "punctuation"))
NO_TOPICS = Reason("no_topics", "answer without topics")
NO_OPTIONS = Reason("no_options", "question without its options")

RECIPE = Recipe(
    name="topics",
    title="airoboros",
    url="https://github.com/jondurbin/airoboros",
    makes="topics, then instructions of seven kinds, each with a quota, and answers",
    stages=(
        Stage(
            "topics",
            "Topics",
            "topic",
            (REFUSAL, CHATTER, COPIED_PROMPT, *TOPIC_RULES, *POOL_RULES, NO_TOPICS, SURPLUS),
            asks="before",
        ),
        Stage(
            "instructions",
            "Instructions",
            "candidate",
            (NO_OPTIONS, *INSTRUCTION_RULES, *WORDING_RULES, *POOL_RULES, NO_INSTRUCTIONS, SURPLUS),
            asks="rounds",
        ),
        ANSWERS_STAGE,
        JUDGEMENT_STAGE,
    ),
    how=(
        "**Topics.** The model lists topics; repeated ones are dropped.",
        "**Instructions.** For each topic it writes instructions of several kinds, each with a quota."
        f" {DEDUP_SENTENCE}",
        "**Answers.** It answers each of them; refusals are dropped.",
    ),
    citation="""\
@misc{airoboros,
  author = {Jon Durbin},
  title = {airoboros: using large language models to fine-tune large language models},
  year = {2023},
  publisher = {GitHub},
  howpublished = {\\url{https://github.com/jondurbin/airoboros}}
}""",
    columns={
        "topic": Column("what it is about"),
        "topic_id": Column("names the topic: number of its prompt, and place in the answer"),
        "kind": Column("what sort of instruction it is"),
    },
    configs={"topics": "The topics that the instructions are about."},
    listings=(
        Listing("topics", "Topics", ("topic", "round"), ("round",)),
        Listing("instructions", "Instructions", ("instruction", "kind", "topic"), ("kind", "topic", "max_similarity")),
        Listing("instances", "Instances", ("instruction", "output", "kind", "topic"), ("kind", "topic")),
    ),
    charts=(
        Chart("Instructions by kind", "instructions", "kind", wanted="quotas"),
        Chart("Instructions by topic", "instructions", "topic", against="kind"),
        Chart("Rejected by kind", "rejected", "kind", against="reason"),
    ),
    config="distilabel_selfinstruct.recipes.topics.config:TopicsConfig",
    script="topics.py",
    demo="distilabel_selfinstruct.recipes.topics.demo",
)
