"""What embeddings find beside ROUGE-L, on recorded runs: python benchmarks/semantic.py --embedder-model FOLDER.

The texts are the instructions of `../shared/data`: the official seed tasks with what davinci made of them, those that
text-davinci-003 has made, and those of the paper's evaluation. Both ways decide in the order of the rows: what is too
near to an earlier text goes. Printed is, for each threshold of the cosine, what both find, what ROUGE-L alone (F over
0.7) finds, and what the embeddings alone find; with `--show` each pair that one of them alone finds.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.data.rows import answer_of
from distilabel_selfinstruct.models.embedding import EmbeddingLLM, static_vectors, vector_of
from distilabel_selfinstruct.models.local.engine import LocalEngine
from distilabel_selfinstruct.models.local.weights import STATIC_MODEL, find_weights
from distilabel_selfinstruct.text.rouge import RougeLIndex
from distilabel_selfinstruct.text.semantic import SemanticIndex

DATA = Path(__file__).parents[2] / "shared" / "data"
SETS = {
    "davinci": ["seed_tasks_official.jsonl", "official_run_davinci/machine_generated_instructions.jsonl"],
    "text-davinci-003": ["official_run_davinci003/machine_generated_instructions.jsonl"],
    "evaluation": ["user_oriented_instructions.jsonl"],
}
Pairs = dict[int, tuple[int, float]]
"""By the place of a text, that of the earlier one that it is too near to, and how near."""


def texts_of(files: Sequence[str]) -> list[str]:
    lines = (line for file in files for line in (DATA / file).read_text(encoding="utf-8").splitlines())
    return [text for line in lines if (text := json.loads(line).get("instruction"))]


def by_rouge(texts: Sequence[str]) -> Pairs:
    index, admitted, pairs = RougeLIndex(0.7, "unicode"), [], Pairs()
    for at, text in enumerate(texts):
        if (match := index.admit(text)) is None:
            admitted.append(at)
        else:
            pairs[at] = (admitted[match.position], match.score)
    return pairs


def by_meaning(vectors: Sequence[Any], threshold: float) -> Pairs:
    index, admitted, pairs = SemanticIndex(threshold), [], Pairs()
    for at, near in enumerate(index.admit_batch(list(vectors))):
        if near is None:
            admitted.append(at)
        else:
            pairs[at] = (admitted[near.position], near.score)
    return pairs


def embedded(texts: list[str], options: argparse.Namespace) -> list[Any]:
    if options.embedder == "static":
        return static_vectors(options.embedder_model or STATIC_MODEL, texts)
    if options.embedder == "openai":
        return asked(texts, EmbeddingLLM(model=options.embedder_model, base_url=options.embedder_base_url))
    with LocalEngine(find_weights(options.embedder_model), 4, 2048, embeds=True) as engine:
        return asked(texts, EmbeddingLLM(model=engine.weights.name, base_url=engine.url, api_key=engine.key))


def asked(texts: list[str], llm: EmbeddingLLM) -> list[Any]:
    llm.load()
    answers = [answer_of(output) for output in llm.generate_outputs(inputs=texts)]
    llm.unload()
    return [vector_of(answer.completion or "") for answer in answers]


def lines_of(name: str, texts: list[str], vectors: list[Any], options: argparse.Namespace) -> Iterator[str]:
    rouge = by_rouge(texts)
    for threshold in options.thresholds:
        meaning = by_meaning(vectors, threshold)
        alone, other = rouge.keys() - meaning.keys(), meaning.keys() - rouge.keys()
        both = len(rouge.keys() & meaning.keys())
        yield f"{name:17} {len(texts):6,} {threshold:9} {both:6} {len(alone):8} {len(other):10}"
        for how, found, pairs in (("ROUGE-L", alone, rouge), ("meaning", other, meaning)) if options.show else ():
            for at in sorted(found):
                earlier, score = pairs[at]
                yield f"    {how} {score:.2f}: {texts[at][:90]!r} / {texts[earlier][:90]!r}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embedder", choices=["static", "openai", "local"], default="static")
    parser.add_argument("--embedder-model")
    parser.add_argument("--embedder-base-url")
    parser.add_argument("--thresholds", type=float, nargs="+", default=[0.7, 0.8, 0.9, 0.95])
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    if not DATA.is_dir():
        print(f"{DATA}: there are no recorded runs here.", file=sys.stderr)
        return 1
    print(f"{'texts':17} {'number':>6} {'threshold':>9} {'both':>6} {'ROUGE-L':>8} {'embeddings':>10}")
    for name, files in SETS.items():
        texts = texts_of(files)
        for line in lines_of(name, texts, embedded(texts, options), options):
            print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
