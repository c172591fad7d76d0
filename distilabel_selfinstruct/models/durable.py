"""DurableLLM: between a Task and any distilabel LLM, so that nothing paid for is lost."""

from __future__ import annotations

import asyncio
import inspect
import json
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.models.llms.base import LLM, AsyncLLM, merge_responses
from pydantic import Field, PrivateAttr, SerializeAsAny
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential, wait_none, wait_random

from distilabel_selfinstruct.data.storable import storable as storable_texts
from distilabel_selfinstruct.errors import EndpointError, RequestFailed, SelfInstructError
from distilabel_selfinstruct.models.batches.batcher import name_of_request
from distilabel_selfinstruct.models.ending_early import NOT_OF_A_QUESTION
from distilabel_selfinstruct.models.ensemble import EnsembleLLM
from distilabel_selfinstruct.models.faults import brief, explain, refused_alike
from distilabel_selfinstruct.models.records import Record, Records, outcome, request_key, storable
from distilabel_selfinstruct.models.slots import Asked, RunStopped, Slots, run_id
from distilabel_selfinstruct.models.telling import told
from distilabel_selfinstruct.secrets import mask_known, masked, remember_named, shown

if TYPE_CHECKING:
    from distilabel.typing import FormattedInput, GenerateOutput

_MOST_ATTEMPTS = {"invalid_response": 3, "timeout": 3}  # of a request, while others are answered
_MOST_BATCHES = 3  # that a request is put in
_ANSWER_TOKENS = 512  # that an answer may have where nobody says
_ENDPOINTS_FAULT = ("unavailable", "rate_limited")  # whoever is asking
LAST_WORDS = "What came last instead of an answer: {trouble}"
_MOST_SHOWN = 200  # characters of a failure, while it is waited for the endpoint
_LONGEST_WAIT = 120.0
_PATIENCE = 60.0  # seconds that open requests have when the model is unloaded
_LOOKS = 5.0  # seconds between two looks at what waits although the endpoint is away for too long
_LEAVING = 5.0  # and that they have to leave, once they are cancelled
_growing_wait = wait_exponential(multiplier=0.5, max=30) + wait_random(0, 1)


class _Request:
    """Some samples of one prompt that have to be asked for."""

    def __init__(
        self, input: FormattedInput, parameters: dict[str, Any], llm: LLM, turn_begin: str | None = None
    ) -> None:
        self.input = input
        self.parameters = parameters
        self.prompt = input if isinstance(input, str) else json.dumps(input, ensure_ascii=False, default=str)
        if not _is_well_formed(self.prompt):  # no request can hold it
            self.input, self.prompt = storable_texts(input), storable_texts(self.prompt)
        told = {name: value for name, value in parameters.items() if name not in NOT_OF_A_QUESTION}
        self.parameters_text = json.dumps(masked(told), ensure_ascii=False, sort_keys=True, default=str)
        self.llm = llm.drawn(self.input) if isinstance(llm, EnsembleLLM) else llm
        self.model = self.llm.model_name
        self.key = request_key(self.model, self.prompt, self.parameters_text)
        if not input and turn_begin:  # Magpie's question: what is sent is the beginning of a user's turn
            self.prompt = turn_begin
        self.failed: Counter[str] = Counter()  # attempts, by reason
        self.asked_since = math.inf
        self.failing_since = math.inf
        self.samples: list[int] = []
        self.recorded: list[Record] = []

    def records(self, output: GenerateOutput, started: float) -> list[Record]:
        """One record a sample; whatever the model lists besides (finish reasons, tokens) goes sample by sample."""
        seconds = time.time() - started
        generations = output["generations"]
        if len(generations) != len(self.samples):
            raise RequestFailed(
                f"{len(generations)} completions came for {len(self.samples)} asked for",
                "invalid_response",
                retryable=True,
            )
        if not any(isinstance(generation, str) for generation in generations):
            raise RequestFailed("the model gave no completion", "no_completion", kind="setup")
        statistics = output.get("statistics") or {}
        return [
            self._record(
                sample,
                started,
                seconds,
                completion=_without_known(generations[at]) if isinstance(generations[at], str) else None,
                finish_reason=_at(output.get("finish_reason"), at),
                reasoning=_without_known(_at(output.get("reasoning"), at)),
                input_tokens=_at(statistics.get("input_tokens"), at),
                output_tokens=_at(statistics.get("output_tokens"), at),
                cached_tokens=_at(statistics.get("cached_tokens"), at),
                reasoning_tokens=_at(statistics.get("reasoning_tokens"), at),
                **({} if isinstance(generations[at], str) else {"reason": "no_completion", "kind": "request"}),
            )
            for at, sample in enumerate(self.samples)
        ]

    def with_recorded(self, records: list[Record]) -> list[Record]:
        return sorted(self.recorded + records, key=lambda record: record.sample)

    def failures(self, failure: RequestFailed, started: float) -> list[Record]:
        seconds = time.time() - started
        return [
            self._record(sample, started, seconds, reason=failure.reason, detail=shown(failure), kind=failure.kind)
            for sample in self.samples
        ]

    @property
    def size(self) -> Asked:
        """What a budget has to keep room for while it is in flight."""
        most = self.parameters.get("max_new_tokens")
        each = most if isinstance(most, int) and most > 0 else _ANSWER_TOKENS
        return Asked(len(self.prompt), len(self.samples), each * len(self.samples))

    def _record(self, sample: int, started: float, seconds: float, **came: Any) -> Record:
        nothing = {"completion": None, "finish_reason": None, "reason": None, "detail": None}
        tokens = {"input_tokens": 0, "output_tokens": 0}
        known = {
            "key": self.key,
            "sample": sample,
            "prompt": self.prompt,
            "parameters": self.parameters_text,
            "model": self.model,
            "started": started,
            "seconds": seconds,
        }
        return storable(Record(**{**nothing, **tokens, **known, **came}))


class DurableLLM(LLM):
    """Wraps any distilabel `LLM`: every completion is on disk before it is used, and is never asked for twice.

    The k-th time a prompt is asked with the same parameters it gets the k-th recorded answer. Requests to an
    asynchronous LLM run concurrently, fail alone and are retried with growing waits; a chunk of prompts that fails
    in a synchronous one is split until the culprit is alone. A request given up has `None` as its generation and
    its reason code in the extra list `failure`. Only a failure of the request itself is a result: one of the service
    or of the set-up is asked again by the next run. `generate` may be called from several threads at once.

    Attributes:
        llm: the model that answers.
        folder: folder of the completions, usually `completions` in a run folder.
        stage: name of the stage that asks; its records are kept in files of that name.
        priority: of stages that wait for a slot of the run the one with the lowest number gets it.
        keeps_failures: whether a request that was given up by its own fault stays given up in later runs. For any
            other fault nothing goes on: what depends on the answers would go another way.
        concurrency: most requests in flight where no run shares its slots. For a synchronous LLM, prompts per chunk.
        outage: seconds during which a request is retried while the endpoint does not answer.
        timeout: seconds that one attempt may take a completion, however the model waits; None is for ever.
        context: tokens that the model's context holds; by default what the model says itself.
        goes_on: whether what other models have answered before counts too, known by its prompt.

    Runtime parameters:
        - `concurrency`: most requests in flight where no run shares its slots.
        - `outage`: seconds during which a request is retried while the endpoint does not answer.
        - `timeout`: seconds that one attempt may take a completion.

    Examples:
        Ask an endpoint through a folder of completions:

        ```python
        from distilabel_selfinstruct import DurableLLM, OpenAICompatibleLLM

        llm = DurableLLM(
            llm=OpenAICompatibleLLM(model="my-model", base_url="http://127.0.0.1:8000/v1"),
            folder="runs/mine/completions",
            stage="answers",
        )
        llm.load()
        outputs = llm.generate_outputs(inputs=[[{"role": "user", "content": "Name a prime."}]])
        ```
    """

    llm: SerializeAsAny[LLM]
    folder: str = Field(default="completions", exclude=True)
    stage: str = "completions"
    priority: int = Field(default=0, exclude=True)
    keeps_failures: bool = False
    concurrency: RuntimeParameter[int] = Field(
        default=8, exclude=True, description="Most requests in flight where no run shares its slots."
    )
    outage: RuntimeParameter[float] = Field(
        default=600.0,
        exclude=True,
        description="Seconds during which a request is retried while the endpoint does not answer.",
    )
    timeout: RuntimeParameter[float] | None = Field(
        default=None, exclude=True, description="Seconds that one attempt may take a completion."
    )
    context: int | None = Field(default=None, exclude=True)
    goes_on: bool = Field(default=False, exclude=True)

    _takes: frozenset[str] = PrivateAttr(frozenset())  # the parameters that the model knows, read once
    _records: Any = PrivateAttr(None)
    _slots: Any = PrivateAttr(None)
    _loop: Any = PrivateAttr(None)
    _thread: Any = PrivateAttr(None)
    _has_left: Any = PrivateAttr(None)
    _asked: Counter[bytes] = PrivateAttr(default_factory=Counter)
    _lock: Any = PrivateAttr(None)
    _turn: Any = PrivateAttr(None)
    _chunk_lock: Any = PrivateAttr(None)
    _failures: Counter[str] = PrivateAttr(default_factory=Counter)  # requests that were given up, by reason
    _open: dict[asyncio.Task[Any], bool] = PrivateAttr(default_factory=dict)  # whether it is at the endpoint or stored
    _is_ending: bool = PrivateAttr(False)
    _asked_for: set[Future[list[Record]]] = PrivateAttr(default_factory=set)
    _untold: dict[str, Any] = PrivateAttr(default_factory=dict)  # how far this stage is
    _doubtful: list[Record] = PrivateAttr(default_factory=list)  # refused, and nothing asked since was answered
    _answered_at: float = PrivateAttr(-math.inf)  # when the last answer came
    _down_since: float | None = PrivateAttr(None)
    _trouble: str = PrivateAttr("")  # what came instead of the last answer
    _failing: dict[bytes, str] = PrivateAttr(default_factory=dict)  # requests that have failed since then, and why

    @property
    def model_name(self) -> str:
        """The name of the model that answers."""
        return self.llm.model_name

    @property
    def generate_parameters(self) -> list[inspect.Parameter]:
        """Those of the model that answers: what a Task may pass on."""
        return self.llm.generate_parameters

    @property
    def trouble(self) -> str:
        """What the last request failed with that was to be tried again; empty where answers come."""
        return self._trouble

    @property
    def is_asynchronous(self) -> bool:
        """Whether requests run concurrently."""
        return self.llm.is_asynchronous if isinstance(self.llm, EnsembleLLM) else isinstance(self.llm, AsyncLLM)

    @property
    def in_batches(self) -> bool:
        """Whether requests go out together, and are answered within a day."""
        return any(getattr(llm, "batching", None) is not None for llm in self._models)

    @property
    def _models(self) -> list[LLM]:
        return self.llm.llms if isinstance(self.llm, EnsembleLLM) else [self.llm]

    @property
    def _counts_generations(self) -> bool:
        """Whether the model wants to know how often it was asked a prompt before, as one that draws nothing must."""
        return "first_generation" in self._takes

    @property
    def window(self) -> int | None:
        """Tokens that the model's context holds, prompt and answer together, if that is known."""
        return self.context or getattr(self.llm, "window", None)

    def count_tokens(self, text: str) -> int | None:
        """How many tokens the model makes of a text; None where it does not say."""
        count = getattr(self.llm, "count_tokens", None)
        return count(text) if count else None

    @property
    def _turn_begin(self) -> str | None:
        """What is sent of an empty chat, where Magpie's template is used."""
        if not getattr(self.llm, "use_magpie_template", False):
            return None
        return getattr(self.llm, "turn_begin", None) or getattr(self.llm, "magpie_pre_query_template", None)

    def get_generation_kwargs(self) -> dict[str, Any]:
        """Those of the model that answers, overridden by this wrapper's own."""
        return {**(self.llm.get_generation_kwargs() or {}), **(self.generation_kwargs or {})}

    def load(self) -> None:
        """Loads the model and the records.

        Raises:
            EndpointError: if the model cannot be used at all.
            RunFolderError: if recorded completions cannot be read.
        """
        super().load()
        remember_named(self.llm)
        try:
            self.llm.load()
        except SelfInstructError:
            raise
        except Exception as error:
            # Exceptions of other libraries often cannot be unpickled, and distilabel hangs on those.
            said = brief(error)
            raise EndpointError(f"The model {self.model_name!r} could not be loaded: {said}") from None
        self._takes = frozenset(parameter.name for parameter in self.generate_parameters)
        self._records = Records(Path(self.folder), self.stage, run_id(), self.goes_on)
        self._lock, self._chunk_lock, self._turn = threading.Lock(), threading.Lock(), threading.local()
        self._loop = asyncio.new_event_loop()
        self._has_left = threading.Event()
        self._thread = threading.Thread(target=self._run_loop, name=f"{self.stage}-requests", daemon=True)
        self._thread.start()
        connecting = Slots.connect(self.stage, self.priority, int(self.concurrency), self.in_batches)
        self._slots = self._await(connecting)
        self._listen_to_batches()

    def _listen_to_batches(self) -> None:
        """Passes on how far the batches of each model are."""
        told: dict[str, Any] = {}

        def tell(said: dict[str, Any]) -> None:
            told.update(said)
            self._slots.report(batches={name: each for name, each in told.items() if each})

        for batcher in (getattr(llm, "batcher", None) for llm in self._models):
            if batcher is not None:
                batcher.tell = tell

    def unload(self) -> None:
        """Waits for the answers to requests that have been sent, stores them, and releases the model."""
        if self._loop is not None:
            self._await(self._finish())
            self._await(self._slots.disconnect())
            if hasattr(self.llm, "aclose"):
                self._await(self.llm.aclose())
            self._loop.call_soon_threadsafe(self._loop.stop)
            while not self._has_left.wait(_LEAVING) and self._thread.is_alive():
                pass  # 3.13.0 has been seen to call a thread alive for ever that had ended in a forked process
            self._loop.close()
            self._loop = None
            self._records.close()
        self.llm.unload()

    def _run_loop(self) -> None:
        try:
            while not self._runs_until_stopped():
                pass
        finally:  # whatever ended it, nobody waits for an answer any longer
            for future in list(self._asked_for):
                if not future.done():
                    future.set_exception(RunStopped("failed"))
            self._has_left.set()

    def _runs_until_stopped(self) -> bool:
        """False where a model has raised what ends a loop, and is not told to."""
        try:
            self._loop.run_forever()
        except (SystemExit, KeyboardInterrupt):
            return False
        return True

    def report(self, **event: Any) -> None:
        """Tells the main process how far this stage is; what comes before it has been told goes along."""
        with self._lock:
            is_under_way = bool(self._untold)
            self._untold |= event
        if not is_under_way:
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        with self._lock:
            event, self._untold = self._untold, {}
        self._slots.report(**event)

    def submit(self, input: FormattedInput, num_generations: int = 1, **parameters: Any) -> Future[list[Record]]:
        """The records of the next `num_generations` samples of this prompt, as soon as they are on disk.

        Raises:
            RunStopped: from the future, if the run may send no further request.
            EndpointError: from the future, if the endpoint can serve nothing any more.
        """
        (request,) = self._next_requests([input], num_generations, parameters)
        return self._submit(request)

    def _submit(self, request: _Request) -> Future[list[Record]]:
        if not request.samples:
            done: Future[list[Record]] = Future()
            done.set_result(request.recorded)
            return done
        future = asyncio.run_coroutine_threadsafe(self._answer(request), self._loop)
        self._asked_for.add(future)
        future.add_done_callback(self._asked_for.discard)
        return future

    def key_of(self, input: FormattedInput, **parameters: Any) -> bytes:
        """By which the records know a prompt with these parameters."""
        return _Request(input, parameters, self.llm, self._turn_begin).key

    def is_final(self, key: bytes) -> bool:
        """Whether the next answer to the prompt of this key is stored, or that there can be none."""
        record = self._records.find(key, self._asked[key])
        return record is not None and record.is_final

    def count_as_asked(self, keys: Iterable[bytes]) -> None:
        """The prompts of these keys have been asked, each as often as it is there: the next answers are others."""
        with self._lock:
            self._asked.update(keys)

    def generate(self, inputs: list[FormattedInput], num_generations: int = 1, **kwargs: Any) -> list[GenerateOutput]:
        """Generates `num_generations` completions per input, from the records or from the model.

        Returns:
            One output an input; besides distilabel's keys, lists `finish_reason`, `failure` and `failure_detail`.
        """
        requests = self._next_requests(inputs, num_generations, kwargs)
        if self.is_asynchronous:
            futures = [self._submit(request) for request in requests]
            return [_output(self._records_or_failures(future, num_generations)) for future in futures]
        unanswered = [request for request in requests if request.samples]
        size = int(self.concurrency)
        for start in range(0, len(unanswered), size):
            self._answer_chunk(unanswered[start : start + size])
        return [_output(request.recorded) for request in requests]

    @contextmanager
    def turn(self, number: int) -> Iterator[None]:
        """Within it, in this thread, one call of `generate` counts as having come after those of all earlier turns.

        That holds over all processes of a run: however they share its rows, a prompt that comes again gets the same
        sample. Turns are counted from 0, and none is left out.
        """
        self._turn.number = number
        try:
            yield
        finally:
            self._first_samples([], 0)

    def _next_requests(
        self, inputs: list[FormattedInput], num_generations: int, parameters: dict[str, Any]
    ) -> list[_Request]:
        requests = [_Request(input, parameters, self.llm, self._turn_begin) for input in inputs]
        first_samples = self._first_samples([request.key for request in requests], num_generations)
        for request, first in zip(requests, first_samples):
            for sample in range(first, first + num_generations):
                record = self._records.find(request.key, sample, request.prompt)
                if record is None or not (record.is_final if self.keeps_failures else record.reason is None):
                    request.samples.append(sample)
                else:
                    request.recorded.append(record)
        return requests

    def _first_samples(self, keys: list[bytes], num_generations: int) -> list[int]:
        """The numbers that the samples of these prompts begin with: how often each was asked for before."""
        turn = self._turn.__dict__.pop("number", None)
        if turn is not None and self._slots.is_shared:
            return self._await(self._slots.first_samples(turn, keys, num_generations))
        first_samples = []
        with self._lock:
            for key in keys:
                first_samples.append(self._asked[key])
                self._asked[key] += num_generations
        return first_samples

    async def _answer(self, request: _Request) -> list[Record]:
        """Asks an asynchronous model, retries, stores; a request given up is stored as a failure."""
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._open[task] = False
        try:
            records = await self._ask(request)
            self._open[task] = True
            try:
                await asyncio.wrap_future(self._records.store(records))
            finally:
                self._slots.stored(_answered(records))
            return request.with_recorded(records)
        finally:
            del self._open[task]

    async def _ask(self, request: _Request) -> list[Record]:
        started = time.time()
        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, RequestFailed) and error.retryable),
            wait=wait_none() if self.in_batches else _wait,
            stop=self._is_given_up,
            reraise=True,
        )
        try:
            return await retrying(self._attempt, request)
        except asyncio.CancelledError:
            if self._is_ending or not self._is_down():
                raise
            raise RunStopped("unavailable") from None
        except RequestFailed as failed:
            failure = await self._given_up(failed, request.key)
            if failure.kind == "service" and (self.keeps_failures or self._is_down()):
                raise RunStopped("unavailable") from None
            records = request.failures(failure, started)
            self._note_given_up(records, failure)
            return records

    async def _attempt(self, request: _Request) -> list[Record]:
        asked = request.size
        await self._slots.acquire(asked)
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        records: list[Record] = []
        try:
            if self._is_down():
                raise RunStopped("unavailable")
            self._open[task] = True
            started = time.time()
            request.asked_since = min(request.asked_since, time.monotonic())
            try:
                output = await self._generate_one(request)
                records = request.records(output, started)
            except RunStopped:  # a batch that cannot be waited for any longer
                raise
            except (Exception, SystemExit, KeyboardInterrupt) as error:
                failure = await self._judge(explain(error), request.key)
                if isinstance(failure, RequestFailed) and failure.reason == "rate_limited":
                    self._slots.limited(failure.retry_after, time.time() - started)
                if isinstance(failure, RequestFailed) and failure.retryable:
                    self._open[task] = False
                    self._note_failing(request, failure)
                raise failure from None
            self._note_answers(records)
            return records
        finally:
            self._slots.told(told(getattr(request.llm, "last_headers", ())))
            self._slots.release(**_cost(records), asked=asked, model=request.model)

    async def _judge(self, failure: RequestFailed | EndpointError, key: bytes) -> RequestFailed | EndpointError:
        """The failure, once it is known whether other requests get through: what refuses all of them ends the run."""
        if not isinstance(failure, RequestFailed) or failure.kind != "setup":
            return failure
        verdict = await self._slots.refused(key)
        if failure.retryable and verdict in ("some", "many"):  # a page is that of a gateway, which let others pass
            failure.kind = "service"
            return failure
        return refused_alike(failure, verdict == "many") if verdict in ("all", "many") else failure

    async def _given_up(self, failure: RequestFailed, key: bytes) -> RequestFailed:
        """What becomes of a request; an answer that is of no use is its own fault only where others get useful ones.

        Raises:
            EndpointError: if nobody gets any.
        """
        if failure.kind != "request" or not failure.retryable:
            return failure
        doubtful = RequestFailed(str(failure), failure.reason, kind="setup")
        judged = await self._judge(doubtful, key)
        if isinstance(judged, EndpointError):
            raise judged
        return judged

    def _note_trouble(self, failure: RequestFailed) -> None:
        self._trouble = shown(failure)[:_MOST_SHOWN]
        self.report(trouble=self._trouble)

    def _note_given_up(self, records: list[Record], failure: RequestFailed) -> None:
        if failure.kind == "setup":
            self._doubtful += records
        self._failures[failure.reason] += len(records)
        self.report(failures=dict(self._failures))

    def _note_answers(self, records: list[Record]) -> None:
        """Takes note of those that are answers: what was refused before they were asked for was at fault itself."""
        if not _answered(records):
            return
        self._down_since = None
        self._failing.clear()
        self._answered_at = time.monotonic()
        if self._trouble:
            self._trouble = ""
            self._slots.report(trouble="")
        asked = max((record.started for record in records if _texts([record])), default=-math.inf)
        if own := [record for record in self._doubtful if record.started + record.seconds <= asked]:
            self._doubtful = [record for record in self._doubtful if record not in own]
            self._records.store([replace(record, kind="request") for record in own])

    def _note_failing(self, request: _Request, failure: RequestFailed) -> None:
        if self._is_ending:
            raise RunStopped("failed")
        request.failed[failure.reason] += 1
        self._failing[request.key] = failure.reason
        self._note_trouble(failure)
        if self._down_since is None:
            self._down_since = time.monotonic()
            self._loop.call_later(float(self.outage) + 0.01, self._end_waiting)
        request.failing_since = min(request.failing_since, time.monotonic())

    def _end_waiting(self) -> None:
        """Wakes whoever waits for a slot or another attempt, however long, once the endpoint is away for too long."""
        if self._is_ending or not self._is_down():
            return
        for task, is_sent in self._open.items():
            if not is_sent:
                task.cancel()
        self._loop.call_later(_LOOKS, self._end_waiting)

    async def _finish(self) -> None:
        """Drops requests that are not at the endpoint, and waits for the others: their answers are paid for."""
        self._is_ending = True
        for task, is_sent in self._open.items():
            if not is_sent:
                task.cancel()
        if self._open:
            _, late = await asyncio.wait(self._open, timeout=_PATIENCE)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=_LEAVING)

    async def _generate_one(self, request: _Request) -> GenerateOutput:
        """One attempt; one that takes too long is left alone, since not every model lets itself be cancelled."""
        samples = len(request.samples)
        asking = asyncio.ensure_future(self._generate_samples(request))
        try:
            limit = None if self.in_batches else self.timeout
            await asyncio.wait([asking], timeout=limit and float(limit) * samples)
        finally:
            if not asking.done():
                asking.cancel()
                asking.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        if not asking.done():
            raise TimeoutError(f"{float(self.timeout or 0) * samples:g} seconds were not enough")
        return asking.result()

    async def _generate_samples(self, request: _Request) -> GenerateOutput:
        """Asks for all samples at once, or, where a model gives one a request, for each of the others too."""
        assert isinstance(request.llm, AsyncLLM)
        name_of_request.set(f"{request.key.hex()} {request.samples[0]}")
        wanted, parameters = len(request.samples), dict(request.parameters)
        if isinstance(seed := parameters.get("seed"), int):  # what is asked again is to be answered otherwise
            parameters["seed"] = seed + request.samples[0]
        if "num_generations" in self._takes:
            parameters["num_generations"] = 1 if self._asks_one_by_one(request.llm) else wanted
        ask = partial(request.llm.agenerate, input=request.input, **parameters)
        outputs = []
        if not self._asks_one_by_one(request.llm):
            outputs.append(await ask())
            if wanted == 1 or len(outputs[0]["generations"]) != 1:
                return outputs[0]
        missing = range(len(outputs), wanted)
        seeds = [{"seed": parameters["seed"] + at} if isinstance(seed, int) else {} for at in missing]
        outputs += await asyncio.gather(*(ask(**of_one) for of_one in seeds))
        return merge_responses(outputs, n=wanted)[0]

    def _asks_one_by_one(self, llm: LLM) -> bool:
        """Whether samples are asked for side by side, that would else be in one batch after the other."""
        return self.in_batches and getattr(llm, "gives_one", False)

    def _answer_chunk(self, chunk: list[_Request]) -> None:
        """Asks a synchronous model, stores, and adds the records to the requests."""
        with self._chunk_lock:
            started = time.time()
            asked = sum((request.size for request in chunk), Asked())
            try:
                self._await(self._slots.acquire(asked))
            except RunStopped as stopped:
                stopped_by = stopped
            else:
                self._answer_groups(chunk, started, asked)
                return
        if str(stopped_by) == "budget" and len(chunk) > 1:  # there may be room for fewer
            half = len(chunk) // 2
            self._answer_chunk(chunk[:half])
            self._answer_chunk(chunk[half:])
            return
        for request in chunk:
            request.recorded += request.failures(_stopped(stopped_by), started)

    def _answer_groups(self, chunk: list[_Request], started: float, asked: Asked) -> None:
        groups: dict[tuple[str, str, int, int], list[_Request]] = {}
        for request in chunk:
            first = request.samples[0] if self._counts_generations else 0
            alike = (request.model, request.parameters_text, len(request.samples), first)
            groups.setdefault(alike, []).append(request)
        records: list[Record] = []
        try:
            for group in groups.values():
                self._generate_group(group, started, records)
        finally:
            try:
                self._records.wait(self._records.store(records))
            finally:
                self._loop.call_soon_threadsafe(self._release, records, asked)

    def _release(self, stored: list[Record], asked: Asked) -> None:
        # A chunk is answered by one model, but where an ensemble of models in this process shares it.
        model = stored[0].model if stored else ""
        self._slots.release(**_cost(stored), asked=asked, model=model)
        self._slots.stored(_answered(stored))
        self._note_answers(stored)

    def _generate_group(self, group: list[_Request], started: float, records: list[Record]) -> None:
        """Adds the records of a group; one that fails is split until the culprit is alone."""
        try:
            outputs = group[0].llm.generate_outputs(
                inputs=[request.input for request in group],
                num_generations=len(group[0].samples),
                **group[0].parameters,
                **({"first_generation": group[0].samples[0]} if self._counts_generations else {}),
            )
            if len(outputs) != len(group):
                raise RequestFailed(f"{len(outputs)} outputs came for {len(group)} prompts", "invalid_response")
            of_requests = [request.records(output, started) for request, output in zip(group, outputs)]
        except Exception as error:
            if len(group) > 1:
                half = len(group) // 2
                self._generate_group(group[:half], started, records)
                self._generate_group(group[half:], started, records)
                return
            self._give_up(group[0], explain(error), started, records)
            return
        for request, of_request in zip(group, of_requests):
            request.recorded = request.with_recorded(of_request)
            records += of_request

    def _give_up(
        self, request: _Request, explained: RequestFailed | EndpointError, started: float, records: list[Record]
    ) -> None:
        """Adds the failure of a request to a synchronous model."""
        failure = self._await(self._judge(explained, request.key))
        if isinstance(failure, EndpointError):
            raise failure from None
        if failure.kind == "service" and self.keeps_failures:
            self._note_trouble(failure)
            request.recorded += request.failures(_stopped(RunStopped("unavailable")), started)
            return
        failed = request.failures(failure, started)
        self._note_given_up(failed, failure)
        request.recorded = request.with_recorded(failed)
        records += failed

    def _records_or_failures(self, future: Future[list[Record]], count: int) -> list[Record]:
        try:
            return outcome(future, self._thread, f"The thread of {self.stage} that asks the model")
        except RunStopped as stopped:
            nothing = _Request("", {}, self.llm)
            nothing.samples = list(range(count))
            return nothing.failures(_stopped(stopped), time.time())

    def _is_down(self) -> bool:
        """Whether every attempt of the last `outage` seconds has failed, and not because of one bad request."""
        if self.in_batches:  # who waits for a batch knows when its server is down
            return False
        if self._down_since is None or time.monotonic() - self._down_since <= float(self.outage):
            return False
        return len(self._failing) > 1 or any(reason in _ENDPOINTS_FAULT for reason in self._failing.values())

    def _is_given_up(self, state: RetryCallState) -> bool:
        """Whether a request is at fault itself, as it seems while others are answered, or has failed for too long."""
        failure = state.outcome.exception() if state.outcome else None
        assert isinstance(failure, RequestFailed)
        request: _Request = state.args[0]
        if self.in_batches:
            return request.failed.total() >= _MOST_BATCHES
        if failure.reason in _MOST_ATTEMPTS and (failure.kind == "request" or not self.keeps_failures):
            since = request.asked_since if failure.reason == "timeout" else request.failing_since
            is_told = failure.kind == "request" or self._answered_at > since  # by an answer, to it or to others
            if request.failed[failure.reason] >= _MOST_ATTEMPTS[failure.reason] and is_told:
                return True
        return time.monotonic() - request.failing_since > float(self.outage)  # it may have waited long for a slot

    def _await(self, coroutine: Any) -> Any:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return outcome(future, self._thread, f"The thread of {self.stage} that asks the model")


def _wait(state: RetryCallState) -> float:
    """What the server asked for, else growing waits; both with jitter, so that requests do not come back at once."""
    failure = state.outcome.exception() if state.outcome else None
    if isinstance(failure, RequestFailed) and failure.retry_after is not None:
        return min(failure.retry_after, _LONGEST_WAIT) + random.random()
    return float(_growing_wait(state))


def _stopped(stopped: RunStopped) -> RequestFailed:
    return RequestFailed(f"not asked: the run was stopped ({stopped})", str(stopped), kind="service")


def _answered(records: list[Record]) -> int:
    return sum(record.reason is None for record in records)


def _texts(records: list[Record]) -> int:
    return sum(bool((record.completion or "").strip()) for record in records)


def _cost(records: list[Record]) -> dict[str, int]:
    return {
        "requests": _answered(records),
        "input_tokens": sum(record.input_tokens for record in records),
        "output_tokens": sum(record.output_tokens for record in records),
        "cached_tokens": sum(record.cached_tokens for record in records),
        "texts": _texts(records),
    }


def _without_known(completion: Any) -> Any:
    """The completion, which some gateways answer with the request's own headers in it."""
    return mask_known(completion) if isinstance(completion, str) else completion


def _at(values: Any, at: int) -> Any:
    return values[at] if isinstance(values, (list, tuple)) and at < len(values) else None


def _is_well_formed(text: str) -> bool:
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _output(records: list[Record]) -> GenerateOutput:
    return {
        "generations": [record.completion for record in records],
        "statistics": {
            "input_tokens": [record.input_tokens for record in records],
            "output_tokens": [record.output_tokens for record in records],
            "cached_tokens": [record.cached_tokens for record in records],
        },
        "reasoning": [record.reasoning for record in records],
        "finish_reason": [record.finish_reason for record in records],
        "failure": [record.reason for record in records],
        "failure_detail": [record.detail for record in records],
        "model": [record.model for record in records],
    }  # type: ignore[typeddict-unknown-key]
