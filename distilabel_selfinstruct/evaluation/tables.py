"""The tables of an evaluation, for the terminal, pages and cards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from distilabel_selfinstruct.evaluation.comparing import Comparison
from distilabel_selfinstruct.evaluation.intervals import Estimate
from distilabel_selfinstruct.evaluation.levels import LEVELS, Judged, Rated, Scored
from distilabel_selfinstruct.evaluation.metrics import EXACT_MATCH, METRICS
from distilabel_selfinstruct.evaluation.scoring import Scores
from distilabel_selfinstruct.shares import Share
from distilabel_selfinstruct.text.tables import Table
from distilabel_selfinstruct.usage import Usage


def named(metric: str) -> str:
    """A metric in words."""
    return METRICS.get(metric, metric)


def models_table(models: Mapping[str, Scores]) -> Table:
    """One row a model: its scores with their intervals."""
    metrics = list(dict.fromkeys(metric for scores in models.values() for metric in scores.scores))
    head = ["model"]
    for metric in metrics:
        head += [named(metric), "95% interval"]
    rows = [
        [name, *_cells(scores, metrics), f"{scores.answered:,} of {scores.questions:,}"]
        for name, scores in models.items()
    ]
    return Table([*head, "answered"], rows)


def _cells(scores: Scores, metrics: Iterable[str]) -> list[str]:
    cells = []
    for metric in metrics:
        estimate = scores.scores.get(metric)
        cells += ["–", "–"] if estimate is None else [f"{estimate.value:.2f}", estimate.range]
    return cells


def categories_table(scores: Scores) -> Table:
    """One row a category: its questions, and both metrics, that by which it is judged marked."""
    metrics = list(scores.scores)
    is_mixed = any(group.metric == EXACT_MATCH for group in scores.categories)
    return Table(
        ["category", "questions", *map(named, metrics)],
        [
            [
                group.name or "none",
                f"{group.questions:,}",
                *(_judged(group.scores[name], is_mixed and name == group.metric) for name in metrics),
            ]
            for group in scores.categories
        ],
    )


def _judged(estimate: Estimate, is_metric: bool) -> str:
    return f"{estimate.value:.2f}" + (" *" if is_metric else "")


def categories_side_by_side(models: Mapping[str, Scores]) -> Table | None:
    """One row a category, one column a model, each by the metric that the category is judged by."""
    by_model = {name: {group.name: group for group in scores.categories} for name, scores in models.items()}
    first = next(iter(by_model.values()))
    if not first or any(each.keys() != first.keys() for each in by_model.values()):
        return None
    return Table(
        ["category", "questions", *by_model],
        [
            [
                f"{group.name or 'none'} ({named(group.metric)})",
                f"{group.questions:,}",
                *(f"{groups[name].scores[group.metric].value:.2f}" for groups in by_model.values()),
            ]
            for name, group in first.items()
            if group.metric in group.scores
        ],
    )


def differences_table(comparison: Comparison) -> Table:
    """One row a pair and metric: the difference, its interval, and in how many questions either scores higher."""
    return Table(
        ["", "metric", "difference", "95% interval", "wins", "losses", "ties"],
        [
            [
                f"{each.second} against {each.first}",
                each.metric,
                f"{each.estimate.value:+.2f}",
                each.estimate.range,
                f"{each.wins:,}",
                f"{each.losses:,}",
                f"{each.ties:,}",
            ]
            for each in comparison.differences
        ],
    )


def describe(scores: Scores) -> str:
    """An evaluation, for the terminal."""
    asked = f"{scores.model} on {scores.benchmark}: {scores.questions:,} questions"
    asked += f" of {scores.tasks:,} tasks" if scores.tasks < scores.questions else ""
    lines = [asked, *(f"{named(metric)}: {estimate}" for metric, estimate in scores.scores.items())]
    if len(scores.categories) > 1 and len(scores.categories) <= _MOST_CATEGORIES:
        lines += ["", categories_table(scores).markdown()]
        if any(group.metric == EXACT_MATCH for group in scores.categories):
            lines.append("* the metric that Tk-Instruct judges the category by")
    return "\n".join(
        [*lines, *_spent(scores.usage, scores.cost), *scores.reasons, *(f"note: {each}" for each in scores.notes)]
    )


_MOST_CATEGORIES = 30  # more do not help on a screen


def describe_comparison(comparison: Comparison) -> str:
    """A comparison, for the terminal."""
    parts = [models_table(comparison.models).markdown()]
    if (table := categories_side_by_side(comparison.models)) is not None and len(table.rows) <= _MOST_CATEGORIES:
        parts.append(table.markdown())
    parts.append("\n".join(sentences(comparison)))
    if comparison.rated:
        parts += [levels_table(comparison.rated).markdown(), levels_caption()]
    if comparison.agreement:
        parts.append(f"Judge and people {comparison.agreement}.")
    said = [f"{name}: {reason}" for name, scores in comparison.models.items() for reason in scores.reasons]
    return "\n".join([*parts, *(f"note: {each}" for each in (*comparison.notes, *said))])


def sentences(comparison: Comparison) -> Sequence[str]:
    """What the differences come to, in words."""
    return [each.sentence for each in comparison.differences]


def levels_table(rated: Sequence[Rated]) -> Table:
    """One row a model and rater: answers at each level, and the share that is acceptable."""
    return Table(
        ["model", "rated by", *LEVELS, "A or B", "95% interval"],
        [
            [each.model, each.by, *(f"{each.counts[level]:,}" for level in LEVELS), *_share(each.acceptable)]
            for each in rated
        ],
    )


def _share(share: Share) -> tuple[str, str]:
    if share.value is None or share.interval is None:
        return "–", "–"
    return f"{share.value:.0%}", "{:.0%} to {:.0%}".format(*share.interval)


def levels_caption() -> str:
    """What the levels mean."""
    return "; ".join(f"{level}: {meaning}" for level, meaning in LEVELS.items()) + "."


def describe_judged(judged: Judged) -> str:
    """What a judge has said, for the terminal."""
    lines = [levels_table(judged.rated).markdown(), levels_caption()] if judged.rated else []
    if judged.scored:
        lines.append(points_table(judged.scored).markdown())
    if judged.agreement:
        lines.append(f"Judge and people {judged.agreement}.")
    if (preferred := judged.preferred) is not None:
        lines += [
            f"{preferred.second} wins {preferred.wins:,}, loses {preferred.losses:,} and ties {preferred.ties:,}"
            f" against {preferred.first}.",
            preferred.sentence,
        ]
    if judged.unclear:
        lines.append(f"{judged.unclear:,} questions have no clear verdict, and are not counted.")
    if judged.failed:
        lines.append(f"{judged.failed:,} requests failed: the same command asks them again.")
    return "\n".join([*lines, *_spent(judged.usage, judged.usage.cost)])


def points_table(scored: Sequence[Scored]) -> Table:
    """One row a model: its points by a user's own rubric."""
    return Table(
        ["model", "rated by", "answers", "mean points", "95% interval"],
        [
            [each.model, each.by, f"{each.answers:,}", f"{each.mean.value:.2f} of {each.most}", each.mean.range]
            for each in scored
        ],
    )


def _spent(used: Usage, cost: float) -> list[str]:
    """What was asked, and what it costs; nothing where nothing was asked."""
    if not used.requests:
        return []
    spent = f"{used.requests:,} requests, {used.input_tokens:,} tokens in, {used.output_tokens:,} out"
    return [f"{spent}, cost {cost:,.2f}" if cost else spent]
