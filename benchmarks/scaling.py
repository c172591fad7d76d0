"""The main pipeline on a Ray cluster of 1 to 4 nodes: python benchmarks/scaling.py.

The endpoint works on 64 requests at a time, the others queue; latency is lognormal with mean 1 s and sigma 0.5, seeded.
All nodes are on this machine, so what is shown is what a node more costs and not what its cores bring. Printed are, for
a run without Ray and for each number of nodes,

- the seconds until the first request: the start of the workers,
- rows (instances) a second, and the share of busy slot-seconds, from the first request to the last response,
- the seconds that the same command takes when everything is answered: what the pipeline itself costs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).parents[1]
# A script finds its own folder only; what it imports of the clone has to stand below (E402).
sys.path[:0] = [str(ROOT)]

from tests.support.openai_server import OpenAIServerProcess, busy_share  # noqa: E402
from tests.support.ray_cluster import RayCluster  # noqa: E402

_REPLICAS = "identify=2,output_first=2,input_first=2"


def run(url: str, folder: Path, options: argparse.Namespace, cluster: RayCluster | None) -> float:
    """Runs the script; the time it was started at."""
    command = [
        *(sys.executable, str(ROOT / "pipelines" / "self_instruct.py"), "--llm", "openai", "--model", "stub-model"),
        *("--base-url", url, "--concurrency", str(options.slots), "--out", str(folder)),
        *("--num-instructions", str(options.instructions), "--no-check"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if cluster is not None:
        command += ["--ray", cluster.address, "--replicas", _REPLICAS]
        environment["RAY_AUTH_TOKEN"] = cluster.token
    started = time.time()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    return started


def measure(nodes: int, options: argparse.Namespace) -> str:
    """One line of the table; no nodes: without Ray."""
    with ExitStack() as stack:
        server = stack.enter_context(
            OpenAIServerProcess(
                answer="benchmarks.answers:answer", slots=options.slots, latency=options.latency, sigma=0.5
            )
        )
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "run"
        cluster = stack.enter_context(RayCluster(*[[]] * nodes)) if nodes else None
        started = run(server.url, folder, options, cluster)
        requests = [request for request in server.requests if request.completed]
        summary = json.loads((folder / "summary.json").read_text())
        (folder / "summary.json").unlink()
        again = run(server.url, folder, options, cluster)
        seconds = time.time() - again
    first = min(request.started for request in requests)
    wall = max(request.finished or 0 for request in requests) - first
    return (
        f"| {nodes or 'without Ray'} | {first - started:.1f} | {len(requests):,} | {summary['instances'] / wall:.1f} |"
        f" {busy_share(requests, options.slots):.1%} | {seconds:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="0: without Ray")
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--latency", type=float, default=1.0, help="mean seconds of a request")
    parser.add_argument("--instructions", type=int, default=1000)
    options = parser.parse_args()
    print(f"{options.slots} slots, latency lognormal, mean {options.latency} s, sigma 0.5; {os.cpu_count()} cores\n")
    print("| nodes | until the first request, s | requests | rows a second | slots busy | all answered already, s |")
    print("|---:|---:|---:|---:|---:|---:|")
    for nodes in options.nodes:
        print(measure(nodes, options), flush=True)


if __name__ == "__main__":
    main()
