"""Completions on disk: SQLite files in the run folder, each written by one process, all of them read.

A record is on disk before its completion is used, so whatever a run was doing when it stopped, the next one finds
every answer that had arrived. Shared storage needs no locks, because no file has two writers.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import queue
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from concurrent import futures
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.errors import GO_ON, RequestFailed, RunFolderError
from distilabel_selfinstruct.models.completion import count_of, read_again
from distilabel_selfinstruct.models.faults import kind_of_old
from distilabel_selfinstruct.secrets import shown
from distilabel_selfinstruct.text.reading.json_lists import well_formed
from distilabel_selfinstruct.usage import PriceList, Usage

_APPLICATION_ID = 0x5E1F1257
_SHARED_PREFIX = 256  # characters two prompts must share for the prefix to be stored once
_VERSION = 1  # of the schema; files of 0.1.0 have 0, and lack the last three columns
_MOST = 2**63 - 1  # the largest number that SQLite holds
_LOOK = 2.0  # seconds after which who waits looks whether what is waited for can still come
_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_VERSION};
CREATE TABLE prefixes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE parameters (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE completions (
    key BLOB NOT NULL, sample INTEGER NOT NULL, prefix_id INTEGER, prompt TEXT NOT NULL, parameters_id INTEGER NOT NULL,
    completion TEXT, finish_reason TEXT, reason TEXT, detail TEXT, input_tokens INTEGER, output_tokens INTEGER,
    model TEXT NOT NULL, started REAL NOT NULL, seconds REAL NOT NULL, reasoning TEXT, cached_tokens INTEGER, kind TEXT,
    reasoning_tokens INTEGER,
    PRIMARY KEY (key, sample)
);
CREATE VIEW requests AS SELECT sample, coalesce(prefixes.text, '') || prompt AS prompt, parameters.text AS parameters,
    completion, finish_reason, reason, detail, input_tokens, output_tokens, model, started, seconds, reasoning,
    cached_tokens, kind, reasoning_tokens
    FROM completions LEFT JOIN prefixes ON prefixes.id = prefix_id JOIN parameters ON parameters.id = parameters_id;
"""


@dataclass(frozen=True, slots=True)
class Record:
    """One request and what came of it: a completion, or the reason it was given up for.

    `started` is in seconds since the epoch, `seconds` what the request took, tokens are those of this completion.
    `kind` says whose fault a failure is, as in `RequestFailed`: only one of the `request` itself is a result.
    """

    key: bytes
    sample: int
    prompt: str
    parameters: str
    completion: str | None
    finish_reason: str | None
    reason: str | None
    detail: str | None
    input_tokens: int
    output_tokens: int
    model: str
    started: float
    seconds: float
    reasoning: str | None = None
    cached_tokens: int = 0
    kind: str | None = None
    reasoning_tokens: int = 0

    @property
    def is_final(self) -> bool:
        """Whether asking again is of no use: it was answered, or this request cannot be."""
        return self.reason is None or self.kind == "request"


def has_misread(folder: Path) -> bool:
    """Whether version 0.1.0 has kept an answer in this folder that is another one today, or none."""
    for path in sorted(folder.glob("*.sqlite")):
        with reading(path) as connection:
            if has_newer_columns(connection):
                continue
            for text, ending in connection.execute(
                "SELECT completion, finish_reason FROM completions WHERE reason IS NULL"
            ):
                try:
                    read = read_again(text or "", ending)
                except RequestFailed:
                    return True
                if read.text != (text or "") or (read.finish_reason or "") != (ending or ""):
                    return True
    return False


def _answer_of_old(record: Record) -> Record:
    """An answer that version 0.1.0 has kept, as it is read now; a failure where it was none."""
    try:
        read = read_again(record.completion or "", record.finish_reason)
    except RequestFailed as failure:
        return replace(
            record, completion=None, finish_reason=None, reason=failure.reason, detail=str(failure), kind=failure.kind
        )
    return replace(record, completion=read.text, finish_reason=read.finish_reason, reasoning=read.reasoning)


def storable(record: Record) -> Record:
    """The record as a file can hold it.

    Halves of character pairs become U+FFFD, counts are whole and in the range of SQLite, what should be a text and is
    none is spelt as JSON.
    """
    given = {field.name: getattr(record, field.name) for field in fields(record)}
    texts = {name: _text(given[name]) for name in _TEXTS}
    counts = {name: _count(given[name]) for name in _COUNTS}
    times = {name: _seconds(given[name]) for name in ("started", "seconds")}
    made: dict[str, Any] = {**texts, **counts, **times}
    return replace(record, **made)


_TEXTS = (
    "prompt",
    "parameters",
    "completion",
    "finish_reason",
    "reason",
    "detail",
    "model",
    "reasoning",
    "kind",
)


_COUNTS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        try:
            value = json.dumps(value, ensure_ascii=False, default=str)
        except (TypeError, ValueError, RecursionError):
            value = repr(value)
    return value if value.isascii() else well_formed(value)


def _count(value: Any) -> int:
    if isinstance(value, int):
        return min(_MOST, max(0, int(value)))
    return count_of(value)


def _seconds(value: Any) -> float:
    return value if isinstance(value, (int, float)) and math.isfinite(value) else 0.0


def request_key(model: str, prompt: str, parameters: str) -> bytes:
    """Names a request: the same model, prompt and parameters are the same request."""
    return hashlib.blake2b(json.dumps([model, prompt, parameters]).encode(), digest_size=16).digest()


def _digest(prompt: str) -> bytes:
    return hashlib.blake2b(prompt.encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Used:
    """What one model has taken in one file: the last row that was counted, and when the first request began."""

    model: str
    last: int
    begun: float
    usage: Usage


def count_usage(connection: sqlite3.Connection, after: int = 0) -> list[Used]:
    """What the completions of a file have taken, model by model.

    Args:
        connection: to the file.
        after: the row up to which they were counted before.
    """
    there = _columns(connection)
    cached, thoughts = (f"total({name})" if name in there else "0" for name in ("cached_tokens", "reasoning_tokens"))
    rows = connection.execute(
        "SELECT model, max(rowid), min(started), count(*), count(reason), total(input_tokens), total(output_tokens),"
        f" total(seconds), {cached}, {thoughts} FROM completions WHERE rowid > ? GROUP BY model",
        (after,),
    )
    return [
        Used(model, last, begun, Usage(requests, failures, int(read), int(written), seconds, int(again), int(thought)))
        for model, last, begun, requests, failures, read, written, seconds, again, thought in rows
    ]


def usage_by_model(folder: Path) -> dict[tuple[str, str], Usage]:
    """What the completions in a folder have taken, by stage and model; the stages in the order in which they asked.

    Raises:
        RunFolderError: if a file of the folder is damaged or is none of ours.
    """
    usage: dict[tuple[str, str], Usage] = {}
    begun: dict[str, float] = {}
    for path in sorted(folder.glob("*.sqlite")):
        stage = stage_of(path)
        with reading(path) as connection:
            for used in count_usage(connection):
                usage[stage, used.model] = usage.get((stage, used.model), Usage()) + used.usage
                begun[stage] = min(begun.get(stage, math.inf), used.begun)
    return dict(sorted(usage.items(), key=lambda item: begun[item[0][0]]))


def usage_by_stage(folder: Path, prices: PriceList | None = None) -> dict[str, Usage]:
    """What the completions in a folder have taken, and cost where there are prices, by stage.

    Raises:
        RunFolderError: if a file of the folder is damaged or is none of ours.
    """
    return (prices or PriceList()).priced(usage_by_model(folder))


def seconds_in_flight(folder: Path) -> float:
    """How long at least one of the requests in a folder was in flight, over all sessions.

    Raises:
        RunFolderError: if a file of the folder is damaged or is none of ours.
    """
    times: list[tuple[float, float]] = []
    for path in sorted(folder.glob("*.sqlite")):
        with reading(path) as connection:
            times += connection.execute("SELECT started, started + seconds FROM completions WHERE seconds > 0")
    whole, until = 0.0, 0.0
    for start, end in sorted(times):
        whole += max(0.0, end - max(start, until))
        until = max(until, end)
    return whole


def first_requests(folder: Path) -> dict[str, tuple[str, str]]:
    """The prompt and the parameters of the first request of each stage, as they were sent.

    Raises:
        RunFolderError: if a file of the folder is damaged or is none of ours.
    """
    found: dict[str, tuple[float, str, str]] = {}
    for path in sorted(folder.glob("*.sqlite")):
        with reading(path) as connection:
            row = connection.execute("SELECT started, prompt, parameters FROM requests ORDER BY started").fetchone()
        if row is not None:
            found[stage_of(path)] = min(row, found.get(stage_of(path), row))
    return {stage: (prompt, parameters) for stage, (_, prompt, parameters) in found.items()}


def outcome(future: Future[Any], thread: threading.Thread | None, what: str) -> Any:
    """What a future comes to; an error where the thread that works on it has died.

    Raises:
        RunFolderError: if it can never be done.
    """
    while True:
        try:
            return future.result(timeout=_LOOK)
        except futures.TimeoutError:  # the built-in one only from Python 3.11 on
            if future.done():
                return future.result()
            if thread is None or not thread.is_alive():
                raise RunFolderError(f"{what} has died. {GO_ON}") from None


class Records:
    """The records of one stage: finds those of earlier runs, stores this process's own.

    With `goes_on` an answer is known by its prompt, so that those of other models count.

    Those of other processes of the same run are left alone: they are being written, and replicas share the rows out.

    `store` may be called from any thread; records that come in together are committed together, and one by one where
    that fails.

    Raises:
        RunFolderError: from the constructor if a file is damaged or none of ours; from the future that `store`
            returns if a record could not be stored.
    """

    def __init__(self, folder: Path, stage: str, run: str = "", goes_on: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._own_path = folder / f"{stage}-{time.time_ns():x}-{run}{uuid.uuid4().hex[:8]}.sqlite"
        self._lock = threading.Lock()
        self._files: list[sqlite3.Connection] = []
        self._newer: list[bool] = []  # whether a file has the columns that those of 0.1.0 lack
        self._known: dict[tuple[bytes, int], tuple[int, int]] = {}  # in which file, and what it is worth
        self._has_answers = False
        self._goes_on = goes_on
        self._by_prompt: dict[tuple[bytes, int], bytes] = {}  # the key of the first answer to a prompt
        self._failed_prompts: set[tuple[bytes, int]] = set()  # those of them that have none
        for path in sorted(folder.glob(f"{stage}-*.sqlite")):
            if stage_of(path) == stage and not (run and path.name.rpartition("-")[2].startswith(run)):
                self._open(path)
        self._queue: queue.SimpleQueue[tuple[list[Record], Future[None]] | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None

    def find(self, key: bytes, sample: int, prompt: str = "") -> Record | None:
        """The recorded outcome of this sample of a request: a completion if there is one, else the surest failure.

        Where a run goes on with another model, what the one before has answered to the prompt comes first.
        """
        key = self._by_prompt.get((_digest(prompt), sample), key) if self._goes_on else key
        if (known := self._known.get((key, sample))) is None:
            return None
        number = known[0]
        later = "reasoning, coalesce(cached_tokens, 0), kind" if self._newer[number] else "NULL, 0, NULL"
        with self._lock:
            row = (
                self._files[number]
                .execute(
                    "SELECT completion, finish_reason, reason, detail, input_tokens, output_tokens, model, started,"
                    f" seconds, {later} FROM completions WHERE key = ? AND sample = ?",
                    (key, sample),
                )
                .fetchone()
            )
        record = Record(key, sample, "", "", *row)
        if self._newer[number] or record.kind is not None:
            return record
        if record.reason is None:
            return _answer_of_old(record)
        return replace(record, kind=kind_of_old(record.reason, record.detail or "", self._has_answers))

    def store(self, records: list[Record]) -> Future[None]:
        """Puts records on disk; the future is done when they are there."""
        done: Future[None] = Future()
        done.set_running_or_notify_cancel()  # what is being stored cannot be taken back
        try:
            job = ([storable(record) for record in records], done)
            with self._lock:
                self._start_writer()
                self._queue.put(job)
        except BaseException as error:  # such as a thread that cannot start
            done.set_exception(self._not_stored(error))
        return done

    def wait(self, done: Future[None]) -> None:
        """Waits until what was given to `store` is on disk.

        Raises:
            RunFolderError: if it could not be stored.
        """
        outcome(done, self._writer, "The thread that stores completions")

    def close(self) -> None:
        """Waits for what is being stored, and closes all files."""
        with self._lock:
            if (writer := self._writer) is not None:
                self._queue.put(None)
        while writer is not None and writer.is_alive():
            writer.join(timeout=_LOOK)
        for connection in self._files:
            connection.close()
        self._files.clear()
        self._newer.clear()
        self._known.clear()

    def _open(self, path: Path) -> None:
        connection = _connect_reading(path)
        try:
            is_newer = has_newer_columns(connection)
            worth = "CASE WHEN reason IS NULL THEN 3 ELSE kind = 'request' END" if is_newer else "2 * (reason IS NULL)"
            rows = connection.execute(f"SELECT key, sample, coalesce({worth}, 0) FROM completions").fetchall()
        except sqlite3.DatabaseError as error:
            connection.close()
            raise _damaged(path, error) from None
        if self._goes_on:
            self._read_prompts(connection)
        number = len(self._files)
        self._files.append(connection)
        self._newer.append(is_newer)
        for key, sample, worth in rows:
            if worth >= self._known.get((key, sample), (0, 0))[1]:
                self._known[key, sample] = (number, worth)
            self._has_answers |= worth >= 2

    def _read_prompts(self, connection: sqlite3.Connection) -> None:
        """Takes note of what became of prompts, whatever the model and its parameters were called: first of answers."""
        failed = " OR kind = 'request'" if has_newer_columns(connection) else ""
        rows = connection.execute(
            "SELECT key, sample, reason IS NULL, coalesce(prefixes.text, '') || prompt FROM completions"
            f" LEFT JOIN prefixes ON prefixes.id = prefix_id WHERE reason IS NULL{failed} ORDER BY reason, started"
        )
        for key, sample, is_answer, prompt in rows:
            known = (_digest(prompt), sample)
            if known not in self._by_prompt or (is_answer and known in self._failed_prompts):
                self._by_prompt[known] = key
                (self._failed_prompts.discard if is_answer else self._failed_prompts.add)(known)

    def _start_writer(self) -> None:
        if self._writer is None:
            writer = threading.Thread(target=self._write, name="completion-writer", daemon=True)
            writer.start()
            self._writer = writer

    def _write(self) -> None:
        file = _File(self._own_path)
        try:
            while (jobs := self._next_jobs())[-1] is not None:
                self._store_jobs(file, [job for job in jobs if job is not None])
            self._store_jobs(file, [job for job in jobs if job is not None])
        finally:  # whatever ended it, nobody waits for it any longer
            file.close()
            with self._lock:
                self._writer = None
                while not self._queue.empty():
                    if (job := self._queue.get()) is not None:
                        job[1].set_exception(self._not_stored("the thread that stores completions has ended"))

    def _next_jobs(self) -> list[_Job | None]:
        """What waits to be stored; the last is None when that is all there will be."""
        waiting = [self._queue.get()]
        while waiting[-1] is not None and not self._queue.empty():
            waiting.append(self._queue.get())
        return waiting

    def _store_jobs(self, file: _File, jobs: list[_Job]) -> None:
        try:
            file.add(record for records, _ in jobs for record in records)
        except BaseException:
            for records, done in jobs:
                self._store_singly(file, records, done)
        else:
            for _, done in jobs:
                done.set_result(None)

    def _store_singly(self, file: _File, records: list[Record], done: Future[None]) -> None:
        """So that a record that cannot be stored costs no other one."""
        failure: BaseException | None = None
        for record in records:
            try:
                file.add([record])
            except BaseException as error:
                failure = failure or error
        if failure is None:
            done.set_result(None)
        else:
            done.set_exception(self._not_stored(failure))

    def _not_stored(self, error: object) -> RunFolderError:
        """What is known of why; only a disk that says so is called full."""
        is_full = "disk is full" in str(error) or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        said = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else str(error)
        advice = "Make room on the disk and run the same command again." if is_full else GO_ON
        return RunFolderError(
            f"{self._own_path.parent}: a completion could not be stored ({shown(said)}). Everything stored before is"
            f" safe. {advice}"
        )


_Job = tuple[list[Record], "Future[None]"]


class _File:
    """The file that this process writes; made when there is something to store."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._store: _Store | None = None

    def add(self, records: Iterable[Record]) -> None:
        """Stores records in one commit."""
        waiting = list(records)
        if waiting:
            self._store = self._store or _Store(_open_to_write(self._path))
            self._store.add(waiting)

    def close(self) -> None:
        if self._store is not None:
            with suppress(sqlite3.Error):
                self._store.close()


class _Store:
    """Adds records to one file, a shared prefix and equal parameters stored once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._prefix: tuple[int, str] | None = None
        self._last_prompt = ""

    def add(self, records: Iterable[Record]) -> None:
        before = self._prefix
        try:
            with self._connection:
                for record in records:
                    self._insert(record)
        except BaseException:
            self._prefix = before  # one stored in this commit is gone with it
            raise

    def close(self) -> None:
        self._connection.close()

    def _insert(self, record: Record) -> None:
        prefix_id, rest = self._split(record.prompt)
        self._connection.execute("INSERT OR IGNORE INTO parameters (text) VALUES (?)", (record.parameters,))
        self._connection.execute(
            "INSERT OR REPLACE INTO completions VALUES"
            " (?, ?, ?, ?, (SELECT id FROM parameters WHERE text = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                record.key,
                record.sample,
                prefix_id,
                rest,
                record.parameters,
                record.completion,
                record.finish_reason,
                record.reason,
                record.detail,
                record.input_tokens,
                record.output_tokens,
                record.model,
                record.started,
                record.seconds,
                record.reasoning,
                record.cached_tokens,
                record.kind,
                record.reasoning_tokens,
            ),
        )

    def _split(self, prompt: str) -> tuple[int | None, str]:
        if self._prefix is not None and prompt.startswith(self._prefix[1]):
            return self._prefix[0], prompt[len(self._prefix[1]) :]
        shared = _common_prefix(prompt, self._last_prompt)
        self._last_prompt = prompt
        if len(shared) < _SHARED_PREFIX or self._prefix is not None:
            return None, prompt
        cursor = self._connection.execute("INSERT INTO prefixes (text) VALUES (?)", (shared,))
        self._prefix = (int(cursor.lastrowid or 0), shared)
        return self._prefix[0], prompt[len(shared) :]


def _common_prefix(one: str, other: str) -> str:
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one.startswith(other[:middle]):
            low = middle
        else:
            high = middle - 1
    return one[:low]


def stage_of(path: Path) -> str:
    """The stage whose answers a file holds."""
    return path.name.rsplit("-", 2)[0]


def _open_to_write(path: Path) -> sqlite3.Connection:
    """The file, made if it is not there; a commit is on disk when it returns."""
    if not path.exists():
        _create(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _create(path: Path) -> None:
    """A new file that appears under its name only when it is whole.

    The rollback journal, not WAL: it also works on shared storage, and leaves one file behind a killed process.
    """
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    with closing(sqlite3.connect(draft)) as connection:
        connection.executescript(_SCHEMA)
    os.replace(draft, path)


def _connect_reading(path: Path) -> sqlite3.Connection:
    """Opened for writing where possible, because a killed writer's last commit may have to be rolled back."""
    try:
        connection = sqlite3.connect(path, check_same_thread=False)
    except sqlite3.DatabaseError as error:
        raise _damaged(path, error) from None
    try:
        application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    except sqlite3.DatabaseError as error:
        connection.close()
        raise _damaged(path, error) from None
    if application_id != _APPLICATION_ID:
        connection.close()
        raise RunFolderError(f"{path}: not a file of completions of this package; move it out of the run folder.")
    return connection


def has_newer_columns(connection: sqlite3.Connection) -> bool:
    """Whether the file has the columns that those of version 0.1.0 lack."""
    return "kind" in _columns(connection)


def _columns(connection: sqlite3.Connection) -> set[str]:
    return {name for _, name, *_ in connection.execute("PRAGMA table_info(completions)")}


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A file of completions, to be read.

    Raises:
        RunFolderError: if it is damaged or is none of ours.
    """
    with closing(_connect_reading(path)) as connection:
        try:
            yield connection
        except sqlite3.DatabaseError as error:
            raise _damaged(path, error) from None


def _damaged(path: Path, error: Any) -> RunFolderError:
    return RunFolderError(
        f"{path}: this file of completions is damaged ({error}). Restore it from a copy, or move it out of the run"
        " folder: what it recorded is then asked for again."
    )
