"""`self-instruct report`: the report of a run, or of any dataset of instructions."""

from __future__ import annotations

from distilabel_selfinstruct.cli.arguments import a_path, add_prices, prices_of
from distilabel_selfinstruct.cli.parser import PROG, Parser
from distilabel_selfinstruct.data.folder import ReportFolder, RunFolder
from distilabel_selfinstruct.errors import ConfigError


def options() -> Parser:
    """Of what, where to, and what a token costs."""
    parser = Parser(
        prog=f"{PROG} report",
        description="Writes the report of a run, or of any dataset of instructions.",
        examples=[
            f"{PROG} report runs/mine",
            f"{PROG} report alpaca_data.json --out alpaca-report",
            f"{PROG} report NAMESPACE/NAME --out their-report",
            f"{PROG} report runs/mine --evaluations evaluations/before evaluations/after",
        ],
    )
    parser.add_argument(
        "what", type=a_path, metavar="RUN", help="run folder, or instructions with answers: a file, a folder, a dataset"
    )
    parser.add_argument("--out", type=a_path, metavar="FOLDER", help="where to (default: report in the run folder)")
    parser.add_argument("--seeds", nargs="+", default=[], metavar="FILE", help="seed files to compare a dataset with")
    parser.add_argument(
        "--evaluations",
        nargs="+",
        type=a_path,
        default=[],
        metavar="FOLDER",
        help="evaluations of models that were trained on the run: shown by its report and its card from now on",
    )
    add_prices(parser)
    return parser


def run(words: list[str]) -> str:
    """Writes it; where it is."""
    given = options().parse_args(words)

    from distilabel_selfinstruct.data.seeds import load_seed_tasks
    from distilabel_selfinstruct.evaluation.findings import record_findings
    from distilabel_selfinstruct.models.records import usage_by_stage
    from distilabel_selfinstruct.report import read_statistics, report_for_rows, write_report

    folder = RunFolder(given.what)
    if folder.is_run:
        if given.out is not None or given.seeds:
            raise ConfigError("--out and --seeds are for datasets; the report of a run goes into its folder.")
        if given.evaluations:
            record_findings(folder, given.evaluations)
        known = folder.prices()
        usage = usage_by_stage(folder.check_completions, known) | usage_by_stage(folder.completions, known)
        return f"report: {write_report(folder.path, usage=usage, prices=prices_of(given))}"
    if given.evaluations:
        raise ConfigError("--evaluations are named by a run; for models side by side: self-instruct evaluate compare.")
    if given.out is None:
        raise ConfigError(f"{given.what}: is no run folder; for the report of a dataset say where to: --out FOLDER.")
    seeds = [task.instruction for task in load_seed_tasks(*given.seeds)] if given.seeds else []
    page = report_for_rows(given.what, given.out, seeds=seeds)
    notes = read_statistics(ReportFolder(given.out).statistics).notes
    return "\n".join([*(f"note: {note}" for note in notes), f"report: {page}"])
