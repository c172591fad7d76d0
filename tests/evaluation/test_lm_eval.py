"""Tasks of lm-eval: its prompts and metrics, our model and folder. No other test needs the extra `lm-eval`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.errors import ConfigError, MissingExtraError
from distilabel_selfinstruct.evaluation import EvaluationConfig, EvaluationFolder, evaluate
from distilabel_selfinstruct.runs.config import read_config
from tests.evaluation.evaluations import write_rows
from tests.support.openai_server import OpenAIServer

TASK = """
task: sums
dataset_path: json
dataset_kwargs:
  data_files: {test: FILE}
test_split: test
output_type: OUTPUT_TYPE
doc_to_text: "{{question}}"
doc_to_target: "{{answer}}"
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
"""
GENERATES = '\ngeneration_kwargs: {until: ["\\n\\n"], max_gen_toks: 32}\n'
CHOOSES = '\ndoc_to_choice: ["3", "5"]\n'


def config(folder: Path, **options: Any) -> EvaluationConfig:
    given = {"benchmark": "lm-eval:sums", "llm": "demo", "out": str(folder / "out"), **options}
    return read_config(given, {}, "", EvaluationConfig)


def tasks(folder: Path, output_type: str, more: str) -> str:
    rows = [{"question": f"{at} + {at} =", "answer": str(2 * at)} for at in range(4)]
    data = write_rows(folder / "sums.jsonl", rows)
    (folder / "tasks").mkdir()
    text = TASK.replace("FILE", json.dumps(str(data))).replace("OUTPUT_TYPE", output_type) + more
    (folder / "tasks" / "sums.yaml").write_text(text)
    return str(folder / "tasks")


def adds(body: Mapping[str, Any]) -> str:
    """What is right but for the last, with more behind it."""
    asked = body["messages"][-1]["content"]
    number = int(asked.split()[0])
    return f"{2 * number if number < 3 else 'many'}\n\nNext: 9 + 9 ="


@pytest.mark.skipif(find_spec("lm_eval") is not None, reason="lm-eval is installed")
def test_without_it_the_error_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(
        MissingExtraError, match=r'lm-eval:sums needs .*pip install "distilabel-selfinstruct\[lm-eval\]"'
    ):
        evaluate(config(tmp_path))


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("lm_eval") is None, reason='needs lm-eval: pip install "distilabel-selfinstruct[lm-eval]"'
)
@pytest.mark.filterwarnings("ignore")  # those of lm-eval and of what it imports
class TestWithIt:
    def test_our_model_answers_and_its_answers_are_kept(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        with OpenAIServer(answer=adds) as server:
            given = {"llm": "openai", "model": "stub-model", "base_url": server.url}
            given |= {"tasks": tasks(tmp_path, "generate_until", GENERATES)}
            scores = evaluate(config(tmp_path, **given))
            bodies = [request.body for request in server.requests if "completions" in request.path]
            assert {body["messages"][0]["content"] for body in bodies} == {f"{at} + {at} =" for at in range(4)}
            assert {body["temperature"] for body in bodies} == {0.0}
            asked = len(server.requests)
            assert evaluate(config(tmp_path, **given)) == scores
            assert not [each for each in server.requests[asked:] if "completions" in each.path]
        assert (scores.benchmark, scores.questions, scores.answered) == ("lm-eval:sums", 4, 4)
        assert scores.scores["exact_match"].value == 75
        first = EvaluationFolder(tmp_path / "out").predictions()[0]
        assert (first.id, first.instruction, first.references) == ("sums/0", "0 + 0 =", ("0",))

    def test_what_is_answered_by_probabilities_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        with pytest.raises(ConfigError, match=r"lm-eval:sums: is answered by probabilities \(multiple_choice\)"):
            evaluate(config(tmp_path, tasks=tasks(tmp_path, "multiple_choice", CHOOSES)))
        assert not (tmp_path / "out").exists()

    def test_no_such_task(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="lm-eval has no such task"):
            evaluate(config(tmp_path, benchmark="lm-eval:no_such_task_at_all"))
        with pytest.raises(ConfigError, match="is no folder; of lm-eval it is one with the YAML files"):
            evaluate(config(tmp_path, tasks=str(tmp_path / "nothing")))
