"""How the default rules judge what real models wrote, beside a reader's judgement: python benchmarks/real_runs.py.

The completions are those of `../shared/data/real_runs`, the judgements those of `tests/data/real_runs` (how they were
made stands there). Each completion goes through the step that would read it in a run, with the rules of the preset
`default` and the pool of its file; what comes out is looked up among the labels. Printed are precision (of what is
admitted, the share that a reader keeps) and recall (of what a reader keeps, the share that is admitted), and with
`--misses` each candidate on which the two differ.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from distilabel.models.llms.base import LLM
from distilabel.models.mixins.magpie import MagpieChatTemplateMixin
from distilabel.typing import FormattedInput, GenerateOutput
from pydantic import PrivateAttr

from distilabel_selfinstruct import (
    AnswerEvolutions,
    AnswerInstructions,
    BootstrapInstructions,
    BootstrapTasks,
    EvolveInstructions,
    FilterInstances,
    GenerateQueries,
    GenerateResponses,
    GenerateTopics,
    InputFirstInstances,
    InstructByTopic,
    JudgeEvolutions,
    MagpieInstructions,
    OutputFirstInstances,
    RougeDedup,
)
from distilabel_selfinstruct.text.requests import asks_for_text

ROOT = Path(__file__).parents[1]
RUNS = ROOT.parent / "shared" / "data" / "real_runs"
LABELS = ROOT / "tests" / "data" / "real_runs" / "labels.jsonl"
SEEDS = [str(ROOT / "seeds" / "seed_tasks.jsonl")]
KINDS = ("instruction", "instance")

Row = dict[str, Any]
Record = dict[str, Any]
"""A line of a file of completions, with its number as `line`."""


# --- what is judged --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that a completion gives, and what the rules say of it.

    Attributes:
        file: the name of the file of completions, without its ending.
        line: of the completion, from 1.
        kind: `instruction` (topics, queries and whole tasks too) or `instance` (answers and responses too).
        text: the instruction, or the output of an instance.
        input: of an instance.
        reason: the reason code, or None where it is admitted.
    """

    file: str
    line: int
    kind: str
    text: str
    input: str = ""
    reason: str | None = None

    @property
    def key(self) -> tuple[str, int, str, str]:
        """What its label is found by."""
        return (self.file, self.line, self.kind, fingerprint(self.input, self.text))


def fingerprint(given: str, text: str) -> str:
    """Of an input and a text, the same whatever case, white space, quotes and full stops a reader leaves."""
    bare = [" ".join("".join(c if c.isalnum() else " " for c in each.casefold()).split()) for each in (given, text)]
    return hashlib.sha256("\n".join(bare).encode()).hexdigest()[:10]


# --- the replay ------------------------------------------------------------------------------------------------------


class Recorded(MagpieChatTemplateMixin, LLM):
    """Gives completions in the order in which they were recorded, whatever it is asked."""

    _records: Iterator[Record] = PrivateAttr()

    @classmethod
    def of(cls, records: Iterable[Record]) -> Recorded:
        model = cls()
        model._records = iter(records)
        return model

    @property
    def model_name(self) -> str:
        return "recorded"

    def generate(  # type: ignore[override]
        self, inputs: list[FormattedInput], num_generations: int = 1, max_new_tokens: int = 1024
    ) -> list[GenerateOutput]:
        return [self._output([next(self._records) for _ in range(num_generations)]) for _ in inputs]

    def _output(self, records: list[Record]) -> GenerateOutput:
        output: Any = {
            "generations": [record["completion"] for record in records],
            "finish_reason": [record["finish_reason"] for record in records],
            "failure": [record["given_up"] for record in records],
            "statistics": {name: [record[name] for record in records] for name in ("input_tokens", "output_tokens")},
        }
        return output


class Replay:
    """The candidates that the completions of a file give today, in their order.

    Args:
        file: a file of completions.
    """

    def __init__(self, file: Path) -> None:
        self._name = file.stem
        self._records = read(file)

    def candidates(self) -> Iterator[Candidate]:
        """Those of instructions first; an instance is admitted where its instruction was, too."""
        admitted: set[str] = set()
        for candidate in self._instructions():
            if candidate.reason is None:
                admitted.add(fingerprint("", candidate.text))
            yield candidate
        makes_instructions = bool(self._of("bootstrap", "instructions", "magpie", "queries"))
        for instruction, candidate in self._instances():
            is_orphan = makes_instructions and fingerprint("", instruction) not in admitted
            reason = candidate.reason or ("its instruction was rejected" if is_orphan else None)
            yield Candidate(self._name, candidate.line, candidate.kind, candidate.text, candidate.input, reason)

    def _of(self, *stages: str) -> list[Record]:
        return [record for record in self._records if record["stage"] in stages]

    def _candidate(self, record: Record, row: Row, column: str, kind: str = "instruction") -> Iterator[Candidate]:
        if row[column] is not None:
            given = row["input"] or "" if kind == "instance" else ""
            yield Candidate(self._name, record["line"], kind, row[column], given, row["reject_reason"])

    def _instructions(self) -> Iterator[Candidate]:
        if records := self._of("bootstrap"):
            yield from self._loop(records, *self._bootstrap(records))
        if records := self._of("topics"):
            yield from self._loop(records, GenerateTopics, "topic", num_topics=1000)
        for record in self._of("instructions"):
            yield from self._by_topic(record)
        if records := self._of("magpie"):
            yield from self._loop(
                records, MagpieInstructions, "instruction", num_instructions=1000, pre_query_template="qwen2"
            )
        yield from self._queries()
        yield from self._evolutions()

    @staticmethod
    def _bootstrap(records: list[Record]) -> tuple[type, str]:
        return (BootstrapTasks if records[0]["recipe"] == "alpaca" else BootstrapInstructions), "instruction"

    def _loop(self, records: list[Record], step: Any, column: str, **options: Any) -> Iterator[Candidate]:
        """A pool loop of one prompt after the other, that goes on whatever comes of them."""
        if step in (BootstrapInstructions, BootstrapTasks):
            options = {"wording": records[0]["wording"], "seed_files": SEEDS, "num_instructions": 1000}
        known = {"lag": 1, "patience": len(records) + 1, "pilot_rounds": len(records)}
        loop = step(llm=Recorded.of(records), **known, **options)
        loop.load()
        for row in (row for rows, _ in loop.process() for row in rows):
            number = int(row["instruction_id"].removeprefix("topic-").split("-")[0])
            yield from self._candidate(records[number], row, column)

    def _by_topic(self, record: Record) -> Iterator[Candidate]:
        """The quotas, and so the order of the prompts, depend on the rules: each completion is read by itself."""
        asked = text_of_prompt(record)
        kind = next(kind for kind, words in _KINDS.items() if words in asked)
        topic = between(asked, "have to do with this topic: ", "\n")
        step = InstructByTopic(llm=Recorded.of([record]), quotas={kind: 100}, lag=1, patience=2, pilot_rounds=1)
        step.load()
        for row in next(step.process([{"topic": topic, "reject_reason": None}])):
            yield from self._candidate(record, row, "instruction")

    def _queries(self) -> Iterator[Candidate]:
        dedup = RougeDedup()
        dedup.load()
        for record in self._of("queries"):
            asked = text_of_prompt(record)
            step = GenerateQueries(
                llm=Recorded.of([record]), num_instructions=int(between(asked, "Develop ", " user queries"))
            )
            step.load()
            document = between(asked, "# Context\n", "\n\n# Output")
            rows = next(step.process([{"document_id": "0", "document": document, "title": None}]))
            for row in next(dedup.process(rows)):
                yield from self._candidate(record, row, "instruction")

    def _evolutions(self) -> Iterator[Candidate]:
        for record in self._of("evolution_1"):
            parent = between(text_of_prompt(record), "\n#The Given Prompt#:\n", "\n#Rewritten Prompt#:")
            step = EvolveInstructions(llm=Recorded.of([record]))
            step.load()
            rows = next(step.process([{"instruction_id": "0", "instruction": parent}]))
            judge = JudgeEvolutions(llm=Recorded.of(self._judgements(rows)))
            judge.load()
            for row in next(judge.process(rows)):
                yield from self._candidate(record, row, "instruction")

    def _judgements(self, rows: list[Row]) -> list[Record]:
        """The recorded judgements on these evolutions; a new one is taken for a gain."""
        gain = {"completion": "Yes", "finish_reason": "stop", "given_up": None, "input_tokens": 0, "output_tokens": 1}
        judged = self._of("judgement_1")
        return [
            next((each for each in judged if (row["instruction"] or "\0") in text_of_prompt(each)), gain)
            for row in rows
        ]

    def _instances(self) -> Iterator[tuple[str, Candidate]]:
        for record in self._of("output_first", "input_first"):
            yield from self._of_instruction(record)
        for record in self._of("answers"):
            instruction = text_of_prompt(record).rpartition("\n\nQuery:\n")[2]
            step = (AnswerEvolutions if record["recipe"] == "evolve" else AnswerInstructions)(llm=Recorded.of([record]))
            step.load()
            for row in next(step.process([{"instruction": instruction, "instruction_id": "0"}])):
                for candidate in self._candidate(record, row, "output", "instance"):
                    yield instruction, candidate
        for instruction, grouped in groupby(self._of("responses"), key=text_of_prompt):
            records = list(grouped)
            responses = GenerateResponses(llm=Recorded.of(records), num_generations=len(records))
            responses.load()
            rows = next(responses.process([{"instruction": instruction, "instruction_id": "0"}]))
            for record, row in zip(records, rows):
                for candidate in self._candidate(record, row, "output", "instance"):
                    yield instruction, candidate

    def _of_instruction(self, record: Record) -> Iterator[tuple[str, Candidate]]:
        instruction = text_of_prompt(record).rpartition("Task: ")[2].strip()
        if record["stage"] == "output_first" and asks_for_text(instruction):
            return  # no label is asked for today
        step_class = OutputFirstInstances if record["stage"] == "output_first" else InputFirstInstances
        step = step_class(llm=Recorded.of([record]), wording=record["wording"], seed_files=SEEDS)
        step.load()
        filtered = FilterInstances()
        filtered.load()
        row = {
            "instruction_id": "0",
            "instruction": instruction,
            "reject_reason": None,
            "is_classification": record["stage"] == "output_first",
        }
        for each in next(filtered.process(next(step.process([row])))):
            for candidate in self._candidate(record, each, "output", "instance"):
                yield instruction, candidate


_KINDS = {  # what each prompt of the recipe `topics` says, as far as there are completions
    "general": "They are everyday requests",
    "trivia": "They are questions of fact",
    "multiple_choice": "They are multiple-choice questions",
}


def read(file: Path) -> list[Record]:
    """The lines of a file of completions."""
    with file.open(encoding="utf-8") as lines:
        return [{**json.loads(line), "line": number} for number, line in enumerate(lines, 1)]


def text_of_prompt(record: Record) -> str:
    """What the prompt says, in whatever wording."""
    prompt = record["prompt"] if record["wording"] == "base" else json.loads(record["prompt"])
    while isinstance(prompt, list):
        prompt = prompt[0]
    return prompt if isinstance(prompt, str) else str(prompt["content"])


def between(text: str, before: str, after: str) -> str:
    """What stands between the last text before it and the next text after it."""
    return text.rpartition(before)[2].partition(after)[0]


def replayed(folder: Path = RUNS) -> list[Candidate]:
    """The candidates that all completions of a folder give today."""
    return [candidate for file in sorted(folder.glob("*.jsonl")) for candidate in Replay(file).candidates()]


# --- the comparison --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Label:
    """A reader's judgement.

    Attributes:
        verdict: `keep`, `reject`, or `either`, which counts neither way.
        reason: of a reject.
        begins: how the text begins.
        reading: the same for two readings of one text, of which one is enough.
    """

    verdict: str
    reason: str | None
    begins: str
    reading: tuple[str, int, str, str]


def labels(file: Path = LABELS) -> dict[tuple[str, int, str, str], Label]:
    """The judgements by the keys of their candidates."""
    with file.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    found = {}
    for row in rows:
        place = (row["file"], row["line"], row["kind"])
        reading = (*place, row.get("reading_of", row["hash"]))
        found[(*place, row["hash"])] = Label(row["verdict"], row["reason"], row["begins"], reading)
    return found


@dataclass(frozen=True, slots=True)
class Miss:
    """A candidate on which rules and reader differ.

    Attributes:
        key: of the candidate.
        begins: how it begins.
        why: `admitted, a reader rejects: REASON`, or `kept by a reader, REASON CODE`.
    """

    key: tuple[str, int, str, str]
    begins: str
    why: str


@dataclass(frozen=True)
class Comparison:
    """Candidates of one kind beside their labels.

    Args:
        candidates: what the rules make of them.
        labels: what a reader makes of them.
        beyond_rules: reasons of a reader that no rule can know, to leave these candidates out.
    """

    candidates: Sequence[Candidate]
    labels: dict[tuple[str, int, str, str], Label]
    beyond_rules: frozenset[str] = frozenset()

    @cached_property
    def _judged(self) -> list[tuple[Candidate, Label]]:
        """The admitted ones, but for those that count neither way; the second of the same text is a duplicate."""
        judged, seen = [], set()
        for candidate in self.candidates:
            label = self.labels.get(candidate.key)
            if candidate.reason is not None or label is None or label.verdict == "either":
                continue
            if label.verdict == "keep" and label.reading in seen:
                label = Label("reject", "duplicate", label.begins, label.reading)
            seen.add(label.reading)
            if label.reason not in self.beyond_rules:
                judged.append((candidate, label))
        return judged

    @property
    def admitted(self) -> int:
        """How many the rules admit."""
        return len(self._judged)

    @property
    def right(self) -> int:
        """How many of these a reader keeps."""
        return sum(label.verdict == "keep" for _, label in self._judged)

    @property
    def kept(self) -> int:
        """How many texts a reader keeps."""
        return len({label.reading for label in self.labels.values() if label.verdict == "keep"})

    @property
    def precision(self) -> float:
        """The share of what is admitted that a reader keeps."""
        return self.right / self.admitted if self.admitted else 0.0

    @property
    def recall(self) -> float:
        """The share of what a reader keeps that is admitted."""
        return self.right / self.kept if self.kept else 0.0

    @property
    def unlabelled(self) -> list[Candidate]:
        """Candidates that nobody has judged, each text of a completion once."""
        return list({each.key: each for each in self.candidates if each.key not in self.labels}.values())

    @property
    def misses(self) -> list[Miss]:
        """Where rules and reader differ: what is admitted and should not be, then what should be and is not."""
        wrong = [
            Miss(candidate.key, label.begins, f"admitted, a reader rejects: {label.reason}")
            for candidate, label in self._judged
            if label.verdict == "reject"
        ]
        admitted = {label.reading for _, label in self._judged}
        reasons = {each.key: each.reason for each in reversed(self.candidates)}
        lost = [
            Miss(key, label.begins, f"kept by a reader, {reasons.get(key, 'not read')}")
            for key, label in self.labels.items()
            if label.verdict == "keep" and key == label.reading and key not in admitted
        ]
        return sorted(wrong, key=lambda miss: miss.why) + sorted(lost, key=lambda miss: miss.why)


BEYOND_RULES = frozenset({"unrelated"})


def compare(
    candidates: Sequence[Candidate],
    judged: dict[tuple[str, int, str, str], Label],
    kind: str,
    file: str | None = None,
    beyond_rules: frozenset[str] = frozenset(),
) -> Comparison:
    """The comparison for one kind, of one file or of all."""
    return Comparison(
        [each for each in candidates if each.kind == kind and file in (None, each.file)],
        {key: label for key, label in judged.items() if key[2] == kind and file in (None, key[0])},
        beyond_rules,
    )


def table(candidates: Sequence[Candidate], judged: dict[tuple[str, int, str, str], Label]) -> str:
    """Precision and recall of each kind, and the counts of each file."""
    head = f"{'':30}{'admitted':>9}{'right':>7}{'precision':>11}{'kept':>7}{'recall':>8}{'unlabelled':>12}"
    lines = [head]
    for kind in KINDS:
        files = sorted({key[0] for key in judged if key[2] == kind})
        lines += [_line(f"{kind}s, {file}", compare(candidates, judged, kind, file)) for file in files]
        lines.append(_line(f"all {kind}s", compare(candidates, judged, kind)))
        seen = compare(candidates, judged, kind, beyond_rules=BEYOND_RULES)
        lines.append(_line("  as far as rules can know", seen))
    return "\n".join(lines)


def _line(name: str, each: Comparison) -> str:
    return (
        f"{name:30}{each.admitted:9}{each.right:7}{each.precision:11.1%}{each.kept:7}{each.recall:8.1%}"
        f"{len(each.unlabelled):12}"
    )


def listed(candidates: Sequence[Candidate], judged: dict[tuple[str, int, str, str], Label]) -> str:
    """Each candidate on which rules and reader differ, and each that has no label."""
    lines = []
    for kind in KINDS:
        both = compare(candidates, judged, kind)
        counts = Counter(miss.why for miss in both.misses)
        for why, misses in groupby(both.misses, key=lambda miss: miss.why):
            lines.append(f"\n{kind}s, {why}: {counts[why]}")
            lines += [f"  {miss.key[0]}:{miss.key[1]}  {miss.begins}" for miss in misses]
        if both.unlabelled:
            lines.append(f"\n{kind}s, unlabelled: {len(both.unlabelled)}")
            lines += [f"  {_place(each)}  {each.reason or 'admitted'}" for each in both.unlabelled]
    return "\n".join(lines)


def _place(candidate: Candidate) -> str:
    shown = f"{candidate.input} => {candidate.text}" if candidate.input else candidate.text
    return f"{candidate.file}:{candidate.line} {candidate.key[3]}  {' '.join(shown.split())[:100]!r}"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--misses", action="store_true", help="list each candidate on which rules and reader differ")
    parser.add_argument("--runs", type=Path, default=RUNS, help="the folder with the completions")
    given = parser.parse_args()
    if not list(given.runs.glob("*.jsonl")):
        sys.exit(f"{given.runs}: no completions are here; name their folder with --runs.")
    logging.disable(logging.WARNING)  # distilabel's, that these steps stand in no pipeline
    candidates, judged = replayed(given.runs), labels()
    print(table(candidates, judged))
    if given.misses:
        print(listed(candidates, judged))


if __name__ == "__main__":
    main()
