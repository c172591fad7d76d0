"""The tables of the report."""

from __future__ import annotations

from pathlib import Path

from distilabel_selfinstruct.report.rows import read_run
from distilabel_selfinstruct.report.statistics import compute_statistics, funnel_of, overview_of
from distilabel_selfinstruct.report.tables import cost_table, funnel_table, overview_table, reasons_table, time_table
from distilabel_selfinstruct.text.tables import Link, Table
from distilabel_selfinstruct.usage import Prices, Usage
from tests.report.run_rows import INSTANCES, INSTRUCTIONS, report_rows


def test_the_overview_stands_beside_the_papers() -> None:
    assert overview_table(overview_of(INSTRUCTIONS, INSTANCES)).markdown() == (
        "|  | this dataset | Self-Instruct paper |\n"
        "| :-- | --: | --: |\n"
        "| instructions | 5 | 52,445 |\n"
        "| · classification | 1 | 11,584 |\n"
        "| · not classification | 3 | 40,861 |\n"
        "| instances | 5 | 82,439 |\n"
        "| · with empty input | 3 | 35,878 |\n"
        "| mean words of an instruction | 7.2 | 15.9 |\n"
        "| mean words of a non-empty input | 2.5 | 12.7 |\n"
        "| mean words of an output | 2.0 | 18.9 |\n"
    )


def test_a_recipe_that_is_not_the_papers_has_no_column_of_it() -> None:
    instances = [row | {"input": ""} for row in INSTANCES]
    instructions = [row | {"is_classification": None} for row in INSTRUCTIONS]
    table = overview_table(overview_of(instructions, instances), of_paper=False, more={"preference pairs": 3})
    assert table.head == ["", "this dataset"]
    assert [row[0] for row in table.rows] == [
        "preference pairs", "instructions", "instances", "mean words of an instruction", "mean words of an output",
    ]  # fmt: skip


def test_time_and_speed_are_told(run_folder: Path) -> None:
    usage = {"bootstrap": Usage(10, 1, 100_000, 20_000, 40.0)}
    table = time_table(compute_statistics(read_run(run_folder), usage, seconds=8.0))
    assert table is not None
    assert table.rows == [
        ["time with requests in flight", "8.0 s"],
        ["tokens out a second", "2,500"],
        ["tokens in a second", "12,500"],
        ["requests a second", "1.2"],
        ["requests in flight, on the average", "5.0"],
    ]
    assert time_table(compute_statistics(read_run(run_folder), usage)) is None


def test_the_funnel_has_a_row_a_stage() -> None:
    assert funnel_table(funnel_of(report_rows())).rows == [
        ["Bootstrap (candidates)", "8", "5", "3", "62%"],
        ["Classification (instructions)", "5", "4", "1", "80%"],
        ["Instances (instances)", "6", "5", "1", "83%"],
    ]


def leads(table: Table) -> list[tuple[str, str]]:
    """The cells that lead somewhere, and where."""
    return [(cell, cell.href) for row in table.rows for cell in row if isinstance(cell, Link)]


def test_counts_lead_to_their_rows() -> None:
    funnel = funnel_of(report_rows())
    assert leads(overview_table(overview_of(INSTRUCTIONS, INSTANCES))) == [
        ("5", "#rows=instructions"),
        ("1", "#rows=instructions&is_classification=yes"),
        ("3", "#rows=instructions&is_classification=no"),
        ("5", "#rows=instances"),
        ("3", "#rows=instances&words%20of%20input=0"),
    ]
    assert leads(reasons_table(funnel[0]))[0] == ("1", "#rows=rejected&stage=bootstrap&reason=similar")


def test_what_a_stage_admitted_leads_only_to_just_these_rows() -> None:
    rejected = [(number, f"#rows=rejected&stage={stage}") for number, stage in
                (("3", "bootstrap"), ("1", "classification"), ("1", "instances"))]  # fmt: skip
    assert leads(funnel_table(funnel_of(report_rows()))) == rejected
    found = leads(funnel_table(funnel_of(report_rows()), {"instructions": 5, "instances": 5}))
    assert found == [("5", "#rows=instructions"), *rejected[:2], ("5", "#rows=instances"), rejected[2]]


def test_reasons_are_worded_and_requests_without_candidates_have_no_share() -> None:
    assert reasons_table(funnel_of(report_rows())[0]).rows == [
        ["too similar to the pool (similar)", "1", "12%"],
        ["too short", "1", "12%"],
        ["came when enough were admitted (surplus)", "1", "12%"],
        ["request failed: content filter (content_filter)", "1", "–"],
    ]


def test_cost_per_stage_per_instruction_and_per_instance(run_folder: Path) -> None:
    usage = {"bootstrap": Usage(10, 1, 100_000, 20_000, 40.0), "instances": Usage(5, 0, 50_000, 5_000, 10.0)}
    table = cost_table(compute_statistics(read_run(run_folder), usage, Prices(2.0, 10.0)))
    assert table.head == ["", "requests", "failed", "tokens in", "tokens out", "model time", "money"]
    assert table.rows == [
        ["Bootstrap", "10", "1", "100,000", "20,000", "40 s", "0.4000 USD"],
        ["Instances", "5", "0", "50,000", "5,000", "10 s", "0.1500 USD"],
        ["total", "15", "1", "150,000", "25,000", "50 s", "0.5500 USD"],
        ["per admitted instruction", "3.00", "0.20", "30,000", "5,000", "10 s", "0.1100 USD"],
        ["per instance", "3.00", "0.20", "30,000", "5,000", "10 s", "0.1100 USD"],
    ]


def test_without_prices_there_is_no_money(run_folder: Path) -> None:
    table = cost_table(compute_statistics(read_run(run_folder), {"bootstrap": Usage(10, 0, 10, 10, 4.0)}))
    assert "money" not in table.head
    assert len(table.rows[0]) == len(table.head) == 6


def test_each_stage_costs_what_its_models_do(run_folder: Path) -> None:
    usage = {
        "bootstrap": Usage(10, 1, 100_000, 20_000, 40.0, cached_tokens=60_000, cost=0.4),
        "instances": Usage(5, 0, 50_000, 5_000, 10.0, reasoning_tokens=900, unpriced=5),
    }
    table = cost_table(compute_statistics(read_run(run_folder), usage))
    assert table.head == [
        "", "requests", "failed", "tokens in", "of a cache", "tokens out", "of thoughts", "model time", "money",
    ]  # fmt: skip
    assert table.rows[:3] == [
        ["Bootstrap", "10", "1", "100,000", "60,000", "20,000", "0", "40 s", "0.4000 USD"],
        ["Instances", "5", "0", "50,000", "0", "5,000", "900", "10 s", "price unknown"],
        ["total", "15", "1", "150,000", "60,000", "25,000", "900", "50 s", "over 0.4000 USD"],
    ]


def test_text_cannot_break_a_markdown_table() -> None:
    assert Table(["a|b"], [["one\ntwo"]]).markdown() == "| a\\|b |\n| :-- |\n| one two |\n"
