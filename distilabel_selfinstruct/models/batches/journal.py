"""The batches of a run on disk: what was handed over, under which id, and what came back, so that any kill is outlived.

A batch is `NAME.json`, with `NAME.in.jsonl` until it has ended, and `NAME.out.jsonl` from then on.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.data.files import write_whole
from distilabel_selfinstruct.errors import RunFolderError


@dataclass
class Batch:
    """Requests that are handed over together.

    Attributes:
        name: of this package, known to the provider where it takes one.
        kind: of the protocol, and where it is spoken: no other place is asked about the batch.
        stage: that asks.
        route: to which each request would have gone by itself.
        requests: how many.
        began: when it was made, in seconds since the epoch.
        is_begun: whether somebody may know of it already.
        id: that it was given.
    """

    name: str
    kind: str
    stage: str
    route: str
    requests: int
    began: float
    is_begun: bool = False
    id: str | None = None


class Journal:
    """The batches in a folder: those of one stage and of one place are this process's own."""

    def __init__(self, folder: Path, stage: str, kind: str) -> None:
        self.folder, self._stage, self._kind = folder, stage, kind

    def path_of(self, batch: Batch, ending: str) -> Path:
        """A file of a batch."""
        return self.folder / f"{batch.name}.{ending}"

    def begin(self, route: str, lines: list[bytes]) -> Batch:
        """A batch whose requests are on disk."""
        name = f"{self._stage}-{uuid.uuid4().hex[:12]}"
        batch = Batch(name, self._kind, self._stage, route, len(lines), time.time())
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.path_of(batch, f"{os.getpid()}.tmp")
        with draft.open("wb") as file:
            for line in lines:
                file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, self.path_of(batch, "in.jsonl"))
        self.note(batch)
        return batch

    def note(self, batch: Batch) -> None:
        """Writes what is known of a batch."""
        write_whole(self.path_of(batch, "json"), json.dumps(asdict(batch)))

    def end(self, batch: Batch, results: str) -> None:
        """Keeps what came back."""
        write_whole(self.path_of(batch, "out.jsonl"), results)
        self.path_of(batch, "in.jsonl").unlink(missing_ok=True)

    def forget(self, batch: Batch) -> None:
        """Removes a batch that nobody will answer."""
        for path in self.folder.glob(f"{batch.name}.*"):
            path.unlink(missing_ok=True)

    def own(self) -> Iterator[tuple[Batch, bool]]:
        """The batches of this stage and place, and whether they have ended."""
        for batch, has_ended in batches_in(self.folder):
            if (batch.stage, batch.kind) == (self._stage, self._kind):
                yield batch, has_ended

    def lines(self, batch: Batch) -> list[dict[str, Any]]:
        """The requests of a batch, as they were handed over."""
        return [json.loads(line) for line in self.path_of(batch, "in.jsonl").read_bytes().splitlines()]


def batches_in(folder: Path) -> list[tuple[Batch, bool]]:
    """All batches of a run, and whether they have ended.

    Raises:
        RunFolderError: if a file is damaged.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            batch = Batch(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            raise RunFolderError(
                f"{path}: is damaged; restore it from a copy, or remove it: what it asked for is then asked for again."
            ) from None
        if path.with_suffix(".in.jsonl").exists() or path.with_suffix(".out.jsonl").exists():
            found.append((batch, path.with_suffix(".out.jsonl").exists()))
    return found


def clear_batches(folder: Path, is_whole: bool) -> None:
    """Removes the batches of a run whose answers are all stored: those that have ended; all, where it is whole."""
    for batch, has_ended in batches_in(folder):
        if has_ended:
            Journal(folder, batch.stage, batch.kind).forget(batch)
    if is_whole or (folder.is_dir() and not any(folder.iterdir())):
        shutil.rmtree(folder, ignore_errors=True)


def open_batches(folder: Path) -> str:
    """What a user should know of the batches that go on without a run; empty where there are none."""
    said = []
    for batch in (batch for batch, has_ended in batches_in(folder) if batch.id and not has_ended):
        protocol, _, at = batch.kind.partition(" ")
        routes = {
            "openai": f'curl -X POST {at}/batches/{batch.id}/cancel --oauth2-bearer "$OPENAI_API_KEY"',
            "anthropic": f'curl -X POST {at}/v1/messages/batches/{batch.id}/cancel -H "x-api-key: $ANTHROPIC_API_KEY"'
            ' -H "anthropic-version: 2023-06-01"',
        }
        how = f"; to cancel it: {routes[protocol]}" if protocol in routes else ""
        said.append(f"\nThe batch {batch.id} ({batch.requests:,} requests of {batch.stage}) goes on{how}")
    return "".join(said)
