"""TRL's trainers, told what a config says: they go on from the last whole checkpoint, and say how far they are."""

from __future__ import annotations

import logging
import math
import os
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib import metadata
from typing import Any

from distilabel_selfinstruct.engine.progress import LINE, duration, sign_of_life
from distilabel_selfinstruct.errors import ConfigError, PipelineError, SelfInstructError
from distilabel_selfinstruct.training.config import TrainConfig
from distilabel_selfinstruct.training.data import TrainingRows
from distilabel_selfinstruct.training.defaults import CHECKPOINTS, LORA_ALPHA, SCHEDULE, WARMUP, WEIGHT_DECAY
from distilabel_selfinstruct.training.device import Device, check_room, find_device
from distilabel_selfinstruct.training.folder import TrainingFolder, TrainingSummary
from distilabel_selfinstruct.training.lengths import Tokens
from distilabel_selfinstruct.training.weights import Base, load_model, own_dtype, save_model

PACKAGES = ("trl", "transformers", "peft", "accelerate", "torch")
_LOGS = 200  # lines of metrics, about


def fit(
    config: TrainConfig,
    base: Base,
    tokenizer: Any,
    rows: TrainingRows,
    tokens: Sequence[Tokens],
    folder: TrainingFolder,
) -> TrainingSummary:
    """Trains to the end, from the last checkpoint on if there is one, and writes the model.

    Args:
        config: resolved: its `max_length` is one that the model can read.
        base: the model.
        tokenizer: of the model, with a chat template where the rows are chats.
        rows: what it learns from.
        tokens: the same in tokens.
        folder: of the training; this process, or the one that has started it, holds its lock.

    Raises:
        SelfInstructError: if it cannot end; its checkpoints stay.
    """
    from transformers import set_seed

    device = find_device()
    with one_line_each(config, folder), _quiet():
        set_seed(config.seed)
        with sign_of_life("loading the model"):
            model = load_model(base, device.dtype(config))
        check_room(model, config, device, folder)
        trainer = _trainer(config, model, tokenizer, rows, tokens, folder, device)
        watch = _watch(trainer, folder)
        checkpoint = folder.last_checkpoint() if trainer.is_world_process_zero() else None
        trainer.accelerator.wait_for_everyone()
        checkpoint = checkpoint or folder.last_checkpoint()
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        summary = _summary(trainer, watch, device)
        if trainer.is_world_process_zero():
            save_model(trainer.accelerator.unwrap_model(trainer.model), tokenizer, own_dtype(base), folder)
        trainer.accelerator.wait_for_everyone()
    return summary


def _trainer(
    config: TrainConfig,
    model: Any,
    tokenizer: Any,
    rows: TrainingRows,
    tokens: Sequence[Tokens],
    folder: TrainingFolder,
    device: Device,
) -> Any:
    """SFTTrainer, whose rows are tokens with labels already, or DPOTrainer, which reads the pairs itself."""
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    kept = [at for at, each in enumerate(tokens) if len(each.prompt) < config.max_length]
    given = _arguments(config, len(kept), folder, device)
    more: dict[str, Any] = {"model": model, "processing_class": tokenizer, "peft_config": _lora(config)}
    if config.method == "dpo":
        data = Dataset.from_list([rows.rows[at] for at in kept])
        # What the model said before it learned is computed once: a second model would have to be held all the time.
        arguments = DPOConfig(**given, beta=config.beta, precompute_ref_log_probs=config.weights == "full")
        return DPOTrainer(args=arguments, train_dataset=data, **more)
    data = Dataset.from_list([tokens[at].cut(config.max_length) for at in kept])
    return SFTTrainer(args=SFTConfig(**given), train_dataset=data, **more)


def _arguments(config: TrainConfig, rows: int, folder: TrainingFolder, device: Device) -> dict[str, Any]:
    devices = int(os.environ.get("WORLD_SIZE", "1"))
    at_once, times = config.split_batch(devices)
    steps = config.steps(rows)
    return {
        "output_dir": str(folder.checkpoints),
        "max_steps": steps,
        "per_device_train_batch_size": at_once,
        "gradient_accumulation_steps": times,
        "learning_rate": config.rate,
        "lr_scheduler_type": SCHEDULE,
        "warmup_steps": math.ceil(steps * WARMUP[config.method].value),
        "weight_decay": WEIGHT_DECAY.value,
        "max_length": config.max_length,
        "seed": config.seed,
        "data_seed": config.seed,
        "logging_steps": max(1, steps // _LOGS),
        "logging_nan_inf_filter": False,
        "save_steps": max(1, math.ceil(steps / CHECKPOINTS)),
        "save_total_limit": 2,  # the last may be half-written
        "report_to": "none",
        "disable_tqdm": True,
        "ddp_backend": "gloo" if device.kind == "cpu" and devices > 1 else None,
        **device.arguments,
    }


def _lora(config: TrainConfig) -> Any:
    from peft import LoraConfig

    if config.weights == "full":
        return None
    return LoraConfig(
        r=config.lora_rank,
        lora_alpha=int(LORA_ALPHA.value),
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def _watch(trainer: Any, folder: TrainingFolder) -> Any:
    """What notes the loss, tells whole checkpoints, and says how far the training is."""
    from transformers import PrinterCallback, TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc]
        """Listens to the trainer; in the first process alone it writes and speaks."""

        def __init__(self) -> None:
            self.started, self.said, self.first_step = time.monotonic(), time.monotonic(), 0

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.started, self.first_step = time.monotonic(), state.global_step
            if state.is_world_process_zero and state.global_step:
                self.say(f"going on from step {state.global_step:,} of {state.max_steps:,}")

        def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            lines = [line for line in state.log_history if "loss" in line]
            if lines and not math.isfinite(float(lines[-1]["loss"])):
                raise ConfigError(
                    f"The loss is no number any more at step {state.global_step:,}. Take a smaller --learning-rate, in"
                    " another folder (--out)."
                )
            if state.is_world_process_zero:
                folder.write_metrics(lines)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.is_world_process_zero:
                folder.complete_checkpoint(folder.checkpoints / f"checkpoint-{state.global_step}")

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            now = time.monotonic()
            if not state.is_world_process_zero or now - self.said < LINE:
                return
            self.said = now
            seconds, done = now - self.started, state.global_step - self.first_step
            left = seconds / done * (state.max_steps - state.global_step)
            losses = [line["loss"] for line in state.log_history if "loss" in line]
            loss = f", loss {float(losses[-1]):.3f}" if losses else ""
            said = f"step {state.global_step:,} of {state.max_steps:,}{loss}, {duration(seconds)}"
            self.say(f"training: {said}, {duration(left)} left")

        @staticmethod
        def say(text: str) -> None:
            print(text, file=sys.stderr, flush=True)

    watch = Watch()
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(watch)
    return watch


def _summary(trainer: Any, watch: Any, device: Device) -> TrainingSummary:
    losses = [float(line["loss"]) for line in trainer.state.log_history if "loss" in line]
    some = max(1, len(losses) // 10)
    parameters = [(each.numel(), each.requires_grad) for each in trainer.model.parameters()]
    return TrainingSummary(
        rows=len(trainer.train_dataset),
        steps=trainer.state.global_step,
        epochs=round(float(trainer.state.epoch or 0), 3),
        first_loss=sum(losses[:some]) / some,
        loss=sum(losses[-some:]) / some,
        parameters=sum(count for count, _ in parameters),
        trained=sum(count for count, is_trained in parameters if is_trained),
        seconds=round(time.monotonic() - watch.started, 1),
        device=device.kind,
        precision=device.precision,
        versions={name: metadata.version(name) for name in PACKAGES},
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """The libraries without their remarks and bars."""
    import datasets
    from transformers.utils import logging as theirs

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    theirs.set_verbosity_error()
    theirs.disable_progress_bar()
    datasets.disable_progress_bars()
    for name in ("trl", "peft", "accelerate", "torch"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings(), redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def one_line_each(config: TrainConfig, folder: TrainingFolder) -> Iterator[None]:
    """What goes wrong within is one line that says what to do; the rest of it is in the log."""
    try:
        yield
    except (SelfInstructError, OSError):
        raise
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        if isinstance(error, MemoryError) or any(words in said for words in ("out of memory", "not enough memory")):
            raise ConfigError(_too_little_memory(config)) from None
        if any(words in said for words in ("No space left", "PytorchStreamWriter failed", "os error 28")):
            raise ConfigError(f"{folder}: the disk is full. Make room, and run the same command again.") from None
        trace = folder.write_trace(traceback.format_exc())
        raise PipelineError(f"The training cannot go on ({said[:300]}); see {trace}.") from None


def _too_little_memory(config: TrainConfig) -> str:
    advice = [f"--rows-at-once 1 (it was {config.rows_at_once})"] if config.rows_at_once > 1 else []
    advice += ["--lora in another folder"] if config.weights == "full" else []
    return (
        f"There is not enough memory for rows of {config.max_length:,} tokens. Run the same command with"
        f" {', '.join([*advice, 'a smaller --max-length in another folder'])}, or take a smaller model."
    )
