"""A model as judge of open answers: the paper's four levels, or which of two answers is better, in either order."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeVar

from distilabel_selfinstruct.data.rows import Answer, answer_of
from distilabel_selfinstruct.data.rubrics import Rubric
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.evaluation.answering import PROMPTS, asked_model
from distilabel_selfinstruct.evaluation.config import EvaluationJudgeConfig
from distilabel_selfinstruct.evaluation.folder import EvaluationFolder, names_of
from distilabel_selfinstruct.evaluation.intervals import Estimate, estimates
from distilabel_selfinstruct.evaluation.levels import Judged, Rated, Scored, counted
from distilabel_selfinstruct.evaluation.questions import Prediction
from distilabel_selfinstruct.evaluation.ratings import judge_and_people, points_and_people, preference_in
from distilabel_selfinstruct.evaluation.verdicts import parse_better, parse_level
from distilabel_selfinstruct.models.records import usage_by_stage
from distilabel_selfinstruct.models.slots import STOP_REASONS
from distilabel_selfinstruct.presets import Decoding
from distilabel_selfinstruct.steps.asking import decoding_kwargs
from distilabel_selfinstruct.steps.judge import rubric_question
from distilabel_selfinstruct.text.reading.scores import parse_score
from distilabel_selfinstruct.usage import Usage

if TYPE_CHECKING:
    from distilabel.typing import FormattedInput


PROMPTS_VERSION = 1  # of both questions; a change of a template raises it
_DECODING = Decoding(temperature=0.0, max_new_tokens=512)
_LEVEL_OF_NOTHING = "D"  # an answer that is not there
_Folder = str | PathLike[str]
T = TypeVar("T")


def judge_levels(folders: Sequence[_Folder], config: EvaluationJudgeConfig, show: bool = False) -> Judged:
    """Has a judge give a level to each answer of these evaluations, and keeps the levels in their folders.

    Raises:
        SelfInstructError: if the judge cannot be asked, or a folder cannot be used.
    """
    opened = [EvaluationFolder.open(folder) for folder in folders]
    if config.rubric is not None:
        return _judge_by_rubric(opened, config, config.rubric, show)
    rated, unclear, failed = [], 0, 0
    for folder, name in zip(opened, names_of(opened)):
        with folder.locked():
            predictions = folder.predictions()
            asked = [each for each in predictions if each.is_answered]
            prompts = [_level_prompt(each, config) for each in asked]
            answers, model = _asked(folder, config, "level", prompts, show)
            said = {each.id: _verdict(answer, parse_level) for each, answer in zip(asked, answers)}
            levels = {each.id: said.get(each.id, _LEVEL_OF_NOTHING) for each in predictions}
            folder.write_levels({**_by(model, folder), "levels": levels})
        rated.append(Rated(name, model, counted(list(levels.values())), list(levels.values()).count(None)))
        failed += sum(answer.failure is not None for answer in answers)
        unclear += sum(level is None for level in levels.values())
    return Judged(
        rated, unclear=unclear - failed, failed=failed, agreement=judge_and_people(opened), usage=_used(opened, config)
    )


def _judge_by_rubric(
    folders: Sequence[EvaluationFolder], config: EvaluationJudgeConfig, rubric: Rubric, show: bool
) -> Judged:
    """Has a judge give points to each answer, and keeps them in the folders; an answer that is not there gets none."""
    scored, unclear, failed = [], 0, 0
    read = partial(parse_score, least=rubric.least, most=rubric.most)
    for folder, name in zip(folders, names_of(folders)):
        with folder.locked():
            predictions = folder.predictions()
            asked = [each for each in predictions if each.is_answered]
            prompts = [_rubric_prompt(each, config, rubric) for each in asked]
            answers, model = _asked(folder, config, "rubric", prompts, show)
            said = {each.id: _verdict(answer, read) for each, answer in zip(asked, answers)}
            points = {each.id: said.get(each.id, float(rubric.least)) for each in predictions}
            folder.write_rubric_scores({**_by(model, folder), "rubric": json.loads(rubric.text), "scores": points})
        clear = [(each.task, value) for each in predictions if (value := points[each.id]) is not None]
        if clear:
            scored.append(Scored(name, model, len(clear), rubric.most, _mean(clear, rubric)))
        failed += sum(answer.failure is not None for answer in answers)
        unclear += len(predictions) - len(clear)
    return Judged(
        scored=scored,
        unclear=unclear - failed,
        failed=failed,
        agreement=points_and_people(folders),
        usage=_used(folders, config),
    )


def _mean(points: Sequence[tuple[str, float]], rubric: Rubric) -> Estimate:
    """The mean of points with its interval, on the scale of the rubric."""
    span = rubric.most - rubric.least
    (share,) = estimates([[(value - rubric.least) / span for _, value in points]], [task for task, _ in points])
    ends = (share.value, share.low, share.high)
    return Estimate(*(None if end is None else round(rubric.least + span * end / 100, 4) for end in ends))  # type: ignore[arg-type]


def _used(folders: Sequence[EvaluationFolder], config: EvaluationJudgeConfig) -> Usage:
    """What judging these evaluations has taken."""
    prices = config.prices()
    by_stage = (usage_by_stage(folder.judge_completions, prices) for folder in folders)
    return sum((usage for stages in by_stage for usage in stages.values()), Usage())


def judge_pairs(folders: Sequence[_Folder], config: EvaluationJudgeConfig, show: bool = False) -> Judged:
    """Has a judge say which of two models answers each question better, and keeps that in the folder of the first.

    Each pair is shown in both orders; one that is better in one order and not in the other is a tie (arXiv 2306.05685,
    section 3.4). A model without an answer loses without a question.

    Raises:
        SelfInstructError: if the judge cannot be asked, or a folder cannot be used.
    """
    if len(folders) != 2:
        raise ConfigError("evaluate judge --pairs needs two folders.")
    first, second = (EvaluationFolder.open(folder) for folder in folders)
    names = names_of([first, second])
    with first.locked():
        theirs = {each.key: each for each in second.predictions()}
        pairs = [(each, theirs[each.key]) for each in first.predictions() if each.key in theirs]
        if not pairs:
            raise ConfigError("evaluate judge --pairs: there is no question that both have answered.")
        asked = [(one, other) for one, other in pairs if _without_asking(one, other) is None]
        prompts = [_pair_prompt(one, other, config) for pair in asked for one, other in (pair, pair[::-1])]
        answers, model = _asked(first, config, "pair", prompts, show)
        said = [_verdict(answer, parse_better) for answer in answers]
        verdicts = {pair[0].id: _of_both(*both) for pair, both in zip(asked, zip(said[::2], said[1::2]))}
        every = {pair[0].id: verdicts.get(pair[0].id, _without_asking(*pair)) for pair in pairs}
        clear = {name: verdict for name, verdict in every.items() if verdict is not None}
        first.write_pairs(second.key, {**_by(model, first), "better": clear})
    preferred = preference_in((names[0], first), (names[1], second))
    failed = sum(answer.failure is not None for answer in answers)
    return Judged(preferred=preferred, unclear=len(pairs) - len(clear), failed=failed, usage=_used([first], config))


def _by(model: str, folder: EvaluationFolder) -> dict[str, Any]:
    """Who has judged, and which answers."""
    return {"judge": model, "prompts_version": PROMPTS_VERSION, "of": folder.key}


def _level_prompt(each: Prediction, config: EvaluationJudgeConfig) -> FormattedInput:
    return _prompt("level", config, each, response=each.response)


def _pair_prompt(one: Prediction, other: Prediction, config: EvaluationJudgeConfig) -> FormattedInput:
    criteria = config.rubric.criteria if config.rubric else []
    return _prompt("pair", config, one, first=one.response, second=other.response, criteria=criteria)


def _rubric_prompt(each: Prediction, config: EvaluationJudgeConfig, rubric: Rubric) -> FormattedInput:
    """As the judge of a run is asked."""
    return rubric_question(
        rubric, config.wording, instruction=each.instruction, input=each.input, output=each.response or ""
    )


def _prompt(question: str, config: EvaluationJudgeConfig, asked: Prediction, **answers: Any) -> FormattedInput:
    prompt: FormattedInput = PROMPTS.render(
        question,
        config.wording,
        instruction=asked.instruction,
        input=asked.input,
        reference=next(iter(asked.references), ""),
        **answers,
    )
    return prompt


def _asked(
    folder: EvaluationFolder, config: EvaluationJudgeConfig, stage: str, prompts: Sequence[FormattedInput], show: bool
) -> tuple[list[Answer], str]:
    """The judge's answers to all prompts, and its name; a prompt that comes twice is asked once."""
    distinct = {repr(prompt): prompt for prompt in prompts}
    with asked_model(config, folder.judge_completions, folder.learned, stage, show, questions=len(prompts)) as llm:
        outputs = llm.generate(list(distinct.values()), **decoding_kwargs(llm, _DECODING, config.wording))
        model = llm.model_name
    said = dict(zip(distinct, map(answer_of, outputs)))
    answers = [said[repr(prompt)] for prompt in prompts]
    if answers and all(answer.failure in STOP_REASONS for answer in answers):
        raise ConfigError(f"The judge was asked nothing: {answers[0].failure}.")
    return answers, model


def _verdict(answer: Answer, parse: Callable[[str, str | None], T | None]) -> T | None:
    return None if answer.completion is None else parse(answer.completion, answer.finish_reason)


def _of_both(one: str | None, swapped: str | None) -> str | None:
    """The verdict of both orders: a tie where they contradict each other; None where one of them is unclear."""
    if one is None or swapped is None:
        return None
    straight = {"1": "2", "2": "1", "tie": "tie"}[swapped]
    return one if one == straight else "tie"


def _without_asking(first: Prediction, second: Prediction) -> str | None:
    """The verdict where one of them has no answer, or both have the same."""
    if first.is_answered != second.is_answered:
        return "1" if first.is_answered else "2"
    return "tie" if not first.is_answered or first.response == second.response else None
