"""The pool loop of Self-Instruct (paper, section 2.2): what is shown, what is admitted; no model, no distilabel.

The loop has no barrier and is still deterministic, by a bounded lag: prompt i is drawn from the pool as it stands
after the answers to prompts 0 .. i - lag have been taken, and answers are taken in the order of the prompts,
whatever order they arrive in. The same seeds, preset, seed, lag and answers give the same pool.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from distilabel_selfinstruct.presets import Preset
from distilabel_selfinstruct.seeds import SeedTask
from distilabel_selfinstruct.steps.rows import Answer, Row, candidate_row, excerpt, reject
from distilabel_selfinstruct.text.parsing import list_instructions
from distilabel_selfinstruct.text.rouge import Match, RougeLIndex
from distilabel_selfinstruct.text.rules import check_instruction

STAGE = "bootstrap"


def default_lag(concurrency: int, num_instructions: int) -> int:
    """A few times the concurrency keeps all slots busy; but most prompts should show machine instructions."""
    return max(1, min(4 * concurrency, num_instructions // 8))


@dataclass(frozen=True, slots=True)
class Shot:
    """A pool item as a prompt shows it."""

    id: str
    text: str


class PoolLoop:
    """Draws prompts from the pool and takes their answers into it.

    Args:
        seed_tasks: the human-written part of the pool.
        preset: limits and rules.
        num_instructions: how many machine instructions to admit, exactly.
        seed: of all random draws.
        lag: prompts between an answer and the first prompt that may show what it brought; at least 1.
        patience: rounds (of `lag` prompts) without an admission after which the loop ends.
        classification_only: show classification seeds only.
        most_prompts: prompts after which the loop ends, for a pilot.
        model_name: recorded in the rows.
    """

    def __init__(
        self,
        seed_tasks: Sequence[SeedTask],
        preset: Preset,
        num_instructions: int,
        seed: int,
        lag: int,
        patience: int,
        classification_only: bool = False,
        model_name: str = "",
        most_prompts: int | None = None,
    ) -> None:
        self.preset, self.num_instructions, self.seed = preset, num_instructions, seed
        self.lag, self.patience, self.model_name = lag, patience, model_name
        self._most_prompts = math.inf if most_prompts is None else most_prompts
        self.drawn = self.taken = self.admitted = self.candidates = 0
        self._seeds = [
            Shot(task.id, task.instruction) for task in seed_tasks if task.is_classification or not classification_only
        ]
        self._machine: list[Shot] = []
        self._pool: list[Shot] = list(self._seeds)
        self._texts = {shot.text for shot in self._seeds}
        self._index = RougeLIndex(preset.similarity_threshold, preset.tokenizer)
        self._index.load([shot.text for shot in self._seeds])
        self._sizes: list[int] = []  # machine pool after each answer
        self._shots: dict[int, list[Shot]] = {}  # of prompts drawn and not yet answered
        self._last_admission = 0

    @property
    def is_complete(self) -> bool:
        return self.admitted >= self.num_instructions

    @property
    def is_stalled(self) -> bool:
        """Whether `patience` rounds have brought nothing."""
        return self.taken - self._last_admission >= self.patience * self.lag

    @property
    def is_pilot_over(self) -> bool:
        """Whether no more prompts may be asked."""
        return self.taken >= self._most_prompts

    @property
    def pool(self) -> list[Shot]:
        """Seeds, then admitted instructions, in the order of their admission."""
        return list(self._pool)

    def can_draw(self) -> bool:
        """Whether the next prompt may be drawn already, and is likely to be needed.

        When a prompt is drawn changes nothing in it, so how many are likely to be needed may be guessed freely.
        """
        if self.is_complete or self.drawn >= min(self.taken + self.lag, self._most_prompts):
            return False
        rate = self.admitted / self.taken if self.taken else self.preset.new_instructions / 2
        likely = math.ceil((self.num_instructions - self.admitted) / max(rate, 0.25))
        return self.drawn - self.taken < max(1, likely)

    def draw(self) -> tuple[int, list[Shot]]:
        """The number and the shots of the next prompt (section 2.2: 6 human-written, 2 machine-generated)."""
        number = self.drawn
        self.drawn += 1
        choice = random.Random(f"{self.seed}-{number}")
        visible = self._sizes[number - self.lag] if number >= self.lag else 0
        machine = [self._machine[at] for at in choice.sample(range(visible), min(self.preset.machine_shots, visible))]
        wanted = self.preset.seed_shots + self.preset.machine_shots - len(machine)
        shots = machine + choice.sample(self._seeds, min(wanted, len(self._seeds)))
        choice.shuffle(shots)
        self._shots[number] = shots
        return number, [Shot(shot.id, " ".join(shot.text.split()).rstrip(":")) for shot in shots]

    def take(self, answer: Answer) -> list[Row]:
        """The rows of the next prompt's answer, admitted or rejected, in the order of the completion."""
        number = self.taken
        shots = [shot.id for shot in self._shots.pop(number)]

        def row(at: int, text: str | None) -> Row:
            return candidate_row(
                instruction_id=f"{number:06d}-{at:02d}", instruction=text, round=number // self.lag, shot_ids=shots,
                finish_reason=answer.finish_reason, input_tokens=answer.input_tokens,
                output_tokens=answer.output_tokens, model_name=self.model_name,
            )  # fmt: skip

        rows: list[Row] = []
        if answer.completion is None:
            rows.append(row(0, None))
            reject(rows[0], STAGE, answer.failure or "no_completion", answer.detail)
        else:
            listed = list_instructions(answer.completion, answer.finish_reason, self.preset)
            for text in listed.items:
                rows.append(row(len(rows), text))
                self._admit_or_reject(rows[-1])
            for text in listed.truncated:
                rows.append(row(len(rows), text))
                reject(rows[-1], STAGE, "truncated")
            if not rows:
                rows.append(row(0, None))
                reject(rows[0], STAGE, "no_instructions", excerpt(answer.completion))
        self.candidates += sum(row["instruction"] is not None for row in rows)
        self.taken += 1
        self._sizes.append(len(self._machine))
        if any(row["reject_reason"] is None for row in rows):
            self._last_admission = self.taken
        return rows

    def _admit_or_reject(self, row: Row) -> None:
        text = row["instruction"]
        if (reason := check_instruction(text, self.preset)) is not None:
            reject(row, STAGE, reason)
        elif self.is_complete:
            reject(row, STAGE, "surplus")
        else:
            self._admit_if_new(row)

    def _admit_if_new(self, row: Row) -> None:
        text = row["instruction"]
        if self.preset.most_similar:
            similar = self._index.similarities(text, self.preset.most_similar)
            row["most_similar"] = [{"id": self._pool[m.position].id, "score": m.score} for m in similar.best]
            row["max_similarity"] = similar.best[0].score if similar.best else 0.0
            row["mean_similarity"] = similar.mean
        if text in self._texts:  # an identical text without any word is no duplicate to ROUGE-L
            here = [shot.text for shot in self._pool].index(text)
            neighbour: Match | None = self._index.nearest(text) or Match(here, 1.0)
        else:
            neighbour = self._index.admit(text)
        if neighbour is not None:
            near = self._pool[neighbour.position]
            row.update(neighbour_id=near.id, neighbour=near.text, max_similarity=neighbour.score)
            reject(row, STAGE, "similar")
            return
        admitted = Shot(row["instruction_id"], text)
        self._machine.append(admitted)
        self._pool.append(admitted)
        self._texts.add(text)
        self.admitted += 1
