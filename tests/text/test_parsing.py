"""Completions of base and chat models, and what is read in them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.presets import PRESETS
from distilabel_selfinstruct.text.reading.answers import (
    Instance,
    list_instances,
    list_instructions,
    normalise_instruction,
    parse_classification,
    parse_instances,
    parse_instructions,
    parse_yes_or_no,
)
from distilabel_selfinstruct.text.rules import check_instances, check_instruction
from tests.support.waiting import ends_in_time

POEM, TAXES = "Write a poem about the first snow.", "Explain to a teenager what taxes are for."

# --- instructions, as the authors read them ------------------------------------------------------------------------


def test_paper_splits_at_numbers_and_lowers_all_but_the_first_letter() -> None:
    completion = " Explain what NASA does.\n10. Name three rivers in Peru.\n11 . sort the list:"
    assert parse_instructions(completion, "stop", "paper") == [
        "Explain what nasa does.",
        "Name three rivers in peru.",
        "Sort the list:",
    ]


def test_paper_drops_a_completion_cut_by_its_length_whole() -> None:
    completion = " Explain what NASA does.\n10. Name three rivers"
    assert parse_instructions(completion, "length", "paper") == []
    assert list_instructions(completion, "length", "paper").truncated == [
        "Explain what nasa does.",
        "Name three rivers",
    ]


def test_paper_knows_no_other_numbering() -> None:
    assert parse_instructions("9) Explain.\n10) Name.", "stop", "paper") == ["9) explain. 10) name."]


# --- instructions, as chat models write them -----------------------------------------------------------------------


def test_a_base_model_goes_on_in_the_middle_of_an_item() -> None:
    assert parse_instructions(f" {POEM}\n10. {TAXES}") == [POEM, TAXES]


def test_a_base_model_may_go_on_with_an_item_that_ends_in_a_colon() -> None:
    assert parse_instructions(f" Find a solution to this equation:\n10. {POEM}") == [
        "Find a solution to this equation:",
        POEM,
    ]


def test_the_first_letter_is_raised_and_the_others_stay() -> None:
    assert parse_instructions("9. explain what NASA does.\n10. ordne die Liste.") == [
        "Explain what NASA does.",
        "Ordne die Liste.",
    ]


@pytest.mark.parametrize(
    "form",
    [
        "{n}. {text}", "{n}) {text}", "({n}) {text}", "{n}.) {text}", "{n}.{text}", "{n} . {text}", "{n}、{text}",
        "（{n}）{text}", "Task {n}: {text}", "**Task {n}:** {text}", "**Task {n}: {text}**", "Task #{n} – {text}",
        "### Task {n}\n{text}", "### Task {n}: A title\n{text}", "Instruction {n}: {text}", "{n}. Task: {text}",
        "**{n}.** {text}", "**{n}. {text}**", "{n}. **{text}**", "**{n}**. {text}", "{n}. **A title:** {text}",
        "{n}. **A title**: {text}", "{n}. **A title** – {text}", "**{n}. A title**\n\n{text}",
        "{n}. **A title**\n{text}",
        "- {text}", "* {text}", "• {text}", "- **{text}**", "- {n}. {text}", "## {n}. {text}", "> {n}. {text}",
        '{n}. "{text}"', "{n}. “{text}”", "{n}. `{text}`", "{n}.\n{text}", "{text}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("between", ["\n", "\n\n", "\r\n", "\n\n---\n\n"])
def test_numberings_and_markdown_are_read(form: str, between: str) -> None:
    completion = between.join(form.format(n=number, text=text) for number, text in ((9, POEM), (10, TAXES), (11, POEM)))
    if form == "{text}" and "---" in between:
        completion = completion.replace("---", "")
    assert parse_instructions(completion) == [POEM, TAXES, POEM]


@pytest.mark.parametrize(
    "preamble",
    [
        "Sure! Here are 8 new instructions:\n\n", "Sure! Here are 8 new instructions:\n", "Certainly.\n\n",
        "Here is the continuation of your list:\n", "Here are eight more tasks, numbered 9 to 16.\n",
        "**Here are 8 new instructions:**\n\n", "I have varied the verbs and the subjects.\n\n",
        "Sure!\n\n### Writing\n\n", "以下是新的指令：\n", "<think>They want eight.\n9. No.</think>\n\n", "\n",
    ],
)  # fmt: skip
def test_a_preamble_is_no_instruction(preamble: str) -> None:
    assert parse_instructions(f"{preamble}9. {POEM}\n10. {TAXES}") == [POEM, TAXES]


@pytest.mark.parametrize(
    "remark",
    [
        "\n\nLet me know if you would like more of them!", "\nLet me know if you would like more of them!",
        "\n\nI have avoided repetitions.", "\nI hope these help!", "\n\n---\nThese instructions vary in length.",
        "\nFeel free to ask for more.", "\n**Note:** none of them needs an image.",
    ],
)  # fmt: skip
def test_a_trailing_remark_is_no_part_of_the_last_instruction(remark: str) -> None:
    assert parse_instructions(f"9. {POEM}\n10. {TAXES}{remark}") == [POEM, TAXES]


def test_headings_between_items_are_no_part_of_them() -> None:
    completion = f"### Writing\n\n9. {POEM}\n\n### Knowledge\n10. {TAXES}\n**Nature**\n11. Why do leaves fall?"
    assert parse_instructions(completion) == [POEM, TAXES, "Why do leaves fall?"]


def test_answers_to_the_items_are_left_out() -> None:
    completion = "9. What is the capital of Peru?\nAnswer: Lima\n10. Add the numbers.\n**Input:** 2 and 3"
    assert parse_instructions(completion) == ["What is the capital of Peru?", "Add the numbers."]


@pytest.mark.parametrize("fence", ["```\n{}\n```", "```text\n{}\n```", "Sure:\n```markdown\n{}\n```\nLet me know!"])
def test_a_fenced_list_is_read(fence: str) -> None:
    assert parse_instructions(fence.format(f"9. {POEM}\n10. {TAXES}")) == [POEM, TAXES]


@pytest.mark.parametrize(
    ("completion", "instructions"),
    [
        ("9、写一首关于初雪的诗。\n10、把下面的句子翻译成英语。", ["写一首关于初雪的诗。", "把下面的句子翻译成英语。"]),
        ("９．写一首关于初雪的诗。\n１０．翻译这句话。", ["写一首关于初雪的诗。", "翻译这句话。"]),
        ("٩. اكتب قصيدة عن المطر.\n١٠. ترجم الجملة التالية.", ["اكتب قصيدة عن المطر.", "ترجم الجملة التالية."]),
        ("९. बारिश पर एक कविता लिखें।\n१०. वाक्य का अनुवाद करें।", ["बारिश पर एक कविता लिखें।", "वाक्य का अनुवाद करें।"]),
        ("๙. เขียนบทกวีเกี่ยวกับฝน\n๑๐. แปลประโยคนี้", ["เขียนบทกวีเกี่ยวกับฝน", "แปลประโยคนี้"]),
        ("9. Напиши стихотворение.\n10. ¿Qué es un cometa?", ["Напиши стихотворение.", "¿Qué es un cometa?"]),
    ],
    ids=["chinese", "full width", "arabic", "hindi", "thai", "cyrillic and spanish"],
)  # fmt: skip
def test_other_scripts_are_read(completion: str, instructions: list[str]) -> None:
    assert parse_instructions(completion) == instructions


@pytest.mark.parametrize(
    ("item", "instruction"),
    [
        ("Round 3.14 to one decimal, then add 10. Show your steps.", None),
        ("What comes next: 2, 4, 8, 16? Explain.", None),
        ("Order these steps: 1. Boil water. 2. Pour it. 3. Drink.", None),
        ("My flat is No. 12. Write a letter to the owner.", None),
        ("What is the difference between C and C#", None),
        ("Explain what __init__ and **kwargs do in Python.", None),
        ("Order these steps:\n   1. Boil water\n   2. Pour it", "Order these steps: 1. Boil water 2. Pour it"),
        ("Order these steps:\n1. Boil water\n2. Pour it", "Order these steps: 1. Boil water 2. Pour it"),
        ("Choose the odd one out:\n   - cat\n   - car", "Choose the odd one out: - cat - car"),
        ("Translate this sentence:\n\nThe cat sat.", "Translate this sentence: The cat sat."),
        ("Find the bug:\n```python\nprint(1\n```", "Find the bug: print(1"),
        ("Explain **recursion** to a child.", "Explain recursion to a child."),
    ],
)
def test_numbers_lists_and_code_in_an_item_stay(item: str, instruction: str | None) -> None:
    assert parse_instructions(f"9. {item}\n10. {POEM}") == [instruction or item, POEM]


@pytest.mark.parametrize(
    "completion",
    [
        f"9. {POEM} 10. {TAXES}",
        f"{POEM} 10. {TAXES}",
        f"Here are two tasks: 9. {POEM} 10. {TAXES}",
        f"Sure! Here are two tasks: 1. {POEM} 2. {TAXES}",
        f"9) {POEM} 10) {TAXES}",
        f"**9.** {POEM} **10.** {TAXES}",
    ],
)
def test_a_list_in_one_line_is_split(completion: str) -> None:
    assert parse_instructions(completion) == [POEM, TAXES]


def test_a_list_in_one_line_is_split_without_spaces_too() -> None:
    assert parse_instructions("9、写一首诗。10、翻译这句话。11、解释这个词。") == [
        "写一首诗。",
        "翻译这句话。",
        "解释这个词。",
    ]


def test_one_long_line_is_one_instruction() -> None:
    assert parse_instructions("Snow fell, " * 100 + "and it melted.") == ["Snow fell, " * 100 + "and it melted."]


@pytest.mark.parametrize(
    "completion",
    [
        "",
        " \n\r\n ",
        "I'm sorry, but I can't help with that.",
        "I'm sorry, but I can't continue this list.\nYou could ask a teacher instead.",
        "As an AI language model, I cannot write instructions.",
        "Unfortunately, I am unable to continue.",
        "Sure! I can do that.",
        "<think>They want eight new tasks. Let me",
        '{"instructions": []}',
        '{"instructions": [1, null, {"text": "Write a poem."}]}',
    ],
)
def test_an_empty_answer_or_a_refusal_lists_nothing(completion: str) -> None:
    assert parse_instructions(completion) == []


@pytest.mark.parametrize(
    "completion",
    [
        f'{{"instructions": ["{POEM}", "{TAXES}"]}}',
        f'{{\n  "instructions": [\n    "{POEM}",\n    "9. {TAXES}"\n  ]\n}}',
        f'```json\n{{"instructions": ["{POEM}", "{TAXES}"]}}\n```',
        f'Sure! Here is the JSON:\n\n```json\n{{"instructions": ["{POEM}", "{TAXES}"]}}\n```\n\nLet me know!',
        f'["{POEM}", "{TAXES}"]',
        f'{{"instructions": ["{POEM}", "{TAXES}", "Name three ri',
        f'{{"instructions": ["{POEM}", "{TAXES}"',
    ],
    ids=["whole", "indented", "fenced", "fenced with remarks", "a list alone", "cut in a string", "cut after one"],
)
@pytest.mark.parametrize("finish_reason", ["stop", "length"])
def test_json_gives_its_whole_strings(completion: str, finish_reason: str) -> None:
    assert parse_instructions(completion, finish_reason) == [POEM, TAXES]


def test_half_a_surrogate_pair_in_json_is_replaced() -> None:
    assert parse_instructions(r'{"instructions": ["Explain \ud83d in a word.", "And \ud83d\ude00 too."]}') == [
        "Explain � in a word.",
        "And 😀 too.",
    ]


def test_a_cut_costs_the_last_item_only() -> None:
    listed = list_instructions(f"9. {POEM}\n10. {TAXES}\n11. Name three ri", "length", "default")
    assert listed.items == [POEM, TAXES]
    assert listed.truncated == ["Name three ri"]


def test_an_unknown_preset_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"no preset 'papr'; choose one of: default, paper, alpaca"):
        parse_instructions("9. Foo", preset="papr")


# --- classification ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("completion", "verdict"),
    [
        ("Yes", True),
        ("no.", False),
        ("**Yes**, it does.", True),
        ("No\nYes", False),
        ("<think>No</think>Yes", True),
        ("", None),
        ("Yes or no?", None),
        ("It depends", None),
    ],
)
def test_yes_or_no_to_any_question(completion: str, verdict: bool | None) -> None:
    assert parse_yes_or_no(completion) is verdict


@pytest.mark.parametrize(
    ("completion", "verdict"),
    [
        ("Yes", True), (" No", False), ("No.", False), ("YES", True), ("\n\nyes\n", True), ("**Yes**", True),
        ("Yes, its answer is one of two labels.", True), ("No, a poem can be anything; yes is wrong.", False),
        ("Answer: No", False), ("I would say yes, since there are two labels.", True), ("- Yes\r\n", True),
        ("Task: Say yes or no.\nIs it classification? No", False), ("<think>Yes? No.</think>\nYes", True),
        ("Yes\n\nThe labels are yes and no.", True), ("```\nNo\n```", None),
        ('{"is_classification": true}', True), ('```json\n{"is_classification": false}\n```', False),
        ('{"is_classification": "maybe"}', None), ('{"is_class', None), ('{"is_classification": tr', None),
        ("", None), ("Maybe", None), ("It depends on the input.", None), ("Yes or no?", None), ("Yes/No", None),
        ("There is no fixed answer.", None), ("It could be yes, it could be no.", None), ("Noël", None),
        ("I'm sorry, but I can't help with that.", None), ("It is a classification task.", None),
    ],
)  # fmt: skip
def test_yes_or_no(completion: str, verdict: bool | None) -> None:
    assert parse_classification(completion) is verdict


# --- instances, as the authors read them ---------------------------------------------------------------------------


def test_paper_divides_at_example_output_and_input() -> None:
    completion = "Example 1\nInput: cat\nOutput: tac\nExample 2\nInput 2: dog\nOutput 2: god\nInput: more\n"
    assert parse_instances(completion, False, "stop", "paper") == [Instance("cat", "tac"), Instance("dog", "god")]


def test_paper_keeps_other_field_names_in_the_input() -> None:
    assert parse_instances("Example 1\nList: [2, 1]\nOutput: [1, 2]", False, "stop", "paper") == [
        Instance("List: [2, 1]", "[1, 2]")
    ]


def test_paper_reads_one_instance_where_no_example_is_numbered() -> None:
    assert parse_instances("Output: Lima", False, "stop", "paper") == [Instance("", "Lima")]


def test_paper_takes_an_example_without_output_for_the_output() -> None:
    assert parse_instances("Example 1\nLima", False, "stop", "paper") == [Instance("", "Lima")]


def test_paper_reads_nothing_in_prose() -> None:
    assert parse_instances("The capital of Peru is Lima.", False, "stop", "paper") == []
    assert parse_instances("Positive: I love it.", True, "stop", "paper") == []


def test_paper_reads_the_label_to_the_end_of_the_line_and_the_input_below() -> None:
    completion = (
        "Class label: Positive\nI love it.\nEvery bit.\nClass label: Negative\nI hate it.\nClass label: Neutral"
    )
    assert parse_instances(completion, True, "stop", "paper") == [
        Instance("I love it.\nEvery bit.", "Positive"),
        Instance("I hate it.", "Negative"),
        Instance("", "Neutral"),
    ]


@pytest.mark.parametrize("preset", ["paper", "default", "alpaca"])
def test_a_cut_costs_the_last_instance(preset: str) -> None:
    listed = list_instances("Class label: Positive\nI love it.\nClass label: Nega", True, "length", preset)
    assert listed.items == [Instance("I love it.", "Positive")]
    assert listed.truncated == [Instance("", "Nega")]


# --- instances, as chat models write them --------------------------------------------------------------------------

TWO = [Instance("cat", "tac"), Instance("dog", "god")]


@pytest.mark.parametrize(
    "completion",
    [
        "Example 1\nInput: cat\nOutput: tac\nExample 2\nInput: dog\nOutput: god",
        "Example 1\r\nInput: cat\r\nOutput: tac\r\n\r\nExample 2\r\nInput: dog\r\nOutput: god\r\n",
        "**Example 1**\n\n**Input:** cat\n**Output:** tac\n\n**Example 2:**\n\n**Input**: dog\n**Output: god**",
        "### Example 1\nInput: cat\nOutput: tac\n\n---\n\n### Example 2\nInput: dog\nOutput: god\n\n---",
        "### Example 1: A word\n- **Input:** cat\n- **Output:** tac\n### Example 2 (b)\n* Input: dog\n* Output: god",
        "```\nExample 1\nInput: cat\nOutput: tac\nExample 2\nInput: dog\nOutput: god\n```",
        "OK:\n```text\nExample 1\nInput: cat\nOutput: tac\nExample 2\nInput: dog\nOutput: god\n```\nHope it helps!",
        "Example 1\n```\nInput: cat\nOutput: tac\n```\nExample 2\n```\nInput: dog\nOutput: god\n```",
        "Sure! Here are two examples:\n\nExample 1\nInput: cat\nOutput: tac\n\nExample 2\nInput: dog\nOutput: god",
        "Task: Reverse the word.\nExample 1\nInput: cat\nOutput: tac\nExample 2\nInput: dog\nOutput: god",
        "Input: cat\nOutput: tac\n\nInput: dog\nOutput: god",
        "Input 1: cat\nOutput 1: tac\nInput 2: dog\nOutput 2: god",
        "1. Input: cat\n   Output: tac\n2. Input: dog\n   Output: god",
        "Example 1: Input: cat Output: tac\nExample 2: Input: dog Output: god",
        "Example 1 Input: cat Output: tac Example 2 Input: dog Output: god",
        "Example 1 Input: cat\nOutput: tac\nExample 2 Input: dog\nOutput: god",
        "Example:\nInput: cat\nOutput: tac\n\nExample:\nInput: dog\nOutput: god",
        "Example 1\nSample Input: cat\nExpected output: tac\nExample 2\ninput: dog\noutput: god",
        "Example 1\nInput：cat\nOutput：tac\nExample 2\nInput：dog\nOutput：god",
        "Example 1\nInput: cat\nOutput: tac\nExample 2\nInput: dog\nOutput: god\n\nLet me know if you'd like more!",
        "<think>Words.\nOutput: no</think>\nExample 1\nInput: cat\nOutput: tac\nExample 2\nInput: dog\nOutput: god",
    ],
)  # fmt: skip
def test_examples_are_read_whatever_their_dress(completion: str) -> None:
    assert parse_instances(completion, False) == TWO


@pytest.mark.parametrize(
    "completion",
    [
        "Output: Lima",
        "**Output:** Lima",
        "**Output: Lima**",
        "Output:\nLima",
        "Sure! Here is an example:\n\nOutput: Lima",
        "Task: Name the capital of Peru.\nOutput: Lima",
        "Example 1\nOutput: Lima",
        "Example 1\nInput: <noinput>\nOutput: Lima",
        "Input: None\nOutput: Lima",
        "**Input:** (no input needed)\n**Output:** Lima",
        "Input: N/A\nOutput: Lima",
        "Input:\nOutput: Lima",
        "Output: Lima\n\nLet me know if you'd like another example!",
        "Output: Lima\n\n---\n\nI hope this helps! Feel free to ask for more.",
        "Output: Lima\nOutput: Quito",
    ],
)
def test_an_absent_input_is_empty(completion: str) -> None:
    assert parse_instances(completion, False) == [Instance("", "Lima")]


@pytest.mark.parametrize(
    ("given", "output"),
    [
        ("cat", "```python\nprint('tac')\n```"),
        ("cat", "First:\n```python\nprint(1)\n```\nThen:\n```python\nprint(2)\n```"),
        ("```python\nprint('tac'\n```", "The bracket is not closed."),
        ("Dear Ada,\n\nthe hall is booked.", "Dear Bo,\n\nthank you! Let me know what you need.\n\nBest,\nAda"),
        ("cat", "For example, tac.\nExample: tac\nIn Example 2 it was god."),
        ("cat", "1. tac\n2. act\n\n- **a** and *b*"),
        ("The **bold** input", "**Bold** first, then plain"),
        ("a | b\n--- | ---\n1 | 2", "***"),
    ],
)
def test_fields_keep_what_is_theirs(given: str, output: str) -> None:
    completion = f"Example 1\nInput: {given}\nOutput: {output}\nExample 2\nInput: dog\nOutput: god"
    assert parse_instances(completion, False) == [Instance(given, output), Instance("dog", "god")]


def test_an_input_without_a_name_is_kept() -> None:
    completion = "Example 1\nParagraph: It rains.\nOutput: rain\nExample 2\nIt snows.\nOutput: snow"
    assert parse_instances(completion, False) == [
        Instance("Paragraph: It rains.", "rain"),
        Instance("It snows.", "snow"),
    ]


def test_an_input_without_output_has_an_empty_one() -> None:
    assert parse_instances("Example 1\nInput: cat\nExample 2\nInput: dog\nOutput: god", False) == [
        Instance("cat", ""),
        Instance("dog", "god"),
    ]


@pytest.mark.parametrize(
    "completion",
    [
        "Class label: Positive\nI love it.\nClass label: Negative\nI hate it.",
        "**Class label:** Positive\nI love it.\n\n**Class label: Negative**\nI hate it.",
        "Class label: **Positive**\nI love it.\n\nClass Label: Negative\nI hate it.\n\nLet me know if you need more.",
        "Class label: Positive\r\nI love it.\r\nClass label: Negative\r\nI hate it.\r\n",
        "Label: Positive\nI love it.\nLabel: Negative\nI hate it.",
        "1. Class label: Positive\nI love it.\n2. Class label: Negative\nI hate it.",
        "### Example 1\nLabel: Positive\nInput: I love it.\n\n### Example 2\nLabel: Negative\nInput: I hate it.",
        "Sure! Here are two:\n\n```\nClass label: Positive\nI love it.\n\nClass label: Negative\nI hate it.\n```",
        "Class label: Positive Input: I love it. Class label: Negative Input: I hate it.",
        "Example 1\nInput: I love it.\nClass label: Positive\nExample 2\nInput: I hate it.\nClass label: Negative",
        "Example 1\nInput: I love it.\nOutput: Positive\nExample 2\nInput: I hate it.\nOutput: Negative",
        "Class label:\nPositive\nI love it.\n\nClass label:\nNegative\nI hate it.\n\n---",
    ],
)  # fmt: skip
def test_labels_are_read_whatever_their_dress(completion: str) -> None:
    assert parse_instances(completion, True) == [Instance("I love it.", "Positive"), Instance("I hate it.", "Negative")]


@pytest.mark.parametrize("completion", ["Class label: Yes", "**Label:** Yes", "Class label: Yes\n<noinput>"])
def test_a_label_may_stand_alone(completion: str) -> None:
    assert parse_instances(completion, True) == [Instance("", "Yes")]


def test_a_label_of_stars_is_no_markdown() -> None:
    assert parse_instances("Class label: ***\nA decent film.", True) == [Instance("A decent film.", "***")]


@pytest.mark.parametrize("is_classification", [False, True])
@pytest.mark.parametrize(
    "completion",
    ["", "I'm sorry, but I can't help with that.", "The capital of Peru is Lima.", '{"instances": []}', '{"instances'],
)
def test_prose_gives_no_instances(completion: str, is_classification: bool) -> None:
    assert parse_instances(completion, is_classification) == []


@pytest.mark.parametrize(
    "completion",
    [
        '{"instances": [{"input": "cat", "output": "tac"}, {"input": "dog", "output": "god"}]}',
        '```json\n{"instances": [{"output": "tac", "input": "cat"}, {"output": "god", "input": "dog"}]}\n```',
        'Here you go:\n\n```json\n{\n "instances": [\n  {"input": "cat", "output": "tac"},\n'
        '  {"input": "dog", "output": "god"}\n ]\n}\n```\n\nLet me know if you need more examples.',
        '[{"input": "cat", "output": "tac"}, {"input": "dog", "output": "god"}]',
        '{"instances": [{"input": "cat", "output": "tac"}, {"input": "dog", "output": "god"}, {"input": "b',
    ],
    ids=["whole", "fenced", "fenced with remarks", "a list alone", "cut"],
)
@pytest.mark.parametrize("is_classification", [False, True])
@pytest.mark.parametrize("finish_reason", ["stop", "length"])
def test_json_gives_its_whole_instances(completion: str, is_classification: bool, finish_reason: str) -> None:
    assert parse_instances(completion, is_classification, finish_reason) == TWO


def test_json_without_an_input_has_an_empty_one() -> None:
    completion = '{"instances": [{"output": "Lima"}, {"input": null, "output": "Quito"}, {"input": "x", "output": 3}]}'
    assert parse_instances(completion, False) == [Instance("", "Lima"), Instance("", "Quito")]


# --- properties ----------------------------------------------------------------------------------------------------

_FRAGMENTS = [
    "9. ", "10. ", "\n10. ", "\n11. ", " 12. ", "! 10. ", "\n1) ", "(9) ", "٩. ", "10、", "Task 9: ", "\nTask 10: ",
    "**", "- ", "\n- ", "* ", "# ", "> ", "_", "---", "\n---\n", "```", "\n```json\n", "\n", "\n\n", "\r\n", "\u2028",
    "\t", " ", "   ", ".", ":", "：", '"', "“", "”", "`", "word", "NASA", "ß", "ŉ", "3.5", "Write a poem.",
    "Sure! Here are 8 new instructions:\n", "\nLet me know if you want more.", "I'm sorry, but I can't help.",
    "<think>", "</think>", "Instruction: ", "no. 12. What", "Example 1\n", "\nExample 2: ", "\nInput: ", "\nOutput: ",
    "Output:", "Class label: ", "\nLabel: ", "<noinput>", "Yes", "No", '{"instructions": ["',
    '{"instances": [{"output": "', "写一首诗。",
    '", "input": "', '"}, {"', '", "', '"]}', "\\ud83d", "1e999", "9" * 5000,
]  # fmt: skip
completions = st.lists(st.sampled_from(_FRAGMENTS) | st.text(max_size=4), max_size=14).map("".join)
finish_reasons = st.sampled_from(["stop", "length", None])
presets = st.sampled_from(sorted(PRESETS))
tolerant_presets = st.sampled_from(sorted(name for name, preset in PRESETS.items() if preset.tolerant))


@settings(max_examples=300, deadline=None)
@given(completions, finish_reasons, presets)
def test_no_text_makes_a_parser_or_a_rule_raise(completion: str, finish_reason: str | None, preset: str) -> None:
    parse_classification(completion)
    check_instruction(completion, preset)
    for instruction in parse_instructions(completion, finish_reason, preset):
        check_instruction(instruction, preset)
    for is_classification in (False, True):
        instances = parse_instances(completion, is_classification, finish_reason, preset)
        assert len(check_instances(instances, preset)) == len(instances)


@settings(max_examples=300, deadline=None)
@given(completions, finish_reasons, tolerant_presets)
def test_what_is_emitted_and_listed_again_is_read_the_same(
    completion: str, finish_reason: str | None, preset: str
) -> None:
    instructions = parse_instructions(completion, finish_reason, preset)
    again = "\n".join(f"{number}. {text}" for number, text in enumerate(instructions, 9))
    assert parse_instructions(again, "stop", preset) == instructions


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(codec="ascii")), max_size=6).map("\n10. ".join))
def test_what_paper_admits_and_a_base_model_lists_again_is_read_the_same(completion: str) -> None:
    instructions = parse_instructions(completion, "stop", "paper")
    assert parse_instructions(" " + "\n10. ".join(instructions), "stop", "paper") == instructions


@settings(max_examples=300, deadline=None)
@given(completions, finish_reasons, presets)
def test_what_passes_the_rules_still_passes_them(completion: str, finish_reason: str | None, preset: str) -> None:
    for instruction in parse_instructions(completion, finish_reason, preset):
        if check_instruction(instruction, preset) is None:
            assert check_instruction(normalise_instruction(instruction, preset), preset) is None


@settings(max_examples=300, deadline=None)
@given(st.text(), tolerant_presets)
def test_normalisation_is_idempotent(text: str, preset: str) -> None:
    once = normalise_instruction(text, preset)
    assert normalise_instruction(once, preset) == once


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec="ascii")))
def test_normalisation_of_paper_is_idempotent(text: str) -> None:
    once = normalise_instruction(text, "paper")  # an "ŉ" in front is two letters afterwards; no rule admits it
    assert normalise_instruction(once, "paper") == once


# Texts without marks: no colons, no stars, no fences, no lines of signs, and nothing that says "no input".
_NO_INPUTS = ("none", "empty", "n/a", "no input", "noinput")
_lines = (
    st.text(st.characters(categories=["L", "N"], include_characters=" ,;!?.'()+/"), min_size=1, max_size=30)
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: text and text.lower().strip("().") not in _NO_INPUTS)
    .filter(lambda text: not text.lower().startswith(("example", "input", "output", "class label", "label")))
)
_fields = st.lists(_lines, min_size=1, max_size=3).map("\n".join)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.builds(Instance, _fields | st.just(""), _fields), min_size=1, max_size=4))
def test_instances_in_the_form_of_the_prompt_are_read_back(instances: list[Instance]) -> None:
    completion = ""
    for number, each in enumerate(instances, 1):
        completion += f"Example {number}\n" + (f"Input: {each.input}\n" if each.input else "")
        completion += f"Output: {each.output}\n"
    assert parse_instances(completion, False) == instances


@settings(max_examples=200, deadline=None)
@given(st.lists(st.builds(Instance, _fields | st.just(""), _lines), min_size=1, max_size=4))
def test_labels_in_the_form_of_the_prompt_are_read_back(instances: list[Instance]) -> None:
    completion = "".join(
        f"Class label: {each.output}\n" + (f"{each.input}\n" if each.input else "") for each in instances
    )
    assert parse_instances(completion, True) == instances


@pytest.mark.parametrize(
    "sign",
    [
        "*",
        "_",
        "#",
        " ",
        "\n",
        "1.\n",
        "- ",
        "** ",
        "[",
        '["',
        "```\n",
        "Example 1\n",
        "Input: ",
        "\nOutput:",
        "a. 2. B",
    ],
)
def test_a_model_that_repeats_itself_costs_no_time(sign: str) -> None:
    completion = sign * (100_000 // len(sign))
    with ends_in_time():  # a tenth of a second; a pattern that backtracks needs hours
        parse_instructions(completion)
        parse_classification(completion)
        parse_instances(completion, False)
        parse_instances(completion, True)
