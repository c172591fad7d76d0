"""Rubrics: a user's own criteria and scale for a judge."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.presets import MOST_POINTS

_Text = Annotated[str, Field(min_length=1)]


class Rubric(BaseModel):
    """What a judge looks at, and what its points mean.

    Attributes:
        criteria: what an answer should be, one or more.
        scale: points and what they mean, two or more; those between need no meaning.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    criteria: list[_Text] = Field(min_length=1)
    scale: dict[Annotated[int, Field(ge=0, le=100)], _Text] = Field(min_length=2)

    @field_validator("scale")
    @classmethod
    def _in_order(cls, given: dict[int, str]) -> dict[int, str]:
        return dict(sorted(given.items()))

    @property
    def least(self) -> int:
        """The fewest points."""
        return min(self.scale)

    @property
    def most(self) -> int:
        """The most points."""
        return max(self.scale)

    @cached_property
    def text(self) -> str:
        """The rubric as records have it."""
        return self.model_dump_json()

    @classmethod
    def of(cls, text: str | None) -> Rubric | None:
        """The rubric that was recorded; None where there is none."""
        return cls.model_validate_json(text) if text else None


def bounds_of(rubric: Rubric | None) -> tuple[int, int]:
    """The fewest and the most points that a judge gives."""
    return (0, MOST_POINTS) if rubric is None else (rubric.least, rubric.most)


def read_rubric(path: str) -> Rubric:
    """The rubric of a YAML or JSON file.

    Raises:
        ConfigError: says what is wrong, and where.
    """
    import yaml

    where = f"--judge-rubric {path}"
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        given: Any = json.loads(text) if path.endswith(".json") else yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(f"{where}: cannot be read ({error.strerror}).") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: is no YAML or JSON: {' '.join(str(error).split())[:200]}") from None
    try:
        return Rubric.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(each) for each in first["loc"] if each != "[key]")
        raise ConfigError(
            f"{where}: {place + ': ' if place else ''}{first['msg']}; expected `criteria`, a list of texts, and"
            " `scale`, the meaning of each number of points, such as {1: useless, 5: nothing left to wish for}."
        ) from None
