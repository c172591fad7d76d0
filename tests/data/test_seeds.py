"""The project's seed file, the authors' file, and what is said about files that cannot be used."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from rouge_score.rouge_scorer import _score_lcs

from distilabel_selfinstruct.data import seeds
from distilabel_selfinstruct.data.seeds import SeedTask, load_seed_tasks, seed_row, write_seed_tasks
from distilabel_selfinstruct.errors import SeedFileError
from distilabel_selfinstruct.recipes.self_instruct.prompting import PROMPTS
from distilabel_selfinstruct.text.reading.answers import Instance, parse_instances, parse_instructions
from distilabel_selfinstruct.text.rouge import rouge_tokens
from distilabel_selfinstruct.text.rules import check_instances, check_instruction

# --- seeds/seed_tasks.jsonl ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own(seed_file: str) -> list[SeedTask]:
    return load_seed_tasks(seed_file)


@pytest.fixture(scope="module")
def official(official_data: Path) -> list[SeedTask]:
    return load_seed_tasks(official_data / "seed_tasks_official.jsonl")


def test_there_are_at_least_200_seed_tasks(own: list[SeedTask]) -> None:
    assert len(own) >= 200


def test_at_least_40_are_classification_with_varied_labels(own: list[SeedTask]) -> None:
    classification = [task for task in own if task.is_classification]
    assert len(classification) >= 40
    labels = {frozenset(instance.output for instance in task.instances) for task in classification}
    assert len(labels) >= 40
    of_yes_and_no = [task for task in classification if {each.output for each in task.instances} <= {"Yes", "No"}]
    assert len(of_yes_and_no) <= len(classification) / 4


def test_about_60_percent_have_an_input(own: list[SeedTask]) -> None:
    with_input = sum(any(instance.input for instance in task.instances) for task in own)
    assert 0.5 <= with_input / len(own) <= 0.7


def test_ids_names_and_instructions_occur_once(own: list[SeedTask]) -> None:
    for field in ("id", "name", "instruction"):
        counts = Counter(getattr(task, field) for task in own)
        assert [value for value, count in counts.items() if count > 1] == []
    assert all(task.name for task in own)


def test_no_two_instructions_have_a_rouge_l_above_07(own: list[SeedTask]) -> None:
    """By rouge_score itself; pairs that share too few words to reach 0.7 are left out."""
    texts = [(task.instruction, rouge_tokens(task.instruction)) for task in own]
    counted = [(text, words, Counter(words)) for text, words in texts]
    near = [
        (one, two)
        for (one, words, count), (two, others, other_count) in combinations(counted, 2)
        if 2 * (count & other_count).total() > 0.7 * (len(words) + len(others))
        and _score_lcs(words, others).fmeasure > 0.7
    ]
    assert near == []


@pytest.mark.parametrize("preset", ["paper", "default"])
def test_every_instruction_passes_the_filters(own: list[SeedTask], preset: str) -> None:
    rejected = {task.instruction: check_instruction(task.instruction, preset) for task in own}
    assert {text: reason for text, reason in rejected.items() if reason} == {}


@pytest.mark.parametrize("preset", ["paper", "default"])
def test_every_instance_passes_the_filters(own: list[SeedTask], preset: str) -> None:
    rejected = {task.id: check_instances(task.instances, preset) for task in own}
    assert {name: reasons for name, reasons in rejected.items() if any(reasons)} == {}


def test_every_instruction_is_read_back_from_a_list(own: list[SeedTask]) -> None:
    instructions = [task.instruction for task in own]
    listed = "\n".join(f"{number}. {' '.join(text.split())}" for number, text in enumerate(instructions, 1))
    read = parse_instructions(listed)
    assert [one for one, two in zip(read, instructions) if one.lower() != " ".join(two.lower().split())] == []
    assert len(read) == len(instructions)


def not_read_back(tasks: list[SeedTask]) -> list[str]:
    """The ids of those whose instances are not the same when they are read in the form of a prompt."""
    different = []
    for task in tasks:
        question = "output_first" if task.is_classification else "input_first"
        prompt = PROMPTS.render(question, "base", shots=[task], instruction="Name a river.", numbered=True)
        shown = prompt.partition(f"Task: {task.instruction}\n")[2].rpartition("Task: ")[0]
        if parse_instances(shown, task.is_classification) != list(task.instances):
            different.append(task.id)
    return different


def test_every_instance_is_read_back_from_a_prompt(own: list[SeedTask]) -> None:
    assert not_read_back(own) == []


def test_every_instance_of_the_authors_is_read_back_from_a_prompt(official: list[SeedTask]) -> None:
    assert not_read_back(official) == []


def test_the_file_has_the_authors_schema(seed_file: str) -> None:
    for line in Path(seed_file).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        assert list(row) == ["id", "name", "instruction", "instances", "is_classification"]
        assert all(list(instance) == ["input", "output"] for instance in row["instances"])


# --- good files ----------------------------------------------------------------------------------------------------

ROW: dict[str, Any] = {
    "id": "seed_task_0",
    "name": "capital",
    "instruction": "Name the capital of Peru.",
    "instances": [{"input": "", "output": "Lima"}],
    "is_classification": False,
}
TASK = SeedTask("seed_task_0", "Name the capital of Peru.", (Instance("", "Lima"),), False, "capital")


def changed(**fields: Any) -> str:
    return json.dumps(ROW | fields)


def without(field: str) -> str:
    return json.dumps({name: value for name, value in ROW.items() if name != field})


def written(folder: Path, content: str | bytes, name: str = "seeds.jsonl") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def test_the_authors_file_loads(official: list[SeedTask]) -> None:
    assert len(official) == 175
    assert sum(task.is_classification for task in official) == 26
    assert official[0].id == "seed_task_0"
    assert official[0].name == "breakfast_suggestion"
    assert official[0].instruction.startswith("Is there anything I can eat for a breakfast that doesn't include eggs")


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ROW),
        json.dumps(ROW) + "\n\n  \n",
        json.dumps(ROW) + "\r\n",
        "\ufeff" + json.dumps(ROW),
        json.dumps(dict(reversed(ROW.items()))),
        changed(motivation_app="none", instruction=" Name the capital of Peru.\n"),
    ],
    ids=["one line", "empty lines", "CRLF", "byte order mark", "other order", "more fields, white space"],
)
def test_what_a_file_may_look_like(tmp_path: Path, content: str) -> None:
    assert load_seed_tasks(written(tmp_path, content)) == [TASK]


def test_a_name_may_be_missing_or_empty(tmp_path: Path) -> None:
    for content in (without("name"), changed(name="")):
        assert [task.name for task in load_seed_tasks(written(tmp_path, content))] == [""]


def test_other_line_ends_within_a_text_do_not_end_the_line(tmp_path: Path) -> None:
    text = "Say what\u2028this and\u0085that mean."
    content = json.dumps(ROW | {"instruction": text}, ensure_ascii=False)
    assert load_seed_tasks(written(tmp_path, content))[0].instruction == text


def test_files_are_read_in_their_order(tmp_path: Path) -> None:
    one = written(tmp_path, json.dumps(ROW), "one.jsonl")
    two = written(tmp_path, changed(id="mine", instruction="Name the capital of Chile."), "two.jsonl")
    assert [task.id for task in load_seed_tasks(two, str(one))] == ["mine", "seed_task_0"]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    tasks = [TASK, SeedTask("s1", "写一首诗。", (Instance("初雪\n第一行", "诗"), Instance("", "😀")), True)]
    write_seed_tasks(tasks, tmp_path / "seeds.jsonl")
    assert load_seed_tasks(tmp_path / "seeds.jsonl") == tasks
    assert "写一首诗。" in (tmp_path / "seeds.jsonl").read_text(encoding="utf-8")


def test_a_row_has_the_authors_schema() -> None:
    assert seed_row(TASK) == ROW


# --- bad files: one error each, with file, line, field and what was expected ---------------------------------------

SCHEMA = (
    'such as {"id": "seed_task_0", "name": "greeting", "instruction": "...", '
    '"instances": [{"input": "", "output": "..."}], "is_classification": false}'
)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{'id': 1}", "{path}, line 2: not JSON (Expecting property name enclosed in double quotes, column 2); "
                      f"expected one object a line, {SCHEMA}"),
        (json.dumps(ROW)[:38], "{path}, line 2: not JSON (Unterminated string starting at, column 31); "
                               f"expected one object a line, {SCHEMA}"),
        ("[1, 2]", "{path}, line 2: expected a JSON object, found a list ([1, 2])."),
        ("null", "{path}, line 2: expected a JSON object, found null."),
        ('"seed"', '{path}, line 2: expected a JSON object, found a text ("seed").'),
        (without("id"), "{path}, line 2, field 'id': missing; expected a text."),
        (without("instruction"), "{path}, line 2, field 'instruction': missing; expected a text."),
        (without("instances"), "{path}, line 2, field 'instances': missing; expected a list."),
        (without("is_classification"), "{path}, line 2, field 'is_classification': missing; expected true or false."),
        (changed(id=7), "{path}, line 2, field 'id': expected a text, found a number (7)."),
        (changed(name=None), "{path}, line 2, field 'name': expected a text, found null."),
        (changed(instruction=None), "{path}, line 2, field 'instruction': expected a text, found null."),
        (changed(instruction=["a", "b"]), "{path}, line 2, field 'instruction': expected a text, found a list "
                                          '(["a", "b"]).'),
        (changed(instruction=2.5), "{path}, line 2, field 'instruction': expected a text, found a number (2.5)."),
        (changed(instruction={"a": "b" * 99}), "{path}, line 2, field 'instruction': expected a text, found an object "
                                               '({{"a": "' + "b" * 53 + "...)."),
        (changed(instruction=" \n"), "{path}, line 2, field 'instruction': expected a text, found an empty one."),
        (changed(is_classification="no"), "{path}, line 2, field 'is_classification': expected true or false, "
                                          'found a text ("no").'),
        (changed(is_classification=0), "{path}, line 2, field 'is_classification': expected true or false, "
                                       "found a number (0)."),
        (changed(is_classification=None), "{path}, line 2, field 'is_classification': expected true or false, "
                                          "found null."),
        (changed(instances={}), "{path}, line 2, field 'instances': expected a list, found an object ({{}})."),
        (changed(instances=[]), "{path}, line 2, field 'instances': expected at least one instance, found none."),
        (changed(instances=["Lima"]), "{path}, line 2, instance 1: expected an object with 'input' and 'output', "
                                      'found a text ("Lima").'),
        (changed(instances=[{"input": "", "output": "Lima"}, {"output": "Quito"}]),
         "{path}, line 2, instance 2, field 'input': missing; expected a text."),
        (changed(instances=[{"input": ""}]), "{path}, line 2, instance 1, field 'output': missing; expected a text."),
        (changed(instances=[{"input": None, "output": "Lima"}]),
         "{path}, line 2, instance 1, field 'input': expected a text, found null."),
        (changed(instances=[{"input": "", "output": True}]),
         "{path}, line 2, instance 1, field 'output': expected a text, found true or false (true)."),
        (changed(instances=[{"input": "Peru", "output": " "}]),
         "{path}, line 2, instance 1, field 'output': expected a text, found an empty one."),
        (changed(instruction="Name a river."), "{path}, line 2, field 'id': expected one that occurs once, "
                                               'found that of {path}, line 1 ("seed_task_0").'),
        (changed(id="seed_task_1"), "{path}, line 2, field 'instruction': expected one that occurs once, "
                                    'found that of {path}, line 1 ("Name the capital of Peru.").'),
        ("9" * 5000, f"{{path}}, line 2: not JSON (too long a number); expected one object a line, {SCHEMA}"),
        ("[" * 99_999, f"{{path}}, line 2: not JSON (too deep); expected one object a line, {SCHEMA}"),
    ],
)  # fmt: skip
def test_a_bad_line_is_one_error(tmp_path: Path, line: str, message: str) -> None:
    path = written(tmp_path, f"{json.dumps(ROW)}\n{line}\n")
    with pytest.raises(SeedFileError) as error:
        load_seed_tasks(path)
    schema_free, schema, rest = message.partition(SCHEMA)
    assert str(error.value) == schema_free.format(path=path) + schema + rest


def test_an_error_tells_the_right_one_of_two_files(tmp_path: Path) -> None:
    one, two = written(tmp_path, json.dumps(ROW), "one.jsonl"), written(tmp_path, json.dumps(ROW), "two.jsonl")
    with pytest.raises(SeedFileError) as error:
        load_seed_tasks(one, two)
    assert str(error.value) == (
        f"{two}, line 1, field 'id': expected one that occurs once, found that of {one}, line 1 (\"seed_task_0\")."
    )


def test_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "seeds.jsonl"
    with pytest.raises(SeedFileError) as error:
        load_seed_tasks(path)
    assert str(error.value) == f"{path}: there is no such seed file."


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SeedFileError) as error:
        load_seed_tasks(tmp_path)
    assert str(error.value) == f"{tmp_path}: is a folder; expected a file of JSON lines."


def test_a_path_through_a_file(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps(ROW)) / "seeds.jsonl"
    with pytest.raises(SeedFileError) as error:
        load_seed_tasks(path)
    assert str(error.value) == f"{path}: cannot be read (Not a directory)."


@pytest.mark.parametrize(
    ("content", "byte"), [('{"id": "é"}'.encode("latin-1"), 8), (json.dumps(ROW).encode("utf-16"), 0)]
)
def test_a_file_that_is_not_utf_8(tmp_path: Path, content: bytes, byte: int) -> None:
    path = written(tmp_path, content)
    with pytest.raises(SeedFileError) as error:
        load_seed_tasks(path)
    assert str(error.value) == f"{path}: is not UTF-8 text (byte {byte}); save it as UTF-8."


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_a_file_without_tasks(tmp_path: Path, content: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(SeedFileError) as error:
        load_seed_tasks(path)
    assert str(error.value) == f"{path}: no seed tasks; expected JSON lines {SCHEMA}"


def test_a_file_is_read_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "seeds.jsonl"
    write_seed_tasks([SeedTask("one", "Name a river.", (Instance("", "The Po"),), False)], path)
    reads: list[Path] = []
    read = seeds._read_lines
    monkeypatch.setattr(seeds, "_read_lines", lambda file: reads.append(file) or read(file))

    assert load_seed_tasks(path) == load_seed_tasks(str(path))
    assert reads == [path]

    write_seed_tasks([SeedTask("two", "Name a mountain.", (Instance("", "The Etna"),), False)], path)
    assert [task.id for task in load_seed_tasks(path)] == ["two"]
    assert reads == [path, path]
