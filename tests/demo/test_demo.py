"""The demo model: it answers in the format asked for, its outputs are right, its mistakes are filtered out."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import pickle
import re
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

import pytest

from distilabel_selfinstruct import (
    DemoLLM,
    Instance,
    check_instances,
    check_instruction,
    load_seed_tasks,
    parse_classification,
    parse_instances,
    parse_instructions,
)
from distilabel_selfinstruct.data.rows import Answer
from distilabel_selfinstruct.data.seeds import SeedTask
from distilabel_selfinstruct.demo.answers import OTHER_PROMPT
from distilabel_selfinstruct.demo.completion import count_tokens
from distilabel_selfinstruct.demo.tasks import GRAMMAR, Family, Task, noise
from distilabel_selfinstruct.presets import WORDINGS, Wording, get_preset
from distilabel_selfinstruct.recipes.self_instruct.demo import UNKNOWN_TASK
from distilabel_selfinstruct.recipes.self_instruct.prompting import PROMPTS
from distilabel_selfinstruct.steps.loops.pool import PoolLoop
from distilabel_selfinstruct.text.reading.answers import list_instances

SHOTS = [
    SeedTask("seed_task_0", "Name the largest ocean.", (Instance("", "The Pacific"),), False),
    SeedTask("seed_task_1", "Is the fruit ripe?", (Instance("a green banana", "no"),), True),
]
LISTED = [f"Write a limerick about animal number {n}." for n in range(1, 9)]
FAMILIES = {family.name: family for family in GRAMMAR.families}
Prompt = Any  # text, chat, or a pair of a chat and the schema of the answer


@cache
def demo(seed: int = 0, noise: float = 0.0) -> DemoLLM:
    llm = DemoLLM(seed=seed, noise=noise)
    llm.load()
    return llm


def bootstrap_prompt(wording: Wording = "chat", shots: list[str] = LISTED, classification_only: bool = False) -> Prompt:
    return PROMPTS.render("bootstrap", wording, shots=shots, new=8, classification_only=classification_only)


def task_prompt(question: str, instruction: str, wording: Wording = "chat", numbered: bool = True) -> Prompt:
    return PROMPTS.render(question, wording, shots=SHOTS, instruction=instruction, max_instances=5, numbered=numbered)


def answer(prompt: Prompt, llm: DemoLLM | None = None, **options: Any) -> tuple[str, str]:
    """The completion, with the label's mark that a prompt may end with, and why it ended."""
    output = (llm or demo()).generate_outputs(inputs=[prompt], **options)[0]
    completion, begun = output["generations"][0], "Class label 1:"
    if completion and isinstance(prompt, str) and prompt.endswith(begun):
        completion = begun + completion
    return completion, output["finish_reason"][0]


def instances_of(instruction: str, wording: Wording = "chat", llm: DemoLLM | None = None) -> list[Instance]:
    """What the pipeline reads from the answer of a model without mistakes."""
    is_classification = recognised(instruction).family.is_classification
    question: str = "output_first" if is_classification else "input_first"
    completion, finish_reason = answer(task_prompt(question, instruction, wording), llm)
    return parse_instances(completion, is_classification, finish_reason)


def recognised(instruction: str) -> Task:
    task = GRAMMAR.recognise(instruction)
    assert task is not None, instruction
    return task


class TestAnswersInTheFormatAskedFor:
    def test_base_list_goes_on_after_the_number(self) -> None:
        completion, finish_reason = answer(bootstrap_prompt("base"))
        lines = completion.split("\n")
        assert lines[0].startswith(" ")
        assert [line.split(" ")[0] for line in lines[1:]] == ["10.", "11.", "12.", "13.", "14.", "15.", "16."]
        assert finish_reason == "stop"

    def test_chat_list_is_numbered_after_the_shots(self) -> None:
        lines = answer(bootstrap_prompt("chat", LISTED[:3]))[0].split("\n")
        assert [line.split(" ")[0] for line in lines] == ["4.", "5.", "6.", "7.", "8.", "9.", "10.", "11."]

    def test_structured_list_is_a_json_object(self) -> None:
        listed = json.loads(answer(bootstrap_prompt("structured"))[0])
        assert list(listed) == ["instructions"]
        assert len(listed["instructions"]) == 8

    @pytest.mark.parametrize("wording", WORDINGS)
    def test_only_classification_tasks_where_only_these_are_collected(self, wording: Wording) -> None:
        instructions = parse_instructions(answer(bootstrap_prompt(wording, classification_only=True))[0])
        assert len(instructions) == 8
        assert all(recognised(instruction).family.is_classification for instruction in instructions)

    @pytest.mark.parametrize(
        ("wording", "yes", "no"),
        [
            ("base", " Yes", " No"),
            ("chat", "Yes", "No"),
            ("structured", '{"is_classification": true}', '{"is_classification": false}'),
        ],
    )
    def test_classification(self, wording: Wording, yes: str, no: str) -> None:
        assert answer(task_prompt("classification", "Tag the number as even or odd.", wording))[0] == yes
        assert answer(task_prompt("classification", "Spell the word backwards.", wording))[0] == no

    @pytest.mark.parametrize("wording", ["base", "chat"])
    def test_output_first_has_the_label_above_its_input(self, wording: Wording) -> None:
        completion, _ = answer(task_prompt("output_first", "Tag the number as even or odd.", wording))
        assert re.fullmatch(r"(Class label \d: (even|odd)\n\d+(\n|\Z))+", completion)

    @pytest.mark.parametrize("wording", ["base", "chat"])
    def test_input_first_has_numbered_examples(self, wording: Wording) -> None:
        completion, _ = answer(task_prompt("input_first", "Spell the word backwards.", wording))
        assert re.fullmatch(r"(Example \d\nInput: [a-z]+\nOutput: [a-z]+(\n|\Z))+", completion)

    @pytest.mark.parametrize("wording", ["base", "chat"])
    def test_a_task_without_input_has_its_output_at_once(self, wording: Wording) -> None:
        completion, _ = answer(task_prompt("input_first", "What is 300 plus 41?", wording))
        assert completion == "Output: 341"

    def test_structured_instances_are_a_json_object_with_the_keys_in_the_order_asked_for(self) -> None:
        by_label = json.loads(answer(task_prompt("output_first", "Tag the number as even or odd.", "structured"))[0])
        assert list(by_label["instances"][0]) == ["output", "input"]
        by_input = json.loads(answer(task_prompt("input_first", "What is 300 plus 41?", "structured"))[0])
        assert by_input == {"instances": [{"input": "", "output": "341"}]}

    @pytest.mark.parametrize("wording", WORDINGS)
    def test_there_are_one_to_five_instances_with_different_inputs(self, wording: Wording) -> None:
        given = [instances_of("Spell the word backwards.", wording, demo(seed)) for seed in range(60)]
        assert {len(instances) for instances in given} == {1, 2, 3, 4, 5}
        assert all(len({each.input for each in instances}) == len(instances) for instances in given)

    def test_the_last_message_of_the_user_counts(self) -> None:
        question = task_prompt("input_first", "What is 300 plus 41?")
        assert isinstance(question, list)
        earlier = [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Good day."}]
        assert answer(earlier + question) == answer(question)

    def test_the_schema_of_the_answer_changes_nothing(self) -> None:
        chat, schema = bootstrap_prompt("structured")
        assert schema
        assert answer((chat, schema)) == answer(chat)


class TestWhatItDoesNotKnow:
    @pytest.mark.parametrize("prompt", ["", "What do trees dream of?", [{"role": "user", "content": "Hi!"}]])
    def test_another_prompt_gets_an_honest_sentence(self, prompt: Prompt) -> None:
        assert answer(prompt) == (OTHER_PROMPT, "stop")

    @pytest.mark.parametrize("wording", WORDINGS)
    @pytest.mark.parametrize("question", ["output_first", "input_first"])
    def test_another_task_gets_no_instance(self, question: str, wording: Wording) -> None:
        completion, _ = answer(task_prompt(question, "Compose a sonnet about the sea.", wording))
        begun = (question, wording) == ("output_first", "base")  # there an excuse would be read as a label
        assert completion == ("" if begun else '{"instances": []}' if wording == "structured" else UNKNOWN_TASK)
        for preset in ("default", "paper"):
            assert parse_instances(completion, question == "output_first", preset=preset) == []

    @pytest.mark.parametrize(
        ("instruction", "verdict"),
        [
            ("Label the tweet as rude or friendly.", True),
            ("Decide whether the answer is polite.", True),
            ("Compose a sonnet about the sea.", False),
        ],
    )
    def test_whether_another_task_is_classification_is_guessed_from_its_words(
        self, instruction: str, verdict: bool
    ) -> None:
        assert parse_classification(answer(task_prompt("classification", instruction))[0]) is verdict

    @pytest.mark.parametrize(
        "instruction",
        [
            "What is 300 plus 41",  # cut before its end
            "What is 9999999 plus 41?",  # out of range
            "What is 300 plus 41? And why?",
            "Sort the bananas in ascending order.",
            "Please what is 300 plus 41?",
        ],
    )
    def test_what_is_nearly_one_of_its_tasks_is_another_task(self, instruction: str) -> None:
        assert GRAMMAR.recognise(instruction) is None


class TestAPureFunction:
    def test_the_order_and_the_company_of_prompts_change_nothing(self) -> None:
        prompts = [bootstrap_prompt(wording) for wording in WORDINGS]
        together = demo(noise=1.0).generate_outputs(inputs=prompts)
        alone = [demo(noise=1.0).generate_outputs(inputs=[prompt])[0] for prompt in reversed(prompts)]
        assert together == alone[::-1]

    def test_seed_and_generation_give_other_answers(self) -> None:
        prompt = bootstrap_prompt()
        several = demo().generate_outputs(inputs=[prompt], num_generations=3)[0]["generations"]
        assert len({*several, answer(prompt, demo(1))[0]}) == 4
        assert several[0] == answer(prompt)[0]

    @pytest.mark.slow
    def test_another_process_gives_the_same_answer(self) -> None:
        code = (
            "from distilabel_selfinstruct import DemoLLM\n"
            "llm = DemoLLM(seed=3)\n"
            "llm.load()\n"
            "print(llm.generate_outputs(inputs=['Tasks:\\n1. Tell a story.\\n2.'])[0]['generations'][0], end='')"
        )
        told = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert told.stdout == answer("Tasks:\n1. Tell a story.\n2.", demo(3, 1.0))[0]

    def test_it_can_be_pickled_and_dumped(self) -> None:
        llm = DemoLLM(seed=5, noise=0.5)
        assert pickle.loads(pickle.dumps(llm)).seed == 5
        assert (llm.dump()["seed"], llm.dump()["noise"]) == (5, 0.5)
        assert llm.model_name == "demo"


class TestLimits:
    def test_a_stop_string_ends_the_answer_before_it(self) -> None:
        completion, finish_reason = answer(bootstrap_prompt("base"), stop=["\n12.", "\n11."])
        assert completion == answer(bootstrap_prompt("base"))[0].partition("\n11.")[0]
        assert finish_reason == "stop"

    def test_a_long_answer_is_cut_and_says_so(self) -> None:
        completion, finish_reason = answer(bootstrap_prompt("base"), max_new_tokens=12)
        assert completion.split() == answer(bootstrap_prompt("base"))[0].split()[:9]
        assert finish_reason == "length"
        assert count_tokens(completion) == 12

    def test_three_tokens_suffice_for_yes(self) -> None:
        prompt = task_prompt("classification", "Tag the number as even or odd.", "base")
        assert answer(prompt, max_new_tokens=3, stop=["\n"]) == (" Yes", "stop")

    def test_tokens_are_four_thirds_of_the_words(self) -> None:
        prompt = "one two three four five six"
        statistics = demo().generate_outputs(inputs=[prompt], num_generations=2)[0]["statistics"]
        assert statistics == {"input_tokens": [8, 8], "output_tokens": [count_tokens(OTHER_PROMPT)] * 2}

    def test_decoding_parameters_are_accepted(self) -> None:
        options = {"temperature": 0.1, "top_p": 0.5, "presence_penalty": 2.0, "frequency_penalty": 1.0}
        assert answer(bootstrap_prompt(), **options) == answer(bootstrap_prompt())


class TestEveryFamily:
    @pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
    def test_its_instructions_pass_the_rules_and_are_recognised(self, family: Family) -> None:
        for at in range(12):
            instruction = family.instruction(Random(at))
            assert check_instruction(instruction, "paper") is None, instruction
            assert check_instruction(instruction, "default") is None, instruction
            assert recognised(instruction).family is family
            assert recognised(instruction.capitalize()) == recognised(instruction)  # as `paper` writes it

    @pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
    def test_its_instances_pass_the_rules_and_survive_the_parsers(self, family: Family) -> None:
        for at in range(12):
            instances = recognised(family.instruction(Random(at))).instances(Random(at), 5)
            assert instances
            assert check_instances(instances) == [None] * len(instances)
            for preset in ("paper", "default"):
                assert parse_instances(written(instances, family), family.is_classification, preset=preset) == instances

    @pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
    def test_its_inputs_contain_no_field_names(self, family: Family) -> None:
        for at in range(12):
            for instance in recognised(family.instruction(Random(at))).instances(Random(at), 5):
                assert not re.search(r"\w:|Example|Class label", instance.input), instance
                assert "\n\n" not in instance.input + instance.output

    def test_about_a_quarter_of_the_families_and_a_third_of_the_instructions_are_classification(self) -> None:
        assert len(FAMILIES) == len(GRAMMAR.families) >= 40
        assert sum(family.is_classification for family in GRAMMAR.families) >= 10
        proposed = [recognised(GRAMMAR.propose(Random(at))).family.is_classification for at in range(600)]
        assert 0.28 < statistics.mean(proposed) < 0.39

    def test_labels_vary_within_an_answer(self) -> None:
        labels = {each.output for each in recognised("Tag the number as even or odd.").instances(Random(0), 5)}
        assert labels == {"even", "odd"}


def written(instances: list[Instance], family: Family) -> str:
    if family.is_classification:
        return "\n".join(f"Class label: {each.output}\n{each.input}" for each in instances)
    if not instances[0].input:
        return f"Output: {instances[0].output}"
    return "\n".join(
        f"Example {n}\nInput: {each.input}\nOutput: {each.output}" for n, each in enumerate(instances, start=1)
    )


# --- outputs, computed again ---------------------------------------------------------------------------------------

PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
          107, 109, 113, 127, 131, 137, 139, 149]  # fmt: skip
WEEK = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def ints(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"-?\d+", text)]


def listed(numbers: list[int]) -> str:
    return str(numbers)[1:-1]


def said(instruction: str, *words: str) -> str:
    """The one of the words that stands in the instruction."""
    (found,) = [word for word in words if re.search(rf"\b{word}\b", instruction, re.IGNORECASE)]
    return found


def yes_or_no(instruction: str, holds: bool) -> str:
    if re.search("true or false", instruction, re.IGNORECASE):
        return "True" if holds else "False"
    if re.search(r"\by or n\b", instruction, re.IGNORECASE):
        return "Y" if holds else "N"
    return "Yes" if holds else "No"


def day(text: str) -> datetime:
    return datetime.strptime(text, "%d %B %Y")


def day_string(date: datetime) -> str:
    return f"{date.day} {date:%B %Y}"


def is_leap(year: int) -> bool:
    return year % 400 == 0 or (year % 4 == 0 and year % 100 != 0)


def roman_value(numeral: str) -> int:
    values = [ROMAN[letter] for letter in numeral]
    return sum(-v if v < max(values[at:]) else v for at, v in enumerate(values))


def shifted(text: str, by: int) -> str:
    return "".join(chr((ord(letter) - 97 + by) % 26 + 97) for letter in text)


def printed(code: str) -> str:
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen):
        exec(code)
    return screen.getvalue().rstrip("\n")


def money(amount: Decimal) -> str:
    return f"${amount:.2f}"


def prices(text: str) -> list[Decimal]:
    return [Decimal(price) for price in re.findall(r"\$(\d+(?:\.\d\d)?)", text)]


def time_of(text: str) -> datetime:
    (time,) = re.findall(r"\d\d:\d\d", text)
    return datetime.strptime(time, "%H:%M")


def minutes_in(instruction: str) -> timedelta:
    (minutes,) = re.findall(r"(\d+) minutes", instruction)
    return timedelta(minutes=int(minutes))


AGAIN: dict[str, Callable[[str, str], str]] = {
    "sort_numbers": lambda text, given: listed(
        [-n for n in sorted(-n for n in ints(given))]
        if re.search(r"descending|decreasing|largest to|highest to", text, re.IGNORECASE)
        else sorted(ints(given))
    ),
    "sum_list": lambda text, given: str(statistics.fsum(ints(given))).removesuffix(".0"),
    "count_above": lambda text, given: str(len([n for n in ints(given) if n > ints(text)[0]])),
    "keep_parity": lambda text, given: listed(
        [n for n in ints(given) if str(n)[-1] in {"even": "02468", "odd": "13579"}[said(text, "even", "odd")]]
    ),
    "add": lambda text, given: str(sum(ints(text))),
    "subtract": lambda text, given: str(max(ints(text)) - min(ints(text))),
    "handshakes": lambda text, given: str(len(list(itertools.combinations(range(ints(text)[0]), 2)))),
    "reverse_word": lambda text, given: "".join(reversed(given)),
    "count_vowels": lambda text, given: str(len(re.findall("[aeiou]", given))),
    "caesar": lambda text, given: shifted(given, ints(text)[0]),
    "reverse_words": lambda text, given: " ".join(reversed(given.split(" "))),
    "sort_words": lambda text, given: ", ".join(sorted(re.findall("[a-z]+", given))),
    "weekday_after": lambda text, given: WEEK[(WEEK.index(said(text, *WEEK)) + ints(text)[0]) % 7],
    "clock_after": lambda text, given: f"{time_of(text) + minutes_in(text):%H:%M}",
    "iso_date": lambda text, given: f"{day(given):%Y-%m-%d}",
    "sort_dates": lambda text, given: "; ".join(map(day_string, sorted(map(day, given.split("; "))))),
    "discount": lambda text, given: money(
        prices(text)[0] - prices(text)[0] * int(re.findall(r"(\d+)(?:%| percent)", text)[0]) / 100
    ),
    "python_call": lambda text, given: printed(given),
    "snake_case": lambda text, given: re.sub(r"\s", "_", given),
    "number_list": lambda text, given: "".join(
        f"{at}. {item}\n" for at, item in zip(itertools.count(1), re.findall("[a-z]+", given))
    ).rstrip(),
    "html_list": lambda text, given: "<ul>" + re.sub("([a-z]+)(, )?", r"<li>\1</li>", given) + "</ul>",
    "parity": lambda text, given: "even" if given[-1] in "02468" else "odd",
    "prime": lambda text, given: yes_or_no(text, int(given) in PRIMES),
    "divisible": lambda text, given: yes_or_no(text, int(given) in range(0, 1000, ints(text)[0])),
    "larger": lambda text, given: yes_or_no(text, ints(given)[0] > ints(given)[1]),
    "over_limit": lambda text, given: yes_or_no(text, int(given) not in range(ints(text)[0] + 1)),
    "sign": lambda text, given: "negative" if given[0] == "-" else "zero" if given == "0" else "positive",
    "contains_letter": lambda text, given: yes_or_no(
        text, re.findall(r"\b(?:letter|one|whose) ([a-z])\b", text)[0] in list(given)
    ),
    "leap_year": lambda text, given: yes_or_no(text, is_leap(int(given))),
    "quarter": lambda text, given: f"Q{1 + (day(given).month - 1) // 3}",
}
"""Outputs from instruction and input, each in another way than the demo model's."""


class TestOutputsAreRight:
    @pytest.mark.parametrize("name", AGAIN)
    def test_computed_again(self, name: str) -> None:
        for at in range(12):
            instruction = FAMILIES[name].instruction(Random(f"{name}{at}"))
            for instance in instances_of(instruction):
                assert instance.output == AGAIN[name](instruction, instance.input), (instruction, instance)

    @pytest.mark.parametrize("at", range(20))
    def test_roman_numerals_add_up(self, at: int) -> None:
        instruction = FAMILIES["to_roman"].instruction(Random(at))
        (instance,) = instances_of(instruction)
        assert roman_value(instance.output) == ints(instruction)[0]

    @pytest.mark.parametrize(
        ("instruction", "given", "output"),
        [
            ("Arrange the given test scores from lowest to highest.", "71, 8, 64", "8, 64, 71"),
            ("Convert the amount from feet to inches.", "10", "120"),
            ("Compute 106 modulo 20.", "", "6"),
            ("Solve 4x + 3 = 60 for x, as a fraction if need be.", "", "57/4"),
            ("Apply a discount of 15% to a price of $25.", "", "$21.25"),
            ("Write 1994 in Roman numerals.", "", "MCMXCIV"),
            ("Set the headline entirely in capitals.", "green tea cools", "GREEN TEA COOLS"),
            ("Capitalize the first letter of each word.", "green tea cools", "Green Tea Cools"),
            ("Join the words with underscores.", "green tea cools", "green_tea_cools"),
            ("Turn the items into a numbered list, one on each line.", "kettle, lamp", "1. kettle\n2. lamp"),
            ("If today is Friday, what day of the week is it in 100 days?", "", "Sunday"),
            ("Advance a clock that shows 23:50 by 25 minutes.", "", "00:15"),
            ("What is the capital of Australia?", "", "Canberra"),
            ("Name the state whose capital is called Riga.", "", "Latvia"),
            ("Which planet is the fifth from the sun?", "", "Jupiter"),
            ("Give the opposite of the word.", "ancient", "modern"),
            ("What does the key age hold in this JSON document?", '{"name": "Leo", "age": 54}', "54"),
            ("Rewrite the JSON record with its fields ordered by name.", '{"b": 1, "a": 2}', '{"a": 2, "b": 1}'),
            ("Mark the items up as an HTML unordered list on a single line.", "a, b", "<ul><li>a</li><li>b</li></ul>"),
            ("Which sign does the number have: positive, negative, or zero?", "-4", "negative"),
            ("Is the reading above 120? Print y or n and stop there.", "121", "Y"),
            ("Does the word contain the letter e?", "garden", "Yes"),
            ("Is the opinion positive or negative?", "I found the room simply awful.", "negative"),
            ("Classify the animal as mammal, bird, reptile, fish or insect.", "seahorse", "fish"),
            ("Does 7 go evenly into the figure below? Answer true or false.", "343", "True"),
            ("Is Riga the capital of the country given? Say Y or N, nothing more.", "Estonia", "N"),
        ],
    )
    def test_by_hand(self, instruction: str, given: str, output: str) -> None:
        task = recognised(instruction)
        assert task.family.answer(task.values, given) == output


# --- mistakes ------------------------------------------------------------------------------------------------------


class Run:
    """A run of the whole method on the demo model, in memory."""

    def __init__(self, seed_file: str, wanted: int, wording: Wording = "chat", preset: str = "default") -> None:
        self.preset, self.wording, self.llm = get_preset(preset), wording, demo(noise=1.0)
        seeds = load_seed_tasks(seed_file)
        self._yes = [task for task in seeds if task.is_classification]
        self._no = [task for task in seeds if not task.is_classification]
        self.loop = PoolLoop(seeds, self.preset, wanted, seed=0, lag=16, patience=5)
        self.instructions: list[str] = []
        self.bootstrap: Counter[str] = Counter()
        while not (self.loop.is_complete or self.loop.is_stalled):
            _, shots = self.loop.draw()
            given, ended = self._ask("bootstrap", shots=[shot.text for shot in shots], new=8, classification_only=False)
            for row in self.loop.take(Answer(given, ended)):
                self.bootstrap[row["reject_reason"] or "admitted"] += 1
                if row["reject_reason"] is None:
                    self.instructions.append(row["instruction"])

    def _ask(self, question: str, **values: Any) -> tuple[str, str]:
        decoding = getattr(self.preset, question)
        stop = list(decoding.stop) if self.wording == "base" else None
        if question == "output_first":
            values["numbered"] = self.preset.tolerant
        prompt = PROMPTS.render(question, self.wording, **values)
        return answer(prompt, self.llm, stop=stop, max_new_tokens=decoding.max_new_tokens)

    def verdicts(self) -> list[bool | None]:
        shots = self._yes[:12] + self._no[:19]
        given = [self._ask("classification", shots=shots, instruction=each)[0] for each in self.instructions]
        return [parse_classification(each) for each in given]

    def instances(self) -> tuple[list[tuple[str, Instance]], Counter[str]]:
        """The instances that the filters leave, with their instructions, and how many were rejected why."""
        kept, reasons = [], Counter[str]()
        for instruction, verdict in zip(self.instructions, self.verdicts()):
            if verdict is None:
                continue
            question: str = "output_first" if verdict else "input_first"
            shots = self._yes[:16] if verdict else self._no[:11]
            given, ended = self._ask(question, shots=shots, instruction=instruction, max_instances=5)
            found = list_instances(given, verdict, ended, self.preset)
            reasons["truncated"] += len(found.truncated)
            reasons["none"] += not found.items and not found.truncated
            reasons["surplus"] += len(found.items) > 5
            for instance, reason in zip(found.items, check_instances(found.items, self.preset)):
                if reason is None:
                    kept.append((instruction, instance))
                else:
                    reasons[reason] += 1
        return kept, +reasons


@pytest.fixture(scope="module", params=["chat", "base"])
def run(seed_file: str, request: pytest.FixtureRequest) -> Run:
    return Run(seed_file, 200, request.param)


class TestMistakes:
    def test_most_candidates_are_admitted_and_every_reject_reason_occurs(self, run: Run) -> None:
        assert set(run.bootstrap) - {"surplus", "refusal", "no_request"} == {
            "admitted", "similar", "contained", "too_short", "too_long", "keyword", "program", "punctuation",
            "truncated", "no_instructions",
        }  # fmt: skip
        assert 0.55 < 200 / (run.bootstrap.total() - run.bootstrap["surplus"]) < 0.8

    def test_some_classification_answers_are_unclear(self, run: Run) -> None:
        verdicts = Counter(run.verdicts())
        assert 0 < verdicts[None] < 20
        assert 40 < verdicts[True] < 90

    def test_every_reason_to_reject_an_instance_occurs(self, run: Run) -> None:
        reasons = set(run.instances()[1])
        # A base model's answer ends before the sixth instance.
        assert reasons | {"surplus"} == {
            "truncated", "none", "surplus", "empty_output", "input_equals_output", "trailing_colon",
            "conflicting_outputs", "duplicate",
        }  # fmt: skip
        assert ("surplus" in reasons) is (run.wording == "chat")

    def test_what_the_filters_leave_is_right(self, run: Run) -> None:
        kept, _ = run.instances()
        assert len(kept) > 240
        computed = 0
        for instruction, instance in kept:
            task = recognised(instruction)
            given, output = (text.replace("\r\n", "\n") for text in (instance.input, instance.output))
            assert output == task.family.answer(task.values, given)
            if task.family.name in AGAIN:
                computed += 1
                assert output == AGAIN[task.family.name](instruction, given)
        assert computed > 60

    @pytest.mark.parametrize("seed", range(1, 6))
    def test_no_wrong_instance_survives_any_preset_or_wording(self, seed: int) -> None:
        llm = demo(seed, noise=2.0)
        for at, (wording, preset) in enumerate(itertools.product(WORDINGS, ["default", "paper"])):
            for family in GRAMMAR.families:
                instruction = family.instruction(Random(f"{seed}{at}"))
                question: str = "output_first" if family.is_classification else "input_first"
                decoding = getattr(get_preset(preset), question)
                given, ended = answer(
                    task_prompt(question, instruction, wording, numbered=preset == "default"),
                    llm,
                    stop=list(decoding.stop),
                    max_new_tokens=60,
                )
                instances = parse_instances(given, family.is_classification, ended, preset)
                reasons = check_instances(instances, preset)
                values = recognised(instruction).values
                for instance in itertools.compress(instances, [reason is None for reason in reasons]):
                    text, output = (part.replace("\r\n", "\n") for part in (instance.input, instance.output))
                    assert output == family.answer(values, text), (instruction, given)

    def test_without_noise_there_are_none(self) -> None:
        instructions = parse_instructions(answer(bootstrap_prompt())[0])
        assert len(instructions) == 8
        assert all(GRAMMAR.recognise(instruction) for instruction in instructions)

    @pytest.mark.parametrize(
        ("kind", "reason"),
        [
            ("too_short", "too_short"),
            ("too_long", "too_long"),
            ("keyword", "keyword"),
            ("program", "program"),
            ("punctuation", "punctuation"),
            ("non_ascii", "non_ascii"),
        ],
    )
    def test_instructions_to_be_rejected_are(self, kind: str, reason: str) -> None:
        for at in range(60):
            assert check_instruction(noise.candidate(kind, LISTED, Random(at)), "paper") == reason

    def test_chat_answers_come_in_many_styles(self) -> None:
        completions = [answer(bootstrap_prompt(), demo(seed, noise=1.0))[0] for seed in range(150)]
        for style in [r"9\. ", r"\*\*9\.\*\* ", r"9\) ", r"Task 9: ", r"- ", r"Sure! Here are", r"I'm sorry", r"\Z"]:
            assert any(re.match(style, completion) for completion in completions), style
        assert any("\r\n" in completion for completion in completions)


class TestWhatItIsGoodFor:
    @pytest.mark.parametrize(
        ("preset", "number"), [("default", 1000), pytest.param("paper", 700, marks=pytest.mark.slow)]
    )
    def test_hundreds_of_instructions_are_admitted(self, seed_file: str, preset: str, number: int) -> None:
        made = Run(seed_file, number, "base", preset)
        assert made.loop.is_complete
