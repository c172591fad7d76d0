"""A training from beginning to end, in its folder: the same command goes on where an earlier one was killed."""

from __future__ import annotations

import dataclasses
import os
from importlib.util import find_spec
from typing import Any, cast

from pydantic import ValidationError

from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.engine.progress import sign_of_life
from distilabel_selfinstruct.errors import MissingExtraError, RunFolderError
from distilabel_selfinstruct.runs.inputs import Input
from distilabel_selfinstruct.secrets import masked
from distilabel_selfinstruct.training.card import CardFacts, render_card
from distilabel_selfinstruct.training.config import TrainConfig
from distilabel_selfinstruct.training.data import TrainingRows, read_training_rows
from distilabel_selfinstruct.training.folder import TrainingFolder, TrainingSummary
from distilabel_selfinstruct.training.launching import fit_together
from distilabel_selfinstruct.training.lengths import Lengths, Tokens, measure, tokenize
from distilabel_selfinstruct.training.templates import give_template
from distilabel_selfinstruct.training.weights import Base, context_of, find_base, load_tokenizer
from distilabel_selfinstruct.version import __version__

_PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate")


@dataclasses.dataclass(frozen=True)
class Training:
    """A training that is about to begin.

    Attributes:
        config: with a `max_length` that the model can read.
        base: the model.
        tokenizer: of the model.
        has_own_template: whether the model brought a chat template.
        rows: what it learns from.
        tokens: the same in tokens.
        lengths: how long the rows are.
    """

    config: TrainConfig
    base: Base
    tokenizer: Any
    has_own_template: bool
    rows: TrainingRows
    tokens: list[Tokens]
    lengths: Lengths


def train(source: str, config: TrainConfig, say: Any = None) -> TrainingSummary:
    """Trains a model on a run; a finished training is not done again.

    Args:
        source: a run folder, a file or a dataset with rows to learn from.
        config: what the training is told; its folder is `models/` and the name of the source by default.
        say: told a line on how long the rows are before it begins.

    Raises:
        MissingExtraError: without the packages that train.
        ConfigError: if the config, the model or the rows cannot be used.
        RunFolderError: if the folder is another training's, is damaged, or is in use.
    """
    need_packages()
    rows = read_training_rows(source, config)
    folder = folder_of(source, config)
    _check_place(folder)
    folder.make()
    with folder.locked():
        identity = _identity(config, rows)
        _check_same(folder, identity)
        if folder.is_finished:
            return folder.summary()
        folder.clear_drafts()
        with sign_of_life("reading the model's words"):
            training = prepare(config, rows)
        folder.write_config(_recorded(config) | identity | {"trained_on": source, "package_version": __version__})
        folder.write_lengths(training.lengths.record())
        if say is not None:
            say(f"{training.lengths}")
        summary = _fitted(training, folder)
        folder.write_card(render_card(_facts(training, folder, source, summary)))
        folder.write_summary(summary)
        return summary


def need_packages() -> None:
    """Raises MissingExtraError if a package that trains is not installed."""
    if any(find_spec(name) is None for name in _PACKAGES):
        raise MissingExtraError.of("Training", "train")


def folder_of(source: str, config: TrainConfig) -> TrainingFolder:
    """Where the training is."""
    return TrainingFolder(config.out or f"models/{RunFolder(source).name}")


def prepare(config: TrainConfig, rows: TrainingRows) -> Training:
    """The model's words for the rows, and how long these are.

    Raises:
        ConfigError: if the model cannot be had, or nothing is left to learn from.
    """
    base = find_base(config.model)
    tokenizer = load_tokenizer(base)
    has_own = rows.kind == "text" or not give_template(tokenizer)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    limit = min(config.max_length, context_of(base) or config.max_length)
    tokens = tokenize(rows, tokenizer)
    lengths = measure(rows, tokens, limit)
    config = config.model_copy(update={"max_length": limit})
    config.split_batch(devices_of(config))
    return Training(config, base, tokenizer, has_own, rows, tokens, lengths)


def devices_of(config: TrainConfig) -> int:
    """How many processes train together."""
    from distilabel_selfinstruct.training.device import gpus

    return config.processes or max(1, gpus())


def fit_here(folder: TrainingFolder) -> None:
    """What one of several processes does: see `launching`.

    Raises:
        SelfInstructError: if it cannot end.
    """
    from distilabel_selfinstruct.training.trainer import fit

    values = folder.config()
    config = TrainConfig(**{name: value for name, value in values.items() if name in TrainConfig.model_fields})
    training = prepare(config, read_training_rows(values["trained_on"], config))
    summary = fit(training.config, training.base, training.tokenizer, training.rows, training.tokens, folder)
    if os.environ.get("RANK", "0") == "0":
        folder.write_fitted(summary)


def _fitted(training: Training, folder: TrainingFolder) -> TrainingSummary:
    from distilabel_selfinstruct.training.trainer import fit

    if (devices := devices_of(training.config)) == 1:
        return fit(training.config, training.base, training.tokenizer, training.rows, training.tokens, folder)
    fit_together(folder, devices)
    return folder.take_fitted()


def _facts(training: Training, folder: TrainingFolder, source: str, summary: TrainingSummary) -> CardFacts:
    return CardFacts(
        name=folder.name,
        base=training.config.model or training.base.name,
        source=source,
        config=training.config,
        lengths=training.lengths,
        summary=summary,
        has_own_template=training.has_own_template,
        is_chat=training.rows.kind != "text",
    )


def _identity(config: TrainConfig, rows: TrainingRows) -> dict[str, Any]:
    """What the result depends on, as the folder may record it."""
    options = config.model_dump(mode="json", include=config.names(fixed=True))
    return cast("dict[str, Any]", masked(options | {"rows": Input(rows.rows).name}))


def _recorded(config: TrainConfig) -> dict[str, Any]:
    return cast("dict[str, Any]", masked(config.model_dump(mode="json", include=config.names(recorded=True))))


def _check_place(folder: TrainingFolder) -> None:
    if folder.path.exists() and not folder.path.is_dir():
        raise RunFolderError(f"{folder}: is a file; choose another --out.")
    if not folder.is_training and not folder.is_empty:
        raise RunFolderError(f"{folder}: is no training folder, and not empty; choose another --out.")


def _check_same(folder: TrainingFolder, identity: dict[str, Any]) -> None:
    """Whether the training in the folder, if there is one, is this one.

    Raises:
        RunFolderError: names what differs.
    """
    if not folder.is_training:
        return
    before = folder.config()
    try:
        TrainConfig.model_validate({name: before[name] for name in before if name in TrainConfig.model_fields})
    except ValidationError:
        raise folder.damaged_config() from None
    defaults = {name: field.default for name, field in TrainConfig.model_fields.items()}
    before = defaults | before
    different = [
        "the rows are others" if name == "rows" else f"{name} is {before.get(name)!r} there, {value!r} here"
        for name, value in identity.items()
        if before.get(name) != value
    ]
    if different:
        raise RunFolderError(
            f"{folder}: holds another training: {'; '.join(different)}. Nothing was changed. Choose another --out, or"
            " the same options."
        )
