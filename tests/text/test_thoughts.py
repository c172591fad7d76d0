"""What stands around an answer is taken away; an answer that speaks of it stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distilabel_selfinstruct.text.thoughts import cut_at_turn_end, split_thoughts


@pytest.mark.parametrize(
    ("text", "thought", "answer"),
    [
        ("<think>a</think>b", "a", "b"),
        ("\n <Think>\na\n</Think>\n\nb", "a", "b"),
        ("<think></think>\n\nb", None, "b"),
        ("<think>a", "a", ""),
        ("<think>a</think>", "a", ""),
        ("<think>a</think><think>b</think>c", "a\n\nb", "c"),
        ("<think>a</thinking>b", "a", "b"),
        ("<think>a<think>b</think>c", "a<think>b", "c"),
        ("<thought>a</thought>\n<answer>b", "a", "b"),
        ("<|begin_of_thought|>a<|end_of_thought|>\n<|begin_of_solution|>b<|end_of_solution|>", "a", "b"),
        ("<|channel>thought\na<channel|>b", "a", "b"),
        ("analysisThe user asks.assistantfinalb", "The user asks.", "b"),
        ("Here is my thought process: a Here is my response: b", "a", "b"),
        ("Here are my reasoning steps:\na\n[BEGIN FINAL RESPONSE]\nb\n[END FINAL RESPONSE]", "a", "b"),
        ("a\n[/THINK]\nb", "a", "b"),
        ("a.</think>\n\nb", "a.", "b"),
        ("<|start|>assistant<|channel|>commentary<|message|>a<|end|>", "a", ""),
        ("<reasoning>a</reasoning>b", "a", "b"),
        ("<think id='1'>a</think>b", "a", "b"),
        ("\ufeff<think>a</think>b", "a", "b"),
        ("<chain_of_thought>a</chain_of_thought>\nb", "a", "b"),
        ("<inner_monologue>a</inner_monologue>b", "a", "b"),
        ("<think><think>a</think></think>b", "<think>a", "b"),
        ("<thought>a</thought>\n<final>b</final>", "a", "b"),
        ("<|thinking|>a<|/thinking|>b", "a", "b"),
        ("<|begin_of_reasoning|>a<|end_of_reasoning|>b", "a", "b"),
        ("[THINKING]a[/THINKING]b", "a", "b"),
        ("a[/THINK]b", "a", "b"),
        ("a</thinking>\nb", "a", "b"),
        ("<unused94>thought\na<unused95>b", "a", "b"),
        ("<|im_start|>think\na<|im_end|>\n<|im_start|>answer\nb", "a", "b"),
        ("a<|end|><|start|>assistant<|channel|>final<|message|>b", "a", "b"),
        ('<details type="reasoning" done="true">\n<summary>2 s</summary>\na\n</details>\nb', "a", "b"),
    ],
)
def test_a_thought_begins_an_answer(text: str, thought: str | None, answer: str) -> None:
    assert split_thoughts(text) == (thought, answer)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " lead",
        "In this format reasoning stands in <think> and </think> tags.",
        "`<think>` begins a thought.",
        "It ends with </think>\n\nThen comes the answer.",
        "Use `</think>`\nto end it.",
        "```python\nstart = '<think>'\nend = '</think>'\n```",
        "```\n</think>\n```\nends it.",
        "<reflection>It is a poem.</reflection>",
        "<analysis>XML</analysis>\n<summary>too</summary>",
        "<thinker>Rodin</thinker>",
        "The model writes [THINK]a[/THINK] first.",
        "Analysis: good. The assistant finally left.",
        "<details>\n<summary>More</summary>\nHidden.\n</details>\nShown.",
        "`<|start|>assistant<|channel|>final<|message|>` begins the answer.",
    ],
)
def test_an_answer_that_speaks_of_thoughts_stays(text: str) -> None:
    assert split_thoughts(text) == (None, text)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("a<|im_end|>", "a"),
        ("a <|im_end|>\n<|im_end|>", "a"),
        ("a<|im_end|>\n<|im_start|>user\nb", "a"),
        ("a<|im_end|>\nuser\nb", "a"),
        ("a.<|eot_id|>\nSure, another one", "a."),
        ("a</s><s>[INST] b [/INST]", "a"),
        ("a</s>\n\nHuman: b", "a"),
        ("a<|endoftext|>Human: b", "a"),
        ("a<end_of_turn>\n<start_of_turn>user\nb", "a"),
        ("a\n<|user|>\nb", "a"),
        ("a<|im_start|>user\nb", "a"),
        ("a[|endofturn|]\n[|user|]b", "a"),
        ("<|im_end|>", ""),
    ],
)
def test_an_answer_ends_with_its_turn(text: str, answer: str) -> None:
    assert cut_at_turn_end(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "ChatML ends a turn with <|im_end|> and begins one with <|im_start|>.",
        "It is called '<|eot_id|>'",
        "The first is `<|im_start|>user`",
        "Llama ends its turns with <|eot_id|>\nand so on.",
        "```\na<|im_end|>\n<|im_start|>user\n```\nSo it looks.",
        "<s>old</s>",
        "Wrap the question: [INST] ... [/INST] and go on.",
        "How do <| and |> differ in F#?",
        "if a < b: c[0]",
    ],
)
def test_an_answer_that_speaks_of_marks_stays(text: str) -> None:
    assert cut_at_turn_end(text) == text


PIECES = ["a", "b", " ", "\n", "`", "```", "<think>", "</think>", "[THINK]", "<|im_end|>", "<|im_start|>user\n", "</s>"]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_no_text_is_too_much(text: str) -> None:
    thought, answer = split_thoughts(text)
    assert len(thought or "") + len(answer) <= len(text)
    assert text.startswith(cut_at_turn_end(text))


ODD_MARKS = [
    "<|EOT|>", "<|eom|>", "<|pad|><|pad|>", "<|end_of_message|>", "<｜end▁of▁turn｜>", "[/INST]", "<eot>", "<|im_sep|>",
    "[|im_end|]", "<extra_id_1>", "<unused7>", "</assistant>", "<｜User｜>More", "<|user|>\nMore", " \n<|EOS|>\n",
]  # fmt: skip


@pytest.mark.parametrize("mark", ODD_MARKS)
def test_any_mark_that_ends_the_text_is_no_part_of_it(mark: str) -> None:
    assert cut_at_turn_end(f"The answer.{mark}") == "The answer."


@pytest.mark.parametrize("text", ["It ends with <|odd|>", "`x<|odd|>`", "a <|op|> b", "Fill: [MASK]", "<b>bold</b>"])
def test_a_text_that_speaks_of_an_odd_mark_stays(text: str) -> None:
    assert cut_at_turn_end(text) == text
