"""Several processes that train together, a GPU each, started by torch's own launcher, ending all with one."""

from __future__ import annotations

import os
import subprocess
import sys

from distilabel_selfinstruct.errors import PipelineError
from distilabel_selfinstruct.training.folder import TrainingFolder

PARENT = "SELF_INSTRUCT_PARENT"
"""The variable with the process that has started all of them."""
MARK = "self-instruct: "
"""What the line begins with that says why one of them has failed."""
_WORKER = "distilabel_selfinstruct.training.worker"


def fit_together(folder: TrainingFolder, processes: int) -> None:
    """Trains in so many processes.

    Raises:
        PipelineError: if one of them has failed; it has said why.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command += ["-m", _WORKER, str(folder.path)]
    environment = {**os.environ, PARENT: str(os.getpid()), "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    launcher = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    last = ""
    assert launcher.stderr is not None
    try:
        for line in launcher.stderr:
            if line.startswith(MARK):
                last = line.removeprefix(MARK).strip()
            elif line.startswith(("training: ", "going on")):
                print(line, end="", file=sys.stderr, flush=True)
        status = launcher.wait()
    finally:
        if launcher.poll() is None:
            launcher.terminate()
            launcher.wait()
    if status:
        raise PipelineError(last or f"One of the {processes} processes has ended ({status}). Run the command again.")
