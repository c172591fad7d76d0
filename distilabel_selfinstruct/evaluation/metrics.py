"""ROUGE-L and exact match of a response and its references, as Tk-Instruct's script has them.

- ROUGE-L is the F score of rouge_score with `use_stemmer=True`, float for float, of the words that are `stemmed`. Those
  of a SuperNI task that is not English are `spaced`: what stands between spaces, as it is. Rows of other scripts have
  `unicode` words, as `RougeLIndex` has them: rouge_score knows ASCII letters only, and scores 0 there.
- Exact match compares texts in lower case, without ASCII punctuation, with single spaces; articles stay.
- Of several references the best counts, for each metric by itself.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal

from distilabel_selfinstruct.text.rouge.bounds import f_measure
from distilabel_selfinstruct.text.rouge.python_pool import lcs_with
from distilabel_selfinstruct.text.rouge.tokens import rouge_tokens, unicode_tokens

if TYPE_CHECKING:
    from nltk.stem.porter import PorterStemmer

ROUGE_L, EXACT_MATCH = "rouge_l", "exact_match"
Words = Literal["stemmed", "spaced", "unicode"]
METRICS = {ROUGE_L: "ROUGE-L", EXACT_MATCH: "exact match"}
"""The metrics, with their names in words."""
_SHORT = 3  # characters: rouge_score stems only longer words
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)
_JUDGED_BY_EXACT_MATCH = frozenset(
    {
        "textual entailment",
        "cause effect classification",
        "coreference resolution",
        "dialogue act recognition",
        "answerability classification",
        "word analogy",
    }
)  # Tk-Instruct (arXiv 2204.07705), compute_metrics.py; the other categories are judged by ROUGE-L


def scores_of(response: str, references: Sequence[str], words: Words = "stemmed") -> dict[str, float]:
    """Both metrics of a response, from 0 to 1.

    Args:
        response: as it stands.
        references: the right answers; without any, both metrics are 0.
        words: how words are told.
    """
    return {
        ROUGE_L: rouge_l(response, references, words),
        EXACT_MATCH: float(any(normalised(response) == normalised(each) for each in references)),
    }


def rouge_l(response: str, references: Sequence[str], words: Words = "stemmed") -> float:
    """The highest ROUGE-L F of a response with one of the references."""
    words_of = _WORDS[words]
    said = words_of(response)
    lcs = lcs_with(said)
    best = 0.0
    for reference in map(words_of, references):
        best = max(best, f_measure(lcs(reference), len(reference), len(said)))
    return best


def words_for(references: Sequence[str]) -> Words:
    """How the words of such references are told: by letters of any script, where most are not ASCII."""
    letters = [letter for text in references for letter in text if letter.isalpha()]
    return "unicode" if sum(map(str.isascii, letters)) < len(letters) / 2 else "stemmed"


def stemmed_words(text: str) -> list[str]:
    """The words of rouge_score's tokenizer with its stemmer, Porter's as nltk has it."""
    return [word if len(word) <= _SHORT else _stem(word) for word in rouge_tokens(text)]


_WORDS: dict[Words, Callable[[str], list[str]]] = {
    "stemmed": stemmed_words,
    "spaced": str.split,
    "unicode": unicode_tokens,
}


def normalised(text: str) -> str:
    """What exact match compares."""
    return " ".join(text.lower().translate(_WITHOUT_PUNCTUATION).split())


def metric_of(category: str) -> str:
    """The metric by which Tk-Instruct judges a category of tasks."""
    return EXACT_MATCH if category.lower().replace("_", " ") in _JUDGED_BY_EXACT_MATCH else ROUGE_L


@lru_cache(maxsize=1 << 18)
def _stem(word: str) -> str:
    stem: str = _stemmer().stem(word)
    return stem


@cache
def _stemmer() -> PorterStemmer:
    from nltk.stem.porter import PorterStemmer  # here, as nltk takes a second to import

    return PorterStemmer()
