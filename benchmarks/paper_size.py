"""What a run of the paper's size costs apart from the model: python benchmarks/paper_size.py.

Runs the main pipeline with a model that answers at once, for several sizes, and prints for each the wall time, the
size of the run folder, the peak memory of all processes together (proportional set size, so that what they share counts
once), and the peak memory and the CPU seconds of each.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

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


def measure(instructions: int, preset: str) -> Cost:
    """What a run of this size costs."""
    cost = Cost()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text("llm: {class: benchmarks.instant.InstantLLM}\nconcurrency: 64\nstage_by_stage: false\n")
        command = [
            sys.executable,
            str(ROOT / "pipelines" / "self_instruct.py"),
            "--config",
            str(config),
            "--preset",
            preset,
            "--num-instructions",
            str(instructions),
            "--out",
            folder + "/run",
        ]
        started = time.monotonic()
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
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
        cost.wall = time.monotonic() - started
        cost.disk = sum(path.stat().st_size for path in Path(folder, "run").rglob("*") if path.is_file())
    return cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[6_500, 13_000, 26_000, 52_000])
    parser.add_argument("--preset", default="default")
    options = parser.parse_args()
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
