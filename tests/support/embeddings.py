"""Small static embeddings, in the form that model2vec reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from model2vec import StaticModel
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers


def write_static(folder: Path, words: Mapping[str, Sequence[float]]) -> str:
    """Embeddings of these words; of others there are none."""
    unknown = "[UNK]"
    tokenizer = Tokenizer(models.WordLevel({unknown: 0, **{word: at for at, word in enumerate(words, 1)}}, unknown))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    size = len(next(iter(words.values())))
    vectors = np.array([[0.0] * size, *words.values()], dtype=np.float32)
    StaticModel(vectors, tokenizer).save_pretrained(str(folder))
    return str(folder)


def write_bag_of_words(folder: Path, texts: Sequence[str], size: int = 256) -> str:
    """Embeddings by which texts are near that share most of their words."""
    words = list(dict.fromkeys(word for text in texts for word in text.lower().split() if word.isalnum()))
    draw = np.random.default_rng(0)
    return write_static(folder, {word: draw.normal(size=size).tolist() for word in words})
