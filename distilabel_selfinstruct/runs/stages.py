"""What single stages are told of their model and its sampling: the option `--stage STAGE.NAME=VALUE`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from distilabel_selfinstruct.runs.options import EVERY_STAGE, AnyLLM

OWN_ADDRESS = frozenset({"openai", "litellm"})
"""The models that are at an address."""
_OF_A_MODEL = ("model", "base_url", "input_price", "cached_price", "output_price")
_NOT_FIXED = frozenset({"base_url", "batch", "input_price", "cached_price", "output_price"})
"""What may change between two commands of one run."""
_NO_SAMPLING = frozenset({"llm", "batch", "system_prompt", *_OF_A_MODEL})
_SHARES = re.compile(r"[^=,]+=[\d.]+(?:,[^=,]+=[\d.]+)*")
_OTHER_NAMES = {"max_tokens": "max_new_tokens"}  # what this package calls them itself


def shares_of_models(given: Any) -> Any:
    """`A=0.7,B=0.3` as the share of each model; any other text is the name of one."""
    if not isinstance(given, str) or not _SHARES.fullmatch(given):
        return given
    pairs = [part.rpartition("=") for part in given.split(",")]
    names = [name.strip() for name, _, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"{twice!r} is given twice")
    shares = {name: float(share) for name, (_, _, share) in zip(names, pairs)}
    if not all(share > 0 for share in shares.values()):
        raise ValueError("expected shares greater than 0")
    return shares


def _one_or_several(given: Any) -> Any:
    """Sequences: a list, in a text as JSON, or a text that is one of them."""
    read = _json(given) if isinstance(given, str) and given.startswith("[") else given
    return [read] if isinstance(read, str) else read


def _json(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError as error:
        raise ValueError(f"expected JSON ({error})") from None


Share = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Models = Annotated[str | Annotated[dict[str, Share], Field(min_length=1)], BeforeValidator(shares_of_models)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class StageOptions(BaseModel):
    """What a stage is told besides what all are told; what is None is not said.

    Attributes:
        llm: the kind of model, as in the option of that name.
        model: its name; or several, each with its share of the prompts.
        base_url: address of the endpoint.
        batch: whether its requests go out in batches.
        temperature: of the sampling; and so on, by the names that servers have for them.
        max_tokens: most tokens of an answer.
        stop: sequences that end an answer, instead of the preset's.
        end_early: whether an answer that comes to nothing is ended before its limit.
        extra_body: further fields of a request, as the server calls them.
        system_prompt: stands before every chat.
        input_price: of a million tokens in, and so on.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    llm: AnyLLM | None = None
    model: Models | None = None
    base_url: str | None = None
    batch: bool | None = None
    temperature: Annotated[Number, Field(ge=0)] | None = None
    top_p: Annotated[Number, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0)] | None = None
    min_p: Annotated[Number, Field(ge=0, le=1)] | None = None
    frequency_penalty: Number | None = None
    presence_penalty: Number | None = None
    repetition_penalty: Annotated[Number, Field(gt=0)] | None = None
    max_tokens: Annotated[int, Field(gt=0)] | None = None
    stop: Annotated[list[str], BeforeValidator(_one_or_several)] | None = None
    end_early: bool | None = None
    extra_body: Annotated[dict[str, Any], BeforeValidator(_json)] | None = None
    system_prompt: str | None = None
    input_price: Price | None = None
    cached_price: Price | None = None
    output_price: Price | None = None

    @model_serializer(mode="wrap")
    def _what_is_said(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if value is not None}

    @property
    def said(self) -> dict[str, Any]:
        """What is said, by its names."""
        return {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}

    @property
    def sampling(self) -> dict[str, Any]:
        """The decoding parameters, by the names that this package has for them."""
        return {_OTHER_NAMES.get(name, name): value for name, value in self.said.items() if name not in _NO_SAMPLING}

    @property
    def models(self) -> dict[str | None, float]:
        """The models, each with its share."""
        shares: dict[str | None, float] = {}
        shares.update(self.model if isinstance(self.model, dict) else {self.model: 1.0})
        return shares

    def with_more(self, more: StageOptions) -> StageOptions:
        """These options, overridden by others that are said of fewer stages; a name goes with its kind of model."""
        below, above = self.said, more.said
        if "base_url" in above and "llm" not in above and self.llm not in OWN_ADDRESS:
            above["llm"] = "openai"
        if above.get("llm", self.llm) != self.llm:
            below = {name: value for name, value in below.items() if name not in _OF_A_MODEL}
        elif above.get("model", self.model) != self.model:
            below = {name: value for name, value in below.items() if not name.endswith("_price")}
        return StageOptions.model_construct(None, **{**below, **above})


def options_by_stage(given: Any) -> Any:
    """The options of each stage, from `STAGE.NAME=VALUE` in a text or a list of texts; a mapping stays as it is."""
    if isinstance(given, Mapping):
        return {stage: _with_underscores(each) for stage, each in given.items()}
    found: dict[str, dict[str, str]] = {}
    for text in given if isinstance(given, list) else [given]:
        path, found_value, value = str(text).partition("=")
        stage, found_name, name = (part.strip() for part in path.partition("."))
        if not (found_value and found_name and stage and name):
            raise ValueError(f"expected STAGE.NAME=VALUE, such as instances.model=NAME or {EVERY_STAGE}.top-p=0.9")
        name = name.replace("-", "_")
        if name in found.setdefault(stage, {}):
            raise ValueError(f"{stage}.{name} is given twice")
        found[stage][name] = value
    return found


def _with_underscores(options: Any) -> Any:
    if not isinstance(options, Mapping):
        return options
    return {str(name).replace("-", "_"): value for name, value in options.items()}


def fixed_part(by_stage: Mapping[str, Any]) -> dict[str, Any]:
    """What two commands of one run must agree in, of recorded options of stages."""
    kept = {
        stage: {name: value for name, value in options.items() if name not in _NOT_FIXED}
        for stage, options in by_stage.items()
    }
    return {stage: options for stage, options in kept.items() if options}


ByStageOptions = Annotated[dict[str, StageOptions], BeforeValidator(options_by_stage)]
