"""The figures of a dataset."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.report.rows import read_rows, read_run
from distilabel_selfinstruct.report.statistics import (
    PAPER,
    Balance,
    Overview,
    Stage,
    Verb,
    balance_of,
    compute_statistics,
    diversity_of,
    funnel_of,
    lengths_of,
    overview_of,
    read_statistics,
    similarity_of,
    write_statistics,
)
from distilabel_selfinstruct.usage import Prices, Usage
from tests.report.run_rows import INSTANCES, INSTRUCTIONS, report_rows


def test_the_overview_is_the_papers_table() -> None:
    assert overview_of(INSTRUCTIONS, INSTANCES) == Overview(
        instructions=5, classification=1, not_classification=3, instances=5, empty_input=3,
        instruction_words=pytest.approx((6 + 7 + 10 + 6 + 7) / 5), input_words=pytest.approx((2 + 3) / 2),
        output_words=pytest.approx((5 + 2 + 1 + 1 + 1) / 5),
    )  # fmt: skip


def test_the_papers_own_figures() -> None:
    """arXiv 2212.10560, table 1."""
    assert (PAPER.instructions, PAPER.classification, PAPER.not_classification) == (52_445, 11_584, 40_861)
    assert (PAPER.instances, PAPER.empty_input) == (82_439, 35_878)
    assert (PAPER.instruction_words, PAPER.input_words, PAPER.output_words) == (15.9, 12.7, 18.9)


def test_what_was_not_recorded_is_not_counted_as_no() -> None:
    row = {"instruction": "Sing a song.", "input": "", "output": "La."}
    overview = overview_of([row], [row])
    assert (overview.classification, overview.not_classification, overview.input_words) == (None, None, None)


def test_words_of_a_script_without_spaces_are_its_characters() -> None:
    row = {"instruction": "写一首诗", "input": "", "output": "好"}
    assert overview_of([row], [row]).instruction_words == 4


def test_the_funnel_tells_candidates_from_requests_without_any() -> None:
    bootstrap, classification, instances = funnel_of(report_rows())
    assert bootstrap == Stage(
        name="bootstrap", title="Bootstrap", candidates=8, admitted=5, barren={"content_filter": 1},
        rejected={"similar": 1, "too_short": 1, "surplus": 1},
        meanings={
            "similar": "too similar to the pool", "too_short": "too short", "surplus": "came when enough were admitted",
            "content_filter": "request failed: content filter",
        },
    )  # fmt: skip
    assert (classification.candidates, classification.admitted) == (5, 4)
    assert classification.rejected == {"unclear_classification": 1}
    assert (instances.candidates, instances.admitted, instances.rejected) == (6, 5, {"duplicate": 1})


def test_a_run_without_rejects_has_a_funnel_all_the_same() -> None:
    assert [(stage.candidates, stage.admitted) for stage in funnel_of(report_rows(rejected=[]))] == [
        (5, 5), (4, 4), (5, 5),
    ]  # fmt: skip


def test_diversity_counts_pairs() -> None:
    """Three pairs, one of them twice: an entropy of 1.5 bits."""
    diversity = diversity_of(
        ["Write a poem about the sea.", "Write a poem about the sky.", "Write a story about rain.",
         "Give me three reasons to walk.", "What is the capital of Norway?", "Explain why it rains."]
    )  # fmt: skip
    assert (diversity.instructions, diversity.pairs, diversity.distinct_pairs, diversity.covered) == (6, 4, 3, 4)
    assert diversity.entropy == pytest.approx(1.5)
    assert diversity.verbs == [Verb("write", 3, [("poem", 2), ("story", 1)]), Verb("give", 1, [("reason", 1)])]


def test_only_the_four_commonest_objects_of_a_verb_are_covered() -> None:
    nouns = ("poem", "poem", "story", "letter", "song", "novel")
    diversity = diversity_of([f"Write a {noun} about the sea." for noun in nouns])
    assert diversity.verbs == [Verb("write", 6, [("poem", 2), ("letter", 1), ("novel", 1), ("song", 1)])]
    assert diversity.covered == 5


def test_similarity_counts_what_a_seed_says_already() -> None:
    similarity = similarity_of(["Write a song.", "Sing!"], ["Write a song.", "Name a fish."])
    assert (similarity.seeds, similarity.identical, similarity.scores.mean) == (2, 1, 0.5)
    assert (similarity.scores.histogram.counts[0], similarity.scores.histogram.counts[-1]) == (1, 1)


def test_lengths_are_in_words_and_the_longest_stand_beyond_the_histogram() -> None:
    instances = [{"input": "", "output": "word " * words} for words in [1] * 98 + [2, 5000]]
    lengths = lengths_of(["one two three"], instances)
    assert (lengths["instruction"].mean, lengths["input"].count, lengths["output"].count) == (3, 0, 100)
    assert sum(lengths["output"].histogram.counts) == 99
    assert lengths["output"].histogram.beyond == 1


def test_balance_ignores_case_and_a_final_full_stop() -> None:
    labels = {"Kind or rude?": ["Kind.", "rude"], "Spam?": ["Yes", "yes.", "yes"], "One?": ["kind"]}
    rows: list[dict[str, Any]] = [
        {"instruction": instruction, "output": output, "is_classification": True}
        for instruction, outputs in labels.items()
        for output in outputs
    ]
    rows.append({"instruction": "Write a poem.", "output": "Blue.", "is_classification": False})
    assert balance_of(rows) == Balance(
        instances=6, distinct=3, labels=[("yes", 3), ("kind", 2), ("rude", 1)], compared=2, one_sided=1, evenness=0.5
    )


def test_labels_that_mean_the_same_are_one() -> None:
    outputs = ["y", "Yes", "yes.", '"YES"', "n", "No", "  no "]
    rows = [{"instruction": "Spam?", "output": output, "is_classification": True} for output in outputs]
    balance = balance_of(rows)
    assert balance is not None
    assert balance.labels == [("yes", 4), ("no", 3)]


def test_balance_needs_to_know_what_is_a_classification() -> None:
    assert balance_of([{"instruction": "Kind or rude?", "output": "kind"}]) is None


def test_statistics_are_read_back_as_they_were_written(run_folder: Path, tmp_path: Path) -> None:
    usage = {"bootstrap": Usage(5, 1, 1000, 200, 3.5)}
    statistics = compute_statistics(read_run(run_folder), usage, Prices(0.5, 1.5, "EUR"))
    write_statistics(statistics, tmp_path / "statistics.json")
    assert read_statistics(tmp_path / "statistics.json") == statistics
    assert json.loads((tmp_path / "statistics.json").read_text(encoding="utf-8"))["overview"]["instances"] == 5


def test_an_empty_dataset_has_statistics() -> None:
    statistics = compute_statistics(read_rows([], name="nothing"))
    assert statistics.overview == Overview(0, 0, 0, 0, 0, None, None, None)
    assert statistics.diversity is not None
    assert statistics.diversity.entropy is None


def test_the_official_run(official_data: Path) -> None:
    """The 78 instances that the authors' postprocessing made, counted by hand with the shell."""
    path = official_data / "official_run_davinci" / "all_generated_instances.jsonl"
    rows: list[dict[str, Any]] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    statistics = compute_statistics(read_rows(path))
    assert statistics.overview.instances == len(rows) == 78
    assert statistics.overview.instructions == len({row["instruction"] for row in rows})
    assert statistics.overview.empty_input == sum(row["input"] == "" for row in rows)
    assert math.isclose(
        statistics.overview.output_words or 0, sum(len(row["output"].split()) for row in rows) / 78, rel_tol=0.01
    )
