"""The pool loop of Self-Instruct (paper, section 2.2): what is shown, what is admitted; no model, no distilabel."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from distilabel_selfinstruct.data.rows import Answer, Row
from distilabel_selfinstruct.data.seeds import SeedTask
from distilabel_selfinstruct.presets import Preset
from distilabel_selfinstruct.steps.loops.loop import Candidate, Loop, Shot
from distilabel_selfinstruct.text.reading.answers import list_instructions
from distilabel_selfinstruct.text.rules import check_instruction, check_wording

STAGE = "bootstrap"


class PoolLoop(Loop):
    """Draws prompts from the pool and takes their answers into it.

    Args:
        seed_tasks: the human-written part of the pool.
        preset: limits and rules.
        num_instructions: how many machine instructions to admit, exactly.
        seed: of all random draws.
        lag: prompts between an answer and the first prompt that may show what it brought; at least 1.
        patience: rounds (of `lag` prompts) without an admission after which the loop ends.
        classification_only: show classification seeds only.
        model_name: recorded in the rows.
        frame: the prompt without its shots.
        continues_list: whether the model goes on with a list that ends in the number of its first instruction.
    """

    stage = STAGE

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
        frame: str = "",
        continues_list: bool = False,
    ) -> None:
        self.seed, self._continues_list = seed, continues_list
        self._seeds = [
            Shot(task.id, task.instruction) for task in seed_tasks if task.is_classification or not classification_only
        ]
        super().__init__(
            preset, num_instructions, lag, patience, preset.new_instructions / 2, self._seeds, model_name, frame
        )

    def _draw(self, number: int) -> list[Shot]:
        """The shots of a prompt (section 2.2: 6 human-written, 2 machine-generated); shared ones come first."""
        choice = random.Random(f"{self.seed}-{number}")
        machine = self._visible(number)
        shown = choice.sample(machine, min(self.preset.machine_shots, len(machine)))
        shared = self._shared(number)
        shots = [self._pool.shots[at] for at in shown]
        wanted = self.preset.seed_shots + self.preset.machine_shots - len(shots) - len(shared)
        left_out = set(shared)
        others = [shot for shot in self._seeds if shot not in left_out]
        shots += choice.sample(others, min(wanted, len(others)))
        choice.shuffle(shots)
        return [Shot(shot.id, " ".join(shot.text.split()).rstrip(":")) for shot in [*shared, *shots]]

    def _shared(self, number: int) -> list[Shot]:
        """The seeds that a prompt has in common with its neighbours, in one order: a server has them in its cache."""
        if self.preset.prompts_a_draw == 1:
            return []
        choice = random.Random(f"{self.seed}-seeds-{number // self.preset.prompts_a_draw}")
        return choice.sample(self._seeds, min(self.preset.seed_shots, len(self._seeds)))

    def _row(self, number: int, at: int, answer: Answer) -> Row:
        return super()._row(number, at, answer) | {"shot_ids": [shot.id for shot in self._open[number]]}

    def _listed(self, number: int, answer: Answer) -> Iterable[Candidate]:
        text = answer.completion or ""
        if self._continues_list and self.preset.tolerant and text.strip():
            text = f"{len(self._open[number]) + 1}.{text}"
        listed = list_instructions(text, answer.finish_reason, self.preset)
        yield from (Candidate(text) for text in listed.items)
        yield from (Candidate(text, answer.cut_reason) for text in listed.truncated)

    def _broken_rule(self, row: Row) -> str | None:
        text = row["instruction"]
        return check_instruction(text, self.preset) or check_wording(text, self.preset, self.frame)
