"""What a run says at its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.summary import Outcome, Summary
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.models.local.weights import SMALL_MODEL
from distilabel_selfinstruct.models.records import usage_by_stage
from distilabel_selfinstruct.report import forecast, forecast_text
from distilabel_selfinstruct.report.rows import read_run
from distilabel_selfinstruct.report.statistics import rounds_of_rows
from distilabel_selfinstruct.runs.run import Run
from distilabel_selfinstruct.usage import CURRENCY, Prices, Usage

_ENDINGS = {
    "budget": "It stopped because the budget is used up. Run the same command with a larger one to go on.",
    "kept back": "It stopped because it kept of the budget what answers were likely to take. Run the same command to go"
    " on with what is left.",
    "pilot": "These were the pilot rounds. Run the same command without --pilot-rounds to go on.",
    "unavailable": "It stopped because the endpoint did not answer any more. Run the same command to go on.",
}

_STALLED = {  # by the cause of what was rejected most
    "similar": "It stopped because round after round brought nothing new. Give it more --patience, or in another"
    " folder (--out) {other_seeds}a higher --temperature.",
    "refused": "It stopped because the model refuses{example}. Asking it more often does not help: in another folder"
    " (--out) take {other_seeds}another model.",
    "cut": "It stopped because answer after answer was cut by its length limit before it gave anything. In another"
    " folder (--out) give it more room: --max-tokens N.",
    "failed": "It stopped because request after request failed: {meaning}{example}. Mend that, and run the same"
    " command: it asks for those again.",
    "unread": "It stopped because answer after answer could not be read: {meaning}{example}. In another folder (--out)"
    " take {wording}a model that follows the format.",
    "rules": "It stopped because what the model wrote broke a rule time after time: {meaning}{example}. In another"
    " folder (--out) take {other_seeds}another model.",
}


def forecast_of(folder: RunFolder, num_instructions: int, concurrency: int, prices: Prices | None = None) -> str:
    """What so many instructions will take, judged by the rounds of the run in a folder, in words."""
    rounds = rounds_of_rows(read_run(folder.path))
    usage = usage_by_stage(folder.completions, folder.prices())
    expected = forecast(rounds, usage, num_instructions, folder.recipe(), concurrency=concurrency, prices=prices)
    return forecast_text(expected)


def forecast_before(run: Run[Any]) -> str:
    """What the run will come to, where the folder holds rounds that tell; empty where nobody knows, or all is done."""
    folder, wanted = run.folder, run.config.wanted
    if (
        wanted is None
        or not folder.has_summary
        or not folder.has_whole_dataset()
        or wanted <= folder.summary().admitted
    ):
        return ""
    try:
        return forecast_of(folder, wanted, run.config.concurrency)
    except ConfigError:  # nothing was admitted
        return ""


def describe(summary: Summary, run: Run[Any]) -> str:
    """The end of a run in words: what there is, what was thrown away and why, what it cost, and what to do next."""
    what = f"{summary.admitted:,} instructions"
    if summary.prompts is not None and summary.wanted is not None:
        what = (
            f"{summary.admitted:,} of {summary.wanted:,} instructions admitted from {summary.candidates:,} candidates"
            f" in {summary.prompts:,} prompts"
        )
    counts = {"instances": summary.instances, **summary.rows}
    order = sorted(counts, key=lambda name: name != summary.main_config)
    rows = [f"{counts[name]:,} {name}" for name in order]
    lines = ["; ".join([*rows, what] if order[0] != "instances" else [what, *rows])]
    for stage, reasons in summary.rejected.items():
        lines.append(f"rejected in {stage}: {_counts(reasons)}")
    lines.append(_spent(summary))
    lines += [f"note: {note}" for note in summary.notes]
    lines += what_is_missing(summary, run)
    dataset = run.folder.dataset_path
    lines.append(f"dataset: {dataset}")
    if run.folder.page.exists():
        lines.append(f"report: {run.folder.page}")
    else:
        lines.append('report: not written; it needs: pip install "distilabel-selfinstruct[report]"')
    if summary.ended == "pilot":
        lines.append(forecast_of(run.folder, summary.wanted or 0, run.config.concurrency))
    if summary.instances if summary.main_rows is None else summary.main_rows:
        show = f"import datasets; print(datasets.load_from_disk('{dataset}/{summary.main_config}')['train'][0])"
        lines.append(f'next: python -c "{show}"')
    if run.config.llm == "demo":
        lines.append(
            "This was the embedded demo model. For a real one: --llm openai --model NAME --base-url URL --out FOLDER"
        )
    if run.config.llm == "local" and run.config.model is None:
        lines.append(
            f"This was {SMALL_MODEL}, which is real and small. For better data: --model FILE.gguf --out FOLDER"
        )
    return "\n".join(lines)


def what_is_missing(summary: Summary, run: Run[Any]) -> list[str]:
    """Why a run came to less than was asked for, and what to do."""
    lines = [*filter(None, [_shortage(summary), _ending(summary, run)])]
    if summary.failed:
        lines.append(f"{summary.failed:,} requests failed. Run the same command: it asks for those, and nothing else.")
    return lines


def preview_end(summary: Summary, rows: int) -> list[str]:
    """The end of a preview in words: what was rejected, and what it cost."""
    made = summary.main_rows or 0
    lines = [f"rejected in {stage}: {_counts(reasons)}" for stage, reasons in summary.rejected.items()]
    lines.append(f"{min(made, rows):,} of {rows:,} rows shown; {_spent(summary)}. Nothing was written.")
    return [*lines, *filter(None, [_shortage(summary)])]


def _counts(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())


def _spent(summary: Summary) -> str:
    used = sum(summary.usage.values(), Usage())
    spent = f"{used.requests:,} requests, {used.input_tokens:,} tokens in, {used.output_tokens:,} out"
    spent += f", {summary.seconds:.1f} s"
    if used.money:
        return f"{spent}, cost {used.money}" if used.cost else f"{spent}, {used.money}"
    return f"{spent}, cost {summary.cost:,.2f} {CURRENCY}" if summary.cost else spent


def _shortage(summary: Summary) -> str:
    """Why there is no data, or hardly any; empty where there is enough."""
    if not (summary.is_empty or summary.narrowest):
        return ""
    said = f"There is nothing in the config {summary.main_config}. " if summary.is_empty else ""
    if (stage := summary.narrowest) is None:
        return f"{said}Nothing was rejected either: look at what the run has read." if summary.is_done else ""
    outcome = summary.outcomes[stage]
    said += f"The stage {stage} rejected {outcome.rejected:,} of the {outcome.came:,} rows that came to it"
    said += f", {outcome.count:,} of them as {outcome.reason} ({outcome.meaning}){_example(outcome)}."
    needs_room = outcome.cause == "cut" and summary.ended != "stalled"  # which says so itself
    return said + (" In another folder (--out) give it more room: --max-tokens N." if needs_room else "")


def _example(outcome: Outcome) -> str:
    return f', such as "{outcome.excerpt}"' if outcome.excerpt else ""


def _ending(summary: Summary, run: Run[Any]) -> str:
    """Why it stopped before it was through, and what to do; empty where it did not."""
    if summary.ended == "stalled":
        return _stalled(summary, run)
    ending = "kept back" if summary.ended == "budget" and run.has_budget_left else summary.ended
    return _ENDINGS.get(ending, "")


def _stalled(summary: Summary, run: Run[Any]) -> str:
    """More of the same helps only where answers were good and no news."""
    loops = run.recipe.stages_that_ask("before", "rounds")
    ended = {stage: (run.folder.loop(stage) or {}).get("ended") for stage in loops}
    stage = next((name for name in loops if ended[name] == "stalled"), loops[-1] if loops else "")
    outcome = summary.outcomes.get(stage)
    said = _STALLED[outcome.cause if outcome else "similar"]
    return said.format(
        meaning=outcome.meaning if outcome else "",
        example=_example(outcome) if outcome else "",
        other_seeds="other or more seed tasks (--seeds) or " if hasattr(run.config, "seeds") else "",
        wording="--structured or " if "structured" in _wordings(run) and run.config.wording != "structured" else "",
    )


def _wordings(run: Run[Any]) -> tuple[str, ...]:
    return get_args(type(run.config).model_fields["wording"].annotation)
