"""The door to distilabel's insides: every private name of it that this package uses is listed and imported here.

distilabel promises nothing for a name that begins with an underscore. So the list is checked, once, against the
distilabel that is installed; `tests/engine/test_stock.py` keeps the list equal to what `engine` uses, and the rest of
the package free of such names.
"""

from __future__ import annotations

import contextlib
import dis
import importlib
import re
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from distilabel_selfinstruct.errors import SelfInstructError

with contextlib.suppress(ImportError):  # `check`, below, says which are missing
    from distilabel.pipeline.base import _STEP_NOT_LOADED_CODE as STEP_NOT_LOADED
    from distilabel.pipeline.base import _STEP_UNLOADED_CODE as STEP_UNLOADED
    from distilabel.pipeline.batch import _Batch as Batch
    from distilabel.pipeline.batch_manager import _BatchManager as BatchManager
    from distilabel.pipeline.step_wrapper import _StepWrapper as StepWrapper
    from distilabel.pipeline.write_buffer import _WriteBuffer as WriteBuffer
    from distilabel.steps.base import _Step as AnyStep

__all__ = [
    "STEP_NOT_LOADED",
    "STEP_UNLOADED",
    "AnyStep",
    "Batch",
    "BatchManager",
    "StepWrapper",
    "WriteBuffer",
    "WrongDistilabel",
    "check",
]

REQUIREMENT = "distilabel>=1.5.3,<1.6"
_FIRST, _BEYOND = (1, 5, 3), (1, 6)

PRIVATE: dict[str, tuple[str, ...]] = {
    # What travels between steps, who keeps it, who writes it, who runs a step: the loop is written in their terms.
    "distilabel.pipeline.batch": ("_Batch",),
    "distilabel.pipeline.batch_manager": ("_BatchManager",),
    "distilabel.pipeline.write_buffer": ("_WriteBuffer",),
    "distilabel.pipeline.step_wrapper": ("_StepWrapper",),
    "distilabel.steps.base": ("_Step",),
    # What `_steps_load_status` holds besides numbers of replicas: without them no stage is seen to begin or end.
    "distilabel.pipeline.base": ("_STEP_NOT_LOADED_CODE", "_STEP_UNLOADED_CODE"),
    "distilabel.pipeline.base:BasePipeline": (
        # Before the run: parameters, name, groups of steps, checks, folders. Without them a pipeline does not start.
        "_add_dataset_generator_step",
        "_built_load_groups",
        "_cache_dir",
        "_cache_location",
        "_check_requirements",
        "_init_steps_load_status",
        "_load_groups",
        "_load_stages_status",
        "_set_pipeline_artifacts_path_in_steps",
        "_set_pipeline_name",
        "_set_runtime_parameters",
        "_setup_fsspec",
        "_use_fs_to_pass_data",
        "_validate",
        # Stages: which steps are loaded together, and how far they are. Without them a stage never ends.
        "_current_stage",
        "_get_steps_load_stages",
        "_is_step_running",
        "_run_steps",
        "_should_load_next_stage",
        "_steps_load_status",
        "_steps_to_be_loaded_in_stage",
        # Batches: where they are, and where they go next. Without them rows stay where they are.
        "_batch_manager",
        "_create_steps_input_queues",
        "_manage_batch_flow",
        "_notify_steps_to_stop",
        "_output_queue",
        "_process_batch",
        "_request_batch_from_generator",
        "_request_initial_batches",
        "_send_to_step",
        "_steps_input_queues",
        "_write_buffer",
        # Overridden: under another name distilabel would call its own, which hang, and write every batch to disk.
        "_cache",
        "_create_step_input_queue",
        "_output_queue_loop",
        "_register_batch",
        "_run_step",
        "_send_batch_to_step",
        # What a user has asked for, and the log.
        "_dry_run",
        "_enable_metadata",
        "_logger",
    ),
    # Rows of leaf steps, until they are on disk. `_write` is overridden: distilabel's loses columns that come late.
    "distilabel.pipeline.write_buffer:_WriteBuffer": (
        "_buffers",
        "_buffers_dump_batch_size",
        "_buffers_last_file",
        "_clean_buffer",
        "_path",
        "_write",
    ),
    # A worker's life. The loops are overridden: distilabel's make rows up where a step fails.
    "distilabel.pipeline.step_wrapper:_StepWrapper": (
        "_generator_step_process_loop",
        "_non_generator_process_loop",
        "_notify_load",
        "_notify_unload",
        "_send_batch",
    ),
    # The rows of a step that reads a dataset: without it a changed dataset is served from the cache.
    "distilabel.steps.generators.huggingface:LoadDataFromHub": ("_dataset",),
}


class WrongDistilabel(SelfInstructError):
    """The installed distilabel is not one that the engine can drive."""


def check() -> None:
    """Compares the installed distilabel with what the engine needs of it.

    Raises:
        WrongDistilabel: if it has another version, or lacks a name of the list.
    """
    installed = metadata.version("distilabel")
    if not _FIRST <= _numbers(installed) < _BEYOND:
        problem = f"distilabel {installed} is installed"
    elif missing := [f"{owner}.{name}" for owner, names in PRIVATE.items() for name in names if not _has(owner, name)]:
        problem = f"distilabel {installed} is installed, and lacks {', '.join(missing)}"
    else:
        return
    raise WrongDistilabel(f'{problem}. This package works with another: pip install "{REQUIREMENT}"')


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _has(owner: str, name: str) -> bool:
    """Whether a module or a class of distilabel, `module` or `module:Class`, has this name."""
    module_name, _, class_name = owner.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError:
        return False
    if not class_name:
        return hasattr(module, name)
    kind = getattr(module, class_name, None)
    return kind is not None and name in {*_given_by_class(kind), *_set_when_made(kind)}


def _given_by_class(kind: type[Any]) -> Iterator[str]:
    for each in kind.__mro__:
        yield from vars(each)
        yield from vars(each).get("__annotations__", ())
        yield from vars(each).get("__private_attributes__", ())  # pydantic's


def _set_when_made(kind: type[Any]) -> Iterator[str]:
    for instruction in dis.get_instructions(kind.__init__):
        if instruction.opname == "STORE_ATTR":
            yield str(instruction.argval)


check()
