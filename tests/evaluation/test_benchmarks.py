"""Where questions come from: the authors' tasks, rows of a file, and rows that a run has set apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.evaluation.benchmarks import Place, read_benchmark

TASK = {"id": "t0", "motivation_app": "Gmail", "instruction": "Reply.", "instances": [{"input": "Hi", "output": "Ho"}]}


def written(path: Path, *rows: Any) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


class TestUserOriented:
    def test_the_authors_tasks(self, official_data: Path) -> None:
        found = read_benchmark("user-oriented", Place(str(official_data / "user_oriented_instructions.jsonl")))
        assert len(found.questions) == 252
        assert len({each.id for each in found.questions}) == 252
        first = found.questions[0]
        assert (first.id, first.task, first.category) == ("user_oriented_task_0",) * 2 + ("Grammarly",)
        assert found.notes == []

    def test_a_task_with_several_instances(self, tmp_path: Path) -> None:
        two = TASK | {"instances": [{"input": "", "output": "A"}, {"input": "x", "output": ["B", "b"]}]}
        first, second = read_benchmark("user-oriented", Place(written(tmp_path / "t.jsonl", two))).questions
        assert (first.id, first.task, second.id, second.task) == ("t0-0", "t0", "t0-1", "t0")
        assert (first.references, second.references) == (("A",), ("B", "b"))

    @pytest.mark.parametrize("instances", [None, [], "x", ["x"]])
    def test_a_task_without_instances(self, tmp_path: Path, instances: Any) -> None:
        with pytest.raises(ConfigError, match=r"t\.jsonl, row 2, column 'instances': expected a list"):
            read_benchmark("user-oriented", Place(written(tmp_path / "t.jsonl", TASK, TASK | {"instances": instances})))

    def test_no_instruction(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"row 1: there is no column 'instruction'; there are: id"):
            read_benchmark("user-oriented", Place(written(tmp_path / "t.jsonl", {"id": "t"})))


class TestRows:
    def test_rows_of_one_instruction_are_one_task(self, tmp_path: Path) -> None:
        rows = [{"instruction": "Add.", "input": "1 1", "output": 2}, {"instruction": "Add.", "output": ["3", "three"]}]
        first, second = read_benchmark("rows", Place(written(tmp_path / "r.jsonl", *rows))).questions
        assert (first.id, first.task, first.input, first.references) == ("row_1", "Add.", "1 1", ("2",))
        assert (second.id, second.task, second.input, second.references) == ("row_2", "Add.", "", ("3", "three"))

    def test_a_csv_file_with_ids_that_come_twice(self, tmp_path: Path) -> None:
        (tmp_path / "r.csv").write_text("id,instruction,output\na,Say yes.,yes\na,Say no.,no\n", encoding="utf-8")
        assert [each.id for each in read_benchmark("rows", Place(str(tmp_path / "r.csv"))).questions] == ["a", "a#2"]

    def test_what_nobody_can_answer_is_left_out_and_counted(self, tmp_path: Path) -> None:
        rows = [{"instruction": "Add.", "output": "2"}, {"instruction": "Add.", "output": ""}]
        found = read_benchmark("rows", Place(written(tmp_path / "r.jsonl", *rows)))
        assert len(found.questions) == 1
        assert found.notes == ["Rows without instruction or output, which are left out: 1."]
        with pytest.raises(ConfigError, match="there is no question in it that has a right answer"):
            read_benchmark("rows", Place(written(tmp_path / "none.jsonl", rows[1])))

    def test_no_output(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"row 1: there is no column 'output'; there are: instruction\."):
            read_benchmark("rows", Place(written(tmp_path / "r.jsonl", {"instruction": "Add."})))

    def test_a_limit(self, tmp_path: Path) -> None:
        rows = [{"instruction": f"Say {at}.", "output": str(at)} for at in range(9)]
        assert len(read_benchmark("rows", Place(written(tmp_path / "r.jsonl", *rows), limit=4)).questions) == 4


def test_a_benchmark_that_is_none() -> None:
    with pytest.raises(ConfigError, match=r"there is no 'super-ni' \(did you mean superni\?\); there are: user-orient"):
        read_benchmark("super-ni", Place("x"))
