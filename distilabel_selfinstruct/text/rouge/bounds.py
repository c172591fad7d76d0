"""The scores of ROUGE-L, and what they demand of two texts before anybody compares them.

`RougeLIndex` takes the decisions of rouge_score, float for float, by leaving out the pairs that cannot pass the
threshold:

- F is 2 L / (m + n) for texts of m and n words with a longest common subsequence (LCS) of L words, so a threshold
  on F is a least L for every (m, n): `required_lcs`.
- Length filter: L is at most the shorter length, so much shorter and much longer partners are out (Gravano et al., VLDB
  2001).
- Prefix filter: an LCS of L words needs L common words, counted as a multiset. Order the words of each text by one
  global order, rare words first: if all common words lay outside the first m - L + 1 words, fewer than L would be left.
  So only texts that share a word of their short rare prefix are looked at, and an inverted index over the prefixes
  finds them (Chaudhuri et al., ICDE 2006; Bayardo et al., WWW 2007): `prefix_length`.
- Positional filter: a first common word at place i of the prefix leaves at most m - i common words
  (Xiao et al., PPJoin, WWW 2008).
- Bitmap filter: each text has a signature of some bits, one of them flipped by each word. Two signatures differ in no
  more bits than the texts differ in words (Sandes et al., Bitmap filter, 2020).

The pools apply the filters to the pairs. The few pairs left get their LCS from the bit-parallel algorithm, the words of
one text as the bits of an integer (Crochemore et al., 2001; Hyyrö, 2004).
"""

from __future__ import annotations


def f_measure(lcs: int, words: int, other_words: int) -> float:
    """ROUGE-L F of two texts, by the very operations of rouge_score, so that the floats are the same.

    The order of the two texts does not matter: doubling is exact and float multiplication is commutative.
    """
    if not lcs:
        return 0.0
    precision, recall = lcs / other_words, lcs / words
    return 2 * precision * recall / (precision + recall)


def required_lcs(words: int, other_words: int, threshold: float) -> int | None:
    """The least LCS with which two texts of these lengths exceed the threshold; None where none does.

    F is near 2 L / (m + n), which gives the place to start; the last bits are decided by the float itself.
    """
    least = max(1, int(threshold * (words + other_words) / 2) - 1)
    for lcs in range(least, min(words, other_words) + 1):
        if f_measure(lcs, words, other_words) > threshold:
            return lcs
    return None


def prefix_length(words: int, threshold: float) -> int:
    """How many of its rarest words a text must be looked up under, whatever the length of its partner.

    The required LCS grows with the partner's length, so the shortest partner that can pass the threshold decides.
    """
    shortest = max(1, int(words * threshold / (2 - threshold)) - 1)
    for other_words in range(shortest, words + 1):
        if (least := required_lcs(words, other_words, threshold)) is not None:
            return words - least + 1
    return 0


class RequiredLcs(dict[int, int]):
    """`required_lcs` of texts of one length by the length of the other; one more than they have where none suffices."""

    def __init__(self, words: int, threshold: float) -> None:
        self._words, self._threshold = words, threshold

    def __missing__(self, other_words: int) -> int:
        least = self[other_words] = required_lcs(self._words, other_words, self._threshold) or self._words + 1
        return least
