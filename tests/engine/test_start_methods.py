"""The wiring of the guide as a script, however Python starts processes: fork, spawn (macOS) or forkserver (3.14)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.waiting import LIMIT, wait_until

pytestmark = pytest.mark.slow

METHODS = ["fork", "spawn", "forkserver"]
GUIDE = (ROOT / "docs" / "guide" / "wiring.md").read_text(encoding="utf-8")
(WIRING,) = (each for each in re.findall(r"^```python\n(.*?)^```$", GUIDE, re.M | re.S) if "my-self-instruct" in each)
BUILD = re.split(r"^(?:if __name__ ==|distiset =)", WIRING, flags=re.MULTILINE)[0]
RUN = 'distiset = pipeline.run()\nprint(sorted(distiset), len(distiset["instances"]["train"]) > 0)\n'
GUARDED = f'{BUILD}if __name__ == "__main__":\n{textwrap.indent(RUN, "    ")}'
WELL = "['instances', 'rejected', 'sft'] True\n"
STEPS = """
import os, time
from distilabel_selfinstruct import Pipeline
from distilabel.steps import LoadDataFromDicts, Step, StepInput

class Double(Step):
    @property
    def inputs(self):
        return ["number"]

    @property
    def outputs(self):
        return ["double"]

    def process(self, inputs: StepInput):
        {work}
        yield [row | {{"double": 2 * row["number"]}} for row in inputs]

def build(kind=Double):
    with Pipeline("doubles") as pipeline:
        LoadDataFromDicts(data=[{{"number": 1}}]) >> kind(name="double")
    return pipeline
"""


def start(folder: Path, code: str, method: str, first: str = "") -> subprocess.Popen[str]:
    """Starts a script in which Python would by itself start processes like this."""
    script = folder / "wiring.py"
    setting = f"import multiprocessing; multiprocessing.set_start_method({method!r}, force=True)\n"
    script.write_text(f"{first}{setting}{code}".replace('"seeds/', f'"{ROOT}/seeds/'), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, str(script)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(folder), "DISTILABEL_CACHE_DIR": str(folder / "cache")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Its exit status and what it said; nothing of it is left."""
    with process:
        try:
            out, err = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    wait_until(lambda: not is_anybody_left(process.pid))
    return process.returncode, out, err


def is_anybody_left(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("method", METHODS)
def test_the_wiring_with_a_guard(tmp_path: Path, method: str) -> None:
    assert end(start(tmp_path, GUARDED, method)) == (0, WELL, "")


def line(method: str) -> str:
    return (
        f"Each worker imports the script again (start method '{method}'), and would run the pipeline again. Write"
        ' `if __name__ == "__main__":` above `pipeline.run()`, and indent `pipeline.run()` and what follows.\n'
    )


def test_the_wiring_without_a_guard_where_none_is_needed(tmp_path: Path) -> None:
    assert end(start(tmp_path, BUILD + RUN, "fork")) == (0, WELL, "")


@pytest.mark.parametrize("method", METHODS[1:])
def test_the_wiring_without_a_guard(tmp_path: Path, method: str) -> None:
    assert end(start(tmp_path, BUILD + RUN, method)) == (1, "", line(method))


@pytest.mark.parametrize("method", METHODS[1:])
def test_no_guard_in_a_script_that_looks_at_its_name_for_something_else(tmp_path: Path, method: str) -> None:
    code = f"import logging\nlog = logging.getLogger(__name__)\n{STEPS.format(work='pass')}build().run()\n"
    assert end(start(tmp_path, code, method)) == (1, "", line(method))


@pytest.mark.parametrize("method", METHODS)
def test_a_run_after_another_in_a_function_and_in_a_thread(tmp_path: Path, method: str) -> None:
    code = f"""{STEPS.format(work="pass")}
def main():
    print(build().run(use_cache=False)["default"]["train"][0]["double"])

if __name__ == "__main__":
    import threading
    main()
    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
"""
    assert end(start(tmp_path, code, method)) == (0, "2\n2\n", "")


@pytest.mark.parametrize("method", METHODS)
def test_the_main_process_killed(tmp_path: Path, method: str) -> None:
    code = STEPS.format(work='open("at-work", "w").close(); time.sleep(600)')
    process = start(tmp_path, f'{code}\nif __name__ == "__main__":\n    build().run()\n', method)
    wait_until(lambda: (tmp_path / "at-work").exists() or process.poll() is not None)
    process.kill()
    status, _, err = end(process)
    assert status == -signal.SIGKILL
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("method", "number"),
    [
        ("fork", signal.SIGINT),
        ("fork", signal.SIGTERM),
        ("spawn", signal.SIGINT),
        ("forkserver", signal.SIGTERM),
    ],
)
def test_a_signal_to_all_of_them_while_workers_start(tmp_path: Path, method: str, number: signal.Signals) -> None:
    code = f"""{STEPS.format(work="pass")}
if __name__ == "__main__":
    pipeline = build()
    from distilabel_selfinstruct.engine.local import LocalPipeline
    start = LocalPipeline._start_worker

    def note(self, worker):
        start(self, worker)
        print("started", flush=True)

    LocalPipeline._start_worker = note
    from distilabel_selfinstruct.errors import Interrupted
    try:
        pipeline.run()
    except Interrupted as stopped:
        print(stopped.signal_name)
"""
    process = start(tmp_path, code, method)
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    os.killpg(process.pid, number)
    status, out, err = end(process)
    assert (status, out.replace("started\n", ""), err) == (0, f"{number.name}\n", "")


SERVER_IMPORTS = """
import multiprocessing.spawn as spawn
prepared = spawn.get_preparation_data
def with_main(name):
    data = prepared(name)
    return {**data, "main_path": data.get("init_main_from_path")}
spawn.get_preparation_data = with_main
"""  # as Python 3.14 does, and others before were meant to


def test_a_fork_server_that_imports_the_script(tmp_path: Path) -> None:
    code = STEPS.format(work="pass")
    guarded = f'{code}\nif __name__ == "__main__":\n    print(len(build().run()["default"]["train"]))\n'
    assert end(start(tmp_path, guarded, "forkserver", SERVER_IMPORTS)) == (0, "1\n", "")
    bare = f"name = __name__\n{code}\nbuild().run(use_cache=False)\n"
    status, out, err = end(start(tmp_path, bare, "forkserver", SERVER_IMPORTS))
    assert (status, out) == (1, "")
    said = (
        r"The worker of step '\w+' could not be started: the fork server does not answer \(\w+: .*\)\. It imports the"
        r' script too, which must run its pipeline under `if __name__ == "__main__":`\.\n'
    )
    assert re.fullmatch(said, err)


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_step_that_cannot_be_sent(tmp_path: Path, method: str) -> None:
    code = f"""{STEPS.format(work="pass")}
if __name__ == "__main__":
    class Local(Double):
        pass
    from distilabel_selfinstruct.errors import PipelineError
    try:
        build(Local).run()
    except PipelineError as error:
        print(error)
"""
    status, out, err = end(start(tmp_path, code, method))
    assert (status, err) == (0, "")
    said = r"Step 'double' failed: it cannot be loaded in a process of its own: AttributeError: .*'Local'.*\n"
    assert re.fullmatch(said, out)


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_worker_that_dies_before_it_works(tmp_path: Path, method: str) -> None:
    code = f"""{STEPS.format(work="pass")}
if __name__ == "__main__":
    from distilabel_selfinstruct.errors import PipelineError
    try:
        build().run()
    except PipelineError as error:
        print(error)
else:
    os._exit(5)
"""
    status, out, err = end(start(tmp_path, code, method))
    assert (status, err) == (0, "")
    assert re.match(r"The worker of step '\w+' (ended with exit code 5 while|could not be started: the fork)", out)
