"""The prompts as the models get them."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

import pytest

from distilabel_selfinstruct.data.seeds import SeedTask
from distilabel_selfinstruct.presets import WORDINGS, Wording
from distilabel_selfinstruct.recipes.alpaca.steps import PROMPTS as ALPACA
from distilabel_selfinstruct.recipes.self_instruct.prompting import PROMPTS
from distilabel_selfinstruct.recipes.topics.kinds import KINDS, Kind
from distilabel_selfinstruct.recipes.topics.steps import PROMPTS as TOPICS
from distilabel_selfinstruct.steps.judge import PROMPTS as JUDGE
from distilabel_selfinstruct.text.reading.answers import Instance, parse_instances, parse_instructions

REVERSE = SeedTask("s0", "Reverse the word.", (Instance("cat", "tac"), Instance("dog", "god")), False)
CAPITAL = SeedTask("s1", "Name the capital of Peru.", (Instance("", "Lima"),), False)
MOOD = SeedTask("s2", "Is the text positive or negative?", (Instance("I love it.", "Positive"),), True)
PRIME = SeedTask("s3", "Is 7 prime? Answer yes or no.", (Instance("", "Yes"),), True)

TASK_QUESTIONS: list[str] = ["classification", "output_first", "input_first"]
SHOTS: dict[str, list[SeedTask]] = {
    "classification": [MOOD, REVERSE],
    "output_first": [MOOD, PRIME],
    "input_first": [REVERSE, CAPITAL],
}


def ask(
    question: str, wording: Wording, instruction: str, shots: list[SeedTask] | None = None, numbered: bool = True
) -> str:
    """The text of a question about one instruction."""
    values: dict[str, Any] = {"shots": SHOTS[question] if shots is None else shots, "instruction": instruction}
    if wording != "base" and question != "classification":
        values["max_instances"] = 5
    if question == "output_first":
        values["numbered"] = numbered
    return text_of(PROMPTS.render(question, wording, **values), wording)


def text_of(prompt: object, wording: Wording) -> str:
    if wording == "base":
        assert isinstance(prompt, str)
        return prompt
    chat = prompt[0] if isinstance(prompt, tuple) else prompt
    [message] = chat  # type: ignore[misc]
    assert message["role"] == "user"
    return str(message["content"])


# --- bootstrap -----------------------------------------------------------------------------------------------------


def test_bootstrap_base_ends_in_the_next_number() -> None:
    prompt = PROMPTS.render(
        "bootstrap", "base", shots=["Reverse the word.", "Name a river."], classification_only=False
    )
    assert prompt == "A list of varied tasks for a language model:\n1. Reverse the word.\n2. Name a river.\n3."


def test_bootstrap_base_can_ask_for_classification_tasks() -> None:
    prompt = PROMPTS.render("bootstrap", "base", shots=["Is it positive or negative?"], classification_only=True)
    assert prompt == (
        "A list of varied classification tasks for a language model. "
        "Where it helps, a task names its possible labels:\n"
        "1. Is it positive or negative?\n2."
    )


def test_bootstrap_chat_says_how_many_and_from_which_number() -> None:
    prompt = PROMPTS.render(
        "bootstrap", "chat", shots=["Reverse the word.", "Name a river."], new=8, classification_only=False
    )
    text = text_of(prompt, "chat")
    assert "\n1. Reverse the word.\n2. Name a river.\n\n" in text
    assert "Continue the list with 8 new instructions, numbered 3 to 10." in text
    assert "classification" not in text


@pytest.mark.parametrize("wording", ["chat", "structured"])
def test_bootstrap_of_a_chat_model_can_ask_for_classification_tasks(wording: Wording) -> None:
    prompt = PROMPTS.render("bootstrap", wording, shots=["Name a river."], new=8, classification_only=True)
    assert "This time we only collect classification tasks" in text_of(prompt, wording)


@pytest.mark.parametrize(("wording", "rest"), [("chat", ", numbered 2 to 9."), ("structured", ", as JSON.")])
def test_what_is_the_same_for_all_prompts_stands_before_the_shots(wording: Wording, rest: str) -> None:
    prompt = PROMPTS.render("bootstrap", wording, shots=["Name a river."], new=8, classification_only=False)
    _, _, behind = text_of(prompt, wording).partition("\n1. Name a river.\n")
    assert behind == f"\nContinue the list with 8 new instructions{rest}"


def test_bootstrap_structured_comes_with_the_schema_of_its_answer() -> None:
    chat, structure = PROMPTS.render(
        "bootstrap", "structured", shots=["Name a river."], new=8, classification_only=False
    )
    assert '{"instructions": [...]} of 8 strings' in chat[0]["content"]
    assert structure == {"format": "json", "schema": PROMPTS.schemas["bootstrap"]}


@pytest.mark.parametrize("wording", WORDINGS)
@pytest.mark.parametrize("classification_only", [False, True])
def test_bootstrap_needs_no_shots(wording: Wording, classification_only: bool) -> None:
    text = text_of(
        PROMPTS.render("bootstrap", wording, shots=[], new=8, classification_only=classification_only), wording
    )
    assert text.endswith("\n1.") if wording == "base" else "Continue the list with 8 new instructions" in text


# --- the other questions -------------------------------------------------------------------------------------------


def test_classification_base() -> None:
    assert ask("classification", "base", "Name a river.") == (
        "Say of each task whether it is classification: whether its answer is always one of a small set of labels.\n\n"
        "Task: Is the text positive or negative?\nIs it classification? Yes\n\n"
        "Task: Reverse the word.\nIs it classification? No\n\n"
        "Task: Name a river.\nIs it classification?"
    )


@pytest.mark.parametrize(("numbered", "mark"), [(True, "Class label 1:"), (False, "Class label:")])
def test_output_first_base_puts_the_label_before_the_input(numbered: bool, mark: str) -> None:
    assert ask("output_first", "base", "Is it even?", numbered=numbered).endswith(
        f"\n\nTask: Is the text positive or negative?\n{mark} Positive\nI love it.\n\n"
        f"Task: Is 7 prime? Answer yes or no.\n{mark} Yes\n\n"
        "Task: Is it even?\n" + ("Class label 1:" if numbered else "")
    )


def test_output_first_chat_says_the_form_that_its_shots_have() -> None:
    for numbered, form in ((True, '"Class label 1: ..."'), (False, '"Class label: ..."')):
        assert f"lines of the form {form} and" in ask("output_first", "chat", "Is it even?", numbered=numbered)


def test_input_first_base_numbers_examples_that_have_an_input() -> None:
    assert ask("input_first", "base", "Name a river.").endswith(
        "\n\nTask: Reverse the word.\nExample 1\nInput: cat\nOutput: tac\nExample 2\nInput: dog\nOutput: god\n\n"
        "Task: Name the capital of Peru.\nOutput: Lima\n\n"
        "Task: Name a river.\n"
    )


@pytest.mark.parametrize(
    ("question", "asked_for"),
    [
        ("classification", "Answer Yes or No."),
        ("output_first", "with up to 5 inputs and different labels."),
        ("input_first", "with up to 5 examples."),
    ],
)
def test_a_chat_model_is_told_what_to_answer(question: str, asked_for: str) -> None:
    assert asked_for in ask(question, "chat", "Name a river.")


@pytest.mark.parametrize("question", TASK_QUESTIONS)
def test_structured_wording_comes_with_the_schema_of_the_answer(question: str) -> None:
    more = {} if question == "classification" else {"max_instances": 5}
    _, structure = PROMPTS.render(question, "structured", shots=SHOTS[question], instruction="Name a river.", **more)
    assert structure == {"format": "json", "schema": PROMPTS.schemas[question]}


def test_the_schema_of_labels_asks_for_the_output_first() -> None:
    for question, fields in (("output_first", ["output", "input"]), ("input_first", ["input", "output"])):
        instance = PROMPTS.schemas[question]["properties"]["instances"]["items"]
        assert list(instance["properties"]) == fields
        assert instance["required"] == fields


@pytest.mark.parametrize("question", TASK_QUESTIONS)
@pytest.mark.parametrize("wording", WORDINGS)
def test_all_shots_stand_in_the_common_beginning_of_two_prompts(question: str, wording: Wording) -> None:
    first = ask(question, wording, "Name a river.")
    second = ask(question, wording, "Explain what a comet is.")
    common = "".join(one for one, two in takewhile(lambda pair: pair[0] == pair[1], zip(first, second)))
    for task in SHOTS[question]:
        assert f"Task: {task.instruction}\n" in common
        if question != "classification":
            assert all(instance.output in common for instance in task.instances)
    assert len(first) - len(common) < 120


@pytest.mark.parametrize("question", TASK_QUESTIONS)
@pytest.mark.parametrize("wording", WORDINGS)
def test_no_question_about_a_task_needs_shots(question: str, wording: Wording) -> None:
    text = ask(question, wording, "Name a river.", shots=[])
    assert text.count("Task: ") == 1
    assert "Task: Name a river." in text


@pytest.mark.parametrize("wording", WORDINGS)
def test_markup_in_an_instruction_is_not_rendered(wording: Wording) -> None:
    instruction = "What does {{ x }} {% if %} <b>&amp;</b> mean?"
    assert instruction in ask("input_first", wording, instruction)


# --- the judge ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wording", ["chat", "structured"])
def test_the_judge_is_told_its_points_before_what_changes(wording: Wording) -> None:
    values = {"instruction": "Name a {{ river }}.", "output": "<b>The Po</b>"}
    text = text_of(JUDGE.render("judgement", wording, input="", document="", **values), wording)
    shown = "well it is written.\n\n<request>\nName a {{ river }}.\n</request>\n\n<answer>\n<b>The Po</b>\n</answer>\n"
    assert text.index("A fifth point") < text.index(shown)
    more = text_of(
        JUDGE.render("judgement", wording, input="in Italy", document="Rivers\n\nThe Po.", **values), wording
    )
    assert "\n<request>\nName a {{ river }}.\n\nin Italy\n</request>\n" in more
    assert (
        "well it is written.\n\nThe request is about this passage:\n\n<passage>\nRivers\n\nThe Po.\n</passage>\n\n"
        in more
    )


def test_the_judge_ends_with_its_score() -> None:
    values = {"instruction": "Name a river.", "input": "", "output": "The Po", "document": ""}
    assert text_of(JUDGE.render("judgement", "chat", **values), "chat").endswith("\nScore: N")
    _, structure = JUDGE.render("judgement", "structured", **values)
    assert structure["schema"]["properties"]["score"] == {"type": "integer", "minimum": 0, "maximum": 5}


# --- what a prompt shows is what the parser reads ------------------------------------------------------------------


def test_a_list_as_the_prompt_shows_it_is_read_back() -> None:
    shots = ["Reverse the word.", "Name a river.", "Is it positive or negative?"]
    prompt = PROMPTS.render("bootstrap", "base", shots=shots, classification_only=False)
    assert parse_instructions(prompt.partition("\n")[2].removesuffix("4.")) == shots


@pytest.mark.parametrize("preset", ["paper", "default"])
@pytest.mark.parametrize("task", [REVERSE, CAPITAL, MOOD, PRIME], ids=lambda task: task.id)
def test_the_instances_of_a_shot_are_read_back(task: SeedTask, preset: str) -> None:
    question: str = "output_first" if task.is_classification else "input_first"
    prompt = ask(question, "base", "Name a river.", shots=[task], numbered=preset != "paper")
    shown = prompt.partition(f"Task: {task.instruction}\n")[2].rpartition("Task: ")[0]
    assert parse_instances(shown, task.is_classification, "stop", preset) == list(task.instances)


# --- whole tasks, topics, instructions about them ------------------------------------------------------------------

ALPACA_SHOTS = [
    {"instruction": "Reverse the word.", "input": "cat", "output": "tac"},
    {"instruction": "Name a river.", "input": "", "output": "The Nile"},
]


def test_alpaca_base_ends_in_the_mark_of_the_next_instruction() -> None:
    prompt = ALPACA.render("alpaca", "base", shots=ALPACA_SHOTS, last=20, no_input="<noinput>")
    assert prompt.startswith("A list of 20 tasks for a language model")
    assert prompt.endswith(
        "\n\n###\n1. Instruction: Reverse the word.\n1. Input:\ncat\n1. Output:\ntac"
        "\n###\n2. Instruction: Name a river.\n2. Input:\n<noinput>\n2. Output:\nThe Nile\n###\n3. Instruction:"
    )


def test_alpaca_chat_says_up_to_which_task() -> None:
    text = text_of(ALPACA.render("alpaca", "chat", shots=ALPACA_SHOTS, last=20, no_input="<noinput>"), "chat")
    assert "\n2. Instruction: Name a river.\n2. Input:\n<noinput>\n2. Output:\nThe Nile\n###\n\n" in text
    assert "Go on with the tasks 3 to 20, in the same form" in text


def test_topics_name_the_area_and_what_is_there() -> None:
    text = text_of(TOPICS.render("topics", "chat", new=20, area="food and cooking", known=["Herbal tea"]), "chat")
    assert "List 20 topics from food and cooking" in text
    assert "\n\nWe have these already, so name others:\n- Herbal tea\n\n" in text
    text = text_of(TOPICS.render("topics", "chat", new=20, area="food and cooking", known=[]), "chat")
    assert "already" not in text


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_question_of_its_own(kind: Kind) -> None:
    text = text_of(
        TOPICS.render(f"kinds/{kind}", "chat", new=5, topic="Bird song", known=["What is a dawn chorus?"]), "chat"
    )
    first, what, *_ = text.split("\n\n")
    assert first.endswith("Write 5 of them that have to do with this topic: Bird song")
    assert "\n\n- What is a dawn chorus?\n\n" in text
    others = [
        text_of(TOPICS.render(f"kinds/{other}", "chat", new=5, topic="Bird song", known=[]), "chat") for other in KINDS
    ]
    assert sum(what in other for other in others) == 1
    assert all("already" not in other for other in others)
