"""EnsembleLLM: several models as one, of which the seed and the prompt draw."""

from __future__ import annotations

import inspect
import json
from random import Random
from typing import TYPE_CHECKING, Any

from distilabel.models.llms.base import LLM, AsyncLLM
from pydantic import Field, SerializeAsAny, model_validator
from typing_extensions import Self

from distilabel_selfinstruct.errors import ConfigError

if TYPE_CHECKING:
    from distilabel.typing import FormattedInput, GenerateOutput


class EnsembleLLM(LLM):
    """Several models as one: a prompt is answered by one of them, which the seed and the prompt draw.

    Whatever order prompts come in, in whichever process, the same prompt has the same model. In a `DurableLLM` each
    answer, and each row, says which model it is of.

    Attributes:
        llms: the models: all of them asynchronous, or none.
        shares: how many of the prompts each is likely to get, relative to the others'.
        seed: of the draw.

    Examples:
        Two models, the first of which answers seven of ten prompts:

        ```python
        from distilabel_selfinstruct import DemoLLM, EnsembleLLM

        llm = EnsembleLLM(llms=[DemoLLM(seed=1), DemoLLM(seed=2)], shares=[0.7, 0.3])
        llm.load()
        outputs = llm.generate_outputs(inputs=["A list of tasks for a language model:\\n1."])
        ```
    """

    llms: list[SerializeAsAny[LLM]] = Field(min_length=1)
    shares: list[float]
    seed: int = 0

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if len({isinstance(llm, AsyncLLM) for llm in self.llms}) > 1:
            names = ", ".join(llm.model_name for llm in self.llms)
            raise ConfigError(f"{names}: a model in this process and one at an endpoint cannot share a stage.")
        return self

    @property
    def model_name(self) -> str:
        """The names of all."""
        return " + ".join(llm.model_name for llm in self.llms)

    @property
    def generate_parameters(self) -> list[inspect.Parameter]:
        """Those that all have."""
        first, *others = ({each.name: each for each in llm.generate_parameters} for llm in self.llms)
        return [each for name, each in first.items() if all(name in other for other in others)]

    @property
    def is_asynchronous(self) -> bool:
        """Whether requests run concurrently."""
        return isinstance(self.llms[0], AsyncLLM)

    @property
    def window(self) -> int | None:
        """The smallest of their contexts, as far as they are known."""
        return min((window for llm in self.llms if (window := getattr(llm, "window", None))), default=None)

    def drawn(self, prompt: FormattedInput) -> LLM:
        """The model that answers a prompt."""
        text = prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False, default=str)
        return Random(f"{self.seed}|{text}").choices(self.llms, self.shares)[0]

    def get_generation_kwargs(self) -> dict[str, Any]:
        """Its own: those of single models are overridden by whoever asks."""
        return self.generation_kwargs or {}

    def load(self) -> None:
        """Loads all."""
        super().load()
        for llm in self.llms:
            llm.load()

    def unload(self) -> None:
        """Releases all."""
        for llm in self.llms:
            llm.unload()
        super().unload()

    async def aclose(self) -> None:
        """Closes the connections, in the event loop that has used them."""
        for llm in self.llms:
            if hasattr(llm, "aclose"):
                await llm.aclose()

    def generate(self, inputs: list[FormattedInput], num_generations: int = 1, **kwargs: Any) -> list[GenerateOutput]:
        """Has each prompt answered by its model; the extra list `model` says by which."""
        outputs: list[GenerateOutput] = []
        for prompt in inputs:
            llm = self.drawn(prompt)
            (output,) = llm.generate_outputs(inputs=[prompt], num_generations=num_generations, **kwargs)
            models: Any = {"model": [llm.model_name] * len(output["generations"])}
            outputs.append({**output, **models})
        return outputs
