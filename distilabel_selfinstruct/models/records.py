"""Completions on disk: SQLite files in the run folder, each written by one process, all of them read.

A record is on disk before its completion is used, so whatever a run was doing when it stopped, the next one finds
every answer that had arrived. Shared storage needs no locks, because no file has two writers.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.errors import RunFolderError
from distilabel_selfinstruct.usage import Usage

_APPLICATION_ID = 0x5E1F1257
_SHARED_PREFIX = 256  # characters two prompts must share for the prefix to be stored once
_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION_ID};
CREATE TABLE prefixes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE parameters (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE completions (
    key BLOB NOT NULL, sample INTEGER NOT NULL, prefix_id INTEGER, prompt TEXT NOT NULL, parameters_id INTEGER NOT NULL,
    completion TEXT, finish_reason TEXT, reason TEXT, detail TEXT, input_tokens INTEGER, output_tokens INTEGER,
    model TEXT NOT NULL, started REAL NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (key, sample)
);
CREATE VIEW requests AS SELECT sample, coalesce(prefixes.text, '') || prompt AS prompt, parameters.text AS parameters,
    completion, finish_reason, reason, detail, input_tokens, output_tokens, model, started, seconds
    FROM completions LEFT JOIN prefixes ON prefixes.id = prefix_id JOIN parameters ON parameters.id = parameters_id;
"""


@dataclass(frozen=True, slots=True)
class Record:
    """One request and what came of it: a completion, or the reason it was given up for.

    `started` is in seconds since the epoch, `seconds` what the request took, tokens are those of this completion.
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


def request_key(model: str, prompt: str, parameters: str) -> bytes:
    """Names a request: the same model, prompt and parameters are the same request."""
    return hashlib.blake2b(json.dumps([model, prompt, parameters]).encode(), digest_size=16).digest()


def usage_by_stage(folder: Path) -> dict[str, Usage]:
    """What the completions in a folder have cost, by stage.

    Raises:
        RunFolderError: if a file of the folder is damaged or is none of ours.
    """
    usage: dict[str, Usage] = {}
    for path in sorted(folder.glob("*.sqlite")):
        with _reading(path) as connection:
            row = connection.execute(
                "SELECT count(*), count(reason), total(input_tokens), total(output_tokens), total(seconds)"
                " FROM completions"
            ).fetchone()
        before = usage.get(stage := _stage_of(path), Usage())
        usage[stage] = Usage(
            before.requests + row[0],
            before.failures + row[1],
            before.input_tokens + int(row[2]),
            before.output_tokens + int(row[3]),
            before.seconds + row[4],
        )
    return usage


class Records:
    """The records of one stage: finds those of earlier runs, stores this process's own.

    Those of other processes of the same run are left alone: they are being written, and replicas share the rows out.

    `store` may be called from any thread; records that come in together are committed together.

    Raises:
        RunFolderError: from the constructor if a file is damaged or none of ours; from the future that `store`
            returns if the disk is full.
    """

    def __init__(self, folder: Path, stage: str, run: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._own_path = folder / f"{stage}-{time.time_ns():x}-{run}{uuid.uuid4().hex[:8]}.sqlite"
        self._lock = threading.Lock()
        self._files: list[sqlite3.Connection] = []
        self._known: dict[tuple[bytes, int], tuple[int, bool]] = {}
        for path in sorted(folder.glob(f"{stage}-*.sqlite")):
            if _stage_of(path) == stage and not (run and path.name.rpartition("-")[2].startswith(run)):
                self._open(path)
        self._queue: queue.SimpleQueue[tuple[list[Record], Future[None]] | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None

    def find(self, key: bytes, sample: int) -> Record | None:
        """The recorded outcome of this sample of a request; a completion rather than a failure, where both are."""
        if (known := self._known.get((key, sample))) is None:
            return None
        with self._lock:
            row = (
                self._files[known[0]]
                .execute(
                    "SELECT completion, finish_reason, reason, detail, input_tokens, output_tokens, model, started,"
                    " seconds FROM completions WHERE key = ? AND sample = ?",
                    (key, sample),
                )
                .fetchone()
            )
        return Record(key, sample, "", "", *row)

    def store(self, records: list[Record]) -> Future[None]:
        """Puts records on disk; the future is done when they are there."""
        done: Future[None] = Future()
        with self._lock:
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name="completion-writer", daemon=True)
                self._writer.start()
        self._queue.put((records, done))
        return done

    def close(self) -> None:
        """Waits for what is being stored, and closes all files."""
        if self._writer is not None:
            self._queue.put(None)
            self._writer.join()
            self._writer = None
        for connection in self._files:
            connection.close()
        self._files.clear()
        self._known.clear()

    def _open(self, path: Path) -> None:
        connection = _connect_reading(path)
        try:
            rows = connection.execute("SELECT key, sample, reason IS NULL FROM completions").fetchall()
        except sqlite3.DatabaseError as error:
            connection.close()
            raise _damaged(path, error) from None
        number = len(self._files)
        self._files.append(connection)
        for key, sample, answered in rows:
            if answered or (key, sample) not in self._known:
                self._known[key, sample] = (number, bool(answered))

    def _write(self) -> None:
        connection: sqlite3.Connection | None = None
        store: _Store | None = None
        stopping = False
        while not stopping:
            waiting = [self._queue.get()]
            while not self._queue.empty():
                waiting.append(self._queue.get())
            stopping = None in waiting
            jobs = [job for job in waiting if job is not None]
            try:
                if jobs and store is None:
                    connection = _create(self._own_path)
                    store = _Store(connection)
                if jobs and store is not None:
                    store.add(record for records, _ in jobs for record in records)
            except (sqlite3.Error, OSError) as error:
                failure = RunFolderError(
                    f"{self._own_path.parent}: a completion could not be stored ({error}). Everything stored before is"
                    " safe: make room on the disk and run the same command again."
                )
                for _, done in jobs:
                    done.set_exception(failure)
            else:
                for _, done in jobs:
                    done.set_result(None)
        if connection is not None:
            connection.close()


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

    def _insert(self, record: Record) -> None:
        prefix_id, rest = self._split(record.prompt)
        self._connection.execute("INSERT OR IGNORE INTO parameters (text) VALUES (?)", (record.parameters,))
        self._connection.execute(
            "INSERT OR REPLACE INTO completions VALUES"
            " (?, ?, ?, ?, (SELECT id FROM parameters WHERE text = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (record.key, record.sample, prefix_id, rest, record.parameters, record.completion,
             record.finish_reason, record.reason, record.detail, record.input_tokens, record.output_tokens,
             record.model, record.started, record.seconds),
        )  # fmt: skip

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


def _stage_of(path: Path) -> str:
    return path.name.rsplit("-", 2)[0]


def _create(path: Path) -> sqlite3.Connection:
    """A new file that appears under its name only when it is whole; a commit is on disk when it returns.

    The rollback journal, not WAL: it also works on shared storage, and leaves one file behind a killed process.
    """
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    with closing(sqlite3.connect(draft)) as connection:
        connection.executescript(_SCHEMA)
    os.replace(draft, path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


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


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
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
