"""The rows that flow through the pipeline: marked when rejected, never dropped; only leaf steps select."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distilabel_selfinstruct.text.endings import CUTS

if TYPE_CHECKING:
    from distilabel.typing import GenerateOutput

Row = dict[str, Any]
_DETAIL = 300  # characters of a completion kept with a row that it was rejected for


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request: a completion with what the model thought before it, or why it was given up.

    `model` is the name of the model, where it is known which of several it was.
    """

    completion: str | None
    finish_reason: str | None = None
    failure: str | None = None
    detail: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning: str | None = None
    model: str | None = None

    @property
    def is_cut(self) -> bool:
        """Whether it was ended before it was through."""
        return self.cut_reason is not None

    @property
    def cut_reason(self) -> str | None:
        """The reason code of what stands last in an answer that was cut; None for one that was not."""
        return CUTS.get(self.finish_reason or "")


def answer_of(output: GenerateOutput) -> Answer:
    """The first generation of an LLM's output."""
    return answers_of(output)[0]


def answers_of(output: GenerateOutput) -> list[Answer]:
    """The generations of an LLM's output, at least one; `finish_reason` and `failure` where the LLM gives them."""
    statistics = output.get("statistics") or {}
    return [
        Answer(
            completion=completion if isinstance(completion, str) else None,
            finish_reason=_at(output.get("finish_reason"), at),
            failure=_at(output.get("failure"), at) or (None if isinstance(completion, str) else "no_completion"),
            detail=_at(output.get("failure_detail"), at),
            input_tokens=_at(statistics.get("input_tokens"), at) or 0,
            output_tokens=_at(statistics.get("output_tokens"), at) or 0,
            reasoning=_at(output.get("reasoning"), at),
            model=_at(output.get("model"), at),
        )
        for at, completion in enumerate(output["generations"] or [None])
    ]


def _at(values: Any, at: int) -> Any:
    return values[at] if values and at < len(values) else None


def excerpt(completion: str | None) -> str | None:
    """The beginning of a completion, for the `detail` of a row that it gave nothing for."""
    if completion is None or len(completion) <= _DETAIL:
        return completion
    return completion[:_DETAIL] + "..."


def reject(row: Row, stage: str, reason: str, detail: str | None = None) -> None:
    """Marks a row; later stages pass it on untouched."""
    row.update(stage=stage, reject_reason=reason, detail=detail)


def candidate_row(**known: Any) -> Row:
    """A row of the bootstrap stage with every column that it fills, so that each row of a batch has each of them."""
    row: Row = {
        "instruction_id": None,
        "instruction": None,
        "round": None,
        "shot_ids": [],
        "most_similar": [],
        "max_similarity": None,
        "mean_similarity": None,
        "neighbour_id": None,
        "neighbour": None,
        "stage": None,
        "reject_reason": None,
        "detail": None,
        "finish_reason": None,
        "input_tokens": 0,
        "output_tokens": 0,
        "model_name": None,
    }
    assert known.keys() <= row.keys()
    return row | known


def task_row(**known: Any) -> Row:
    """A row of a recipe without a bootstrap stage: the same columns, and those of classification and instances."""
    later = {"is_classification": None, "instance_id": None, "input": None, "output": None}
    of_bootstrap = {name: value for name, value in known.items() if name not in later}
    return candidate_row(**of_bootstrap) | later | known


def take_answer(row: Row, answer: Answer) -> None:
    """The row now speaks of this completion."""
    row.update(
        finish_reason=answer.finish_reason,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        reasoning=answer.reasoning,
    )
