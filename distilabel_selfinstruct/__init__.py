"""Self-Instruct (arXiv 2212.10560) as an extension of distilabel."""

from __future__ import annotations

import importlib
import sys
import warnings
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

# distilabel's fields and its use of pydantic warn by the thousand on import; nobody who uses this package can mend it.
warnings.filterwarnings("ignore", message=r"The '\w+' attribute with value .* was provided to the `Field\(\)` function")
warnings.filterwarnings("ignore", message=r"Accessing the 'model_\w+' attribute on the instance is deprecated")

_hook = sys.excepthook
import distilabel  # noqa: E402, F401

# distilabel installs tracebacks that print local variables, tokens among them.
sys.excepthook = _hook

if TYPE_CHECKING:
    from distilabel_selfinstruct.llms.demo import DemoLLM
    from distilabel_selfinstruct.llms.durable import DurableLLM
    from distilabel_selfinstruct.llms.openai import OpenAICompatibleLLM
    from distilabel_selfinstruct.llms.vllm import VLLM
    from distilabel_selfinstruct.pipeline import Pipeline, WholePipeline
    from distilabel_selfinstruct.presets import Preset
    from distilabel_selfinstruct.ray_pipeline import RayPipeline
    from distilabel_selfinstruct.seeds import SeedTask, load_seed_tasks
    from distilabel_selfinstruct.steps.answering import AnswerInstructions
    from distilabel_selfinstruct.steps.argilla import SelfInstructToArgilla
    from distilabel_selfinstruct.steps.bootstrap import BootstrapInstructions
    from distilabel_selfinstruct.steps.classification import IdentifyClassification
    from distilabel_selfinstruct.steps.dedup import RougeDedup
    from distilabel_selfinstruct.steps.documents import LoadDocuments
    from distilabel_selfinstruct.steps.evolution import AnswerEvolutions, EvolveInstructions, JudgeEvolutions
    from distilabel_selfinstruct.steps.filtering import FilterInstances
    from distilabel_selfinstruct.steps.formatting import FormatForTraining
    from distilabel_selfinstruct.steps.instances import InputFirstInstances, OutputFirstInstances
    from distilabel_selfinstruct.steps.judging import FilterByJudge
    from distilabel_selfinstruct.steps.loading import LoadInstructions, LoadSeedTasks
    from distilabel_selfinstruct.steps.magpie import MagpieInstructions
    from distilabel_selfinstruct.steps.preferences import GenerateResponses, PairResponses
    from distilabel_selfinstruct.steps.queries import GenerateQueries
    from distilabel_selfinstruct.steps.selecting import (
        SelectInstances,
        SelectInstructions,
        SelectPreferences,
        SelectRejected,
        SelectTopics,
    )
    from distilabel_selfinstruct.steps.tasks import BootstrapTasks
    from distilabel_selfinstruct.steps.topics import GenerateTopics, InstructByTopic
    from distilabel_selfinstruct.text.parsing import (
        Instance,
        parse_classification,
        parse_instances,
        parse_instructions,
    )
    from distilabel_selfinstruct.text.rouge import RougeLIndex
    from distilabel_selfinstruct.text.rules import check_instances, check_instruction

_HOMES = {
    "llms.demo": ["DemoLLM"],
    "llms.durable": ["DurableLLM"],
    "llms.openai": ["OpenAICompatibleLLM"],
    "llms.vllm": ["VLLM"],
    "pipeline": ["Pipeline", "WholePipeline"],
    "presets": ["Preset"],
    "ray_pipeline": ["RayPipeline"],
    "seeds": ["SeedTask", "load_seed_tasks"],
    "steps.answering": ["AnswerInstructions"],
    "steps.argilla": ["SelfInstructToArgilla"],
    "steps.bootstrap": ["BootstrapInstructions"],
    "steps.classification": ["IdentifyClassification"],
    "steps.dedup": ["RougeDedup"],
    "steps.documents": ["LoadDocuments"],
    "steps.evolution": ["AnswerEvolutions", "EvolveInstructions", "JudgeEvolutions"],
    "steps.filtering": ["FilterInstances"],
    "steps.formatting": ["FormatForTraining"],
    "steps.instances": ["InputFirstInstances", "OutputFirstInstances"],
    "steps.judging": ["FilterByJudge"],
    "steps.loading": ["LoadInstructions", "LoadSeedTasks"],
    "steps.magpie": ["MagpieInstructions"],
    "steps.preferences": ["GenerateResponses", "PairResponses"],
    "steps.queries": ["GenerateQueries"],
    "steps.selecting": [
        "SelectInstances",
        "SelectInstructions",
        "SelectPreferences",
        "SelectRejected",
        "SelectTopics",
    ],
    "steps.tasks": ["BootstrapTasks"],
    "steps.topics": ["GenerateTopics", "InstructByTopic"],
    "text.parsing": ["Instance", "parse_classification", "parse_instances", "parse_instructions"],
    "text.rouge": ["RougeLIndex"],
    "text.rules": ["check_instances", "check_instruction"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "VLLM",
    "AnswerEvolutions",
    "AnswerInstructions",
    "BootstrapInstructions",
    "BootstrapTasks",
    "DemoLLM",
    "DurableLLM",
    "EvolveInstructions",
    "FilterByJudge",
    "FilterInstances",
    "FormatForTraining",
    "GenerateQueries",
    "GenerateResponses",
    "GenerateTopics",
    "IdentifyClassification",
    "InputFirstInstances",
    "Instance",
    "InstructByTopic",
    "JudgeEvolutions",
    "LoadDocuments",
    "LoadInstructions",
    "LoadSeedTasks",
    "MagpieInstructions",
    "OpenAICompatibleLLM",
    "OutputFirstInstances",
    "PairResponses",
    "Pipeline",
    "Preset",
    "RayPipeline",
    "RougeDedup",
    "RougeLIndex",
    "SeedTask",
    "SelectInstances",
    "SelectInstructions",
    "SelectPreferences",
    "SelectRejected",
    "SelectTopics",
    "SelfInstructToArgilla",
    "WholePipeline",
    "check_instances",
    "check_instruction",
    "load_seed_tasks",
    "parse_classification",
    "parse_instances",
    "parse_instructions",
]


def __getattr__(name: str) -> Any:
    """Imports a name when it is first used: the parts that need no distilabel stay quick to import."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
