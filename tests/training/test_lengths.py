"""Rows in tokens: where the answer begins, what is cut, and what is left out."""

from __future__ import annotations

from typing import Any

import pytest

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.training.data import TrainingRows
from distilabel_selfinstruct.training.lengths import IGNORED, Tokens, measure, tokenize
from distilabel_selfinstruct.training.templates import give_template
from tests.training.chat_words import BEGIN, END, Characters, text_of


def chat(question: str, answer: str) -> dict[str, Any]:
    return {"prompt": [{"role": "user", "content": question}], "completion": [{"role": "assistant", "content": answer}]}


class TestWhereTheAnswerBegins:
    def test_behind_the_heading_of_our_own_template(self) -> None:
        (tokens,) = tokenize(TrainingRows("chat", [chat("Name a prime.", "7")]), Characters())
        assert text_of(tokens.prompt) == "### Instruction:\nName a prime.\n\n### Response:\n"
        assert text_of(tokens.answer) == f"7{END}"

    def test_where_a_template_writes_more_behind_a_question_than_before_an_answer(self) -> None:
        """As that of Qwen 3, which begins an answer with an empty thought only where it is to be written."""
        template = (
            "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"
            "{% if add_generation_prompt %}<assistant><think></think>{% endif %}"
        )
        (tokens,) = tokenize(TrainingRows("chat", [chat("Name a prime.", "7")]), Characters(template))
        assert (text_of(tokens.prompt), text_of(tokens.answer)) == ("<user>Name a prime.<assistant>", "7")

    def test_of_the_authors_pairs_with_the_end_of_the_model(self) -> None:
        row = {"prompt": "Name a prime. Output:", "completion": " 7<|endoftext|>"}
        (tokens,) = tokenize(TrainingRows("text", [row]), Characters(with_begin=True))
        assert (text_of(tokens.prompt), text_of(tokens.answer)) == (f"{BEGIN}Name a prime. Output:", f" 7{END}")

    def test_of_a_pair_the_longer_answer_counts(self) -> None:
        row = {**chat("Name a prime.", "7"), "chosen": [{"role": "assistant", "content": "7"}],
               "rejected": [{"role": "assistant", "content": "Any number."}]}  # fmt: skip
        (tokens,) = tokenize(TrainingRows("pair", [row]), Characters())
        assert text_of(tokens.answer) == f"Any number.{END}"

    def test_a_template_that_refuses_a_row_is_named(self) -> None:
        with pytest.raises(ConfigError, match="row 1: the chat template of the model cannot be filled with it"):
            tokenize(TrainingRows("chat", [chat("a", "b")]), Characters("{{ messages[7].content }}"))


class TestLabels:
    def test_the_prompt_has_no_loss(self) -> None:
        assert Tokens([1, 2], [3, 4]).cut(10) == {"input_ids": [1, 2, 3, 4], "labels": [IGNORED, IGNORED, 3, 4]}

    def test_what_is_too_long_is_cut_at_its_end(self) -> None:
        assert Tokens([1, 2], [3, 4]).cut(3) == {"input_ids": [1, 2, 3], "labels": [IGNORED, IGNORED, 3]}


class TestLengths:
    def rows(self, count: int) -> TrainingRows:
        return TrainingRows("chat", [chat("a", "b")] * count, passed_over=2)

    def test_are_told_before_a_training_begins(self) -> None:
        tokens = [Tokens([0] * 10, [0] * answer) for answer in (10, 20, 30)] + [Tokens([0] * 40, [0] * 10)]
        lengths = measure(self.rows(4), tokens, 35)
        assert (lengths.cut, lengths.left_out, lengths.learned) == (1, 1, 3)
        assert (lengths.tokens, lengths.answer_tokens) == (20 + 30 + 35, 10 + 20 + 25)
        assert str(lengths) == (
            "4 rows of up to 50 tokens (30 at 50 %, 50 at 90 %, 50 at 95 %, 50 at 99 %); 1 cut at 35, 1 left out, whose"
            " prompt alone is longer, 2 passed over, which have no answer"
        )

    def test_a_prompt_that_fills_the_limit_leaves_nothing_to_learn(self) -> None:
        assert measure(self.rows(2), [Tokens([0] * 16, [1]), Tokens([0] * 15, [1])], 16).left_out == 1

    def test_where_every_prompt_is_too_long_nothing_can_be_learned(self) -> None:
        with pytest.raises(ConfigError, match=r"--max-length 16: the prompt of every row is longer .* 60 tokens"):
            measure(self.rows(1), [Tokens([0] * 50, [0] * 10)], 16)


class TestOurTemplate:
    def test_is_given_to_models_that_have_none(self) -> None:
        tokenizer = Characters(chat_template="", with_begin=True)
        assert give_template(tokenizer)
        chat_of = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
        assert text_of(tokenizer.apply_chat_template(chat_of, add_generation_prompt=True)) == (
            f"{BEGIN}Be brief.\n\n### Instruction:\nHi\n\n### Response:\n"
        )

    def test_is_not_given_to_others(self) -> None:
        tokenizer = Characters("{{ messages }}")
        assert not give_template(tokenizer)
        assert tokenizer.chat_template == "{{ messages }}"

    def test_several_turns(self) -> None:
        turns = [*chat("One?", "1")["prompt"], *chat("", "1")["completion"], *chat("Two?", "2")["prompt"]]
        assert text_of(Characters().apply_chat_template(turns)) == (
            f"### Instruction:\nOne?\n\n### Response:\n1{END}\n\n### Instruction:\nTwo?\n\n"
        )
