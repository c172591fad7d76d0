"""The authors' recorded run again, end to end over HTTP: a server says what GPT-3 davinci said then."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from datasets import load_from_disk

from tests.conftest import Script, first_line
from tests.support.openai_server import Answer, Body, OpenAIServer

pytestmark = pytest.mark.slow

Rows = list[dict[str, Any]]


def read(path: Path) -> Rows:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class RecordedDavinci:
    """Answers bootstrap prompts in the recorded order, the two other questions by their instruction."""

    def __init__(self, folder: Path) -> None:
        self.bootstrap: list[Answer] = []
        for row in read(folder / "machine_generated_instructions.jsonl"):
            answer = recorded_answer(row["metadata"]["response"])
            if answer not in self.bootstrap:
                self.bootstrap.append(answer)
        self.classification = {
            row["instruction"]: row["is_classification"] for row in read(folder / "is_clf_or_not.jsonl")
        }
        self.instances = {
            row["instruction"]: recorded_answer(row["instance_metadata"]["response"], row["raw_instances"])
            for row in read(folder / "machine_generated_instances.jsonl")
        }
        self.asked: list[str] = []

    def __call__(self, body: Body) -> str | Answer:
        prompt: str = body["prompt"]
        _, mark, instruction = prompt.rpartition("Task: ")
        if not mark:
            self.asked.append("bootstrap")
            number = self.asked.count("bootstrap") - 1
            return self.bootstrap[number] if number < len(self.bootstrap) else ""
        if instruction.endswith("\nIs it classification?"):
            self.asked.append("classification")
            return str(self.classification[instruction.removesuffix("\nIs it classification?")])
        self.asked.append("instances")
        return self.instances[instruction.removesuffix("\n")]


def recorded_answer(response: dict[str, Any], text: str | None = None) -> Answer:
    choice = response["choices"][0]
    return Answer(choice["text"] if text is None else text, choice["finish_reason"])


@dataclass
class Replay:
    """The dataset of the replayed run beside what was recorded."""

    recorded: Path
    model: RecordedDavinci
    configs: dict[str, Rows] = field(default_factory=dict)


@pytest.fixture(scope="module")
def replay(official_data: Path, script: Script, tmp_path_factory: pytest.TempPathFactory) -> Replay:
    recorded, folder = official_data / "official_run_davinci", tmp_path_factory.mktemp("replay") / "run"
    model = RecordedDavinci(recorded)
    with OpenAIServer(answer=model, models=["davinci"]) as server:
        result = script(
            "--llm", "openai", "--model", "davinci", "--base-url", server.url, "--base", "--preset", "paper",
            "--seeds", official_data / "seed_tasks_official.jsonl", "--num-instructions", 67, "--concurrency", 1,
            "--out", folder,
        )  # fmt: skip
        assert (result.returncode, result.stderr) == (0, first_line(folder, model="davinci"))
        assert {request.path for request in server.requests} == {"/v1/completions"}
    configs = {path.name: load_from_disk(str(path))["train"].to_list() for path in (folder / "dataset").iterdir()}
    return Replay(recorded, model, configs)


def test_the_recorded_instructions_are_admitted_in_the_recorded_order(replay: Replay) -> None:
    recorded = read(replay.recorded / "machine_generated_instructions.jsonl")
    admitted = [row["instruction"] for row in replay.configs["instructions"]]
    assert len(admitted) == 67
    assert admitted == [row["instruction"] for row in recorded]


def test_the_dataset_is_the_78_recorded_instances(replay: Replay) -> None:
    recorded = read(replay.recorded / "all_generated_instances.jsonl")
    made = [(row["instruction"], row["input"], row["output"]) for row in replay.configs["instances"]]
    assert len(made) == 78
    assert set(made) == {(row["instruction"], row["input"], row["output"]) for row in recorded}


def test_mean_and_greatest_similarity_are_bit_identical(replay: Replay) -> None:
    recorded = read(replay.recorded / "machine_generated_instructions.jsonl")
    made = replay.configs["instructions"]
    assert [row["mean_similarity"] for row in made] == [row["avg_similarity_score"] for row in recorded]
    assert [row["max_similarity"] for row in made] == [max(row["most_similar"].values()) for row in recorded]


def test_the_ten_most_similar_pool_items_have_the_recorded_scores(replay: Replay) -> None:
    texts = {row["id"]: row["instruction"] for row in replay.configs["seeds"]}
    texts |= {row["instruction_id"]: row["instruction"] for row in replay.configs["instructions"]}
    recorded = read(replay.recorded / "machine_generated_instructions.jsonl")
    for made, official in zip(replay.configs["instructions"], recorded, strict=True):
        similar = [(texts[each["id"]], each["score"]) for each in made["most_similar"]]
        assert [score for _, score in similar] == list(official["most_similar"].values())
        tenth = similar[-1][1]  # which of several items with the tenth score is listed is anybody's choice
        assert {text: score for text, score in similar if score > tenth} == {
            text: score for text, score in official["most_similar"].items() if score > tenth
        }


def test_classifications_are_the_recorded_ones(replay: Replay) -> None:
    said = replay.model.classification
    made = replay.configs["instructions"]
    assert {row["instruction"]: row["is_classification"] for row in made} == {
        instruction: answer.strip() == "Yes" for instruction, answer in said.items()
    }
    assert sum(row["is_classification"] for row in made) == 8


def test_a_completion_cut_by_its_length_lost_its_last_instance(replay: Replay) -> None:
    cut = {instruction for instruction, answer in replay.model.instances.items() if answer.finish_reason == "length"}
    rejected = [row for row in replay.configs["rejected"] if row["reason"] == "truncated"]
    assert len(cut) == 9
    assert {row["instruction"] for row in rejected} == cut


def test_every_question_was_put_once(replay: Replay) -> None:
    asked = replay.model.asked
    assert (asked.count("classification"), asked.count("instances")) == (67, 67)
    assert 14 <= asked.count("bootstrap") <= 14 + 5  # no more ahead of the answers than the lag allows
