"""What an evaluation writes when it begins, and when it has its answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from distilabel_selfinstruct.errors import RunFolderError
from distilabel_selfinstruct.evaluation.config import EvaluationConfig
from distilabel_selfinstruct.evaluation.folder import EvaluationFolder
from distilabel_selfinstruct.evaluation.questions import Prediction
from distilabel_selfinstruct.evaluation.scoring import Scores, score
from distilabel_selfinstruct.models.records import usage_by_stage
from distilabel_selfinstruct.usage import Usage

_DEMO = "The embedded demo model answers only tasks that it makes up itself: as a model these scores say nothing."


def begin(config: EvaluationConfig, folder: EvaluationFolder) -> None:
    """Makes the folder, and records the options."""
    if folder.path.exists() and not folder.path.is_dir():
        raise RunFolderError(f"{folder}: is a file; choose another --out.")
    folder.make()
    with folder.locked():
        recorded = config.model_dump(mode="json", by_alias=True, include=config.names(recorded=True))
        defaults = {name: field.default for name, field in type(config).model_fields.items()}
        folder.begin(config.identity(), recorded, defaults)


def conclude(
    config: EvaluationConfig, folder: EvaluationFolder, predictions: Sequence[Prediction], notes: Sequence[str]
) -> Scores:
    """Writes the predictions, and then their scores."""
    usage = sum(usage_by_stage(folder.completions, config.prices()).values(), Usage())
    scores = score(
        predictions,
        model_name(config),
        config.benchmark,
        wording=None if config.predictions else config.wording,
        usage=usage,
        cost=usage.cost,
        notes=[*notes, *([_DEMO] if config.llm == "demo" else [])],
    )
    folder.write_predictions(predictions)
    folder.write_scores(scores)
    return scores


def model_name(config: EvaluationConfig) -> str:
    """What the model is called, in tables too."""
    if config.model:
        return Path(config.model).name if Path(config.model).exists() else config.model
    if config.predictions:
        return Path(config.predictions).stem
    if isinstance(config.llm, str):
        from distilabel_selfinstruct.models.local.weights import SMALL_MODEL

        return SMALL_MODEL if config.llm == "local" else config.llm
    assert config.llm is not None
    return str(config.llm.arguments.get("model") or config.llm.class_path.rpartition(".")[2])
