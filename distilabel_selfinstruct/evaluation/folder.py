"""EvaluationFolder: the only reader and writer of the files of an evaluation.

evaluation.yaml    the options
predictions.jsonl  each question with the answer and its scores
scores.json        what they come to
completions/       every answer of the model
learned.json       what the model refuses of a request's parameters
ratings.jsonl      the levels that people have given to answers
levels.json        those that a model as judge has given
pairs/             what a model as judge says of these answers and of another evaluation's; a file each
judge/             every answer of a judge
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, ClassVar

from distilabel_selfinstruct.data.base_folder import BaseFolder
from distilabel_selfinstruct.data.evaluation_sets import EVALUATION, PREDICTIONS
from distilabel_selfinstruct.data.files import clear_drafts
from distilabel_selfinstruct.errors import RunFolderError
from distilabel_selfinstruct.evaluation.questions import Prediction
from distilabel_selfinstruct.evaluation.scoring import Scores
from distilabel_selfinstruct.secrets import masked

_CONFIG, _PREDICTIONS, _SCORES = EVALUATION, PREDICTIONS, "scores.json"
_RATINGS, _LEVELS, _RUBRIC = "ratings.jsonl", "levels.json", "rubric_scores.json"
_AGAIN = "delete it and run the same command again: what was answered is kept"


class EvaluationFolder(BaseFolder):
    """The folder of an evaluation.

    Args:
        path: where it is; it need not be there.
    """

    mending: ClassVar[Mapping[str, str]] = {
        _PREDICTIONS: _AGAIN,
        _SCORES: _AGAIN,
        _RUBRIC: "delete it and run `evaluate judge` again: what the judge has answered is kept",
        _LEVELS: "delete it and run `evaluate judge` again: what the judge has answered is kept",
    }

    def __init__(self, path: str | PathLike[str]) -> None:
        super().__init__(path)
        self.completions = self.path / "completions"
        self.judge_completions = self.path / "judge"
        self.learned = self.path / "learned.json"

    @classmethod
    def open(cls, path: str | PathLike[str]) -> EvaluationFolder:
        """The folder of an evaluation that has ended.

        Raises:
            RunFolderError: if it holds none.
        """
        folder = cls(path)
        if not (folder.path / _SCORES).is_file():
            raise RunFolderError(
                f"{path}: holds no evaluation that has ended; give the folder that `self-instruct evaluate` wrote."
            )
        return folder

    # --- what it is -------------------------------------------------------------------------------------------------

    def begin(self, identity: Mapping[str, Any], recorded: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        """Records the options, in a folder that is empty or holds an evaluation with the same ones.

        Args:
            identity: what the result depends on.
            recorded: all that is recorded.
            defaults: of options, for those that there were not when the folder was made.

        Raises:
            RunFolderError: if the folder holds something else.
        """
        if (self.path / _CONFIG).is_file():
            before = self._read_yaml(_CONFIG)
            here = masked(dict(identity))
            different = [
                f"{name} is {there!r} there, {value!r} here"
                for name, value in here.items()
                if (there := before.get(name, defaults.get(name))) != value
            ]
            if different:
                raise RunFolderError(
                    f"{self}: holds another evaluation: {'; '.join(different)}. Nothing was changed. Choose another"
                    " --out, or the same options."
                )
        elif not self.is_empty:
            raise RunFolderError(f"{self}: is no folder of an evaluation, and not empty; choose another --out.")
        clear_drafts(self.path)
        self._write_yaml(_CONFIG, masked(dict(recorded)))

    # --- what it has come to ----------------------------------------------------------------------------------------

    def predictions(self) -> list[Prediction]:
        """Each question with the answer and its scores.

        Raises:
            RunFolderError: if the file is damaged.
        """
        return self._read_lines(_PREDICTIONS, Prediction.of_row)

    def write_predictions(self, predictions: Iterable[Prediction]) -> None:
        """Writes all questions with their answers; the scores are those of others until they are written too."""
        (self.path / _SCORES).unlink(missing_ok=True)
        self._write_lines(_PREDICTIONS, map(dataclasses.asdict, predictions))

    def scores(self) -> Scores:
        """What the answers come to.

        Raises:
            RunFolderError: if the file is damaged.
        """
        with self._checked(_SCORES):
            return Scores.of_record(self._read_object(_SCORES))

    def write_scores(self, scores: Scores) -> None:
        """Writes what the answers come to: last of all, so that a folder with scores lacks nothing."""
        self._write_json(_SCORES, scores.record())

    # --- what people and judges say ---------------------------------------------------------------------------------

    def ratings(self) -> list[dict[str, Any]]:
        """The levels that people have given: `question_id`, `annotator`, `level`, `record_id`."""
        return self._read_lines(_RATINGS, dict)

    def write_ratings(self, ratings: Iterable[Mapping[str, Any]]) -> None:
        """Writes all levels that people have given."""
        self._write_lines(_RATINGS, ratings)

    def levels(self) -> dict[str, Any]:
        """What a judge has said of the answers: `judge`, and `levels` by question; empty where none was asked."""
        return self._read_object(_LEVELS) if (self.path / _LEVELS).is_file() else {}

    def write_levels(self, levels: Mapping[str, Any]) -> None:
        """Writes what a judge has said of the answers."""
        self._write_json(_LEVELS, levels)

    def rubric_scores(self) -> dict[str, Any]:
        """What a judge has said by a user's own rubric: `judge`, `rubric`, and `scores` by question; or nothing."""
        return self._read_object(_RUBRIC) if (self.path / _RUBRIC).is_file() else {}

    def write_rubric_scores(self, scores: Mapping[str, Any]) -> None:
        """Writes what a judge has said by a user's own rubric."""
        self._write_json(_RUBRIC, scores)

    def pairs(self, other: str) -> dict[str, Any]:
        """What a judge has said of these answers and those of another evaluation; empty where none was asked."""
        name = f"pairs/{other}.json"
        return self._read_object(name) if (self.path / name).is_file() else {}

    def write_pairs(self, other: str, pairs: Mapping[str, Any]) -> None:
        """Writes what a judge has said of these answers and those of another evaluation."""
        self._write_json(f"pairs/{other}.json", pairs)

    @property
    def key(self) -> str:
        """Names the evaluation by what was answered, wherever it lies."""
        said = "\0".join(f"{each.id}\0{each.response}" for each in self.predictions())
        return hashlib.sha256(said.encode()).hexdigest()[:16]


def names_of(folders: Sequence[EvaluationFolder]) -> list[str]:
    """The models' names, with those of the folders where two are the same."""
    models = [folder.scores().model for folder in folders]
    for name in ("{model}", "{model} ({folder.name})", "{model} ({folder})"):
        names = [name.format(model=model, folder=folder) for model, folder in zip(models, folders)]
        if len(set(names)) == len(names):
            break
    return names
