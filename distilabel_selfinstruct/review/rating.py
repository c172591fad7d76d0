"""People rate the answers of evaluated models: four levels, blind to the model, in Argilla or in a file."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distilabel_selfinstruct.errors import ConfigError, ReviewError
from distilabel_selfinstruct.evaluation.folder import EvaluationFolder, names_of
from distilabel_selfinstruct.evaluation.levels import LEVELS, Rated, RaterAgreement, agreement_of
from distilabel_selfinstruct.evaluation.questions import Prediction
from distilabel_selfinstruct.evaluation.ratings import rated_in
from distilabel_selfinstruct.evaluation.tables import levels_caption, levels_table
from distilabel_selfinstruct.review.argilla import ArgillaServer, Form
from distilabel_selfinstruct.review.records import same_text
from distilabel_selfinstruct.review.sheets import Sheet

if TYPE_CHECKING:
    import argilla as rg

_SHOWN = ("instruction", "input", "response")
_COLUMNS = ("record_id", "annotator", *_SHOWN, "level")
_SHEET = Sheet(_COLUMNS, _SHOWN)
_TITLE = "How good is the answer?"
_GUIDELINES = "\n\n".join(
    [
        "Each record is an instruction, with its input if it has one, and an answer. Give the answer one level:",
        *(f"**{level}**: {meaning}." for level, meaning in LEVELS.items()),
        "Which model has written an answer is not shown. Judge each answer by itself; look up what you do not know."
        " Discard a record that you cannot judge.",
    ]
)
_Folder = str | PathLike[str]


@dataclass(frozen=True, slots=True)
class RatingRecord:
    """An answer to be rated; one that several models have given is rated once.

    Attributes:
        id: fixed by the texts alone.
        texts: instruction, input and response.
    """

    id: str
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rating:
    """The level that somebody has given to an answer."""

    record_id: str
    annotator: str
    level: str


@dataclass(frozen=True, slots=True)
class Ratings:
    """What people have said of several models' answers.

    Attributes:
        rated: the levels of each model.
        agreement: of the raters; None where no two have rated the same answer.
        waiting: answers of which nobody has said anything.
    """

    rated: Sequence[Rated]
    agreement: RaterAgreement | None
    waiting: int


def push_answers(
    folders: Sequence[_Folder],
    *,
    argilla_url: str | None = None,
    api_key: str | None = None,
    workspace: str | None = None,
    name: str | None = None,
    sample: int | None = 200,
    annotators: int = 1,
    seed: int = 0,
    to_file: str | PathLike[str] | None = None,
) -> str:
    """Sends the answers of several models to be rated, shuffled, without the names of the models; where they are.

    Args:
        folders: of the evaluations.
        argilla_url: of an Argilla server.
        api_key: of an owner or admin there; by default ARGILLA_API_KEY.
        workspace: where the dataset is; by default the only one there is.
        name: of the dataset; by default the benchmark's.
        sample: how many questions, drawn at random, each with all answers; all if None.
        annotators: how many levels an answer needs; that many files.
        seed: of the draw, and of the order.
        to_file: instead of a server, a file that ends in .csv or .jsonl.

    Raises:
        ReviewError: if it cannot be done.
        RunFolderError: if a folder holds no evaluation.
    """
    if (argilla_url is None) == (to_file is None):
        raise ConfigError("review push needs --argilla-url URL, or --to FILE (.csv or .jsonl).")
    if annotators < 1 or (sample is not None and sample < 1):
        raise ConfigError("--sample and --annotators: expected a number above 0.")
    opened = [EvaluationFolder.open(folder) for folder in folders]
    records = _drawn(opened, sample, seed)
    if not records:
        raise ReviewError("review push --evaluation: no question has an answer to be rated.")
    if to_file is not None:
        return f"{len(records):,} answers to rate: {', '.join(_write_files(Path(to_file), records, annotators))}"
    with ArgillaServer(str(argilla_url), api_key, FORM) as server:
        there = server.workspace(workspace)
        dataset = server.open(there, name or _dataset_name(opened), annotators)
        before = server.record_ids(dataset)
        if before - {record.id for record in _records(opened)}:
            raise ReviewError(f"{server.url}: the dataset {dataset.name!r} holds other records; choose another --name.")
        missing = [record for record in records if record.id not in before]
        server.send(dataset, missing)
        page = f"{server.url}/dataset/{dataset.id}/annotation-mode"
    return f"{len(records):,} answers to rate, {len(missing):,} of them new: {page}"


def pull_answers(
    folders: Sequence[_Folder],
    *,
    argilla_url: str | None = None,
    api_key: str | None = None,
    workspace: str | None = None,
    name: str | None = None,
    from_files: Sequence[str | PathLike[str]] = (),
) -> Ratings:
    """Takes in the levels that people have given, and keeps them in the folders of the evaluations.

    Levels that were pulled before stay; one of the same person about the same answer is replaced.

    Raises:
        ReviewError: if there is nothing to pull, or it cannot be read; what was pulled before stays.
        RunFolderError: if a folder holds no evaluation.
    """
    if bool(from_files) == bool(argilla_url):
        raise ConfigError("review pull --evaluation needs --from FILE ..., or --argilla-url URL.")
    opened = [EvaluationFolder.open(folder) for folder in folders]
    records = {record.id: record for record in _records(opened)}
    if from_files:
        given = [rating for file in from_files for rating in _read_file(Path(file), records)]
    else:
        with ArgillaServer(str(argilla_url), api_key, FORM) as server:
            dataset = server.find(server.workspace(workspace), name or _dataset_name(opened))
            given = server.pull(dataset, records).answers
    for folder in opened:
        _merge(folder, given)
    return ratings_of(opened)


def render_ratings(ratings: Ratings) -> str:
    """For the terminal."""
    lines = [levels_table(ratings.rated).markdown(), levels_caption()]
    if ratings.agreement:
        lines.append(f"Raters {ratings.agreement}.")
    if ratings.waiting:
        lines.append(f"{ratings.waiting:,} answers have no level yet.")
    return "\n".join(lines)


def ratings_of(folders: Sequence[EvaluationFolder]) -> Ratings:
    """What people have said so far."""
    by_annotator: dict[str, dict[str, str]] = {}
    for folder in folders:
        for row in folder.ratings():
            by_annotator.setdefault(row["annotator"], {})[row["record_id"]] = row["level"]
    rated = {name for levels in by_annotator.values() for name in levels}
    return Ratings(
        rated=[
            each
            for folder, name in zip(folders, names_of(folders))
            for each in rated_in(folder, name)
            if each.by == "people"
        ],
        agreement=agreement_of(by_annotator),
        waiting=sum(record.id not in rated for record in _records(folders)),
    )


def _merge(folder: EvaluationFolder, given: Sequence[Rating]) -> None:
    """Adds what was said of the answers of one evaluation, annotators by pseudonym."""
    questions: dict[str, list[str]] = {}
    for each in folder.predictions():
        if each.is_answered:
            questions.setdefault(each.answer_id, []).append(each.id)
    with folder.locked():
        kept = {(row["question_id"], row["annotator"]): row for row in folder.ratings()}
        for rating in given:
            for question in questions.get(rating.record_id, ()):
                annotator = _pseudonym(rating.annotator)
                kept[question, annotator] = {
                    "question_id": question,
                    "annotator": annotator,
                    "level": rating.level,
                    "record_id": rating.record_id,
                }
        folder.write_ratings(kept[key] for key in sorted(kept))


def _pseudonym(annotator: str) -> str:
    """The same for one person in the folders of all evaluations, and no name."""
    return f"rater-{hashlib.sha256(annotator.encode()).hexdigest()[:6]}"


def _record_of(each: Prediction) -> RatingRecord:
    texts = {"instruction": each.instruction, "input": each.input, "response": each.response or ""}
    return RatingRecord(each.answer_id, texts)


def _records(folders: Sequence[EvaluationFolder]) -> list[RatingRecord]:
    """All answers, each once."""
    every = (_record_of(each) for folder in folders for each in folder.predictions() if each.is_answered)
    return list({record.id: record for record in every}.values())


def _drawn(folders: Sequence[EvaluationFolder], sample: int | None, seed: int) -> list[RatingRecord]:
    """All answers to some questions, in an order that says nothing of the models."""
    answered: dict[tuple[str, str, str], list[RatingRecord]] = {}
    for folder in folders:
        for each in folder.predictions():
            if each.is_answered:
                answered.setdefault(each.key, []).append(_record_of(each))
    questions = sorted(answered, key=lambda key: _rank(seed, *key))[:sample]
    records = {record.id: record for key in questions for record in answered[key]}
    return sorted(records.values(), key=lambda record: _rank(seed, record.id))


def _rank(seed: int, *texts: str) -> bytes:
    return hashlib.sha256("\0".join([str(seed), *texts]).encode()).digest()


def _dataset_name(folders: Sequence[EvaluationFolder]) -> str:
    """Says nothing of the models."""
    return f"answers-{folders[0].scores().benchmark}".replace(":", "-")


# --- files ----------------------------------------------------------------------------------------------------------


def _write_files(file: Path, records: Sequence[RatingRecord], annotators: int) -> list[str]:
    """One file an annotator."""
    numbers = range(1, annotators + 1)
    files = [file if annotators == 1 else file.with_stem(f"{file.stem}-{number}") for number in numbers]
    for number, each in zip(numbers, files):
        named = {"annotator": f"annotator-{number}", "level": ""}
        _SHEET.write(each, ({"record_id": record.id, **record.texts, **named} for record in records))
    return list(map(str, files))


def _read_file(path: Path, records: Mapping[str, RatingRecord]) -> list[Rating]:
    ratings = []
    for where, row in _SHEET.read(path):
        record = records.get(row["record_id"])
        if record is None:
            raise ReviewError(f"{where}: the record {row['record_id']!r} is no answer of these evaluations.")
        level = row["level"].strip().upper()
        if not level:
            continue
        if level not in LEVELS:
            raise ReviewError(f"{where}, column 'level': expected {', '.join(LEVELS)}, found {row['level']!r}.")
        for name in _SHOWN:
            if not same_text(row[name], record.texts[name]):
                raise ReviewError(f"{where}, column {name!r}: is not the text that was pushed. Put it back.")
        ratings.append(Rating(record.id, row["annotator"].strip() or path.stem, level))
    return ratings


# --- Argilla --------------------------------------------------------------------------------------------------------


def _settings(annotators: int) -> rg.Settings:
    import argilla as rg

    return rg.Settings(
        guidelines=_GUIDELINES,
        fields=[rg.TextField(name, use_markdown=False, required=name != "input") for name in _SHOWN],
        questions=[rg.LabelQuestion("level", labels=dict(_labels()), title=_TITLE)],
        distribution=rg.TaskDistribution(min_submitted=annotators),
    )


def _labels() -> dict[str, str]:
    return {level: f"{level}: {meaning}" for level, meaning in LEVELS.items()}


def _as_argilla(record: RatingRecord) -> rg.Record:
    """Its page renders fields as HTML: the signs that HTML would swallow are sent as entities."""
    import argilla as rg

    fields = {name: html.escape(text, quote=False) for name, text in record.texts.items() if text}
    return rg.Record(id=record.id, fields=fields)


def _from_argilla(record: RatingRecord, response: dict[str, Any]) -> Rating:
    return Rating(record.id, response["user_id"], response["values"]["level"]["value"])


FORM = Form(_settings, _as_argilla, _from_argilla)
