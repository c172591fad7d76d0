"""The reasons for which stages of several recipes reject rows."""

from __future__ import annotations

import dataclasses

from distilabel_selfinstruct.recipe import Reason, Recipe, Stage


def unique(*reasons: Reason) -> tuple[Reason, ...]:
    """The reasons of several rules, each once."""
    return tuple(dict.fromkeys(reasons))


INSTRUCTION_RULES = (
    Reason("too_short", "too short"),
    Reason("too_long", "too long"),
    Reason("program", 'starts with "Write a program"'),
    Reason("punctuation", "starts with punctuation"),
    Reason("non_ascii", "letter outside ASCII"),
)
KEYWORD = Reason("keyword", "asks for more than text")
SIMILAR = Reason("similar", "too similar to the pool")
TRUNCATED = Reason("truncated", "cut off by the length limit")
REFUSAL = Reason("refusal", "refused to answer")
GREETING = Reason("greeting", "greets and offers help")
REPEATS_QUESTION = Reason("repeats_question", "only repeats the question")
CHATTER = Reason("chatter", "speaks of the answer itself")
COPIED_PROMPT = Reason("copied_prompt", "copies words of the prompt")
NO_REQUEST = Reason("no_request", "asks and orders nothing")
CONTAINED = Reason("contained", "part of a text of the pool, or the other way round")
SURPLUS = Reason("surplus", "came when enough were admitted")
NO_INSTRUCTIONS = Reason("no_instructions", "answer without a list of instructions")
EMPTY_INSTRUCTION = Reason("empty_instruction", "row without an instruction")
EMPTY_OUTPUT = Reason("empty_output", "empty output")
DUPLICATE = Reason("duplicate", "duplicate")
OVER_LIMIT = Reason("over_limit", "more than the limit")
REPETITION = Reason("repetition", "repeats itself")
WORDING_RULES = (REFUSAL, CHATTER, COPIED_PROMPT, NO_REQUEST)
POOL_RULES = (SIMILAR, CONTAINED, REPETITION, TRUNCATED)
NO_ANSWER_RULES = (REFUSAL, GREETING, REPEATS_QUESTION)
ONE_INSTANCE_RULES = (
    REPETITION,
    *NO_ANSWER_RULES,
    Reason("input_equals_output", "output repeats the input"),
    EMPTY_OUTPUT,
    Reason("trailing_colon", "ends in a colon"),
)
INSTANCE_RULES = (
    *ONE_INSTANCE_RULES,
    Reason("conflicting_outputs", "two outputs for one input"),
    DUPLICATE,
)
ANSWER_RULES = (TRUNCATED, EMPTY_OUTPUT, REPETITION, *NO_ANSWER_RULES)
LOW_SCORE = Reason("low_score", "judged to be of little use")
UNCLEAR_JUDGEMENT = Reason("unclear_judgement", "no judgement that gives a score")

CLEAR_RULES = (
    Reason("ngram_overlap", "shares runs of words with an evaluation text"),
    Reason("similar_to_evaluation", "too similar to an evaluation text"),
)

DEDUP_SENTENCE = "A candidate whose ROUGE-L with an earlier one is above the limit is dropped."
DEDUP_STAGE = Stage("dedup", "Near-duplicates", "candidate", (SIMILAR,))
ANSWERS_STAGE = Stage("answers", "Answers", "instance", ANSWER_RULES)
JUDGEMENT_STAGE = Stage("judgement", "Judgement", "instance", (LOW_SCORE, UNCLEAR_JUDGEMENT, TRUNCATED), optional=True)
"""The stage of `--judge-threshold`, which every recipe can have."""
CLEAR_STAGE = Stage("clear", "Kept clear of evaluation sets", "candidate", CLEAR_RULES, optional=True)
CLEAR_INPUTS_STAGE = Stage("clear_inputs", "Inputs kept clear of them", "instance", CLEAR_RULES, optional=True)
"""The stages of `--keep-clear-of`, which every recipe can have: before anything more is asked, and of the inputs."""


SAME_MEANING = Reason("same_meaning", "means the same as an earlier one")
SEMANTIC_STAGE = Stage("semantic", "Near in meaning", "candidate", (SAME_MEANING,), optional=True)
"""The stage of `--semantic-threshold`, which every recipe can have: before anything more is asked."""
NO_MORE_ASKED = (CLEAR_STAGE.name, SEMANTIC_STAGE.name)
"""The stages that reject instructions which a recipe has made, so that nothing more is asked about them."""

FILTERS_STAGE = "filters"
"""The stage of `--filter`, which every recipe can have: its reasons are those of the filters."""


def with_filters_stage(recipe: Recipe, reasons: tuple[Reason, ...]) -> Recipe:
    """The recipe with the stage of `--filter`: after those that make instances, and before any judge."""
    stage = Stage(FILTERS_STAGE, "Your filters", "instance", reasons, optional=True)
    return dataclasses.replace(recipe, stages=before_judge(recipe.stages, stage))


def before_judge(stages: tuple[Stage, ...], new: Stage) -> tuple[Stage, ...]:
    """The stages with another after all that make and look at instances, and before any judge."""
    last = max((at for at, stage in enumerate(stages) if stage.judges in ("instance", "turn")), default=len(stages) - 1)
    place = next((at for at, stage in enumerate(stages) if stage.name == JUDGEMENT_STAGE.name), last + 1)
    return (*stages[:place], new, *stages[place:])


def with_clear_stages(recipe: Recipe) -> Recipe:
    """The recipe with the stages of `--keep-clear-of`: after those that make instructions, and before any judge."""
    return dataclasses.replace(recipe, stages=before_judge(_after_makers(recipe, CLEAR_STAGE), CLEAR_INPUTS_STAGE))


def with_semantic_stage(recipe: Recipe) -> Recipe:
    """The recipe with the stage of `--semantic-threshold`: after those that make instructions."""
    return dataclasses.replace(recipe, stages=_after_makers(recipe, SEMANTIC_STAGE))


def _after_makers(recipe: Recipe, new: Stage) -> tuple[Stage, ...]:
    stages = list(recipe.stages)
    makers = [at for at, stage in enumerate(stages) if stage.judges == "candidate"]
    stages.insert(makers[-1] + 1 if makers else 0, new)
    return tuple(stages)


FAILED_REQUESTS = frozenset(
    {
        "bad_request",
        "not_found",
        "context_length",
        "content_filter",
        "invalid_response",
        "reasoning_only",
        "timeout",
        "rate_limited",
        "server_error",
        "unavailable",
        "model_error",
        "no_completion",
    }
)
"""The reason codes of requests that were given up."""
