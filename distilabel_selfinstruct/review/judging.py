"""The command `judge`: a model scores what people have reviewed."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import Any

from distilabel.models.llms.base import LLM
from distilabel.pipeline import Pipeline

from distilabel_selfinstruct.errors import ReviewError
from distilabel_selfinstruct.presets import JudgeWording
from distilabel_selfinstruct.review.agreement import Agreement, Judge, Judged, read_agreements
from distilabel_selfinstruct.review.quality import answers_by_record, verdicts_of
from distilabel_selfinstruct.review.store import ReviewStore
from distilabel_selfinstruct.steps.judge import FilterByJudge


def judge_review(
    run: str | PathLike[str], llm: LLM, judgements: int, wording: JudgeWording = "chat", rubric: str | None = None
) -> list[Agreement]:
    """Has a judge score the reviewed records of a run, and keeps what it says beside what people say.

    Args:
        run: the run folder.
        llm: the judge, with its completions.
        judgements: of each record.
        wording: how it is asked.
        rubric: a user's own, as JSON.

    Returns:
        What was found of this judge, and then what is known of others.

    Raises:
        ReviewError: if no record has all the answers it needs.
        RunFolderError: if the folder is no run's, is damaged, or in use.
    """
    store = ReviewStore(run)
    with store.run.locked():
        is_right = _verdicts(store)
        if not is_right:
            raise ReviewError(
                f"{run}: no record was reviewed by as many annotators as it needs; begin with `review push` and"
                " `review pull`."
            )
        records = store.records()
        shown = map(records.__getitem__, is_right)
        judge, before = Judge.of(llm, judgements, wording, rubric), read_agreements(run)
        asked = ({**each.texts, "document": each.document, "messages": each.messages} for each in shown)
        rows = _scored(llm, judge, asked)
        judged = (
            Judged(record_id, row["judge_score"], row["reject_reason"], right)
            for row, (record_id, right) in zip(rows, is_right.items())
        )
        agreements = [Agreement(judge, tuple(judged)), *(each for each in before if each.judge != judge)]
        store.write_agreements(agreements)
    return agreements


def _verdicts(store: ReviewStore) -> dict[str, bool]:
    """Of each record that has all the answers it needs, whether all three questions are answered yes."""
    pushes, known = store.pushes(), store.records()
    return {
        record_id: all(verdicts_of(given).values())
        for record_id, given in answers_by_record(store.answers()).items()
        if record_id in known and len(given) >= pushes[-1].annotators
    }


def _scored(llm: LLM, judge: Judge, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    with Pipeline("judge"):  # a step of none warns of it
        step = FilterByJudge(
            name="judge",
            llm=llm,
            threshold=None,
            wording=judge.wording,
            num_generations=judge.judgements,
            rubric=judge.rubric or None,
        )
    step.load()
    try:
        return next(step.process(list(rows)))
    finally:
        step.unload()
