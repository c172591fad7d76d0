"""The page in a real browser: rows found, followed and paged through; nothing comes in or goes out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.report import write_report
from distilabel_selfinstruct.review import pull_review
from tests.report.run_rows import INSTANCES, INSTRUCTIONS, REJECTED, SEEDS, whole_run, write_run
from tests.support.browser import Seen, browser_page

pytestmark = pytest.mark.slow

EVIL = [
    "<script>window.broken = 1</script>",
    "</script><script>window.broken = 2</script>",
    "<img src=http://evil.example/x.png onerror='window.broken = 3'>",
    "<!-- <script> --><svg onload=alert(4)>",
    "&lt;img src=x onerror=alert(5)&gt;",
    "---\ntitle: x\nlayout: <iframe src=http://evil.example>\n---\n# [a](javascript:alert(6))",
    "{{ 7 * 7 }} ${window.broken = 8}",
    "\u202eright to left \u2028 and \x00 odd \ud7ff characters",
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the small run."""
    return write_report(whole_run(tmp_path_factory.mktemp("small") / "run"))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run with 3,000 instances and one seed task."""
    instances = [
        INSTANCES[0] | {"instance_id": f"{at:06}-00-0", "instruction_id": f"{at:06}-00",
                        "instruction": f"Write {at} lines about the sea.", "output": "Blue. " * (1 + at % 9)}
        for at in range(3000)
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("large") / "run"
    return write_report(write_run(folder, instances=instances, seeds=SEEDS))


@pytest.fixture
def browsing() -> Iterator[tuple[Any, Seen]]:
    with browser_page() as opened:
        yield opened


def opened(browsing: tuple[Any, Seen], page: Path, fragment: str = "") -> Any:
    tab = browsing[0]
    tab.goto(f"{page.as_uri()}{fragment}")
    return tab


def lines(tab: Any) -> list[str]:
    """The first cell of each line of the list."""
    return [text.strip() for text in tab.locator("#list tbody td.first").all_inner_texts()]


def test_a_rejected_row_is_found_by_its_reason_and_its_neighbour_opens(small: Path, browsing: Any) -> None:
    tab = opened(browsing, small)
    tab.get_by_role("tab", name="Rejected").click()
    tab.locator("#filter-reason").select_option("similar")
    assert lines(tab) == ["Write a poem about a sea."]
    tab.locator("#list tbody tr").click()
    neighbour = tab.locator("#row section", has_text="Neighbour, ROUGE-L 0.83")
    assert neighbour.locator(".text").inner_text() == "Write a poem about the sea."
    assert neighbour.locator("mark").all_inner_texts() == ["Write", "a", "poem", "about", "sea"]
    assert tab.url.endswith("#row=rejected/0&reason=similar")
    assert browsing[1] == Seen()


def test_the_neighbour_leads_to_its_row(tmp_path: Path, browsing: Any) -> None:
    rejected = [REJECTED[0] | {"neighbour_id": "000000-00"}]
    page = write_report(write_run(tmp_path / "run", instructions=INSTRUCTIONS, instances=INSTANCES, rejected=rejected))
    tab = opened(browsing, page, "#row=rejected/0")
    tab.locator("#row .follow").click()
    tab.locator("#row .permanent", has_text="Instructions 000000-00").wait_for()
    assert "row=instructions/000000-00" in tab.url


def test_a_link_to_a_row_opens_it_on_its_page(large: Path, browsing: Any) -> None:
    tab = opened(browsing, large)
    key = json.loads(tab.locator("#data").inner_text())["listings"][0]["rows"][700]["_key"]
    tab = opened(browsing, large, "#")
    tab = opened(browsing, large, f"#row=instances/{key}")
    tab.locator("#row .permanent", has_text=key).wait_for()
    assert tab.locator("#list tr.open").get_attribute("data-key") == key
    assert tab.locator(".dt-paging-button.current").inner_text() == "15"


def test_a_bar_leads_to_its_rows(small: Path, browsing: Any) -> None:
    tab = opened(browsing, small)
    tab.locator("#chart-reasons-bootstrap a").nth(1).click()
    assert tab.url.endswith("#rows=rejected&stage=bootstrap&reason=too_short")
    assert lines(tab) == ["Sing."]
    tab.locator("#chart-verbs a").first.click()
    assert tab.url.endswith("#rows=instructions&verb=write")
    assert lines(tab) == ["Write a poem about the sea.", "Write a poem about the night sky."]


@pytest.mark.parametrize("chart", ["words-instruction", "words-output", "labels", "ring", "funnel", "verbs"])
def test_every_number_of_a_figure_is_the_number_of_its_rows(chart: str, small: Path, browsing: Any) -> None:
    tab = opened(browsing, small)
    charts = json.loads(tab.locator("#data").inner_text())["charts"]
    drawn = next(each for each in charts if each["id"] == chart)
    bars = [part for bar in drawn.get("bars", []) for part in bar.get("parts") or [bar]]
    bars += [part for verb in drawn.get("verbs", []) for part in verb["parts"]]
    for bar in bars:
        opened(browsing, small, bar["href"])
        shown = tab.locator("#list .dt-info").inner_text()
        found = re.match(r"\d+ to \d+ of (\d+)", shown)
        expected = bar["value"] if "stage=classification" not in bar["href"] else 1
        if chart == "funnel" and bar["name"] == "rejected" and "bootstrap" in bar["href"]:
            expected = bar["value"] + 1  # the request that brought no candidate
        if chart == "funnel" and bar["name"] == "admitted" and bar["value"] == 4:
            expected = 5  # classified or not, the instructions are the same rows
        assert (int(found[1]) if found else 0) == expected, bar


def test_two_thousand_rows_are_paged_through(large: Path, browsing: Any) -> None:
    tab = opened(browsing, large)
    assert "A sample of 1,999 of 3,000 rows, drawn with seed 0" in tab.locator("#sampled").inner_text()
    seen = set(lines(tab))
    for _ in range(39):
        assert len(lines(tab)) == 50
        tab.locator(".dt-paging-button.next").click()
        seen.update(lines(tab))
    assert len(seen) == 1999
    assert tab.locator("#list .dt-info").inner_text() == "1,951 to 1,999 of 1,999"
    assert browsing[1] == Seen()


def test_rows_are_searched_sorted_and_filtered_by_length(large: Path, browsing: Any) -> None:
    tab = opened(browsing, large, "#rows=instances&words%20of%20output=3..4&sort=-instruction")
    outputs = tab.locator("#list tbody td:nth-child(2)").all_inner_texts()
    assert {text.strip() for text in outputs} == {"Blue. Blue. Blue.", "Blue. Blue. Blue. Blue."}
    assert lines(tab) == sorted(lines(tab), reverse=True)
    wanted = lines(tab)[7]
    tab.get_by_label("search").fill(wanted.upper())
    tab.locator("#list .dt-info", has_text="1 to 1 of 1").wait_for()
    assert lines(tab) == [wanted]


def test_keys_go_on_from_row_to_row_and_over_the_end_of_a_page(large: Path, browsing: Any) -> None:
    tab = opened(browsing, large)
    tab.keyboard.press("j")
    first = tab.locator("#row .permanent").inner_text()
    tab.keyboard.press("ArrowDown")
    second = tab.locator("#row .permanent").inner_text()
    tab.keyboard.press("k")
    assert tab.locator("#row .permanent").inner_text() == first != second
    for _ in range(50):
        tab.keyboard.press("j")
    assert tab.locator("#list tr.open").count() == 1
    assert tab.locator(".dt-paging-button.current").inner_text() == "2"
    tab.keyboard.press("Escape")
    assert tab.locator("#row").inner_text() == ""


def test_texts_of_others_stay_texts(tmp_path: Path, browsing: Any) -> None:
    """Scripts, markup, front matter, and a text of two million characters, in every column."""
    texts = [*EVIL, "<b>" + "huge " * 400_000]
    instructions = [
        INSTRUCTIONS[0] | {"instruction_id": f"{at:06}-00", "instruction": text, "model_name": text[:200]}
        for at, text in enumerate(texts)
    ]
    instances = [
        INSTANCES[0] | {"instance_id": f"{at:06}-00-0", "instruction_id": f"{at:06}-00", "instruction": text,
                        "input": text, "output": text[:3000], "is_classification": True}
        for at, text in enumerate(texts)
    ]  # fmt: skip
    rejected = [
        REJECTED[0] | {"instruction": text, "detail": text, "reason": text[:300], "neighbour": text} for text in texts
    ]
    page = write_report(
        write_run(tmp_path / "run", instructions=instructions, instances=instances, rejected=rejected, seeds=SEEDS)
    )
    tab, seen = browsing
    for fragment in ("#rows=instances", "#rows=instructions", "#rows=rejected"):
        opened(browsing, page, fragment)
        tab.keyboard.press("Escape")  # out of the field that was searched in
        for _ in texts:
            tab.keyboard.press("j")
            tab.locator("#row .text").first.wait_for()
        tab.get_by_label("search").fill("<img src")
        tab.wait_for_timeout(300)
        assert any("<img src=http://evil.example/x.png" in text for text in lines(tab))
    assert tab.evaluate("window.broken") is None
    assert tab.locator("main img, main iframe").count() == 0
    assert seen == Seen()
    assert page.stat().st_size < 1_500_000


def test_the_policy_of_the_page_runs_no_other_script(small: Path, browsing: Any) -> None:
    """Should markup ever slip in, the browser runs none of it and loads nothing for it."""
    tab = opened(browsing, small)
    tab.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend',"
        " '<img src=https://evil.example/x onerror=\"window.broken = 1\">')"
    )
    tab.wait_for_timeout(300)
    assert tab.evaluate("window.broken") is None
    assert browsing[1].elsewhere == []
    assert any("Content Security Policy" in error for error in browsing[1].errors)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone(scheme: str, small: Path) -> None:
    with browser_page(viewport={"width": 390, "height": 844}, color_scheme=scheme) as (tab, seen):
        tab.goto(small.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        tab.locator("#list tbody tr").first.click()
        assert tab.locator("#row").bounding_box()["width"] == 390
        assert seen == Seen()


def test_verdicts_of_the_page_are_pulled(tmp_path: Path, browsing: Any) -> None:
    """One instance all right, one with a wrong output and its correction, one only begun; all of it after a reload."""
    run = whole_run(tmp_path / "run")
    tab = opened(browsing, write_report(run), "#row=instances/000000-00-0")
    tab.locator("#row .review summary").click()
    for question in ("valid_task", "appropriate_input", "correct_output"):
        tab.locator(f"#row input[name={question}][value=yes]").check()
    tab.keyboard.press("Escape")
    opened(browsing, run / "report" / "index.html", "#row=instances/000002-00-0")
    tab.locator("#row input[name=valid_task][value=yes]").check()
    tab.locator("#row input[name=appropriate_input][value=yes]").check()
    tab.locator("#row input[name=correct_output][value=no]").check()
    tab.get_by_label("the right output").fill("Oslo, since 1814.")
    opened(browsing, run / "report" / "index.html", "#row=instances/000001-00-0")
    tab.locator("#row input[name=valid_task][value=yes]").check()
    tab.reload()
    assert "2 reviewed, 1 begun" in tab.locator("#answers").inner_text()
    tab.get_by_label("your name").fill("anna")
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Save 2 answers").click()
    assert download.value.suggested_filename == "review.jsonl"
    download.value.save_as(tmp_path / "review.jsonl")

    quality = pull_review(run, from_file=tmp_path / "review.jsonl")

    assert {name: (share.right, share.of) for name, share in quality.groups["all"].items()} == {
        "valid_task": (2, 2), "appropriate_input": (2, 2), "correct_output": (1, 2), "all_right": (1, 2),
    }  # fmt: skip
    curated = RunFolder(run).rows("curated", ["instance_id", "output", "is_corrected"])
    assert sorted(curated, key=lambda row: str(row["instance_id"])) == [
        {"instance_id": "000000-00-0", "output": "Blue on blue on blue.", "is_corrected": False},
        {"instance_id": "000002-00-0", "output": "Oslo, since 1814.", "is_corrected": True},
    ]
    tab = opened(browsing, write_report(run), "#rows=instances&reviewed=all%20right")
    tab.reload()
    assert lines(tab) == ["Write a poem about the sea."]
    opened(browsing, run / "report" / "index.html", "#row=instances/000002-00-0")
    review = tab.locator("#row section", has_text="Review ")
    assert review.locator("li").last.inner_text().endswith(" no")
    assert review.locator(".text").inner_text() == "Oslo, since 1814."
    assert browsing[1] == Seen()


def test_what_the_judge_says_stands_in_the_row(tmp_path: Path, browsing: Any) -> None:
    said = {"judge_score": 2.5, "judgements": 2, "judge_words": ["Too short.\nScore: 2", "<b>Fine</b>\nScore: 3"]}
    page = write_report(write_run(tmp_path / "run", instructions=INSTRUCTIONS, instances=[INSTANCES[0] | said]))
    tab = opened(browsing, page, "#row=instances/000000-00-0")
    for at, words in enumerate(said["judge_words"], start=1):
        section = tab.locator("#row section", has_text=f"what the judge says ({at})")
        assert section.locator(".text").inner_text() == words
    assert browsing[1] == Seen()


def test_counts_in_tables_lead_to_their_rows(small: Path, browsing: Any) -> None:
    tab = opened(browsing, small)
    tab.get_by_role("row", name="· classification 1").get_by_role("link").click()
    assert lines(tab) == ["Label the tone of the message as kind or rude."]
    tab.locator("#list tbody tr").click()
    tab.locator("#row dd a", has_text="yes").click()
    assert tab.url.endswith("#rows=instructions&is_classification=yes")


def test_counts_of_a_document_lead_to_its_rows(tmp_path: Path, browsing: Any) -> None:
    about = {"document_id": "0-0", "title": "Seas", "document": "The North Sea is shallow."}
    run = write_run(
        tmp_path / "run", instructions=[INSTRUCTIONS[0] | about, INSTRUCTIONS[1] | about], instances=INSTANCES[:1],
    )  # fmt: skip
    RunFolder(run).write_config({"recipe": "domain"})
    tab = opened(browsing, write_report(run), "#rows=documents")
    tab.locator("#list tbody a", has_text="2").click()
    assert tab.url.endswith("#rows=instructions&document_id=0-0")
    assert lines(tab) == ["Write a poem about the sea.", "Write a poem about the night sky."]


def test_a_reviewed_answer_about_a_document_is_pulled(tmp_path: Path, browsing: Any) -> None:
    """The page holds each document once; the file has it with its title, as the record does."""
    about = {"document_id": "0-0", "title": "Seas", "document": "The North Sea is shallow."}
    run = write_run(
        tmp_path / "run", instructions=[INSTRUCTIONS[0] | about], instances=[INSTANCES[0] | about, INSTANCES[1] | about]
    )
    RunFolder(run).write_config({"recipe": "domain"})
    page = write_report(run)
    assert page.read_text(encoding="utf-8").count("The North Sea is shallow.") == 1
    tab = opened(browsing, page, "#row=instances/000000-00-0")
    tab.locator("#row section", has_text="The North Sea is shallow.").wait_for()
    tab.locator("#row .review summary").click()
    for question in ("valid_task", "appropriate_input", "correct_output"):
        tab.locator(f"#row input[name={question}][value=yes]").check()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Save 1 answer").click()
    download.value.save_as(tmp_path / "review.jsonl")
    assert pull_review(run, from_file=tmp_path / "review.jsonl").groups["all"]["all_right"].right == 1
