"""Instructions as chat models list them."""

from __future__ import annotations

import pytest

from distilabel_selfinstruct.text.reading.answers import list_instructions, parse_instructions

POEM, TAXES = "Write a poem about the first snow.", "Explain to a teenager what taxes are for."


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
        "{n}. {text}",
        "{n}) {text}",
        "({n}) {text}",
        "{n}.) {text}",
        "{n}.{text}",
        "{n} . {text}",
        "{n}、{text}",
        "（{n}）{text}",
        "Task {n}: {text}",
        "**Task {n}:** {text}",
        "**Task {n}: {text}**",
        "Task #{n} – {text}",
        "### Task {n}\n{text}",
        "### Task {n}: A title\n{text}",
        "Instruction {n}: {text}",
        "{n}. Task: {text}",
        "**{n}.** {text}",
        "**{n}. {text}**",
        "{n}. **{text}**",
        "**{n}**. {text}",
        "{n}. **A title:** {text}",
        "{n}. **A title**: {text}",
        "{n}. **A title** – {text}",
        "**{n}. A title**\n\n{text}",
        "{n}. **A title**\n{text}",
        "- {text}",
        "* {text}",
        "• {text}",
        "- **{text}**",
        "- {n}. {text}",
        "## {n}. {text}",
        "> {n}. {text}",
        '{n}. "{text}"',
        "{n}. “{text}”",
        "{n}. `{text}`",
        "{n}.\n{text}",
        "{text}",
    ],
)
@pytest.mark.parametrize("between", ["\n", "\n\n", "\r\n", "\n\n---\n\n"])
def test_numberings_and_markdown_are_read(form: str, between: str) -> None:
    completion = between.join(form.format(n=number, text=text) for number, text in ((9, POEM), (10, TAXES), (11, POEM)))
    if form == "{text}" and "---" in between:
        completion = completion.replace("---", "")
    assert parse_instructions(completion) == [POEM, TAXES, POEM]


@pytest.mark.parametrize(
    "preamble",
    [
        "Sure! Here are 8 new instructions:\n\n",
        "Sure! Here are 8 new instructions:\n",
        "Certainly.\n\n",
        "Here is the continuation of your list:\n",
        "Here are eight more tasks, numbered 9 to 16.\n",
        "**Here are 8 new instructions:**\n\n",
        "I have varied the verbs and the subjects.\n\n",
        "Sure!\n\n### Writing\n\n",
        "以下是新的指令：\n",
        "<think>They want eight.\n9. No.</think>\n\n",
        "\n",
    ],
)
def test_a_preamble_is_no_instruction(preamble: str) -> None:
    assert parse_instructions(f"{preamble}9. {POEM}\n10. {TAXES}") == [POEM, TAXES]


@pytest.mark.parametrize(
    "remark",
    [
        "\n\nLet me know if you would like more of them!",
        "\nLet me know if you would like more of them!",
        "\n\nI have avoided repetitions.",
        "\nI hope these help!",
        "\n\n---\nThese instructions vary in length.",
        "\nFeel free to ask for more.",
        "\n**Note:** none of them needs an image.",
    ],
)
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
)
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


@pytest.mark.parametrize(
    "answer",
    [
        "Snow fell, " * 100 + "and it melted.",
        POEM,  # one line is no list
        f"{POEM}\n\nThe first snow fell in the night.\n\n{TAXES}",  # a story with an order in it
        "These instructions are hard to read.\nThey are in a list.",
    ],
)
def test_an_answer_without_a_list_gives_nothing(answer: str) -> None:
    assert parse_instructions(answer) == []


def test_where_lines_were_asked_for_each_counts() -> None:
    listed = list_instructions(f"{POEM}\nThe snow fell.", None, "default", of_lines=True)
    assert listed.items == [POEM, "The snow fell."]


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
