"""Runs on the Hub: pushed by the real huggingface_hub to a server here, and read back by the real datasets."""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import huggingface_hub
import pytest
import yaml
from datasets import Dataset, DatasetDict
from distilabel.distiset import Distiset
from filelock import FileLock

from distilabel_selfinstruct.data.dataset import load_dataset, save_dataset
from distilabel_selfinstruct.data.documents import read_documents
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.instructions import read_instructions
from distilabel_selfinstruct.data.sources import read_source
from distilabel_selfinstruct.data.summary import Summary
from distilabel_selfinstruct.errors import ConfigError, RunFolderError
from distilabel_selfinstruct.hub import HubError, check_push, client, contents, distiset_from_hub, push_run
from distilabel_selfinstruct.recipe import get_recipe
from distilabel_selfinstruct.report.card import split_card
from distilabel_selfinstruct.runs.config import read_config, read_config_file
from distilabel_selfinstruct.steps.select import INSTANCE_COLUMNS, INSTRUCTION_COLUMNS, REJECTED_COLUMNS
from distilabel_selfinstruct.usage import Usage
from distilabel_selfinstruct.version import __version__
from tests.conftest import ROOT, WITHOUT_REPORT, Script, ScriptRun
from tests.hub.conftest import SECRET
from tests.support.hub_server import Fault, HubServer, Repository
from tests.support.waiting import LIMIT

pytestmark = [
    # The client's own way of uploading without Xet.
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]
NAME = "ada/tasks"
COMMIT, UPLOAD = "/commit/main", "/lfs/"
SEED = {
    "id": "seed_task_0", "name": "greeting", "instruction": "Greet the person.", "is_classification": False,
    "instances": [{"input": "Ada", "output": "Hello Ada"}],
}  # fmt: skip
CONFIG = {
    "llm": "openai", "model": "acme/tiny-1b", "base_url": "https://ada:pass1234@models.example/v1?api_key=secret99",
    "num_instructions": 3, "seeds": ["/home/ada/private/seeds.jsonl"], "preset": "default", "seed": 0, "lag": 12,
    "recipe": "self-instruct", "prompts_version": 1, "seed_tasks": "10742c609ebbffea", "package_version": "0.1.0",
}  # fmt: skip


def make_run(folder: Path, instances: int = 3, rejected: int = 1, **changes: Any) -> Path:
    """A run folder as a finished run leaves it; `changes` are those of its summary."""
    made = [
        dict.fromkeys(INSTANCE_COLUMNS) | {
            "instance_id": f"00000{number}-00-0", "instruction_id": f"00000{number}-00", "input": "",
            "instruction": f"Write the number {number} and the one that follows.", "output": f"{number}, {number + 1}",
            "is_classification": False, "round": 0, "max_similarity": 0.5, "input_tokens": 7,
            "model_name": "acme/tiny-1b",
        }
        for number in range(instances)
    ]  # fmt: skip
    rows: dict[str, list[dict[str, Any]]] = {
        "instances": made,
        "instructions": [
            {name: row.get(name) for name in INSTRUCTION_COLUMNS} | {"most_similar": [{"id": SEED["id"], "score": 0.5}]}
            for row in made
        ],
        "rejected": [
            {**dict.fromkeys(REJECTED_COLUMNS), "stage": "bootstrap", "reason": "too_short", "instruction": "Sing."}
        ] * rejected,
        "seeds": [SEED],
        "sft": [{"messages": [{"role": "user", "content": row["instruction"]}]} for row in made],
    }  # fmt: skip
    columns = {
        "instances": list(INSTANCE_COLUMNS), "instructions": list(INSTRUCTION_COLUMNS),
        "rejected": list(REJECTED_COLUMNS), "seeds": list(SEED), "sft": ["messages"],
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    distiset = Distiset({name: DatasetDict({"train": Dataset.from_list(each)}) for name, each in rows.items() if each})
    save_dataset(distiset, columns, folder / "dataset")
    summary = {
        "ended": "complete", "admitted": instances, "wanted": 3, "candidates": instances, "prompts": 1,
        "instances": instances, "rejected": {}, "failed": 0, "usage": {"bootstrap": Usage(requests=1)}, "seconds": 1.0,
        "cost": 0.0,
    }  # fmt: skip
    RunFolder(folder).write_summary(Summary(**{**summary, **changes}))
    RunFolder(folder).write_config(CONFIG)
    steps = {
        "pipeline": {"steps": [{"name": "bootstrap", "llm": {"api_key": "key-of-mine", "folder": "/home/ada/run"}}]}
    }
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(steps))
    (folder / "completions").mkdir(exist_ok=True)
    (folder / "completions" / "bootstrap.sqlite").write_text("paid for, and private")
    return folder


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run for all tests of this file, which each take a copy."""
    return make_run(tmp_path_factory.mktemp("finished") / "run")


@pytest.fixture
def run_folder(finished_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


def push(folder: Path, **options: Any) -> str:
    return push_run(folder, NAME, **options)


def metadata(repository: Repository) -> dict[str, Any]:
    return split_card(repository.files["README.md"].decode())[0]


def nothing_was_changed(hub: HubServer) -> bool:
    """Whether all that was asked was who the token belongs to."""
    return not [request for request in hub.requests if request[0] != "GET"] and not hub.repositories


# --- what is there after a push -----------------------------------------------------------------------------------


def test_everything_comes_in_one_commit(hub: HubServer, run_folder: Path) -> None:
    assert push(run_folder, script=ROOT / "pipelines" / "self_instruct.py") == f"{hub.url}/datasets/{NAME}"

    repository = hub.repositories[NAME]
    assert [commit.title for commit in repository.commits] == [
        "initial commit", "Self-Instruct: 3 instructions, 3 instances",
    ]  # fmt: skip
    assert set(repository.files) == {
        ".gitattributes", "README.md", "config.yaml", "pipeline.yaml", "seed_tasks.jsonl", "self_instruct.py",
        "instances/train-00000-of-00001.parquet", "instructions/train-00000-of-00001.parquet",
        "rejected/train-00000-of-00001.parquet", "seeds/train-00000-of-00001.parquet",
        "sft/train-00000-of-00001.parquet",
    }  # fmt: skip
    assert not repository.private


@pytest.mark.slow  # draws figures
def test_the_report_of_these_rows_comes_too(hub: HubServer, run_folder: Path) -> None:
    write_report_files(run_folder)

    push(run_folder)

    files = hub.repositories[NAME].files
    assert files["report/figures/funnel.png"].startswith(b"\x89PNG")
    assert files["report/index.html"] == b"<h1>run</h1>"
    assert "](report/index.html)" in files["README.md"].decode()
    assert "](report/figures/funnel.png)" in files["README.md"].decode()


def test_the_report_of_other_rows_stays_at_home(hub: HubServer, run_folder: Path) -> None:
    write_report_files(run_folder)
    make_run(run_folder, instances=4)

    push(run_folder)

    assert not [path for path in hub.repositories[NAME].files if path.startswith("report/")]


def write_report_files(folder: Path) -> None:
    from distilabel_selfinstruct.report.statistics import write_statistics

    (folder / "report").mkdir()
    (folder / "report" / "index.html").write_text("<h1>run</h1>")
    run = contents.read_finished_run(folder)
    write_statistics(contents.statistics_of(run), folder / "report" / "statistics.json")


@pytest.mark.slow  # draws figures
def test_the_report_of_version_0_1_0_comes_too(hub: HubServer, run_folder: Path) -> None:
    """Its statistics have neither titles nor meanings."""
    write_report_files(run_folder)
    path = run_folder / "report" / "statistics.json"
    values = json.loads(path.read_text())
    del values["titles"]
    for stage in values["funnel"]:
        del stage["title"], stage["meanings"]
    path.write_text(json.dumps(values))

    push(run_folder)

    files = hub.repositories[NAME].files
    assert files["report/figures/funnel.png"].startswith(b"\x89PNG")
    assert "<details><summary>Bootstrap: what was rejected, and why" in files["README.md"].decode()
    assert "| too short | 1 |" in files["README.md"].decode()


@pytest.mark.parametrize("content", ["", "[]", '{"funnel": [1]}', '{"funnel": []}', "[" * 5000])
def test_a_damaged_report_stays_at_home(hub: HubServer, run_folder: Path, content: str) -> None:
    write_report_files(run_folder)
    (run_folder / "report" / "statistics.json").write_text(content)

    push(run_folder)

    assert not [path for path in hub.repositories[NAME].files if path.startswith("report/")]


def test_a_run_of_a_recipe_that_is_not_installed(
    hub: HubServer, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(get_recipe("self-instruct"), name="moods", title="Moods of a Model")
    RunFolder(run_folder).write_description({"recipe": recipe.record()})
    RunFolder(run_folder).write_config({**CONFIG, "recipe": "moods"})
    monkeypatch.setattr("distilabel_selfinstruct.recipe._own_recipes", dict)

    push(run_folder)

    repository = hub.repositories[NAME]
    assert repository.commits[-1].title == "Moods of a Model: 3 instructions, 3 instances"
    assert "moods" in metadata(repository)["tags"]


def test_a_run_is_named_by_a_text_too(hub: HubServer, run_folder: Path) -> None:
    (run_folder / "mine.py").write_text("print('mine')\n")

    push_run(str(run_folder), NAME, script=str(run_folder / "mine.py"))

    assert hub.repositories[NAME].files["mine.py"] == b"print('mine')\n"


def test_a_private_repository_is_made(hub: HubServer, run_folder: Path) -> None:
    push(run_folder, private=True)

    assert hub.repositories[NAME].private


def test_an_organisation_can_be_pushed_to(hub: HubServer, run_folder: Path) -> None:
    push_run(run_folder, "lab/tasks")

    assert "instances/train-00000-of-00001.parquet" in hub.repositories["lab/tasks"].files


def test_licence_and_language_are_stated(hub: HubServer, run_folder: Path) -> None:
    push(run_folder, license="cc-by-4.0", language=["en", "de"])

    values = metadata(hub.repositories[NAME])
    assert (values["license"], values["language"]) == ("cc-by-4.0", ["en", "de"])


def test_the_config_is_published_without_secrets_and_paths(hub: HubServer, run_folder: Path, tmp_path: Path) -> None:
    push(run_folder)

    text = hub.repositories[NAME].files["config.yaml"].decode()
    (tmp_path / "config.yaml").write_text(text)
    kind = get_recipe("self-instruct").load_config()
    config = read_config({}, read_config_file(str(tmp_path / "config.yaml")), "config.yaml", kind)
    assert config.base_url == "https://***@models.example/v1?api_key=***"
    assert config.seeds == ["seed_tasks.jsonl"]
    assert (config.model, config.num_instructions, config.lag) == ("acme/tiny-1b", 3, 12)
    assert "# prompts_version: 1\n" in text
    steps = yaml.safe_load(hub.repositories[NAME].files["pipeline.yaml"])
    assert steps["pipeline"]["steps"][0]["llm"] == {"api_key": "***", "folder": "run"}


def test_the_seed_tasks_are_published_as_a_seed_file(hub: HubServer, run_folder: Path) -> None:
    push(run_folder)

    lines = hub.repositories[NAME].files["seed_tasks.jsonl"].decode().splitlines()
    assert [json.loads(line) for line in lines] == [SEED]


def test_a_large_config_is_split(hub: HubServer, run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = load_dataset(run_folder / "dataset")["instances"]["train"]

    contents.write_parquet(rows, run_folder / "parquet", shard_bytes=rows.data.nbytes // 2)

    parts = sorted((run_folder / "parquet").iterdir())
    assert [part.name for part in parts] == [f"train-0000{number}-of-00003.parquet" for number in range(3)]
    assert (
        datasets.concatenate_datasets([Dataset.from_parquet(str(part)) for part in parts]).to_list() == rows.to_list()
    )


# --- reading back -------------------------------------------------------------------------------------------------


def test_load_dataset_gives_the_very_rows(hub: HubServer, run_folder: Path) -> None:
    push(run_folder)

    for config, there in load_dataset(run_folder / "dataset").items():
        back = datasets.load_dataset(NAME, config)
        assert back["train"].features == there["train"].features
        assert back["train"].to_list() == there["train"].to_list()
    assert datasets.get_dataset_config_names(NAME) == ["sft", "instances", "instructions", "rejected", "seeds"]


def test_load_dataset_without_a_config_gives_the_rows_that_train(hub: HubServer, run_folder: Path) -> None:
    push(run_folder)

    there = load_dataset(run_folder / "dataset")
    assert datasets.load_dataset(NAME, split="train").to_list() == there["sft"]["train"].to_list()
    assert read_source(NAME) == there["instances"]["train"].to_list()


def test_recipes_start_from_a_dataset_by_its_name(hub: HubServer, run_folder: Path) -> None:
    push(run_folder)

    instances = load_dataset(run_folder / "dataset")["instances"]["train"]
    documents = read_documents(NAME, "output", "instruction", config="instances", split="train[:2]")
    assert [document.text for document in documents] == [text.strip() for text in instances["output"][:2]]
    assert [document.title for document in documents] == instances["instruction"][:2]
    assert read_instructions(NAME, "instructions").texts[0] == instances["instruction"][0]
    said = rf"^{NAME}: there is no such file or folder, and it cannot be read from the Hub \(ValueError: BuilderConfig"
    with pytest.raises(ConfigError, match=said):
        read_documents(NAME, config="no")


def test_a_folder_that_is_not_there_is_said_before_the_hub_is_blamed(hub: HubServer) -> None:
    said = (
        r"^data/articles: there is no such file or folder, and it cannot be read from the Hub \(DatasetNotFoundError:"
    )
    with pytest.raises(ConfigError, match=said):
        read_source("data/articles")


@pytest.mark.slow
def test_a_hub_that_cannot_be_reached_is_one_error_without_noise(script: Script, tmp_path: Path) -> None:
    elsewhere = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "0"}
    result = script("--source", "ada/tasks", "--out", tmp_path / "run", pipeline="evolve", **elsewhere)
    assert result.returncode == 1
    begins, line = result.stderr.splitlines()
    assert begins == f"Evol-Instruct (WizardLM): the embedded demo model, in {tmp_path / 'run'}"
    assert line.startswith("Error: ada/tasks: there is no such file or folder, and it cannot be read from the Hub (")


@pytest.mark.parametrize("kind", ["parquet", "json"])
def test_with_a_limit_a_dataset_is_not_downloaded(kind: str, hub: HubServer, tmp_path: Path) -> None:
    rows = Dataset.from_list([{"title": f"No {number}", "text": f"Text {number}."} for number in range(1000)])
    getattr(rows, f"to_{kind}")(tmp_path / f"train.{kind}")
    name = f"ada/{kind}"  # one each: the client remembers the files of a name
    hub.add_repository(name, {f"train.{kind}": (tmp_path / f"train.{kind}").read_bytes()})

    assert read_documents(name, max_documents=2) == [("No 0", "Text 0."), ("No 1", "Text 1.")]
    assert {status for _, path, status in hub.requests if path.endswith(f"train.{kind}")} == {206}
    assert list(tmp_path.rglob("*.arrow")) == []

    assert len(read_documents(name)) == 1000
    assert len(read_documents(name, split="train[10:]", max_documents=20)) == 20


def test_a_config_without_rows_comes_back_with_its_types(hub: HubServer, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", rejected=0)

    push(folder)

    back = distiset_from_hub(NAME)["rejected"]["train"]
    assert len(back) == 0
    assert back.features == load_dataset(folder / "dataset")["rejected"]["train"].features
    assert "rejected" not in datasets.get_dataset_config_names(NAME)  # `datasets` cannot load a config without rows


def test_the_distiset_comes_back(hub: HubServer, run_folder: Path) -> None:
    push(run_folder)

    back = distiset_from_hub(NAME)

    there = load_dataset(run_folder / "dataset")
    assert isinstance(back, Distiset)
    assert back.keys() == there.keys()
    for config in there:
        assert back[config]["train"].to_list() == there[config]["train"].to_list()
        assert back[config]["train"].features == there[config]["train"].features
    assert yaml.safe_load(Path(back.pipeline_path).read_text())["pipeline"]["steps"][0]["name"] == "bootstrap"


def test_an_earlier_push_can_be_read(hub: HubServer, run_folder: Path) -> None:
    push(run_folder)
    earlier = hub.repositories[NAME].head.sha
    push(make_run(run_folder, instances=2))

    assert len(distiset_from_hub(NAME)["instances"]["train"]) == 2
    assert len(distiset_from_hub(NAME, revision=earlier)["instances"]["train"]) == 3


def test_a_private_dataset_needs_its_token(hub: HubServer, run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push(run_folder, private=True)
    monkeypatch.delenv("HF_TOKEN")

    with pytest.raises(HubError, match=r"Could not read ada/tasks: .*Repository"):
        distiset_from_hub(NAME)
    assert len(distiset_from_hub(NAME, token="hf_reader")["instances"]["train"]) == 3


def test_what_others_pushed_is_not_taken_for_a_run(hub: HubServer) -> None:
    hub.add_repository(NAME, {"data.csv": b"a\n1\n"})

    with pytest.raises(HubError, match="was not pushed by distilabel-selfinstruct"):
        distiset_from_hub(NAME)


# --- pushing again ------------------------------------------------------------------------------------------------


def test_pushing_the_same_again_makes_no_commit(hub: HubServer, run_folder: Path) -> None:
    push(run_folder)
    push(run_folder)

    assert len(hub.repositories[NAME].commits) == 2
    assert hub.count("POST", COMMIT) == 1


def test_pushing_again_updates(hub: HubServer, run_folder: Path) -> None:
    push(run_folder)
    push(make_run(run_folder, instances=5))

    assert len(hub.repositories[NAME].commits) == 3
    assert len(distiset_from_hub(NAME)["instances"]["train"]) == 5


@pytest.mark.slow  # draws figures
def test_what_a_push_no_longer_has_is_deleted_in_the_same_commit(hub: HubServer, run_folder: Path) -> None:
    write_report_files(run_folder)
    push(run_folder)
    hub.repositories[NAME].commit({"instances/train-00001-of-00002.parquet": b"an older shard"})
    shutil.rmtree(run_folder / "dataset" / "sft")
    shutil.rmtree(run_folder / "report")

    push(run_folder)

    repository = hub.repositories[NAME]
    before = repository.commits[-2].files.keys()
    figures = {path for path in before if path.startswith("report/figures/")}
    assert "report/figures/funnel.png" in figures
    assert before - repository.files.keys() == {
        "sft/train-00000-of-00001.parquet", "instances/train-00001-of-00002.parquet", *figures,
    }  # fmt: skip
    assert [config["config_name"] for config in metadata(repository)["configs"]] == [
        "instances", "instructions", "rejected", "seeds",
    ]  # fmt: skip


def test_the_content_of_others_stays(hub: HubServer, run_folder: Path) -> None:
    notes = io.BytesIO()
    Dataset.from_list([{"a": 1, "b": 2}]).to_parquet(notes)
    others = {
        "README.md": b"---\nlicense: mit\nconfigs:\n- config_name: notes\n  data_files: notes.parquet\n---\n# Notes\n",
        "notes.parquet": notes.getvalue(), "data.csv": b"a,b\n1,2\n",
        "sft/mine.txt": b"keep me", "report/figures/mine.png": b"keep me",
        "other/train-00000-of-00001.parquet": b"keep me",
    }  # fmt: skip
    hub.add_repository(NAME, others)

    push(run_folder)
    push(make_run(run_folder, instances=4))

    repository = hub.repositories[NAME]
    for path in others.keys() - {"README.md", "report/figures/mine.png"}:
        assert repository.files[path] == others[path]
    assert repository.files["README.md"].endswith(b"\n# Notes\n")
    assert metadata(repository)["license"] == "mit"
    assert datasets.load_dataset(NAME, "notes", split="train").to_list() == [{"a": 1, "b": 2}]
    assert len(datasets.load_dataset(NAME, split="train")) == 4


def test_an_existing_repository_is_never_made_public_or_private(hub: HubServer, run_folder: Path) -> None:
    hub.add_repository(NAME, private=True)

    push(run_folder)

    assert hub.repositories[NAME].private


def test_private_data_never_go_to_a_public_repository(hub: HubServer, run_folder: Path) -> None:
    hub.add_repository(NAME)

    with pytest.raises(HubError, match="is public, and was to be private"):
        push(run_folder, private=True)
    assert len(hub.repositories[NAME].commits) == 1
    assert not hub.large_files


# --- errors before anything is made ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tasks", "/tasks", "ada/", "", "ada/a/b", "ada/a--b", "ada/a b", "ada/x.git"])
def test_a_name_that_cannot_be(hub: HubServer, run_folder: Path, name: str) -> None:
    with pytest.raises(HubError, match=r"NAMESPACE/NAME|cannot be the name of a dataset"):
        push_run(run_folder, name)
    assert not hub.requests


def test_no_token(hub: HubServer, run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")

    with pytest.raises(HubError, match="There is no token for the Hub"):
        push(run_folder)
    assert not hub.requests


@pytest.mark.parametrize(
    ("token", "name", "message"),
    [
        ("hf_nobodys", NAME, "the Hub does not accept the token"),
        ("hf_reader", NAME, "may only read"),
        ("hf_writer", "grace/tasks", "ada may not write to grace/. Push to one of: ada/, lab/"),
        ("hf_writer", "museum/tasks", "ada may not write to museum/"),
        ("hf_finegrained", "ada/tasks", "fine-grained token may not write to ada/tasks"),
    ],
)
def test_a_token_that_may_not_write_there(
    hub: HubServer, run_folder: Path, token: str, name: str, message: str
) -> None:
    with pytest.raises(HubError, match=message) as caught:
        push_run(run_folder, name, token=token)
    assert token not in str(caught.value)
    assert nothing_was_changed(hub)


def test_a_fine_grained_token_may_write_where_it_was_given_leave(hub: HubServer) -> None:
    check_push("lab/tasks", "hf_finegrained")


def test_check_push_changes_nothing(hub: HubServer) -> None:
    check_push(NAME)

    assert nothing_was_changed(hub)


def test_offline_mode(hub: HubServer, run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    with pytest.raises(HubError, match="Unset HF_HUB_OFFLINE"):
        push(run_folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ended": "budget", "admitted": 2}, r"it ended with 2 of 3 instructions \(budget\)"),
        ({"ended": "unavailable", "admitted": 0}, "unavailable"),
        ({"failed": 2}, "2 requests failed"),
        ({"wanted": 2}, "3 instructions were asked for after it ended with 2"),
    ],
)
def test_a_run_that_is_not_finished(hub: HubServer, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    folder = make_run(tmp_path / "run", **changes)

    with pytest.raises(HubError, match=message):
        push(folder)
    assert not hub.requests

    push(folder, allow_incomplete=True)
    assert NAME in hub.repositories


def test_an_incomplete_run_says_so_in_its_card(hub: HubServer, tmp_path: Path) -> None:
    push(make_run(tmp_path / "run", ended="budget", failed=2), allow_incomplete=True)

    card = hub.repositories[NAME].files["README.md"].decode()
    assert "The run ended `budget` with 3 of 3 instructions; 2 requests failed." in card


def test_a_stalled_run_is_finished(hub: HubServer, tmp_path: Path) -> None:
    push(make_run(tmp_path / "run", ended="stalled", admitted=2))

    assert "The run ended `stalled`" in hub.repositories[NAME].files["README.md"].decode()


def test_a_run_that_never_ended(hub: HubServer, run_folder: Path) -> None:
    (run_folder / "summary.json").unlink()

    with pytest.raises(RunFolderError, match="the run is not finished; run the same command again to finish it"):
        push(run_folder, allow_incomplete=True)
    assert not hub.requests


def test_a_run_that_goes_on(hub: HubServer, run_folder: Path) -> None:
    with FileLock(run_folder / ".lock"), pytest.raises(RunFolderError, match="another process is at work here"):
        push(run_folder)
    assert not hub.requests


def test_an_empty_dataset(hub: HubServer, tmp_path: Path) -> None:
    with pytest.raises(HubError, match="the dataset is empty"):
        push(make_run(tmp_path / "run", instances=0), allow_incomplete=True)
    assert not hub.requests


def test_a_folder_that_is_no_run(hub: HubServer, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no run folder"):
        push(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"license": "Apache 2.0"},
            r"licence 'Apache 2.0': the Hub has no such identifier \(did you mean apache-2.0\?\)",
        ),
        ({"script": Path("missing.py")}, "no such pipeline script"),
    ],
)
def test_options_that_cannot_be_used(hub: HubServer, run_folder: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        push(run_folder, **options)
    assert not hub.requests


# --- faults -------------------------------------------------------------------------------------------------------


CALLS = [
    ("GET", "/whoami"), ("GET", "/api/datasets/"), ("POST", "/repos/create"), ("POST", "/preupload/"),
    ("POST", "/objects/batch"), ("PUT", UPLOAD), ("POST", COMMIT),
]  # fmt: skip


def overcomes(hub: HubServer, folder: Path, fault: Fault) -> bool:
    """Whether a push ends with one whole commit."""
    hub.add_fault(fault)
    push(folder)
    repository = hub.repositories[NAME]
    return len(repository.commits) == 2 and "sft/train-00000-of-00001.parquet" in repository.files


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_one_503_is_overcome(hub: HubServer, run_folder: Path, method: str, path: str) -> None:
    assert overcomes(hub, run_folder, Fault(method, path, status=503))


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_connection_cut_in_the_middle_is_overcome(hub: HubServer, run_folder: Path, method: str, path: str) -> None:
    assert overcomes(hub, run_folder, Fault(method, path, cut=True))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 504])
def test_other_faults_that_pass_are_overcome(hub: HubServer, run_folder: Path, status: int) -> None:
    assert overcomes(hub, run_folder, Fault("POST", COMMIT, status=status))


def test_waits_grow_and_are_not_the_same_for_all(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = waits_for(monkeypatch, [Fault("GET", "/whoami", status=503, times=4)], hub)

    assert [int(wait) for wait in waits] == [1, 2, 4, 8]
    assert len({wait % 1 for wait in waits}) == 4


def test_the_hub_says_how_long_to_wait(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    [wait] = waits_for(monkeypatch, [Fault("GET", "/whoami", status=429, retry_after=30)], hub)

    assert 30 <= wait <= 31


def waits_for(monkeypatch: pytest.MonkeyPatch, faults: list[Fault], hub: HubServer) -> list[float]:
    """How many seconds a call would have waited."""
    waits: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=waits.append))
    monkeypatch.setattr(client, "PATIENCE", 600.0)
    monkeypatch.setattr(client, "FIRST_WAIT", 1.0)
    hub.faults.extend(faults)
    check_push(NAME)
    return waits


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Thu, 01 Jan 2026 00:00:00 GMT"}, 0.0),
        ({"ratelimit": '"api";r=0;t=55'}, 55.0),
        ({"ratelimit": '"api";r=12;t=55'}, None),
        ({}, None),
    ],
)
def test_ways_of_saying_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert client._retry_after(headers) == seconds


def test_no_call_waits_for_an_answer_for_ever(hub: HubServer) -> None:
    timeout = client.ask("test", lambda: huggingface_hub.get_session().timeout)

    assert timeout.read == 300.0
    assert huggingface_hub.get_session().timeout.read is None  # as it was, for others


def test_a_commit_whose_answer_was_lost_is_not_made_twice(hub: HubServer, run_folder: Path) -> None:
    hub.add_fault(Fault("POST", COMMIT, cut=True, acts=True))

    push(run_folder)

    assert len(hub.repositories[NAME].commits) == 2
    assert hub.count("POST", COMMIT) == 1


@pytest.mark.parametrize(("method", "path"), [("GET", "/whoami"), ("PUT", UPLOAD), ("POST", COMMIT)])
def test_a_hub_that_stays_down_is_given_up(
    hub: HubServer, run_folder: Path, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    monkeypatch.setattr(client, "PATIENCE", 0.2)
    hub.add_fault(Fault(method, path, status=503, times=float("inf")))

    with pytest.raises(HubError, match=r"given up after \d s \(503: injected fault\). Run the same command again"):
        push(run_folder)
    assert NAME not in hub.repositories or len(hub.repositories[NAME].commits) == 1


def test_the_old_dataset_is_seen_until_the_new_one_is_whole(
    hub: HubServer, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(run_folder)
    monkeypatch.setattr(client, "PATIENCE", 0.1)
    hub.add_fault(Fault("POST", COMMIT, status=500, times=float("inf")))

    with pytest.raises(HubError):
        push(make_run(run_folder, instances=4))

    assert len(distiset_from_hub(NAME)["instances"]["train"]) == 3


def test_every_other_try_is_told(hub: HubServer, run_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    hub.add_fault(Fault("POST", COMMIT, status=429, retry_after=0))

    with caplog.at_level(logging.WARNING, client.__name__):
        push(run_folder)

    assert [record.getMessage() for record in caplog.records if record.name == client.__name__] == [
        "Could not publish ada/tasks (429: injected fault); trying again in 0 s."
    ]
    assert hub.count("POST", COMMIT) == 2


def test_a_wait_beyond_the_patience_is_not_begun(hub: HubServer, run_folder: Path) -> None:
    hub.add_fault(Fault("POST", COMMIT, status=429, retry_after=3_600))

    with pytest.raises(HubError, match=r"given up after \d+ s"):
        push(run_folder)


@pytest.mark.parametrize(
    ("status", "message"), [(401, "does not accept the token"), (403, "may not do that"), (400, "400: injected fault")]
)
def test_a_refusal_is_not_tried_again(hub: HubServer, run_folder: Path, status: int, message: str) -> None:
    hub.add_fault(Fault("POST", COMMIT, status=status))

    with pytest.raises(HubError, match=message):
        push(run_folder)
    assert hub.count("POST", COMMIT) == 1
    assert len(hub.repositories[NAME].commits) == 1


def test_a_commit_by_somebody_else_meanwhile_is_built_upon(hub: HubServer, run_folder: Path) -> None:
    push(run_folder)
    repository = hub.repositories[NAME]
    edited = repository.files["README.md"] + b"\nA remark made meanwhile.\n"
    hub.add_fault(Fault("POST", COMMIT, before=lambda: repository.commit({"README.md": edited, "new.txt": b"new"})))

    push(make_run(run_folder, instances=4))

    assert hub.count("POST", COMMIT) == 3
    assert repository.files["new.txt"] == b"new"
    assert repository.files["README.md"].endswith(b"\nA remark made meanwhile.\n")
    assert len(distiset_from_hub(NAME)["instances"]["train"]) == 4


# --- the token ----------------------------------------------------------------------------------------------------

AS_A_USER = """
    import sys
    from pathlib import Path
    from rich.traceback import install
    from distilabel_selfinstruct.hub import distiset_from_hub, push_run
    install(show_locals=True, locals_max_string=None)
    folder = Path(sys.argv[1])
    print(push_run(folder, "ada/tasks", script=folder / "script.py"))
    print(distiset_from_hub("ada/tasks"))
"""


def run_as_user(hub: HubServer, folder: Path) -> subprocess.CompletedProcess[str]:
    """Pushes in a process of its own, in which everything shows as much as it can."""
    environment = {
        "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(folder.parent / "home"), "HF_TOKEN": SECRET,
        "HF_DEBUG": "1", "HF_HUB_VERBOSITY": "debug", "DATASETS_VERBOSITY": "debug", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    (folder / "script.py").write_text(f"TOKEN = '{SECRET}'\n")
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(AS_A_USER), str(folder)], env={**os.environ, **environment},
        capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
def test_a_token_is_nowhere_to_be_seen(hub: HubServer, run_folder: Path) -> None:
    result = run_as_user(hub, run_folder)

    assert result.returncode == 0, result.stderr
    assert f"{hub.url}/datasets/{NAME}" in result.stdout
    assert hub.repositories[NAME].files["script.py"] == b"TOKEN = '***'\n"
    (run_folder / "script.py").unlink()
    seen = everything_in(run_folder.parent) + b"".join(hub.repositories[NAME].files.values())
    assert SECRET not in result.stdout + result.stderr
    assert SECRET.encode() not in seen


@pytest.mark.slow
def test_a_token_is_not_seen_in_a_traceback_with_local_variables(hub: HubServer, run_folder: Path) -> None:
    hub.add_fault(Fault("POST", COMMIT, status=403))

    result = run_as_user(hub, run_folder)

    assert result.returncode == 1
    assert "HubError" in result.stderr
    assert "locals" in result.stderr
    assert SECRET not in result.stdout + result.stderr


def test_a_token_that_the_server_repeats_is_masked(hub: HubServer, run_folder: Path) -> None:
    with pytest.raises(HubError) as caught:
        client.ask("test", lambda: (_ for _ in ()).throw(ValueError(f"bad header Bearer {SECRET}")), SECRET)
    assert str(caught.value) == "Could not test: bad header Bearer ***"
    assert caught.value.__context__ is None


# --- a whole run --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_real_run_can_be_made_again_from_what_is_published(
    hub: HubServer, demo_run: ScriptRun, tmp_path: Path
) -> None:
    folder = tmp_path / "made"
    shutil.copytree(demo_run.folder, folder)
    push(folder, script=ROOT / "pipelines" / "self_instruct.py")
    again = tmp_path / "again"
    for path, content in hub.repositories[NAME].files.items():
        (again / path).parent.mkdir(parents=True, exist_ok=True)
        (again / path).write_bytes(content)

    card = (again / "README.md").read_text()
    command = next(line for line in card.splitlines() if line.startswith("self-instruct run")).split()

    result = subprocess.run(
        [sys.executable, "-m", "distilabel_selfinstruct", *command[1:]], cwd=again,
        env={**os.environ, "PYTHONPATH": WITHOUT_REPORT}, capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip

    assert result.returncode == 0, result.stderr
    there, back = load_dataset(again / "run" / "dataset"), distiset_from_hub(NAME)
    assert {name: rows["train"].to_list() for name, rows in there.items()} == {
        name: rows["train"].to_list() for name, rows in back.items()
    }
    assert f"distilabel-selfinstruct {__version__}" in hub.repositories[NAME].files["README.md"].decode()
