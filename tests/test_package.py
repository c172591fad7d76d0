"""The package as a user meets it: its names, what an import does, what the docstrings promise."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from distilabel.steps.base import _Step

import distilabel_selfinstruct
from distilabel_selfinstruct import DemoLLM
from tests.conftest import ROOT
from tests.support.waiting import LIMIT

OF_THE_ISSUE = (
    "SeedTask", "load_seed_tasks", "Preset", "RougeLIndex", "RougeDedup", "BootstrapInstructions",
    "IdentifyClassification", "OutputFirstInstances", "InputFirstInstances", "FilterInstances", "DemoLLM", "Pipeline",
    "parse_instructions", "check_instruction", "parse_classification", "parse_instances", "check_instances",
)  # fmt: skip
PUBLIC = {name: getattr(distilabel_selfinstruct, name) for name in distilabel_selfinstruct.__all__}
COMPONENTS = {
    name: each for name, each in PUBLIC.items() if isinstance(each, type) and "Examples:\n" in (each.__doc__ or "")
}
STEPS = {name: each for name, each in PUBLIC.items() if isinstance(each, type) and issubclass(each, _Step)}
OPTIONAL = ("argilla", "datasets", "matplotlib", "numba", "ray", "torch", "vllm")


def in_a_process(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=LIMIT
    )


class TestImport:
    @pytest.mark.parametrize("name", OF_THE_ISSUE)
    def test_the_names_that_other_work_relies_on(self, name: str) -> None:
        assert name in distilabel_selfinstruct.__all__
        assert getattr(distilabel_selfinstruct, name).__name__ == name

    def test_all_is_what_there_is(self) -> None:
        assert sorted(PUBLIC) == sorted(name for names in distilabel_selfinstruct._HOMES.values() for name in names)
        assert set(PUBLIC) <= set(dir(distilabel_selfinstruct))

    def test_a_name_that_does_not_exist(self) -> None:
        with pytest.raises(AttributeError, match="module 'distilabel_selfinstruct' has no attribute 'Bootstrap'"):
            _ = distilabel_selfinstruct.Bootstrap

    def test_it_says_nothing_and_takes_nothing_heavy(self) -> None:
        result = in_a_process(
            "import sys, json; hook = sys.excepthook\n"
            "import distilabel_selfinstruct\n"
            f"print(json.dumps([sys.excepthook is hook, [name for name in {OPTIONAL} if name in sys.modules]]))"
        )
        assert (json.loads(result.stdout), result.stderr) == ([True, []], "")

    @pytest.mark.slow
    def test_every_name_without_a_word(self) -> None:
        result = in_a_process(
            "import sys; hook = sys.excepthook\n"
            "from distilabel_selfinstruct import *\n"
            "import distilabel_selfinstruct.runs.run\n"
            "assert sys.excepthook is hook"
        )
        assert (result.stdout, result.stderr) == ("", "")

    def test_pure_functions_need_no_distilabel_steps(self) -> None:
        result = in_a_process(
            "import sys; from distilabel_selfinstruct import check_instruction, parse_instructions, RougeLIndex\n"
            "from distilabel_selfinstruct import load_seed_tasks\n"
            "print([name for name in ('distilabel.steps', 'distilabel.pipeline', 'datasets') if name in sys.modules])"
        )
        assert result.stdout == "[]\n"


def headings(component: Any) -> dict[str, str]:
    """The parts of a docstring below its headings."""
    parts = re.split(r"^([A-Z]\w+(?: \w+)?):\n", textwrap.dedent("    " + component.__doc__), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def columns(part: str) -> list[str]:
    return re.findall(r"^    - (\w+) \(`[^`]+`\): ", part, flags=re.MULTILINE)


def optional_columns(part: str) -> set[str]:
    return {line.split()[1] for line in part.splitlines() if line.endswith("Optional.")}


def make(step: type[Any]) -> Any:
    known = {"llm": DemoLLM()} if "llm" in step.model_fields else {}
    return step(**known)


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
class TestStepDocumentation:
    def test_headings(self, step: type[Any]) -> None:
        found = headings(step)
        known = ["Attributes", "Runtime parameters", "Input columns", "Output columns", "Categories", "References",
                 "Examples", "Citations"]  # fmt: skip
        assert [heading for heading in known if heading in found] == list(found)
        assert "Categories" in found
        assert {"Input columns", "Output columns"} & set(found)

    def test_the_documented_inputs_are_the_inputs(self, step: type[Any]) -> None:
        part = headings(step).get("Input columns", "")
        documented = [name for name in columns(part) if name not in optional_columns(part)]
        if "dynamic (determined by `column` attribute)" in part:
            documented = [step(column="question").column]
            assert documented == step(column="question").inputs
        elif "dynamic (determined by `columns` attribute)" in part:
            assert step(columns=["question", "context"]).inputs == ["question", "context"]
        else:
            inputs = make(step).inputs
            required = [name for name in inputs if inputs[name]] if isinstance(inputs, dict) else inputs
            assert documented == list(required)

    def test_the_documented_outputs_are_the_outputs(self, step: type[Any]) -> None:
        documented = columns(headings(step).get("Output columns", ""))
        if step.__name__ == "FormatForTraining":
            made = [step(training_format=each).outputs for each in ("messages", "alpaca", "prompt_completion")]
            assert documented == [name for names in made for name in names]
        else:
            assert documented == list(make(step).outputs)

    def test_the_attributes_exist(self, step: type[Any]) -> None:
        part = headings(step).get("Attributes", "")
        documented = re.findall(r"^    (\w+): ", part, flags=re.MULTILINE)
        own = set(step.model_fields) - {"llm"}
        assert set(documented) <= own
        runtime = columns_of_runtime(headings(step).get("Runtime parameters", ""))
        assert set(runtime) <= set(documented)


def columns_of_runtime(part: str) -> list[str]:
    return re.findall(r"^    - `(\w+)`: ", part, flags=re.MULTILINE)


def examples(component: Any) -> list[str]:
    blocks = re.findall(r"```python\n(.*?)```", component.__doc__, flags=re.DOTALL)
    return [textwrap.dedent(block) for block in blocks]


RUNNABLE = {name: each for name, each in COMPONENTS.items() if name in STEPS or name == "DemoLLM"}


@pytest.mark.parametrize("component", RUNNABLE.values(), ids=RUNNABLE)
def test_examples_run_as_they_stand(component: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert examples(component)
    for code in examples(component):
        exec(compile(code, component.__name__, "exec"), {})


@pytest.mark.parametrize("component", COMPONENTS.values(), ids=COMPONENTS)
def test_the_imports_of_examples_work(component: Any) -> None:
    """Also of those that need an endpoint or a GPU to run."""
    for code in examples(component):
        for node in ast.parse(code).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                exec(ast.unparse(node), {})


def test_no_file_names_a_machine() -> None:
    files = [
        path for path in Path(distilabel_selfinstruct.__file__).parent.rglob("*") if path.suffix in (".py", ".jinja2")
    ]
    assert [path for path in files if re.search(r"/(?:home|root|Users|work)/", path.read_text(encoding="utf-8"))] == []
