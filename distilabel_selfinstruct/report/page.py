"""The report as one HTML page that needs nothing but itself; the server of `self-instruct view` gives the same page."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from distilabel_selfinstruct.evaluation.findings import Finding
from distilabel_selfinstruct.evaluation.tables import levels_caption, levels_table, models_table
from distilabel_selfinstruct.report import tables, wording
from distilabel_selfinstruct.report.charts import Chart
from distilabel_selfinstruct.report.listings import INSIDE, PAGE, Listed, Row, RowTable, sampled
from distilabel_selfinstruct.report.rounds import saturation_sentence
from distilabel_selfinstruct.report.statistics import Statistics
from distilabel_selfinstruct.review.agreement import Agreement
from distilabel_selfinstruct.review.quality import Quality
from distilabel_selfinstruct.review.records import DOCUMENT, QUESTIONS, record_of
from distilabel_selfinstruct.review.settings import correction_of
from distilabel_selfinstruct.review.tables import judge_caption, judge_table, quality_caption, quality_tables

_ASSETS = Path(__file__).parent / "assets"
_SEED = 0  # of the sample
_LONGEST_EXCERPT = 400  # characters
# What a record is made of:
_OF_INSTANCE = (
    "instance_id",
    "instruction",
    "input",
    "output",
    "document",
    "title",
    "messages",
)  # what a record is made of


@dataclass(frozen=True, slots=True)
class PageParts:
    """What a page shows.

    Attributes:
        statistics: of the dataset.
        listings: its rows.
        charts: its figures.
        quality: what annotators found.
        agreements: what models as judges say of the same records.
        findings: what evaluations have found of models that were trained on it.
        meanings: of the reason codes.
        run: how the run's folder is called on a command line; empty for a dataset that is no run's.
        live: what the page of a server is told besides; None for a page from disk.
    """

    statistics: Statistics
    listings: Sequence[Listed] = ()
    charts: Sequence[Chart] = ()
    quality: Quality | None = None
    agreements: Sequence[Agreement] = ()
    findings: Sequence[Finding] = ()
    meanings: Mapping[str, str] = field(default_factory=dict)
    run: str = ""
    live: Mapping[str, Any] | None = None


def render_page(
    statistics: Statistics,
    listings: Sequence[Listed] = (),
    quality: Quality | None = None,
    agreements: Sequence[Agreement] = (),
    findings: Sequence[Finding] = (),
) -> str:
    """The page of these alone; see `render`."""
    return render(PageParts(statistics, listings, quality=quality, agreements=agreements, findings=findings))


def render(parts: PageParts) -> str:
    """The page. All text of others is escaped: in the markup by jinja2, in the data by JSON without a `<`.

    A page from disk holds up to 2,000 rows, that of a server none. Nothing on it is loaded from anywhere, and no script
    runs but these two, whose hashes stand in its policy.
    """
    statistics, sections = parts.statistics, _sections(parts)
    scripts = (_asset("libraries.js"), _asset("page.js"))
    page = page_template("page.html.jinja2")
    return page.render(
        statistics=statistics,
        tables=tables,
        wording=wording,
        summary=_summary(statistics) if "overview" in sections else "",
        sections=sections,
        saturation=saturation_sentence(statistics.rounds),
        charts=[{"note": "", "rest": "", **chart} for chart in parts.charts],
        quality=parts.quality,
        agreements=parts.agreements,
        findings=parts.findings,
        levels_caption=levels_caption,
        levels_table=levels_table,
        models_table=models_table,
        judge_caption=judge_caption,
        judge_table=judge_table,
        quality_caption=quality_caption,
        quality_tables=quality_tables,
        has_rows=bool(parts.listings),
        totals={table.name: len(table) for table in parts.listings},
        review=_review(parts),
        live=parts.live is not None,
        policy=_policy(scripts, is_live=parts.live is not None),
        libraries=Markup(scripts[0]),
        script=Markup(scripts[1]),
        licences=_asset("LICENCES.txt"),
        data=Markup(embedded(page_data(parts))),
    )


def page_template(name: str) -> Template:
    """A template of a page, with `style` and the filter `excerpt`; all else that is put into it is escaped."""
    environment = Environment(
        loader=PackageLoader("distilabel_selfinstruct.report", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["excerpt"] = _excerpt
    return environment.get_template(name, globals={"style": Markup(_asset("page.css"))})


def _excerpt(text: str) -> str:
    return text if len(text) <= _LONGEST_EXCERPT else text[:_LONGEST_EXCERPT] + " …"


@cache
def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _policy(scripts: Sequence[str], is_live: bool) -> str:
    """What the browser may do with the page: run these scripts; ask its own server, if it has one; nothing else."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'" for each in scripts
    )
    rules = ["default-src 'none'", f"script-src {hashes}", "style-src 'unsafe-inline'", "base-uri 'none'"]
    return "; ".join([*rules, "form-action 'none'", *(["connect-src 'self'"] if is_live else [])])


def embedded(value: Any) -> str:
    """JSON that can stand in a script element, whatever texts it holds."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _summary(statistics: Statistics) -> str:
    overview = statistics.overview
    counts = [f"{number:,} {name}" for name, number in statistics.more.items()]
    counts += [
        wording.number_of(overview.instructions, "instruction"),
        wording.number_of(overview.instances, "instance"),
    ]
    models = f", made with {', '.join(statistics.models)}" if statistics.models else ""
    return ", ".join(counts) + models


def _sections(parts: PageParts) -> dict[str, str]:
    """The headings that the page has, by their id."""
    statistics = parts.statistics
    has_dataset = parts.live is None or any(isinstance(table, RowTable) for table in parts.listings)
    present = {
        "overview": ("Overview", has_dataset),
        "rows": ("Rows", bool(parts.listings)),
        "own": ("What was made", any(chart["section"] == "own" for chart in parts.charts)),
        "evaluation": ("Evaluation", bool(parts.findings)),
        "quality": ("Quality", parts.quality is not None),
        "funnel": ("Funnel", bool(statistics.funnel)),
        "diversity": ("Diversity", statistics.diversity is not None),
        "lengths": ("Lengths", has_dataset),
        "saturation": ("Saturation", bool(statistics.rounds)),
        "labels": ("Labels", statistics.balance is not None),
        "cost": ("Cost", bool(statistics.usage)),
    }
    return {id: title for id, (title, is_there) in present.items() if is_there}


def page_data(parts: PageParts) -> dict[str, Any]:
    """What the page's script works with."""
    own = [table for table in parts.listings if isinstance(table, RowTable)]
    places = sampled(own, INSIDE, _SEED) if parts.live is None else {}
    inside = {table.name: table.rows(places[table.name]) for table in own} if parts.live is None else {}
    has_documents = any(table.name == "documents" for table in own)
    listings = [
        table.description()
        | {"rows": [_row_inside(table.name, row, has_documents) for row in inside.get(table.name, [])]}
        for table in parts.listings
    ]
    return {
        "name": parts.statistics.name,
        "page": PAGE,
        "seed": _SEED,
        "listings": listings,
        "charts": list(parts.charts),
        "review": _review(parts),
        "questions": [{"name": each.name, "title": each.title} for each in QUESTIONS],
        "words": {"reason": dict(parts.meanings), "stage": dict(parts.statistics.titles)},
        **({"live": True, **parts.live} if parts.live is not None else {}),
    }


def named(config: str, row: Row) -> Row:
    """A row, and of an instance the id of its record, under which it is reviewed."""
    if config == "instances" and "output" in row and "instruction" in row:
        return row | {"_record": record_of({name: row.get(name) for name in _OF_INSTANCE}).id}
    return row


def _row_inside(config: str, row: Row, has_documents: bool) -> Row:
    """A row as a page from disk holds it: without its document, where documents are listed."""
    row = named(config, row)
    if has_documents and config != "documents":
        row = {name: value for name, value in row.items() if name != DOCUMENT}
    return row


def _review(parts: PageParts) -> dict[str, Any] | None:
    """What the page asks of an instance; None where the answers could go nowhere."""
    if not parts.run or not any(table.name == "instances" for table in parts.listings):
        return None
    questions = [{"name": each.name, "title": each.title, "field": each.field} for each in QUESTIONS]
    return {"run": parts.run, "questions": questions, "correction": correction_of("FIELD")}
