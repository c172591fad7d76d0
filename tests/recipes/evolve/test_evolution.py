"""Evolved instructions: how they are read, and the rules by which an evolution has failed."""

from __future__ import annotations

import pytest

from distilabel_selfinstruct.recipes.evolve.reading import (
    copies_prompt,
    is_same,
    is_short_apology,
    read_evolution,
    says_nothing,
)

EVOLVED = "Name the largest ocean, and say how deep it is."


@pytest.mark.parametrize(
    "completion",
    [
        EVOLVED,
        f"\n  {EVOLVED}\n",
        f"#Rewritten Prompt#:\n{EVOLVED}",
        f"#Rewritten Prompt#: {EVOLVED}",
        f"#Rewritten Prompt#\n\n{EVOLVED}",
        f"**#Created Prompt#:**\n{EVOLVED}",
        f"**Rewritten Prompt:** {EVOLVED}",
        f"Rewritten prompt: {EVOLVED}",
        f"#The Given Prompt#:\nName the largest ocean.\n#Rewritten Prompt#:\n{EVOLVED}",
        f"Sure! Here is the rewritten prompt:\n\n{EVOLVED}",
        f"Here's a more complex version:\n\n{EVOLVED}\n\nLet me know if you would like another one!",
        f"Certainly!\n\n#Rewritten Prompt#:\n\n{EVOLVED}",
        f'"{EVOLVED}"',
        f"“{EVOLVED}”",
        f"**{EVOLVED}**",
        f"```\n{EVOLVED}\n```",
        f"<think>It should be harder.</think>\n\n#Rewritten Prompt#:\n{EVOLVED}",
    ],
)
def test_the_instruction_in_an_answer(completion: str) -> None:
    assert read_evolution(completion) == EVOLVED


@pytest.mark.parametrize(
    "remark",
    [
        "\n\n(Note: I added a constraint.)",
        "\n\n(I added a constraint.)",
        "\n\nI have added a constraint, to make it a little harder.",
        "\n\nI've also replaced the general concept with a more specific one.",
        "\n\nThis version adds a constraint.",
        "\n\nThis new version adds one more constraint and requires two steps of reasoning.",
        "\n\nThis instruction adds a further requirement.",
        "\n\nThe rewritten prompt asks for a depth, too.",
        "\n\nThe new prompt now requires multiple-step reasoning.",
        "\n\n**Explanation:** I added a constraint.",
        "\n\n*Note*: The rewritten question is harder, but can still be answered.",
        "\n\nNote that I have added a constraint.",
        "\nNote: I added a constraint.",
        " (Note: I added a constraint.)",
        "\n\nExplanation: By adding a second question the task gets more complex.",
        "\n\n(Added a constraint.)",
        "\n\nI have added a constraint.\n\nLet me know if you want more changes!",
        "\n\n---\n\nThis version adds a constraint.",
        "\n#End#",
        "\n\n#End of Rewritten Prompt#",
        "\n\n### END ###",
    ],
)
def test_remarks_below_an_instruction_are_left_out(remark: str) -> None:
    assert read_evolution(f"{EVOLVED}{remark}") == EVOLVED


@pytest.mark.parametrize(
    "remark",
    [
        "I have rewritten the prompt to make it more complex:\n\n",
        "I added a constraint to the instruction:\n\n",
        "To make it harder, I added a constraint:\n\n",
        "Sure, here's the instruction with an added constraint:\n",
        "The rewritten prompt is as follows:\n",
        "Okay, here is a more complex version of the prompt:\n\n",
        "Here is the result:\n\n#Rewritten Prompt#:\n",
    ],
)
def test_remarks_above_an_instruction_are_left_out(remark: str) -> None:
    assert read_evolution(f"{remark}{EVOLVED}") == EVOLVED


@pytest.mark.parametrize(
    "text",
    [
        "Describe a cat.\n\nNote: do not use the letter e.",
        "Describe a cat. (Note: at least two paragraphs.)",
        "What can I cook?\n\nNote: I have added salt already.",
        "Proofread my letter.\n\nI have added two paragraphs since yesterday.",
        "Compare both releases.\n\nThis version adds a cache, the old one had none.",
        "Does it crash?\n\nThis version of the prompt adds a second example. Which of the two is clearer?",
        "Use this form:\n\nAnswer: one word\n\nExplanation: two sentences",
        "Solve the equation.\n\nExplanation: show each step.",
        "Write a play.\n\nThe task requires three scenes.",
        "Tell how it ends.\n\nThe End",
    ],
)
def test_what_an_instruction_says_itself_stays(text: str) -> None:
    assert read_evolution(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Sort the words below.\n\n- pear\n- fig\n\nGive the result as a JSON list.",
        "Explain this code:\n\n```python\nprint(1)\n```\n\nThen shorten it.",
        'Translate "good night" and "good day".',
        "Here are three numbers: 4, 5 and 6. Which is prime?",
    ],
)
def test_what_belongs_to_the_instruction_stays(text: str) -> None:
    assert read_evolution(text) == text


@pytest.mark.parametrize("completion", ["", "<think>Let me see", "#Rewritten Prompt#:\n"])
def test_no_instruction(completion: str) -> None:
    assert read_evolution(completion) == ""


@pytest.mark.parametrize(
    "text",
    [
        "Answer the given prompt in two lines.",
        "The #Rewritten Prompt# is about oceans.",
        "Follow the REWRITTEN PROMPT.",
        "A created prompt of the same domain.",
    ],
)
def test_copied_words(text: str) -> None:
    assert copies_prompt(text)


@pytest.mark.parametrize("text", ["Write a prompt for a poet.", "Be prompt, given that it is late.", EVOLVED])
def test_words_that_are_not_copied(text: str) -> None:
    assert not copies_prompt(text)


@pytest.mark.parametrize(
    ("other", "same"),
    [("name the  largest\nocean.", True), ("Name the largest ocean", False), ("Name the largest lake.", False)],
)
def test_the_same_text(other: str, same: bool) -> None:
    assert is_same("Name the largest ocean.", other) is same


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Sorry about that, this is beyond me.", True),
        ("I am SORRY.", True),
        ("The answer is 4.", False),
        ("A sorrysome word.", False),
        ("sorry " + "word " * 78, True),  # 79 words
        ("sorry " + "word " * 79, False),  # 80
    ],
)
def test_a_short_apology(answer: str, expected: bool) -> None:
    assert is_short_apology(answer) is expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("It is what it is.", True),
        ("...", True),
        ("Don't!", True),
        ("", True),
        ("No.", False),
        ("42", False),
        ("It is blue.", False),
        ("A.", False),
        ("I'm what you've been.", True),
        ("+", False),
        ("🙂", False),
        ("海", False),
    ],
)
def test_an_answer_that_says_nothing(answer: str, expected: bool) -> None:
    assert says_nothing(answer) is expected


@pytest.mark.parametrize(
    "instruction",
    [
        "Plan a garden party for 40 people.\n\nWe have added two constraints: the budget is 500 euros and candles are"
        " forbidden. Write the shopping list.",
        "Review the following email.\n\nI have made the changes that the instruction manual needs. Please send it on.",
        "Here is a customer's complaint. Answer it politely.\n\nThis task now requires two people, and more depth.",
    ],
)
def test_a_text_to_work_on_in_which_somebody_speaks_is_no_remark(instruction: str) -> None:
    assert read_evolution(instruction) == instruction
