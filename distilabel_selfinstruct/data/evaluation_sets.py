"""The texts of evaluation sets, from which training data is kept clear."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.data.columns import HELD_OUT
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.formats import Row
from distilabel_selfinstruct.data.quiet import quiet_clients
from distilabel_selfinstruct.data.sources import EVERY_SPLIT, iter_source, read_lines
from distilabel_selfinstruct.data.streams import ending_of
from distilabel_selfinstruct.data.tasks import ABOVE, BELOW, CHATS, LAST, QUESTIONS, messages_in
from distilabel_selfinstruct.errors import ConfigError, RunFolderError

_ASKED = (*CHATS, *QUESTIONS, *LAST, *BELOW, "text", "ctx", "goal", "sentence", "turns")  # columns with what is asked
EVALUATION, PREDICTIONS = "evaluation.yaml", "predictions.jsonl"
"""Names of files in the folder of an evaluation, which is known by the first; the second has its questions."""
_EVALUATIONS = "evaluations"  # where they are, unless they are among the runs
_SHORTEST = 3  # words of a text that counts: a shorter one, such as a label, is everybody's
_SPLITS = ("test", "validation", "train")  # of a dataset of the Hub, the first that it has


def read_evaluation_texts(sources: Sequence[str]) -> list[str]:
    """What evaluation sets ask, each text once: questions, inputs, and both together; no answers.

    Args:
        sources: files, folders, runs, what a run has set apart (`RUN:held_out`), or datasets of the Hub,
            `NAMESPACE/NAME`, `NAMESPACE/NAME:CONFIG` or `NAMESPACE/NAME:CONFIG:SPLIT`, by default their test split. A
            `.txt` file has a text a line.

    Raises:
        ConfigError: if one cannot be read, or has no texts.
    """
    texts: dict[str, None] = {}
    for source in sources:
        found = list(_texts_of(source))
        if not found:
            raise ConfigError(
                f"--keep-clear-of {source}: no text of {_SHORTEST} words or more is in it; columns that are looked at:"
                f" {', '.join(_ASKED)}."
            )
        texts |= dict.fromkeys(found)
    return list(texts)


def sets_beside(folder: RunFolder) -> list[str]:
    """The evaluation sets of the project that a run belongs to: what the runs beside it have set apart, and what
    evaluations ask that are beside it, or in a folder `evaluations` beside that of the runs.
    """
    runs = folder.path.parent
    near: list[Path] = []
    for place in (runs, runs.parent / _EVALUATIONS):
        with suppress(OSError):  # there is none, or it is somebody else's
            near += sorted(place.iterdir())
    found = []
    for path in near:
        with suppress(OSError):
            if path != folder.path and RunFolder(path).has_config(HELD_OUT):
                found.append(f"{path}:{HELD_OUT}")
            elif (path / EVALUATION).is_file() and (path / PREDICTIONS).is_file():
                found.append(str(path / PREDICTIONS))
    return found


def read_sets_beside(folder: RunFolder) -> list[dict[str, str]]:
    """The texts of `sets_beside`, each once, with where it is from; sets that cannot be read are passed over."""
    texts: dict[str, str] = {}
    for source in sets_beside(folder):
        with suppress(ConfigError, RunFolderError):
            for text in _texts_of(source):
                texts.setdefault(text, source)
    return [{"text": text, "source": source} for text, source in texts.items()]


def _texts_of(source: str) -> Iterator[str]:
    try:
        if not Path(source).is_dir() and ending_of(Path(source)) == ".txt":
            rows: Iterator[Row] = ({"text": line} for line in read_lines(Path(source)))
        else:
            rows = iter_source(*_place(source))
        for row in rows:
            yield from (text for text in _asked(row) if len(text.split()) >= _SHORTEST or not text.isascii())
    except ConfigError as error:
        raise ConfigError(f"--keep-clear-of: {error}") from None


def _place(source: str) -> tuple[str, str | None, str]:
    """Name, config and split."""
    run, _, config = source.rpartition(":")
    if run and not Path(source).exists() and RunFolder(run).has_config(config):
        return run, config, EVERY_SPLIT
    name, _, rest = source.partition(":")
    if Path(source).exists() or name.count("/") != 1 or Path(name).exists():
        return source, None, EVERY_SPLIT
    config, _, split = rest.partition(":")
    return name, config or None, split or _split_of(name, config or None)


def _split_of(name: str, config: str | None) -> str:
    from datasets import get_dataset_split_names

    try:
        with quiet_clients():
            there = get_dataset_split_names(name, config)
    except Exception:  # what is wrong is said where it is loaded
        return _SPLITS[0]
    return next((split for split in _SPLITS if split in there), there[0] if there else _SPLITS[0])


def _asked(row: Row) -> Iterator[str]:
    """What a row asks: each text of the columns that are looked at, and question and input as one."""
    texts = {name: list(_texts_in(row[name])) for name in _ASKED if name in row}
    for each in texts.values():
        yield from each
    below = [text for name in BELOW for text in texts.get(name, [])]
    above = [text for name in ABOVE if isinstance(text := row.get(name), str)]
    question = next((each[0] for name, each in texts.items() if each and name not in BELOW), None)
    if question and (below or above):
        yield "\n\n".join(filter(None, (*above, question, *below)))


def _texts_in(value: Any) -> Iterator[str]:
    """The texts of a cell: itself, or what others than the assistant say, or each of a list."""
    if (chat := messages_in(value)) is not None:
        for each in chat:
            if isinstance(each, dict):
                speaker = str(each.get("role") or each.get("from") or "").lower()
                content = each.get("content") or each.get("value")
                if speaker not in ("assistant", "gpt", "model") and isinstance(content, str):
                    yield content.strip()
            elif isinstance(each, str):
                yield each.strip()
    elif isinstance(value, str):
        yield value.strip()
