"""Loops: lists that bring nothing new any more, and texts that are one phrase again and again."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.text.repetition import begins_to_repeat, place_to_end, repeats_itself, says_twice


@pytest.mark.parametrize(
    ("items", "place"),
    [
        ("", 0),
        ("abc", 3),
        ("abcb", 4),  # one that comes again is no loop
        ("abcbc", 3),
        ("abcabcabcabc", 3),
        ("aaaaaaaa", 1),
        ("abababc", 7),  # something new at the end
    ],
)
def test_a_list_repeats_itself_from_where_nothing_new_comes(items: str, place: int) -> None:
    assert begins_to_repeat(items) == place


LOOPS = [
    "I have been to the zoo a few times. " * 4,
    "My birthday is on the 15th of September. " + "I have been to the zoo. " * 12,
    "no " * 20,
    "Der Zug fährt nach Ulm. " * 3 + "Der Zug",
    "1234567890" * 12,
    "我喜欢猫。" * 15,
    "Step one: mix the flour.\n" * 6,
]
TEXTS = [
    "",
    "No, no, no!",
    "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.",
    "-" * 200,
    "| a | b |\n" + "|---|---|\n" + "| 1 | 2 |\n| 3 | 4 |",
    "The cat sat on the mat, and the dog sat on the log, and the frog sat on the bog, and all of them were glad of it.",
    "def f(x):\n    return x\n\n\ndef g(x):\n    return x + 1\n\n\ndef h(x):\n    return x + 2\n",
    "DNA: " + "ACGTTGCAAGCTTACGGATCCATGCAATGCCGTAGCTAGCATCGATTACGATCGGCTAAGC",
    "她喜欢在春天的早晨沿着河边散步,听鸟儿歌唱,看樱花慢慢飘落,然后坐在长椅上读一本旧书,直到太阳升得很高。",
    "A phrase that comes twice is a refrain. A phrase that comes twice is a refrain. And here the song goes on.",
]


@pytest.mark.parametrize("text", LOOPS)
def test_a_phrase_again_and_again_is_a_loop(text: str) -> None:
    assert repeats_itself(text)


@pytest.mark.parametrize("text", TEXTS)
def test_refrains_drawings_tables_and_code_are_none(text: str) -> None:
    assert not repeats_itself(text)


@pytest.mark.parametrize(
    "text",
    [
        "How to tell a friend how to tell a friend",
        "What did they like about the price? How did it feel? What did they like about the price?",
    ],
)
def test_an_instruction_that_says_it_twice(text: str) -> None:
    assert says_twice(text)


@pytest.mark.parametrize(
    "text",
    [
        "Write a poem about the sea. Write it in the style of a sea shanty.",
        "Is it red? Is it blue? Sort the objects by the answers.",
        "Explain the saying: a rose is a rose is a rose.",
        "Tell me how to tell a joke.",
    ],
)
def test_one_that_does_not(text: str) -> None:
    assert not says_twice(text)


class TestPlaceToEnd:
    """Where a text that is being written may be ended."""

    @pytest.mark.parametrize(
        "text",
        [
            "I have been to the zoo. " * 60,
            "Make it short, plain and kind.\n" + "Lavishlamp\n" * 100,
            "\n" * 600,
            "我喜欢猫。" * 150,
            "".join(f"And on day {at} the king came home to his wife and his son, who were glad. " for at in range(40)),
            "x" * 600,
            "\ud800" * 600,
        ],
        ids=["sentence", "word", "nothing", "chinese", "a word differs", "letter", "half a character"],
    )
    def test_what_goes_round_is_ended_early(self, text: str) -> None:
        end = place_to_end(text)
        assert end is not None
        assert end < 900

    def test_what_stood_before_it_went_round_does_not_count(self) -> None:
        story = "The tenant pays on the first working day of the month, and the owner mends what is broken. "
        draw = random.Random(0)
        other = "".join(draw.choice("etaoin shrdlu") for _ in range(1000))
        end = place_to_end(f"{story}{other}" + "Yes, it is. " * 100)
        assert end is not None
        assert 0 < end - len(story) - len(other) < 576

    def test_the_place_is_the_same_however_the_text_comes(self) -> None:
        text = "Here is a list of what I need for the trip:\n" + "a rope, a lamp, " * 80
        end = place_to_end(text)
        for seed in range(20):
            draw, written, found = random.Random(seed), 0, None
            while found is None:
                before, written = written, written + draw.randint(1, 200)
                found = place_to_end(text[:written], before)
            assert found == end

    @pytest.mark.parametrize(
        "text",
        [
            ", ".join(map(str, range(400))),
            "| Month | Rain | Sun |\n|---|---|---|\n"
            + "\n".join(f"| {at} | {at * 7 % 90} mm | {at * 11 % 13} h |" for at in range(90)),
            "\n".join(
                f"    def test_{name}(self) -> None:\n        assert {name}(3) == {len(name)}" for name in dir(str)
            ),
            json.dumps([{"input": name, "output": name.upper()} for name in dir(dict)], indent=2),
            "".join(f"<li><a href='/{name}'>{name.title()}</a></li>\n" for name in dir(str)),
            "A" * 300,
        ],
        ids=["numbers", "table", "code", "json", "html", "short"],
    )
    def test_lists_tables_and_code_are_written_to_their_end(self, text: str) -> None:
        assert place_to_end(text) is None

    def test_nothing_that_people_wrote_is_ended(self, official_data: Path, seed_file: str) -> None:
        texts = [
            text
            for path in (*official_data.glob("*.jsonl"), Path(seed_file))
            for line in path.read_text(encoding="utf-8").splitlines()
            for text in texts_in(json.loads(line))
        ]
        assert len(texts) > 2000
        assert [text for text in texts if place_to_end(text) is not None] == []

    def test_two_in_five_of_what_small_models_went_on_with_to_their_limit(self, official_data: Path) -> None:
        lines = [
            json.loads(line)
            for path in (official_data / "real_runs").glob("*.jsonl")
            for line in path.read_text(encoding="utf-8").splitlines()
        ]
        cut = [place_to_end(line["completion"]) for line in lines if line["finish_reason"] == "length"]
        assert sum(end is not None for end in cut) >= 0.4 * len(cut) > 15
        whole = [line["completion"] for line in lines if line["finish_reason"] == "stop"]
        assert sum(place_to_end(text) is not None for text in whole) <= 1


def texts_in(value: Any) -> Iterator[str]:
    """The texts in a line of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts_in(each)
