"""Any provider that litellm knows, by its name: anthropic/..., gemini/..., azure/..., bedrock/..., ollama/..."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import warnings
from contextlib import suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from distilabel.mixins.runtime_parameters import RuntimeParameter
from pydantic import Field, PrivateAttr, SecretStr

from distilabel_selfinstruct.errors import ConfigError, EndpointError, MissingExtraError, RequestFailed
from distilabel_selfinstruct.models.batches.anthropic import ADDRESS, AnthropicBatches
from distilabel_selfinstruct.models.batches.batcher import Batcher
from distilabel_selfinstruct.models.batches.protocol import Batches, Batching
from distilabel_selfinstruct.models.completion import ReplyError, error_in, no_completion
from distilabel_selfinstruct.models.connection import Connection
from distilabel_selfinstruct.models.endpoint import check_address
from distilabel_selfinstruct.models.openai import OPENAI_STOP_LIMIT, OpenAICompatibleLLM
from distilabel_selfinstruct.models.parameters import Learned
from distilabel_selfinstruct.secrets import is_secret_name, mask_url, remember_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_LOGGER = logging.getLogger("distilabel.llm.providers")
ANSWERS_MESSAGES = "answers messages: a text to be continued needs --llm openai or --llm vllm."
PRIVATE = {"litellm": ("_hidden_params",)}  # the headers of a response have no public home
_SUPPORTED_OR_NOT = frozenset(
    {
        "max_tokens",
        "temperature",
        "top_p",
        "frequency_penalty",
        "presence_penalty",
        "stop",
        "seed",
        "n",
        "response_format",
    }
)
"""OpenAI's parameters, of which litellm's tables say who has them; any other goes to the provider as it is."""
_SILENT = frozenset({"n"})  # the others are asked for one by one, so that nothing is missed
_LIKE_OPENAI = frozenset({"openai", "azure", "azure_ai"})
_SIGN_IN_OTHERWISE = frozenset(
    {"bedrock", "sagemaker", "vertex_ai", "vertex_ai_beta", "watsonx", "databricks", "azure"}
)
"""Providers that take more than a key from the environment: a profile, a role, a token of the machine."""
_PREFIXES = {
    "azure": ("AZURE_", "MSI_", "IDENTITY_"),
    "bedrock": ("AWS_",),
    "sagemaker": ("AWS_",),
    "gemini": ("GEMINI_", "GOOGLE_"),
    "vertex_ai": ("VERTEX", "GOOGLE_"),
    "huggingface": ("HF_TOKEN", "HUGGINGFACE_"),
}
"""How the names of a provider's variables begin, where they do not begin with its own."""
_WRAPPED = re.compile(r"^(?:litellm\.)?\w*(?:Error|Exception)\b(?:\s*[-:]\s*|\s+(?=\w+Error\b))")
_HANDLE_WITH = re.compile(r"\s*Handle with `litellm\.\w+`\.?")
_NOT_REACHED = re.compile(
    r"connection (?:refused|error|reset)|cannot connect|connect call failed|name or service not known|connecterror"
    r"|nodename nor servname|all connection attempts failed|temporary failure in name resolution",
    re.I,
)
_NO_KEY = re.compile(
    r"missing credentials|unable to locate credentials|no credentials|could not find credentials"
    r"|api_?key\b.{0,40}must be|missing .{0,20}api[_ ]?key|default credentials were not found",
    re.I,
)


class ProviderError(ReplyError):
    """An error of a provider, with its own words: what litellm puts around them is taken off.

    Attributes:
        said: all that it said.
        response: what is known of the response: its headers.
        key_variables: the variables of the environment that the provider's key comes from.
    """

    def __init__(
        self, message: str, status_code: int, body: object, headers: Mapping[str, str], key_variables: str
    ) -> None:
        found = error_in(body) if isinstance(body, (dict, list)) else None
        super().__init__(message, status_code, body, found.code if found else None, found.param if found else None)
        self.said = json.dumps(body) if isinstance(body, (dict, list)) else str(body)
        self.response, self.key_variables = SimpleNamespace(headers=headers), key_variables


class ProviderLLM(OpenAICompatibleLLM):
    """Completions of a chat model of any provider, by litellm (extra `litellm`): one attempt a request.

    Parameters that the provider does not have, by litellm's tables, are left out, with one warning; so are those that
    its model turns out to refuse. Keys come from the provider's usual variables of the environment, such as
    `ANTHROPIC_API_KEY`. Nothing is fetched but answers: litellm's table of models is the one that it came with.

    Attributes:
        model: `PROVIDER/NAME`, as litellm calls it, such as `anthropic/claude-sonnet-4-5`.
        base_url: address of the provider's interface. Defaults to its own.
        api_key: the key. Defaults to that of the provider's variable. It is part of no dump, signature or message.
        timeout: the seconds a whole request may take, to the last byte of its answer. Defaults to `600`.
        check_endpoint: whether `load` looks for the provider's key in the environment. Defaults to `True`.
        memory: path of a file in which the processes of a run keep what a model refuses, so that it is learned once.

    Runtime parameters:
        - `base_url`: address of the provider's interface.
        - `api_key`: the key.
        - `timeout`: the seconds a completion may take. Defaults to `600`.
        - `check_endpoint`: whether `load` looks for the provider's key. Defaults to `True`.

    Examples:
        Ask a model of Anthropic's, whose key is in `ANTHROPIC_API_KEY`:

        ```python
        from distilabel_selfinstruct import ProviderLLM

        llm = ProviderLLM(model="anthropic/claude-sonnet-4-5")
        llm.load()
        llm.generate_outputs(inputs=[[{"role": "user", "content": "Name a prime."}]], max_new_tokens=20)
        ```
    """

    base_url: RuntimeParameter[str] | None = Field(default=None, description="Address of the provider's interface.")
    api_key: RuntimeParameter[SecretStr] | None = Field(
        default=None, exclude=True, repr=False, description="The key of the provider."
    )

    _environment: dict[str, str] = PrivateAttr(default_factory=dict)  # goes along to workers on other machines
    _litellm: Any = PrivateAttr(None)
    _provider: str = PrivateAttr("")
    _supported: frozenset[str] = PrivateAttr(frozenset())
    _key_variables: str = PrivateAttr("the key's variable")
    _last_headers: Iterable[tuple[str, str]] = PrivateAttr(())

    def model_post_init(self, context: Any) -> None:
        """Takes the provider's variables along."""
        super().model_post_init(context)
        provider = self.model.partition("/")[0]
        prefixes = _PREFIXES.get(provider, (provider.upper().removesuffix("_AI"),))
        self._environment = {name: value for name, value in os.environ.items() if name.startswith(prefixes)}

    @property
    def last_headers(self) -> Iterable[tuple[str, str]]:
        """Those of the last answer, as far as litellm hands them on."""
        return self._last_headers

    @property
    def window(self) -> int | None:
        """Tokens that the model's context holds, by litellm's table."""
        table = getattr(self._litellm, "model_cost", {})
        known = table.get(self.model) or table.get(self.model.partition("/")[2]) or {}
        size = known.get("max_input_tokens")
        return size if isinstance(size, int) and size > 0 else None

    def count_tokens(self, text: str) -> int | None:
        """None: nobody is asked."""
        return None

    def load(self) -> None:
        """Loads litellm, and looks whether it knows the provider, and its key.

        Raises:
            MissingExtraError: if litellm is not installed.
            EndpointError: if the provider is not known, or has no key.
        """
        super(OpenAICompatibleLLM, self).load()
        for name, value in self._environment.items():
            os.environ.setdefault(name, value)
        self._litellm = litellm = quiet_litellm()
        remember_named({"base_url": self.base_url, "api_key": self.api_key})
        if self.base_url:
            check_address(self.base_url)
        try:
            name, self._provider, *_ = litellm.get_llm_provider(self.model)
        except litellm.exceptions.BadRequestError:
            raise EndpointError(
                f"litellm knows no provider of the model {self.model!r}: write --model PROVIDER/NAME, such as"
                f" anthropic/{self.model.rpartition('/')[2]}."
            ) from None
        supported = litellm.get_supported_openai_params(model=name, custom_llm_provider=self._provider)
        self._supported = frozenset(supported or _SUPPORTED_OR_NOT)
        needed = [name for name in litellm.validate_environment(self.model)["missing_keys"] if is_secret_name(name)]
        self._key_variables = " or ".join(needed) or f"{self._provider.upper()}_API_KEY"
        is_looked_for = self.check_endpoint and self._provider not in _SIGN_IN_OTHERWISE
        if is_looked_for and needed and not self.api_key:
            raise EndpointError(f"The provider {self._provider} needs a key: set {self._key_variables}.")
        at = mask_url(self.base_url) if self.base_url else self._provider
        self._learned = Learned(f"{self.model} at {at}", Path(self.memory) if self.memory else None)
        self._make_batcher()

    def _batches(self, how: Batching) -> Batches:
        """Where batches are answered: at Anthropic's."""
        key = self.api_key.get_secret_value() if self.api_key else os.environ.get("ANTHROPIC_API_KEY", "")
        headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
        return AnthropicBatches(Connection(self.base_url or ADDRESS, headers=headers))

    @property
    def gives_one(self) -> bool:
        """Whether a request has one completion whatever it asks for."""
        return "n" not in self._supported

    async def aclose(self) -> None:
        """Closes litellm's connections, and has it make new ones for whoever asks again."""
        await super().aclose()
        with suppress(Exception):  # whatever others have closed before
            await self._litellm.close_litellm_async_clients()
        self._litellm.in_memory_llm_clients_cache.flush_cache()

    def _url(self) -> str:
        return self.base_url or self._provider

    def _sent_stop(self, stop: list[str]) -> list[str] | None:
        return stop[: OPENAI_STOP_LIMIT if self._provider in _LIKE_OPENAI else None] or None

    async def _post(self, path: str, sent: dict[str, Any]) -> object:
        """The response in OpenAI's form, whatever form the provider gave it."""
        if path != "/chat/completions":
            raise ConfigError(f"{self.model} {ANSWERS_MESSAGES}")
        self._used_loop = asyncio.get_running_loop()
        parameters = self._with_what_it_has(sent)
        if self._provider == "ollama":  # whose older route knows neither messages nor why an answer ended
            parameters["model"] = f"ollama_chat/{self.model.partition('/')[2]}"
        in_batch = None if self._batcher is None else _in_batch(self._batcher)
        answers: list[object] = []
        request = self._litellm.acompletion(
            **parameters,
            api_base=self.base_url,
            api_key=self.api_key.get_secret_value() if self.api_key else None,
            timeout=float(self.timeout),
            num_retries=0,
            max_retries=0,
            logger_fn=lambda details: answers.append(details.get("original_response")),
            **({"client": in_batch} if in_batch else {}),
        )
        try:
            response = await asyncio.wait_for(request, None if in_batch else float(self.timeout))
        except asyncio.TimeoutError:
            raise RequestFailed(
                f"no whole answer within {self.timeout:g} s", "timeout", retryable=True, kind="service"
            ) from None
        except RequestFailed:
            raise
        except Exception as error:  # litellm's own, and whatever passes through it
            self._last_headers = _headers(error).items()
            raise (in_batch and in_batch.failure) or self._explained(error, answers) from None
        self._last_headers = _hidden_headers(response)
        return _with_endings(response.model_dump())

    def _with_what_it_has(self, sent: dict[str, Any]) -> dict[str, Any]:
        """The parameters without those that the provider does not have."""
        absent = {name for name in sent if name in _SUPPORTED_OR_NOT and name not in self._supported}
        for name in sorted(absent - _SILENT):
            self._warn_once(name, f"{self.model}: the provider has no `{name}`, which is left out")
        return {name: value for name, value in sent.items() if name not in absent}

    def _explained(self, error: Exception, answers: list[object]) -> Exception:
        """What a provider said, as this package tells failures apart.

        Args:
            error: litellm's, which may have another status, and less of what was said.
            answers: what came with status 200, which litellm could not read.
        """
        import httpx

        known, chain = self._litellm.exceptions, [*_with_contexts(error)]
        status = getattr(error, "status_code", None)
        text = _unwrapped(_HANDLE_WITH.sub("", str(getattr(error, "message", error))))
        body = _body_in(text)
        if (response := next(filter(None, map(_response_of, chain)), None)) is not None:
            status, body = response.status_code, body or _body_in(response.text)
            text = text if body else response.text
        elif (answered := next(filter(None, map(_body_in, map(str, answers))), None)) is not None:
            status, body = getattr(error_in(answered), "status_code", status), answered
        elif (cause := next((each for each in chain if isinstance(each, httpx.TransportError)), None)) is not None:
            return cause
        if not isinstance(status, int):
            return error
        if isinstance(error, known.ContextWindowExceededError):
            return RequestFailed(f"{status}: {_sentence(text, body)}", "context_length")
        if isinstance(error, known.ContentPolicyViolationError):
            return RequestFailed(f"{status}: {_sentence(text, body)}", "content_filter")
        if _NO_KEY.search(text) and (body is None or status >= 500):
            return EndpointError(f"The provider {self._provider} has no key: {text}. Set {self._key_variables}.")
        if isinstance(error, known.Timeout) and response is None:
            return RequestFailed(f"no answer in time: {text}", "timeout", retryable=True, kind="service")
        if body is None and status >= 500 and _NOT_REACHED.search(text):
            said = f"the endpoint could not be reached: {text}"
            return RequestFailed(said, "unavailable", retryable=True, kind="service")
        if "unable to get json response" in text.lower():
            return no_completion(text)
        return ProviderError(_sentence(text, body), status, body or text, _headers(error), self._key_variables)


def _in_batch(batcher: Batcher) -> Any:
    """A client of litellm's for one request, which it puts in a batch: so litellm makes and reads it as any other."""
    import httpx
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

    class InBatch(AsyncHTTPHandler):
        failure: Exception | None = None

        def __init__(self) -> None:
            """Opens nothing."""

        def __del__(self) -> None:
            """Closes nothing."""

        async def post(self, url: str, *args: Any, json: Any = None, **kwargs: Any) -> httpx.Response:
            try:
                message = await batcher.post("/messages", json)
            except Exception as error:
                self.failure = error
                raise
            return httpx.Response(200, json=message, request=httpx.Request("POST", url))

    return InBatch()


def quiet_litellm() -> ModuleType:
    """litellm, without banners, retries, callbacks, or anything that it would fetch.

    Raises:
        MissingExtraError: if it is not installed.
    """
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    warnings.filterwarnings("ignore", module=r"litellm(?:\.|$)")
    for said in (r"Items? .*`ReadOnly` qualifier", "Pydantic serializer warnings"):  # of its classes
        warnings.filterwarnings("ignore", message=said)
    try:
        import litellm
        from litellm.litellm_core_utils import logging_worker
    except ImportError:
        raise MissingExtraError.of("--llm litellm", "litellm") from None
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.drop_params = False
    litellm.num_retries = 0
    litellm.disable_aiohttp_transport = True  # one client a loop, which can be closed
    # What it would tell of each answer to those who listen, of whom there are none, outlives the event loop.
    worker: Any = logging_worker.GLOBAL_LOGGING_WORKER
    worker.ensure_initialized_and_enqueue = lambda async_coroutine: async_coroutine.close()
    for name in ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return litellm


def _unwrapped(text: str) -> str:
    """A provider's words, without the names of exceptions that litellm puts before them."""
    before = None
    while before != text:
        before, text = text, _WRAPPED.sub("", text, count=1).strip()
    return text or before or ""


def _with_contexts(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those that it came of."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _response_of(error: BaseException) -> Any:
    """The response that an error stands for; None where it has none, or one that litellm made up."""
    with suppress(Exception):
        response: Any = getattr(error, "response", None)
        return response if response.text else None
    return None


def _with_endings(reply: dict[str, Any]) -> dict[str, Any]:
    """The reply with the provider's own words for how answers ended: litellm calls whole what was broken off."""
    for choice in reply["choices"]:
        native = (choice.get("provider_specific_fields") or {}).get("native_finish_reason")
        choice["finish_reason"] = native or choice["finish_reason"]
    return reply


def _body_in(text: str) -> Any:
    """The JSON in a message, if it is one."""
    start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=-1)
    if start < 0:
        return None
    with suppress(ValueError, RecursionError):
        body, _ = json.JSONDecoder().raw_decode(text[start:])
        return body if error_in(body) is not None else None
    return None


def _sentence(text: str, body: object) -> str:
    return str(error_in(body) or text)


def _hidden_headers(response: Any) -> Iterable[tuple[str, str]]:
    """The headers that an answer came with; litellm writes before their names that they are the provider's."""
    hidden = getattr(response, "_hidden_params", None) or {}
    return [(str(name), str(value)) for name, value in (hidden.get("additional_headers") or {}).items()]


def _headers(error: Exception) -> dict[str, str]:
    """The headers of the response, in lower case."""
    for given in (
        getattr(error, "litellm_response_headers", None),
        getattr(getattr(error, "response", None), "headers", None),
    ):
        if given:
            return {str(name).lower(): str(value) for name, value in given.items()}
    return {}
