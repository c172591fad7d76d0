"""The report as one HTML page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from distilabel_selfinstruct.evaluation.findings import Finding
from distilabel_selfinstruct.evaluation.tables import levels_caption, levels_table, models_table
from distilabel_selfinstruct.report import tables, wording
from distilabel_selfinstruct.report.figures import CAPTIONS
from distilabel_selfinstruct.report.rounds import saturation_sentence
from distilabel_selfinstruct.report.statistics import Statistics
from distilabel_selfinstruct.review.agreement import Agreement
from distilabel_selfinstruct.review.quality import Quality
from distilabel_selfinstruct.review.tables import judge_caption, judge_table, quality_caption, quality_tables

_LONGEST_EXAMPLE = 400  # characters


def render_page(
    statistics: Statistics,
    figures: Mapping[str, str],
    quality: Quality | None = None,
    agreements: Sequence[Agreement] = (),
    findings: Sequence[Finding] = (),
) -> str:
    """The page. All text of others is escaped.

    Args:
        statistics: of the dataset.
        figures: SVG texts by name.
        quality: what annotators found.
        agreements: what models as judges say of the same records.
        findings: what evaluations have found of models that were trained on it.
    """
    return (
        page_templates()
        .get_template("page.html.jinja2")
        .render(
            statistics=statistics,
            tables=tables,
            wording=wording,
            saturation=saturation_sentence(statistics.rounds),
            figures={name: Markup(svg) for name, svg in figures.items()},
            captions=CAPTIONS,
            quality=quality,
            agreements=agreements,
            findings=findings,
            levels_table=levels_table,
            levels_caption=levels_caption,
            models_table=models_table,
            judge_caption=judge_caption,
            judge_table=judge_table,
            quality_caption=quality_caption,
            quality_tables=quality_tables,
        )
    )


def page_templates() -> Environment:
    """The templates of pages, with the filter `excerpt`; all that is put into them is escaped."""
    environment = Environment(
        loader=PackageLoader("distilabel_selfinstruct.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(excerpt=_excerpt)
    return environment


def _excerpt(text: str) -> str:
    return text if len(text) <= _LONGEST_EXAMPLE else text[:_LONGEST_EXAMPLE] + " …"
