"""The dataset in the forms that trainers read."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from datasets import Dataset, load_dataset
from pyarrow import parquet

from distilabel_selfinstruct.cli.commands.export import _FORMATS
from distilabel_selfinstruct.data.instructions import read_instructions
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.runs.export import FORMATS, export
from tests.report.run_rows import INSTANCES, write_run

ROWS = [
    {"instruction": "Name a sea.", "input": "", "output": "The Baltic."},
    {"instruction": "Name a sea.", "input": "In Asia.", "output": "The Aral Sea."},
    {"instruction": "Add.", "input": "1, 2", "output": "It is 3."},
    {"instruction": "Add.", "input": "1, 2", "output": "It is 3."},
    {"instruction": "Sing.", "input": "", "output": ""},
]
CHAT = [{"role": "user", "content": "Name a sea.\n\nIn Asia."}, {"role": "assistant", "content": "The Aral Sea."}]
PAIR = {
    "prompt": [{"role": "user", "content": "Name a sea."}],
    "chosen": [{"role": "assistant", "content": "The Baltic."}],
    "rejected": [{"role": "assistant", "content": "No."}],
}


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return str(path)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_command_knows_every_format() -> None:
    assert _FORMATS == FORMATS


@pytest.mark.parametrize(
    ("to", "second"),
    [
        ("jsonl", ROWS[1]),
        ("openai", {"messages": CHAT}),
        ("chatml", {"messages": CHAT}),
        ("sharegpt", {"conversations": [{"from": "human", "value": "Name a sea.\n\nIn Asia."},
                                        {"from": "gpt", "value": "The Aral Sea."}]}),
        ("alpaca", ROWS[1]),
    ],
)  # fmt: skip
def test_a_row_an_instance_each_text_once(to: Any, second: dict[str, Any], source: str, tmp_path: Path) -> None:
    written = export(source, to, tmp_path / "out")
    assert lines(tmp_path / "out" / "train.jsonl")[1] == second
    assert written.files == {tmp_path / "out" / "train.jsonl": 3}
    assert written.notes[0] == "1 rows without an instruction or an answer were left out."


def test_the_authors_pairs(source: str, tmp_path: Path) -> None:
    export(source, "prompt_completion", tmp_path / "out", seed=3)
    rows = lines(tmp_path / "out" / "train.jsonl")
    assert [row["completion"] for row in rows] == [
        " The Baltic.<|endoftext|>", " The Aral Sea.<|endoftext|>", " It is 3.<|endoftext|>",
    ]  # fmt: skip
    assert all(row["prompt"].startswith(("Name", "Add", "Task: ")) for row in rows)


def test_tables_keep_all_columns(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", instances=INSTANCES)
    export(str(run), "csv", tmp_path / "csv")
    with (tmp_path / "csv" / "train.csv").open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    assert [row["output"] for row in rows] == [row["output"] for row in INSTANCES]
    export(str(run), "parquet")
    table = parquet.read_table(run / "export" / "parquet" / "train.parquet")
    assert set(table.column_names) == set(rows[0])
    assert table.schema.field("is_classification").type == "bool"


def test_messages_in_a_table_are_read_again(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(json.dumps([{"messages": CHAT}]))
    export(str(tmp_path / "rows.json"), "csv", tmp_path / "out")
    assert read_instructions(str(tmp_path / "out" / "train.csv")).texts == ["Name a sea.\n\nIn Asia."]


def test_what_the_system_says_and_later_turns_stay(tmp_path: Path) -> None:
    long = [{"role": "system", "content": "Be brief."}, *CHAT, *CHAT]
    (tmp_path / "rows.json").write_text(json.dumps([{"messages": long}, {"system": "Rhyme.", **ROWS[0]}]))
    export(str(tmp_path / "rows.json"), "openai", tmp_path / "out")
    first, second = lines(tmp_path / "out" / "train.jsonl")
    assert first["messages"] == long
    assert second["messages"][0] == {"role": "system", "content": "Rhyme."}
    assert second["messages"][1]["content"] == "Name a sea."


def test_thoughts_stay_where_the_format_has_them(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(json.dumps([ROWS[0] | {"reasoning": "Which?"}]))
    export(str(tmp_path / "rows.json"), "chatml", tmp_path / "a")
    export(str(tmp_path / "rows.json"), "openai", tmp_path / "b")
    assert lines(tmp_path / "a" / "train.jsonl")[0]["messages"][1]["thinking"] == "Which?"
    assert lines(tmp_path / "b" / "train.jsonl")[0]["messages"][1].keys() == {"role", "content"}


class TestSplit:
    def test_no_instruction_is_on_both_sides(self, tmp_path: Path) -> None:
        rows = [{"instruction": f"{'Add' if at % 2 else 'add '} {at // 3}.", "output": str(at)} for at in range(60)]
        (tmp_path / "rows.json").write_text(json.dumps(rows))
        export(str(tmp_path / "rows.json"), "alpaca", tmp_path / "out", share=0.8, seed=1)
        train, test = (lines(tmp_path / "out" / f"{side}.jsonl") for side in ("train", "test"))
        asked = [{row["instruction"].lower().replace("  ", " ") for row in side} for side in (train, test)]
        assert [len(each) for each in asked] == [16, 4]
        assert not asked[0] & asked[1]
        assert len(train) + len(test) == 60
        export(str(tmp_path / "rows.json"), "alpaca", tmp_path / "again", share=0.8, seed=1)
        assert (tmp_path / "again" / "test.jsonl").read_bytes() == (tmp_path / "out" / "test.jsonl").read_bytes()

    @pytest.mark.parametrize("share", [0.0, 1.0, 95.0])
    def test_a_share_that_is_none(self, share: float, source: str, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=f"^--split: expected a share between 0 and 1, such as 0.95, got {share}"):
            export(source, "alpaca", tmp_path / "out", share=share)

    def test_one_instruction_cannot_be_split(self, tmp_path: Path) -> None:
        (tmp_path / "rows.json").write_text(json.dumps(ROWS[:2]))
        with pytest.raises(ConfigError, match=r"^--split: there is one instruction only"):
            export(str(tmp_path / "rows.json"), "alpaca", tmp_path / "out", share=0.5)

    def test_what_an_earlier_split_left_is_gone(self, source: str, tmp_path: Path) -> None:
        export(source, "alpaca", tmp_path / "out", share=0.5)
        export(source, "alpaca", tmp_path / "out")
        assert not (tmp_path / "out" / "test.jsonl").exists()
        assert "eval_dataset" not in yaml.safe_load((tmp_path / "out" / "llama_factory.yaml").read_text())


def test_preference_pairs(tmp_path: Path) -> None:
    (tmp_path / "pairs.json").write_text(json.dumps([PAIR, {"prompt": "Sing.", "chosen": "La.", "rejected": "No."}]))
    written = export(str(tmp_path / "pairs.json"), "preference", tmp_path / "out", share=0.5)
    assert sorted(written.files.values()) == [1, 1]
    both = [*lines(tmp_path / "out" / "train.jsonl"), *lines(tmp_path / "out" / "test.jsonl")]
    assert PAIR in both
    texts = lines(tmp_path / "out" / "self_instruct.jsonl") + lines(tmp_path / "out" / "self_instruct_held_out.jsonl")
    assert {"prompt": "Sing.", "chosen": "La.", "rejected": "No."} in texts
    assert yaml.safe_load((tmp_path / "out" / "axolotl.yaml").read_text())["rl"] == "dpo"


@pytest.mark.parametrize("to", [name for name in FORMATS if name != "preference"])
def test_the_loader_of_the_hub_reads_it(to: Any, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    export(source, to, tmp_path / "out", share=0.5)
    read = load_dataset(str(tmp_path / "out"))
    assert sorted(read) == ["test", "train"]
    assert sorted(len(rows) for rows in read.values()) == [1, 2]


def test_what_openai_documents(source: str, tmp_path: Path) -> None:
    """Its guide on supervised fine-tuning: roles, contents that are texts, an answer at the end, ten examples."""
    written = export(source, "openai", tmp_path / "out")
    for row in lines(tmp_path / "out" / "train.jsonl"):
        assert row.keys() == {"messages"}
        for message in row["messages"]:
            assert message.keys() == {"role", "content"}
            assert message["role"] in ("system", "user", "assistant")
            assert isinstance(message["content"], str)
            assert message["content"]
        assert row["messages"][-1]["role"] == "assistant"
    assert written.notes[-1] == "OpenAI's fine-tuning takes no fewer than 10 examples, and these are 3."


class TestWhatCannotBe:
    def test_a_run_without_pairs(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run", instances=INSTANCES)
        with pytest.raises(ConfigError, match=r"no config 'preferences'; there are: .*self-instruct run preferences"):
            export(str(run), "preference")

    def test_a_folder_with_something_else(self, source: str, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "thesis.tex").write_text("...")
        with pytest.raises(ConfigError, match=r"out: holds something else \(thesis.tex\); choose another --out"):
            export(source, "alpaca", tmp_path / "out")
        with pytest.raises(ConfigError, match="is a file, and a folder is needed"):
            export(source, "alpaca", Path(source))

    def test_no_place(self, source: str) -> None:
        with pytest.raises(ConfigError, match="is no run folder; say where to write to: --out FOLDER"):
            export(source, "alpaca")

    def test_no_rows(self, tmp_path: Path) -> None:
        Dataset.from_list([{"instruction": "Sing.", "output": ""}]).save_to_disk(str(tmp_path / "saved"))
        with pytest.raises(ConfigError, match="saved: there are no rows to export"):
            export(str(tmp_path / "saved"), "alpaca", tmp_path / "out")


TALK = {
    "instance_id": "1-0", "instruction": "Name a sea.", "input": "", "output": "The Baltic.", "turns": 2,
    "messages": [
        {"role": "user", "content": "Name a sea."}, {"role": "assistant", "content": "The Baltic."},
        {"role": "user", "content": "Is it deep?"}, {"role": "assistant", "content": "459 m at most."},
    ],
}  # fmt: skip


@pytest.mark.parametrize("to", ["openai", "chatml", "sharegpt"])
def test_a_conversation_goes_out_whole(to: Any, tmp_path: Path) -> None:
    (tmp_path / "talk.jsonl").write_text(json.dumps(TALK) + "\n")
    export(str(tmp_path / "talk.jsonl"), to, tmp_path / "out")
    (row,) = lines(tmp_path / "out" / "train.jsonl")
    (chat,) = row.values()
    assert [each.get("content") or each.get("value") for each in chat] == [
        "Name a sea.", "The Baltic.", "Is it deep?", "459 m at most.",
    ]  # fmt: skip


def test_where_a_row_has_one_answer_each_of_a_conversation_is_one(tmp_path: Path) -> None:
    (tmp_path / "talk.jsonl").write_text(json.dumps(TALK) + "\n")
    export(str(tmp_path / "talk.jsonl"), "alpaca", tmp_path / "out")
    before = "User: Name a sea.\n\nAssistant: The Baltic.\n\nUser: Is it deep?"
    assert lines(tmp_path / "out" / "train.jsonl") == [
        {"instruction": "Name a sea.", "input": "", "output": "The Baltic."},
        {"instruction": before, "input": "", "output": "459 m at most."},
    ]
