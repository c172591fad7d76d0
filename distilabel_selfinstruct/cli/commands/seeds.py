"""`self-instruct seeds`: a seed file out of any dataset."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.cli.arguments import a_count, a_path
from distilabel_selfinstruct.cli.options import add_options, config_of
from distilabel_selfinstruct.cli.parser import PROG, Parser
from distilabel_selfinstruct.data.files import write_whole
from distilabel_selfinstruct.data.seeding import Seeds, seeds_of
from distilabel_selfinstruct.data.seeds import load_seed_tasks
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.runs.config import ModelConfig

_SIMILAR = 0.7
_OWN = ("source", "out", "subset", "split", "most", "threshold", "seeds", "is_classification")


def options() -> Parser:
    """What is read, what is left out, and who says which tasks are classification."""
    parser = Parser(
        prog=f"{PROG} seeds",
        description="Makes a seed file of the instructions and answers of any dataset: a run, a file (Alpaca, ShareGPT,"
        " Dolly ...), a saved dataset, or one of the Hub. Which tasks are classification (their output is one of a few"
        " labels) a model says (--llm), or you for all of them (--is-classification); else the file has null there, for"
        " you to write true or false.",
        examples=[
            f"{PROG} seeds alpaca_data.json --out seeds.jsonl --most 175 --llm openai --model NAME",
            f"{PROG} seeds runs/mine --out seeds.jsonl --seeds old_seeds.jsonl",
        ],
    )
    add_options(parser, ModelConfig)
    parser.add_argument("source", metavar="SOURCE", help="run, file, folder, saved dataset, or NAMESPACE/NAME")
    parser.add_argument("--out", type=a_path, required=True, metavar="FILE.jsonl", help="the seed file to write")
    parser.add_argument("--subset", metavar="NAME", help="config of the dataset (default: of a run its instances)")
    parser.add_argument("--split", metavar="NAME", help="of the dataset (default: train)")
    parser.add_argument("--most", type=a_count, metavar="N", help="draw so many (default: all)")
    parser.add_argument("--threshold", type=float, metavar="F", help=f"most ROUGE-L of two (default: {_SIMILAR})")
    parser.add_argument("--seeds", nargs="+", type=a_path, metavar="FILE", help="other seed files to stay clear of")
    parser.add_argument("--is-classification", choices=("yes", "no"), help="of all that the source is silent about")
    return parser


def run(words: list[str]) -> str:
    """Makes it; what was kept, left out, and is to be done."""
    given = vars(options().parse_args(words))
    own = {name: given.pop(name) for name in _OWN if name in given}
    asks, out = "llm" in given, own["out"]
    config = config_of(given, ModelConfig)
    if asks and "is_classification" in own:
        raise ConfigError("--is-classification and --llm: one of them says which tasks are classification.")
    if out.exists():
        raise ConfigError(f"{out}: is there already; choose another name.")
    if not out.parent.is_dir():
        raise ConfigError(f"{out.parent}: there is no such folder.")
    seeds = _read(own, config.seed)
    lines = [*(f"note: {note}" for note in seeds.notes), *_left_out(seeds)]
    if "is_classification" in own:
        seeds = seeds.told({t.id: own["is_classification"] == "yes" for t in seeds.tasks if t.id not in seeds.said})
    elif asks and len(seeds.said) < len(seeds.tasks):
        verdicts, reasons = _ask(config, seeds, out)
        seeds = seeds.told(verdicts).only_said()
        lines += [
            f"{count:,} left out: the model did not say whether they are classification ({reason})"
            for reason, count in reasons.most_common()
        ]
    if not seeds.tasks:
        raise ConfigError(f"{own['source']}: nothing is left of it. " + "; ".join(lines))
    write_whole(out, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in seeds.rows))
    return "\n".join([*lines, *_end(seeds, out)])


def _read(own: dict[str, Any], seed: int) -> Seeds:
    for name, most in (("most", None), ("threshold", 1)):
        value = own.get(name)
        if value is not None and (value <= 0 or (most is not None and value > most)):
            raise ConfigError(f"--{name}: expected a number above 0{f', at most {most}' if most else ''}, got {value}.")
    others = [task.instruction for task in load_seed_tasks(*own["seeds"])] if "seeds" in own else []
    return seeds_of(
        own["source"],
        own.get("subset"),
        own.get("split", "train"),
        own.get("most"),
        seed,
        own.get("threshold", _SIMILAR),
        others,
    )


def _left_out(seeds: Seeds) -> list[str]:
    lines = []
    if seeds.lacking:
        lines.append(f"{seeds.lacking:,} rows left out: no instruction, or no output")
    if seeds.similar:
        lines.append(f"{seeds.similar:,} instructions left out: too similar to another")
    return lines


def _end(seeds: Seeds, out: Path) -> list[str]:
    silent = sum(task.id not in seeds.said for task in seeds.tasks)
    if not silent:
        load_seed_tasks(out)  # what was written is read as a run will read it
        return [f"{len(seeds.tasks):,} seed tasks: {out}", f"next: {PROG} run --seeds {out}"]
    return [
        f"{len(seeds.tasks):,} seed tasks: {out}",
        f"next: write true or false for `is_classification` in {silent:,} lines that have null there (true: the output"
        " is one of a few labels); or make the file anew with --llm, or with --is-classification no.",
    ]


def _ask(config: ModelConfig, seeds: Seeds, out: Path) -> tuple[dict[str, bool], Counter[str]]:
    """What the model says of those that the source is silent about; what was answered is kept until all is."""
    from distilabel.pipeline import Pipeline

    from distilabel_selfinstruct.data.shipped import PROJECT_SEEDS
    from distilabel_selfinstruct.models.durable import DurableLLM
    from distilabel_selfinstruct.recipes.self_instruct.classification import STAGE, IdentifyClassification
    from distilabel_selfinstruct.runs.models import local_engine, make_model

    kept = out.with_name(f".{out.name}.completions")
    asked = [{"id": task.id, "instruction": task.instruction} for task in seeds.tasks if task.id not in seeds.said]
    with local_engine(config) as engine:
        llm = DurableLLM(
            llm=make_model(config, engine=engine),
            folder=str(kept),
            stage=STAGE,
            concurrency=config.concurrency,
            outage=config.outage,
            timeout=config.timeout,
        )
        with Pipeline("seeds"):  # a step of none warns of it
            step = IdentifyClassification(
                name=STAGE, llm=llm, wording=config.wording, seed=config.seed, seed_files=[str(PROJECT_SEEDS)]
            )
        step.load()
        try:
            rows = next(step.process(asked))
        finally:
            step.unload()
    shutil.rmtree(kept, ignore_errors=True)
    reasons = Counter(row["reject_reason"] for row in rows if row["reject_reason"] is not None)
    return {row["id"]: row["is_classification"] for row in rows if row["reject_reason"] is None}, reasons
