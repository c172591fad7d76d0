"""What a small part of the package imports."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.support.waiting import LIMIT

FACES = ["distilabel_selfinstruct", *(f"distilabel_selfinstruct.{name}" for name in ("hub", "report", "review"))]
HEAVY = ["HanTa", "argilla", "datasets", "distilabel", "matplotlib", "openai", "pyarrow"]


@pytest.mark.parametrize(
    ("code", "loaded"),
    [
        ("from distilabel_selfinstruct.report import Prices, Round, forecast, forecast_text, rounds_of", []),
        ("from distilabel_selfinstruct.report import write_report", []),
        ("from distilabel_selfinstruct.review import read_agreements, read_quality, render_quality", []),
        ("from distilabel_selfinstruct.hub import HubError, check_push", []),
        ("from distilabel_selfinstruct.hub import push_run", ["datasets", "pyarrow"]),
        ("from distilabel_selfinstruct.data.folder import RunFolder", []),
        ("from distilabel_selfinstruct.recipe import recipes; recipes()", []),
        (
            "from distilabel_selfinstruct.cli.script import options\n"
            "from distilabel_selfinstruct.recipe import get_recipe\n"
            "options(get_recipe('self-instruct'))",
            [],
        ),
    ],
)
def test_only_what_is_needed_is_imported(code: str, loaded: list[str]) -> None:
    assert in_a_new_process(f"{code}\nimport sys\nprint(*(name for name in {HEAVY} if name in sys.modules))") == loaded


@pytest.mark.slow
def test_tracebacks_stay_those_of_python() -> None:
    """distilabel installs others, which print local variables, tokens among them."""
    code = (
        "import sys\nfrom distilabel_selfinstruct.hub import distiset_from_hub\n"
        "from distilabel_selfinstruct.review import judge_review\n"
        "assert 'distilabel' in sys.modules\nassert sys.excepthook is sys.__excepthook__"
    )
    assert in_a_new_process(code) == []


def in_a_new_process(code: str) -> list[str]:
    """The words that it prints."""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=LIMIT, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.split()


@pytest.mark.parametrize("face", FACES)
def test_every_name_of_a_package_is_there(face: str) -> None:
    package = importlib.import_module(face)
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match=f"module '{face}' has no attribute 'no_such_name'"):
        package.no_such_name  # noqa: B018


def test_a_function_is_no_module_whatever_was_imported_before() -> None:
    from distilabel_selfinstruct import report
    from distilabel_selfinstruct.report import forecasting

    assert report.forecast is forecasting.forecast
