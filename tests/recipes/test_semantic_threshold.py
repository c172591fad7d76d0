"""Every recipe keeps out what means the same as an earlier instruction, before it asks anything about it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from distilabel_selfinstruct.data.instructions import read_instructions
from distilabel_selfinstruct.data.seeds import load_seed_tasks
from distilabel_selfinstruct.data.shipped import PROJECT_SEEDS
from distilabel_selfinstruct.hub.contents import read_finished_run, statistics_of
from distilabel_selfinstruct.models.embedding import static_vectors
from distilabel_selfinstruct.models.records import usage_by_stage
from distilabel_selfinstruct.recipe import recipes
from distilabel_selfinstruct.report.card import CardFacts, render_card
from distilabel_selfinstruct.report.rows import read_run
from distilabel_selfinstruct.report.statistics import funnel_of
from tests.recipes.test_contract import SMALL
from tests.support.embeddings import write_bag_of_words
from tests.support.openai_server import OpenAIServer
from tests.support.recipes import Made, bytes_of, run_here

# distilabel reads all attributes of its tasks, those that are deprecated too.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")]


@pytest.fixture(scope="module", params=list(recipes()))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A run with a threshold that the two of its instructions go over which are nearest to each other."""
    recipe, folder = recipes()[request.param], tmp_path_factory.mktemp(request.param)
    free = run_here(recipe, folder / "free", *SMALL[recipe.name])
    texts = [row["instruction"] for row in free.rows("instructions")]
    static = write_bag_of_words(folder / "static", texts)
    (folder / "threshold").write_text(str(highest_cosine(static, texts, compared_with(recipe.name)) - 0.001))
    return run_here(recipe, folder / "made", *options_of(recipe.name, folder))


def compared_with(recipe: str) -> list[str]:
    """What instructions are compared with besides earlier ones."""
    if recipe in ("self-instruct", "alpaca"):
        return [task.instruction for task in load_seed_tasks(PROJECT_SEEDS)]
    return read_instructions(str(PROJECT_SEEDS), max_instructions=12).texts if recipe == "evolve" else []


def highest_cosine(static: str, texts: list[str], others: list[str]) -> float:
    """Of one of the texts with another one, or with one of the others."""
    every = list(dict.fromkeys([*texts, *others]))
    units = np.stack(static_vectors(static, every))
    units /= np.maximum(np.linalg.norm(units, axis=1, keepdims=True), 1e-9)
    cosines = units @ units.T
    np.fill_diagonal(cosines, -1.0)
    return float(cosines[: len(set(texts))].max())


def threshold_of(folder: Path) -> str:
    return (folder / "threshold").read_text()


def options_of(recipe: str, folder: Path) -> list[object]:
    return [*SMALL[recipe], "--semantic-threshold", threshold_of(folder), "--embedder-model", folder / "static"]


def test_what_means_the_same_is_rejected_with_its_neighbour(made: Made) -> None:
    assert made.status == 0, made.err
    rejected = [row for row in made.rows("rejected") if row["stage"] == "semantic"]
    assert rejected
    least = float(threshold_of(made.path.parent))
    assert all(row["reason"] == "same_meaning" and row["neighbour"] and row["score"] > least for row in rejected)
    names = {row["instruction_id"] for row in rejected}
    assert not names & {row["instruction_id"] for row in made.rows("instructions")}
    assert not names & {row["instruction_id"] for row in made.rows("instances")}


def test_the_counts_add_up(made: Made) -> None:
    summary, rejected = made.folder.summary(), made.rows("rejected")
    assert (summary.instances, summary.admitted) == (len(made.rows("instances")), len(made.rows("instructions")))
    assert summary.wanted in (None, summary.admitted)
    assert summary.rejected["semantic"] == Counter(row["reason"] for row in rejected if row["stage"] == "semantic")
    declared = {(stage.name, reason.code) for stage in made.folder.recipe().stages for reason in stage.reasons}
    assert made.reasons <= declared
    funnel = {stage.name: stage for stage in funnel_of(read_run(made.path))}
    assert funnel["semantic"].rejected == summary.rejected["semantic"]


def test_it_stands_in_the_card(made: Made) -> None:
    run = read_finished_run(made.path)
    card = render_card(CardFacts("me/made", statistics_of(run), run.datasets, run.settings, run.recipe))
    assert "Near in meaning" in card


def test_the_same_command_changes_nothing_and_another_threshold_is_another_run(made: Made) -> None:
    before = bytes_of(made.path)
    options = options_of(made.recipe.name, made.path.parent)
    again = run_here(made.recipe, made.path, *options)
    assert (again.status, bytes_of(made.path)) == (0, before)
    refused = run_here(made.recipe, made.path, *options, "--semantic-threshold", "0.99")
    assert refused.status == 1
    assert "semantic_threshold is" in refused.err


@pytest.mark.parametrize("recipe", ["self-instruct", "evolve", "preferences"])
def test_embeddings_of_an_endpoint_survive_a_run_that_was_stopped(recipe: str, tmp_path: Path) -> None:
    options = [*SMALL[recipe], "--semantic-threshold", "0.8", "--embedder", "openai", "--embedder-model", "embed"]
    with OpenAIServer(models=["embed"]) as server:
        options += ["--embedder-base-url", server.url]
        whole = run_here(recipes()[recipe], tmp_path / "whole", *options)
        assert whole.status == 0, whole.err
        asked = len(server.requests)
        assert usage_by_stage(whole.folder.completions)["embeddings"].requests == asked
        assert whole.folder.description()["stages"]["embeddings"]["model"] == "embed"
        # What was embedded is kept like what was answered.
        (tmp_path / "whole" / "summary.json").unlink()
        again = run_here(recipes()[recipe], tmp_path / "whole", *options)
        assert (again.status, len(server.requests)) == (0, asked)
        twin = run_here(recipes()[recipe], tmp_path / "twin", *options)
    assert bytes_of(twin.folder.dataset_path) == bytes_of(whole.folder.dataset_path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--embedder", "openai"], "--embedder: nothing is compared without --semantic-threshold."),
        (["--semantic-threshold", "0.9", "--embedder", "openai"], "--embedder openai needs --embedder-model"),
        (["--semantic-threshold", "0.9", "--embedder-base-url", "http://x/v1"], "add --embedder openai."),
        (["--semantic-threshold", "1.5"], "--semantic-threshold"),
        (["--semantic-threshold", "0.9", "--embedder-model", "./none"], "holds no static embeddings"),
    ],
)
def test_what_cannot_be_used(options: list[str], said: str, tmp_path: Path) -> None:
    made = run_here(recipes()["self-instruct"], tmp_path / "run", *SMALL["self-instruct"], *options)
    assert made.status == 1
    assert said in made.err
    assert made.err.count("\n") <= 2
