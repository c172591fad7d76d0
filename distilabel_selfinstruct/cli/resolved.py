"""The whole config of a run, with what follows from its options; nothing is run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import yaml

from distilabel_selfinstruct.models.durable import DurableLLM
from distilabel_selfinstruct.recipe import Recipe
from distilabel_selfinstruct.runs.config import RunConfig
from distilabel_selfinstruct.runs.run import Run
from distilabel_selfinstruct.secrets import masked
from distilabel_selfinstruct.usage import Prices

if TYPE_CHECKING:
    from distilabel_selfinstruct.engine.pipeline import WholePipeline


def resolved_config(recipe: Recipe, config: RunConfig, build: Callable[[Run[Any]], WholePipeline]) -> str:
    """YAML that a config file may hold, and in comments what each stage is asked with; secrets are masked.

    Args:
        recipe: that the pipeline follows.
        config: with the options that were given.
        build: makes the pipeline for a run.

    Raises:
        SelfInstructError: if the run could not begin.
    """
    run = Run(config, recipe)
    pipeline = run.built(build)
    names = run.config.names(recorded=True)
    options = masked(run.config.model_dump(mode="json", by_alias=True, include=names))
    text = yaml.safe_dump(options, allow_unicode=True, sort_keys=False, default_flow_style=False)
    steps = [pipeline.dag.get_step(name)["step"] for name in pipeline.dag]
    return "\n".join([text, *(line for step in steps for line in _stage(run, step))])


def _stage(run: Run[Any], step: Any) -> Iterator[str]:
    """What a step asks its model with, if it asks one."""
    llm = getattr(step, "llm", None)
    if not isinstance(llm, DurableLLM):
        return
    options = run.options_of(llm.stage)
    kind = options.llm if isinstance(options.llm, str) else type(llm.llm).__name__
    at = f" at {masked({'base_url': options.base_url})['base_url']}" if options.base_url else ""
    yield f"# stage {llm.stage}: {kind}, {_models(options.model) or llm.model_name}{at}"
    decoding = {name: value for name, value in step.sampling().items() if value is not None}
    yield f"#   {', '.join(f'{name} {json.dumps(masked(value))}' for name, value in decoding.items())}"
    if step.system_message:
        yield f"#   system prompt {json.dumps(step.system_message, ensure_ascii=False)}"
    for model, prices in run.prices_of(llm.stage).items():
        yield f"#   {model or llm.model_name}: {_price(prices)}"


def _models(model: Any) -> str | None:
    if isinstance(model, dict):
        return ", ".join(f"{name} ({share:g})" for name, share in model.items())
    return str(model) if model else None


def _price(prices: Prices | None) -> str:
    if prices is None:
        return "price unknown"
    if prices.is_free:
        return "no price"
    cached = prices.cached_per_million
    of_cache = "" if cached is None else f", {cached:g} of a cache"
    of_input = f"{prices.input_per_million:g} {prices.currency} a million tokens in"
    return f"{of_input}{of_cache}, {prices.output_per_million:g} out"
