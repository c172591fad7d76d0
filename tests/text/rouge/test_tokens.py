"""The words of a text, as rouge_score finds them and in every script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distilabel_selfinstruct.text.rouge import rouge_tokens, unicode_tokens
from tests.text.rouge.pairs import SCORER


@given(text=st.text())
def test_rouge_tokens_are_those_of_rouge_score(text: str) -> None:
    assert rouge_tokens(text) == SCORER._tokenizer.tokenize(text)


@given(text=st.text(st.characters(max_codepoint=127)))
def test_on_ascii_text_both_tokenizers_agree(text: str) -> None:
    assert unicode_tokens(text) == rouge_tokens(text)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("写一首关于春天的诗，ABC de。", ["写", "一", "首", "关", "于", "春", "天", "的", "诗", "abc", "de"]),
        ("カタカナ・ひらがなー、人々", list("カタカナひらがなー人々")),
        ("ﾊﾝｶｸ", list("ハンカク")),
        ("เขียนน้ำแข็ง ๒๕", ["เ", "ขี", "ย", "น", "น้ํ", "า", "แ", "ข็", "ง", "๒", "๕"]),
        ("ຂຽນບົດ", ["ຂ", "ຽ", "ນ", "ບົ", "ດ"]),
        ("កំណាព្យ", ["កំ", "ណា", "ព្", "យ"]),
        ("ကဗျာ ရေး", ["က", "ဗျာ", "ရေး"]),
        ("वसंत के बारे में लिखें।", ["वसंत", "के", "बारे", "में", "लिखें"]),
        ("اكتب عن الرَّبيع ١٢٣؟", ["اكتب", "عن", "الرَّبيع", "١٢٣"]),
        ("می‌خواهم كتـاب", ["میخواهم", "كتاب"]),
        ("봄에 관한 시를 쓰세요", ["봄에", "관한", "시를", "쓰세요"]),
        ("བོད་སྐད", ["བོད", "སྐད"]),
        ("Straße STRASSE ﬁn", ["strasse", "strasse", "fin"]),
        ("e\u0301te\u0301 été", ["été", "été"]),
        ("Ελλάς ΕΛΛΆΣ", ["ελλάσ", "ελλάσ"]),
        ("soft\u00adhyphen \ufeffbom", ["softhyphen", "bom"]),
        ("don’t snake_case ❤️ 🎉 —", ["don", "t", "snake", "case"]),
        ("x² ½", ["x2", "1", "2"]),
        ("𐌰𐌱 𞤀𞤁", ["𐌰𐌱", "𞤢𞤣"]),
    ],
)
def test_the_words_of_every_script(text: str, tokens: list[str]) -> None:
    assert unicode_tokens(text) == tokens
