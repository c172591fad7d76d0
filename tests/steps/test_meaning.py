"""What means the same as an earlier text is rejected: by static embeddings, and by those of an endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct import DurableLLM, EmbeddingLLM, LoadInstructions, SemanticDedup
from distilabel_selfinstruct.data.rows import Answer
from distilabel_selfinstruct.data.seeds import SeedTask
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.models.embedding import vector_of
from distilabel_selfinstruct.models.records import usage_by_stage
from distilabel_selfinstruct.presets import get_preset
from distilabel_selfinstruct.steps.loops.pool import PoolLoop
from distilabel_selfinstruct.steps.meaning import Meaning
from distilabel_selfinstruct.text.reading.answers import Instance
from tests.support.embeddings import write_static
from tests.support.openai_server import OpenAIServer, bag_of_words, garbage, status

NAME, GIVE = "Name a prime.", "Give me a prime number."


@pytest.fixture
def static(tmp_path: Path) -> str:
    """By which only primes and rivers count."""
    return write_static(tmp_path / "static", {"prime": (1.0, 0.0), "river": (0.0, 1.0)})


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(models=["embed"]) as server:
        yield server


def embedder(server: OpenAIServer, folder: Path) -> DurableLLM:
    return DurableLLM(
        llm=EmbeddingLLM(model="embed", base_url=server.url), folder=str(folder), stage="embeddings", outage=0.0
    )


def deduplicated(rows: list[dict[str, Any]], **options: Any) -> list[dict[str, Any]]:
    dedup = SemanticDedup(**options)
    dedup.load()
    try:
        return next(dedup.process(rows))
    finally:
        dedup.unload()


def test_a_row_keeps_what_means_the_same(static: str) -> None:
    rows = deduplicated(
        [
            {"instruction": NAME, "instruction_id": "0"},
            {"instruction": "Name a river.", "instruction_id": "1"},
            {"instruction": GIVE, "instruction_id": "2"},
            {"instruction": None, "instruction_id": "3"},
        ],
        embedder=static,
    )
    assert rows[2] == {
        "instruction": GIVE, "instruction_id": "2", "stage": "semantic", "reject_reason": "same_meaning",
        "detail": None, "neighbour": NAME, "neighbour_id": "0", "max_similarity": 1.0,
    }  # fmt: skip
    assert [row["reject_reason"] for row in rows] == [None, None, "same_meaning", None]


def test_rejected_rows_are_passed_on_untouched_and_nothing_is_compared_with_them(static: str) -> None:
    spoiled = {"instruction": NAME, "stage": "dedup", "reject_reason": "similar", "detail": None, "neighbour": "x",
               "neighbour_id": None, "max_similarity": 0.9}  # fmt: skip
    rows = deduplicated([spoiled, {"instruction": GIVE}], embedder=static)
    assert rows[0] == spoiled
    assert rows[1]["reject_reason"] is None


def test_references(static: str) -> None:
    (row,) = deduplicated([{"instruction": GIVE}], embedder=static, references=[NAME])
    assert (row["reject_reason"], row["neighbour"], row["neighbour_id"]) == ("same_meaning", NAME, None)


def test_embeddings_of_an_endpoint_are_asked_for_once(server: OpenAIServer, tmp_path: Path) -> None:
    rows = [{"instruction": text} for text in ("Name a prime.", "Name a big prime.", "Where is Rome?")]
    first = deduplicated(rows, embedder=embedder(server, tmp_path), threshold=0.8)
    assert [row["reject_reason"] for row in first] == [None, "same_meaning", None]
    assert first[1]["max_similarity"] == pytest.approx(3 / 12**0.5, abs=1e-6)
    assert [request.path for request in server.requests] == ["/v1/embeddings"] * 3
    assert server.requests[0].body["model"] == "embed"
    assert deduplicated(rows, embedder=embedder(server, tmp_path), threshold=0.8) == first
    assert len(server.requests) == 3
    assert usage_by_stage(tmp_path)["embeddings"].input_tokens == 10


def test_a_text_that_cannot_be_embedded_is_rejected_for_its_failure(server: OpenAIServer, tmp_path: Path) -> None:
    server.fault_rule = lambda body: status(400, "input is too long") if "long" in body["input"] else None
    rows = [{"instruction": text} for text in ("A long text.", "A text.")]
    first, second = deduplicated(rows, embedder=embedder(server, tmp_path))
    assert (first["stage"], first["reject_reason"]) == ("semantic", "context_length")
    assert "input is too long" in first["detail"]
    assert second["reject_reason"] is None


def test_an_answer_that_is_no_embedding_is_asked_for_again(server: OpenAIServer, tmp_path: Path) -> None:
    server.faults = [garbage({"data": []}), garbage({"data": [{"embedding": ["a"]}]})]
    llm = EmbeddingLLM(model="embed", base_url=server.url)
    durable = DurableLLM(llm=llm, folder=str(tmp_path), stage="embeddings")
    durable.load()
    output = durable.generate_outputs(inputs=["Name a prime."])[0]
    durable.unload()
    assert vector_of(str(output["generations"][0])).tolist() == bag_of_words("Name a prime.")


def test_a_loop_admits_as_many_as_are_wanted_of_what_means_something_new(static: str) -> None:
    seeds = [SeedTask(f"s{at}", f"Seed {at} says {at}.", (Instance("", "x"),), False) for at in range(7)]
    loop = PoolLoop([*seeds, SeedTask("s7", NAME, (Instance("", "7"),), False)], get_preset("default"), 2, 0, 1, 3)
    loop.compare(Meaning(0.9, static))
    loop.draw()
    listed = (
        f"9. {GIVE}\n10. Describe which river flows through Cairo.\n11. Tell me how long a river can be.\n"
        "12. Add two whole numbers to each other.\n"
    )
    rows = loop.take(Answer(listed, "stop"))
    assert [(row["stage"], row["reject_reason"], row["neighbour_id"], row["max_similarity"]) for row in rows] == [
        ("semantic", "same_meaning", "s7", 1.0),
        (None, None, None, None),
        ("semantic", "same_meaning", "000000-01", 1.0),
        (None, None, None, None),
    ]
    assert loop.is_complete
    assert [shot.text for shot in loop.pool[8:]] == [
        "Describe which river flows through Cairo.", "Add two whole numbers to each other.",
    ]  # fmt: skip


def test_loaded_instructions_that_mean_the_same_come_at_the_end(static: str, tmp_path: Path) -> None:
    (tmp_path / "source.txt").write_text(f"{NAME}\n{GIVE}\nName a river.\n")
    load = LoadInstructions(source=str(tmp_path / "source.txt"), semantic_threshold=0.9, embedder=static)
    load.load()
    ((rows, _),) = list(load.process())
    assert [(row["instruction"], row["reject_reason"], row["neighbour"]) for row in rows] == [
        (NAME, None, None), ("Name a river.", None, None), (GIVE, "same_meaning", NAME),
    ]  # fmt: skip


def test_what_cannot_be_used(static: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="semantic threshold must be between 0 and 1, got 7"):
        SemanticDedup(threshold=7.0, embedder=static).load()
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"--embedder-model .*empty: holds no static embeddings that can be read"):
        SemanticDedup(embedder=str(tmp_path / "empty")).load()
