"""A run on the Hub while it goes on: the files that are whole, in whole commits."""

from __future__ import annotations

import hashlib
import logging
import queue
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq
from datasets import Dataset
from huggingface_hub import CommitOperationAdd, HfApi

from distilabel_selfinstruct.errors import SelfInstructError
from distilabel_selfinstruct.hub.access import check_push
from distilabel_selfinstruct.hub.client import Token, ask, connect
from distilabel_selfinstruct.hub.contents import CARD, PART, check_rows
from distilabel_selfinstruct.hub.push import open_repository, read_card
from distilabel_selfinstruct.recipe import Recipe
from distilabel_selfinstruct.report.card import pushed_parts, render_growing_card, split_card
from distilabel_selfinstruct.secrets import mask_text, shown

_LOGGER = logging.getLogger(__name__)


class GrowingPush:
    """Publishes files of rows as they become whole, in a thread of its own, so that no row waits for the Hub.

    A commit holds new files alone, and a card that says what is there: after a run was stopped, the same files are not
    pushed again. What fails is said, and left to the next time or to the end of the run.

    Args:
        repo_id: `namespace/name`; the repository is made if it does not exist.
        recipe: that the run follows.
        size: rows of a file.
        private: whether it must be private.
        token: of the Hub; None: the one that huggingface_hub finds.
    """

    def __init__(
        self, repo_id: str, recipe: Recipe, size: int, private: bool = False, token: str | None = None
    ) -> None:
        self._repo_id, self._recipe, self._size, self._private = repo_id, recipe, size, private
        self._token: Token = check_push(repo_id, token)
        self._waiting: queue.SimpleQueue[Mapping[str, Sequence[Path]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._checked: set[Path] = set()
        self.notes: list[str] = []

    def __call__(self, files: Mapping[str, Sequence[Path]]) -> None:
        """Takes the whole files of each config, and pushes them in their turn."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="push", daemon=True)
            self._thread.start()
        self._waiting.put(files)

    def close(self) -> None:
        """Waits for what is being pushed."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (files := self._waiting.get()) is not None:
            while not self._waiting.empty():  # what came meanwhile holds all of it
                if (later := self._waiting.get()) is None:
                    self._waiting.put(None)
                    break
                files = later
            try:
                self._push(files)
            except SelfInstructError as error:
                self.notes = [f"Not published while it ran: {error}"]
                _LOGGER.warning(shown(self.notes[0]))

    def _push(self, files: Mapping[str, Sequence[Path]]) -> None:
        parts = {
            f"{config}/{PART}-{at:05d}.parquet": path
            for config, of_it in files.items()
            for at, path in enumerate(of_it)
        }
        for part, path in parts.items():
            if path not in self._checked:
                check_rows(part, Dataset(pq.read_table(path)))
                self._checked.add(path)
        api = connect(self._token)
        ask(f"open {self._repo_id}", lambda: open_repository(api, self._repo_id, self._private), self._token)
        ask(f"publish {self._repo_id}", lambda: self._commit(api, parts), self._token)

    def _commit(self, api: HfApi, parts: Mapping[str, Path]) -> None:
        """One commit of what is not there yet; none where all of it is."""
        head = api.dataset_info(self._repo_id)
        present = {sibling.rfilename for sibling in head.siblings or []}
        existing = read_card(api, self._repo_id, head.sha) if CARD in present else None
        there = {
            path: digest for path, digest in pushed_parts(split_card(existing or "")[0]).items() if path in present
        }
        here = {path: hashlib.sha256(local.read_bytes()).hexdigest()[:16] for path, local in parts.items()}
        if not (new := [path for path, digest in here.items() if there.get(path) != digest]):
            return
        main = self._recipe.main_config
        rows = self._size * sum(path.startswith(f"{main}/") for path in here)
        card = mask_text(render_growing_card(self._repo_id, self._recipe, {**there, **here}, rows, existing))
        api.create_commit(
            self._repo_id,
            [*(CommitOperationAdd(path, str(parts[path])) for path in new), CommitOperationAdd(CARD, card.encode())],
            commit_message=f"{self._recipe.title}: {rows:,} rows so far",
            repo_type="dataset",
            parent_commit=head.sha,
        )
