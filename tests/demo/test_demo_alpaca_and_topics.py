"""The demo model in the recipes alpaca and topics: their formats, right outputs, mistakes that are filtered out."""

from __future__ import annotations

from typing import Any

import pytest

from distilabel_selfinstruct import DemoLLM, Instance, check_instances, check_instruction
from distilabel_selfinstruct.demo.tasks import GRAMMAR
from distilabel_selfinstruct.demo.tasks.topics import FAMILIES, TOPICS
from distilabel_selfinstruct.presets import Wording, get_preset
from distilabel_selfinstruct.recipes.alpaca.reading import list_tasks
from distilabel_selfinstruct.recipes.alpaca.steps import PROMPTS as ALPACA
from distilabel_selfinstruct.recipes.topics.kinds import KINDS, Kind
from distilabel_selfinstruct.recipes.topics.reading import list_blocks, list_topics
from distilabel_selfinstruct.recipes.topics.rules import check_topic, has_options
from distilabel_selfinstruct.recipes.topics.steps import PROMPTS as ABOUT_TOPICS
from distilabel_selfinstruct.text.refusals import is_refusal

SHOTS = [
    {"instruction": "Find a rhyme for the word moon.", "input": "", "output": "June"},
    {"instruction": "Say whether the river flows north or south.", "input": "Nile", "output": "north"},
]


def said(prompt: Any, seed: int = 0, noise: float = 0.0, stop: list[str] | None = None) -> tuple[str, str]:
    """The text of the answer, and why it ended."""
    output: Any = DemoLLM(seed=seed, noise=noise).generate([prompt], max_new_tokens=3072, stop=stop)[0]
    return output["generations"][0], output["finish_reason"][0]


def output_of(instruction: str, given: str) -> str:
    """What the grammar computes."""
    task = GRAMMAR.recognise(instruction)
    assert task is not None, instruction
    return task.family.answer(task.values, given)


def tasks(wording: Wording) -> Any:
    return ALPACA.render("alpaca", wording, shots=SHOTS, last=20, no_input="<noinput>")


class TestAlpaca:
    def test_without_mistakes_all_tasks_up_to_the_last(self) -> None:
        listed = list_tasks(said(tasks("chat"))[0])
        assert len(listed) == 18
        for task in listed:
            assert task.fault is None
            assert task.output == output_of(task.instruction or "", task.input)

    def test_base_goes_on_after_the_mark_and_ends_at_a_stop_sequence(self) -> None:
        text, reason = said(tasks("base"), stop=["\n20", "20."])
        assert text.startswith(" ")
        assert reason == "stop"
        assert len(list_tasks(f"3. Instruction:{text}")) <= 17

    @pytest.mark.parametrize("wording", ["chat", "base"])
    @pytest.mark.parametrize("preset", ["alpaca", "default"])
    def test_no_wrong_task_survives(self, wording: Wording, preset: str) -> None:
        stop = list(get_preset(preset).tasks.stop) if wording == "base" else None
        kept = 0
        for seed in range(40):
            text, reason = said(tasks(wording), seed, noise=2.0, stop=stop)
            if wording == "base":
                text = f"3. Instruction:{text}"
            for task in list_tasks(text, "truncated" if reason == "length" or wording == "base" else None):
                instruction, instance = task.instruction or "", Instance(task.input, task.output)
                if task.fault or check_instruction(instruction, preset) or check_instances([instance]) != [None]:
                    continue
                if "moon" in instruction or "river" in instruction:
                    continue  # a copy of a shot, which ROUGE-L rejects
                kept += 1
                assert instance.output.replace("\r\n", "\n") == output_of(instruction, instance.input)
        assert kept > 100


class TestTopics:
    def test_without_mistakes_as_many_topics_as_asked_for(self) -> None:
        prompt = ABOUT_TOPICS.render("topics", "chat", new=20, area="food and cooking", known=[])
        listed = list_topics(said(prompt)[0]).items
        assert len(set(listed)) == 20
        assert set(listed) <= set(TOPICS)
        assert not any(map(check_topic, listed))

    @pytest.mark.parametrize("kind", KINDS)
    def test_instructions_of_a_kind_and_their_answers(self, kind: Kind) -> None:
        answered = 0
        for topic in TOPICS[:8]:
            text, _ = said(ABOUT_TOPICS.render(f"kinds/{kind}", "chat", new=5, topic=topic, known=[]))
            listed = list_blocks(text).items
            assert len(listed) == 5
            assert all(has_options(each) for each in listed) == (kind == "multiple_choice")
            for instruction in listed:
                answered += 1
                answer, _ = said([{"role": "user", "content": instruction}])
                question, _, options = instruction.partition("\n\nA) ")
                question, _, given = question.partition("\n\n")
                right = output_of(question, given)
                assert answer.removeprefix(f"{answer[:2]} " if options else "") == right
                task = GRAMMAR.recognise(question)
                assert task is not None
                assert task.family.name in FAMILIES[kind]
                if options:
                    assert answer in instruction.split("\n")
        assert answered == 40

    @pytest.mark.parametrize("topic", ["The Silk Road", "Second-hand books"])
    def test_a_text_to_work_on_is_about_the_topic(self, topic: str) -> None:
        listed = list_blocks(said(ABOUT_TOPICS.render("kinds/writing", "chat", new=5, topic=topic, known=[]))[0]).items
        given = [text.partition("\n\n")[2] for text in listed]
        assert all(topic.lower().replace("-", " ") in text for text in given), given

    def test_mistakes(self) -> None:
        refused = cut = without_options = 0
        for seed in range(60):
            text, reason = said(
                ABOUT_TOPICS.render("kinds/multiple_choice", "chat", new=5, topic="Jazz", known=[]), seed, noise=2.0
            )
            cut += reason == "length"
            refused += is_refusal(text)
            without_options += sum(not has_options(each) for each in list_blocks(text).items)
        assert min(refused, cut, without_options) > 3
