"""`self-instruct report`: the report of a run, or of any dataset of instructions."""

from __future__ import annotations

from distilabel_selfinstruct.cli.arguments import a_path, add_prices, prices_of
from distilabel_selfinstruct.cli.parser import PROG, Parser
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.errors import ConfigError


def options() -> Parser:
    """Of what, where to, and what a token costs."""
    parser = Parser(
        prog=f"{PROG} report",
        description="Writes the report of a run, or of any dataset of instructions.",
        examples=[f"{PROG} report runs/mine", f"{PROG} report alpaca_data.json --out alpaca-report"],
    )
    parser.add_argument("what", type=a_path, metavar="RUN", help="run folder, or rows with instruction, input, output")
    parser.add_argument("--out", type=a_path, metavar="FOLDER", help="where to (default: report in the run folder)")
    parser.add_argument("--seeds", nargs="+", default=[], metavar="FILE", help="seed files to compare a dataset with")
    add_prices(parser)
    return parser


def run(words: list[str]) -> str:
    """Writes it; where it is."""
    given = options().parse_args(words)

    from distilabel_selfinstruct.data.seeds import load_seed_tasks
    from distilabel_selfinstruct.models.records import usage_by_stage
    from distilabel_selfinstruct.report import report_for_rows, write_report

    folder = RunFolder(given.what)
    if folder.is_run:
        if given.out is not None or given.seeds:
            raise ConfigError("--out and --seeds are for datasets; the report of a run goes into its folder.")
        known = folder.prices()
        usage = usage_by_stage(folder.check_completions, known) | usage_by_stage(folder.completions, known)
        return f"report: {write_report(folder.path, usage=usage, prices=prices_of(given))}"
    if given.out is None:
        raise ConfigError(f"{given.what}: is no run folder; for the report of a dataset say where to: --out FOLDER.")
    seeds = [task.instruction for task in load_seed_tasks(*given.seeds)] if given.seeds else []
    return f"report: {report_for_rows(given.what, given.out, seeds=seeds)}"
