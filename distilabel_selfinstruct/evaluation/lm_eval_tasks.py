"""Tasks of lm-eval, the harness of EleutherAI (extra `lm-eval`): it makes prompts and metrics, our model answers.

So the answers are kept, the budget holds, and an interrupted evaluation goes on, as with every other benchmark. Tasks
that compare the probabilities of given answers need what endpoints do not tell, and are refused.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.data.quiet import quiet_clients
from distilabel_selfinstruct.data.rows import Answer, answer_of
from distilabel_selfinstruct.errors import ConfigError, MissingExtraError
from distilabel_selfinstruct.evaluation.answering import STAGE, asked_model
from distilabel_selfinstruct.evaluation.benchmarks import LM_EVAL
from distilabel_selfinstruct.evaluation.config import EvaluationConfig
from distilabel_selfinstruct.evaluation.folder import EvaluationFolder
from distilabel_selfinstruct.evaluation.questions import Prediction
from distilabel_selfinstruct.evaluation.recording import begin, conclude
from distilabel_selfinstruct.evaluation.scoring import Scores
from distilabel_selfinstruct.models.durable import DurableLLM
from distilabel_selfinstruct.presets import Decoding
from distilabel_selfinstruct.steps.asking import decoding_kwargs

_TOKENS = 256  # lm-eval's limit of an answer where the task has none
_SEED = 1234  # of the examples that a task shows: lm-eval's own
_GENERATES = "generate_until"


def evaluate_lm_eval(config: EvaluationConfig, show: bool = False) -> Scores:
    """Has a model answer a task of lm-eval, or a group of tasks.

    Raises:
        MissingExtraError: if lm-eval is not installed.
        ConfigError: if there is no such task, or one that a model cannot answer by writing.
        SelfInstructError: if the model cannot be asked.
    """
    name = config.benchmark.removeprefix(LM_EVAL)
    tasks = _load(name, config.tasks)
    folder = EvaluationFolder(config.out)
    begin(config, folder)
    with (
        folder.locked(),
        asked_model(config, folder.completions, folder.learned, STAGE, show, config.max_tokens) as llm,
        _quiet(),
    ):
        asked = _Asked(llm, config)
        from lm_eval.evaluator import evaluate

        results = evaluate(_model(asked), tasks, limit=config.limit, bootstrap_iters=0, verbosity="ERROR")
    predictions = [each for task, rows in results["samples"].items() for each in _predictions(task, rows, asked)]
    if not predictions:
        raise ConfigError(f"--benchmark {config.benchmark}: has no question.")
    return conclude(config, folder, predictions, _notes(results["results"], predictions))


def _load(name: str, include: str | None) -> dict[str, Any]:
    """The tasks of this name, as lm-eval has them.

    Raises:
        MissingExtraError: if lm-eval is not installed.
        ConfigError: if there are none, their data cannot be read, or a model cannot answer them by writing.
    """
    try:
        from lm_eval.tasks import TaskManager
    except ImportError:
        raise MissingExtraError.of(f"--benchmark {LM_EVAL}{name}", "lm-eval") from None
    if include is not None and not Path(include).is_dir():
        raise ConfigError(f"--tasks {include}: is no folder; of lm-eval it is one with the YAML files of tasks.")
    with _quiet():
        manager = TaskManager(verbosity="ERROR", include_path=include)
        if name not in manager.all_tasks:
            raise ConfigError(f"--benchmark {LM_EVAL}{name}: lm-eval has no such task; `lm-eval ls tasks` lists them.")
        try:
            loaded = manager.load([name])
        except Exception as error:  # whatever its task, the Hub or the network bring
            said = " ".join(str(error).split())[:300]
            raise ConfigError(
                f"--benchmark {LM_EVAL}{name}: cannot be loaded ({type(error).__name__}: {said})."
            ) from None
    tasks = loaded["tasks"].values()
    if others := sorted({task.OUTPUT_TYPE for task in tasks} - {_GENERATES}):
        raise ConfigError(
            f"--benchmark {LM_EVAL}{name}: is answered by probabilities ({', '.join(others)}), which a model does not"
            f" tell here; choose a task whose output_type is {_GENERATES}."
        )
    for task in tasks:  # as the command lm-eval does
        if task.get_config("num_fewshot") is None:
            task.set_config(key="num_fewshot", value=0)
        task.set_fewshot_seed(seed=_SEED)
    return loaded


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the messages of lm-eval and of what it reads data with."""
    logger = logging.getLogger("lm_eval")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with quiet_clients():
            yield
    finally:
        logger.setLevel(level)


class _Asked:
    """Answers the requests of lm-eval, and remembers the answers by their prompts."""

    def __init__(self, llm: DurableLLM, config: EvaluationConfig) -> None:
        self._llm, self._config = llm, config
        self.answers: dict[str, Answer] = {}

    def responses(self, requests: Sequence[Any]) -> list[str]:
        """The answers, each up to where the task ends it; nothing where there is none."""
        by_kwargs: dict[str, tuple[Mapping[str, Any], list[str]]] = {}
        for prompt, kwargs in (request.args for request in requests):
            by_kwargs.setdefault(repr(kwargs), (kwargs, []))[1].append(prompt)
        for kwargs, prompts in by_kwargs.values():
            self._ask(list(dict.fromkeys(prompts)), kwargs)
        return [_up_to(self.answers[prompt].completion or "", _until(kwargs)) for prompt, kwargs in _args(requests)]

    def _ask(self, prompts: list[str], kwargs: Mapping[str, Any]) -> None:
        until = tuple(_until(kwargs))
        most = int(kwargs.get("max_gen_toks") or kwargs.get("max_tokens") or _TOKENS)
        is_drawn = bool(kwargs.get("do_sample")) and kwargs.get("temperature") is not None
        decoding = Decoding(
            temperature=float(kwargs["temperature"]) if is_drawn else 0.0,
            max_new_tokens=most,
            stop=until,
            chat_stop=until,
        )
        inputs: list[Any] = list(prompts)
        if self._config.wording == "chat":
            inputs = [[{"role": "user", "content": prompt}] for prompt in prompts]
        outputs = self._llm.generate(inputs, **decoding_kwargs(self._llm, decoding, self._config.wording))
        self.answers |= dict(zip(prompts, map(answer_of, outputs)))


def _args(requests: Sequence[Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return (request.args for request in requests)


def _until(kwargs: Mapping[str, Any]) -> list[str]:
    until = kwargs.get("until") or []
    return [until] if isinstance(until, str) else [text for text in until if text]


def _up_to(text: str, until: Sequence[str]) -> str:
    return text[: min([at for end in until if (at := text.find(end)) >= 0], default=len(text))]


def _model(asked: _Asked) -> Any:
    """The model as lm-eval wants it."""
    from lm_eval.api.model import LM

    class Model(LM):  # type: ignore[misc]  # the other two are never asked: tasks that do are refused before
        def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
            return asked.responses(requests)

        def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
            raise NotImplementedError

        def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
            raise NotImplementedError

    return Model()


def _predictions(task: str, rows: Sequence[Mapping[str, Any]], asked: _Asked) -> list[Prediction]:
    """The samples of one task; of several filters each has metrics of its own."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        prompt = str(row["arguments"][0][0])
        said = found.setdefault(f"{task}/{row['doc_id']}", {"prompt": prompt, "target": row["target"], "scores": {}})
        for metric in row["metrics"]:
            if isinstance(value := row[metric], (bool, int, float)):
                said["scores"][_metric(metric, row["filter"])] = float(value)
    return [
        Prediction(
            id=name,
            task=name,
            instruction=said["prompt"],
            input="",
            references=tuple(map(str, said["target"] if isinstance(said["target"], list) else [said["target"]])),
            category=task,
            response=(answer := asked.answers[said["prompt"]]).completion,
            failure=answer.failure,
            detail=answer.detail,
            is_cut=answer.is_cut,
            scores=said["scores"],
        )
        for name, said in found.items()
    ]


def _metric(metric: str, filtered: str) -> str:
    return metric if filtered == "none" else f"{metric} ({filtered})"


def _notes(results: Mapping[str, Mapping[str, Any]], predictions: Sequence[Prediction]) -> list[str]:
    """The metrics that lm-eval makes of all answers together, which have no interval."""
    known = {metric for each in predictions for metric in each.scores}
    notes = []
    for task, values in results.items():
        for name, value in values.items():
            metric, _, filtered = name.partition(",")
            is_score = isinstance(value, (int, float)) and filtered and not metric.endswith("_stderr")
            if is_score and _metric(metric, filtered) not in known:
                notes.append(f"{task}: {_metric(metric, filtered)} is {value:.4g}, over all answers together.")
    return notes
