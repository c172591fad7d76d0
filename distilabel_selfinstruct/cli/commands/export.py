"""`self-instruct export`: a dataset in the form that a trainer reads."""

from __future__ import annotations

from distilabel_selfinstruct.cli.arguments import a_path
from distilabel_selfinstruct.cli.parser import PROG, Parser

_FORMATS = ("jsonl", "openai", "sharegpt", "chatml", "alpaca", "prompt_completion", "csv", "parquet", "preference")


def options() -> Parser:
    """What, in which form, and where to."""
    parser = Parser(
        prog=f"{PROG} export",
        description="Writes the dataset of a run, or any other, in the form that a trainer reads; for LLaMA-Factory and"
        " axolotl with what they are to be told of it.",
        examples=[
            f"{PROG} export runs/mine --format openai",
            f"{PROG} export runs/mine --format sharegpt --split 0.95 --out data/mine",
        ],
    )
    parser.add_argument("what", metavar="RUN", help="run folder, or instructions with answers: a file, a dataset")
    parser.add_argument("--format", choices=_FORMATS, required=True, help="of the rows")
    parser.add_argument("--out", type=a_path, metavar="FOLDER", help="where to (default: export/FORMAT in the run)")
    parser.add_argument("--subset", metavar="NAME", help="config of the dataset (default: instances, or preferences)")
    parser.add_argument("--split", type=float, metavar="SHARE", help="of the instructions in train, the rest in test")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the split (default: 0)")
    return parser


def run(words: list[str]) -> str:
    """Writes it; what and where."""
    given = options().parse_args(words)

    from distilabel_selfinstruct.runs.export import export

    written = export(given.what, given.format, given.out, given.subset, given.split, given.seed)
    return "\n".join(
        [
            *(f"note: {note}" for note in written.notes),
            *(f"{count:,} rows: {path}" for path, count in written.files.items()),
            *(f"for the tool that reads it: {path}" for path in written.extras),
        ]
    )
