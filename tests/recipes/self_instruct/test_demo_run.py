"""The first command of the README: a whole run on the embedded demo model, as a user starts it."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from datasets import load_from_disk
from rouge_score.rouge_scorer import RougeScorer, _score_lcs

from distilabel_selfinstruct import Instance, check_instances
from tests.conftest import Script, ScriptRun

TEXT, NUMBER, SCORE, FLAG = "string", "int64", "double", "bool"
COLUMNS = {
    "instances": {
        "instance_id": TEXT, "instruction_id": TEXT, "instruction": TEXT, "input": TEXT, "output": TEXT,
        "is_classification": FLAG, "round": NUMBER, "max_similarity": SCORE, "finish_reason": TEXT,
        "input_tokens": NUMBER, "output_tokens": NUMBER, "model_name": TEXT,
    },
    "instructions": {
        "instruction_id": TEXT, "instruction": TEXT, "is_classification": FLAG, "round": NUMBER,
        "shot_ids": "list<item: string>", "most_similar": "list<item: struct<id: string, score: double>>",
        "max_similarity": SCORE, "mean_similarity": SCORE, "model_name": TEXT,
    },
    "rejected": {
        "stage": TEXT, "reason": TEXT, "detail": TEXT, "instruction_id": TEXT, "instance_id": TEXT,
        "instruction": TEXT, "input": TEXT, "output": TEXT, "is_classification": FLAG, "round": NUMBER,
        "neighbour_id": TEXT, "neighbour": TEXT, "score": SCORE, "finish_reason": TEXT, "input_tokens": NUMBER,
        "output_tokens": NUMBER, "model_name": TEXT,
    },
    "seeds": {
        "id": TEXT, "name": TEXT, "instruction": TEXT,
        "instances": "list<item: struct<input: string, output: string>>", "is_classification": FLAG,
    },
    "sft": {"messages": "list<item: struct<role: string, content: string>>"},
}  # fmt: skip
REASONS = {
    "bootstrap": {
        "too_short", "too_long", "keyword", "program", "punctuation", "similar", "truncated", "no_instructions",
        "surplus",
    },
    "classification": {"unclear_classification"},
    "instances": {
        "truncated", "no_instances", "empty_output", "input_equals_output", "trailing_colon", "conflicting_outputs",
        "duplicate", "over_limit",
    },
}  # fmt: skip


def bytes_of(folder: Path) -> dict[str, str]:
    """The content of each file, by its path in the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def types_of(folder: Path) -> dict[str, dict[str, str]]:
    """The types of the columns of each config; each must load, and have the split `train` alone."""
    loaded = {path.name: load_from_disk(str(path)) for path in (folder / "dataset").iterdir()}
    assert all(list(dataset) == ["train"] for dataset in loaded.values())
    return {
        config: {field.name: str(field.type) for field in dataset["train"].features.arrow_schema}
        for config, dataset in loaded.items()
    }


class TestWhatItLeaves:
    def test_it_succeeds_and_says_so(self, demo_run: ScriptRun) -> None:
        assert demo_run.result.returncode == 0, demo_run.result.stderr
        assert demo_run.result.stdout.startswith("100 of 100 instructions admitted from ")

    def test_no_warning_and_no_control_code_is_printed(self, demo_run: ScriptRun) -> None:
        assert "warning" not in demo_run.result.stderr.lower()
        assert "\x1b" not in demo_run.result.stdout + demo_run.result.stderr
        assert "\r" not in demo_run.result.stdout + demo_run.result.stderr

    def test_nothing_is_written_outside_the_run_folder(self, demo_run: ScriptRun) -> None:
        assert [path.name for path in demo_run.cwd.iterdir()] == ["made"]
        assert list(demo_run.home.rglob("*")) == []

    def test_the_run_folder(self, demo_run: ScriptRun) -> None:
        assert sorted(path.name for path in demo_run.folder.iterdir() if not path.name.startswith(".")) == [
            "bootstrap.json", "completions", "config.yaml", "dataset", "pipeline.yaml", "pool.jsonl", "report",
            "run.log", "summary.json",
        ]  # fmt: skip

    def test_every_config_loads_with_its_columns_and_types(self, demo_run: ScriptRun) -> None:
        assert types_of(demo_run.folder) == COLUMNS

    def test_the_pool_is_the_seeds_and_then_the_admitted_instructions(self, demo_run: ScriptRun) -> None:
        pool = [json.loads(line) for line in (demo_run.folder / "pool.jsonl").read_text(encoding="utf-8").splitlines()]
        seeds = [{"id": row["id"], "instruction": row["instruction"]} for row in demo_run.rows("seeds")]
        admitted = [
            {"id": row["instruction_id"], "instruction": row["instruction"]} for row in demo_run.rows("instructions")
        ]
        assert pool == seeds + admitted

    def test_the_summary_counts_what_the_dataset_holds(self, demo_run: ScriptRun) -> None:
        summary = json.loads((demo_run.folder / "summary.json").read_text(encoding="utf-8"))
        assert (summary["ended"], summary["admitted"], summary["wanted"]) == ("complete", 100, 100)
        assert summary["instances"] == len(demo_run.rows("instances"))
        assert sum(sum(counts.values()) for counts in summary["rejected"].values()) == len(demo_run.rows("rejected"))

    def test_the_command_it_says_to_try_next_shows_the_first_row(self, demo_run: ScriptRun) -> None:
        line = next(line for line in demo_run.result.stdout.splitlines() if line.startswith("next: "))
        command = line.removeprefix("next: python ")
        shown = subprocess.run(
            f"{sys.executable} {command}", shell=True, cwd=demo_run.cwd, capture_output=True, text=True, check=True
        )
        assert demo_run.rows("instances")[0]["instruction"] in shown.stdout


class TestWhatIsMade:
    def test_exactly_a_hundred_instructions(self, demo_run: ScriptRun) -> None:
        instructions = demo_run.rows("instructions")
        assert len(instructions) == 100
        assert len({row["instruction_id"] for row in instructions}) == 100

    def test_no_two_instructions_are_too_similar(self, demo_run: ScriptRun) -> None:
        scorer = RougeScorer(["rougeL"], use_stemmer=False)
        tokens = [scorer._tokenizer.tokenize(row["instruction"]) for row in demo_run.rows("instructions")]
        seeds = [scorer._tokenizer.tokenize(row["instruction"]) for row in demo_run.rows("seeds")]
        assert all(f(one, other) <= 0.7 for one, other in itertools.combinations(tokens, 2))
        assert all(f(one, seed) <= 0.7 for one in tokens for seed in seeds)

    def test_every_instance_passes_the_rules(self, demo_run: ScriptRun) -> None:
        instances: dict[str, list[Instance]] = defaultdict(list)
        for row in demo_run.rows("instances"):
            instances[row["instruction_id"]].append(Instance(row["input"], row["output"]))
        assert all(check_instances(each) == [None] * len(each) for each in instances.values())
        assert max(len(each) for each in instances.values()) == 5

    def test_every_reject_reason_occurs(self, demo_run: ScriptRun) -> None:
        seen: dict[str, set[str]] = defaultdict(set)
        for row in demo_run.rows("rejected"):
            seen[row["stage"]].add(row["reason"])
        assert seen == REASONS

    def test_a_similar_candidate_stands_beside_its_neighbour(self, demo_run: ScriptRun) -> None:
        scorer = RougeScorer(["rougeL"], use_stemmer=False)
        similar = [row for row in demo_run.rows("rejected") if row["reason"] == "similar"]
        assert similar
        for row in similar:
            assert row["score"] == scorer.score(row["neighbour"], row["instruction"])["rougeL"].fmeasure
            assert row["score"] > 0.7

    def test_every_instruction_comes_to_an_end_in_instances_or_in_rejected(self, demo_run: ScriptRun) -> None:
        ended = {row["instruction_id"] for config in ("instances", "rejected") for row in demo_run.rows(config)}
        assert {row["instruction_id"] for row in demo_run.rows("instructions")} <= ended

    def test_sft_is_the_instances_as_chats(self, demo_run: ScriptRun) -> None:
        chats = []
        for row in demo_run.rows("instances"):
            question = f"{row['instruction']}\n\n{row['input']}" if row["input"] else row["instruction"]
            chats.append([{"role": "user", "content": question}, {"role": "assistant", "content": row["output"]}])
        assert [row["messages"] for row in demo_run.rows("sft")] == chats


def f(one: list[str], other: list[str]) -> float:
    """ROUGE-L F by rouge_score; where too few words are common for 0.7, what they allow at most, which is quicker."""
    most = 2 * sum((Counter(one) & Counter(other)).values()) / (len(one) + len(other))
    return most if most < 0.7 else float(_score_lcs(one, other).fmeasure)


class TestAgain:
    def test_the_same_command_is_answered_from_the_folder(self, demo_run: ScriptRun, script: Script) -> None:
        before = bytes_of(demo_run.folder)
        again = script("--out", "made", cwd=demo_run.cwd)
        assert (again.returncode, again.stdout) == (0, demo_run.result.stdout)
        assert bytes_of(demo_run.folder) == before

    def test_the_same_seed_gives_the_same_bytes(self, demo_run: ScriptRun, script: Script, tmp_path: Path) -> None:
        assert script("--out", tmp_path / "twin", PYTHONHASHSEED="2").returncode == 0
        assert bytes_of(tmp_path / "twin" / "dataset") == bytes_of(demo_run.folder / "dataset")

    def test_another_seed_gives_another_dataset(self, demo_run: ScriptRun, script: Script, tmp_path: Path) -> None:
        assert script("--out", tmp_path / "other", "--seed", 1, "--num-instructions", 100).returncode == 0
        mine = {row["instruction"] for row in rows(tmp_path / "other", "instructions")}
        shared = mine & {row["instruction"] for row in demo_run.rows("instructions")}
        assert len(mine) == 100
        assert len(shared) < 10

    def test_a_larger_number_keeps_what_is_there(self, demo_run: ScriptRun, script: Script, tmp_path: Path) -> None:
        shutil.copytree(demo_run.folder, tmp_path / "made")
        grown = script("--out", tmp_path / "made", "--num-instructions", 130)
        assert grown.stdout.startswith("130 of 130 instructions admitted")
        more = rows(tmp_path / "made", "instructions")
        assert len(more) == 130
        assert more[:100] == demo_run.rows("instructions")
        instances = demo_run.rows("instances")
        assert rows(tmp_path / "made", "instances")[: len(instances)] == instances


@pytest.mark.parametrize("reason", ["non_ascii"])
def test_the_preset_paper_knows_one_more_reason(reason: str, script: Script, tmp_path: Path) -> None:
    made = script("--out", tmp_path / "paper", "--preset", "paper", "--base", "--num-instructions", 60)
    assert (made.returncode, made.stderr) == (0, "")
    assert reason in {row["reason"] for row in rows(tmp_path / "paper", "rejected")}
    assert all(len(row["most_similar"]) == 10 for row in rows(tmp_path / "paper", "instructions"))


def rows(folder: Path, config: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = load_from_disk(str(folder / "dataset" / config))["train"].to_list()
    return listed
