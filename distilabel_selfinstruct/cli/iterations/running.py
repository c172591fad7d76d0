"""A loop from beginning to end: what has ended is passed over, so the same command goes on after a kill."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from distilabel_selfinstruct.cli.iterations.child import PREPARE
from distilabel_selfinstruct.cli.iterations.config import IterationsConfig
from distilabel_selfinstruct.cli.iterations.folder import IterationsFolder
from distilabel_selfinstruct.cli.iterations.plan import BASE, Step, steps_of
from distilabel_selfinstruct.cli.script import INCOMPLETE
from distilabel_selfinstruct.cli.stopping import Terminated
from distilabel_selfinstruct.errors import PipelineError
from distilabel_selfinstruct.secrets import shown
from distilabel_selfinstruct.training.training import need_packages
from distilabel_selfinstruct.training.weights import find_base
from distilabel_selfinstruct.training.writing import has_chat_template

_QUIET = {"TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
_CHILD = "distilabel_selfinstruct.cli.iterations.child"


def run_iterations(config: IterationsConfig) -> IterationsFolder:
    """Carries out a loop; each step that has ended is recorded.

    Raises:
        MissingExtraError: without the packages that train.
        RunFolderError: if the folder holds something else, or is in use.
        PipelineError: if a step failed; it has said why.
    """
    need_packages()
    base = find_base(config.model)
    folder = IterationsFolder(config.out)
    values = config.model_dump(mode="json", by_alias=True)
    folder.check(values)
    folder.make()
    with folder.locked():
        folder.write_config(values)
        where = base.where
        if base.file is not None or not has_chat_template(base):
            where = str(folder.base)
            _carry_out(folder, Step(BASE, [PREPARE, where, *([config.model] if config.model else [])]), config)
        for step in steps_of(config, folder.path, where, on_cpu=not _has_gpu()):
            _carry_out(folder, step, config)
    return folder


def _carry_out(folder: IterationsFolder, step: Step, config: IterationsConfig) -> None:
    """One step, unless it has ended before."""
    if step.name in folder.done():
        return
    words = list(step.command)
    if step.options:
        words += ["--config", str(folder.write_options(step.name, step.options)), "--out", str(folder.path / step.name)]
    print(shown(f"== {step.name}: {' '.join(step.command[:2])}"), file=sys.stderr, flush=True)
    status = _status_of(words)
    if status == INCOMPLETE and step.makes_data and config.allow_incomplete:
        status = 0
    if status:
        raise PipelineError(_advice(folder, step, status))
    folder.mark_done(step.name)


def _advice(folder: IterationsFolder, step: Step, status: int) -> str:
    where = f"{folder}: the step {step.name}"
    if status == INCOMPLETE:
        more = " Or set `allow_incomplete: true` to go on with what there is." if step.makes_data else ""
        return f"{where} came to less than was asked for: see above. Run the same command again to go on with it.{more}"
    return f"{where} failed: see above. The same command goes on with it."


def _status_of(words: Sequence[str]) -> int:
    """The exit status of a command in a process of its own, which gets the signals that come to this one."""
    child = subprocess.Popen([sys.executable, "-m", _CHILD, *words], stdin=subprocess.PIPE, env=_QUIET | os.environ)
    try:
        return child.wait()
    except KeyboardInterrupt as stop:
        if isinstance(stop, Terminated):  # Ctrl-C has reached it already
            child.terminate()
        child.wait()
        raise
    finally:
        assert child.stdin is not None
        child.stdin.close()  # a second signal: it is stopped too


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
