"""What a run of the paper's size costs apart from the model: python benchmarks/paper_size.py.

Runs the main pipeline with a model that answers at once, for several sizes, and prints for each the wall time, the CPU
seconds of each process, and the peak memory of all processes together (proportional set size, so that what they share
counts once).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
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


def measure(instructions: int, preset: str) -> tuple[float, int, dict[str, float]]:
    """Wall seconds, peak bytes of all processes, CPU seconds by process name."""
    cpu: dict[str, float] = {}
    peak = 0
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text("llm: {class: benchmarks.instant.InstantLLM}\nconcurrency: 64\nstage_by_stage: false\n")
        command = [
            sys.executable, str(ROOT / "pipelines" / "self_instruct.py"), "--config", str(config), "--preset", preset,
            "--num-instructions", str(instructions), "--out", folder + "/run",
        ]  # fmt: skip
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
                    cpu["main" if pid == process.pid else name] = seconds
                    total += size
                peak = max(peak, total)
                time.sleep(0.5)
        if process.returncode:
            raise SystemExit(f"the run failed with exit status {process.returncode}")
        return time.monotonic() - started, peak, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[6_500, 13_000, 26_000, 52_000])
    parser.add_argument("--preset", default="default")
    options = parser.parse_args()
    print("| instructions | wall, s | ms an instruction | peak memory, MB | CPU seconds by process |")
    print("|---:|---:|---:|---:|---|")
    for size in options.sizes:
        seconds, peak, cpu = measure(size, options.preset)
        where = ", ".join(f"{name} {spent:.0f}" for name, spent in sorted(cpu.items(), key=lambda item: -item[1])[:6])
        print(f"| {size:,} | {seconds:.0f} | {1000 * seconds / size:.2f} | {peak / 1e6:,.0f} | {where} |", flush=True)


if __name__ == "__main__":
    main()
