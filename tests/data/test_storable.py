"""What no file can hold is made storable when it is read; what a file can hold is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.data.documents import read_documents
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.instructions import read_instructions
from distilabel_selfinstruct.data.seeds import load_seed_tasks
from distilabel_selfinstruct.data.storable import storable
from distilabel_selfinstruct.errors import ConfigError, RunFolderError
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.recipes.domain.config import DomainConfig
from distilabel_selfinstruct.recipes.self_instruct.config import SelfInstructConfig
from distilabel_selfinstruct.runs.config import RunConfig, read_config, read_config_file
from distilabel_selfinstruct.runs.run import Run

HALVES = [
    ("Cut \ud83d", "Cut \ufffd"),
    ("\ude00 first", "\ufffd first"),
    ("\ude00\ud83d", "\ufffd\ufffd"),
    ("a\ud83db\ud83dc", "a\ufffdb\ufffdc"),
    ("whole \ud83d\ude00 pair", "whole \U0001f600 pair"),
    ("é 中文 \U0001f600", "é 中文 \U0001f600"),
    ("a\0b", "a\0b"),
]


@pytest.mark.parametrize(("given", "kept"), HALVES)
def test_a_text(given: str, kept: str) -> None:
    assert storable(given) == kept
    kept.encode()
    assert storable({given: [given, {"x": given}, 5, None]}) == {kept: [kept, {"x": kept}, 5, None]}


@pytest.mark.parametrize(("given", "kept"), HALVES)
def test_rows_documents_and_seeds(given: str, kept: str, tmp_path: Path) -> None:
    rows = [
        {"instruction": f"Say {given}.", "text": f"Text {given}.", "title": f"T {given}"},
        {"messages": [{"role": "user", "content": f"Ask {given}."}], "text": "x", "title": "y"},
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    for name in ("rows.jsonl", "rows.json"):
        assert read_instructions(str(tmp_path / name)).texts == [f"Say {kept}.", f"Ask {kept}."]
        assert tuple(read_documents(str(tmp_path / name))[0]) == (" ".join(f"T {kept}".split()), f"Text {kept}.")
    seed = {"id": f"s {given}", "instruction": f"Do {given}.", "is_classification": False,
            "instances": [{"input": given, "output": f"Done {given}."}]}  # fmt: skip
    (tmp_path / "seeds.jsonl").write_text(json.dumps(seed))
    (task,) = load_seed_tasks(tmp_path / "seeds.jsonl")
    assert (task.id, task.instruction, task.instances[0].output) == (f"s {kept}", f"Do {kept}.", f"Done {kept}.")


def test_options_too(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text('application_description: "half \\uD83D"\n')
    config = read_config({}, read_config_file(str(tmp_path / "c.yaml")), "c.yaml", DomainConfig)
    assert config.application_description == "half \ufffd"


@pytest.mark.parametrize(
    ("kind", "given", "name"),
    [
        (SelfInstructConfig, {"seeds": "a\0b"}, "seeds"),
        (DomainConfig, {"documents": "a\0b"}, "documents"),
        (DomainConfig, {"principles": "a\0b"}, "principles"),
        (get_recipe("evolve").load_config(), {"source": "a\0b"}, "source"),
        (RunConfig, {"out": "a\0b"}, "out"),
    ],
)
def test_a_nul_where_a_path_should_be(kind: Any, given: dict[str, Any], name: str) -> None:
    with pytest.raises(ConfigError, match=f"^c.yaml: {name}: a path cannot hold a NUL character"):
        read_config({}, given, "c.yaml", kind)


@pytest.mark.parametrize(
    "text", ["[" * 5000, "a: " * 5000, "\0", "a: \x07", "{" * 5000 + "}" * 5000, "- a", "", "&a [*a, *b]"]
)
def test_an_odd_config_file_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config_file(str(tmp_path / "c.yaml"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    ["num_instructions: many", "num_instructions: [5]", "patience: {a: 1}", "lag: x", "lag: []", "llm: 5", "seed: null",
     "max_tokens: x", "[" * 5000, "recipe: [self-instruct]"],
)  # fmt: skip
def test_a_damaged_config_of_a_folder_is_one_line(line: str, tmp_path: Path) -> None:
    (tmp_path / "completions").mkdir()
    (tmp_path / "completions" / "a-1-1.sqlite").touch()
    (tmp_path / "config.yaml").write_text(f"recipe: self-instruct\nprompts_version: 1\n{line}\n")
    with pytest.raises(RunFolderError) as caught:
        Run(read_config({"out": str(tmp_path)}, {}, "", SelfInstructConfig), get_recipe("self-instruct"))
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    "text", ["{}", "[]", '"x"', '{"ended": 5}', '{"ended": "complete", "admitted": "many"}', "[" * 5000]
)
def test_a_damaged_summary_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(RunFolderError, match="is damaged; delete it"):
        RunFolder(tmp_path).summary()


@pytest.mark.parametrize("text", ["[]", "5", "null", "{", "[" * 5000])
def test_a_damaged_report_of_a_loop_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "bootstrap.json").write_text(text)
    with pytest.raises(RunFolderError, match=r"bootstrap\.json: is damaged"):
        RunFolder(tmp_path).loop("bootstrap")
