"""The first command of the README: a whole run on the embedded demo model, as a user starts it."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from rouge_score.rouge_scorer import RougeScorer, _score_lcs

from distilabel_selfinstruct import Instance, check_instances
from tests.conftest import Script, ScriptRun, first_line
from tests.support.recipes import COLUMNS, check_ended_well, rows_of, types_of

pytestmark = pytest.mark.slow


class TestWhatItLeaves:
    def test_it_ends_well_and_says_what_there_is(self, demo_run: ScriptRun) -> None:
        check_ended_well(demo_run)
        assert demo_run.result.stdout.startswith("100 of 100 instructions admitted from ")

    def test_every_config_loads_with_its_columns_and_types(self, demo_run: ScriptRun) -> None:
        assert types_of(demo_run.folder) == COLUMNS

    def test_the_pool_is_the_seeds_and_then_the_admitted_instructions(self, demo_run: ScriptRun) -> None:
        pool = [json.loads(line) for line in (demo_run.folder / "pool.jsonl").read_text(encoding="utf-8").splitlines()]
        seeds = [{"id": row["id"], "instruction": row["instruction"]} for row in demo_run.rows("seeds")]
        admitted = [
            {"id": row["instruction_id"], "instruction": row["instruction"]} for row in demo_run.rows("instructions")
        ]
        assert pool == seeds + admitted

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

    def test_a_similar_candidate_stands_beside_its_neighbour(self, demo_run: ScriptRun) -> None:
        scorer = RougeScorer(["rougeL"], use_stemmer=False)
        similar = [row for row in demo_run.rows("rejected") if row["reason"] == "similar"]
        assert similar
        for row in similar:
            assert row["score"] == scorer.score(row["neighbour"], row["instruction"])["rougeL"].fmeasure
            assert row["score"] > 0.7

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
    def test_another_seed_gives_another_dataset(self, demo_run: ScriptRun, script: Script, tmp_path: Path) -> None:
        assert script("--out", tmp_path / "other", "--seed", 1, "--num-instructions", 100).returncode == 0
        mine = {row["instruction"] for row in rows_of(tmp_path / "other", "instructions")}
        shared = mine & {row["instruction"] for row in demo_run.rows("instructions")}
        assert len(mine) == 100
        assert len(shared) < 10

    def test_a_larger_number_keeps_what_is_there(self, demo_run: ScriptRun, script: Script, tmp_path: Path) -> None:
        shutil.copytree(demo_run.folder, tmp_path / "made")
        grown = script("--out", tmp_path / "made", "--num-instructions", 130)
        assert grown.stdout.startswith("130 of 130 instructions admitted")
        more = rows_of(tmp_path / "made", "instructions")
        assert len(more) == 130
        assert more[:100] == demo_run.rows("instructions")
        instances = demo_run.rows("instances")
        assert rows_of(tmp_path / "made", "instances")[: len(instances)] == instances


@pytest.mark.parametrize("reason", ["non_ascii"])
def test_the_preset_paper_knows_one_more_reason(reason: str, script: Script, tmp_path: Path) -> None:
    made = script("--out", tmp_path / "paper", "--preset", "paper", "--base", "--num-instructions", 60)
    assert (made.returncode, made.stderr) == (0, first_line(tmp_path / "paper"))
    assert reason in {row["reason"] for row in rows_of(tmp_path / "paper", "rejected")}
    assert all(len(row["most_similar"]) == 10 for row in rows_of(tmp_path / "paper", "instructions"))
