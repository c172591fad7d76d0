"""What a run is: the options that its data depends on, as the folder recorded them and as the command gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError

from distilabel_selfinstruct.data.folder import CLEAR_OF, EARLIER_MODELS, PHRASES, RUBRIC, RunFolder
from distilabel_selfinstruct.errors import RunFolderError
from distilabel_selfinstruct.recipe import Recipe
from distilabel_selfinstruct.runs.config import RunConfig
from distilabel_selfinstruct.runs.inputs import Input
from distilabel_selfinstruct.runs.stages import fixed_part
from distilabel_selfinstruct.secrets import masked
from distilabel_selfinstruct.version import __version__

_OF_MODELS = {"llm", "model", "judge_model", "stage"}
"""The options that name models."""


class Identity:
    """Keeps a folder to one run: what it recorded must be what the command gives.

    Attributes:
        before: the config of the run in the folder; None where there is none, or nothing was answered in it yet.
        earlier_models: the options of models that have answered in the folder, where they were changed.
        has_grown: whether an input has more than the folder recorded.

    Raises:
        RunFolderError: if the folder is no run folder, is damaged, or holds a run of another recipe.
    """

    def __init__(self, folder: RunFolder, recipe: Recipe, options: type[RunConfig]) -> None:
        self._folder, self._recipe, self._options = folder, recipe, options
        self._given: dict[str, Any] = {}
        self.earlier_models: list[Any] = []
        self.has_grown = False
        self.before = self._read_before()

    def check(self, config: RunConfig, inputs: Mapping[str, Input], templates: Mapping[str, str]) -> None:
        """Compares with what the folder recorded.

        Args:
            config: with its values resolved.
            inputs: what was read, by the options that name it.
            templates: prompts of the user's own.

        Raises:
            RunFolderError: if the folder holds a run of other options, of other inputs, or a larger one.
        """
        fixed = config.model_dump(mode="json", by_alias=True, include=config.names(fixed=True))
        fixed["stage"] = fixed_part(fixed["stage"])
        fixed |= {"recipe": self._recipe.name, "prompts_version": self._recipe.prompts_version}
        if config.prompts:
            fixed["own_prompts"] = Input(sorted(templates.items())).name
        names = {name: read.name for name, read in inputs.items()}
        self._given = cast("dict[str, Any]", masked(fixed | names))
        if self.before is None:
            return
        self._check_same(self.before, config, inputs)
        self.has_grown = any(self.before.get(name) != value for name, value in names.items())

    def write(self, config: RunConfig) -> None:
        """Records the run in the folder."""
        values = masked(config.model_dump(mode="json", by_alias=True, include=config.names(recorded=True)))
        earlier = {EARLIER_MODELS: self.earlier_models} if self.earlier_models else {}
        self._folder.write_config(self._given | values | earlier | {"package_version": __version__})

    def _read_before(self) -> dict[str, Any] | None:
        folder = self._folder
        if folder.path.exists() and not folder.path.is_dir():
            raise RunFolderError(f"{folder}: is a file; choose another --out.")
        folder.check_dataset_place()
        if not folder.is_run:
            if not folder.is_empty:
                raise RunFolderError(f"{folder}: is no run folder, and not empty; choose another --out.")
            return None
        before = folder.config()
        if not folder.has_answers:
            return None
        before.setdefault(CLEAR_OF, Input(()).name)
        before.setdefault(RUBRIC, Input(()).name)
        self.earlier_models = list(before.pop(EARLIER_MODELS, []))
        before.setdefault(PHRASES, Input(()).name)  # of a run before there was this option
        if "recipe" not in before or not self._could_be_recorded(before):
            raise folder.damaged_config()
        if (there := before["recipe"]) != self._recipe.name:
            raise RunFolderError(
                f"{folder}: holds a run of the recipe {there!r}, and this is {self._recipe.name!r}. Choose another"
                " --out."
            )
        return before

    def _could_be_recorded(self, before: dict[str, Any]) -> bool:
        """Whether each value is one that its option can have, as far as this recipe has such an option."""
        kind = self._options
        if before["recipe"] != self._recipe.name:
            return True
        try:
            kind.model_validate({name: value for name, value in before.items() if name in kind.model_fields})
        except ValidationError:
            return False
        return True

    def _check_same(self, before: dict[str, Any], config: RunConfig, inputs: Mapping[str, Input]) -> None:
        defaults = {name: field.default for name, field in self._options.model_fields.items()}
        before = defaults | masked(before)  # an option that came later was at its default
        before["stage"] = fixed_part(before["stage"])
        values = {
            name: (before.get(name), value)
            for name, value in ({"own_prompts": None} | self._given).items()
            if name not in inputs and before.get(name) != value
        }
        is_allowed = self._allows_other_models(values, config)
        different = [
            f"{name} is {there!r} there, {here!r} here"
            for name, (there, here) in values.items()
            if not (is_allowed and name in _OF_MODELS)
        ]
        different += [
            f"{name.replace('_', ' ')} were read there that are not among those of this command"
            for name, read in inputs.items()
            if not read.continues(str(before.get(name)))
        ]
        if different:
            only_models = values.keys() <= _OF_MODELS and len(different) == len(values)
            raise RunFolderError(
                f"{self._folder}: holds a run with another config: {'; '.join(different)}. Nothing was changed. Choose"
                " another --out, or the same options"
                + (", or go on with other models: --allow-model-change." if only_models else ".")
            )
        if (config.wanted or 0) < (most := before.get("num_instructions", 0)):
            raise RunFolderError(
                f"{self._folder}: holds a run of {most} instructions, and {config.wanted} were asked for. Ask for"
                " as many or more, or choose another --out."
            )

    def _allows_other_models(self, different: dict[str, tuple[Any, Any]], config: RunConfig) -> bool:
        """Whether the models of a run may change; what the folder holds of those before is then known by its prompt."""
        if not config.allow_model_change or not different.keys() & _OF_MODELS:
            return False
        there, here = different.get("stage", ({}, {}))
        if _without_models(there) != _without_models(here):
            return False
        self.earlier_models.append({name: pair[0] for name, pair in different.items() if name in _OF_MODELS})
        return True


def _without_models(by_stage: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The options of stages but for those that name their models."""
    kept = {stage: {k: v for k, v in said.items() if k not in _OF_MODELS} for stage, said in by_stage.items()}
    return {stage: said for stage, said in kept.items() if said}
