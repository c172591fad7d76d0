"""ROUGE-L and exact match of a response and its references, as Tk-Instruct's script has them.

- ROUGE-L is the F score of rouge_score with `use_stemmer=True`, float for float; the words of a question that is not
  English are those between spaces, as they stand.
- Exact match compares texts in lower case, without ASCII punctuation, with single spaces; articles stay.
- Of several references the best counts, for each metric by itself.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from distilabel_selfinstruct.text.rouge.bounds import f_measure
from distilabel_selfinstruct.text.rouge.python_pool import lcs_with
from distilabel_selfinstruct.text.rouge.tokens import rouge_tokens

if TYPE_CHECKING:
    from nltk.stem.porter import PorterStemmer

ROUGE_L, EXACT_MATCH = "rouge_l", "exact_match"
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


def scores_of(response: str, references: Sequence[str], is_english: bool = True) -> dict[str, float]:
    """Both metrics of a response, from 0 to 1.

    Args:
        response: as it stands.
        references: the right answers; without any, both metrics are 0.
        is_english: whether words are told as in English, and stemmed.
    """
    return {
        ROUGE_L: rouge_l(response, references, is_english),
        EXACT_MATCH: float(any(normalised(response) == normalised(each) for each in references)),
    }


def rouge_l(response: str, references: Sequence[str], is_english: bool = True) -> float:
    """The highest ROUGE-L F of a response with one of the references."""
    words_of = stemmed_words if is_english else str.split
    words = words_of(response)
    lcs = lcs_with(words)
    best = 0.0
    for reference in map(words_of, references):
        best = max(best, f_measure(lcs(reference), len(reference), len(words)))
    return best


def stemmed_words(text: str) -> list[str]:
    """The words of rouge_score's tokenizer with its stemmer, Porter's as nltk has it."""
    return [word if len(word) <= _SHORT else _stem(word) for word in rouge_tokens(text)]


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
