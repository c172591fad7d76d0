"""Tasks that ask until they have enough: they drive a loop, in which requests run without a barrier."""

from __future__ import annotations

import json
import queue
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.models.llms.base import LLM
from distilabel.steps.tasks.base import GeneratorTask
from pydantic import Field

from distilabel_selfinstruct.data.evaluation_sets import read_evaluation_texts
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.reasons import FAILED_REQUESTS
from distilabel_selfinstruct.data.rows import Answer, Row, answer_of
from distilabel_selfinstruct.data.taken import TakenRows
from distilabel_selfinstruct.errors import ConfigError, PipelineError
from distilabel_selfinstruct.models.durable import LAST_WORDS, DurableLLM
from distilabel_selfinstruct.models.records import Record
from distilabel_selfinstruct.models.slots import STOP_REASONS, RunStopped
from distilabel_selfinstruct.presets import Decoding, default_lag
from distilabel_selfinstruct.steps.asking import TOO_LONG, AskingByPreset, answer_room, cut_at_stop, decoding_kwargs
from distilabel_selfinstruct.steps.fitting import most_by_estimate, named, room_for_answer, tokens_of
from distilabel_selfinstruct.steps.loops.loop import Loop
from distilabel_selfinstruct.steps.meaning import Meaning, WithMeaning
from distilabel_selfinstruct.text.contamination import ContaminationIndex
from distilabel_selfinstruct.version import __version__

if TYPE_CHECKING:
    from distilabel.steps.base import GeneratorStepOutput
    from distilabel.typing import FormattedInput

_TELL = 1.0  # seconds after which the folder is told again how far the loop is
_LINGER = 0.05  # seconds to wait for a batch to fill up once it has a row

Rows = queue.SimpleQueue["Row | BaseException | None"]


class Looping(WithMeaning, AskingByPreset):
    """Attributes that Tasks with a loop share, and how they drive it.

    With a `DurableLLM` requests run concurrently without a barrier; the result depends on the configuration and the
    answers alone, not on their order. How the loop ended stands in a file named by its stage.
    """

    lag: int | None = Field(default=None, gt=0)
    patience: RuntimeParameter[int] = Field(
        default=5, gt=0, description="Rounds without an admission after which the loop ends."
    )
    pilot_rounds: int | None = Field(default=None, gt=0)
    folder: str | None = Field(default=None, exclude=True)
    keep_clear_of: list[str] = Field(default_factory=list)
    """Evaluation sets, see `KeepClear`: instructions that they have already are rejected, and join no pool."""
    add_raw_input: RuntimeParameter[bool] = False
    add_raw_output: RuntimeParameter[bool] = False

    shows_pool: ClassVar[bool] = True
    """Whether a prompt can show what was admitted before it."""

    writes_pool: ClassVar[bool] = False
    """Whether the folder gets all texts that no later one may be too similar to."""

    llm: LLM

    @abstractmethod
    def format_prompt(self, drawn: Any) -> FormattedInput:
        """The prompt that is made from what the loop has drawn."""

    @abstractmethod
    def _decoding(self) -> Decoding:
        """The preset's decoding parameters for the prompts."""

    def _decoding_kwargs(self) -> dict[str, Any]:
        return decoding_kwargs(self.llm, self._decoding(), self.wording)

    def load(self) -> None:
        """Reads the preset, and seed files where there are any, and loads the model."""
        self.load_preset()
        super().load()  # type: ignore[misc]

    def format_output(self, output: str | None, input: Row | None = None) -> dict[str, Any]:
        """Not used: one completion makes many rows."""
        return {}

    def run_loop(
        self,
        loop: Loop,
        take: Callable[[Row], None],
        taken: TakenRows | None = None,
        is_restored: Callable[[], None] = lambda: None,
    ) -> str:
        """Drives the loop to its end, says how it ended, and writes it.

        Args:
            loop: at its beginning.
            take: gets each row as soon as it is there, but those that earlier sessions have made.
            taken: what these have made; with it the loop goes on.
            is_restored: called once the loop has asked for more than these, or cannot.
        """
        if self.pilot_rounds is not None:
            loop.most_prompts = self.pilot_rounds * loop.lag
        if self.keep_clear_of and loop.column == "instruction":
            loop.clear_of = ContaminationIndex(read_evaluation_texts(self.keep_clear_of))
        meaning = self.meaning() if loop.column == "instruction" else None
        try:
            ended = self._drive(loop, take, meaning, taken, is_restored)
        finally:
            if meaning is not None:
                meaning.unload()
            if taken is not None:
                taken.close()
        if self.folder is not None:
            self._write_report(RunFolder(self.folder), loop, ended)
        return ended

    def _write_report(self, folder: RunFolder, loop: Loop, ended: str) -> None:
        if self.writes_pool:
            folder.write_pool([{"id": shot.id, loop.column: shot.text} for shot in loop.pool])
        folder.write_loop(
            loop.stage,
            {
                "ended": ended,
                "admitted": loop.admitted,
                "wanted": loop.wanted,
                "candidates": loop.candidates,
                "prompts": loop.taken,
                "rounds": -(-loop.taken // loop.lag),
                "lag": loop.lag,
                "patience": loop.patience,
            },
        )

    def _drive(
        self,
        loop: Loop,
        take: Callable[[Row], None],
        meaning: Meaning | None,
        taken: TakenRows | None,
        is_restored: Callable[[], None],
    ) -> str:
        """Draws prompts and takes answers until there is enough or nothing more comes; says how it ended."""
        answers = _Answers(self, keeps_keys=taken is not None)
        told = 0.0
        if taken is not None:
            loop.restore(answers.restored(taken))
            self._report(loop)
        try:
            loop.compare(meaning)
            answers.ask_ahead(loop)
        except RunStopped as stopped:
            return str(stopped)
        finally:
            is_restored()
        while not loop.is_over:
            answers.ask_ahead(loop)
            number = loop.taken
            try:
                rows = loop.take(answers.of(number))
            except RunStopped as stopped:
                return str(stopped)
            if taken is not None:
                taken.keep(answers.keys(number), rows)
            for row in rows:
                take(row)
            if self.folder is not None and time.monotonic() - told >= _TELL:
                RunFolder(self.folder).write_progress(
                    loop.stage, {"admitted": loop.admitted, "wanted": loop.wanted, "prompts": loop.taken}
                )
                told = time.monotonic()
            self._report(loop)
        return "complete" if loop.is_complete else "stalled" if loop.is_stalled else "pilot"

    def _report(self, loop: Loop) -> None:
        """Tells the run how far the loop is, and what a budget must have room for."""
        if isinstance(self.llm, DurableLLM):
            self.llm.report(
                admitted=loop.admitted,
                wanted=loop.wanted,
                candidates=loop.candidates,
                prompts=loop.taken,
                owed=self._owed(loop),
            )

    def _owed(self, loop: Loop) -> int:
        """Requests that later steps will make when the loop has ended, for which a budget must still have room."""
        return 0

    def _lag(self, wanted: int) -> int:
        concurrency = int(self.llm.concurrency or 1) if isinstance(self.llm, DurableLLM) else 8
        return self.lag or self._preset.lag or default_lag(concurrency, wanted, self.shows_pool)


class LoopingGenerator(Looping, GeneratorTask):
    """A loop as a generator: what it admits streams downstream while it goes on, and what it rejects goes along."""

    def model_post_init(self, context: Any) -> None:
        """GeneratorTask's own: pydantic would take the first base's, which adds no step to a pipeline."""
        GeneratorTask.model_post_init(self, context)

    @abstractmethod
    def _loop(self) -> Loop:
        """The loop at its beginning."""

    def process(self, offset: int = 0) -> GeneratorStepOutput:
        """Runs the loop in a thread of its own, so that it goes on while a batch is on its way.

        Yields:
            Rows, at least one, and whether they are the last.

        Raises:
            PipelineError: if not a single completion came.
        """
        rows: Rows = queue.SimpleQueue()
        earlier: Future[Iterable[Row]] = Future()
        threading.Thread(target=self._fill, args=(rows, earlier), name=self.name, daemon=True).start()
        yield from self._batches(rows, earlier.result())

    def _batches(self, rows: Rows, earlier: Iterable[Row]) -> Iterator[tuple[list[Row], bool]]:
        """Batches of the rows of earlier sessions, then as rows come in.

        One row is always held back: distilabel hangs on a last batch without rows.
        """
        held: list[Row] = []
        ended = False
        for row in earlier:
            held.append(row)
            if len(held) > (self.batch_size or 1):
                yield held[:-1], False
                held = held[-1:]
        while not ended:
            gathered, ended = _gather(rows, self.batch_size or 1)
            held += gathered
            if not ended and len(held) > 1:
                yield held[:-1], False
                held = held[-1:]
        if not held:
            trouble = self.llm.trouble if isinstance(self.llm, DurableLLM) else ""
            raise PipelineError(
                "Not a single completion came, so there is nothing to go on with."
                + (f" {LAST_WORDS.format(trouble=trouble)}" if trouble else "")
            )
        yield held, True

    def _fill(self, rows: Rows, earlier: Future[Iterable[Row]]) -> None:
        try:
            loop = self._loop()
            taken = self._taken_rows(loop)
            self.run_loop(loop, rows.put, taken, lambda: earlier.set_result(() if taken is None else taken.rows()))
        except BaseException as error:
            rows.put(error)
        else:
            rows.put(None)
        finally:
            if not earlier.done():
                earlier.set_result(())

    def _taken_rows(self, loop: Loop) -> TakenRows | None:
        """Where the rows are kept from session to session: with a folder, and a model whose answers are kept."""
        if self.folder is None or not isinstance(self.llm, DurableLLM):
            return None
        own = self.model_dump(exclude={"llm"})
        depends_on = {"version": __version__, "task": own, "lag": loop.lag, "pool": [shot.text for shot in loop.pool]}
        return RunFolder(self.folder).taken_rows(loop.stage, depends_on, self.outputs)


class _Answers:
    """The answers to prompts, in any order: concurrent requests of a `DurableLLM`, or chunks of any other LLM."""

    def __init__(self, task: Looping, keeps_keys: bool) -> None:
        self._task = task
        self._keeps_keys = keeps_keys
        self._kwargs = task._decoding_kwargs()
        self._drawn: dict[int, Any] = {}
        self._prompts: dict[int, FormattedInput] = {}  # not yet answered
        self._waiting: list[int] = []  # for a model that answers in chunks
        self._futures: dict[int, Future[list[Record]]] = {}
        self._answers: dict[int, Answer] = {}
        self._keys: dict[int, list[bytes]] = {}  # of all that was asked for the answer to a prompt

    def restored(self, taken: TakenRows) -> Iterator[list[Row]]:
        """The rows of prompts that earlier sessions have asked, which count as asked; up to one to be asked again."""
        for keys, rows in taken.read(self._holds):
            if isinstance(self._task.llm, DurableLLM):
                self._task.llm.count_as_asked(keys)
            yield rows

    def _holds(self, keys: list[bytes], rows: list[Row]) -> bool:
        """Whether there was an answer, or a request that may not be sent again."""
        if not any(row["reject_reason"] in FAILED_REQUESTS for row in rows):
            return True
        return isinstance(self._task.llm, DurableLLM) and bool(keys) and self._task.llm.is_final(keys[-1])

    def ask_ahead(self, loop: Loop) -> None:
        """Asks what may be asked before the next answer is taken."""
        while not loop.is_over and loop.can_draw():
            self.ask(*loop.draw())

    def keys(self, number: int) -> list[bytes]:
        """Those of all requests for the answer to a prompt, once it is there."""
        return self._keys.pop(number)

    def ask(self, number: int, drawn: Any) -> None:
        """Asks the prompt of this number, which is made from what the loop has drawn.

        Raises:
            ConfigError: if it does not fit into the model's context.
        """
        prompt = self._task.put(partial(self._task.format_prompt, drawn), self._kwargs)
        self._check_length(prompt, drawn)
        self._drawn[number] = drawn
        self._ask(number, prompt)

    def of(self, number: int) -> Answer:
        """Waits for the answer to a prompt; one that is too long for the model is asked once more with less to show.

        Raises:
            RunStopped: if it may not be asked for any more.
        """
        answer = self._answer(number)
        while answer.failure == TOO_LONG:
            make = partial(self._task.format_prompt, self._drawn[number])
            shorter = self._task.put_shorter(make, self._kwargs, self._prompts[number], answer.detail)
            if shorter is None:
                break
            self._ask(number, shorter)
            answer = self._answer(number)
        del self._drawn[number], self._prompts[number]
        if answer.failure in STOP_REASONS:
            raise RunStopped(answer.failure)
        return self._read(answer)

    def _ask(self, number: int, prompt: FormattedInput) -> None:
        self._prompts[number] = prompt
        if isinstance(self._task.llm, DurableLLM) and self._keeps_keys:
            self._keys.setdefault(number, []).append(self._task.llm.key_of(prompt, **self._kwargs))
        if isinstance(self._task.llm, DurableLLM) and self._task.llm.is_asynchronous:
            self._futures[number] = self._task.llm.submit(prompt, **self._kwargs)
        else:
            self._waiting.append(number)

    def _answer(self, number: int) -> Answer:
        if number in self._futures:
            record = self._futures.pop(number).result()[0]
            return Answer(
                record.completion,
                record.finish_reason,
                record.reason,
                record.detail,
                record.input_tokens,
                record.output_tokens,
                record.reasoning,
                record.model,
            )
        if number not in self._answers:
            prompts = [self._prompts[each] for each in self._waiting]
            outputs = self._task.llm.generate_outputs(inputs=prompts, num_generations=1, **self._kwargs)
            self._answers |= {each: answer_of(output) for each, output in zip(self._waiting, outputs)}
            self._waiting.clear()
        return self._answers.pop(number)

    def _check_length(self, prompt: FormattedInput, drawn: Any) -> None:
        window = self._task.window
        if window is None:
            return
        room, name = room_for_answer(window, answer_room(self._kwargs)), getattr(self._task, "name", None)
        text = prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False)
        if (length := tokens_of(text)) > most_by_estimate(text, window - room, self._task.count_tokens):
            shown = f", even with one of {named(drawn)}, shortened" if isinstance(drawn, list) and drawn else ""
            raise ConfigError(
                f"A prompt of {name} does not fit into the model's context of {window:,} tokens{shown}: it"
                f" has about {length:,}, and {room:,} are kept for the answer. Give the model a larger context"
                " (--context says how large it is), or shorten those seeds or the template."
            )

    def _read(self, answer: Answer) -> Answer:
        """The answer as far as it counts."""
        return cut_at_stop(answer, self._task._decoding(), self._task.wording, self._task.llm)


def _gather(rows: Rows, most: int) -> tuple[list[Row], bool]:
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
