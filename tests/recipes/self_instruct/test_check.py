"""The check of a model before a run: what it asks, what it finds, and what it advises."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from distilabel_selfinstruct import load_seed_tasks
from distilabel_selfinstruct.cli import self_instruct
from distilabel_selfinstruct.data.seeds import SeedTask, write_seed_tasks
from distilabel_selfinstruct.recipes.self_instruct.advice import advice
from distilabel_selfinstruct.recipes.self_instruct.check import Answers, Findings, _hold_out
from distilabel_selfinstruct.shares import Share
from tests.steps.scripted_llm import seed
from tests.support.answers import prompt_of, question_of
from tests.support.openai_server import Answer, Body, OpenAIServer, status

# distilabel reads all attributes of its tasks, those that are deprecated too.
pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")

Says = Callable[[Body], "str | Answer"]


@pytest.fixture(scope="module")
def tasks(seed_file: str) -> dict[str, SeedTask]:
    return {task.instruction: task for task in load_seed_tasks(seed_file)}


def asked_about(body: Body) -> str:
    """The instruction that a question is about."""
    about = prompt_of(body).rpartition("\n\nTask: ")[2]
    return about.removesuffix("Is it classification?").removesuffix("Class label 1:").strip()


@pytest.fixture(scope="module")
def good(tasks: dict[str, SeedTask]) -> Says:
    """A model that does all that it is asked to."""

    def answer(body: Body) -> str:
        question = question_of(body)
        if question == "bootstrap":
            first = prompt_of(body).count("\n")
            return "\n".join(f"{first + at}. {order}" for at, order in enumerate(ORDERS))
        task = tasks[asked_about(body)]
        if question == "classification":
            return "Yes" if task.is_classification else "No"
        instance = task.instances[0]
        if question == "output_first":
            return f"Class label 1: {instance.output}\n{instance.input or 'A text.'}"
        return f"Output: {instance.output}"

    return answer


ORDERS = [
    "Explain why the night train is always late.",
    "Suggest three names for a bakery by the sea.",
    "Turn these notes into a short weekly report.",
    "Give two arguments against remote work.",
]


def check(url: str, *options: object, model: str = "stub-model") -> int:
    given = ("check", "--llm", "openai", "--model", model, "--base-url", url, *options)
    return self_instruct([str(each) for each in given])


def found(capsys: pytest.CaptureFixture[str], answer: Says, *options: object) -> tuple[int, dict]:
    with OpenAIServer(answer=answer) as server:
        exit_status = check(server.url, "--json", *options)
    return exit_status, json.loads(capsys.readouterr().out)


class TestWhatItAsks:
    def test_twenty_questions_about_seed_tasks_that_no_prompt_shows(
        self, good: Says, tasks: dict[str, SeedTask], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with OpenAIServer(answer=good) as server:
            assert check(server.url) == 0
            asked = [request.body for request in server.requests if request.completed and "messages" in request.body]
        count = {name: [each for each in asked if question_of(each) == name] for name in
                 ("bootstrap", "classification", "output_first", "input_first")}  # fmt: skip
        assert {name: len(each) for name, each in count.items()} == {
            "bootstrap": 2, "classification": 14, "output_first": 2, "input_first": 2
        }  # fmt: skip
        about = [asked_about(body) for body in count["classification"]]
        assert sorted(tasks[each].is_classification for each in about) == [False] * 7 + [True] * 7
        prompts = [prompt_of(body).rpartition("\n\nTask: ")[0] for body in asked]
        assert not [each for each in about for prompt in prompts if f"Task: {each}\n" in prompt]
        assert "Nothing speaks against a run with this model." in capsys.readouterr().out

    def test_a_run_that_skips_classification_is_not_checked_for_it(
        self, good: Says, capsys: pytest.CaptureFixture[str]
    ) -> None:
        exit_status, report = found(capsys, good, "--skip-classification")
        assert exit_status == 0
        assert list(report["answers"]) == ["bootstrap", "input_first"]

    def test_no_more_than_half_of_each_kind_is_held_out(self) -> None:
        seeds = [seed(number, f"Do it {number} times.", number < 5) for number in range(20)]
        held, shown = _hold_out(seeds, 7, 0)
        assert [sum(task.is_classification for task in some) for some in (held, shown)] == [2, 3]
        assert (len(held), len(shown)) == (9, 11)
        assert not set(held) & set(shown)

    def test_seeds_of_one_kind_cannot_say_whether_it_tells_them_apart(
        self, good: Says, tasks: dict[str, SeedTask], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write_seed_tasks([task for task in tasks.values() if not task.is_classification][:8], tmp_path / "mine.jsonl")
        with OpenAIServer(answer=good) as server:
            assert check(server.url, "--seeds", tmp_path / "mine.jsonl") == 0
        assert "classification: not asked, since the seed tasks are all of one kind" in capsys.readouterr().out


class TestWhatItFinds:
    def test_a_model_that_does_it_all(self, good: Says, capsys: pytest.CaptureFixture[str]) -> None:
        exit_status, report = found(capsys, good)
        assert exit_status == 0
        assert report["advice"] == []
        assert report["questions"] == 20
        assert report["classification"]["balanced_accuracy"] == 1
        assert report["classification"]["interval"] == pytest.approx([0.749, 1.0], abs=0.001)
        assert report["classification"]["yes"] == {"right": 7, "of": 14}
        assert report["answers"]["bootstrap"] | {"tokens": [], "longest_prompt": 0} == {
            "asked": 2, "failed": 0, "failure": "", "in_form": 2, "made": 8, "usable": 4, "cut": 0,
            "longest_prompt": 0, "tokens": [],
        }  # fmt: skip

    def test_yes_to_everything(self, good: Says, capsys: pytest.CaptureFixture[str]) -> None:
        exit_status, report = found(capsys, lambda body: "Yes" if question_of(body) == "classification" else good(body))
        assert exit_status == 0
        (advised,) = report["advice"]
        assert "balanced accuracy 0.50 (95% interval 0.32 to 0.68; guessing has 0.5)" in advised
        assert "It says yes to 14 of 14 (100%), and 7 are." in advised
        assert all(way in advised for way in ("--base", "--structured", "another model", "--skip-classification"))

    def test_no_list(self, good: Says, capsys: pytest.CaptureFixture[str]) -> None:
        chatter = "Sure!"
        exit_status, report = found(capsys, lambda body: chatter if question_of(body) == "bootstrap" else good(body))
        assert exit_status == 3
        assert report["is_useless"] is True
        assert any("instructions" in each and "--structured" in each for each in report["advice"])

    def test_no_instances(self, good: Says, capsys: pytest.CaptureFixture[str]) -> None:
        def answer(body: Body) -> str | Answer:
            return "Sure!" if question_of(body) in ("output_first", "input_first") else good(body)

        exit_status, report = found(capsys, answer)
        assert exit_status == 3
        assert report["advice"] == [
            "4 of 4 answers hold no instances in the form that was asked for. Take --base (if it is a base model),"
            " --structured (guided decoding) or another model."
        ]

    def test_it_does_not_stop(self, good: Says, capsys: pytest.CaptureFixture[str]) -> None:
        def answer(body: Body) -> str | Answer:
            return Answer(str(good(body)), "length") if question_of(body) != "classification" else good(body)

        _, report = found(capsys, answer)
        assert any(each.startswith("It does not stop: 6 of 20 answers were cut") for each in report["advice"])

    def test_the_word_that_a_base_model_is_asked_for_may_be_cut(
        self, good: Says, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def answer(body: Body) -> str | Answer:
            return Answer(str(good(body)), "length") if question_of(body) == "classification" else good(body)

        exit_status, report = found(capsys, answer, "--base")
        assert (exit_status, report["advice"]) == (0, [])

    def test_neither_yes_nor_no(self) -> None:
        said = Findings(
            "m", "chat", "default", None, Share(59, 303), Share(5, 7), Share(6, 7), Share(6, 11),
            {"bootstrap": Answers(2, in_form=2, made=9, usable=9), "classification": Answers(14, in_form=11)},
        )  # fmt: skip
        assert advice(said) == [
            "Asked for yes or no it says neither in 3 of 14 answers. Take --base (if it is a base model), --structured"
            " (guided decoding) or another model; or --skip-classification."
        ]

    def test_requests_that_fail_are_told(self, good: Says, capsys: pytest.CaptureFixture[str]) -> None:
        def refused(body: Body) -> object:
            return status(400, "too long") if question_of(body) == "output_first" else None

        with OpenAIServer(answer=good, fault_rule=refused) as server:
            assert check(server.url, "--json") == 0
        report = json.loads(capsys.readouterr().out)
        assert report["failed"] == 2
        assert report["advice"][0].startswith("2 of 20 requests failed: ")
        assert "too long" in report["advice"][0]


@pytest.mark.parametrize(
    ("classification", "others", "cannot"),
    [
        (Share(7, 7), Share(0, 7), True),
        (Share(0, 7), Share(7, 7), True),
        (Share(5, 7), Share(5, 7), True),
        (Share(6, 7), Share(5, 7), False),
        (Share(7, 7), Share(7, 7), False),
        (Share(1, 1), Share(1, 1), False),  # too few to say anything
        (Share(0, 0), Share(7, 7), False),
    ],
)
def test_who_cannot_tell_classification(classification: Share, others: Share, cannot: bool) -> None:
    said = Findings("m", "chat", "default", None, Share(59, 303), classification, others, Share(0, 0), {})
    assert said.cannot_classify is cannot


class TestMistakes:
    """One line each, as in a run."""

    def test_a_model_that_there_is_not(self, good: Says, capsys: pytest.CaptureFixture[str]) -> None:
        with OpenAIServer(answer=good) as server:
            assert check(server.url, model="other-model") == 1
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith(f"Error: The endpoint {server.url} does not offer the model other-model.")
        assert said.err.count("\n") == 1

    @pytest.mark.parametrize(
        ("options", "what"),
        [
            (["--llm", "openai"], "--llm openai needs --model"),
            (["--seeds", "nowhere.jsonl"], "nowhere.jsonl: there is no such seed file"),
            (["--llm", "local", "--model", "nowhere.gguf"], "nowhere.gguf"),
        ],
    )
    def test_options(self, options: list[str], what: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert self_instruct(["check", *options]) == 1
        said = capsys.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1)
        assert what in said.err


def test_a_signal_ends_it_with_one_line(
    good: Says, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("distilabel_selfinstruct.recipes.self_instruct.check.ask", stopped)
    with OpenAIServer(answer=good) as server:
        assert check(server.url) == 130
    assert capsys.readouterr().err == "Stopped. A check keeps nothing.\n"


def test_the_demo_model_says_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert self_instruct(["check"]) == 0
    assert capsys.readouterr().out.endswith(
        "This is the embedded demo model, which knows only tasks that it makes up itself: that says nothing.\n"
    )
