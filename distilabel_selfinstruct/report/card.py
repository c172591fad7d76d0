"""The dataset card: the README.md of a published run, with its metadata."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import TYPE_CHECKING, Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from distilabel_selfinstruct.data.columns import CONFIGS, columns_of
from distilabel_selfinstruct.evaluation.findings import Finding
from distilabel_selfinstruct.evaluation.tables import levels_caption, levels_table, models_table
from distilabel_selfinstruct.recipe import Recipe
from distilabel_selfinstruct.report import tables, wording
from distilabel_selfinstruct.report.figures import CAPTIONS
from distilabel_selfinstruct.report.rounds import saturation_sentence
from distilabel_selfinstruct.report.statistics import Statistics
from distilabel_selfinstruct.review.agreement import Agreement
from distilabel_selfinstruct.review.quality import Quality
from distilabel_selfinstruct.review.tables import judge_caption, judge_table, quality_caption, quality_table
from distilabel_selfinstruct.text.languages import language_of
from distilabel_selfinstruct.text.tables import Table
from distilabel_selfinstruct.usage import Usage, is_at_home
from distilabel_selfinstruct.version import __version__

if TYPE_CHECKING:
    from datasets import Dataset

MARK = "distilabel_selfinstruct"  # the metadata key that says which configs a push has written
UNKNOWN_LICENSE = "unknown"  # the Hub's word for a licence that nobody has stated
_BEGIN, _END = "<!-- distilabel-selfinstruct: begin -->", "<!-- distilabel-selfinstruct: end -->"
_TAGS = ("synthetic", "self-instruct", "distilabel", "instruction-tuning")
_LONGEST_TEXT = 500  # characters of a text in a row to read
_FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)

_SURE, _LANGUAGE_SHARE = 0.8, 0.1  # how probable a text's language is, and of how many texts, for a card to state it
_TO_READ = 5  # rows
_TEXTS = ("topic", "prompt", "instruction", "input", "output", "chosen", "rejected")  # of a row to read
_EXTRAS = {"openai": "", "demo": "", "local": "local", "litellm": "litellm", "vllm": "vllm"}  # by kind of model


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card is made from.

    Attributes:
        repo_id: `namespace/name` on the Hub.
        statistics: of the run.
        datasets: the rows of each config.
        settings: the published config: the options, and what the run recorded beside them.
        recipe: that the run followed.
        figures: names of the figures that are published.
        wanted: how many instructions were asked for.
        ended: how the run ended, as in its summary.
        failed: requests that were given up.
        published: other files that are published.
        script: name of the published pipeline script.
        license: identifiers of the licence, as the Hub writes them; none where nobody has stated one.
        language: codes of the languages; none: those that are found in the instructions.
        quality: what annotators found; None where nobody has looked.
        agreements: what models as judges say of the same instances.
        findings: what evaluations have found of models that were trained on it.
        unpublished: by option what the run has read that is not published, without its folder.
    """

    repo_id: str
    statistics: Statistics
    datasets: Mapping[str, Dataset]
    settings: Mapping[str, Any]
    recipe: Recipe
    figures: Sequence[str] = ()
    wanted: int = 0
    ended: str = "complete"
    failed: int = 0
    published: Sequence[str] = ()
    script: str | None = None
    license: Sequence[str] = ()
    language: Sequence[str] = ()
    quality: Quality | None = None
    agreements: Sequence[Agreement] = ()
    findings: Sequence[Finding] = ()
    unpublished: Mapping[str, str] = field(default_factory=dict)

    @property
    def main_config(self) -> str:
        """What the recipe is for, which is shown."""
        return self.recipe.main_config if self.recipe.main_config in self.datasets else "instances"

    @property
    def default_config(self) -> str:
        """What is loaded where nobody names a config: the rows that train."""
        wanted = ["sft"] if self.main_config == "instances" else [self.main_config, "sft"]
        return next((name for name in wanted if len(self.datasets.get(name, ()))), "instances")

    @property
    def stated_license(self) -> str | None:
        """The licence in words; None where nobody has stated one."""
        return ", ".join(name for name in self.license if name != UNKNOWN_LICENSE) or None

    @property
    def used(self) -> Usage:
        """What was asked of the models, in all."""
        return sum(self.statistics.usage.values(), Usage())

    @property
    def package(self) -> str:
        """What makes it again, for pip."""
        of_stages = (said.get("llm") for said in (self.settings.get("stage") or {}).values())
        kinds = [kind for kind in (self.settings.get("llm"), *of_stages) if isinstance(kind, str)]
        extras = sorted({_EXTRAS.get(kind, "") for kind in kinds} - {""})
        version = self.settings.get("package_version", __version__)
        return f"distilabel-selfinstruct{f'[{chr(44).join(extras)}]' if extras else ''}=={version}"

    @property
    def command(self) -> str:
        """Makes it again, in the folder that it was downloaded to."""
        url = self.settings.get("base_url")
        elsewhere = " --base-url URL" if isinstance(url, str) and is_at_home(url) else ""
        return f"self-instruct run {self.script or self.recipe.name} --config config.yaml --out run{elsewhere}"


def render_card(facts: CardFacts, existing: str | None = None) -> str:
    """The README.md.

    Args:
        facts: what it tells.
        existing: the README.md it replaces. Text that somebody else wrote stays, below ours, and so do configs, tags
            and other metadata that are not ours; its licence and languages stay where `facts` name none.
    """
    before, text = split_card(existing or "")
    facts = replace(
        facts,
        license=facts.license or _texts(before.get("license")),
        language=facts.language or _languages(facts, _texts(before.get("language"))),
    )
    head = yaml.safe_dump(_merged_metadata(card_metadata(facts), before), sort_keys=False, allow_unicode=True)
    return f"---\n{head}---\n\n{_merged_text(card_text(facts), text)}"


def _texts(value: object) -> list[str]:
    """A value of a card's metadata, which is a text or a list of them."""
    return [str(each) for each in (value if isinstance(value, list) else [value]) if each]


def _languages(facts: CardFacts, stated: list[str]) -> list[str]:
    """What an earlier card states, if the text does not contradict it."""
    detected = detect_languages(facts.datasets["instances"]["instruction"])
    return stated if set(detected) <= set(stated) else detected


def split_card(text: str) -> tuple[dict[str, Any], str]:
    """Metadata and text of a README.md; all is text where there is no metadata that can be read."""
    if (match := _FRONT_MATTER.match(text)) is None:
        return {}, text
    try:
        values = yaml.safe_load(match[1])
    except yaml.YAMLError:
        return {}, text
    return (values, text[match.end() :]) if isinstance(values, dict) else ({}, text)


def pushed_configs(values: Mapping[str, Any]) -> list[str]:
    """The configs that an earlier push wrote, by the metadata of its card."""
    mark = values.get(MARK)
    configs = mark.get("configs") if isinstance(mark, Mapping) else None
    return [str(name) for name in configs] if isinstance(configs, list) else []


# --- metadata ---------------------------------------------------------------------------------------------------------


def card_metadata(facts: CardFacts) -> dict[str, Any]:
    """The metadata, in the words of the Hub's dataset cards."""
    from huggingface_hub import DatasetCardData

    configs = sorted(facts.datasets, key=lambda name: (name != facts.default_config, name))
    data = DatasetCardData(
        language=list(facts.language) or None,
        license=_one_or_all(facts.license) or UNKNOWN_LICENSE,
        annotations_creators=["machine-generated"],
        language_creators=["machine-generated"],
        size_categories=[size_category(len(facts.datasets[facts.main_config]))],
        task_categories=["text-generation"],
        pretty_name=facts.repo_id.split("/")[-1],
        tags=_tags(facts.recipe),
        configs=[
            _config_entry(name, facts.default_config) for name in configs if len(facts.datasets[name])
        ],  # without rows nothing loads
    )
    return {**data.to_dict(), MARK: {"version": __version__, "configs": configs}}


def render_growing_card(
    repo_id: str, recipe: Recipe, parts: Mapping[str, str], rows: int, existing: str | None = None
) -> str:
    """The README.md of a run that goes on.

    Args:
        repo_id: `namespace/name` on the Hub.
        recipe: that the run follows.
        parts: the data files that are there, `CONFIG/NAME`, with what tells their contents apart.
        rows: of the main config.
        existing: the README.md it replaces, see `render_card`.
    """
    before, text = split_card(existing or "")
    configs = list(dict.fromkeys(path.partition("/")[0] for path in parts))
    default = recipe.main_config if recipe.main_config in configs else configs[0]
    entries = [_config_entry(name, default, "part") for name in sorted(configs, key=lambda name: name != default)]
    mark = {"version": __version__, "configs": configs, "parts": dict(parts)}
    ours = {"pretty_name": repo_id.split("/")[-1], "tags": _tags(recipe), "configs": entries, MARK: mark}
    head = yaml.safe_dump(_merged_metadata(ours, before), sort_keys=False, allow_unicode=True)
    said = (
        f"# {repo_id.split('/')[-1]}\n\n> **Unfinished.** {recipe.title} goes on writing this dataset: {rows:,} rows of"
        f" `{default}` so far. The whole dataset takes the place of these files at the end."
    )
    return f"---\n{head}---\n\n{_merged_text(said, text)}"


def pushed_parts(values: Mapping[str, Any]) -> dict[str, str]:
    """The data files that a run which goes on has pushed, by the metadata of its card."""
    mark = values.get(MARK)
    parts = mark.get("parts") if isinstance(mark, Mapping) else None
    return {str(path): str(digest) for path, digest in parts.items()} if isinstance(parts, Mapping) else {}


def _tags(recipe: Recipe) -> list[str]:
    """With the paper's, from which the Hub makes a link."""
    paper = [f"arxiv:{recipe.url.rpartition('/')[2]}"] if "//arxiv.org/abs/" in recipe.url else []
    return list(dict.fromkeys([*_TAGS, recipe.name, *paper]))


def _one_or_all(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _config_entry(name: str, default: str, files: str = "train") -> dict[str, Any]:
    entry: dict[str, Any] = {"config_name": name}
    if name == default:
        entry["default"] = True
    return entry | {"data_files": [{"split": "train", "path": f"{name}/{files}-*"}]}


def size_category(rows: int) -> str:
    """The Hub's name for so many rows, such as `1K<n<10K`."""
    names = ["1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B"]
    if rows < 1000:
        return "n<1K"
    power = min(len(str(rows)) - 4, len(names) - 1)
    return f"{names[power]}<n<{names[power + 1]}" if power + 1 < len(names) else f"n>{names[power]}"


def detect_languages(texts: Iterable[str], most: int = 1000) -> list[str]:
    """The languages of so many texts, the commonest first; of what is too short to tell none."""
    found = [language_of(text) for text, _ in zip(texts, range(most))]
    sure = Counter(code for code, probability in found if probability >= _SURE and code != "zxx")  # no language
    return [code for code, number in sure.most_common() if number >= _LANGUAGE_SHARE * sure.total()]


def _merged_metadata(ours: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Ours, and what others have put there."""
    own = {*pushed_configs(before), *ours[MARK]["configs"]}
    merged = {**ours, **{key: value for key, value in before.items() if key not in ours and key != "dataset_info"}}
    if "pretty_name" in before:
        merged["pretty_name"] = before["pretty_name"]
    tags = before.get("tags")
    merged["tags"] = list(dict.fromkeys([*ours["tags"], *(tags if isinstance(tags, list) else [])]))
    for key in ("configs", "dataset_info"):
        entries = before.get(key) or []
        entries = entries if isinstance(entries, list) else [entries]
        theirs = [
            {name: value for name, value in entry.items() if name != "default"}
            for entry in entries
            if isinstance(entry, Mapping) and entry.get("config_name", "default") not in own
        ]
        if entries := [*ours.get(key, []), *theirs]:
            merged[key] = entries
    return merged


def _merged_text(ours: str, text: str) -> str:
    """Our text in the place of an older version of it, or above what others wrote."""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.rpartition(_END)
    if not (begin and end):
        before, after = "", text
    parts = [before.strip(), f"{_BEGIN}\n{ours.strip()}\n{_END}", after.strip()]
    return "\n\n".join(part for part in parts if part) + "\n"


# --- text -------------------------------------------------------------------------------------------------------------


def card_text(facts: CardFacts) -> str:
    """The card without its metadata, as Markdown; all text of models is escaped."""
    environment = Environment(
        loader=PackageLoader("distilabel_selfinstruct.report", "."),
        autoescape=False,  # Markdown: the filters `plain` and `rows` escape
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(plain=plain, rows=_escaped_table)
    text = environment.get_template("card.md.jinja2").render(
        facts=facts,
        statistics=facts.statistics,
        tables=tables,
        wording=wording,
        configs=[
            _config_facts(name, facts.datasets[name], facts.recipe)
            for name in sorted(facts.datasets, key=lambda name: name != facts.default_config)
        ],
        to_read=_to_read(facts.datasets[facts.main_config]),
        saturation=saturation_sentence(facts.statistics.rounds),
        captions=CAPTIONS,
        quality_caption=quality_caption,
        quality_table=quality_table,
        judge_caption=judge_caption,
        judge_table=judge_table,
        levels_caption=levels_caption,
        levels_table=levels_table,
        models_table=models_table,
        models=facts.statistics.models or [str(facts.settings.get("model") or "unknown")],
        is_demo=facts.settings.get("llm") == "demo",
        version=__version__,
        distilabel_version=metadata.version("distilabel"),
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def plain(text: object) -> str:
    """A text that Markdown and HTML show as it stands: on one line, what means something to them as references."""
    line = " ".join(str(text).split())
    line = re.sub(r"[!\"#$&'*:<>@\[\\\]^_`|~]", lambda found: f"&#{ord(found[0])};", line)
    return re.sub(r"(?i)\b(www)\.", r"\1&#46;", line)  # GitHub's Markdown makes links of such words


def _escaped_table(table: Table) -> str:
    """A table whose cells hold text of a model."""
    return replace(table, rows=[[plain(cell) for cell in row] for row in table.rows]).markdown()


@dataclass(frozen=True, slots=True)
class _ConfigFacts:
    name: str
    what: str
    rows: int
    columns: str


def _config_facts(name: str, rows: Dataset, recipe: Recipe) -> _ConfigFacts:
    head = ["column", "type", "what it holds"]
    known = columns_of(recipe)
    cells = [
        [f"`{column}`", type_name(kind), known[column].meaning if column in known else ""]
        for column, kind in rows.features.items()
    ]
    what = (CONFIGS | dict(recipe.configs)).get(name, "")
    return _ConfigFacts(name, what, len(rows), Table(head, cells, numeric=False).markdown())


def type_name(feature: Any) -> str:
    """The type of a column in words, such as `list of {id: string, score: float64}`."""
    if isinstance(feature, Mapping):
        return "{" + ", ".join(f"{name}: {type_name(kind)}" for name, kind in feature.items()) + "}"
    if hasattr(feature, "feature"):
        return f"list of {type_name(feature.feature)}"
    return str(getattr(feature, "dtype", type(feature).__name__))


def _to_read(rows: Dataset) -> list[dict[str, str]]:
    """The texts of a few rows, from all over the dataset, as Markdown."""
    number = min(_TO_READ, len(rows))
    places = [len(rows) * at // number for at in range(number)]
    return [{name: text for name in _TEXTS if (text := _shown(row.get(name)))} for row in rows.select(places)]


def _shown(value: Any) -> str:
    """A text, or the last message of a chat, line by line."""
    text = value[-1]["content"] if isinstance(value, list) and value else value
    if not isinstance(text, str) or not text.strip():
        return ""
    cut = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "..."
    return "<br>".join(plain(line) for line in cut.strip().splitlines() if line.strip())
