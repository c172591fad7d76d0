"""What people and judges have said of the answers of an evaluation, as its folder keeps it."""

from __future__ import annotations

from distilabel_selfinstruct.evaluation.folder import EvaluationFolder
from distilabel_selfinstruct.evaluation.intervals import Difference, difference
from distilabel_selfinstruct.evaluation.levels import Rated, counted, median_level

_POINTS = {"1": (1.0, 0.0), "2": (0.0, 1.0), "tie": (0.5, 0.5)}


def rated_in(folder: EvaluationFolder, name: str) -> list[Rated]:
    """The levels that people, and a judge, have given to the answers of an evaluation; none where nobody has.

    Of several raters of one answer the level in the middle counts.

    Args:
        folder: of the evaluation.
        name: of the model.
    """
    by_question: dict[str, list[str]] = {}
    for rating in folder.ratings():
        by_question.setdefault(rating["question_id"], []).append(rating["level"])
    found = [Rated(name, "people", counted(list(map(median_level, by_question.values()))))] if by_question else []
    if said := folder.levels():
        levels = list(said["levels"].values())
        found.append(Rated(name, said["judge"], counted(levels), levels.count(None)))
    return found


def preference_in(first: tuple[str, EvaluationFolder], second: tuple[str, EvaluationFolder]) -> Difference | None:
    """Which of two models a judge prefers, as the folder of either keeps it; None where nobody has a clear verdict.

    Args:
        first: name and folder of the one.
        second: name and folder of the other.
    """
    (name, folder), (other_name, other) = first, second
    said, is_swapped = folder.pairs(other.key), False
    if not said:
        said, is_swapped = other.pairs(folder.key), True
    if not (better := said.get("better")):
        return None
    tasks = {each.id: each.task for each in folder.predictions()}
    points = [_POINTS[verdict][::-1] if is_swapped else _POINTS[verdict] for verdict in better.values()]
    values = ([one for one, _ in points], [two for _, two in points])
    metric = f"preference of {said['judge']}"
    return difference(name, other_name, metric, values, [tasks[question] for question in better])
