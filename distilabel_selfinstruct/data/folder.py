"""RunFolder: the only reader and writer of the files of a run.

config.yaml      the options, resolved
recipe.json      what the run is: recipe, stages, reasons, configs and columns with their meaning, versions, model
completions/     every answer of the model
batches/         what was asked in batches that have not all been stored
learned.json     what the model refuses of a request's parameters
pool.jsonl       all texts that no later one may be too similar to
STAGE.json       how the loop of a stage ended
hold_out.jsonl   the side of each instruction, where some are set apart
kept_clear.jsonl what is evaluated on beside this run, when it began: its rows are kept clear of that
progress/        how far each loop is, for who looks on, until the run has ended
taken/           the rows that each loop has made of answers, until there is nothing left to ask
data/            the rows that are finished so far, until the run has ended: Parquet files that anybody may read
dataset/         a folder a config
report/          page and statistics
review/          what annotators and judges have said of instances; completions/ of the command `judge`
evaluations.json what evaluations have found of models that were trained on it
summary.json     what the run has come to
pipeline.yaml  run.log  cache/
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from distilabel_selfinstruct.data.base_folder import BaseFolder
from distilabel_selfinstruct.data.columns import columns_of
from distilabel_selfinstruct.data.files import clear_drafts
from distilabel_selfinstruct.data.summary import Summary
from distilabel_selfinstruct.data.taken import TakenRows
from distilabel_selfinstruct.errors import RunFolderError
from distilabel_selfinstruct.recipe import DEFAULT, Recipe, get_recipe, with_page
from distilabel_selfinstruct.usage import PriceList

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset, DatasetDict, Features
    from distilabel.distiset import Distiset

PHRASES, CLEAR_OF, RUBRIC = "phrase_list", "evaluation_texts", "rubric"
EARLIER_MODELS = "earlier_models"
RECORDED = frozenset(
    {
        "recipe",
        "prompts_version",
        "package_version",
        "seed_tasks",
        "originals",
        "principle_list",
        "own_prompts",
        EARLIER_MODELS,
        PHRASES,
        "trained_on",
        CLEAR_OF,
        RUBRIC,
    }
)
"""What `config.yaml` holds beside the options; the last four are the names of what was read."""
CONFIG, PIPELINE = "config.yaml", "pipeline.yaml"
"""Names that a published run has too."""
_RECIPE, _SUMMARY, _SIDES, _PROMPTS = "recipe.json", "summary.json", "hold_out.jsonl", "prompts"
_PROGRESS, _SHARES, _EVALUATIONS, _RUBRIC = "progress", "shares.json", "evaluations.json", "rubric.yaml"
_KEPT_CLEAR, _TAKEN = "kept_clear.jsonl", "taken"

T = TypeVar("T")
_Gathered = Literal["records", "pushes", "answers"]
_Found = Literal["annotators", "quality", "judge"]


@dataclasses.dataclass(frozen=True, slots=True)
class ReportFolder:
    """The files of a report, which may be of any dataset."""

    path: Path

    @property
    def page(self) -> Path:
        return self.path / "index.html"

    @property
    def figures(self) -> Path:
        return self.path / "figures"

    @property
    def statistics(self) -> Path:
        return self.path / "statistics.json"


class RunFolder(BaseFolder):
    """The folder of a run.

    Args:
        path: where it is; it need not be there.
    """

    mending: ClassVar[Mapping[str, str]] = {
        _SUMMARY: "delete it, and the run is put together again",
        _EVALUATIONS: "delete it and give `self-instruct report RUN --evaluations FOLDER ...` again",
        "quality.json": "delete it, and the command `review pull` makes it again: the answers are kept",
        "judge.json": "delete it and run the command `judge` again: what a judge has answered is kept",
    }

    def __init__(self, path: str | PathLike[str]) -> None:
        super().__init__(path)
        self.completions = self.path / "completions"
        self.batches = self.path / "batches"
        self.check_completions = self.path / "check"
        self.judge_completions = self.path / "review" / "completions"
        self.learned = self.path / "learned.json"
        self.growing = self.path / "data"
        self.dataset_path = self.path / "dataset"
        self.report = ReportFolder(self.path / "report")
        self.cache = self.path / "cache"
        self.log = self.path / "run.log"
        self.pipeline = self.path / PIPELINE
        self.kept_clear = self.path / _KEPT_CLEAR

    @classmethod
    def open(cls, path: str | PathLike[str]) -> RunFolder:
        """The folder of a run that is there.

        Raises:
            RunFolderError: if it holds no run.
        """
        folder = cls(path)
        if not folder.is_run:
            raise RunFolderError(f"{path}: is no run folder; give the folder that a pipeline wrote (its --out).")
        return folder

    @property
    def is_run(self) -> bool:
        """Whether a run has begun here."""
        return (self.path / CONFIG).is_file()

    @property
    def has_answers(self) -> bool:
        """Whether a model has answered anything here."""
        return any(self.completions.glob("*.sqlite"))

    @property
    def page(self) -> Path:
        """The report's page, which may not be there."""
        return self.report.page

    # --- what the run is --------------------------------------------------------------------------------------------

    def config(self) -> dict[str, Any]:
        """The options that the run recorded.

        Raises:
            RunFolderError: if there is no run here, or its config is damaged.
        """
        if not self.is_run:
            raise RunFolderError(f"{self.path}: is no run folder; there is no {CONFIG} in it.")
        return self._read_yaml(CONFIG)

    def damaged_config(self) -> RunFolderError:
        """The error of a config that cannot be believed."""
        return self._damaged(CONFIG)

    def write_config(self, values: Mapping[str, Any]) -> None:
        """Records the options."""
        self._write_yaml(CONFIG, values)

    def write_prompts(self, templates: Mapping[str, str]) -> None:
        """Records a user's own templates."""
        for name, text in templates.items():
            (self.path / _PROMPTS / name).parent.mkdir(parents=True, exist_ok=True)
            self._write(f"{_PROMPTS}/{name}", text + "\n")

    def write_rubric(self, text: str | None) -> None:
        """Records a user's own rubric for the judge, if there is one."""
        if text is not None:
            self._write_yaml(_RUBRIC, json.loads(text))

    def recipe(self) -> Recipe:
        """The recipe, as the run recorded it; of a run of version 0.1.0, which recorded its name, as it is now.

        Raises:
            RunFolderError: if the record is damaged.
            ConfigError: if there is no record, and no recipe of that name.
        """
        if not (self.path / _RECIPE).is_file():
            return get_recipe(str(self.config().get("recipe", DEFAULT)))
        with self._checked(_RECIPE):
            record = self.description()["recipe"]
            recipe = Recipe.of_record(record)
        return recipe if "listings" in record else with_page(recipe)

    def description(self) -> dict[str, Any]:
        """What the run is: `recipe`, `configs`, `columns`, `versions`, `model`, `stages` and `prices`.

        It is empty where nobody has recorded it.

        Raises:
            RunFolderError: if the record is damaged.
        """
        return self._read_object(_RECIPE) if (self.path / _RECIPE).is_file() else {}

    def prices(self) -> PriceList:
        """What the models cost that were asked, as the run recorded it; nothing where nobody has.

        Raises:
            RunFolderError: if the record is damaged.
        """
        with self._checked(_RECIPE):
            return PriceList.of_record(self.description().get("prices", {}))

    def write_description(self, description: Mapping[str, Any]) -> None:
        """Records what the run is."""
        self._write_json(_RECIPE, description)

    # --- what it has come to ----------------------------------------------------------------------------------------

    @property
    def has_summary(self) -> bool:
        """Whether a run has ended here."""
        return self.summary_path.exists()

    def summary(self) -> Summary:
        """What the run has come to.

        Raises:
            RunFolderError: if it has not ended, or its summary is damaged.
        """
        if not self.has_summary:
            raise RunFolderError(f"{self.path}: the run is not finished; run the same command again to finish it.")
        with self._checked(_SUMMARY):
            return Summary.of_record(self._read_object(_SUMMARY))

    def write_summary(self, summary: Summary) -> None:
        """Records what the run has come to; how far it was is of no more use."""
        self._write_json(_SUMMARY, dataclasses.asdict(summary))
        over = (self.path / _PROGRESS, self.growing, *([self.path / _TAKEN] if summary.is_over else ()))
        for path in over:
            shutil.rmtree(path, ignore_errors=True)

    @property
    def summary_path(self) -> Path:
        """Where the summary is, once the run has ended."""
        return self.path / _SUMMARY

    def remove_summary(self) -> None:
        """From here on the run has not ended."""
        self.summary_path.unlink(missing_ok=True)

    # --- loops ------------------------------------------------------------------------------------------------------

    def write_loop(self, stage: str, report: Mapping[str, Any]) -> None:
        """Records how the loop of a stage ended."""
        self._write_json(f"{stage}.json", report)

    def loop(self, stage: str) -> dict[str, Any] | None:
        """How the loop of a stage ended; None where it has not, or there is none."""
        name = f"{stage}.json"
        return self._read_object(name) if (self.path / name).is_file() else None

    def write_progress(self, stage: str, progress: Mapping[str, Any]) -> None:
        """Records how far the loop of a stage is, for who looks on; nothing is read from it by a run."""
        self._write_json(f"{_PROGRESS}/{stage}.json", progress)

    def progress(self) -> dict[str, dict[str, Any]]:
        """By stage how far its loop is: `admitted` of `wanted`; without those of which nothing can be read."""
        found = {}
        for path in sorted((self.path / _PROGRESS).glob("*.json")):
            try:
                found[path.stem] = {name: int(json.loads(path.read_text())[name]) for name in ("admitted", "wanted")}
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return found

    def taken_rows(self, stage: str, depends_on: Mapping[str, Any], columns: Sequence[str]) -> TakenRows:
        """The rows that the loop of a stage has made of answers, until there is nothing left to ask.

        Args:
            depends_on: what makes other rows of the same answers, beside what the run has read.
            columns: of a row.
        """
        config = self.config() if self.is_run else {}
        read = {name: config.get(name) for name in RECORDED}
        return TakenRows(self.path / _TAKEN / f"{stage}.jsonl", {**depends_on, "read": read}, columns)

    def write_shares(self, shares: Mapping[str, float]) -> None:
        """Records the share of its work that each stage has done, for who looks on."""
        self._write_json(f"{_PROGRESS}/{_SHARES}", shares)

    def shares(self) -> dict[str, float]:
        """By stage the share of its work that it has done; empty where nothing can be read."""
        try:
            found = json.loads((self.path / _PROGRESS / _SHARES).read_text())
            return {str(stage): float(share) for stage, share in found.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def write_pool(self, texts: Sequence[Mapping[str, Any]]) -> None:
        """Records all texts that no later one may be too similar to."""
        self._write_lines("pool.jsonl", texts)

    def sides(self) -> dict[str, Any]:
        """The side of each instruction, by id; empty where none was set apart.

        Raises:
            RunFolderError: if the record is damaged.
        """
        return dict(self._read_lines(_SIDES, lambda row: (str(row["instruction_id"]), row["side"])))

    def write_sides(self, sides: Mapping[str, str]) -> None:
        """Records the side of each instruction."""
        self._write_lines(_SIDES, ({"instruction_id": name, "side": side} for name, side in sides.items()))

    def texts_kept_clear(self) -> list[dict[str, str]]:
        """What is evaluated on beside this run, each text with its `source`; nothing where there is none.

        Raises:
            RunFolderError: if the record is damaged.
        """
        return self._read_lines(_KEPT_CLEAR, lambda row: {"text": str(row["text"]), "source": str(row["source"])})

    def write_texts_kept_clear(self, texts: Sequence[Mapping[str, str]]) -> None:
        """Records what is evaluated on beside this run."""
        self._write_lines(_KEPT_CLEAR, texts)

    # --- the dataset ------------------------------------------------------------------------------------------------

    @property
    def has_dataset(self) -> bool:
        """Whether there is a dataset."""
        return self.dataset_path.is_dir()

    def has_config(self, config: str) -> bool:
        """Whether this is a run whose dataset has such a config."""
        return self.is_run and bool(config) and (self.dataset_path / config / "dataset_dict.json").is_file()

    def check_dataset_place(self) -> None:
        """Whether a dataset can be put in its place.

        Raises:
            RunFolderError: if there is a link or a file.
        """
        path = self.dataset_path
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            kind = "link" if path.is_symlink() else "file"
            raise RunFolderError(f"{path}: is a {kind}, and a folder must be there; move it, or choose another --out.")

    def has_whole_dataset(self) -> bool:
        """Whether every config of the run is there and can be read."""
        from datasets import load_from_disk

        names = self.description().get("configs") or ("instances", "instructions", "rejected", "sft")
        try:
            return all(load_from_disk(str(self.dataset_path / name))["train"] is not None for name in names)
        except Exception:  # whatever is wrong with the files: they are written again
            return False

    def clear_drafts(self) -> None:
        """Removes what processes that were killed have left half-written."""
        clear_drafts(self.path)

    def dataset(self) -> Distiset:
        """All configs, as distilabel has them.

        Raises:
            RunFolderError: if there is none, or it is damaged.
        """
        from distilabel_selfinstruct.data.dataset import load_dataset

        return load_dataset(self.dataset_path)

    def dataset_config(self, name: str) -> Dataset:
        """The rows of a config that a dataset cannot be without.

        Raises:
            RunFolderError: if it is not there, or damaged.
        """
        from distilabel_selfinstruct.data.dataset import load_config, no_dataset

        if not self.has_dataset:
            raise no_dataset(self.dataset_path)
        return load_config(self.dataset_path / name)["train"]

    def configs(self) -> dict[str, DatasetDict]:
        """All configs by name, read without distilabel.

        Raises:
            RunFolderError: if there is none, or one is damaged.
        """
        from distilabel_selfinstruct.data.dataset import load_configs

        return load_configs(self.dataset_path)

    def tables(self) -> dict[str, pa.Table]:
        """All configs as tables, mapped into memory and not read; none where there are none.

        Raises:
            RunFolderError: if one is damaged.
        """
        from distilabel_selfinstruct.data.dataset import is_config, load_config

        folders = sorted(self.dataset_path.iterdir()) if self.has_dataset else []
        return {path.name: load_config(path)["train"].data.table for path in folders if is_config(path)}

    def rows(self, config: str, columns: Sequence[str] | None = None) -> Sequence[dict[str, Any]]:
        """The rows of a config, with those of these columns that it has; none where there is no such config.

        They are read as they are asked for: a list of all rows of a large run takes gigabytes.

        Raises:
            RunFolderError: if it is damaged.
        """
        from distilabel_selfinstruct.data.dataset import StoredRows, is_config, load_config

        folder = self.dataset_path / config
        if not is_config(folder):
            return []
        dataset = load_config(folder)["train"]
        names = [name for name in dataset.column_names if columns is None or name in columns]
        return StoredRows(dataset.data.table.select(names))

    def save_dataset(self, distiset: Distiset, columns: dict[str, list[str]]) -> None:
        """Writes all configs, each with exactly its columns; whole or not at all."""
        from distilabel_selfinstruct.data.dataset import save_dataset

        save_dataset(distiset, columns, self.dataset_path, columns_of(self.recipe()))

    def save_config(self, config: str, rows: Sequence[dict[str, Any]], features: Features) -> None:
        """Writes one config, whole or not at all."""
        from distilabel_selfinstruct.data.dataset import save_config

        save_config(rows, features, self.dataset_path / config)

    def keep_pipeline(self, path: str | Path) -> None:
        """Keeps distilabel's description of the pipeline, and removes its cache: the dataset holds all of it."""
        shutil.copyfile(path, self.pipeline)
        shutil.rmtree(self.cache, ignore_errors=True)

    def pipeline_description(self) -> dict[str, Any] | None:
        """distilabel's description of the pipeline; None where there is none.

        Raises:
            RunFolderError: if it is damaged.
        """
        return self._read_yaml(PIPELINE) if self.pipeline.is_file() else None

    def remove_report(self) -> None:
        """Removes the report, which is of rows that were there before."""
        shutil.rmtree(self.report.path, ignore_errors=True)

    # --- evaluations of what was trained on it ----------------------------------------------------------------------

    def evaluations(self, of_record: Callable[[dict[str, Any]], T]) -> list[T]:
        """What evaluations have found; nothing where the run names none.

        Raises:
            RunFolderError: if the record is damaged.
        """
        if not (self.path / _EVALUATIONS).is_file():
            return []
        with self._checked(_EVALUATIONS):
            return [of_record(record) for record in self._read_json(_EVALUATIONS)]

    def write_evaluations(self, found: Sequence[Mapping[str, Any]]) -> None:
        """Records what evaluations have found."""
        self._write_json(_EVALUATIONS, list(found))

    # --- the review: the truth, whatever becomes of a server ---------------------------------------------------------

    def review_rows(self, name: _Gathered, of_row: Callable[[dict[str, Any]], T]) -> list[T]:
        """What the review has gathered: `records` that were pushed, `pushes`, and `answers`, in their order.

        Args:
            name: of what.
            of_row: makes one of it of a row.

        Raises:
            RunFolderError: if the file is damaged.
        """
        return self._read_lines(f"review/{name}.jsonl", of_row)

    def write_review_rows(self, name: _Gathered, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes all that the review has gathered of something."""
        self._write_lines(f"review/{name}.jsonl", rows)

    def review_record(self, name: _Found, of_record: Callable[[Any], T]) -> T | None:
        """What the review has found; None where there is nothing.

        Args:
            name: `annotators`: who is behind the pseudonyms; `quality`; `judge`: what models as judges say.
            of_record: makes it of what was recorded.

        Raises:
            RunFolderError: if the file is damaged.
        """
        path = f"review/{name}.json"
        if not (self.path / path).exists():
            return None
        with self._checked(path):
            return of_record(self._read_json(path))

    def write_review_record(self, name: _Found, record: Any) -> None:
        """Writes what the review has found."""
        self._write_json(f"review/{name}.json", record)
