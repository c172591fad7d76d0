"""Preset `paper` gives what the authors' scripts gave, on their recorded runs with GPT-3."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilabel_selfinstruct.text.rouge import RougeLIndex, Similarities
from tests.support import official


@pytest.fixture(scope="module")
def davinci(official_data: Path) -> Path:
    return official_data / "official_run_davinci"


@pytest.fixture(scope="module")
def seeds(official_data: Path) -> list[str]:
    return [row["instruction"] for row in official.rows(official_data, "seed_tasks_official.jsonl")]


@pytest.fixture(scope="module")
def admitted(davinci: Path, seeds: list[str]) -> list[tuple[str, Similarities]]:
    return list(official.replay(davinci, seeds))


def test_the_same_67_instructions_are_admitted_in_the_same_order(davinci: Path, admitted) -> None:
    recorded = [row["instruction"] for row in official.rows(davinci, "machine_generated_instructions.jsonl")]
    assert len(recorded) == 67
    assert [instruction for instruction, _ in admitted] == recorded


def test_mean_similarities_are_bit_identical(davinci: Path, admitted) -> None:
    recorded = [row["avg_similarity_score"] for row in official.rows(davinci, "machine_generated_instructions.jsonl")]
    assert [similarities.mean for _, similarities in admitted] == recorded


def test_the_ten_best_scores_are_bit_identical(davinci: Path, admitted) -> None:
    recorded = [
        sorted(row["most_similar"].values(), reverse=True)
        for row in official.rows(davinci, "machine_generated_instructions.jsonl")
    ]
    assert [[match.score for match in similarities.best] for _, similarities in admitted] == recorded


def test_the_most_similar_texts_are_the_same_but_for_ties_at_the_tenth_place(davinci, seeds, admitted) -> None:
    pool = seeds + [instruction for instruction, _ in admitted]
    recorded_rows = official.rows(davinci, "machine_generated_instructions.jsonl")
    for (_, similarities), row in zip(admitted, recorded_rows):
        tenth = similarities.best[-1].score
        here = {pool[match.position]: match.score for match in similarities.best if match.score > tenth}
        assert here == {text: score for text, score in row["most_similar"].items() if score > tenth}


def test_the_same_78_instances_are_kept(davinci: Path) -> None:
    kept = [(text, each.input, each.output) for text, each, reason in official.instances(davinci) if reason is None]
    recorded = [
        (row["instruction"], row["input"], row["output"])
        for row in official.rows(davinci, "all_generated_instances.jsonl")
    ]
    assert len(recorded) == 78
    assert len(kept) == 78
    assert set(kept) == set(recorded)


def test_expert_tasks_have_a_mean_similarity_of_03388_to_the_seeds(official_data: Path, seeds: list[str]) -> None:
    index = RougeLIndex(0.7, "rouge")
    index.load(seeds)
    tasks = [row["instruction"] for row in official.rows(official_data, "user_oriented_instructions.jsonl")]
    nearest = [index.similarities(task, 1).best[0].score for task in tasks]
    assert len(tasks) == 252
    assert round(sum(nearest) / len(nearest), 4) == 0.3388
    assert {task for task in tasks if task in seeds} == {"Answer the following question."}


def test_davinci_003_run_admits_the_same_101_instructions(official_data: Path) -> None:
    folder = official_data / "official_run_davinci003"
    own_seeds = [row["instruction"] for row in official.rows(folder, "seed_tasks.jsonl")]
    recorded = [row["instruction"] for row in official.rows(folder, "machine_generated_instructions.jsonl")]
    assert len(recorded) == 101
    assert [instruction for instruction, _ in official.replay(folder, own_seeds)] == recorded


def test_davinci_003_lists_two_instructions_a_completion(official_data: Path) -> None:
    listed = [
        official.parse_instructions(text, finish_reason, "paper")
        for text, finish_reason in official.completions(official_data / "official_run_davinci003")
    ]
    assert {len(instructions) for instructions in listed} == {2}
    assert listed[0] == [
        "Analyze the tone of the conversation, such as whether it is friendly or confrontational.",
        "Evaluate the effectiveness of the dialogue in terms of its ability to reach a resolution or conclusion.",
    ]


def test_davinci_003_answers_in_prose_and_so_gives_no_instances(official_data: Path) -> None:
    assert list(official.instances(official_data / "official_run_davinci003")) == []


@pytest.mark.parametrize("run", ["official_run_davinci", "official_run_davinci003"])
def test_the_default_preset_reads_the_same_lists_and_keeps_their_case(official_data: Path, run: str) -> None:
    for text, finish_reason in official.completions(official_data / run):
        paper = official.parse_instructions(text, finish_reason, "paper")
        default = official.parse_instructions(text, finish_reason, "default")
        assert [instruction.capitalize() for instruction in default] == paper
