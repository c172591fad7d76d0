"""IterationsFolder: the only reader and writer of a loop's own files.

loop.yaml         the config
done.json         the steps that have ended
base/             the model that is trained first, where it was no folder of transformers with a chat template
before/           its evaluation
iteration-N/      run-M-RECIPE, model, evaluation; and the config file of each
comparison.html   all models side by side
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from distilabel_selfinstruct.data.base_folder import BaseFolder
from distilabel_selfinstruct.errors import RunFolderError
from distilabel_selfinstruct.secrets import masked

_CONFIG, _DONE = "loop.yaml", "done.json"
_MAY_CHANGE = ("iterations", "allow_incomplete", "out", "serve")


class IterationsFolder(BaseFolder):
    """The folder of a loop.

    Args:
        path: where it is; it need not be there.
    """

    mending = MappingProxyType({_DONE: "delete it: what has ended is served from its own folder"})

    @property
    def base(self) -> Path:
        """Where the first model lies, if it had to be made anew."""
        return self.path / "base"

    @property
    def page(self) -> Path:
        """The page with all models side by side."""
        return self.path / "comparison.html"

    def check(self, config: Mapping[str, Any]) -> None:
        """Whether the folder is free, or holds the loop of this config.

        Raises:
            RunFolderError: if it holds something else.
        """
        if self.path.exists() and not self.path.is_dir():
            raise RunFolderError(f"{self}: is a file; choose another `out`.")
        if not (self.path / _CONFIG).is_file():
            if not self.is_empty:
                raise RunFolderError(f"{self}: is no folder of a loop, and not empty; choose another `out`.")
            return
        before, here = self._read_yaml(_CONFIG), masked(dict(config))
        different = [
            f"{name} is {before.get(name)!r} there, {value!r} here"
            for name, value in here.items()
            if name not in _MAY_CHANGE and before.get(name) != value
        ]
        if different:
            raise RunFolderError(
                f"{self}: holds another loop: {'; '.join(different)}. Nothing was changed. Choose another `out`, or the"
                " same values; `iterations` may grow."
            )

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Records what the loop was told."""
        self._write_yaml(_CONFIG, masked(dict(config)))

    def write_options(self, step: str, options: Mapping[str, Any]) -> Path:
        """Writes the config file of a step; where it is."""
        (self.path / step).parent.mkdir(parents=True, exist_ok=True)
        self._write_yaml(f"{step}.yaml", options)
        return self.path / f"{step}.yaml"

    def done(self) -> list[str]:
        """The names of the steps that have ended."""
        return list(self._read_json(_DONE)) if (self.path / _DONE).is_file() else []

    def mark_done(self, step: str) -> None:
        """Records that a step has ended."""
        self._write_json(_DONE, [*self.done(), step])
