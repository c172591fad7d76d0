"""The questions put to the model: one jinja2 template a question and wording, in the folder `prompts` of a package.

The wordings: `base` for a model that continues a text, `chat` for one that answers a message, `structured` for one
that answers a message under a JSON schema. How a Task of a run puts its questions (in a user's own templates, in
another language, into a small context) is its `Manner`, which holds within `put_in`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import jinja2

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.presets import Wording
from distilabel_selfinstruct.steps.fitting import Count, fitted, tokens_of

if TYPE_CHECKING:
    from distilabel.typing import FormattedInput

TEXT = {"type": "string"}


def array_schema(items: dict[str, Any], most: int) -> dict[str, Any]:
    """The JSON schema of an array with one to so many items: without an end small models go on to their limit."""
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


def object_schema(**properties: Any) -> dict[str, Any]:
    """The JSON schema of an object with exactly these properties, in their order."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@dataclass(slots=True)
class Manner:
    """How a Task puts its questions.

    Attributes:
        templates: a user's own, by the names of those that they stand for.
        sentence: that stands before a question, such as one that asks for a language; not before a user's own template.
        most: tokens that a prompt may have; None is any number.
        count: counts the tokens of a text, if it can be asked to.
        is_own: whether the last question was put in a template of the user's.
        system: what stands before a chat.
    """

    templates: Mapping[str, str] = field(default_factory=dict)
    sentence: str | None = None
    most: int | None = None
    count: Count | None = None
    is_own: bool = False
    system: str | None = None

    @property
    def beside(self) -> str:
        """What is sent besides the question."""
        return "".join(filter(None, (self.system, self.sentence)))

    def spoken(self, prompt: FormattedInput) -> FormattedInput:
        """A prompt with the sentence before it, and what stands before a chat."""
        return self._headed(self._with_sentence(prompt))

    def _headed(self, prompt: FormattedInput) -> FormattedInput:
        if self.system is None or not prompt or isinstance(prompt, str):
            return prompt
        if isinstance(prompt, tuple):
            return (self._headed(prompt[0]), *prompt[1:])  # type: ignore[return-value]
        if prompt[0]["role"] != "system":
            return [{"role": "system", "content": self.system}, *prompt]
        return [{**prompt[0], "content": f"{self.system}\n\n{prompt[0]['content']}"}, *prompt[1:]]  # type: ignore[list-item]

    def _with_sentence(self, prompt: FormattedInput) -> FormattedInput:
        if self.sentence is None or self.is_own or not prompt:
            return prompt
        if isinstance(prompt, str):
            return f"{self.sentence}\n\n{prompt}"
        if isinstance(prompt, tuple):
            return (self._with_sentence(prompt[0]), *prompt[1:])  # type: ignore[return-value]
        *before, last = prompt
        return [*before, {**last, "content": f"{self.sentence}\n\n{last['content']}"}]  # type: ignore[list-item]


_MANNER: ContextVar[Manner | None] = ContextVar("manner", default=None)


@contextmanager
def put_in(manner: Manner) -> Iterator[Manner]:
    """Within it questions are put in this manner."""
    token = _MANNER.set(manner)
    try:
        yield manner
    finally:
        _MANNER.reset(token)


@dataclass(frozen=True)
class Prompts:
    """The templates of a package, and the schemas of the answers to its questions in `structured` wording.

    Attributes:
        package: dotted name of the package whose folder `prompts` holds the templates, `QUESTION.WORDING.jinja2`.
        schemas: the JSON schema of the answer to a question.
    """

    package: str
    schemas: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def render(self, question: str, wording: Wording, **values: Any) -> Any:
        """The prompt as distilabel's LLMs take it.

        A string for `base`; otherwise a chat of one user message (not every chat template has a system role), for
        `structured` in a pair with the schema of the answer. The shots stand before what changes from row to row, so
        that a server's prefix cache serves a whole stage. Those that the `Manner` has no room for are left out.
        """
        manner, name = _MANNER.get() or Manner(), template_name(question, wording)
        manner.is_own = name in manner.templates
        template = environment(self.package, tuple(manner.templates.items())).get_template(name)
        most = None if manner.most is None else manner.most - tokens_of(manner.beside)
        try:
            text = fitted(lambda shown: template.render({**values, **shown}), values, most, manner.count)
        except Exception as error:  # whatever a user's template does
            if not manner.is_own:
                raise
            raise ConfigError(f"--prompts: {name} cannot be filled: {type(error).__name__}: {error}") from None
        if wording == "base":
            return text
        chat = [{"role": "user", "content": text}]
        return (chat, {"format": "json", "schema": self.schemas[question]}) if wording == "structured" else chat

    def frame(self, question: str, wording: Wording, own: Mapping[str, str], **values: Any) -> str:
        """What a prompt says around its shots, of which no instruction may be a copy.

        Args:
            own: the user's templates, by the names of those that they stand for.
            values: those of the template, without shots.
        """
        name = template_name(question, wording)
        try:
            return environment(self.package, tuple(own.items())).get_template(name).render(**values)
        except Exception:  # whatever a user's template does without shots
            if name in own:
                return ""
            raise

    def template(self, question: str, wording: Wording = "chat") -> str:
        """The template itself, for a Task of distilabel that fills it."""
        path = resources.files(self.package) / "prompts" / template_name(question, wording)
        return path.read_text(encoding="utf-8").rstrip("\n")


def template_name(question: str, wording: str) -> str:
    """The file of a template, below the folder `prompts`."""
    return f"{question}.{wording}.jinja2"


@cache
def environment(package: str, own: tuple[tuple[str, str], ...] = ()) -> jinja2.Environment:
    """What renders the templates of a package, or a user's own with the same names."""
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.DictLoader(dict(own)), jinja2.PackageLoader(package, "prompts")]),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=False,
        autoescape=False,
        auto_reload=False,  # else it looks at the file for each prompt
    )
