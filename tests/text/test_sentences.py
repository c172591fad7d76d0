"""Where sentences end, and pieces that end there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distilabel_selfinstruct.text.sentences import pieces, sentences


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


TEXT = "The skin is an organ. It covers the body, and it is the largest one. It has layers."


@pytest.mark.parametrize(
    ("text", "max_characters", "expected"),
    [
        (TEXT, 300, TEXT),
        (TEXT, 21, "The skin is an organ."),
        (TEXT, 67, "The skin is an organ."),
        (TEXT, 68, "The skin is an organ. It covers the body, and it is the largest one."),
        ("One sentence that is longer than a piece may be.", 20, "One sentence that is"),
        ("One sentence that is longer than a piece may be.", 22, "One sentence that is"),
        ("Pneumonoultramicroscopic", 8, "Pneumono"),
        ("皮肤是最大的器官。它有三层。", 9, "皮肤是最大的器官。"),
        ("皮肤是最大的器官。它有三层。", 6, "皮肤是最大的"),
        ("We saw Dr. Okoye in June. Then we left.", 11, "We saw Dr."),
        ("  Short.  ", 300, "Short."),
    ],
)
def test_the_first_piece(text: str, max_characters: int, expected: str) -> None:
    assert pieces(text, max_characters) == [expected]


def test_further_pieces() -> None:
    whole = ["The skin is an organ.", "It covers the body, and it is", "the largest one.", "It has layers."]
    assert pieces(TEXT, 29, 10) == [
        "The skin is an organ.",
        "It covers the body, and it is",
        "the largest one.",
        "It has layers.",
    ]
    assert pieces(TEXT, 29, 2) == whole[:2]


LONG = "Aspirin is a drug that is taken against pain, fever and inflammation."


@pytest.mark.parametrize(
    ("text", "max_characters", "expected"),
    [
        (f"# Aspirin\n\n{LONG}", 40, ["# Aspirin\n\nAspirin is a drug that is", "taken against pain, fever and"]),
        (f"Aspirin\n\n{LONG}", 40, ["Aspirin\n\nAspirin is a drug that is taken", "against pain, fever and"]),
        (f"Aspirin\n \n\n{LONG}", 30, ["Aspirin\n \n\nAspirin is a drug", "that is taken against pain,"]),
        (f"# Drugs\n\n## 1. Aspirin\n\n{LONG}", 40, ["# Drugs\n\n## 1. Aspirin\n\nAspirin is a", "drug that is taken"]),
        (f"## What is it? A drug!\n{LONG}", 40, ["## What is it? A drug!\nAspirin is a drug", "that is taken"]),
        (f"What is aspirin?\n\n{LONG}", 40, ["What is aspirin?\n\nAspirin is a drug that", "is taken against"]),
        (f"It helps.\n\nAspirin\n\n{LONG}", 40, ["It helps.", "Aspirin\n\nAspirin is a drug that is taken"]),
        (f"It helps.\n\n# What is it?\n\n{LONG}", 40, ["It helps.", "# What is it?\n\nAspirin is a drug that is"]),
        (f"It helps.\n\nFor example:\n\n{LONG}", 40, ["It helps.", "For example:\n\nAspirin is a drug that is"]),
        (f"It helps. It is old.\n\n{LONG}", 40, ["It helps. It is old.", "Aspirin is a drug that is taken against"]),
        (
            f"Roses are red\nViolets are blue\n\n{LONG}",
            40,
            ["Roses are red\nViolets are blue", "Aspirin is a drug that is taken against"],
        ),
        ("# 阿司匹林\n\n它是一种用于治疗疼痛的药物。", 16, ["# 阿司匹林\n\n它是一种用于治疗", "疼痛的药物。"]),
        ("It helps. It is old.\n\n# Aspirin", 25, ["It helps. It is old.", "# Aspirin"]),
        ("- pears\n\n- figs\n\n- plums", 16, ["- pears\n\n- figs", "- plums"]),
    ],
)
def test_a_heading_stays_with_what_it_stands_above(text: str, max_characters: int, expected: list[str]) -> None:
    found = pieces(text, max_characters, 2)
    assert found[0] == expected[0]
    assert found[1].startswith(expected[1])


def test_an_empty_text_has_no_piece() -> None:
    assert pieces(" \n", 300, 3) == []


@given(st.text(alphabet="aA .!?\n。”\"'1Dr#", max_size=80), st.integers(1, 30))
def test_pieces_keep_every_character_that_is_no_space(text: str, max_characters: int) -> None:
    cut = pieces(text, max_characters, len(text) + 1)
    assert all(0 < len(piece) <= max_characters for piece in cut)
    assert "".join("".join(cut).split()) == "".join(text.split())


HEADINGS = st.sampled_from(["# Aspirin", "2. Use", "Is it safe?", "## Why? How?"])


@given(st.lists(st.tuples(HEADINGS, st.text("ab .", min_size=30)), min_size=1, max_size=4))
def test_no_piece_ends_in_a_heading(sections: list[tuple[str, str]]) -> None:
    text = "\n\n".join(f"{heading}\n\nSo {below} end." for heading, below in sections)
    for piece in pieces(text, 30, len(text)):
        assert not piece.endswith(tuple(heading for heading, _ in sections))
