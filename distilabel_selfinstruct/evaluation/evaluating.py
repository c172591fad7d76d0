"""An evaluation from its config to its scores."""

from __future__ import annotations

from collections.abc import Sequence

from distilabel_selfinstruct.errors import RunFolderError
from distilabel_selfinstruct.evaluation.benchmarks import read_benchmark
from distilabel_selfinstruct.evaluation.config import EvaluationConfig
from distilabel_selfinstruct.evaluation.folder import EvaluationFolder
from distilabel_selfinstruct.evaluation.predictions import read_predictions
from distilabel_selfinstruct.evaluation.questions import Question
from distilabel_selfinstruct.evaluation.recording import begin, conclude
from distilabel_selfinstruct.evaluation.scoring import Scores, with_scores


def evaluate(config: EvaluationConfig, show: bool = False) -> Scores:
    """Has a model answer a benchmark, or takes the answers of a file, and scores them; the folder keeps all of it.

    The same config in the same folder goes on where it was interrupted, and asks again only for what failed.

    Args:
        config: the model or the predictions, the benchmark, and the folder (`out`).
        show: whether progress is shown on screen.

    Raises:
        SelfInstructError: if benchmark, predictions or model cannot be used; what was answered is kept.
    """
    if config.is_of_lm_eval:
        from distilabel_selfinstruct.evaluation.lm_eval_tasks import evaluate_lm_eval

        return evaluate_lm_eval(config, show)
    folder = EvaluationFolder(config.out)
    benchmark = read_benchmark(config.benchmark, config.place)
    given = read_predictions(config.predictions, benchmark.questions, config.limit) if config.predictions else None
    begin(config, folder)
    with folder.locked():
        _check_same(folder, benchmark.questions)
        if given is None:
            from distilabel_selfinstruct.evaluation.answering import answer

            given = answer(config, benchmark.questions, folder, show)
        return conclude(config, folder, list(map(with_scores, given)), benchmark.notes)


def _check_same(folder: EvaluationFolder, questions: Sequence[Question]) -> None:
    """Whether the folder's questions still say the same; there may be more or fewer of them."""
    here = {question.id: question.text for question in questions}
    changed = [each.id for each in folder.predictions() if here.get(each.id, each.text) != each.text]
    if changed:
        raise RunFolderError(
            f"{folder}: holds answers to other questions of the same names, such as {changed[0]!r}: the tasks have"
            " changed since. Choose another --out."
        )
