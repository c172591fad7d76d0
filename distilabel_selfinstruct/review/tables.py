"""The tables of a review, for the terminal, the report's page and the dataset card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from distilabel_selfinstruct.review.agreement import Agreement, Confusion
from distilabel_selfinstruct.review.quality import Quality
from distilabel_selfinstruct.review.records import ALL_RIGHT, PAPER_ALL_RIGHT, QUESTIONS
from distilabel_selfinstruct.shares import Share
from distilabel_selfinstruct.text.tables import Table

_WORDS = {
    "valid_task": "valid task",
    "appropriate_input": "appropriate input",
    "correct_output": "correct output",
    ALL_RIGHT: "all three right",
}
_PAPER = {question.name: question.paper for question in QUESTIONS} | {ALL_RIGHT: PAPER_ALL_RIGHT}
_RIGHT_BY_STAGE = {
    "valid_task": ("candidate", "a valid task"),
    "appropriate_input": ("instance", "of these, with an appropriate input"),
    "correct_output": ("instance", "of these, with a correct output"),
}
_NOTHING = "–"


def quality_table(quality: Quality) -> Table:
    """One row a question, beside the paper's own figures (arXiv 2212.10560, table 2)."""
    return Table(
        ["", "right", "of", "share", "95% interval", "Self-Instruct paper"],
        [
            [
                _WORDS[name],
                f"{share.right:,}",
                f"{share.of:,}",
                _percent(share.value),
                _interval(share),
                _percent(_PAPER[name]),
            ]
            for name, share in quality.groups["all"].items()
        ],
    )


def kinds_table(quality: Quality) -> Table:
    """One row a kind of record, each share with its 95 % interval."""
    return Table(
        ["", "records", *_WORDS.values()],
        [
            [group, f"{shares[ALL_RIGHT].of:,}", *(_share_and_interval(shares[name]) for name in _WORDS)]
            for group, shares in quality.groups.items()
        ],
    )


def stages_table(quality: Quality) -> Table:
    """One row a question in the order of the pipeline, of the records that were right so far."""
    return Table(
        ["made right by", "right", "of", "share", "95% interval"],
        [
            [_stage(quality.makers, name), f"{share.right:,}", f"{share.of:,}", _percent(share.value), _interval(share)]
            for name, share in quality.stages.items()
        ],
    )


def _stage(makers: Mapping[str, str], question: str) -> str:
    """The stage that a question is about, and what it is to make."""
    what, right = _RIGHT_BY_STAGE[question]
    return f"{makers.get(what, 'Source')}: {right}"


def agreement_table(quality: Quality) -> Table:
    """Krippendorff's alpha of each question."""
    return Table(
        ["agreement of annotators", "Krippendorff's alpha"],
        [
            [_WORDS[name], "not defined" if alpha is None else f"{alpha:.2f}"]
            for name, alpha in quality.agreement.items()
        ],
    )


def quality_tables(quality: Quality) -> dict[str, Table]:
    """All tables that say something, by title."""
    tables = {"Quality": quality_table(quality)}
    if quality.records:
        tables |= {"By kind": kinds_table(quality), "By stage": stages_table(quality)}
    if quality.agreement:
        tables["Agreement"] = agreement_table(quality)
    return tables


def quality_caption(quality: Quality) -> str:
    """What the shares are about, in a sentence."""
    annotators = f"{len(quality.annotators)} annotator" + ("" if len(quality.annotators) == 1 else "s")
    return (
        f"{quality.records:,} of {quality.population:,} instances reviewed by {annotators}, {quality.answers:,} answers"
    )


def judge_table(agreement: Agreement) -> Table:
    """One row a threshold: what judge and people say of the records, and Cohen's kappa."""
    return Table(
        [
            "threshold",
            "passes, right",
            "passes, not right",
            "fails, right",
            "fails, not right",
            "agree",
            "Cohen's kappa",
            "95% interval",
        ],
        [
            [
                f"{each.threshold:g}",
                f"{each.both:,}",
                f"{each.only_judge:,}",
                f"{each.only_people:,}",
                f"{each.neither:,}",
                _percent(each.agreement),
                *_kappa_cells(each),
            ]
            for each in agreement.thresholds
        ],
    )


def _kappa_cells(confusion: Confusion) -> list[str]:
    if confusion.kappa is None or confusion.interval is None:
        return ["not defined", _NOTHING]
    return [f"{confusion.kappa:.2f}", "{:.2f} to {:.2f}".format(*confusion.interval)]


def judge_caption(agreement: Agreement) -> str:
    """What was compared, and which threshold agrees best, in sentences."""
    text = (
        f"{agreement.judge} as judge of {len(agreement.judged):,} reviewed instances, beside what people say: right is"
        " an instance with a yes to all three questions."
    )
    text += _left_out(agreement)
    if agreement.failed:
        text += f" Of {agreement.failed:,} the requests failed; the same command asks for those, and nothing else."
    if not agreement.scored:
        return text + " Nothing is left to compare: no score says how far this judge can be trusted."
    if agreement.best is None:
        return text + " They always say the same, so that kappa says nothing: more varied records are needed."
    kappa, interval = _kappa_cells(agreement.best)
    return f"{text} A threshold of {agreement.best.threshold:g} agrees best: kappa {kappa} ({interval})."


def judge_note(agreement: Agreement, threshold: float | None) -> str:
    """What a user should know of a judge before its scores are trusted; without a threshold, of the best one."""
    confusion = agreement.best if threshold is None else agreement.at(threshold)
    if confusion is None or confusion.kappa is None:
        text = (
            f"The judge {agreement.judge} and people always say the same of {agreement.scored:,} reviewed instances, so"
            " that kappa says nothing: more varied records are needed."
        )
    else:
        kappa, interval = _kappa_cells(confusion)
        text = (
            f"The judge {agreement.judge} agrees with people on {_percent(confusion.agreement)} of"
            f" {confusion.records:,} reviewed instances with a threshold of {confusion.threshold:g}: Cohen's kappa"
            f" {kappa}, 95% interval {interval} (1 is perfect, 0 is chance)."
        )
    return text + _left_out(agreement)


def _left_out(agreement: Agreement) -> str:
    """What the figures are not about."""
    if not agreement.without_score:
        return ""
    return f" {agreement.without_score:,} without a clear judgement are left out."


def render_agreements(agreements: Sequence[Agreement]) -> str:
    """Caption and table of each judge as text for a terminal."""
    return "\n\n".join(
        "\n".join([judge_caption(agreement), "", *_text_lines(judge_table(agreement))]) for agreement in agreements
    )


def render_quality(quality: Quality) -> str:
    """The tables as text for a terminal."""
    lines = [quality_caption(quality)]
    for table in quality_tables(quality).values():
        lines += ["", *_text_lines(table)]
    if quality.waiting:
        lines += ["", f"{quality.waiting:,} records have answers and wait for more."]
    return "\n".join([*lines, *(["", *quality.notes] if quality.notes else [])])


def _text_lines(table: Table) -> list[str]:
    widths = [max(map(len, column)) for column in zip(table.head, *table.rows)]
    return [
        "  ".join(cell.rjust(width) if at else cell.ljust(width) for at, (cell, width) in enumerate(zip(cells, widths)))
        for cells in (table.head, *table.rows)
    ]


def _percent(share: float | None) -> str:
    return _NOTHING if share is None else f"{100 * share:.0f}%"


def _interval(share: Share) -> str:
    if share.interval is None:
        return _NOTHING
    low, high = share.interval
    return f"{100 * low:.0f}–{100 * high:.0f}%"


def _share_and_interval(share: Share) -> str:
    return f"{_percent(share.value)} ({_interval(share)})"
