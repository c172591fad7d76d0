"""RunFolder: the only reader and writer of the files of a run."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from datasets import Features, Value

from distilabel_selfinstruct.data.columns import describe_configs
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.summary import Summary
from distilabel_selfinstruct.errors import ConfigError, RunFolderError
from distilabel_selfinstruct.hub import contents
from distilabel_selfinstruct.recipe import Column, Reason, Recipe, Stage, get_recipe
from distilabel_selfinstruct.report import write_report
from distilabel_selfinstruct.report.card import CardFacts, render_card
from distilabel_selfinstruct.report.rows import read_run
from distilabel_selfinstruct.review import pull_review, push_review, read_agreements, read_quality, review_seeds
from distilabel_selfinstruct.review.store import ReviewStore
from distilabel_selfinstruct.usage import Usage
from tests.conftest import ROOT
from tests.report.run_rows import INSTANCES, INSTRUCTIONS, REJECTED, SEEDS, write_run
from tests.review.runs import fill_in, verdicts

DEEP = 5_000  # levels
DAMAGE = {
    "empty": b"",
    "list": b"[1, 2]",
    "text": b"only words",
    "number": b"7",
    "deep list": b"[" * (DEEP // 3),  # for which YAML takes seconds otherwise
    "deep list, closed": b"[" * (DEEP // 3) + b"]" * (DEEP // 3),
    "deep object": b'{"a": ' * DEEP + b"1" + b"}" * DEEP,
    "NUL": b"recipe: a\0b",
    "only NUL": b"\0" * 4096,  # what a crash of the machine leaves of a file
    "no UTF-8": b"recipe: \xff\xfe",
    "cut": b'{"recipe": "self-ins',
}
damaged = pytest.mark.parametrize("content", [pytest.param(each, id=name) for name, each in DAMAGE.items()])
SUMMARY = Summary(
    ended="complete",
    admitted=5,
    wanted=5,
    candidates=9,
    prompts=4,
    instances=5,
    rejected={"bootstrap": {"similar": 1}},
    failed=0,
    usage={"bootstrap": Usage(4, 0, 400, 40, 2.5)},
    seconds=3.5,
    cost=0.25,
    rows={"pairs": 2},
    notes=["Well done."],
)
MOODS = Recipe(
    name="moods",
    title="Moods of a Model",
    url="https://example.org/moods",
    makes="moods",
    stages=(
        Stage("bootstrap", "First Mood", "candidate", (Reason("similar", "felt that before"),), asks="rounds"),
        Stage("classification", "Kind of Mood", "instruction"),
        Stage("instances", "Last Mood", "instance", (Reason("duplicate", "felt that already"),)),
    ),
    how=("**First Mood.** The model says how it is.",),
    citation="@misc{moods}",
    columns={"mood": Column("how the model was")},
    configs={"moods": "All moods there were."},
    prompts_version=7,
)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run that has begun."""
    folder = RunFolder(tmp_path / "run")
    folder.make()
    folder.write_config({"recipe": "self-instruct", "preset": "default"})
    return folder


@pytest.fixture
def of_moods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A finished run of a recipe that is not installed here, as no other is."""
    run = RunFolder(tmp_path / "run")
    rows = {"instructions": INSTRUCTIONS, "instances": [{**row, "mood": "calm"} for row in INSTANCES]}
    write_run(run.path, rejected=REJECTED, seeds=SEEDS, moods=[{"mood": "calm"}], **rows)
    run.write_config({"recipe": "moods", "prompts_version": 7, "num_instructions": 5})
    run.write_description({"recipe": MOODS.record(), **describe_configs({"moods": ["mood"]}, MOODS)})
    run.write_summary(SUMMARY)
    monkeypatch.setattr("distilabel_selfinstruct.recipe._own_recipes", dict)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [])
    with pytest.raises(ConfigError):
        get_recipe("self-instruct")
    return run


def message(caught: pytest.ExceptionInfo[Exception]) -> str:
    said = str(caught.value)
    assert "\n" not in said
    return said


# --- a folder --------------------------------------------------------------------------------------------------------


def test_a_run_is_opened(folder: RunFolder) -> None:
    assert RunFolder.open(folder.path).config() == {"recipe": "self-instruct", "preset": "default"}
    assert (folder.name, str(folder), folder.is_run) == ("run", str(folder.path), True)


@pytest.mark.parametrize("what", ["nothing", "empty", "file", "other", "folder config.yaml"])
def test_what_is_no_run_is_not_opened(tmp_path: Path, what: str) -> None:
    path = tmp_path / "run"
    if what == "file":
        path.write_text("recipe: self-instruct")
    elif what != "nothing":
        path.mkdir()
    if what == "other":
        (path / "notes.txt").write_text("mine")
    elif what == "folder config.yaml":
        (path / "config.yaml").mkdir()
    with pytest.raises(RunFolderError) as caught:
        RunFolder.open(path)
    assert message(caught) == f"{path}: is no run folder; give the folder that a pipeline wrote (its --out)."
    assert not RunFolder(path).is_run
    with pytest.raises(RunFolderError, match=r"is no run folder; there is no config\.yaml in it\.$"):
        RunFolder(path).config()


def test_a_folder_goes_wherever_a_path_goes(folder: RunFolder) -> None:
    assert Path(folder) == folder.path
    assert os.fspath(folder) == str(folder.path)
    assert RunFolder(folder).path == RunFolder(str(folder)).path == folder.path


def test_a_folder_is_empty_where_a_run_would_write_over_nothing(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert folder.is_empty
    folder.make()
    with folder.locked():
        assert folder.is_empty
    assert folder.is_empty
    folder.write_config({})
    assert not folder.is_empty


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError) as caught:
        RunFolder(tmp_path / "file" / "run").make()
    assert message(caught).endswith("cannot be made (Not a directory); choose another --out.")


def test_one_process_is_at_work_at_a_time(folder: RunFolder) -> None:
    with folder.locked(), pytest.raises(RunFolderError) as caught, RunFolder(folder.path).locked():
        pass
    assert message(caught) == f"{folder}: another process is at work here; wait for it, or choose another folder."
    with pytest.raises(ZeroDivisionError), folder.locked():
        raise ZeroDivisionError
    with folder.locked():  # it is free again after both
        pass


# --- what the run is -------------------------------------------------------------------------------------------------


def test_the_config_is_read_back_in_its_order(folder: RunFolder) -> None:
    config = {"recipe": "topics", "model": "Größe ✓", "seeds": ["a: b"], "num_instructions": 3, "judge_model": None}
    folder.write_config(config)
    assert list(folder.config().items()) == list(config.items())
    assert "Größe ✓" in (folder.path / "config.yaml").read_text(encoding="utf-8")


@damaged
def test_a_damaged_config_is_one_clear_line(folder: RunFolder, content: bytes) -> None:
    _check_config(folder, content)


@pytest.mark.parametrize("content", [b"recipe: [", b"recipe: *x", b"? [a]\n: b", b"!!python/object:os.system x"])
def test_a_config_that_is_no_yaml_is_one_clear_line(folder: RunFolder, content: bytes) -> None:
    _check_config(folder, content)


def _check_config(folder: RunFolder, content: bytes) -> None:
    path = folder.path / "config.yaml"
    path.write_bytes(content)
    assert folder.is_run
    with pytest.raises(RunFolderError) as caught:
        folder.recipe()
    assert message(caught) == f"{path}: is damaged; restore it from a copy, or choose another folder."


def test_the_recipe_is_that_which_was_recorded(folder: RunFolder) -> None:
    recorded = dataclasses.replace(get_recipe("self-instruct"), title="Self-Instruct, of old")
    folder.write_description({"recipe": recorded.record(), "versions": {"distilabel": "1.5.3"}})
    assert folder.recipe().title == "Self-Instruct, of old"
    assert folder.recipe().stages == recorded.stages
    assert folder.description()["versions"] == {"distilabel": "1.5.3"}


@damaged
def test_a_damaged_recipe_is_one_clear_line(folder: RunFolder, content: bytes) -> None:
    _check_recipe(folder, content)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"recipe": None},
        {"recipe": "self-instruct"},
        {"recipe": {"name": "self-instruct"}},
        {"recipe": {**MOODS.record(), "columns": ["mood"]}},
        {"recipe": {**MOODS.record(), "stages": {"bootstrap": 1}}},
        {"recipe": {**MOODS.record(), "stages": [{"name": "bootstrap"}]}},
    ],
)
def test_a_recipe_of_another_kind_is_one_clear_line(folder: RunFolder, content: dict[str, Any]) -> None:
    _check_recipe(folder, json.dumps(content).encode())


def _check_recipe(folder: RunFolder, content: bytes) -> None:
    path = folder.path / "recipe.json"
    path.write_bytes(content)
    with pytest.raises(RunFolderError) as caught:
        folder.recipe()
    assert message(caught) == f"{path}: is damaged; restore it from a copy, or choose another folder."


# --- of version 0.1.0, which recorded the name of the recipe only ----------------------------------------------------


@pytest.mark.parametrize(("config", "name"), [({"recipe": "topics"}, "topics"), ({"preset": "paper"}, "self-instruct")])
def test_a_run_of_0_1_0_has_the_recipe_of_its_name(folder: RunFolder, config: dict[str, Any], name: str) -> None:
    folder.write_config(config)
    assert folder.recipe() is get_recipe(name)
    assert folder.description() == {}


@pytest.mark.parametrize("name", ["moods", ["self-instruct"], 3])
def test_a_run_of_0_1_0_whose_recipe_is_not_there(folder: RunFolder, name: Any) -> None:
    folder.write_config({"recipe": name})
    with pytest.raises(ConfigError) as caught:
        folder.recipe()
    assert message(caught).startswith(f"There is no recipe {str(name)!r}")
    assert "; there are: self-instruct, " in message(caught)


# --- what it has come to ---------------------------------------------------------------------------------------------


def test_a_summary_is_read_back_as_it_was_written(folder: RunFolder) -> None:
    folder.write_summary(SUMMARY)
    assert folder.summary() == SUMMARY


def test_progress_is_told_until_the_run_has_ended(folder: RunFolder) -> None:
    assert folder.shares() == {}
    folder.write_shares({"bootstrap": 0.25, "answers": 0.0})
    assert folder.shares() == {"bootstrap": 0.25, "answers": 0.0}
    folder.write_progress("bootstrap", {"admitted": 3, "wanted": 12, "prompts": 2})
    (folder.path / "progress" / "topics.json").write_text('{"admitted": "half')
    assert folder.progress() == {"bootstrap": {"admitted": 3, "wanted": 12}}
    folder.write_summary(SUMMARY)
    assert folder.progress() == {}
    assert not (folder.path / "progress").exists()


def test_what_a_later_version_adds_to_a_summary_is_passed_over(folder: RunFolder) -> None:
    folder.write_summary(SUMMARY)
    path = folder.path / "summary.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "weather": "fine"}))
    assert folder.summary() == SUMMARY


def test_a_run_without_a_summary_has_not_ended(folder: RunFolder) -> None:
    folder.write_summary(SUMMARY)
    folder.remove_summary()
    folder.remove_summary()
    assert not folder.has_summary
    with pytest.raises(RunFolderError) as caught:
        folder.summary()
    assert message(caught) == f"{folder}: the run is not finished; run the same command again to finish it."


@damaged
def test_a_damaged_summary_is_one_clear_line(folder: RunFolder, content: bytes) -> None:
    _check_summary(folder, content)


@pytest.mark.parametrize(
    "change",
    [
        {"admitted": "many"},
        {"admitted": None},
        {"usage": []},
        {"usage": {"bootstrap": 3}},
        {"usage": {"bootstrap": {"requests": "all"}}},
        {"rejected": {"bootstrap": 1}},
        {"notes": "none"},
        {"ended": 1},
    ],
)
def test_a_summary_of_another_kind_is_one_clear_line(folder: RunFolder, change: dict[str, Any]) -> None:
    _check_summary(folder, json.dumps({**dataclasses.asdict(SUMMARY), **change}).encode())


def test_a_summary_with_something_missing_is_one_clear_line(folder: RunFolder) -> None:
    record = dataclasses.asdict(SUMMARY)
    later = {"main_config", "main_rows", "outcomes"}  # that 0.1.0 did not record
    for name in record.keys() - {"rows", "notes"} - later:
        _check_summary(folder, json.dumps({key: value for key, value in record.items() if key != name}).encode())


def _check_summary(folder: RunFolder, content: bytes) -> None:
    path = folder.path / "summary.json"
    path.write_bytes(content)
    assert folder.has_summary
    with pytest.raises(RunFolderError) as caught:
        folder.summary()
    assert message(caught) == f"{path}: is damaged; delete it, and the run is put together again."


def test_how_a_loop_ended(folder: RunFolder) -> None:
    assert folder.loop("bootstrap") is None
    folder.write_loop("bootstrap", {"ended": "complete", "admitted": 3})
    assert folder.loop("bootstrap") == {"ended": "complete", "admitted": 3}
    (folder.path / "bootstrap.json").write_bytes(DAMAGE["cut"])
    with pytest.raises(RunFolderError, match=r"bootstrap\.json: is damaged; "):
        folder.loop("bootstrap")


def test_distilabels_description_is_kept_and_its_cache_goes(folder: RunFolder, tmp_path: Path) -> None:
    assert folder.pipeline_description() is None
    folder.cache.mkdir()
    (folder.cache / "pipeline.yaml").write_text("pipeline: {steps: []}\n")
    folder.keep_pipeline(folder.cache / "pipeline.yaml")
    assert folder.pipeline_description() == {"pipeline": {"steps": []}}
    assert not folder.cache.exists()
    folder.pipeline.write_text("pipeline: [")
    with pytest.raises(RunFolderError, match=r"pipeline\.yaml: is damaged; "):
        folder.pipeline_description()


# --- the dataset -----------------------------------------------------------------------------------------------------


def test_rows_come_with_the_columns_that_are_there(folder: RunFolder) -> None:
    rows = [{"instruction": "Sing.", "mood": "calm"}, {"instruction": "Hum.", "mood": None}]
    folder.dataset_path.mkdir()
    folder.save_config("moods", rows, Features({"instruction": Value("string"), "mood": Value("string")}))
    assert folder.has_dataset
    assert list(folder.rows("moods")) == rows
    assert list(folder.rows("moods", ["mood", "no such column"])) == [{"mood": "calm"}, {"mood": None}]
    assert folder.rows("no such config") == []
    assert folder.configs().keys() == folder.dataset().keys() == {"moods"}
    assert folder.dataset()["moods"]["train"].to_list() == folder.configs()["moods"]["train"].to_list() == rows


def test_without_a_dataset_there_are_no_rows(folder: RunFolder) -> None:
    assert not folder.has_dataset
    assert folder.rows("instances") == []
    for read in (folder.configs, folder.dataset):
        with pytest.raises(RunFolderError, match="there is no dataset; run the pipeline to its end first"):
            read()


@pytest.mark.parametrize("name", ["state.json", "dataset_info.json", "data-00000-of-00001.arrow"])
def test_a_damaged_dataset_is_one_clear_line(folder: RunFolder, name: str) -> None:
    folder.dataset_path.mkdir()
    folder.save_config("moods", [{"mood": "calm"}], Features({"mood": Value("string")}))
    [path] = folder.path.rglob(name)
    path.write_bytes(b"\0" * 16)
    for read in (folder.configs, folder.dataset, lambda: folder.rows("moods")):
        with pytest.raises(RunFolderError) as caught:
            read()
        said = message(caught)
        assert said.startswith(f"{folder.dataset_path / 'moods'}: is damaged (")
        assert said.endswith(
            f"); delete {folder.dataset_path} and run the same command again: what was answered is kept."
        )


def test_a_config_that_lacks_its_list_of_splits_is_damaged_and_not_left_out(folder: RunFolder) -> None:
    folder.dataset_path.mkdir()
    for name in ("moods", "tones"):
        folder.save_config(name, [{"mood": "calm"}], Features({"mood": Value("string")}))
    (folder.dataset_path / "moods" / "dataset_dict.json").unlink()
    for read in (folder.configs, folder.dataset, lambda: folder.dataset_config("moods")):
        with pytest.raises(RunFolderError, match=r"moods: is damaged \("):
            read()
    assert folder.dataset_config("tones").to_list() == [{"mood": "calm"}]


def test_a_config_that_is_not_there_is_one_clear_line(folder: RunFolder) -> None:
    with pytest.raises(RunFolderError, match="there is no dataset; run the pipeline to its end first"):
        folder.dataset_config("instances")
    (folder.dataset_path / "seeds").mkdir(parents=True)
    with pytest.raises(RunFolderError, match=r"instances: is damaged \("):
        folder.dataset_config("instances")


# --- the review ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param(name, content, id=f"{name}-{damage}")
        for name in ("records.jsonl", "pushes.jsonl", "answers.jsonl", "annotators.json", "judge.json")
        for damage, content in DAMAGE.items()
        if content or name.endswith(".json")  # no lines are no damage
    ],
)
def test_a_damaged_review_is_one_clear_line(of_moods: RunFolder, tmp_path: Path, name: str, content: bytes) -> None:
    push_review(of_moods, to_file=tmp_path / "review.csv")
    fill_in(tmp_path / "review.csv", dict.fromkeys(ReviewStore(of_moods).records(), verdicts("yyy")))
    pull_review(of_moods)
    path = of_moods.path / "review" / name
    path.write_bytes(content)
    with pytest.raises(RunFolderError) as caught:
        read_agreements(of_moods) if name == "judge.json" else pull_review(of_moods)
    assert message(caught).startswith(f"{path}: is damaged; ")


# --- without the recipe ----------------------------------------------------------------------------------------------


def test_the_recipe_of_a_run_is_known_where_it_is_not_installed(of_moods: RunFolder) -> None:
    assert of_moods.recipe() == MOODS


@pytest.mark.slow
def test_a_report_needs_no_recipe(of_moods: RunFolder) -> None:
    assert read_run(of_moods).recipe == MOODS
    written = write_report(str(of_moods), usage=SUMMARY.usage)
    assert written == of_moods.report.page
    page = written.read_text(encoding="utf-8")
    for title in ("First Mood", "Kind of Mood", "Last Mood"):
        assert title in page
    for meaning in ("felt that before", "felt that already"):
        assert meaning in page


def test_a_review_needs_no_recipe(of_moods: RunFolder, tmp_path: Path) -> None:
    push_review(of_moods, to_file=tmp_path / "review.csv")
    fill_in(tmp_path / "review.csv", dict.fromkeys(ReviewStore(of_moods).records(), verdicts("yyy")))
    quality = pull_review(of_moods)
    assert quality.makers == {"candidate": "First Mood", "instance": "Last Mood"}
    assert read_quality(of_moods) == quality
    assert [row["mood"] for row in of_moods.rows("curated")] == ["calm"] * len(INSTANCES)
    assert review_seeds(of_moods, tmp_path / "seeds.jsonl") > 0


@pytest.mark.slow
def test_what_is_published_needs_no_recipe(of_moods: RunFolder, tmp_path: Path) -> None:
    write_report(of_moods)
    run = contents.read_finished_run(of_moods)
    statistics = contents.statistics_of(run)
    assert [stage.title for stage in statistics.funnel] == ["First Mood", "Kind of Mood", "Last Mood"]
    assert statistics.diversity is not None  # that of the report
    (tmp_path / "draft").mkdir()
    files = contents.write_contents(run, tmp_path / "draft", None)
    assert {"moods/train-00000-of-00001.parquet", "config.yaml", "report/index.html"} <= files.keys()
    card = render_card(
        CardFacts("ada/moods", statistics, run.datasets, run.settings, run.recipe, published=list(files))
    )
    for text in ("[Moods of a Model](https://example.org/moods)", "All moods there were.", "felt that before"):
        assert text in card
    assert "| `mood` | string | how the model was |" in card


@pytest.mark.parametrize("kind", [str, Path, RunFolder])
def test_a_run_is_named_by_text_path_or_folder(of_moods: RunFolder, tmp_path: Path, kind: type[Any]) -> None:
    run = kind(of_moods.path)
    push_review(run, to_file=str(tmp_path / "review.csv"))
    fill_in(tmp_path / "review.csv", dict.fromkeys(ReviewStore(run).records(), verdicts("yyy")))
    quality = pull_review(run, from_file=str(tmp_path / "review.csv"))
    assert (read_quality(run), read_agreements(run), read_run(run).name) == (quality, [], "run")
    assert review_seeds(run, str(tmp_path / "seeds.jsonl"), [str(ROOT / "seeds" / "seed_tasks.jsonl")]) > 0
    assert contents.read_finished_run(run).folder.path == of_moods.path


# --- nobody else -----------------------------------------------------------------------------------------------------

NAMES = {
    "config.yaml", "recipe.json", "learned.json", "summary.json", "pool.jsonl", "run.log", "pipeline.yaml", ".lock",
    "index.html", "statistics.json", "records.jsonl", "pushes.jsonl", "answers.jsonl", "annotators.json",
    "quality.json", "judge.json",
}  # fmt: skip


KEEPERS = {"data/base_folder.py", "data/folder.py", "evaluation/folder.py"}
"""Who knows the names of files of a folder; an evaluation has some of the same name."""


def test_nobody_else_names_the_files_of_a_run() -> None:
    package = ROOT / "distilabel_selfinstruct"
    keepers = {package / name for name in KEEPERS}
    for path in [*package.rglob("*.py"), *(ROOT / "pipelines").glob("*.py")]:
        if path not in keepers:
            named = NAMES & {Path(text).name for text in _texts(path)}
            assert not named, path


def _texts(path: Path) -> Iterator[str]:
    """The texts in a module, but for its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value
