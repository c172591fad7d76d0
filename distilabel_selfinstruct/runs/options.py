"""Options: each declared once, for the command line, for config files and for the run folder."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_serializer
from pydantic.fields import FieldInfo

from distilabel_selfinstruct.secrets import masked

MODEL, MADE, BUDGET, HUB = "model", "what is made", "budget", "Hugging Face Hub (token: HF_TOKEN)"
JUDGE = "a model as judge"
WHERE = "where it runs (token of a Ray cluster: RAY_AUTH_TOKEN)"
TRAINING = "training"
GROUPS = (MODEL, TRAINING, MADE, JUDGE, BUDGET, WHERE, HUB, "")  # of the command line, in this order


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """What is known of an option beside its type and its default.

    Attributes:
        help: a line that explains it.
        metavar: what stands for its value on the command line.
        group: the group of the command line that it belongs to.
        fixed: whether the result depends on it: two runs in one folder must agree in it.
        recorded: whether it describes what a run is, and not what is done with it.
        const: the value of an option that is given without one.
    """

    help: str
    metavar: str | None = None
    group: str = MADE
    fixed: bool = True
    recorded: bool = True
    const: Any = None


def option(
    default: Any,
    help: str,
    metavar: str | None = None,
    group: str = MADE,
    *,
    fixed: bool = True,
    recorded: bool = True,
    const: Any = None,
    **limits: Any,
) -> Any:
    """A field of a config that is an option of the command line too; `limits` are pydantic's, such as `gt`."""
    known = Option(help, metavar, group, fixed and recorded, recorded, const)
    return Field(default, json_schema_extra=cast("Any", {"option": known}), **limits)


def option_of(field: FieldInfo) -> Option:
    """What is known of a config's field."""
    known: Option = cast("Any", field.json_schema_extra)["option"]
    return known


def numbers_by_name(given: Any) -> Any:
    """The numbers of `NAME=N,...`, as a text or a list of texts, such as the command line gives."""
    if isinstance(given, dict):
        return given
    texts = given if isinstance(given, list) else [given]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("expected NAME=N,...")
    numbers: dict[str, str] = {}
    for name, _, number in (map(str.strip, each.partition("=")) for text in texts for each in text.split(",")):
        if not (name and number):
            raise ValueError("expected NAME=N,...")
        if name in numbers:
            raise ValueError(f"{name!r} is given twice")
        numbers[name] = number
    return numbers


def limits_by_stage(given: Any) -> Any:
    """The numbers of `N` or `STAGE=N,...`, in a text, a list of texts or a mapping; one without a stage is for all."""
    if isinstance(given, dict):
        return given
    words = [word.strip() for each in (given if isinstance(given, list) else [given]) for word in str(each).split(",")]
    try:
        return numbers_by_name([word if "=" in word else f"{EVERY_STAGE}={word}" for word in words])
    except ValueError as error:
        raise ValueError(str(error).replace("NAME=N", "N or STAGE=N")) from None


EVERY_STAGE = "all"
"""Stands for all stages in a `ByStage` that does not name each."""

EMBEDDINGS = "embeddings"
"""The stage under which embeddings are kept, and counted."""

ByStage = Annotated[dict[str, Annotated[int, Field(gt=0)]], BeforeValidator(limits_by_stage)]
ByStep = Annotated[dict[str, Annotated[int, Field(gt=0)]], BeforeValidator(numbers_by_name)]


class CustomLLM(BaseModel):
    """Any distilabel LLM: its class path and arguments."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, populate_by_name=True)
    class_path: str = Field(alias="class")
    arguments: dict[str, Any] = Field(default_factory=dict)

    @field_serializer("arguments")
    def _without_secrets(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """What a run folder records: a key may change between two runs, and stands in no file."""
        return cast("dict[str, Any]", masked(arguments))


PROVIDERS = (
    "anthropic",
    "azure",
    "azure_ai",
    "bedrock",
    "cerebras",
    "cohere",
    "databricks",
    "deepseek",
    "fireworks_ai",
    "gemini",
    "github",
    "groq",
    "huggingface",
    "mistral",
    "moonshot",
    "nvidia_nim",
    "ollama",
    "openrouter",
    "perplexity",
    "replicate",
    "sagemaker",
    "sambanova",
    "together_ai",
    "vertex_ai",
    "watsonx",
    "xai",
)
"""What litellm calls well-known providers."""
_ALSO_CALLED = {"google": "gemini", "claude": "anthropic", "aws": "bedrock", "together": "together_ai"}


def way_to_provider(given: object) -> str | None:
    """What to say instead of the name of a provider; None where it is none."""
    name = _ALSO_CALLED.get(str(given), str(given))
    if name not in PROVIDERS:
        return None
    return f"{given} is a provider, and is asked through litellm: --llm litellm --model {name}/NAME"


AnyLLM: TypeAlias = Literal["demo", "local", "openai", "litellm", "vllm"] | CustomLLM
