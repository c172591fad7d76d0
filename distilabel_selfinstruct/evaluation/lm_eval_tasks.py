"""Tasks of lm-eval, the harness of EleutherAI (extra `lm-eval`): it makes prompts and metrics, our model answers.

So the answers are kept, the budget holds, and an interrupted evaluation goes on, as with every other benchmark. A task
is answered by writing, or by saying how likely given texts are: then each pair of texts is a question.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.data.quiet import quiet_clients
from distilabel_selfinstruct.data.rows import Answer, answer_of
from distilabel_selfinstruct.errors import ConfigError, EndpointError, MissingExtraError
from distilabel_selfinstruct.evaluation.answering import STAGE, asked_model
from distilabel_selfinstruct.evaluation.benchmarks import LM_EVAL
from distilabel_selfinstruct.evaluation.config import EvaluationConfig
from distilabel_selfinstruct.evaluation.folder import EvaluationFolder
from distilabel_selfinstruct.evaluation.questions import Prediction
from distilabel_selfinstruct.evaluation.recording import begin, conclude
from distilabel_selfinstruct.evaluation.scoring import Scores
from distilabel_selfinstruct.models.durable import DurableLLM
from distilabel_selfinstruct.models.likelihood import TELLING
from distilabel_selfinstruct.presets import Decoding
from distilabel_selfinstruct.steps.asking import decoding_kwargs

_TOKENS = 256  # lm-eval's limit of an answer where the task has none
_SEED = 1234  # of the examples that a task shows: lm-eval's own
_MEANS = ("mean", "nanmean")
_REFUSED = ("bad_request", "not_found", "model_error")  # what comes of a question that a model does not know


def evaluate_lm_eval(config: EvaluationConfig, show: bool = False) -> Scores:
    """Has a model answer a task of lm-eval, or a group of tasks.

    Raises:
        MissingExtraError: if lm-eval is not installed.
        ConfigError: if there is no such task, or it needs probabilities and the model tells none.
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
    predictions = [
        each
        for name, rows in results["samples"].items()
        for each in _predictions(name, tasks["tasks"][name], rows, asked)
    ]
    if not predictions:
        raise ConfigError(f"--benchmark {config.benchmark}: has no question.")
    return conclude(config, folder, predictions, _notes(results["results"], predictions))


def _load(name: str, include: str | None) -> dict[str, Any]:
    """The tasks of this name, as lm-eval has them.

    Raises:
        MissingExtraError: if lm-eval is not installed.
        ConfigError: if there are none, or their data cannot be read.
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
    for task in loaded["tasks"].values():  # as the command lm-eval does
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
    """Answers the requests of lm-eval, and remembers the answers by the texts asked about: a prompt, or two texts."""

    def __init__(self, llm: DurableLLM, config: EvaluationConfig) -> None:
        self._llm, self._config = llm, config
        self.answers: dict[tuple[str, ...], Answer] = {}

    def responses(self, requests: Sequence[Any]) -> list[str]:
        """The answers, each up to where the task ends it; nothing where there is none."""
        by_kwargs: dict[str, tuple[Mapping[str, Any], list[str]]] = {}
        for prompt, kwargs in (request.args for request in requests):
            by_kwargs.setdefault(repr(kwargs), (kwargs, []))[1].append(prompt)
        for kwargs, prompts in by_kwargs.values():
            self._ask(list(dict.fromkeys(prompts)), kwargs)
        return [_up_to(self.answers[(prompt,)].completion or "", _until(kwargs)) for prompt, kwargs in _args(requests)]

    def likelihoods(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """How likely the second of two texts is after the first, and whether a greedy model would write it.

        Raises:
            ConfigError: if the model tells no probabilities; the first question is asked alone.
        """
        asked = [_texts(arguments) for arguments in _args(requests)]
        pairs = list(dict.fromkeys(pair for pair in asked if pair[1] and pair not in self.answers))
        try:
            if "likelihood" not in {parameter.name for parameter in self._llm.generate_parameters}:
                raise EndpointError("it is not asked by any way that has them")
            self._compare(pairs[:1])
            if any((first := self.answers[pair]).failure in _REFUSED for pair in pairs[:1]):
                raise EndpointError(first.detail)
        except EndpointError as error:
            raise ConfigError(
                f"--benchmark {self._config.benchmark}: is answered by probabilities, which {self._llm.model_name} does"
                f" not tell here ({str(error).rstrip('.')}). {TELLING}"
            ) from None
        self._compare(pairs[1:])
        return [self.likelihood(pair) for pair in asked]

    def likelihood(self, pair: tuple[str, ...]) -> tuple[float, bool]:
        """As it was answered: that of no text is certain, and nothing is less likely than what has no answer."""
        if not pair[1]:
            return 0.0, True
        logprob, is_greedy = json.loads(self.answers[pair].completion or "[-Infinity, false]")
        return logprob, is_greedy

    def _compare(self, pairs: list[tuple[str, ...]]) -> None:
        outputs = self._llm.generate([list(pair) for pair in pairs], likelihood=True, max_new_tokens=1)
        self.answers |= dict(zip(pairs, map(answer_of, outputs)))

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
        self.answers |= {(prompt,): answer_of(output) for prompt, output in zip(prompts, outputs)}


def _args(requests: Sequence[Any]) -> Iterator[Any]:
    return (request.args for request in requests)


def _texts(arguments: Sequence[Any]) -> tuple[str, ...]:
    """What a request asks about: a prompt; two texts; or one of which all counts, with nothing before it."""
    first, *others = arguments
    if not others:
        return "", first
    return (first, others[0]) if isinstance(others[0], str) else (first,)


def _until(kwargs: Mapping[str, Any]) -> list[str]:
    until = kwargs.get("until") or []
    return [until] if isinstance(until, str) else [text for text in until if text]


def _up_to(text: str, until: Sequence[str]) -> str:
    return text[: min([at for end in until if (at := text.find(end)) >= 0], default=len(text))]


def _model(asked: _Asked) -> Any:
    """The model as lm-eval wants it."""
    from lm_eval.api.model import LM

    class Model(LM):  # type: ignore[misc]
        def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
            return asked.responses(requests)

        def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
            return asked.likelihoods(requests)

        def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
            return [logprob for logprob, _ in asked.likelihoods(requests)]

    return Model()


def _predictions(name: str, task: Any, rows: Sequence[Mapping[str, Any]], asked: _Asked) -> list[Prediction]:
    """The samples of one task; of several filters each has metrics of its own.

    Only a metric that is a mean is a score of a question.
    """
    others = {metric for metric, made in task.aggregation().items() if getattr(made, "__name__", "") not in _MEANS}
    found: dict[str, tuple[Mapping[str, Any], dict[str, float]]] = {}
    for row in rows:
        _, scores = found.setdefault(f"{name}/{row['doc_id']}", (row, {}))
        for metric in row["metrics"]:
            if metric not in others and isinstance(value := row[metric], (bool, int, float)):
                scores[_metric(metric, row["filter"])] = float(value)
    return [_prediction(each, name, row, scores, asked) for each, (row, scores) in found.items()]


def _prediction(name: str, task: str, row: Mapping[str, Any], scores: dict[str, float], asked: _Asked) -> Prediction:
    texts = [_texts(arguments) for arguments in row["arguments"]]
    answers = [asked.answers.get(each, Answer("")) for each in texts]
    failed = next((answer for answer in answers if answer.failure), None)
    prompt, response = texts[0][0], answers[0].completion
    right = row["target"] if isinstance(row["target"], list) else [row["target"]]
    if len(texts[0]) == 2 and len(texts) == 1:
        right = [texts[0][1]]
    elif len(texts[0]) == 2:
        pairs = [each for each in texts if each[0]] or texts  # the others ask how likely a choice is by itself
        prompt = os.path.commonprefix([context for context, _ in pairs])  # noqa: RUF071  # of texts
        choices = ["".join(pair)[len(prompt) :].strip() for pair in pairs]
        response = max(zip(map(asked.likelihood, pairs), choices), key=lambda each: each[0][0])[1]
        right = [choices[each] if isinstance(each, int) and 0 <= each < len(choices) else each for each in right]
    return Prediction(
        id=name,
        task=name,
        instruction=prompt,
        input="",
        references=tuple(map(str, right)),
        category=task,
        response=None if failed else response,
        failure=failed.failure if failed else None,
        detail=failed.detail if failed else None,
        is_cut=any(answer.is_cut for answer in answers),
        scores=dict.fromkeys(scores, 0.0) if failed else scores,
    )


def _metric(metric: str, filtered: str) -> str:
    return metric if filtered == "none" else f"{metric} ({filtered})"


def _notes(results: Mapping[str, Mapping[str, Any]], predictions: Sequence[Prediction]) -> list[str]:
    """The metrics that lm-eval makes of all answers together, without an interval; none where answers are missing."""
    if any(each.failure for each in predictions):
        return []
    known = {metric for each in predictions for metric in each.scores}
    notes = []
    for task, values in results.items():
        for name, value in values.items():
            metric, _, filtered = name.partition(",")
            is_score = isinstance(value, (int, float)) and filtered and not metric.endswith("_stderr")
            if is_score and _metric(metric, filtered) not in known:
                notes.append(f"{task}: {_metric(metric, filtered)} is {value:.4g}, over all answers together.")
    return notes
