"""Lists of topics, and of instructions that keep their lines."""

from __future__ import annotations

import pytest

from distilabel_selfinstruct.recipes.topics.reading import list_blocks, list_topics

# --- topics --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "completion",
    [
        "1. Bird song\n2. The Silk Road\n3. Solar eclipses",
        "1) bird song.\n2) the Silk Road;\n3) solar eclipses",
        "- Bird song\n- The Silk Road\n- Solar eclipses",
        "Here are some topics:\n\n**1.** Bird song\n**2.** The Silk Road\n**3.** Solar eclipses\n\nLet me know if you"
        " would like more topics!",
        "1. **Bird song**\n2. **The Silk Road**: trade between East and West\n3. **Solar eclipses** - night at noon",
        "1. **Bird song:** why they sing\n2. The Silk Road - trade between East and West\n3. Solar eclipses",
        "1. Bird song\n   Why they sing.\n2. The Silk Road\n   Trade.\n3. Solar eclipses\n   Night at noon.",
        "Bird song\nThe Silk Road\nSolar eclipses",
        '["Bird song", "The Silk Road", "Solar eclipses"]',
        "```\n1. Bird song\n2. The Silk Road\n3. Solar eclipses\n```",
    ],
)
def test_topics_in_many_forms(completion: str) -> None:
    assert list_topics(completion).items == ["Bird song", "The Silk Road", "Solar eclipses"]


def test_a_topic_keeps_its_hyphen_and_its_colon() -> None:
    assert list_topics("1. Second-hand books\n2. Film noir: the lighting").items == [
        "Second-hand books",
        "Film noir: the lighting",
    ]


def test_only_the_last_topic_of_a_cut_completion_is_spoiled() -> None:
    listed = list_topics("1. Bird song\n2. The Silk Road\n3. Solar ec", "length")
    assert (listed.items, listed.truncated) == (["Bird song", "The Silk Road"], ["Solar ec"])


@pytest.mark.parametrize("completion", ["", "I'm sorry, but I can't help with that.", "\n\n"])
def test_no_topics(completion: str) -> None:
    assert list_topics(completion).items == []


# --- instructions --------------------------------------------------------------------------------------------------

QUESTION = "Which bird mimics chain saws?\nA) Wren\nB) Lyrebird\nC) Owl\nD) Heron"
CODE = "What does this Python line print?\n\n```python\nprint(2 ** 3)\n```"


@pytest.mark.parametrize("form", ["{0}. {1}", "{0}) {1}", "**{0}.** {1}", "Instruction {0}: {1}", "Task {0}:\n{1}"])
def test_instructions_keep_their_lines(form: str) -> None:
    said = "\n\n".join(form.format(number, text) for number, text in enumerate((QUESTION, CODE, "Hum a tune."), 1))
    assert list_blocks(said).items == [QUESTION, CODE, "Hum a tune."]


def test_preamble_rule_and_closing_remark() -> None:
    said = (
        f"Sure, here are 2 instructions:\n\n1. {QUESTION}\n\n---\n\n2. {CODE}\n\n---\n\nLet me know if you need more!"
    )
    assert list_blocks(said).items == [QUESTION, CODE]


@pytest.mark.parametrize(
    "answer",
    [
        "Answer: B",
        "**Answer: B) Lyrebird**",
        "Correct answer: B",
        "*The correct answer is:* B\nIt lives in Australia.",
        "Solution: B",
        "**Explanation:** It mimics.",
    ],
)
@pytest.mark.parametrize("between", ["\n", "\n\n"])
def test_an_answer_below_a_question_is_left_out(answer: str, between: str) -> None:
    assert list_blocks(f"1. {QUESTION}{between}{answer}\n\n2. {CODE}").items == [QUESTION, CODE]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (QUESTION, "Answer: B\n\nExplanation: It mimics what it hears."),
        (QUESTION, "The correct answer is: B"),
        (QUESTION, "Answer (with its reason): B, since it mimics what it hears."),
        ("Which bird mimics chain saws?", "Answer: The lyrebird."),
        ("Ann has 3 hens, Bob has 4. How many legs have they?", "**Solution:** 3 + 4 = 7 hens.\n7 x 2 = 14 legs."),
        (CODE, "Answer: 8"),
        ("问：哪种鸟会模仿锯子？", "Answer：琴鸟"),
    ],
)
def test_answers_of_several_kinds_are_left_out(question: str, answer: str) -> None:
    assert list_blocks(f"1. {question}\n\n{answer}\n\n2. Hum a tune.").items == [question, "Hum a tune."]


@pytest.mark.parametrize(
    "text",
    [
        "Grade the pupil's answer.\n\nQuestion: What is 2+2?\nAnswer: 5\n\nWrite your remark as if to a child.",
        "Grade the pupil's answer.\n\nQuestion: What is 2+2?\nAnswer: 5",
        "Summarise this exchange in a sentence.\n\nCustomer: Is it in stock?\nAnswer from the shop: Next week.",
        "Summarise this exchange in a sentence.\n\nCustomer: Is it in stock?\nAnswer: Next week.",
        "What did the customer want?\n\nCustomer: I need a lamp.\nAnswer: We have none.",
        "Shorten this paragraph.\n\nSolution: mix a spoon of salt with a litre of water.",
        "Compare two tests.\nAnswer key: A, B, C, D\nAnswers of the pupil: A, C, C, D",
        "What is the value of this key?\n\n```yaml\nAnswer: 5\n```",
    ],
)
def test_a_text_that_speaks_of_answers_stays_whole(text: str) -> None:
    assert list_blocks(f"1. {text}\n\n2. Hum a tune.").items == [text, "Hum a tune."]


def test_the_first_line_is_undressed() -> None:
    said = '1. **"whistle a tune."**\n\n2. **Riddle:** What has keys but no locks?'
    assert list_blocks(said).items == ["Whistle a tune.", "What has keys but no locks?"]


@pytest.mark.parametrize("indent", ["", "   "])
def test_a_list_within_an_instruction(indent: str) -> None:
    said = f"1. Sort these birds by size:\n{indent}1. wren\n{indent}2. heron\n\n2. Hum a tune."
    assert list_blocks(said).items == [said[3:].partition("\n\n")[0], "Hum a tune."]


def test_only_the_last_instruction_of_a_cut_completion_is_spoiled() -> None:
    listed = list_blocks(f"1. Hum a tune.\n\n2. {QUESTION[:40]}", "length")
    assert (listed.items, listed.truncated) == (["Hum a tune."], [QUESTION[:40]])


@pytest.mark.parametrize("completion", ["", "I'm sorry, but I can't help with that.", "Hum a tune."])
def test_no_instructions_where_nothing_is_marked(completion: str) -> None:
    assert list_blocks(completion).items == []
