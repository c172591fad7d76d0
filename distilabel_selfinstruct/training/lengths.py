"""How long the rows of a training are in tokens of its model, and which of them cannot teach it anything."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.training.data import END, Row, TrainingRows

IGNORED = -100  # the label of a token that counts nothing in the loss, as torch has it
PERCENTILES = (50, 90, 95, 99, 100)


@dataclass(frozen=True, slots=True)
class Tokens:
    """A row as a model reads it: of a preference pair, the longer of its two answers.

    Attributes:
        prompt: tokens without a loss.
        answer: tokens with one.
    """

    prompt: list[int]
    answer: list[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)

    def cut(self, max_length: int) -> Row:
        """What a trainer takes: `input_ids` and `labels`, those of the prompt without a loss."""
        ids = [*self.prompt, *self.answer][:max_length]
        return {"input_ids": ids, "labels": [IGNORED] * len(self.prompt) + ids[len(self.prompt) :]}


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long the rows are.

    Attributes:
        rows: that were read.
        passed_over: rows without an answer.
        too_similar: rows that ask what a model is to be evaluated on, which are not learned from.
        left_out: rows whose prompt alone fills the limit: nothing of the answer is left to learn.
        cut: rows whose answer is cut.
        max_length: the limit.
        tokens: of all rows together, as far as they are learned from.
        answer_tokens: of these, those with a loss.
        percentiles: of the lengths before they are cut.
    """

    rows: int
    passed_over: int
    too_similar: int
    left_out: int
    cut: int
    max_length: int
    tokens: int
    answer_tokens: int
    percentiles: dict[str, int]

    @property
    def learned(self) -> int:
        """Rows that are learned from."""
        return self.rows - self.left_out

    def record(self) -> dict[str, Any]:
        """As a training folder keeps it."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        of = ", ".join(f"{value:,} at {share} %" for share, value in self.percentiles.items() if share != "100")
        said = f"{self.rows:,} rows of up to {self.percentiles['100']:,} tokens ({of}); "
        said += f"{self.cut:,} cut at {self.max_length:,}" if self.cut else f"none cut at {self.max_length:,}"
        said += f", {self.left_out:,} left out, whose prompt alone is longer" if self.left_out else ""
        said += f", {self.too_similar:,} not taken, which are too similar to --keep-clear" if self.too_similar else ""
        return said + (f", {self.passed_over:,} passed over, which have no answer" if self.passed_over else "")


def tokenize(rows: TrainingRows, tokenizer: Any) -> list[Tokens]:
    """The rows in tokens.

    Raises:
        ConfigError: if the model's chat template cannot be filled with one of them.
    """
    read = _of_text if rows.kind == "text" else _of_pair if rows.kind == "pair" else _of_chat
    found = []
    for number, row in enumerate(rows.rows, 1):
        try:
            found.append(read(row, tokenizer))
        except Exception as error:  # whatever a template of others raises
            said = " ".join(str(error).split())[:200]
            raise ConfigError(
                f"row {number:,}: the chat template of the model cannot be filled with it ({said}). Take another"
                " model, or a run with --training-format prompt_completion."
            ) from None
    return found


def measure(rows: TrainingRows, tokens: Sequence[Tokens], max_length: int) -> Lengths:
    """How long they are.

    Raises:
        ConfigError: if there is nothing left to learn from.
    """
    lengths, kept = sorted(map(len, tokens)), [each for each in tokens if len(each.prompt) < max_length]
    if not kept:
        raise ConfigError(
            f"--max-length {max_length}: the prompt of every row is longer than that (the shortest row has"
            f" {lengths[0]:,} tokens); give more, up to the model's context."
        )
    return Lengths(
        rows=len(rows.rows),
        passed_over=rows.passed_over,
        too_similar=rows.too_similar,
        left_out=len(tokens) - len(kept),
        cut=sum(len(each) > max_length for each in kept),
        max_length=max_length,
        tokens=sum(min(len(each), max_length) for each in kept),
        answer_tokens=sum(min(len(each), max_length) - len(each.prompt) for each in kept),
        percentiles={str(share): _percentile(lengths, share) for share in PERCENTILES},
    )


def _percentile(ordered: Sequence[int], share: int) -> int:
    """The smallest value that so many percent of the values do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]


def _of_chat(row: Row, tokenizer: Any) -> Tokens:
    return _split(row["prompt"], row["completion"], tokenizer)


def _of_pair(row: Row, tokenizer: Any) -> Tokens:
    return max((_split(row["prompt"], row[name], tokenizer) for name in ("chosen", "rejected")), key=len)


def _split(prompt: list[Row], answer: list[Row], tokenizer: Any) -> Tokens:
    """Where the prompt, as a model is given it, and the whole chat diverge, the answer begins."""
    begin = _ids(tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=False))
    whole = _ids(tokenizer.apply_chat_template([*prompt, *answer], return_dict=False))
    same = next((at for at, (one, other) in enumerate(zip(begin, whole, strict=False)) if one != other), len(begin))
    return Tokens(whole[:same], whole[same:])


def _of_text(row: Row, tokenizer: Any) -> Tokens:
    """The authors' pairs: the prompt as it stands, the answer with the model's own end."""
    answer = row["completion"].removesuffix(END) + (tokenizer.eos_token or "")
    return Tokens(_ids(tokenizer(row["prompt"]).input_ids), _ids(tokenizer(answer, add_special_tokens=False).input_ids))


def _ids(given: Any) -> list[int]:
    return list(map(int, given))
