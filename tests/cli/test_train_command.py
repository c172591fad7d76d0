"""`self-instruct train` and `loop` where the packages that train are not installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from distilabel_selfinstruct.cli import self_instruct
from tests.support.recipes import Made

MISSING = (
    "Error: Training needs packages that are not installed; install them with: pip install"
    ' "distilabel-selfinstruct[train]"\n'
)


@pytest.fixture(autouse=True)
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "distilabel_selfinstruct.training.training.find_spec", lambda name: None if name == "trl" else find_spec("json")
    )


def test_train_says_what_to_install(
    small_run: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert self_instruct(["train", str(small_run.folder)]) == 1
    assert capsys.readouterr().err == MISSING
    assert list(tmp_path.iterdir()) == []


def test_loop_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop.yaml").write_text("runs: {hold_out: 0.2}\n", encoding="utf-8")
    assert self_instruct(["loop", "--config", "loop.yaml"]) == 1
    assert capsys.readouterr().err == MISSING
    assert [path.name for path in tmp_path.iterdir()] == ["loop.yaml"]


def test_the_config_of_another_tool_needs_none_of_them(
    small_run: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for name in ("config.json", "model.safetensors", "chat_template.jinja"):
        (model / name).touch()
    words = ["train", str(small_run.folder), "--model", str(model), "--write", "trl", "--out", str(tmp_path / "out")]
    assert self_instruct(words) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"next: trl sft --config {tmp_path / 'out' / 'trl.yaml'}"


@pytest.mark.parametrize("command", ["train", "loop"])
def test_help_names_every_option(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        self_instruct([command, "--help"])
    said = capsys.readouterr().out
    assert all(
        option in said
        for option in {"train": ("--lora", "--full", "--method", "--write"), "loop": ("--config",)}[command]
    )
