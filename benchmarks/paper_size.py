"""What a run of the paper's size costs apart from the model: python benchmarks/paper_size.py [--resume].

Runs the main pipeline with a model that answers at once, for several sizes, and prints for each the wall time, the
size of the run folder, the peak memory of all processes together (proportional set size, so that what they share counts
once), and the peak memory and the CPU seconds of each.

With `--resume` each run is killed when it has half of its instructions, and the same command goes on: printed is how
long it takes until it asks the model for more of them.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from distilabel_selfinstruct.data.folder import RunFolder

ROOT = Path(__file__).parents[1]
_TICKS = os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """The processes started by this one, and theirs."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, path.read_text().split()):
            found += [child, *children(child)]
    return found


def look(pid: int) -> tuple[str, float, int]:
    """Name, CPU seconds and proportional set size in bytes of a process."""
    name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
    fields = rest.split()
    pss = next(line for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() if line.startswith("Pss:"))
    return name, (int(fields[11]) + int(fields[12])) / _TICKS, int(pss.split()[1]) * 1024


@dataclass
class Cost:
    """Seconds and bytes; of all processes where nothing else is said."""

    wall: float = 0.0
    peak: int = 0
    disk: int = 0
    cpu: dict[str, float] = field(default_factory=dict)  # by the name of the process
    peaks: dict[str, int] = field(default_factory=dict)


@contextmanager
def started(folder: str, instructions: int, preset: str) -> Iterator[subprocess.Popen[bytes]]:
    """A run of this size in the folder `run` below."""
    config = Path(folder) / "config.yaml"
    config.write_text("llm: {class: benchmarks.instant.InstantLLM}\nconcurrency: 64\nstage_by_stage: false\n")
    options = {"config": config, "preset": preset, "num-instructions": instructions, "out": f"{folder}/run"}
    command = [sys.executable, str(ROOT / "pipelines" / "self_instruct.py")]
    command += [word for name, value in options.items() for word in (f"--{name}", str(value))]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def measure_resume(instructions: int, preset: str) -> tuple[int, float]:
    """How many a killed run had, and how long the next session takes until it asks for more."""
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(folder + "/run")
        had = 0
        with started(folder, instructions, preset) as process:
            while 2 * had < instructions:
                wait_beside(process)
                had = run.progress().get("bootstrap", {}).get("admitted", 0)
        began = time.time()
        with started(folder, instructions, preset) as process:
            while (asked := newest(run)) < began:
                wait_beside(process)
        return had, asked - began


def wait_beside(process: subprocess.Popen[bytes]) -> None:
    """Waits a little; a run that has ended meanwhile ends the benchmark."""
    if process.poll() is not None:
        raise SystemExit(f"the run ended before it was looked for: exit status {process.returncode}")
    time.sleep(0.2)


def newest(run: RunFolder) -> float:
    """When the last answer of the loop was asked for, in seconds since 1970."""
    path = max(run.completions.glob("bootstrap-*.sqlite"))  # the names begin with when a session began
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            return float(connection.execute("SELECT max(started) FROM completions").fetchone()[0] or 0)
        except sqlite3.OperationalError:  # it has no table yet
            return 0.0


def measure(instructions: int, preset: str) -> Cost:
    """What a run of this size costs."""
    cost = Cost()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        with started(folder, instructions, preset) as process:
            while process.poll() is None:
                total = 0
                for pid in [process.pid, *children(process.pid)]:
                    try:
                        name, seconds, size = look(pid)
                    except (OSError, StopIteration):
                        continue
                    name = "main" if pid == process.pid else name
                    cost.cpu[name] = seconds
                    cost.peaks[name] = max(cost.peaks.get(name, 0), size)
                    total += size
                cost.peak = max(cost.peak, total)
                time.sleep(0.5)
        if process.returncode:
            raise SystemExit(f"the run failed with exit status {process.returncode}")
        cost.wall = time.monotonic() - began
        cost.disk = sum(path.stat().st_size for path in Path(folder, "run").rglob("*") if path.is_file())
    return cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[6_500, 13_000, 26_000, 52_000])
    parser.add_argument("--preset", default="default")
    parser.add_argument("--resume", action="store_true", help="kill each run in the middle, and go on")
    options = parser.parse_args()
    if options.resume:
        print("| instructions | killed with | asks again after, s |\n|---:|---:|---:|")
        for size in options.sizes:
            had, seconds = measure_resume(size, options.preset)
            print(f"| {size:,} | {had:,} | {seconds:.1f} |", flush=True)
        return
    print("| instructions | wall, s | ms an instruction | disk, MB | peak memory, MB | by process | CPU s by process |")
    print("|---:|---:|---:|---:|---:|---|---|")
    for size in options.sizes:
        cost = measure(size, options.preset)
        print(
            f"| {size:,} | {cost.wall:.0f} | {1000 * cost.wall / size:.2f} | {cost.disk / 1e6:,.0f} |"
            f" {cost.peak / 1e6:,.0f} | {_most({name: size / 1e6 for name, size in cost.peaks.items()})} |"
            f" {_most(cost.cpu)} |",
            flush=True,
        )


def _most(values: Mapping[str, float]) -> str:
    """The six highest of them."""
    return ", ".join(f"{name} {values[name]:,.0f}" for name in sorted(values, key=lambda name: -values[name])[:6])


if __name__ == "__main__":
    main()
