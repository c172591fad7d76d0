"""What the page lists and draws of a recipe: rows chosen, sampled, and counted in figures that lead to them."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import parse_qsl

import pyarrow as pa
import pytest

from distilabel_selfinstruct.recipe import Listing, Recipe, get_recipe, recipes
from distilabel_selfinstruct.report.charts import charts_of
from distilabel_selfinstruct.report.links import link
from distilabel_selfinstruct.report.listings import RowTable, bounds_of, listings_of, sampled
from distilabel_selfinstruct.report.measures import Measures
from distilabel_selfinstruct.report.page import embedded
from distilabel_selfinstruct.report.parts import parts_of_rows
from distilabel_selfinstruct.report.rows import ReportRows
from distilabel_selfinstruct.report.statistics import Statistics, overview_of

WORDS = ["sea", "sky", "rain", "wind", "snow", "tide", "fog"]


def text(drawn: random.Random, most: int = 40) -> str:
    return " ".join(drawn.choices(WORDS, k=drawn.randint(1, most)))


def tables(number: int = 120) -> dict[str, pa.Table]:
    """Configs with the columns of all recipes, values missing here and there."""
    drawn = random.Random(0)
    configs: dict[str, list[dict[str, Any]]] = {"instances": [], "instructions": [], "rejected": [], "preferences": []}
    for at in range(number):
        common = {
            "instruction_id": f"{at // 9:06}-{at % 9:02}", "instruction": f"Write {at}: {text(drawn)}",
            "round": at // 20,
            "kind": drawn.choice(["coding", "trivia", None]), "topic": drawn.choice(WORDS),
            "generation": drawn.randint(1, 4), "evolution": drawn.choice(["BREADTH", "DEEPENING"]),
            "document_id": f"{at % 17}-0", "title": f"Seas & skies, part {at % 17}", "document": "A sea.",
            "max_similarity": drawn.choice([None, 0.0, 0.05, drawn.random(), 1.0]),
        }  # fmt: skip
        configs["instructions"].append(common)
        configs["instances"].append(
            common | {"instance_id": f"{at:06}-0", "input": "", "output": text(drawn), "is_classification": at % 3 == 0,
                      "judge_score": drawn.choice([None, 0.0, 1 / 3, 2.5, 5.0]), "is_chosen": at % 2 == 0,
                      "finish_reason": "stop", "output_tokens": drawn.randint(0, 90)}
        )  # fmt: skip
        configs["rejected"].append(common | {"stage": "answers", "reason": drawn.choice(["refusal", "truncated"])})
        chosen, rejected = ([{"role": "assistant", "content": text(drawn)}] for _ in range(2))
        configs["preferences"].append(
            {"instruction_id": common["instruction_id"], "prompt": [{"role": "user", "content": "Write."}],
             "chosen": chosen, "rejected": rejected, "score_chosen": drawn.choice([3.0, 4 + 2 / 3]),
             "score_rejected": drawn.choice([0.0, 1 / 3, 2.0])}
        )  # fmt: skip
    return {name: pa.Table.from_pylist(rows) for name, rows in configs.items()}


def of(recipe: Recipe) -> tuple[dict[str, RowTable], list[dict[str, Any]]]:
    """The listings and the recipe's own figures."""
    measures = Measures(lambda: ["Write a poem about the sea."] * 120)
    listings = listings_of(tables(), recipe, measures)
    counted = Statistics(
        name="run", models=[], overview=overview_of([], []), funnel=[], diversity=None, similarity=None, lengths={},
        rounds=[], balance=None,
    )  # fmt: skip
    charts = charts_of(counted, listings, recipe.charts, {"quotas": {"roleplay": 5}})
    return {table.name: table for table in listings}, [chart for chart in charts if chart["section"] == "own"]


def rows_behind(listings: dict[str, RowTable], address: str) -> int:
    values = dict(parse_qsl(address.removeprefix("#"), keep_blank_values=True))
    if "row" in values:
        config, _, key = values["row"].partition("/")
        return int(listings[config].row(key) is not None)
    return listings[values.pop("rows")].find(values)[0]


@pytest.mark.parametrize("recipe", recipes().values(), ids=recipes())
def test_every_part_of_a_figure_leads_to_as_many_rows_as_it_counts(recipe: Recipe) -> None:
    listings, charts = of(recipe)
    assert [chart["title"] for chart in charts] == [chart.title for chart in recipe.charts]
    for chart in charts:
        for bar in chart.get("bars", []):
            assert rows_behind(listings, bar["href"]) == bar["value"], (chart["title"], bar)
            parts = [part for part in bar.get("parts", []) if part["name"] != "other"]
            assert [rows_behind(listings, part["href"]) for part in parts] == [part["value"] for part in parts]
            assert sum(part["value"] for part in bar.get("parts", [])) in (0, bar["value"])
        assert all(rows_behind(listings, point["href"]) for point in chart.get("points", []))


@pytest.mark.parametrize("recipe", recipes().values(), ids=recipes())
def test_what_a_recipe_shows_is_recorded_with_the_run(recipe: Recipe) -> None:
    recorded = Recipe.of_record(recipe.record())
    assert (recorded.listings, recorded.charts) == (recipe.listings, recipe.charts)


def test_the_main_config_comes_first() -> None:
    assert next(iter(of(get_recipe("preferences"))[0])) == "preferences"
    assert next(iter(of(get_recipe("topics"))[0])) == "instances"


def test_a_quota_of_which_nothing_came_is_shown() -> None:
    by_kind = of(get_recipe("topics"))[1][0]
    assert [bar for bar in by_kind["bars"] if bar["label"] == "roleplay"] == [
        {"label": "roleplay", "value": 0, "href": "#rows=instructions&kind=roleplay", "wanted": 5}
    ]


def test_documents_are_gathered_from_all_configs() -> None:
    documents = of(get_recipe("domain"))[0]["documents"]
    row = documents.row("3-0")
    assert row is not None
    assert {name: row[name] for name in ("title", "instructions", "instances", "rejected")} == {
        "title": "Seas & skies, part 3", "instructions": 7, "instances": 7, "rejected": 7,
    }  # fmt: skip


def table(name: str, rows: int) -> RowTable:
    ids = [f"{at:06}-00" for at in range(rows)]
    return RowTable(Listing(name, name, ("instruction",)), pa.table({"instruction_id": ids, "instruction": ids}))


def test_a_sample_gives_the_room_that_one_leaves_to_the_others() -> None:
    places = sampled([table("one", 5000), table("two", 100), table("three", 3000)], most=2000)
    assert {name: len(drawn) for name, drawn in places.items()} == {"one": 950, "two": 100, "three": 950}
    assert places["two"] == list(range(100))
    assert places["one"] == sorted(places["one"])


def test_a_sample_is_seeded_and_holds_the_same_instructions_of_each() -> None:
    one, other = table("one", 3000), table("other", 3000)
    places = sampled([one, other], most=400)
    assert places["one"] == places["other"]
    assert sampled([one, other], most=400) == places
    assert sampled([one, other], most=400, seed=1) != places
    assert set(sampled([one, other], most=100)["one"]) <= set(places["one"])


def test_fewer_rows_than_the_page_holds_are_all_inside() -> None:
    assert sampled([table("one", 900), table("two", 1100)]) == {"one": list(range(900)), "two": list(range(1100))}


@pytest.mark.parametrize(
    ("wanted", "bounds"),
    [
        ("3", (3, 3, False)), ("1..4", (1, 4, False)), ("0.5..<0.75", (0.5, 0.75, True)),
        ("-2..", (-2, float("inf"), False)),
        ("..9", (-float("inf"), 9, False)), ("1e-05..1", (1e-5, 1, False)),
        ("x", (float("inf"), -float("inf"), False)), ("1..2..3", (float("inf"), -float("inf"), False)),
        ("1.2.3..4", (float("inf"), -float("inf"), False)),
    ],
)  # fmt: skip
def test_ranges_are_read(wanted: str, bounds: tuple[float, float, bool]) -> None:
    assert bounds_of(wanted) == bounds


def test_of_many_instructions_a_part_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no rows can be chosen by what was measured of a part alone, nor does a figure lead to them."""
    monkeypatch.setattr("distilabel_selfinstruct.report.measures._MOST", 50)
    instructions = [
        {"instruction_id": f"{at}", "instruction": f"Write {'a poem' if at % 2 else 'an essay'}."} for at in range(120)
    ]
    parts = parts_of_rows(ReportRows("run", instructions, [], seeds=["Write a poem."]))
    statistics = parts.statistics
    assert statistics.overview.instructions == 120
    assert statistics.diversity is not None
    assert statistics.similarity is not None
    assert (statistics.diversity.instructions, statistics.similarity.scores.count) == (40, 40)
    assert statistics.notes == [
        "Verbs, objects and the distance from the seed tasks are those of one in 3 instructions: 40 of 120."
    ]
    (listing,) = parts.listings
    assert {each["name"] for each in listing.description()["filters"]} == {"words of instruction"}
    drawn = {chart["id"]: chart for chart in parts.charts}
    assert [bar["href"] for bar in drawn["verbs"]["bars"]] == [None]
    assert {bar["href"] for bar in drawn["similarity"]["bars"]} == {None}


def test_a_link_keeps_what_means_something_in_an_address() -> None:
    assert link("instances", label="a & b = c#d") == "#rows=instances&label=a%20%26%20b%20%3D%20c%23d"


def test_data_in_a_script_holds_no_markup() -> None:
    assert embedded({"a": "</script><!--\u2028"}) == '{"a":"\\u003c/script>\\u003c!--\\u2028"}'
