"""What a run says at its end."""

from __future__ import annotations

from typing import Any

from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.summary import Summary
from distilabel_selfinstruct.models.records import usage_by_stage
from distilabel_selfinstruct.report import forecast, forecast_text
from distilabel_selfinstruct.report.rows import read_run
from distilabel_selfinstruct.report.statistics import rounds_of_rows
from distilabel_selfinstruct.runs.run import Run
from distilabel_selfinstruct.usage import Prices, Usage

_ENDINGS = {
    "stalled": "It stopped because round after round brought nothing new. Give it more --patience, or in another"
    " folder (--out) {other_seeds}a higher --temperature.",
    "budget": "It stopped because the budget is used up. Run the same command with a larger one to go on.",
    "kept back": "It stopped because it kept of the budget what answers were likely to take. Run the same command to go"
    " on with what is left.",
    "pilot": "These were the pilot rounds. Run the same command without --pilot-rounds to go on.",
    "unavailable": "It stopped because the endpoint did not answer any more. Run the same command to go on.",
}


def forecast_of(folder: RunFolder, num_instructions: int, concurrency: int, prices: Prices | None) -> str:
    """What so many instructions will take, judged by the rounds of the run in a folder, in words."""
    rounds, usage = rounds_of_rows(read_run(folder.path)), usage_by_stage(folder.completions)
    expected = forecast(rounds, usage, num_instructions, folder.recipe(), concurrency=concurrency, prices=prices)
    return forecast_text(expected)


def describe(summary: Summary, run: Run[Any]) -> str:
    """The end of a run in words: what there is, what was thrown away and why, what it cost, and what to do next."""
    what = f"{summary.admitted:,} instructions"
    if summary.prompts is not None and summary.wanted is not None:
        what = (
            f"{summary.admitted:,} of {summary.wanted:,} instructions admitted from {summary.candidates:,} candidates"
            f" in {summary.prompts:,} prompts"
        )
    rows = [f"{count:,} {name}" for name, count in summary.rows.items()]
    lines = ["; ".join([what, f"{summary.instances:,} instances", *rows])]
    for stage, reasons in summary.rejected.items():
        lines.append(f"rejected in {stage}: " + ", ".join(f"{count:,} {reason}" for reason, count in reasons.items()))
    used = sum(summary.usage.values(), Usage())
    spent = f"{used.requests:,} requests, {used.input_tokens:,} tokens in, {used.output_tokens:,} out"
    spent += f", {summary.seconds:.1f} s"
    if summary.cost:
        spent += f", cost {summary.cost:,.2f}"
    lines.append(spent)
    lines += [f"note: {note}" for note in summary.notes]
    if summary.ended in _ENDINGS:
        other_seeds = "other or more seed tasks (--seeds) or " if hasattr(run.config, "seeds") else ""
        ending = "kept back" if summary.ended == "budget" and run.has_budget_left else summary.ended
        lines.append(_ENDINGS[ending].format(other_seeds=other_seeds))
    if summary.failed:
        lines.append(f"{summary.failed:,} requests failed. Run the same command: it asks for those, and nothing else.")
    dataset = run.folder.dataset_path
    lines.append(f"dataset: {dataset}")
    if run.folder.page.exists():
        lines.append(f"report: {run.folder.page}")
    else:
        lines.append('report: not written; it needs: pip install "distilabel-selfinstruct[report]"')
    if summary.ended == "pilot":
        lines.append(forecast_of(run.folder, summary.wanted or 0, run.config.concurrency, run.config.prices()))
    if summary.instances:
        show = f"import datasets; print(datasets.load_from_disk('{dataset}/instances')['train'][0])"
        lines.append(f'next: python -c "{show}"')
    if run.config.llm == "demo":
        lines.append(
            "This was the embedded demo model. For a real one: --llm openai --model NAME --base-url URL --out FOLDER"
        )
    return "\n".join(lines)
