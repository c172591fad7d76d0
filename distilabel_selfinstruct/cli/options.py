"""The options of a config as options of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from distilabel_selfinstruct.cli.parser import Parser
from distilabel_selfinstruct.runs.config import M, ModelConfig, Options, RunConfig, read_config, read_config_file
from distilabel_selfinstruct.runs.options import GROUPS, Option, option_of, way_to_provider

_FLAGS = {  # options whose values are flags
    "wording": {
        "chat": "the model answers messages (default)",
        "base": "the model continues a text: raw completions",
        "structured": "the model answers messages under a JSON schema (guided decoding)",
    },
    "weights": {
        "lora": "train small matrices beside the weights (default)",
        "full": "train all weights, with four times the memory and more",
    },
}
PRIVATE = {"argparse": ("_ActionsContainer",)}  # what a group of options is
_KEY = "The key of an endpoint comes from the environment: OPENAI_API_KEY."


def add_options(parser: Parser, kind: type[Options]) -> None:
    """Adds the options of a config, and the file that they may come from; none left out is in the namespace."""
    parser.argument_default = argparse.SUPPRESS
    if issubclass(kind, ModelConfig):
        parser.epilog = "\n\n".join(filter(None, [parser.epilog, _KEY]))
    groups = {name: parser.add_argument_group(name) if name else parser for name in GROUPS}
    own_first = sorted(kind.model_fields.items(), key=lambda item: item[0] in RunConfig.model_fields)
    for name, field in own_first:
        _add_option(groups[option_of(field).group], name, field.annotation, option_of(field))
    parser.add_argument("--config", metavar="FILE.yaml", help="options from a file, by the same names; options win")


def config_of(given: dict[str, Any], kind: type[M]) -> M:
    """The config of options of the command line, and of the file that they name.

    Raises:
        ConfigError: names the first value that cannot be used.
    """
    file = given.pop("config", None)
    return read_config(given, read_config_file(file) if file else {}, file or "config", kind)


def _add_option(group: argparse._ActionsContainer, name: str, annotation: Any, known: Option) -> None:
    """One option of the type that the config wants."""
    if name in _FLAGS:
        _add_flags(group, name, get_args(annotation))
        return
    flag, types = f"--{name.replace('_', '-')}", _types(annotation)
    if types[0] is bool:
        action = argparse.BooleanOptionalAction if len(types) > 1 else "store_true"
        group.add_argument(flag, action=action, help=known.help)
        return
    values: dict[str, Any] = {"nargs": "?", "const": known.const} if known.const is not None else {}
    if (choices := _choices(annotation)) is not None:
        read = _no_provider if name == "llm" else str
        group.add_argument(flag, choices=choices, type=read, help=known.help, **values)
    else:
        if (kind := get_origin(types[0])) in (list, dict):
            values = {"nargs": "+", "action": "extend"}
            types = get_args(types[0]) if kind is list else (str,)
        group.add_argument(flag, type=types[0], metavar=known.metavar, help=known.help, **values)


def _no_provider(given: str) -> str:
    """The kind of model; a provider is none, but there is a way to it."""
    if (way := way_to_provider(given)) is not None:
        raise argparse.ArgumentTypeError(way)
    return given


def _add_flags(group: argparse._ActionsContainer, name: str, choices: Sequence[str]) -> None:
    """A flag for each value, such as the ways a recipe can put its questions, where there is more than one."""
    if len(choices) == 1:
        return
    flags = group.add_mutually_exclusive_group()
    for value in choices:
        flags.add_argument(f"--{value}", dest=name, action="store_const", const=value, help=_FLAGS[name][value])


def _types(annotation: Any) -> tuple[Any, ...]:
    """The types of a union, or the one there is."""
    is_union = get_origin(annotation) in (Union, UnionType)
    return get_args(annotation) if is_union else (annotation,)


def _choices(annotation: Any) -> tuple[str, ...] | None:
    """What a value may be, if the config names it."""
    first = _types(annotation)[0]
    return get_args(first) if get_origin(first) is Literal else None
