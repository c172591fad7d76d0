"""RougeDedup marks duplicates in any pipeline and drops nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict
from distilabel.steps import StepResources
from distilabel.utils.docstring import parse_google_docstring

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.steps.dedup import RougeDedup
from tests.support.waiting import LIMIT

SEA, SHORT_SEA = "Write a poem about the sea.", "Write a short poem about the sea."
RIVERS = "Name three rivers of Europe."
SCORE = 0.923076923076923


def marked(dedup: RougeDedup, *texts: str | None) -> list[tuple[bool, str | None, float | None]]:
    rows = next(dedup.process([{dedup.column: text} for text in texts]))
    return [(row["is_duplicate"], row["duplicate_of"], row["duplicate_score"]) for row in rows]


def loaded(**options: Any) -> RougeDedup:
    dedup = RougeDedup(**options)
    dedup.load()
    return dedup


# Rows


def test_each_row_is_marked_with_the_text_it_duplicates_and_the_score() -> None:
    inputs = [{"id": 1, "instruction": SEA}, {"id": 2, "instruction": SHORT_SEA}]
    assert next(loaded().process(inputs)) == [
        {"id": 1, "instruction": SEA, "is_duplicate": False, "duplicate_of": None, "duplicate_score": None},
        {"id": 2, "instruction": SHORT_SEA, "is_duplicate": True, "duplicate_of": SEA, "duplicate_score": SCORE},
    ]
    assert inputs == [{"id": 1, "instruction": SEA}, {"id": 2, "instruction": SHORT_SEA}]


def test_rows_of_later_batches_are_compared_with_earlier_ones() -> None:
    dedup = loaded()
    assert marked(dedup, SEA, RIVERS) == [(False, None, None)] * 2
    assert marked(dedup, SHORT_SEA, RIVERS) == [(True, SEA, SCORE), (True, RIVERS, 1.0)]


def test_rows_without_text_are_passed_on() -> None:
    assert marked(loaded(), None, SEA, None, SEA) == [(False, None, None)] * 3 + [(True, SEA, 1.0)]


def test_the_column_can_be_named() -> None:
    dedup = loaded(column="question")
    assert dedup.inputs == ["question"]
    assert dedup.outputs == ["is_duplicate", "duplicate_of", "duplicate_score"]
    assert marked(dedup, SEA, SEA)[1] == (True, SEA, 1.0)


def test_the_threshold_can_be_chosen() -> None:
    assert marked(loaded(threshold=0.95), SEA, SHORT_SEA, SEA) == [(False, None, None)] * 2 + [(True, SEA, 1.0)]


def test_the_tokenizer_can_be_chosen() -> None:
    assert marked(loaded(), "写一首诗", "写一首诗")[1] == (True, "写一首诗", 1.0)
    assert marked(loaded(tokenizer="rouge"), "写一首诗", "写一首诗")[1] == (False, None, None)


def test_a_list_instead_of_a_text_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match="found list; put ExpandColumns before it"):
        marked(loaded(), [SEA])  # type: ignore[arg-type]


# References


def test_reference_texts_are_stayed_clear_of() -> None:
    assert marked(loaded(references=[SEA]), SHORT_SEA, RIVERS) == [(True, SEA, SCORE), (False, None, None)]


def write_json_lines(path: Path) -> None:
    lines = [json.dumps({"question": text, "id": 1}) for text in (SEA, None, RIVERS)]
    path.write_text("\n".join(lines), encoding="utf-8")


def write_csv(path: Path) -> None:
    path.write_text(f'\ufeffid,question\n1,"{SEA}"\n2,"{RIVERS}"\n', encoding="utf-8")


def write_lines(path: Path) -> None:
    path.write_text(f"{SEA}\n\n{RIVERS}\n", encoding="utf-8")


def save_dataset(path: Path) -> None:
    Dataset.from_dict({"question": [SEA, None, RIVERS]}).save_to_disk(str(path))


def save_splits(path: Path) -> None:
    train, test = Dataset.from_dict({"question": ["x"]}), Dataset.from_dict({"question": [SEA, RIVERS]})
    DatasetDict({"train": train, "test": test}).save_to_disk(str(path / "of_config"))


@pytest.mark.parametrize(
    ("name", "write", "options"),
    [
        ("texts.jsonl", write_json_lines, {"reference_file": "{path}"}),
        ("texts.CSV", write_csv, {"reference_file": "{path}"}),
        ("texts.txt", write_lines, {"reference_file": "{path}"}),
        ("saved", save_dataset, {"reference_dataset": "{path}"}),
        (
            "saved",
            save_splits,
            {"reference_dataset": "{path}", "reference_config": "of_config", "reference_split": "test"},
        ),
    ],
    ids=["jsonl", "csv", "txt", "dataset", "dataset with config and splits"],
)
def test_references_from_files_and_datasets(
    tmp_path: Path, name: str, write: Callable[[Path], None], options: dict[str, str]
) -> None:
    path = tmp_path / name
    write(path)
    dedup = loaded(
        reference_column="question",
        references=["Sort these numbers."],
        **{option: value.format(path=path) for option, value in options.items()},
    )
    assert marked(dedup, SHORT_SEA, RIVERS, "Sort these numbers.", "Add two and two.") == [
        (True, SEA, SCORE),
        (True, RIVERS, 1.0),
        (True, "Sort these numbers.", 1.0),
        (False, None, None),
    ]


def test_a_dataset_as_the_datasets_library_loads_it(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").write_text(json.dumps({"instruction": SEA}), encoding="utf-8")
    dedup = loaded(reference_dataset=str(tmp_path), reference_split="test")
    assert marked(dedup, SHORT_SEA) == [(True, SEA, SCORE)]


# Errors, all of them before the first row


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.odt", "", r"reference_file: .*a\.odt: cannot be read; its name must end in \.jsonl, \.ndjson, "),
        ("a.jsonl", None, r"reference_file: .*a\.jsonl: there is no such file"),
        ("a.jsonl", '{"instruction": "x"}\n{"instruc', r"a\.jsonl, line 2: not JSON"),
        ("a.jsonl", '{"question": "x"}', r"a\.jsonl: there is no column 'instruction'; .* `reference_column`: que"),
        ("a.jsonl", '{"instruction": "x"}\n{"question": "x"}', r"a\.jsonl, row 2: there is no column 'instruction'"),
        ("a.jsonl", '{"instruction": 3}', r"row 1, column 'instruction': expected a text, found '3'"),
        ("a.csv", "question\nx\n", r"a\.csv: there is no column 'instruction'; .* `reference_column`: question"),
        ("a.csv", "instruction\nx, y\n", r"a\.csv, line 2: number of fields 2, and 1 in the first line"),
        ("a.txt", b"a\xff\xfa", r"a\.txt, line 1: is not UTF-8"),
    ],
)
def test_a_reference_file_that_cannot_be_used(
    tmp_path: Path, name: str, content: str | bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=message):
        loaded(reference_file=str(tmp_path / name))


def test_a_reference_dataset_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"reference_dataset: .*nowhere: there is no such file or folder"):
        loaded(reference_dataset=str(tmp_path / "nowhere"))
    save_dataset(tmp_path / "saved")
    with pytest.raises(ConfigError, match=r"reference_dataset: .*no column 'instruction'; .* `reference_column`"):
        loaded(reference_dataset=str(tmp_path / "saved"))


def test_replicas_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"cannot run as 2 replicas; leave `resources\.replicas` at 1"):
        loaded(resources=StepResources(replicas=2))


def test_a_threshold_that_makes_no_sense() -> None:
    with pytest.raises(ConfigError, match="threshold must be from 0 to 1, got 70"):
        loaded(threshold=70)


# In pipelines of distilabel's own, each in a process of its own: they leave log files open, and a fault could let them
# wait for ever.


def run_python(script: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    return subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=LIMIT)


@pytest.mark.slow
def test_after_self_instruct_of_distilabel(tmp_path: Path) -> None:
    result = run_python(f"""
import json
from distilabel.models.llms import LLM
from distilabel.pipeline import Pipeline
from distilabel.steps import ExpandColumns, LoadDataFromDicts
from distilabel.steps.tasks import SelfInstruct
from distilabel_selfinstruct import RougeDedup

class Parrot(LLM):
    @property
    def model_name(self):
        return "parrot"
    def generate(self, inputs, num_generations=1):
        answer = "{SEA}\\n{RIVERS}\\n{SHORT_SEA}"
        return [{{"generations": [answer], "statistics": {{}}}} for _ in inputs]

with Pipeline(cache_dir={str(tmp_path)!r}) as pipeline:
    documents = LoadDataFromDicts(data=[{{"input": "The sea."}}, {{"input": "A river."}}], batch_size=1)
    self_instruct = SelfInstruct(llm=Parrot(), num_instructions=3, input_batch_size=1)
    one_a_row = ExpandColumns(columns={{"instructions": "instruction"}}, input_batch_size=1)
    dedup = RougeDedup(references=["Name the rivers."], input_batch_size=2)
    documents >> self_instruct >> one_a_row >> dedup
rows = pipeline.run(use_cache=False)["default"]["train"]
columns = ["instruction", "is_duplicate", "duplicate_of", "duplicate_score"]
with open({str(tmp_path / "rows.json")!r}, "w") as file:
    json.dump(rows.select_columns(columns).to_list(), file)
""")
    assert result.returncode == 0, result.stderr
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert [tuple(row.values()) for row in rows] == [
        (SEA, False, None, None),
        (RIVERS, False, None, None),
        (SHORT_SEA, True, SEA, SCORE),
        (SEA, True, SEA, 1.0),
        (RIVERS, True, RIVERS, 1.0),
        (SHORT_SEA, True, SEA, SCORE),
    ]


@pytest.mark.slow
def test_an_error_while_loading_stops_the_pipeline(tmp_path: Path) -> None:
    result = run_python(f"""
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel_selfinstruct import RougeDedup

with Pipeline(cache_dir={str(tmp_path)!r}) as pipeline:
    LoadDataFromDicts(data=[{{"instruction": "x"}}]) >> RougeDedup(reference_file="nowhere.txt")
pipeline.run(use_cache=False)
""")
    assert result.returncode != 0
    assert "reference_file: nowhere.txt: there is no such file" in result.stdout + result.stderr


# Documentation


def test_the_docstring_is_one_that_distilabel_reads() -> None:
    documentation = parse_google_docstring(RougeDedup)
    assert set(documentation["attributes"]) == set(RougeDedup.model_fields) - set(RougeDedup.__mro__[1].model_fields)
    assert set(documentation["output_columns"]) == set(RougeDedup().outputs)
    assert documentation["categories"] == ["filtering"]
    assert len(documentation["examples"]) == 2
    assert documentation["citations"]


def test_the_example_of_the_docstring_is_true() -> None:
    assert marked(loaded(column="text"), SEA, SHORT_SEA) == [(False, None, None), (True, SEA, SCORE)]
    assert f"'duplicate_score': {SCORE}}}" in (RougeDedup.__doc__ or "")
