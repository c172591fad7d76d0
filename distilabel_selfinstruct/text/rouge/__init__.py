"""ROUGE-L: the words of a text, the score of a pair, and a pool that admits what is new."""

from distilabel_selfinstruct.text.rouge.containment import Containment
from distilabel_selfinstruct.text.rouge.index import RougeLIndex
from distilabel_selfinstruct.text.rouge.pool import Match, Similarities
from distilabel_selfinstruct.text.rouge.tokens import TOKENIZERS, TokenizerName, rouge_tokens, unicode_tokens

__all__ = [
    "TOKENIZERS",
    "Containment",
    "Match",
    "RougeLIndex",
    "Similarities",
    "TokenizerName",
    "rouge_tokens",
    "unicode_tokens",
]
