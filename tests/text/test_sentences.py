"""Where sentences end."""

from __future__ import annotations

import pytest

from distilabel_selfinstruct.text.sentences import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It hurts. Does it? Yes! Go on…", ["It hurts.", "Does it?", "Yes!", "Go on…"]),
        ("Dr. Okoye saw it. Mrs. Li did not.", ["Dr. Okoye saw it.", "Mrs. Li did not."]),
        ("Some drugs, e.g. Aspirin, i.e. a salicylate, help.", ["Some drugs, e.g. Aspirin, i.e. a salicylate, help."]),
        (
            "A dose of 2.5 mg is usual. It is given at 8 p.m. daily.",
            ["A dose of 2.5 mg is usual.", "It is given at 8 p.m. daily."],
        ),
        ("See Fig. 2 and no. 7. True? No. It is not.", ["See Fig. 2 and no. 7.", "True?", "No.", "It is not."]),
        ("It was first seen in 1984. Two men had it.", ["It was first seen in 1984.", "Two men had it."]),
        (
            "J. R. Smith of the U.S. Army wrote it. Others read it.",
            ["J. R. Smith of the U.S. Army wrote it.", "Others read it."],
        ),
        (
            '"Is it over?" she asked. "It is." They left (at last).  Good.',
            ['"Is it over?" she asked.', '"It is."', "They left (at last).", "Good."],
        ),
        ("Wait... then breathe. Wait… Breathe.", ["Wait... then breathe.", "Wait…", "Breathe."]),
        ("1. Wash your hands.\n2. Dry them.", ["1. Wash your hands.", "2. Dry them."]),
        ("Treatment\n\nMost people need none. Some do.", ["Treatment", "Most people need none.", "Some do."]),
        ("A line that\ngoes on. Another.", ["A line that\ngoes on.", "Another."]),
        ("医生来了。他说：“你好。”然后走了！", ["医生来了。", "他说：“你好。”", "然后走了！"]),
        ("「大丈夫です。」と言った。本当？", ["「大丈夫です。」", "と言った。", "本当？"]),
        ("यह एक परीक्षा है। यह दूसरी है।", ["यह एक परीक्षा है।", "यह दूसरी है।"]),
        ("هل هذا صحيح؟ نعم.", ["هل هذا صحيح؟", "نعم."]),
        ("No sign at its end", ["No sign at its end"]),
        ("  \n ", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected
