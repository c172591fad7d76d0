"""Embeddings of texts: from an endpoint, one a request, or static ones, which need no model to be run."""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distilabel_selfinstruct.data.quiet import quiet_clients
from distilabel_selfinstruct.errors import ConfigError, MissingExtraError, RequestFailed
from distilabel_selfinstruct.models.completion import error_in
from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM

if TYPE_CHECKING:
    import numpy as np
    from distilabel.typing import GenerateOutput
    from numpy.typing import NDArray


class EmbeddingLLM(OpenAICompatibleLLM):
    """Embeddings from any endpoint that speaks OpenAI's protocol, as texts, so that a `DurableLLM` keeps them.

    A text goes to `/embeddings`; `vector_of` makes an embedding of what comes back. What fails does so as of
    `OpenAICompatibleLLM`.

    Attributes:
        model: the model's id, as the endpoint lists it.
        base_url: the endpoint, up to and with its `/v1`.
        api_key: the key, if the endpoint wants one.
        timeout: the seconds a whole request may take.

    Runtime parameters:
        - `base_url`: the endpoint, up to and with its `/v1`.
        - `api_key`: the key, if the endpoint wants one.
        - `timeout`: the seconds a request may take. Defaults to `600`.
        - `check_endpoint`: whether `load` asks the endpoint for its models. Defaults to `True`.

    Examples:
        Embed a text:

        ```python
        from distilabel_selfinstruct.models.embedding import EmbeddingLLM, vector_of

        llm = EmbeddingLLM(model="nomic-embed-text", base_url="http://127.0.0.1:11434/v1")
        llm.load()
        output = llm.generate_outputs(inputs=["Name a prime."])[0]
        vector = vector_of(output["generations"][0])
        ```
    """

    async def agenerate(self, input: Any, num_generations: int = 1) -> GenerateOutput:  # type: ignore[override]
        """Asks for the embedding of a text.

        Args:
            input: the text.
            num_generations: how often it is given back. Defaults to `1`.

        Returns:
            `generations`, each the embedding as a text, and under `statistics` the tokens.

        Raises:
            RequestFailed: the answer is no embedding: `invalid_response`.
            ReplyError: the answer is an error, with status 200.
        """
        sent = {"model": self.model, "input": input, "encoding_format": "float"}
        body = await self._post("/embeddings", sent)
        if (error := error_in(body)) is not None:
            raise error
        encoded, tokens = _encoded(body)
        none = [0] * (num_generations - 1)
        return {
            "generations": [encoded] * num_generations,
            "statistics": {"input_tokens": [tokens, *none], "output_tokens": [0, *none]},
        }


def _encoded(body: Any) -> tuple[str, int]:
    import numpy as np

    try:
        vector = np.asarray(body["data"][0]["embedding"], dtype="<f4")
        is_one = vector.ndim == 1 and vector.size > 0 and bool(np.isfinite(vector).all())
    except (KeyError, IndexError, TypeError, ValueError):
        is_one = False
    if not is_one:
        raise RequestFailed("the answer holds no embedding", "invalid_response", retryable=True)
    usage = body.get("usage")
    tokens = usage.get("prompt_tokens") if isinstance(usage, Mapping) else 0
    return base64.b64encode(vector.tobytes()).decode(), tokens if isinstance(tokens, int) else 0


def vector_of(encoded: str) -> NDArray[np.float32]:
    """The embedding that a text holds."""
    import numpy as np

    return np.frombuffer(base64.b64decode(encoded), dtype="<f4")


def static_vectors(model: str, texts: list[str]) -> list[NDArray[np.float32]]:
    """Static embeddings of texts: the mean of those of their tokens.

    Args:
        model: a folder that model2vec has written, or a model of the Hub.
        texts: to be embedded.

    Raises:
        ConfigError: if the model cannot be read.
        MissingExtraError: if model2vec is not installed.
    """
    return list(read_static(model).encode(texts))


@lru_cache(maxsize=2)
def read_static(model: str) -> Any:
    """Static embeddings; see `static_vectors`."""
    try:
        from model2vec import StaticModel
    except ImportError:
        raise MissingExtraError.of(f"--semantic-threshold with {model} (model2vec)", "semantic") from None
    path = Path(model).expanduser()
    logging.getLogger("model2vec").setLevel(logging.ERROR)
    try:
        with quiet_clients():
            return StaticModel.from_pretrained(path if path.exists() else model)
    except Exception as error:  # whatever the Hub or the files bring
        said = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"--embedder-model {model}: holds no static embeddings that can be read ({type(error).__name__}: {said});"
            " give a folder of model2vec, one of its models on the Hub, or another --embedder."
        ) from None
