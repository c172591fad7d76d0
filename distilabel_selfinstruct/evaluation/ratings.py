"""What people and judges have said of the answers of an evaluation, as its folder keeps it."""

from __future__ import annotations

from collections.abc import Sequence

from distilabel_selfinstruct.evaluation.folder import EvaluationFolder
from distilabel_selfinstruct.evaluation.intervals import Difference, difference
from distilabel_selfinstruct.evaluation.levels import (
    Rated,
    RaterAgreement,
    agreement_of,
    counted,
    median_level,
    spearman,
)

_POINTS = {"1": (1.0, 0.0), "2": (0.0, 1.0), "tie": (0.5, 0.5)}


def rated_in(folder: EvaluationFolder, name: str) -> list[Rated]:
    """The levels that people, and a judge, have given to the answers of an evaluation; none where nobody has.

    Of several raters of one answer the level in the middle counts. What was said of answers that have changed since
    does not count.

    Args:
        folder: of the evaluation.
        name: of the model.
    """
    people, judge = levels_of_people(folder), levels_of_judge(folder)
    found = [Rated(name, "people", counted(list(people.values())))] if people else []
    if judge:
        levels = list(judge.values())
        found.append(Rated(name, str(folder.levels()["judge"]), counted(levels), levels.count(None)))
    return found


def levels_of_people(folder: EvaluationFolder) -> dict[str, str]:
    """The level of each answer that people have rated, by question."""
    answers = {(each.id, each.answer_id) for each in folder.predictions()}
    by_question: dict[str, list[str]] = {}
    for rating in folder.ratings():
        if (rating["question_id"], rating["record_id"]) in answers:
            by_question.setdefault(rating["question_id"], []).append(rating["level"])
    return {question: median_level(levels) for question, levels in by_question.items()}


def levels_of_judge(folder: EvaluationFolder) -> dict[str, str | None]:
    """The level that a judge has given to each answer, by question; None where it is unclear."""
    said = folder.levels()
    return dict(said["levels"]) if said and said["of"] == folder.key else {}


def judge_and_people(folders: Sequence[EvaluationFolder]) -> RaterAgreement | None:
    """How far a judge agrees with people, over all answers that both have rated; None where there are none."""
    people: dict[str, str] = {}
    judge: dict[str, str] = {}
    for number, folder in enumerate(folders):
        people |= {f"{number} {question}": level for question, level in levels_of_people(folder).items()}
        judge |= {f"{number} {question}": level for question, level in levels_of_judge(folder).items() if level}
    return agreement_of({"judge": judge, "people": people})


def points_and_people(folders: Sequence[EvaluationFolder]) -> RaterAgreement | None:
    """How far the points of a judge and the levels of people go together; None where nothing has both."""
    points, levels = [], []
    for folder in folders:
        said, people = folder.rubric_scores(), levels_of_people(folder)
        scores = said["scores"] if said and said["of"] == folder.key else {}
        both = [question for question in people if scores.get(question) is not None]
        points += [str(scores[question]) for question in both]
        levels += [people[question] for question in both]
    return RaterAgreement(len(points), None, spearman(points, levels)) if points else None


def preference_in(first: tuple[str, EvaluationFolder], second: tuple[str, EvaluationFolder]) -> Difference | None:
    """Which of two models a judge prefers, as the folder of either keeps it; None where nobody has a clear verdict.

    Args:
        first: name and folder of the one.
        second: name and folder of the other.
    """
    (name, folder), (other_name, other) = first, second
    said, is_swapped, of = folder.pairs(other.key), False, folder.key
    if not said:
        said, is_swapped, of = other.pairs(folder.key), True, other.key
    if not (better := said.get("better")) or said["of"] != of:
        return None
    tasks = {each.id: each.task for each in folder.predictions()}
    points = [_POINTS[verdict][::-1] if is_swapped else _POINTS[verdict] for verdict in better.values()]
    values = ([one for one, _ in points], [two for _, two in points])
    metric = f"preference of {said['judge']}"
    return difference(name, other_name, metric, values, [tasks[question] for question in better])
