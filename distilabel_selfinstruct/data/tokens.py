"""Lengths in tokens of a model's tokenizer."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.data.quiet import quiet_clients
from distilabel_selfinstruct.errors import ConfigError, MissingExtraError
from distilabel_selfinstruct.text.pieces import Limit

_WINDOW = 32  # characters of a text that are looked at for each token: hardly any token is longer


def of_tokens(most: int, tokenizer: str) -> Limit:
    """The limit of a piece that has so many tokens at most.

    Args:
        most: tokens.
        tokenizer: see `read_tokenizer`.
    """
    known = read_tokenizer(tokenizer)

    def limit(text: str, start: int) -> int:
        seen = text[start : start + most * _WINDOW]
        places = known.encode(seen, add_special_tokens=False).offsets
        return places[most - 1][1] if len(places) > most else len(seen)

    return limit


@lru_cache(maxsize=4)
def read_tokenizer(name: str) -> Any:
    """A tokenizer.

    Args:
        name: a `tokenizer.json`, a folder with one, or a model of the Hub, `namespace/name`.

    Raises:
        ConfigError: if it cannot be read.
        MissingExtraError: if the extra `documents` is not installed.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingExtraError.of(f"--tokenizer {name}", "documents") from None
    path = Path(name).expanduser()
    try:
        return Tokenizer.from_file(str(_on_hub(name) if not path.exists() else path / _FILE if path.is_dir() else path))
    except Exception as error:  # whatever the Hub or the file brings
        said = " ".join(str(error).split())[:200]
        raise ConfigError(f"--tokenizer {name}: cannot be read ({type(error).__name__}: {said}).") from None


_FILE = "tokenizer.json"


def _on_hub(name: str) -> str:
    from huggingface_hub import hf_hub_download

    with quiet_clients():
        return str(hf_hub_download(name, _FILE))
