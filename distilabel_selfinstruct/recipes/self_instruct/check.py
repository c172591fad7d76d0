"""Cheap questions to a model before a run: what it does with seed tasks of which the right answers are known."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from distilabel_selfinstruct.data.reasons import FAILED_REQUESTS
from distilabel_selfinstruct.data.rows import Row
from distilabel_selfinstruct.data.seeds import SeedTask, load_seed_tasks, write_seed_tasks
from distilabel_selfinstruct.errors import EndpointError
from distilabel_selfinstruct.models.slots import STOP_REASONS
from distilabel_selfinstruct.presets import Wording
from distilabel_selfinstruct.recipes.self_instruct.config import SelfInstructConfig
from distilabel_selfinstruct.runs.verdicts import share_of_yes
from distilabel_selfinstruct.shares import Share
from distilabel_selfinstruct.text.endings import CUTS
from distilabel_selfinstruct.text.requests import asks_for_text

if TYPE_CHECKING:
    from distilabel_selfinstruct.models.durable import DurableLLM
    from distilabel_selfinstruct.runs.run import Run
    from distilabel_selfinstruct.steps.asking import AskingTask

_GUESSING = 0.5
_GOOD = 0.75  # of balanced accuracy; with less, and guessing within its interval, a model cannot do it
_MANY = 0.2
STAGES = ("bootstrap", "classification", "output_first", "input_first")
_PLENTY = 1_000_000  # instructions wanted, so that none is surplus


@dataclass(frozen=True, slots=True)
class Questions:
    """How many are put: verdicts on seed tasks of each of the two kinds, lists of instructions, instances of each kind.

    The prompts are those of a run, but for their shots: no question is about a task that a prompt shows.
    """

    verdicts: int
    lists: int
    output_first: int
    input_first: int


TWENTY = Questions(verdicts=7, lists=2, output_first=2, input_first=2)
SIX = Questions(verdicts=2, lists=1, output_first=0, input_first=1)
"""Before a run: what is wrong with a model altogether shows in so few."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to the questions of one kind.

    Attributes:
        asked: questions.
        failed: requests that failed.
        failure: what one of them said.
        in_form: answers that could be read.
        made: what they held: verdicts, instructions or instances.
        usable: those of them that pass the rules.
        cut: answers that were cut by their length; a word that a base model was asked for is cut on purpose.
        longest_prompt: in tokens, as the model counts them.
        tokens: of each answer.
    """

    asked: int = 0
    failed: int = 0
    failure: str = ""
    in_form: int = 0
    made: int = 0
    usable: int = 0
    cut: int = 0
    longest_prompt: int = 0
    tokens: tuple[int, ...] = ()

    @property
    def answered(self) -> int:
        return self.asked - self.failed


@dataclass(frozen=True, slots=True)
class Findings:
    """What the questions have found.

    Attributes:
        model: its name.
        wording: that it was asked in.
        preset: that it was asked by.
        window: tokens that a prompt and its answer may have together; None where nobody says.
        seeds: of the seed tasks, those that are classification.
        classification: of the classification tasks it was asked about, those it called so.
        others: of the other tasks, those it did not call so.
        said_yes: of the verdicts that it gave, those that are yes.
        answers: by question.
    """

    model: str
    wording: Wording
    preset: str
    window: int | None
    seeds: Share
    classification: Share
    others: Share
    said_yes: Share
    answers: dict[str, Answers]

    @property
    def accuracy(self) -> float | None:
        """Balanced accuracy: the mean of what it gets right of either kind; 0.5 is guessing."""
        if self.classification.value is None or self.others.value is None:
            return None
        return (self.classification.value + self.others.value) / 2

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of balanced accuracy, from those of both shares (Newcombe 1998, method 10)."""
        if self.accuracy is None:
            return None
        below, above = zip(*(_reach(share) for share in (self.classification, self.others)))
        return self.accuracy - math.hypot(*below) / 2, self.accuracy + math.hypot(*above) / 2

    @property
    def cannot_classify(self) -> bool:
        """Whether its verdicts are no better than guessing, as far as so few can tell."""
        if self.accuracy is None or self.interval is None:
            return False
        return self.accuracy < _GOOD and self.interval[0] <= _GUESSING

    @property
    def asked(self) -> int:
        return sum(each.asked for each in self.answers.values())

    @property
    def failed(self) -> int:
        return sum(each.failed for each in self.answers.values())

    @property
    def instances(self) -> list[Answers]:
        """The answers with instances."""
        return [self.answers[name] for name in ("output_first", "input_first") if name in self.answers]

    @property
    def is_useless(self) -> bool:
        """Whether a run would come to nothing: no instruction that could be admitted, or no instance."""
        lists = self.answers["bootstrap"]
        return not lists.usable or (bool(self.instances) and not any(each.usable for each in self.instances))

    def is_often(self, what: str, *answers: Answers) -> bool:
        """Whether more than a fifth of the answers is so: `cut`, or not `in_form`."""
        answered = sum(each.answered for each in answers)
        count = sum(each.cut if what == "cut" else each.answered - each.in_form for each in answers)
        return count > _MANY * answered


def _reach(share: Share) -> tuple[float, float]:
    assert share.value is not None
    assert share.interval is not None
    return share.value - share.interval[0], share.interval[1] - share.value


def ask(run: Run[SelfInstructConfig], questions: Questions) -> Findings:
    """Puts the questions to the model of a run, with completions of their own.

    Raises:
        SelfInstructError: if the model cannot be asked at all.
    """
    config, seeds = run.config, load_seed_tasks(*run.config.seeds)
    held, shown = _hold_out(seeds, questions.verdicts, config.seed)
    llms = run.llms_aside(*STAGES)
    with (
        _loaded(*{id(llm): llm for llm in llms.values()}.values()),
        TemporaryDirectory(prefix="self-instruct-") as folder,
    ):
        shots = Path(folder) / "seeds.jsonl"
        write_seed_tasks(shown, shots)
        return _Asking(run, llms, config.asking | {"seed_files": [str(shots)]}).find(questions, held, seeds)


def _hold_out(seeds: Sequence[SeedTask], most: int, seed: int) -> tuple[list[SeedTask], list[SeedTask]]:
    """The seed tasks that are asked about, at most so many of each kind and half of them, and those that are shown.

    Those whose kind their form tells are shown only: a run asks nobody about such a one.
    """
    held: list[SeedTask] = []
    for kind in (True, False):
        tasks = [task for task in seeds if task.is_classification is kind and not asks_for_text(task.instruction)]
        held += random.Random(f"{seed}-check").sample(tasks, min(most, len(tasks) // 2))
    return held, [task for task in seeds if task not in held]


@contextmanager
def _loaded(*llms: DurableLLM) -> Iterator[None]:
    with ExitStack() as loaded:
        for llm in llms:
            llm.load()
            loaded.callback(llm.unload)
        yield


class _Asking:
    """The steps of a run, each with a few questions."""

    def __init__(self, run: Run[SelfInstructConfig], llms: dict[str, DurableLLM], asking: dict[str, Any]) -> None:
        from distilabel.pipeline import Pipeline

        from distilabel_selfinstruct.recipes.self_instruct.bootstrap import BootstrapInstructions
        from distilabel_selfinstruct.recipes.self_instruct.classification import IdentifyClassification
        from distilabel_selfinstruct.recipes.self_instruct.instances import InputFirstInstances, OutputFirstInstances
        from distilabel_selfinstruct.steps.filter import FilterInstances

        self._run, self._llms = run, llms
        with Pipeline("check"):  # a step of none warns of it
            self._bootstrap = BootstrapInstructions(
                llm=llms["bootstrap"], num_instructions=_PLENTY, pilot_rounds=1, lag=1, batch_size=1, **asking
            )
            self._identify = IdentifyClassification(llm=llms["classification"], **asking)
            self._output_first = OutputFirstInstances(llm=llms["output_first"], **asking)
            self._input_first = InputFirstInstances(llm=llms["input_first"], **asking)
            self._filter = FilterInstances(preset=run.config.preset, seed=run.config.seed)
        run.give_prompts(self._bootstrap, self._identify, self._output_first, self._input_first)

    def find(self, questions: Questions, held: Sequence[SeedTask], seeds: Sequence[SeedTask]) -> Findings:
        config = self._run.config
        answers = {"bootstrap": self._lists(questions.lists)}
        about = {kind: [task for task in held if task.is_classification is kind] for kind in (True, False)}
        rows: list[Row] = []
        if not config.skip_classification:
            if all(about.values()):
                rows = self._ask("classification", self._identify, held)
                answers["classification"] = self._verdicts(rows)
            answers["output_first"] = self._instances(self._output_first, about[True][: questions.output_first])
        answers["input_first"] = self._instances(self._input_first, about[False][: questions.input_first])
        return Findings(
            model=", ".join(dict.fromkeys(self._llms[stage].model_name for stage in answers)),
            wording=config.wording,
            preset=config.preset,
            window=self._run.window,
            seeds=share_of_yes(task.is_classification for task in seeds),
            classification=_right(rows, True),
            others=_right(rows, False),
            said_yes=share_of_yes(row["is_classification"] for row in rows),
            answers={name: each for name, each in answers.items() if each.asked},
        )

    def _lists(self, count: int) -> Answers:
        """The first prompts of the loop, whose shots are all seed tasks."""
        self._prepare("bootstrap", self._bootstrap, self._run.config.temperature)
        self._bootstrap.lag = count
        rows = [row for batch, _ in self._bootstrap.process() for row in batch]
        by_answer: dict[str, list[Row]] = {}
        for row in rows:
            by_answer.setdefault(row["instruction_id"].partition("-")[0], []).append(row)
        listed = [[row for row in of_one if row["instruction"] is not None] for of_one in by_answer.values()]
        return _answers(
            [of_one[0] for of_one in by_answer.values()],
            in_form=sum(map(bool, listed)),
            made=sum(map(len, listed)),
            usable=sum(row["reject_reason"] is None for of_one in listed for row in of_one),
        )

    def _verdicts(self, rows: list[Row]) -> Answers:
        given = sum(row["is_classification"] is not None for row in rows)
        return _answers(rows, given, given, given, is_one_word=self._run.config.wording == "base")

    def _instances(self, task: AskingTask, about: Sequence[SeedTask]) -> Answers:
        rows = self._ask(type(task).question, task, about) if about else []  # type: ignore[attr-defined]
        made = [row for row in rows if row["instances"]]
        checked = next(self._filter.process([dict(row) for row in made])) if made else []
        return _answers(
            rows,
            in_form=len(made),
            made=sum(len(row["instances"]) for row in made),
            usable=sum(row["reject_reason"] is None for row in checked),
        )

    def _ask(self, stage: str, task: AskingTask, about: Sequence[SeedTask]) -> list[Row]:
        self._prepare(stage, task)
        rows = [
            {
                "instruction_id": each.id,
                "instruction": each.instruction,
                "reject_reason": None,
                "is_classification": None if stage == "classification" else each.is_classification,
                "right": each.is_classification,
            }
            for each in about
        ]
        asked: list[Row] = [row for batch in task.process(rows) for row in batch]
        return asked

    def _prepare(self, stage: str, task: Any, temperature: float | None = None) -> None:
        task.llm.generation_kwargs = self._run.decoding_of(stage, task.llm, temperature)
        task.load_preset()


def _right(rows: Sequence[Row], kind: bool) -> Share:
    """Of the tasks of one kind, those that were called so; a request that failed says nothing."""
    verdicts = [
        row["is_classification"] for row in rows if row["right"] is kind and row["reject_reason"] not in FAILED_REQUESTS
    ]
    return Share(verdicts.count(kind), len(verdicts))


def _answers(rows: Sequence[Row], in_form: int, made: int, usable: int, is_one_word: bool = False) -> Answers:
    """What a row of each answer says of it.

    Raises:
        EndpointError: if no further request was sent.
    """
    if stopped := [row for row in rows if row["reject_reason"] in STOP_REASONS]:
        raise EndpointError(f"The model did not answer any more: {stopped[0]['detail']}.")
    failed = [row for row in rows if row["reject_reason"] in FAILED_REQUESTS]
    answered = [row for row in rows if row not in failed]
    return Answers(
        asked=len(rows),
        failed=len(failed),
        failure=next((row["detail"] or row["reject_reason"] for row in failed), ""),
        in_form=in_form,
        made=made,
        usable=usable,
        cut=0 if is_one_word else sum(row["finish_reason"] in CUTS for row in answered),
        longest_prompt=max((row["input_tokens"] for row in answered), default=0),
        tokens=tuple(row["output_tokens"] for row in answered),
    )
