"""The model that a config names."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distilabel.models.llms.base import LLM
from pydantic import ValidationError

from distilabel_selfinstruct.errors import ConfigError, SelfInstructError
from distilabel_selfinstruct.models.batches.protocol import Batching
from distilabel_selfinstruct.models.local.weights import find_weights
from distilabel_selfinstruct.runs.config import ModelConfig
from distilabel_selfinstruct.runs.options import CustomLLM

if TYPE_CHECKING:
    from distilabel_selfinstruct.models.local.engine import LocalEngine

_BROKEN = {  # of distilabel 1.5.3: what is wrong, and what to use
    "AzureOpenAILLM": "cannot be loaded (a bug of distilabel 1.5.3). Use --llm openai --model DEPLOYMENT"
    " --base-url https://NAME.openai.azure.com/openai/v1/",
    "OllamaLLM": "cannot be made from arguments (a bug of distilabel 1.5.3). Use --llm openai --model NAME"
    " --base-url http://127.0.0.1:11434/v1",
    "MixtureOfAgentsLLM": "is made of other LLMs, which a config cannot hold. Make it in a script of your own, with"
    " run.llm(STAGE, model=...)",
}
_NO_STATUS = (
    "cannot be loaded with a model_id alone (distilabel 1.5.3 asks huggingface_hub for what it no longer has). Give it"
    " a base_url, or use --llm openai --model NAME --base-url https://router.huggingface.co/v1"
)


@contextmanager
def local_engine(config: ModelConfig) -> Iterator[LocalEngine | None]:
    """The engine of a model on this machine, while the block runs; None where another model is asked.

    Raises:
        ConfigError: if there are no such weights.
        EndpointError: if they cannot be loaded, or, from the block, if the engine has ended.
    """
    if config.llm != "local":
        yield None
        return
    from distilabel_selfinstruct.models.local.engine import CONTEXT, LocalEngine

    with LocalEngine(
        find_weights(config.model), config.concurrency, config.context or CONTEXT, config.threads
    ) as engine:
        try:
            yield engine
        except SelfInstructError:
            engine.check()  # says more than that nobody answers any longer
            raise


def make_model(
    config: ModelConfig,
    learned: Path | None = None,
    engine: LocalEngine | None = None,
    batching: Batching | None = None,
) -> LLM:
    """The model that a config names.

    Args:
        config: that names it.
        learned: file in which the processes of a run keep what an endpoint refuses.
        engine: of a model on this machine.
        batching: how its requests are put in batches, if they are.
    """
    if isinstance(config.llm, CustomLLM):
        return _custom_llm(config.llm)
    if config.llm == "local":  # without an engine it is there to be named
        weights, url, key = (engine.weights, engine.url, engine.key) if engine else (find_weights(config.model), "", "")
        return _openai(config, weights.name, url, learned, key)
    if config.llm == "openai":
        return _openai(config, config.model, config.base_url, learned, batching=batching)
    if config.llm == "litellm":
        from distilabel_selfinstruct.models.providers import ProviderLLM, quiet_litellm

        quiet_litellm()  # seconds of CPU, once: workers that are forked have it
        return ProviderLLM(
            model=str(config.model),
            base_url=config.base_url,
            timeout=config.timeout,
            memory=str(learned) if learned else None,
            batching=batching,
        )
    if config.llm == "vllm" and batching:  # in files: nobody is asked at an address
        return _openai(config, config.model, "http://127.0.0.1/v1", None, batching=batching, check_endpoint=False)
    if config.llm == "vllm":
        return _vllm(config, str(config.model))
    from distilabel_selfinstruct.demo.model import DemoLLM

    return DemoLLM(seed=config.seed)


def _openai(
    config: ModelConfig, name: str | None, url: str | None, learned: Path | None, key: str | None = None, **more: Any
) -> LLM:
    from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM

    return OpenAICompatibleLLM(
        model=name,
        base_url=url,
        timeout=config.timeout,
        outage=config.outage,
        memory=str(learned) if learned else None,
        **({"api_key": key} if key else {}),
        **more,
    )


def _vllm(config: ModelConfig, name: str) -> LLM:
    from distilabel_selfinstruct.models.vllm import VLLM

    if config.tensor_parallel == 1:
        return VLLM(model=name)
    # On Ray vLLM may take it for its own business to spread the model over the cluster.
    spread = {"tensor_parallel_size": config.tensor_parallel, "distributed_executor_backend": "mp"}
    return VLLM(model=name, extra_kwargs=spread)


def _custom_llm(custom: CustomLLM) -> LLM:
    module, _, name = custom.class_path.rpartition(".")
    try:
        kind: Any = getattr(import_module(module), name)
    except Exception as error:  # whatever a module does when it is imported
        raise ConfigError(f"llm.class: there is no {custom.class_path!r} ({error}).") from None
    if not (isinstance(kind, type) and issubclass(kind, LLM)):
        raise ConfigError(f"llm.class: {custom.class_path!r} is no distilabel LLM.")
    model: type[LLM] = kind
    if (fault := _fault_upstream(model, custom.arguments)) is not None:
        raise ConfigError(f"llm.class: {custom.class_path} {fault}.")
    try:
        made = model.model_validate(custom.arguments)  # `kind(...)` leaves a half-made LLM, and that one's end fails
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"llm.arguments: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
    except TypeError as error:
        raise ConfigError(f"llm.class: {error}.") from None
    if made is not None:
        return made
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a validator of the class, such as LlamaCppLLM's, gives nothing back
        return model(**custom.arguments)


def _fault_upstream(model: type[LLM], arguments: dict[str, Any]) -> str | None:
    """Why a class of distilabel's own cannot work, if that is known."""
    if not model.__module__.startswith("distilabel."):
        return None
    if model.__name__ == "InferenceEndpointsLLM" and not arguments.get("base_url"):
        from huggingface_hub import InferenceClient

        return None if hasattr(InferenceClient, "get_model_status") else _NO_STATUS
    return _BROKEN.get(model.__name__)
