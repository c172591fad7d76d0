"""The model that is trained: from a folder, the Hub, or a GGUF file; and what is left of it, ready to be loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.data.files import replacing
from distilabel_selfinstruct.data.quiet import quiet_clients
from distilabel_selfinstruct.errors import ConfigError, SelfInstructError
from distilabel_selfinstruct.models.local.weights import SMALL_MODEL, find_weights
from distilabel_selfinstruct.secrets import shown
from distilabel_selfinstruct.training.folder import TrainingFolder
from distilabel_selfinstruct.training.templates import give_template

_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_SAID = 300  # characters of what a library says


@dataclass(frozen=True, slots=True)
class Base:
    """Where a model lies.

    Attributes:
        name: as cards and configs call it.
        where: a folder, or the name of a repository of the Hub.
        file: the GGUF file in it; None for transformers' own files.
    """

    name: str
    where: str
    file: str | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """For `from_pretrained`."""
        return {"gguf_file": self.file} if self.file else {}


def find_base(model: str | None) -> Base:
    """The model that a user names; without a name `SMALL_MODEL`.

    Raises:
        ConfigError: if there is none, or a folder holds no weights.
    """
    if model is None:
        return _of_gguf(SMALL_MODEL, None)
    path = Path(model).expanduser()
    if path.is_dir():
        return _of_folder(model, path)
    if path.is_file() or model.endswith(".gguf") or ":" in model:
        return _of_gguf(path.stem if path.is_file() else model, model)
    if path.is_absolute() or model.startswith((".", "~")) or model.count("/") > 1:
        raise ConfigError(f"--model {model}: there is no such folder.")
    return Base(model, model)


def _of_folder(model: str, path: Path) -> Base:
    if (folder := TrainingFolder(path)).is_training:
        if not folder.is_finished:
            raise ConfigError(f"--model {model}: this training is not finished; run its command again to finish it.")
        path = folder.model
    if not any(found for pattern in _WEIGHTS for found in path.glob(pattern)):
        ggufs = sorted(path.glob("*.gguf"))
        hint = f" Give one of its GGUF files, such as {ggufs[0]}." if ggufs else ""
        raise ConfigError(f"--model {model}: there are no weights in this folder (model.safetensors).{hint}")
    if not (path / "config.json").is_file():
        hint = " (is it an adapter? merge it into its base first)" if (path / "adapter_config.json").is_file() else ""
        raise ConfigError(f"--model {model}: there is no config.json in this folder{hint}.")
    return Base(path.parent.name if path.name == "model" else path.name, str(path.absolute()))


def _of_gguf(name: str, model: str | None) -> Base:
    try:
        weights = find_weights(model)
    except ConfigError as error:
        raise ConfigError(str(error).replace("--llm local without --model is", "Without --model it is")) from None
    return Base(weights.name if model is None else name, str(weights.path.parent.absolute()), weights.path.name)


def load_tokenizer(base: Base) -> Any:
    """The tokenizer of a model.

    Raises:
        ConfigError: if it cannot be had.
    """
    from transformers import AutoTokenizer

    with _loading(base):
        return AutoTokenizer.from_pretrained(base.where, **base.arguments)


def load_model(base: Base, dtype: Any) -> Any:
    """The model, with numbers of this kind.

    Raises:
        ConfigError: if it cannot be had.
    """
    from transformers import AutoModelForCausalLM

    with _loading(base):
        model = AutoModelForCausalLM.from_pretrained(base.where, dtype=dtype, **base.arguments)
    if base.file:  # its weights are plain numbers by now, whatever it says of itself
        del model.config.quantization_config
        model.is_quantized, model.hf_quantizer = False, None
    return model


def own_dtype(base: Base) -> Any:
    """The kind of numbers that the weights are stored in; None where they do not say."""
    from transformers import AutoConfig

    if base.file:
        return None
    with _loading(base):
        return getattr(AutoConfig.from_pretrained(base.where), "dtype", None)


@contextmanager
def _loading(base: Base) -> Iterator[None]:
    """What goes wrong within is one line."""
    from transformers.utils import logging

    try:
        # A GGUF file is read with a bar of its own that nothing turns off.
        logging.disable_progress_bar()
        with quiet_clients(), redirect_stderr(StringIO()) if base.file else nullcontext():
            yield
    except SelfInstructError:
        raise
    except MemoryError:
        raise ConfigError(f"--model {base.name}: there is not enough memory for it; take a smaller model.") from None
    except Exception as error:  # whatever transformers, safetensors, the Hub's client or gguf say
        said = " ".join(shown(error).split())[:_SAID]
        where = "cannot be read" if Path(base.where).is_dir() else "is no folder here, and cannot be had from the Hub"
        raise ConfigError(f"--model {base.name}: {where} ({type(error).__name__}: {said}).") from None


def write_base(base: Base, folder: str) -> None:
    """Writes a model as transformers has it, with a chat template, whole or not at all.

    Raises:
        ConfigError: if the model cannot be had.
    """
    tokenizer = load_tokenizer(base)
    give_template(tokenizer)
    model = load_model(base, own_dtype(base) or "auto")
    with replacing(Path(folder)) as draft:
        _save(model, tokenizer, draft)


def save_model(model: Any, tokenizer: Any, dtype: Any, folder: TrainingFolder) -> None:
    """Writes what was trained: the adapter, if there is one, and the whole model; each whole or not at all."""
    if hasattr(model, "merge_and_unload"):
        with replacing(folder.adapter) as draft:
            _save(model, tokenizer, draft)
        model = model.merge_and_unload()
    if dtype is not None:
        model = model.to(dtype)
    with replacing(folder.model) as draft:
        _save(model, tokenizer, draft)


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))


def context_of(base: Base) -> int | None:
    """Tokens that the model can read; None where it does not say."""
    from transformers import AutoConfig

    with _loading(base):
        config = AutoConfig.from_pretrained(base.where, **base.arguments)
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    return getattr(text, "max_position_embeddings", None)
