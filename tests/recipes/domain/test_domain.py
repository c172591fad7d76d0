"""Queries about documents, as a user runs them: on the demo model, and against an endpoint that goes wrong."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from datasets import load_from_disk

from distilabel_selfinstruct import check_instruction
from distilabel_selfinstruct.runs.config import read_config
from distilabel_selfinstruct.runs.run import Run
from tests.conftest import ROOT, Script, ScriptRun, first_line, run_apart
from tests.support.answers import prompt_of
from tests.support.openai_server import Answer, Body, Fault, OpenAIServer, html, status
from tests.support.recipes import recipe_of, script_of, status_of


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ScriptRun:
    return run_apart(tmp_path_factory.mktemp("domain"), pipeline="domain")


@pytest.mark.slow
class TestDemo:
    def test_every_document_comes_to_an_end_and_every_row_keeps_its_document(self, made: ScriptRun) -> None:
        terms = [json.loads(line) for line in (ROOT / "seeds" / "medical_terms.jsonl").read_text().splitlines()]
        rows = [row for config in ("instances", "rejected") for row in made.rows(config)]
        assert {row["document_id"] for row in rows} == {f"{number:06d}" for number in range(len(terms))}
        for row in rows:
            term = terms[int(row["document_id"])]
            assert row["title"] == term["term"]
            assert term["description"].startswith(row["document"])
            assert row["document"].endswith(".")
            assert len(row["document"]) <= 300

    def test_queries_pass_the_rules_and_no_more_than_asked_for_are_taken(self, made: ScriptRun) -> None:
        assert all(check_instruction(row["instruction"], keywords=False) is None for row in made.rows("instructions"))
        assert max(Counter(row["document_id"] for row in made.rows("instructions")).values()) <= 5

    def test_every_answer_is_right(self, made: ScriptRun) -> None:
        for row in made.rows("instances"):
            assert row["output"] == right_answer(row["instruction"], row["document"]), row


def right_answer(query: str, document: str) -> str:
    """What the demo model should say, found in another way than its own."""
    sentences = [sentence.strip() for sentence in re.findall(r"[^.]+\.(?:\d[^.]*\.)*", document)]
    if listed := re.search(r"words (?:alphabetically|into alphabetical order): (.+)\.", query):
        return ", ".join(sorted(re.findall(r"\w+", listed[1])))
    if listed := re.search(r"most letters: (.+)\?", query):
        return sorted(re.findall(r"\w+", listed[1]), key=len)[-1]
    if named := re.search(r"the name (.+) have", query):
        return str(len(re.findall(r"[a-zA-Z]", named[1])))
    (quoted,) = re.findall(r'"(.+)"', query)
    (sentence,) = [sentence for sentence in sentences if quoted in sentence]
    if query.startswith("Count the words"):
        return str(sentence.count(" ") + 1)
    if "word follows" in query or "word that comes right after" in query:
        return re.split(r"[\W\d_]+", sentence.split(quoted)[1])[1]
    return sentence


@pytest.mark.parametrize(
    ("options", "columns"), [({}, ["title", "document", "instruction"]), ({"closed_book": True}, ["instruction"])]
)
def test_closed_book_answers_without_the_passage(options: dict[str, Any], columns: list[str], tmp_path: Path) -> None:
    recipe = recipe_of("domain")
    config = read_config({"out": str(tmp_path / "run"), **options}, {}, "", recipe.load_config())
    pipeline = script_of("domain")["build"](Run(config, recipe))
    assert pipeline.dag.get_step("answers")["step"].columns == columns


# --- against an endpoint ---------------------------------------------------------------------------------------------

ORGANS = {
    "Skin": "The skin is the largest organ. It has three layers.",
    "Heart": "The heart is a muscle. It pumps blood.",
    "Liver": "The liver makes bile.",
    "Lungs": "The lungs take up oxygen.",
    "Kidney": "The kidneys filter blood.",
    "Bone": "Bones carry the body.",
    "Nothing": "",
}
LISTS = {
    "Skin": "Sure! Here are 3 user queries:\n\n1. **What are the layers of the skin?**\n2. How large is the skin of an"
    " adult?\n3. Explain it.\n4. Describe how skin heals after a cut.\n\nLet me know if you need more!",
    "Heart": "- Explain how the heart moves blood.\n- Write a program that counts the beats of a heart.\n- How often"
    " does the heart beat in a minute?",
    "Liver": "I'm sorry, but I can't help with medical topics.",
    "Lungs": "Which gas do the lungs release?\nDescribe how oxygen gets into the",
    "Bone": "What are the layers of the skin?\r\nTell me what bones are made of.",
}
ANSWERS = {
    "How large is the skin of an adult?": "I'm sorry, but I can't answer this.",
    "How often does the heart beat in a minute?": "",
    "Which gas do the lungs release?": "Carbon dioxide, which",
}


def answer(body: Body) -> Answer:
    prompt = prompt_of(body)
    if prompt.startswith("# Task Description"):
        title = prompt.partition("# Context\n")[2].partition("\n")[0]
        return Answer(LISTS[title], "length" if title == "Lungs" else "stop")
    query = prompt.rpartition("Query:\n")[2]
    assert any(f"Passage:\n{title}\n\n{text}\n" in prompt for title, text in ORGANS.items())
    return Answer(ANSWERS.get(query, f"It has {len(query)} letters."), "length" if "release" in query else "stop")


class Faults:
    """Some requests fail once in passing; those about the kidney always."""

    def __init__(self) -> None:
        self.passing = [status(429, retry_after=0.1), status(500), html(), None]

    def __call__(self, body: Body) -> Fault | None:
        if "\nKidney\n" in prompt_of(body):
            return status(400, "no such thing")
        return self.passing.pop(0) if self.passing else None


@pytest.mark.slow
def test_faults_of_an_endpoint_and_formats_of_chat_models(script: Script, tmp_path: Path) -> None:
    source = tmp_path / "organs.jsonl"
    rows = ({"name": title, "body": text} for title, text in ORGANS.items())
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "principles.txt").write_text("Ask as a patient.\n")
    with OpenAIServer(answer=answer, fault_rule=Faults()) as server:
        options = (
            "--llm", "openai", "--model", "stub-model", "--base-url", server.url, "--documents", source,
            "--text-column", "body", "--title-column", "name", "--queries", 3, "--application-description", "A clinic.",
            "--criteria", "Be brief.", "--principles", tmp_path / "principles.txt", "--out", tmp_path / "run",
        )  # fmt: skip
        result = script(*options, pipeline="domain")
        asked = [prompt_of(request.body) for request in server.requests]
    assert (result.returncode, result.stderr) == (3, first_line(tmp_path / "run", "domain", "stub-model"))
    assert "1 requests failed. Run the same command: it asks for those, and nothing else." in result.stdout
    assert "# Criteria for Queries\nBe brief.\nAsk as a patient.\n" in asked[0]
    assert "# AI Application\nA clinic.\n" in asked[0]

    folder = tmp_path / "run" / "dataset"
    instances = load_from_disk(str(folder / "instances"))["train"].to_list()
    assert [(row["instance_id"], row["title"], row["instruction"], row["output"]) for row in instances] == [
        ("000000-00-0", "Skin", "What are the layers of the skin?", "It has 32 letters."),
        ("000000-03-0", "Skin", "Describe how skin heals after a cut.", "It has 36 letters."),
        ("000001-00-0", "Heart", "Explain how the heart moves blood.",
         "It has 34 letters."),
        ("000005-01-0", "Bone", "Tell me what bones are made of.", "It has 31 letters."),
    ]  # fmt: skip
    rejected = load_from_disk(str(folder / "rejected"))["train"].to_list()
    assert [(row["title"], row["stage"], row["reason"], row["instruction"]) for row in rejected] == [
        ("Skin", "answers", "refusal", "How large is the skin of an adult?"),
        ("Skin", "queries", "too_short", "Explain it."),
        ("Heart", "queries", "program", "Write a program that counts the beats of a heart."),
        ("Heart", "answers", "empty_output", "How often does the heart beat in a minute?"),
        ("Liver", "queries", "refusal", None),
        ("Lungs", "answers", "truncated", "Which gas do the lungs release?"),
        ("Lungs", "queries", "truncated", "Describe how oxygen gets into the"),
        ("Kidney", "queries", "bad_request", None),
        ("Bone", "dedup", "similar", "What are the layers of the skin?"),
        ("Nothing", "queries", "empty_document", None),
    ]


# --- what a user can get wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--documents", "no.jsonl"], "Error: no.jsonl: there is no such file."),
        (["--documents", "texts.csv"], "Error: texts.csv: which column has the documents? Name it with --text-column;"),
        (["--documents", "texts.csv", "--text-column", "a"], "Error: texts.csv, row 1: there is no column 'a';"),
        (["--principles", "no.txt"], "Error: no.txt: there is no such file."),
        (["--max-characters", "0"], "Error: --max-characters: Input should be greater than 0, got 0."),
    ],
)
def test_mistakes_are_said_before_anything_is_written(
    options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("texts.csv").write_text("words\nThe heart pumps blood.\n")
    assert status_of("domain", *options) == 1
    *first, line = capsys.readouterr().err.splitlines(keepends=True)
    assert line.startswith(said)
    assert first == ([] if said.startswith("Error: --") else [first_line("runs/domain", "domain")])
    assert [path.name for path in tmp_path.iterdir()] == ["texts.csv"]


@pytest.mark.slow
def test_fewer_documents_are_another_run(made: ScriptRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("domain", "--out", made.folder, "--max-documents", "3") == 1
    assert (
        "holds a run with another config: originals were read there that are not among those of this command. Nothing"
        in capsys.readouterr().err
    )
