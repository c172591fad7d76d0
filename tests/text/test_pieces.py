"""Pieces of documents: where they end, and where they are from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distilabel_selfinstruct.text import pieces as cutting


def pieces(text: str, max_characters: int, most: int = 1) -> list[str]:
    return [piece.text for piece in cutting.pieces(text, max_characters, most)]


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


CODE = "```python\nlevel = gauge.last()  # metres. Above datum!\nprint(level)\n```"
TABLE = "| pier | datum |\n|---|---|\n| 7 | 0.42. A note. |"


@pytest.mark.parametrize("block", [CODE, TABLE, CODE.replace("`", "~")])
def test_code_and_tables_stay_whole_where_they_fit(block: str) -> None:
    before, after = "# Gauge\n\nInstall it. Then read it:", "The mean is low. It is right."
    text = f"{before}\n\n{block}\n\n{after}"
    assert pieces(text, len(block) + 5, 9) == [before, block, after]
    assert pieces(text, len(before) + len(block) + 2, 9) == [f"{before}\n\n{block}", after]


def test_code_that_is_too_long_is_cut_between_lines_and_stands_between_fences_in_each_piece() -> None:
    lines = [f"print({at})  # Yes. No." for at in range(6)]
    text = "Look:\n\n```py\n" + "\n".join(lines) + "\n```\n\nDone."
    found = pieces(text, 70, 9)
    assert found == [
        "Look:\n\n```py\nprint(0)  # Yes. No.\nprint(1)  # Yes. No.\n```",
        "```py\nprint(2)  # Yes. No.\nprint(3)  # Yes. No.\n```",
        "```py\nprint(4)  # Yes. No.\nprint(5)  # Yes. No.\n```",
        "Done.",
    ]


def test_the_indentation_of_cut_code_is_kept() -> None:
    text = "```\nif a:\n    go(1)\n    go(2)\n    go(3)\n```"
    assert pieces(text, 26, 3)[1].startswith("```\n    go(")


def test_a_comment_in_code_is_no_heading() -> None:
    text = "# Gauge\n\nRead it.\n\n```\n# not this\nx = 1\n```\n\nAnd then rest."
    assert [piece.section for piece in cutting.pieces(text, 24, 9)] == ["Gauge"] * 3


def test_the_section_of_a_piece() -> None:
    text = "Before.\n\n# A\n\n## B\n\nOne is here.\n\nTwo is here.\n\n## C\n\nThree is here.\n\n# D\n\nFour is here."
    assert cutting.pieces(text, 24, 9) == [
        ("Before.", None),
        ("# A\n\n## B\n\nOne is here.", "A › B"),
        ("Two is here.", "A › B"),
        ("## C\n\nThree is here.", "A › C"),
        ("# D\n\nFour is here.", "D"),
    ]


def test_no_piece_goes_over_a_page() -> None:
    assert cutting.pieces("One. Two.\f\fThree.", 100, 9) == [("One. Two.", "page 1"), ("Three.", "page 3")]
    assert cutting.pieces("One. Two.\fThree.", 6, 2) == [("One.", "page 1"), ("Two.", "page 1")]


MARKDOWN = st.lists(
    st.sampled_from(
        ["# A heading\n\n", "Some text. It goes on! ", "\n\n", f"\n{CODE}\n", f"\n{TABLE}\n\n", "```\n", "x = 1\n"]
    ),
    max_size=12,
).map("".join)


@given(MARKDOWN, st.integers(1, 150))
def test_pieces_keep_everything_in_its_order(text: str, max_characters: int) -> None:
    cut = pieces(text, max_characters, len(text) + 1)
    assert all(0 < len(piece) <= max_characters for piece in cut)
    rest = "".join("".join(cut).split())
    for sign in "".join(text.split()):  # what is added are fences alone
        assert sign in rest
        rest = rest[rest.index(sign) + 1 :]


def test_a_long_document_takes_no_longer_a_piece() -> None:
    text = "The tide rises. It falls again. " * 20_000
    assert len(pieces(text, 300, 10_000)) == 2_223
