"""Self-Instruct (arXiv 2212.10560) as an extension of distilabel."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from distilabel_selfinstruct.lazy import lazy_names
from distilabel_selfinstruct.version import __version__ as __version__

# distilabel's fields and its use of pydantic warn by the thousand on import; nobody who uses this package can mend it.
warnings.filterwarnings("ignore", message=r"The '\w+' attribute with value .* was provided to the `Field\(\)` function")
warnings.filterwarnings("ignore", message=r"Accessing the 'model_\w+' attribute on the instance is deprecated")

if TYPE_CHECKING:
    from distilabel_selfinstruct.data.seeds import SeedTask, load_seed_tasks
    from distilabel_selfinstruct.demo.model import DemoLLM
    from distilabel_selfinstruct.engine.pipeline import WholePipeline
    from distilabel_selfinstruct.engine.pipelines import Pipeline, RayPipeline
    from distilabel_selfinstruct.models.durable import DurableLLM
    from distilabel_selfinstruct.models.embedding import EmbeddingLLM
    from distilabel_selfinstruct.models.ensemble import EnsembleLLM
    from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM
    from distilabel_selfinstruct.models.providers import ProviderLLM
    from distilabel_selfinstruct.models.vllm import VLLM
    from distilabel_selfinstruct.presets import Preset
    from distilabel_selfinstruct.recipes.alpaca.steps import BootstrapTasks
    from distilabel_selfinstruct.recipes.domain.steps import GenerateQueries
    from distilabel_selfinstruct.recipes.evolve.steps import AnswerEvolutions, EvolveInstructions, JudgeEvolutions
    from distilabel_selfinstruct.recipes.magpie.steps import MagpieInstructions
    from distilabel_selfinstruct.recipes.preferences.steps import GenerateResponses, PairResponses
    from distilabel_selfinstruct.recipes.self_instruct.bootstrap import BootstrapInstructions
    from distilabel_selfinstruct.recipes.self_instruct.classification import IdentifyClassification
    from distilabel_selfinstruct.recipes.self_instruct.instances import InputFirstInstances, OutputFirstInstances
    from distilabel_selfinstruct.recipes.topics.steps import GenerateTopics, InstructByTopic
    from distilabel_selfinstruct.review.step import SelfInstructToArgilla
    from distilabel_selfinstruct.steps.agreement import AgreeingAnswers
    from distilabel_selfinstruct.steps.answer import AnswerInstructions
    from distilabel_selfinstruct.steps.clear import KeepClear
    from distilabel_selfinstruct.steps.conversation import ContinueConversation
    from distilabel_selfinstruct.steps.dedup import RougeDedup
    from distilabel_selfinstruct.steps.documents import LoadDocuments
    from distilabel_selfinstruct.steps.filter import FilterInstances
    from distilabel_selfinstruct.steps.format import FormatForTraining
    from distilabel_selfinstruct.steps.judge import FilterByJudge
    from distilabel_selfinstruct.steps.load import LoadInstructions, LoadSeedTasks
    from distilabel_selfinstruct.steps.meaning import SemanticDedup
    from distilabel_selfinstruct.steps.own import ApplyFilters
    from distilabel_selfinstruct.steps.select import (
        SelectInstances,
        SelectInstructions,
        SelectPreferences,
        SelectRejected,
        SelectTopics,
    )
    from distilabel_selfinstruct.steps.tags import TagInstances
    from distilabel_selfinstruct.text.reading.answers import (
        Instance,
        parse_classification,
        parse_instances,
        parse_instructions,
    )
    from distilabel_selfinstruct.text.rouge import RougeLIndex
    from distilabel_selfinstruct.text.rules import check_instances, check_instruction

_HOMES = {
    "demo.model": ["DemoLLM"],
    "models.durable": ["DurableLLM"],
    "models.embedding": ["EmbeddingLLM"],
    "models.ensemble": ["EnsembleLLM"],
    "models.openai": ["OpenAICompatibleLLM"],
    "models.providers": ["ProviderLLM"],
    "models.vllm": ["VLLM"],
    "engine.pipeline": ["WholePipeline"],
    "engine.pipelines": ["Pipeline", "RayPipeline"],
    "presets": ["Preset"],
    "data.seeds": ["SeedTask", "load_seed_tasks"],
    "steps.agreement": ["AgreeingAnswers"],
    "steps.answer": ["AnswerInstructions"],
    "review.step": ["SelfInstructToArgilla"],
    "recipes.self_instruct.bootstrap": ["BootstrapInstructions"],
    "recipes.self_instruct.classification": ["IdentifyClassification"],
    "steps.clear": ["KeepClear"],
    "steps.conversation": ["ContinueConversation"],
    "steps.dedup": ["RougeDedup"],
    "steps.documents": ["LoadDocuments"],
    "recipes.evolve.steps": ["AnswerEvolutions", "EvolveInstructions", "JudgeEvolutions"],
    "steps.filter": ["FilterInstances"],
    "steps.format": ["FormatForTraining"],
    "recipes.self_instruct.instances": ["InputFirstInstances", "OutputFirstInstances"],
    "steps.judge": ["FilterByJudge"],
    "steps.load": ["LoadInstructions", "LoadSeedTasks"],
    "recipes.magpie.steps": ["MagpieInstructions"],
    "recipes.preferences.steps": ["GenerateResponses", "PairResponses"],
    "recipes.domain.steps": ["GenerateQueries"],
    "steps.meaning": ["SemanticDedup"],
    "steps.own": ["ApplyFilters"],
    "steps.select": [
        "SelectInstances",
        "SelectInstructions",
        "SelectPreferences",
        "SelectRejected",
        "SelectTopics",
    ],
    "steps.tags": ["TagInstances"],
    "recipes.alpaca.steps": ["BootstrapTasks"],
    "recipes.topics.steps": ["GenerateTopics", "InstructByTopic"],
    "text.reading.answers": ["Instance", "parse_classification", "parse_instances", "parse_instructions"],
    "text.rouge": ["RougeLIndex"],
    "text.rules": ["check_instances", "check_instruction"],
}

__all__ = [
    "VLLM",
    "AgreeingAnswers",
    "AnswerEvolutions",
    "AnswerInstructions",
    "ApplyFilters",
    "BootstrapInstructions",
    "BootstrapTasks",
    "ContinueConversation",
    "DemoLLM",
    "DurableLLM",
    "EmbeddingLLM",
    "EnsembleLLM",
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
    "KeepClear",
    "LoadDocuments",
    "LoadInstructions",
    "LoadSeedTasks",
    "MagpieInstructions",
    "OpenAICompatibleLLM",
    "OutputFirstInstances",
    "PairResponses",
    "Pipeline",
    "Preset",
    "ProviderLLM",
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
    "SemanticDedup",
    "TagInstances",
    "WholePipeline",
    "check_instances",
    "check_instruction",
    "load_seed_tasks",
    "parse_classification",
    "parse_instances",
    "parse_instructions",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
