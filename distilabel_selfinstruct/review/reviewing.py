"""The three commands of a review: push, pull, seeds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from os import PathLike
from pathlib import Path

from distilabel_selfinstruct.data.columns import columns_of
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.seeds import load_seed_tasks, write_seed_tasks
from distilabel_selfinstruct.errors import ConfigError, ReviewError
from distilabel_selfinstruct.review.argilla import ArgillaServer
from distilabel_selfinstruct.review.curate import (
    curated_features,
    curated_rows,
    reviewed_features,
    reviewed_rows,
)
from distilabel_selfinstruct.review.files import read_review_file, write_review_file
from distilabel_selfinstruct.review.quality import Quality, judge
from distilabel_selfinstruct.review.records import Answer, ReviewRecord, record_of
from distilabel_selfinstruct.review.seeds import PREFIX, seed_tasks_of
from distilabel_selfinstruct.review.store import Push, ReviewStore, Target


@dataclass(frozen=True, slots=True)
class PushResult:
    """What a push has come to.

    Attributes:
        target: where the records are.
        records: how many were drawn.
        added: how many of them were not there before; all, in files.
        population: how many instances they were drawn from.
        address: where annotators begin: the page of the dataset, or the files.
    """

    target: Target
    records: int
    added: int
    population: int
    address: str

    def __str__(self) -> str:
        """For the terminal."""
        return (
            f"{self.records:,} of {self.population:,} instances to review, {self.added:,} of them new: {self.address}"
        )


def push_review(
    run: str | PathLike[str],
    *,
    argilla_url: str | None = None,
    api_key: str | None = None,
    workspace: str | None = None,
    name: str | None = None,
    sample: int | None = 200,
    annotators: int = 1,
    seed: int = 0,
    to_file: str | PathLike[str] | None = None,
) -> PushResult:
    """Sends instances to be reviewed; once more changes nothing, and completes what was cut.

    Args:
        run: the run folder.
        argilla_url: of an Argilla server.
        api_key: of an owner or admin there; by default ARGILLA_API_KEY.
        workspace: where the dataset is; by default the only one there is.
        name: of the dataset; by default the run folder's.
        sample: how many instances, drawn at random; all if None. A larger sample with the same seed holds the smaller.
        annotators: how many answers a record needs; that many files.
        seed: of the draw.
        to_file: instead of a server, a file that ends in .csv or .jsonl.

    Raises:
        ReviewError: if it cannot be done; what was sent so far stays.
        ConfigError: for options that make no sense.
        RunFolderError: if the folder holds no finished run.
    """
    if (argilla_url is None) == (to_file is None):
        raise ConfigError("review push needs --argilla-url URL, or --to FILE (.csv or .jsonl).")
    if annotators < 1 or (sample is not None and sample < 1):
        raise ConfigError("--sample and --annotators: expected a number above 0.")
    store = ReviewStore(run)
    with store.run.locked():
        preset = store.run.config().get("preset")
        every = {record_id: record_of(row, preset) for record_id, row in store.instances().items()}
        if not every:
            raise ReviewError(f"{run}: there is no instance to review.")
        drawn = draw(every, sample, seed)
        store.add_records(drawn)
        ids = tuple(record.id for record in drawn)
        push = Push(_now(), Target(), annotators, seed, len(every), ids)
        if to_file is not None:
            return _push_to_files(store, push, drawn, Path(to_file))
        with ArgillaServer(str(argilla_url), api_key) as server:
            known = every.keys() | store.records().keys()
            return _push_to_server(store, push, drawn, server, workspace, name or _dataset_name(store.run.name), known)


def _push_to_files(store: ReviewStore, push: Push, records: Sequence[ReviewRecord], file: Path) -> PushResult:
    """One file an annotator."""
    numbers = range(1, push.annotators + 1)
    files = [file if push.annotators == 1 else file.with_stem(f"{file.stem}-{number}") for number in numbers]
    for number, each in zip(numbers, files):
        write_review_file(each, records, f"annotator-{number}")
    target = Target(files=tuple(str(each.absolute()) for each in files))
    store.add_push(replace(push, target=target))
    return PushResult(target, len(records), len(records), push.population, ", ".join(target.files))


def _push_to_server(
    store: ReviewStore,
    push: Push,
    records: Sequence[ReviewRecord],
    server: ArgillaServer,
    workspace: str | None,
    name: str,
    known: AbstractSet[str],
) -> PushResult:
    """Into the dataset of this name, which may hold no other records than those known."""
    there = server.workspace(workspace)
    dataset = server.open(there, name, push.annotators)
    before = server.record_ids(dataset)
    if strangers := before - known:
        raise ReviewError(
            f"{server.url}: the dataset {name!r} holds {len(strangers):,} records of another run. Nothing was changed;"
            " choose another --name."
        )
    target = Target(server.url, there.name, name)
    store.add_push(replace(push, target=target))
    missing = [record for record in records if record.id not in before]
    server.send(dataset, missing)
    page = f"{server.url}/dataset/{dataset.id}/annotation-mode"
    return PushResult(target, len(records), len(missing), push.population, page)


def pull_review(
    run: str | PathLike[str],
    *,
    argilla_url: str | None = None,
    api_key: str | None = None,
    from_file: str | PathLike[str] | None = None,
) -> Quality:
    """Takes in what annotators have answered, and writes the quality and the configs `reviewed` and `curated`.

    Answers that were pulled before stay, also where their source has lost them.

    Args:
        run: the run folder.
        argilla_url: another address of the server that the last push went to; by default the same.
        api_key: of an owner or admin there; by default ARGILLA_API_KEY.
        from_file: a file that an annotator filled in, or that the report's page gave, for which nothing need have been
            pushed; by default those of the last push, if it went to files.

    Raises:
        ReviewError: if there is nothing to pull, or it cannot be read; what was pulled before stays.
        RunFolderError: if the folder holds no finished run.
    """
    store = ReviewStore(run)
    with store.run.locked():
        pushes = store.pushes()
        if not pushes and from_file is None:
            raise ReviewError(f"{run}: nothing was pushed to be reviewed; begin with `review push`.")
        files = [from_file] if from_file else [file for file in pushes[-1].target.files if not argilla_url]
        unfinished = 0
        if files:
            unfinished = _pull_from_files(store, [Path(file) for file in files])
        else:
            _pull_from_server(store, argilla_url, api_key)
        return _write_review(store, _needed(pushes), unfinished)


def _needed(pushes: Sequence[Push]) -> int:
    """How many answers a record needs: one, where they were given on the report's page alone."""
    return pushes[-1].annotators if pushes else 1


def _pull_from_files(store: ReviewStore, files: Sequence[Path]) -> int:
    """Takes in the answers of files; how many rows have only some of the questions answered.

    What was answered on the report's page need not have been pushed: its records are those of the dataset.
    """
    preset = store.run.config().get("preset")
    pushed = store.records()
    every = {record_id: record_of(row, preset) for record_id, row in store.instances().items()} | pushed
    read = [read_review_file(file, every) for file in files]
    answered = {answer.record_id for answers, _ in read for answer in answers}
    store.add_records([every[record_id] for record_id in every if record_id in answered - pushed.keys()])
    store.merge_answers(answer for answers, _ in read for answer in answers)
    return sum(unfinished for _, unfinished in read)


def _pull_from_server(store: ReviewStore, url: str | None, api_key: str | None) -> None:
    """Takes in the answers of the dataset of the last push to a server."""
    target = next((push.target for push in reversed(store.pushes()) if push.target.url), None)
    if target is None:
        raise ReviewError(f"{store.run}: nothing was pushed to a server, only to files; give --from FILE.")
    with ArgillaServer(url or str(target.url), api_key) as server:
        dataset = server.find(server.workspace(target.workspace), str(target.name))
        pulled = server.pull(dataset, store.records())
    store.merge_answers(pulled.answers, pulled.withdrawn)


def write_review(run: str | PathLike[str]) -> Quality | None:
    """Writes quality, `reviewed` and `curated` anew from the answers pulled so far, as after a run that has grown.

    Returns:
        The quality; None where nothing was reviewed.
    """
    store = ReviewStore(run)
    if not store.answers():
        return None
    with store.run.locked():
        return _write_review(store, _needed(store.pushes()))


def review_seeds(
    run: str | PathLike[str], out: str | PathLike[str], old_seeds: Sequence[str | PathLike[str]] = ()
) -> int:
    """Writes approved instances as seed tasks, those left out that the run's seed tasks or the old ones hold already.

    Args:
        run: the run folder.
        out: the seed file to write.
        old_seeds: seed files that the next run uses too.

    Returns:
        How many seed tasks it holds.

    Raises:
        ReviewError: if nothing was approved, or nothing new, or the file holds seed tasks of somebody else.
        SeedFileError: if an old seed file cannot be used.
    """
    folder, out = RunFolder(run), Path(out)
    dataset = folder.configs()
    if "curated" not in dataset:
        raise ReviewError(f"{run}: nothing was reviewed yet; begin with `review push`, then `review pull`.")
    _check_may_write(out)
    sides = folder.sides()  # what is set apart for evaluation makes no data
    rows = [row for row in dataset["curated"]["train"].to_list() if sides.get(row["instruction_id"]) != "held_out"]
    old = [task.instruction for file in old_seeds for task in load_seed_tasks(Path(file))]
    old += dataset["seeds"]["train"]["instruction"] if "seeds" in dataset else []
    tasks = seed_tasks_of(rows, folder.name, old)
    if not tasks:
        why = "is too similar to a seed task there is" if rows else "was approved"
        raise ReviewError(f"{run}: no seed task to write: of the {len(rows):,} curated instances none {why}.")
    out.parent.mkdir(parents=True, exist_ok=True)
    write_seed_tasks(tasks, out)
    return len(tasks)


def draw(records: dict[str, ReviewRecord], sample: int | None, seed: int) -> list[ReviewRecord]:
    """So many of the records at random.

    A larger sample with the same seed begins with the smaller, and that of a run that has grown shares most with it.
    """
    order = sorted(records, key=lambda record_id: hashlib.sha256(f"{seed} {record_id}".encode()).digest())
    return [records[record_id] for record_id in order[:sample]]


def _write_review(store: ReviewStore, needed: int, unfinished: int = 0) -> Quality:
    instances, records, answers = store.instances(), store.records(), store.answers()
    current = [answer for answer in answers if answer.record_id in instances]
    notes = _notes(answers, current, unfinished)
    quality = judge(records, current, needed, len(instances), notes, store.run.recipe())
    columns = store.instance_columns()
    known = columns_of(store.run.recipe())
    store.run.save_config("reviewed", reviewed_rows(records, current, instances), reviewed_features(columns, known))
    store.run.save_config(
        "curated", curated_rows(records, current, needed, instances), curated_features(columns, known)
    )
    store.write_quality(quality)
    return quality


def _notes(answers: Sequence[Answer], current: Sequence[Answer], unfinished: int) -> list[str]:
    notes = []
    if len(answers) > len(current):
        changed = {answer.record_id for answer in answers} - {answer.record_id for answer in current}
        notes.append(
            f"{len(changed):,} reviewed records have changed in the dataset since they were pushed: their answers are"
            " kept in review/answers.jsonl and not counted. Push again to have the new texts reviewed."
        )
    if unfinished:
        notes.append(f"{unfinished:,} rows have only some of the questions answered: not counted.")
    return notes


def _dataset_name(run: str) -> str:
    """The name of a run with what Argilla allows in one."""
    return re.sub(r"[^a-zA-Z0-9_-]+", "-", run).strip("-_") or "self-instruct"


def _check_may_write(out: Path) -> None:
    """Nobody's own seed file is written over."""
    if out.exists() and any(not task.id.startswith(PREFIX) for task in load_seed_tasks(out)):
        raise ReviewError(f"{out}: holds seed tasks that do not come from a review; choose another --out.")


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
