"""The report as files: a page, statistics."""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from distilabel_selfinstruct.report import report_for_rows, write_report
from distilabel_selfinstruct.usage import Prices, Usage
from tests.report.run_rows import INSTANCES, INSTRUCTIONS, REJECTED, SEEDS, Rows, whole_run, write_run
from tests.support.waiting import LIMIT

ROOT = Path(__file__).parents[2]
USAGE = {"bootstrap": Usage(5, 1, 10_000, 2_000, 4.0)}


class Elements(HTMLParser):
    """Tags, and what they refer to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "srcset"}]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the small run, for reading only."""
    run_folder = whole_run(tmp_path_factory.mktemp("report") / "run")
    return write_report(run_folder, usage=USAGE, prices=Prices(1, 2)).parent


@pytest.fixture
def page(report: Path) -> str:
    return (report / "index.html").read_text(encoding="utf-8")


def test_a_run_gets_a_page_and_statistics(report: Path) -> None:
    assert {path.relative_to(report).as_posix() for path in report.rglob("*.*")} == {"index.html", "statistics.json"}


def test_every_section_is_there(page: str) -> None:
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", page) == [
        "Overview", "Rows", "Funnel", "Diversity", "Lengths", "Saturation", "Labels of classification tasks", "Cost",
    ]  # fmt: skip
    assert "52,445" in page
    assert "Too few rounds (2) to say whether more of them pay." in page
    assert re.findall(r'id="chart-([^"]+)"', page) == [
        "funnel", "reasons-bootstrap", "reasons-classification", "reasons-instances", "verbs", "ring", "similarity",
        "words-instruction", "words-input", "words-output", "rounds", "labels",
    ]  # fmt: skip


def test_the_page_needs_nothing_but_itself(page: str) -> None:
    elements = Elements(page)
    assert all(reference.startswith("#") for reference in elements.references)
    assert not {"link", "img", "iframe", "object"} & set(elements.tags)
    assert "url(http" not in page


def test_only_the_scripts_of_the_page_may_run(page: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert policy is not None
    assert html.unescape(policy[1]) == (
        f"default-src 'none'; script-src 'sha256-{hashes[0]}' 'sha256-{hashes[1]}'; style-src 'unsafe-inline';"
        " base-uri 'none'; form-action 'none'"
    )


def test_tables_say_what_heads_what(page: str) -> None:
    body = page.partition("<script")[0]
    assert len(re.findall("<th[ >]", body)) == len(re.findall('<th scope="(?:col|row)">', body)) > 20


def test_text_of_a_model_stays_text(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script><img src=http://evil.example/x>"
    instructions = [row | {"instruction": evil, "model_name": evil} for row in INSTRUCTIONS]
    instances = [row | {"instruction": evil, "input": evil, "output": evil} for row in INSTANCES]
    rejected = [row | {"instruction": evil, "detail": evil, "reason": evil, "neighbour": evil} for row in REJECTED]
    run_folder = write_run(tmp_path / evil[:8], instructions=instructions, instances=instances, rejected=rejected)
    elements = Elements(write_report(run_folder).read_text(encoding="utf-8"))
    assert elements.tags.count("script") == 3
    assert "img" not in elements.tags


def test_the_page_has_dark_colours_and_follows_the_width(page: str) -> None:
    assert "prefers-color-scheme: dark" in page
    assert "width=device-width" in page


def test_the_licences_of_what_it_is_drawn_with_are_on_the_page(page: str) -> None:
    assert "=== datatables.net 3.1.5 (MIT) ===" in page
    assert "=== @observablehq/plot 0.6.17 (ISC) ===" in page


def test_a_page_without_rows_is_small(tmp_path: Path) -> None:
    assert write_report(write_run(tmp_path / "run")).stat().st_size < 480_000


@pytest.mark.slow
def test_the_same_run_gives_the_same_files(report: Path, tmp_path: Path) -> None:
    again = write_report(whole_run(tmp_path / "run"), usage=USAGE, prices=Prices(1, 2)).parent
    for path in report.rglob("*.*"):
        assert path.read_bytes() == (again / path.relative_to(report)).read_bytes()


@pytest.mark.slow
def test_rows_of_any_dataset(tmp_path: Path) -> None:
    rows = [{"instruction": "Name a sea.", "input": "", "output": "The Baltic."}]
    page = report_for_rows(rows, tmp_path / "out", name="Alpaca", seeds=["Name a lake."]).read_text(encoding="utf-8")
    assert re.findall(r"<h[12][^>]*>(.*?)</h[12]>", page) == [
        "Alpaca", "Overview", "Rows", "Diversity", "Lengths",
    ]  # fmt: skip
    assert "maximum ROUGE-L with a seed task" in page


@pytest.mark.parametrize(
    "configs",
    [
        {},
        {"rejected": REJECTED, "seeds": SEEDS},
        {"instructions": INSTRUCTIONS, "instances": INSTANCES},
        {"instructions": INSTRUCTIONS[:1], "instances": INSTANCES[:1], "seeds": SEEDS},
        {"instructions": INSTRUCTIONS[3:4]},
    ],
    ids=["empty", "nothing admitted", "nothing rejected", "one instruction", "one instruction without instances"],
)
def test_small_datasets_have_a_report(tmp_path: Path, configs: dict[str, Rows]) -> None:
    assert "<h2" in write_report(write_run(tmp_path / "run", **configs), usage=USAGE).read_text(encoding="utf-8")


@pytest.mark.slow
def test_other_scripts_break_nothing(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    rows = [
        {"instruction": "写一首关于秋天的诗。", "input": "", "output": "秋风起。", "is_classification": False},
        {"instruction": "اكتب قصيدة عن الخريف", "input": "مرحبا", "output": "نعم", "is_classification": True},
        {"instruction": "Describe the 春 of Kyoto.", "input": "$x^{", "output": "\\frac{", "is_classification": True},
    ]
    page = report_for_rows(rows, tmp_path / "out").read_text(encoding="utf-8")
    assert "نعم" in page
    assert not recwarn.list


@pytest.mark.slow
def test_nothing_is_printed_and_nothing_written_elsewhere(run_folder: Path, tmp_path: Path) -> None:
    """In a fresh process with an empty home."""
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    code = (
        "import sys, pathlib, distilabel_selfinstruct.report as report\n"
        "assert 'matplotlib' not in sys.modules and 'HanTa' not in sys.modules\n"
        "report.write_report(pathlib.Path(sys.argv[1]))"
    )
    variables = {name: value for name, value in os.environ.items() if name not in {"MPLCONFIGDIR", "XDG_CONFIG_HOME"}}
    result = subprocess.run(
        [sys.executable, "-c", code, str(run_folder)], capture_output=True, text=True, check=False, timeout=LIMIT,
        env=variables | {"HOME": str(home), "TMPDIR": str(temporary), "HF_HOME": str(run_folder / "hf"),
                         "XDG_CACHE_HOME": str(home / "cache"), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert list(temporary.iterdir()) == []
    assert [path for path in home.rglob("*") if "matplotlib" in path.name] == []


def test_a_page_needs_no_matplotlib(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert write_report(run_folder).is_file()
