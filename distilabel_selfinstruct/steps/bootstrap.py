"""BootstrapInstructions: the pool loop as a distilabel GeneratorTask."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.steps.tasks.base import GeneratorTask
from pydantic import Field

from distilabel_selfinstruct.errors import PipelineError
from distilabel_selfinstruct.files import write_whole
from distilabel_selfinstruct.llms.durable import DurableLLM
from distilabel_selfinstruct.llms.records import Record
from distilabel_selfinstruct.llms.slots import STOP_REASONS, RunStopped
from distilabel_selfinstruct.prompts import render
from distilabel_selfinstruct.steps.asking import Asking, cut_at_stop, decoding_kwargs
from distilabel_selfinstruct.steps.pool import PoolLoop, Shot, default_lag
from distilabel_selfinstruct.steps.rows import Answer, Row, answer_of, candidate_row

if TYPE_CHECKING:
    from distilabel.steps.base import GeneratorStepOutput
    from distilabel.typing import FormattedInput, StepColumns

_LINGER = 0.05  # seconds to wait for a batch to fill up once it has a row


class BootstrapInstructions(GeneratorTask, Asking):
    """Grows a pool of instructions from seed tasks: the bootstrapping loop of Self-Instruct.

    Each prompt shows 8 instructions of the pool (6 human-written, 2 machine-generated as soon as there are any) and
    asks for new ones. Candidates pass the rules in the authors' order, the last of them ROUGE-L against all seeds and
    all admitted instructions, and join the pool at once. Exactly `num_instructions` are admitted, and stream
    downstream while the loop goes on; rejected candidates go along, each with its `reject_reason`. With a
    `DurableLLM` requests run concurrently without a barrier; the result depends on the configuration and the
    answers alone, not on their order.

    Attributes:
        num_instructions: how many instructions to admit.
        preset: name of the preset with limits, lists and decoding parameters.
        wording: `base` for a model that continues a text, `chat` for one that answers, `structured` with JSON.
        seed_files: seed files: the start of the pool.
        seed: seed of all random draws.
        lag: prompts between an answer and the first prompt that may show what it brought; by default the preset's,
            or a few times the concurrency.
        patience: rounds (of `lag` prompts) without an admission after which the loop ends.
        pilot_rounds: rounds after which the loop ends, to see what it takes; by default none.
        classification_only: show classification seeds only, and ask for classification tasks.
        folder: where `pool.jsonl` and `bootstrap.json` (how the loop ended) are written, if given.
        batch_size: most rows sent downstream at once.

    Runtime parameters:
        - `num_instructions`: how many instructions to admit.
        - `seed`: seed of all random draws.
        - `patience`: rounds without an admission after which the loop ends.

    Output columns:
        - instruction_id (`str`): names the candidate: number of its prompt and place in the completion.
        - instruction (`str`): the instruction; None in the row of a completion that gave none.
        - round (`int`): the number of its prompt over `lag`.
        - shot_ids (`list[str]`): the pool items its prompt showed.
        - most_similar (`list[dict]`): `id` and ROUGE-L `score` of the most similar pool items, if the preset asks.
        - max_similarity (`float`): the highest score with a pool item, where it was computed.
        - mean_similarity (`float`): the mean score over the pool, if the preset asks.
        - neighbour_id (`str`): the pool item that a `similar` candidate is too similar to.
        - neighbour (`str`): its text.
        - stage (`str`): `bootstrap` if rejected here, or None.
        - reject_reason (`str`): the reason code, or None if admitted.
        - detail (`str`): what the reason code leaves open.
        - finish_reason (`str`): why the completion ended.
        - input_tokens (`int`): tokens of the prompt.
        - output_tokens (`int`): tokens of the completion.
        - model_name (`str`): the model.

    Categories:
        - text-generation

    References:
        - [Self-Instruct: Aligning Language Models with Self-Generated Instructions](https://arxiv.org/abs/2212.10560)

    Examples:
        Admit ten instructions of the embedded demo model:

        ```python
        from distilabel_selfinstruct import BootstrapInstructions, DemoLLM

        bootstrap = BootstrapInstructions(
            llm=DemoLLM(), num_instructions=10, seed_files=["seeds/seed_tasks.jsonl"]
        )
        bootstrap.load()
        for rows, is_last in bootstrap.process():
            print([row["instruction"] for row in rows if row["reject_reason"] is None])
        ```

    Citations:
        ```
        @misc{wang2022selfinstruct,
            title={Self-Instruct: Aligning Language Models with Self-Generated Instructions},
            author={Yizhong Wang and Yeganeh Kordi and Swaroop Mishra and Alisa Liu and Noah A. Smith and
                Daniel Khashabi and Hannaneh Hajishirzi},
            year={2022},
            eprint={2212.10560},
            archivePrefix={arXiv},
            primaryClass={cs.CL}
        }
        ```
    """

    num_instructions: RuntimeParameter[int] = Field(default=100, gt=0, description="How many instructions to admit.")
    lag: int | None = Field(default=None, gt=0)
    patience: RuntimeParameter[int] = Field(
        default=5, gt=0, description="Rounds without an admission after which the loop ends."
    )
    pilot_rounds: int | None = Field(default=None, gt=0)
    classification_only: bool = False
    folder: str | None = Field(default=None, exclude=True)
    add_raw_input: RuntimeParameter[bool] = False
    add_raw_output: RuntimeParameter[bool] = False

    @property
    def outputs(self) -> StepColumns:
        return list(candidate_row())

    def load(self) -> None:
        """Reads the seed tasks and loads the model."""
        self.load_seeds()
        super().load()

    def format_output(self, output: str | None, input: Row | None = None) -> dict[str, Any]:
        """Not used: one completion makes many rows."""
        return {}

    def process(self, offset: int = 0) -> GeneratorStepOutput:
        """Runs the loop in a thread of its own, so that it goes on while a batch is on its way.

        Yields:
            Rows, at least one, and whether they are the last.

        Raises:
            PipelineError: if not a single completion came.
        """
        rows: queue.SimpleQueue[Row | BaseException | None] = queue.SimpleQueue()
        threading.Thread(target=self._fill, args=(rows,), name="bootstrap", daemon=True).start()
        yield from self._batches(rows)

    def _batches(self, rows: queue.SimpleQueue[Row | BaseException | None]) -> Iterator[tuple[list[Row], bool]]:
        """Batches as rows come in. One row is always held back: distilabel hangs on a last batch without rows."""
        held: list[Row] = []
        ended = False
        while not ended:
            gathered, ended = _gather(rows, self.batch_size or 1)
            held += gathered
            if not ended and len(held) > 1:
                yield held[:-1], False
                held = held[-1:]
        if not held:
            raise PipelineError("Not a single completion came, so there is nothing to go on with.")
        yield held, True

    def _fill(self, rows: queue.SimpleQueue[Row | BaseException | None]) -> None:
        try:
            loop = PoolLoop(
                self._seed_tasks, self._preset, self.num_instructions or 0, self.seed or 0, self._lag(),
                self.patience or 1, self.classification_only, self.llm.model_name,
                self.pilot_rounds and self.pilot_rounds * self._lag(),
            )  # fmt: skip
            ended = self._drive(loop, rows)
            self._write_report(loop, ended)
        except BaseException as error:
            rows.put(error)
        else:
            rows.put(None)

    def _lag(self) -> int:
        concurrency = int(self.llm.concurrency or 1) if isinstance(self.llm, DurableLLM) else 8
        return self.lag or self._preset.lag or default_lag(concurrency, self.num_instructions or 0)

    def _drive(self, loop: PoolLoop, rows: queue.SimpleQueue[Row | BaseException | None]) -> str:
        """Draws prompts and takes answers until the pool is full or nothing more comes; says how it ended."""
        answers = _Answers(self)
        while not (loop.is_complete or loop.is_stalled or loop.is_pilot_over):
            while loop.can_draw():
                answers.ask(*loop.draw())
            try:
                answer = answers.of(loop.taken)
            except RunStopped as stopped:
                return str(stopped)
            for row in loop.take(answer):
                rows.put(row)
            if isinstance(self.llm, DurableLLM):
                self.llm.report(
                    admitted=loop.admitted, wanted=loop.num_instructions, candidates=loop.candidates, prompts=loop.taken
                )
        return "complete" if loop.is_complete else "stalled" if loop.is_stalled else "pilot"

    def format_prompt(self, shots: list[Shot]) -> FormattedInput:
        """The prompt that shows these pool items."""
        known: dict[str, Any] = {} if self.wording == "base" else {"new": self._preset.new_instructions}
        return render(
            "bootstrap",
            self.wording,
            shots=[shot.text for shot in shots],
            classification_only=self.classification_only,
            **known,
        )

    def kwargs(self) -> dict[str, Any]:
        """The decoding parameters of a prompt."""
        return decoding_kwargs(self.llm, self._preset.bootstrap, self.wording)

    def read(self, answer: Answer) -> Answer:
        """The answer as far as it counts."""
        return cut_at_stop(answer, self._preset.bootstrap, self.wording)

    def _write_report(self, loop: PoolLoop, ended: str) -> None:
        if self.folder is None:
            return
        report = {
            "ended": ended,
            "admitted": loop.admitted,
            "wanted": loop.num_instructions,
            "candidates": loop.candidates,
            "prompts": loop.taken,
            "rounds": -(-loop.taken // loop.lag),
            "lag": loop.lag,
            "patience": loop.patience,
        }
        pool = (json.dumps({"id": shot.id, "instruction": shot.text}, ensure_ascii=False) for shot in loop.pool)
        write_whole(Path(self.folder) / "pool.jsonl", "".join(f"{line}\n" for line in pool))
        write_whole(Path(self.folder) / "bootstrap.json", json.dumps(report, indent=2) + "\n")


class _Answers:
    """The answers to prompts, in any order: concurrent requests of a `DurableLLM`, or chunks of any other LLM."""

    def __init__(self, task: BootstrapInstructions) -> None:
        self._task = task
        self._kwargs = task.kwargs()
        self._prompts: dict[int, FormattedInput] = {}
        self._futures: dict[int, Future[list[Record]]] = {}
        self._answers: dict[int, Answer] = {}

    def ask(self, number: int, shots: list[Shot]) -> None:
        prompt = self._task.format_prompt(shots)
        if isinstance(self._task.llm, DurableLLM) and self._task.llm.is_asynchronous:
            self._futures[number] = self._task.llm.submit(prompt, **self._kwargs)
        else:
            self._prompts[number] = prompt

    def of(self, number: int) -> Answer:
        """Waits for the answer to a prompt.

        Raises:
            RunStopped: if it may not be asked for any more.
        """
        if number in self._futures:
            record = self._futures.pop(number).result()[0]
            answer = Answer(
                record.completion, record.finish_reason, record.reason, record.detail,
                record.input_tokens, record.output_tokens,
            )  # fmt: skip
            return self._task.read(answer)
        if number not in self._answers:
            numbers, prompts = list(self._prompts), list(self._prompts.values())
            outputs = self._task.llm.generate_outputs(inputs=prompts, num_generations=1, **self._kwargs)
            self._answers |= {number: answer_of(output) for number, output in zip(numbers, outputs)}
            self._prompts.clear()
        answer = self._answers.pop(number)
        if answer.failure in STOP_REASONS:
            raise RunStopped(answer.failure)
        return self._task.read(answer)


def _gather(rows: queue.SimpleQueue[Row | BaseException | None], most: int) -> tuple[list[Row], bool]:
    """Waits for a row and takes those that follow at once; whether they are all that will come."""
    gathered: list[Row] = []
    while len(gathered) < most:
        try:
            row = rows.get(timeout=_LINGER if gathered else None)
        except queue.Empty:
            break
        if row is None:
            return gathered, True
        if isinstance(row, BaseException):
            raise row
        gathered.append(row)
    return gathered, False
