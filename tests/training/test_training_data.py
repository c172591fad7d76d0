"""What a training learns from: the rows of a run, a file, or a dataset, whatever columns they have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.training.config import TrainConfig
from distilabel_selfinstruct.training.data import TrainingRows, read_training_rows
from tests.support.recipes import Made

QUESTION, ANSWER = {"role": "user", "content": "Name a prime."}, {"role": "assistant", "content": "7"}


def read(folder: Path, *rows: Any, **given: Any) -> TrainingRows:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return read_training_rows(str(path), TrainConfig(**given))


class TestRows:
    def test_of_a_run_are_its_chats(self, small_run: Made) -> None:
        rows = read_training_rows(str(small_run.folder), TrainConfig())
        assert rows.kind == "chat"
        assert [list(row) for row in rows.rows] == [["prompt", "completion"]] * len(small_run.rows("sft"))
        first = small_run.rows("sft")[0]["messages"]
        assert rows.rows[0] == {"prompt": first[:1], "completion": first[1:]}

    @pytest.mark.parametrize(
        "row",
        [
            {"messages": [QUESTION, ANSWER]},
            {"prompt": [QUESTION], "completion": [ANSWER]},
            {"instruction": "Name a prime.", "input": "", "output": "7"},
            {"instruction": "Name a prime.", "input": None, "output": "7", "instance_id": "000000-0"},
        ],
    )
    def test_are_chats_in_whatever_columns(self, row: dict[str, Any], tmp_path: Path) -> None:
        assert read(tmp_path, row) == TrainingRows("chat", [{"prompt": [QUESTION], "completion": [ANSWER]}])

    def test_an_input_stands_below_its_instruction(self, tmp_path: Path) -> None:
        rows = read(tmp_path, {"instruction": "Add.", "input": "2 3", "output": "5"})
        assert rows.rows[0]["prompt"][0]["content"] == "Add.\n\n2 3"

    def test_the_authors_pairs_stay_texts(self, tmp_path: Path) -> None:
        row = {"prompt": "Name a prime. Output:", "completion": " 7<|endoftext|>"}
        assert read(tmp_path, row) == TrainingRows("text", [row])

    def test_of_a_conversation_each_answer_is_learned(self, tmp_path: Path) -> None:
        more = [{"role": "user", "content": "Another."}, {"role": "assistant", "content": "11"}]
        rows = read(tmp_path, {"messages": [QUESTION, ANSWER, *more]})
        assert rows.rows == [
            {"prompt": [QUESTION], "completion": [ANSWER]},
            {"prompt": [QUESTION, ANSWER, more[0]], "completion": [more[1]]},
        ]
        assert rows.passed_over == 0

    def test_thoughts_are_kept_where_there_are_any(self, tmp_path: Path) -> None:
        thoughtful = [QUESTION | {"thinking": None}, ANSWER | {"thinking": "It is odd."}]
        row = read(tmp_path, {"messages": thoughtful}).rows[0]
        assert row == {"prompt": [QUESTION], "completion": [ANSWER | {"thinking": "It is odd."}]}

    def test_without_an_answer_are_passed_over_and_counted(self, tmp_path: Path) -> None:
        empty = {"messages": [QUESTION, {"role": "assistant", "content": " "}]}
        rows = read(tmp_path, {"messages": [QUESTION, ANSWER]}, empty, {"messages": [QUESTION]}, {"messages": []})
        assert (len(rows.rows), rows.passed_over) == (1, 3)

    @pytest.mark.parametrize("chosen", ["7", [ANSWER], [QUESTION, ANSWER]])
    def test_of_preferences_are_pairs_of_answers(self, chosen: Any, tmp_path: Path) -> None:
        rows = read(tmp_path, {"prompt": "Name a prime.", "chosen": chosen, "rejected": "8"}, method="dpo")
        worse = {"role": "assistant", "content": "8"}
        assert rows == TrainingRows("pair", [{"prompt": [QUESTION], "chosen": [ANSWER], "rejected": [worse]}])


class TestKeptClear:
    def test_of_what_a_model_is_evaluated_on(self, tmp_path: Path) -> None:
        """The paper's filter, with the input and without."""
        held_out = tmp_path / "held_out.jsonl"
        held_out.write_text(
            json.dumps({"instruction": "Spell the word backwards.", "input": "lamp", "output": "pmal"}),
            encoding="utf-8",
        )
        rows = [
            {"instruction": "Spell the word backwards.", "input": "", "output": "?"},
            {"instruction": "Spell the word backwards.", "input": "a lamp", "output": "pmal a"},
            {"instruction": "Spell the number in words.", "input": "7", "output": "seven"},
        ]
        kept = read(tmp_path, *rows, keep_clear=str(held_out))
        assert [row["prompt"][0]["content"] for row in kept.rows] == ["Spell the number in words.\n\n7"]
        assert kept.too_similar == 2

    def test_of_a_run_that_has_set_nothing_apart_is_said(self, small_run: Made) -> None:
        run = str(small_run.folder)
        with pytest.raises(ConfigError, match=r"held_out|--hold-out"):
            read_training_rows(run, TrainConfig(keep_clear=run))

    def test_of_everything_leaves_nothing(self, tmp_path: Path) -> None:
        row = {"instruction": "Spell the word backwards.", "input": "lamp", "output": "pmal"}
        (tmp_path / "same.jsonl").write_text(json.dumps(row), encoding="utf-8")
        with pytest.raises(ConfigError, match="every row is too similar to one of "):
            read(tmp_path, row, keep_clear=str(tmp_path / "same.jsonl"))


class TestMistakes:
    def test_preferences_of_a_run_that_has_none(self, small_run: Made) -> None:
        run = small_run.folder
        with pytest.raises(ConfigError) as raised:
            read_training_rows(str(run), TrainConfig(method="dpo"))
        assert str(raised.value) == (
            f"{run}: --method dpo learns from preference pairs, and the run has none (it has: instances, instructions,"
            f" rejected, seeds, sft). Make them with: self-instruct run preferences --source {run}"
        )

    def test_a_config_that_is_not_there(self, small_run: Made) -> None:
        with pytest.raises(ConfigError, match=r"has no config 'curated'; it has: instances, .* with --subset\."):
            read_training_rows(str(small_run.folder), TrainConfig(subset="curated"))

    def test_a_run_that_has_not_ended(self, tmp_path: Path) -> None:
        (tmp_path / "config.yaml").write_text("recipe: self-instruct\n", encoding="utf-8")
        with pytest.raises(ConfigError, match="the run has no dataset yet; run its command again to finish it"):
            read_training_rows(str(tmp_path), TrainConfig())

    @pytest.mark.parametrize(
        ("row", "given", "said"),
        [
            ({"text": "7"}, {}, "needs the columns messages; or prompt, completion; or instruction, output; there are"),
            ({"prompt": "7"}, {"method": "dpo"}, "--method dpo needs the columns prompt, chosen, rejected; there are"),
            ({"messages": "hello"}, {}, "row 1: expected messages with role and content"),
            ({"messages": [{"from": "human"}]}, {}, "row 1: expected messages with role and content"),
            ({"instruction": "a", "output": 7}, {}, "row 1: expected a text, found int"),
            ({"instruction": "a", "output": ""}, {}, "there is nothing to learn from: .* has no row with an answer"),
        ],
    )
    def test_are_one_clear_line(self, row: dict[str, Any], given: dict[str, Any], said: str, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=said):
            read(tmp_path, row, **given)
