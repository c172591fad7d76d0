"""Alpaca's lists of tasks: the form of the prompt, what models make of it, and what is no task."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distilabel_selfinstruct.recipes.alpaca.reading import ListedTask, list_tasks

REVERSE = ("Reverse the word.", "cat", "tac")
RIVER = ("Name a river of Africa.", "", "The Nile")


def tasks(completion: str, is_cut: bool = False) -> list[tuple[str | None, str, str]]:
    """The whole tasks; there must be no others."""
    listed = list_tasks(completion, "truncated" if is_cut else None)
    assert [task.fault for task in listed] == [None] * len(listed)
    return [(task.instruction, task.input, task.output) for task in listed]


def faults(completion: str, is_cut: bool = False) -> list[tuple[str | None, str | None]]:
    return [(task.instruction, task.fault) for task in list_tasks(completion, "truncated" if is_cut else None)]


# --- the form of the prompt ----------------------------------------------------------------------------------------

IN_FORM = """\
4. Instruction: Reverse the word.
4. Input:
cat
4. Output:
tac
###
5. Instruction: Name a river of Africa.
5. Input:
<noinput>
5. Output:
The Nile
"""


def test_numbered_fields_with_a_mark_between_two_tasks() -> None:
    assert tasks(IN_FORM) == [REVERSE, RIVER]


def test_a_text_that_goes_on_after_the_mark_of_its_first_instruction() -> None:
    assert tasks("4. Instruction:" + IN_FORM.removeprefix("4. Instruction:")) == [REVERSE, RIVER]


def test_fields_keep_their_lines_and_an_instruction_becomes_one() -> None:
    listed = tasks("4. Instruction: Sort the\nlines.\n4. Input:\nb\n\na\n4. Output:\n```\na\n\nb\n```\n###\n")
    assert listed == [("Sort the lines.", "b\n\na", "```\na\n\nb\n```")]


def test_other_line_ends() -> None:
    assert tasks(IN_FORM.replace("\n", "\r\n")) == [REVERSE, RIVER]


@pytest.mark.parametrize(
    "spelling",
    [
        "<noinput>",
        "<noInput>",
        "<NOINPUT>",
        "< noinput >",
        "<no input>",
        "<no-input>",
        "<no_input>",
        "`<noinput>`",
        "&lt;noinput&gt;",
        "[No input]",
        "(none)",
        "None",
        "None.",
        "N/A",
        "No input needed.",
        "No input required",
        "",
    ],
)
def test_no_input_in_many_spellings(spelling: str) -> None:
    assert tasks(IN_FORM.replace("<noinput>", spelling)) == [REVERSE, RIVER]


@pytest.mark.parametrize("given", ["Nonetheless, it rained.", "no input was given to the clerk", "<b>none</b> of them"])
def test_an_input_that_only_begins_like_none(given: str) -> None:
    assert tasks(IN_FORM.replace("<noinput>", given))[1][1] == given


def test_a_field_name_without_the_number_stands_within_a_field() -> None:
    form = "Instruction: fill it in\nInput: your name\nOutput: a letter"
    assert tasks(f"4. Instruction: Write a form.\n4. Input:\n<noinput>\n4. Output:\n{form}\n###") == [
        ("Write a form.", "", form)
    ]


def test_a_number_alone_on_the_last_line_stays() -> None:
    assert (
        tasks(
            "4. Instruction: Add 11 and 9.\n4. Input:\n<noinput>\n4. Output:\n20.\n###\n5. Instruction: Name a"
            " river of Africa.\n5. Input:\n<noinput>\n5. Output:\nThe Nile\n###"
        )[0][2]
        == "20."
    )


# --- what chat models make of it -----------------------------------------------------------------------------------


def test_preamble_and_closing_remark() -> None:
    said = f"Sure! Here are 17 more tasks:\n\n{IN_FORM}###\n\nLet me know if you would like more tasks!"
    assert tasks(said) == [REVERSE, RIVER]


def test_closing_remark_without_a_mark_before_it() -> None:
    assert tasks(f"{IN_FORM}\nI hope these tasks help you. Let me know if you need more.") == [REVERSE, RIVER]


def test_thoughts_of_a_reasoning_model() -> None:
    assert tasks(f"<think>\n4. Instruction: hm\n</think>\n{IN_FORM}") == [REVERSE, RIVER]


@pytest.mark.parametrize(
    "form",
    [
        "**{0}. Instruction:** {1}\n**{0}. Input:** {2}\n**{0}. Output:** {3}\n",
        "**{0}. Instruction**: {1}\n**Input**: {2}\n**Output**: {3}\n\n---\n",
        "{0}. **Instruction:** {1}\n   **Input:** {2}\n   **Output:** {3}\n\n",
        "{0}) Instruction: {1}\nInput: {2}\nOutput: {3}\n\n",
        "Instruction {0}: {1}\nInput {0}: {2}\nOutput {0}: {3}\n\n",
        "### {0}. Instruction: {1}\nInput:\n{2}\nOutput:\n{3}\n\n",
        "### Task {0}\nInstruction: {1}\nInput: {2}\nOutput: {3}\n\n",
        "**Task {0}: something short**\n- Instruction: {1}\n- Input: {2}\n- Output: {3}\n\n",
        "{0}.\nInstruction: {1}\nInput: {2}\nOutput: {3}\n\n",
        "{0}. **A title**\nInstruction: {1}\nInput: {2}\nOutput: {3}\n\n",
        "###\nInstruction: {1}\nInput: {2}\nOutput: {3}\n",
        "### Instruction:\n{1}\n\n### Input:\n{2}\n\n### Response:\n{3}\n\n",
        "instruction: {1}\ninput: {2}\noutput: {3}\n\n",
    ],
)
def test_other_forms(form: str) -> None:
    listed = [(4, *REVERSE), (5, RIVER[0], "<noinput>", RIVER[2])]
    assert tasks("".join(form.format(*each) for each in listed)) == [REVERSE, RIVER]


def test_a_fence_around_the_whole() -> None:
    assert tasks(f"Here you go:\n\n```text\n{IN_FORM}```\n") == [REVERSE, RIVER]


def test_an_instruction_is_undressed() -> None:
    assert tasks('4. Instruction: **"Name a river of Africa."**\n4. Input: <noinput>\n4. Output: The Nile') == [RIVER]


def test_json() -> None:
    said = '[{"instruction": "Reverse the word.", "input": "cat", "output": "tac"}, {"instruction": "Name"}, 7]'
    assert faults(said) == [("Reverse the word.", None), ("Name", "missing_field")]
    assert tasks(said.partition(', {"instruction": "N')[0]) == [REVERSE]


# --- a truncated last item -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", range(IN_FORM.index("5. Inst") + 2, len(IN_FORM), 3))
def test_only_the_last_task_of_a_cut_completion_is_spoiled(end: int) -> None:
    whole, cut = list_tasks(IN_FORM[:end], cut_reason="truncated")
    assert (whole.instruction, whole.fault) == ("Reverse the word.", None)
    assert cut.fault == "truncated"


def test_what_a_mark_follows_is_whole() -> None:
    assert tasks(f"{IN_FORM}###\n", is_cut=True) == [REVERSE, RIVER]


def test_the_text_of_a_spoiled_task_is_kept() -> None:
    assert list_tasks("4. Instruction: Reverse the wo", cut_reason="truncated") == [
        ListedTask("Reverse the wo", "", "", "truncated", "4. Instruction: Reverse the wo")
    ]


# --- missing fields ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "instruction"),
    [
        ("5. Instruction: Name a river of Africa.", None),
        ("5. Input:\n<noinput>", RIVER[0]),
        ("5. Output:\nThe Nile", RIVER[0]),
    ],
)
def test_a_missing_field_costs_its_own_task(line: str, instruction: str | None) -> None:
    said = f"{IN_FORM.replace(line, '')}###\n6. Instruction: Reverse the word.\n6. Input: cat\n6. Output: tac\n"
    assert faults(said) == [("Reverse the word.", None), (instruction, "missing_field"), ("Reverse the word.", None)]


def test_an_empty_field_is_no_missing_one() -> None:
    assert tasks(IN_FORM.replace("The Nile", "")) == [REVERSE, (RIVER[0], "", "")]


def test_a_task_without_any_field_name() -> None:
    assert faults(f"{IN_FORM}###\n6. Translate the sentence.\n###\n") == [
        (REVERSE[0], None),
        (RIVER[0], None),
        (None, "missing_field"),
    ]


def test_a_field_of_another_task() -> None:
    assert faults(IN_FORM.replace("5. Output", "6. Output")) == [(REVERSE[0], None), (RIVER[0], "missing_field")]


@pytest.mark.parametrize(
    "fields",
    [
        "4. Output: tac\n4. Input: cat",
        "4. Input: cat\n4. Output: tac\n4. Output: act",
        "4. Input: cat\n4. Output: tac\n4. Input: dog\n4. Output: god",
    ],
)
def test_fields_twice_or_in_another_order(fields: str) -> None:
    assert faults(f"4. Instruction: Reverse the word.\n{fields}\n") == [("Reverse the word.", "field_order")]


# --- nothing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "  \n\n",
        "###",
        "I'm sorry, but I can't continue this list.",
        "Sure! Here are 17 more tasks:",
        "<think>I should list tasks.",
        "1. Name a river.\n2. Name a lake.",
    ],
)
def test_no_task_at_all(completion: str) -> None:
    assert list_tasks(completion) == []
    assert list_tasks(completion, cut_reason="truncated") == []


@given(
    st.lists(
        st.sampled_from(
            [
                "4. Instruction:",
                "Input:",
                "4. Output: ",
                "###",
                "\n",
                " ",
                "a",
                "**",
                "```",
                "Task 5",
                "{",
                '"',
                "[",
                "<think>",
            ]
        ),
        max_size=40,
    )
)
def test_no_text_raises(pieces: list[str]) -> None:
    for is_cut in (True, False):
        for task in list_tasks("".join(pieces), "truncated" if is_cut else None):
            assert task.fault in (None, "truncated", "missing_field", "field_order")
