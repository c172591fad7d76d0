"""How Tasks put their questions: in own templates, in another language, into a small context."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct import (
    AnswerInstructions,
    BootstrapInstructions,
    DurableLLM,
    EvolveInstructions,
    IdentifyClassification,
    InputFirstInstances,
    OpenAICompatibleLLM,
)
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.steps.fitting import tokens_of
from tests.steps.scripted_llm import TEXTS, ScriptedLLM, text_of
from tests.support.openai_server import Body, Fault, OpenAIServer, status
from tests.support.waiting import LIMIT

GERMAN = "Write in German; only the words that mark the parts of an answer, such as Input and Output, stay as they are."
PLAIN = {"instruction": "Nenne einen Fluss.", "is_classification": False, "reject_reason": None}


def asked(task: Any, row: dict[str, Any] = PLAIN) -> str:
    """The prompt about a row, as the model gets it."""
    task.load()
    next(task.process([dict(row)]))
    [prompt] = task.llm._asked
    return text_of(prompt)


class TestLanguage:
    @pytest.mark.parametrize("wording", ["chat", "base", "structured"])
    def test_a_sentence_stands_before_the_question(self, seed_file: str, wording: Any) -> None:
        def made(language: str | None) -> str:
            llm = ScriptedLLM().answering(lambda prompt: "Output: Donau")
            return asked(InputFirstInstances(llm=llm, seed_files=[seed_file], wording=wording, language=language))

        assert made("German") == f"{GERMAN}\n\n{made(None)}"

    def test_of_the_loop_too(self, seed_file: str) -> None:
        llm = ScriptedLLM().answering(lambda prompt: "\n".join(f"{at}. {text}" for at, text in enumerate(TEXTS, 9)))
        task = BootstrapInstructions(llm=llm, seed_files=[seed_file], num_instructions=2, language="German")
        task.load()
        list(task.process())
        assert text_of(llm._asked[0]).startswith(f"{GERMAN}\n\nWe are collecting instructions")

    def test_an_answer(self) -> None:
        llm = ScriptedLLM().answering(lambda prompt: "Die Donau.")
        assert asked(AnswerInstructions(llm=llm, language="German")) == "Answer in German.\n\nNenne einen Fluss."

    def test_an_evolution(self) -> None:
        llm = ScriptedLLM().answering(lambda prompt: "Nenne einen Fluss in Europa.")
        prompt = asked(EvolveInstructions(llm=llm, language="German"), {"instruction_id": "0", **PLAIN})
        assert prompt.startswith("Write the new instruction in German.\n\n")

    def test_yes_or_no_is_asked_as_before(self, seed_file: str) -> None:
        def made(language: str | None) -> str:
            llm = ScriptedLLM().answering(lambda prompt: "No")
            return asked(IdentifyClassification(llm=llm, seed_files=[seed_file], language=language))

        assert made("German") == made(None)


class TestOwnTemplates:
    TEMPLATES = {"classification.chat.jinja2": "Ist das Klassifikation? {{ instruction }} Yes oder No?"}  # noqa: RUF012

    def test_one_is_filled_instead_of_the_recipes(self, seed_file: str) -> None:
        task = IdentifyClassification(
            llm=ScriptedLLM().answering(lambda prompt: "No"), seed_files=[seed_file], own_templates=self.TEMPLATES
        )
        assert asked(task) == "Ist das Klassifikation? Nenne einen Fluss. Yes oder No?"

    def test_it_is_in_the_users_own_language(self, seed_file: str) -> None:
        own = {"input_first.chat.jinja2": "Schreibe Beispiele: {{ instruction }}"}
        llm = ScriptedLLM().answering(lambda prompt: "Output: Donau")
        task = InputFirstInstances(llm=llm, seed_files=[seed_file], own_templates=own, language="German")
        assert asked(task) == "Schreibe Beispiele: Nenne einen Fluss."

    def test_the_text_goes_with_the_task_to_a_worker(self, seed_file: str) -> None:
        task = IdentifyClassification(
            llm=ScriptedLLM().answering(lambda prompt: "No"), seed_files=[seed_file], own_templates=self.TEMPLATES
        )
        assert task.dump()["own_templates"] == self.TEMPLATES
        assert pickle.loads(pickle.dumps(task.own_templates)) == self.TEMPLATES

    def test_one_that_fails_is_named(self, seed_file: str) -> None:
        own = {"classification.chat.jinja2": "{{ instruction }} {{ shots[99].instruction }}"}
        task = IdentifyClassification(
            llm=ScriptedLLM().answering(lambda prompt: "No"), seed_files=[seed_file], own_templates=own
        )
        with pytest.raises(
            ConfigError, match=r"--prompts: classification\.chat\.jinja2 cannot be filled: UndefinedError"
        ):
            asked(task)


def too_long(most: int) -> Callable[[Body], Fault | None]:
    """Refuses as llama.cpp does, which counts four bytes as a token here."""

    def rule(body: Body) -> Fault | None:
        tokens = len(json.dumps(body["messages"])) // 4
        message = f"request ({tokens} tokens) exceeds the available context size ({most} tokens), try increasing it"
        error = {"type": "exceed_context_size_error", "n_prompt_tokens": tokens, "n_ctx": most}
        return status(400, message, **error) if tokens > most else None

    return rule


def listed(body: Body) -> str:
    return "\n".join(f"{at}. {text}" for at, text in enumerate(TEXTS, 9))


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Callable[..., tuple[DurableLLM, OpenAIServer]]]:
    """A stub endpoint, and the model there with its completions."""
    servers: list[OpenAIServer] = []

    def start(context: int | None = None, folder: str = "completions", **options: Any) -> Any:
        server = OpenAIServer(**options)
        servers.append(server.__enter__())
        llm = OpenAICompatibleLLM(model="stub-model", base_url=server.url, timeout=LIMIT)
        return DurableLLM(llm=llm, folder=str(tmp_path / folder), keeps_failures=True, context=context), server

    yield start
    for server in servers:
        server.__exit__()


def bootstrapped(llm: DurableLLM, seed_file: str) -> list[dict[str, Any]]:
    task = BootstrapInstructions(llm=llm, seed_files=[seed_file], num_instructions=4, lag=1)
    task.load()
    try:
        return [row for rows, _ in task.process() for row in rows]
    finally:
        task.unload()


@pytest.fixture
def long_seeds(tmp_path: Path) -> str:
    """Eight seed tasks of three to ten times a hundred words."""
    path = tmp_path / "long.jsonl"
    tasks = [
        {
            "id": f"seed_task_{at}", "name": "long", "instruction": f"{text} " + "In many words, please. " * (20 * at),
            "instances": [{"input": "", "output": "Yes."}], "is_classification": at % 2 == 0,
        }
        for at, text in enumerate(TEXTS[:8], 3)
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, tasks)))
    return str(path)


def shots(body: Body) -> int:
    return len(re.findall(r"^\d+\. ", body["messages"][0]["content"], re.M))


class TestKnownContext:
    def test_without_a_limit_all_shots_are_shown(self, endpoint: Any, long_seeds: str) -> None:
        llm, server = endpoint(answer=listed)
        bootstrapped(llm, long_seeds)
        assert shots(server.requests[0].body) == 8

    @pytest.mark.parametrize("of", ["the endpoint", "an option"])
    def test_a_prompt_fits_beside_its_answer(self, endpoint: Any, long_seeds: str, of: str) -> None:
        says = {"says": {"max_model_len": 4096}} if of == "the endpoint" else {"context": 4096}
        llm, server = endpoint(answer=listed, **says)
        bootstrapped(llm, long_seeds)
        assert 1 <= shots(server.requests[0].body) < 8
        assert tokens_of(server.requests[0].body["messages"][0]["content"]) <= 4096 - 1024

    def test_the_same_context_gives_the_same_bytes(self, endpoint: Any, long_seeds: str) -> None:
        sent = []
        for folder in ("first", "second"):
            llm, server = endpoint(answer=listed, context=3000, folder=folder)
            bootstrapped(llm, long_seeds)
            sent.append([request.body for request in server.requests])
        assert sent[0] == sent[1]

    def test_what_cannot_fit_is_one_error_before_anything_is_asked(self, endpoint: Any, long_seeds: str) -> None:
        llm, server = endpoint(answer=listed, context=512)
        with pytest.raises(ConfigError) as caught:
            bootstrapped(llm, long_seeds)
        assert re.fullmatch(
            r"A prompt of bootstrap\S* does not fit into the model's context of 512 tokens, even with one of"
            r" seed_task_\d.*, shortened: it has about \d+, and 256 are kept for the answer\. Give the model a larger"
            r" context \(--context says how large it is\), or shorten those seeds or the template\.",
            str(caught.value),
        )
        assert server.requests == []


class TestRefusedForItsLength:
    def test_a_prompt_is_asked_again_with_less_to_show(self, endpoint: Any, long_seeds: str) -> None:
        llm, server = endpoint(answer=listed, fault_rule=too_long(2000))
        rows = bootstrapped(llm, long_seeds)
        assert [request.status for request in server.requests[:2]] == [400, 200]
        assert shots(server.requests[1].body) < shots(server.requests[0].body) == 8
        assert [row["reject_reason"] for row in rows].count(None) == 4
        assert not [row for row in rows if row["reject_reason"] == "context_length"]

    def test_a_run_that_goes_on_asks_nothing_again(self, endpoint: Any, long_seeds: str) -> None:
        first, _ = endpoint(answer=listed, fault_rule=too_long(2000))
        again, server = endpoint(answer=listed, fault_rule=too_long(2000))
        again.llm.base_url = server.url
        assert bootstrapped(first, long_seeds) == bootstrapped(again, long_seeds)
        assert server.requests == []

    def test_of_a_question_about_rows_too(self, endpoint: Any, long_seeds: str) -> None:
        llm, server = endpoint(answer=lambda body: "No", fault_rule=too_long(1500))
        task = IdentifyClassification(llm=llm, seed_files=[long_seeds])
        task.load()
        rows = next(task.process([dict(PLAIN), {**PLAIN, "instruction": "Name a lake."}]))
        task.unload()
        assert [row["is_classification"] for row in rows] == [False, False]
        assert sorted(request.status for request in server.requests) == [200, 200, 400, 400]

    def test_a_row_that_never_fits_is_rejected(self, endpoint: Any, long_seeds: str) -> None:
        llm, _ = endpoint(answer=lambda body: "No", fault_rule=too_long(1500))
        task = IdentifyClassification(llm=llm, seed_files=[long_seeds])
        task.load()
        [row] = next(task.process([{**PLAIN, "instruction": "Name a lake. " * 1000}]))
        task.unload()
        assert row["reject_reason"] == "context_length"
        assert "exceeds the available context size (1500 tokens)" in row["detail"]
