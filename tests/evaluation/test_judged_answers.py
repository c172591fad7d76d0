"""A model as judge of answers: levels of each, and which of two is better in either order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.cli import self_instruct
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.evaluation import EvaluationFolder, compare
from distilabel_selfinstruct.evaluation.config import EvaluationJudgeConfig
from distilabel_selfinstruct.evaluation.judging import judge_levels, judge_pairs
from distilabel_selfinstruct.evaluation.tables import describe_judged
from distilabel_selfinstruct.runs.config import read_config
from tests.evaluation.evaluations import CAPITALS, predicted
from tests.support.openai_server import OpenAIServer


def content(body: Mapping[str, Any]) -> str:
    text: str = body["messages"][-1]["content"]
    return text


def part(name: str, text: str) -> str:
    found = re.search(rf"<{name}>\n(.*?)\n</{name}>", text, re.DOTALL)
    assert found, text
    return found[1]


def level(body: Mapping[str, Any]) -> str:
    """D for Paris, C for an unclear one, A for what is right."""
    answer, right = part("answer", content(body)), part("right", content(body))
    if answer == "unclear":
        return "I cannot say."
    return "Fine.\nLevel: A" if answer == right else "Wrong.\nLevel: D"


def fair(body: Mapping[str, Any]) -> str:
    text = content(body)
    right = part("right", text)
    first, second = part("answer_1", text) == right, part("answer_2", text) == right
    return "Better: tie" if first == second else f"Better: {'1' if first else '2'}"


def first_one(body: Mapping[str, Any]) -> str:
    return "Better: 1"


def judge(server: OpenAIServer, **options: Any) -> EvaluationJudgeConfig:
    given = {"llm": "openai", "model": "stub-model", "base_url": server.url, **options}
    return read_config(given, {}, "", EvaluationJudgeConfig)


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Of five answers base has one right and one missing; tuned three right and one that the judge cannot read."""
    predicted(tmp_path, "base", {"Peru": "Lima", "Chile": "Paris", "Kenya": "Paris", "Japan": "Paris"})
    predicted(tmp_path, "tuned", CAPITALS | {"Japan": "unclear", "Egypt": "Paris"})
    return [tmp_path / "base", tmp_path / "tuned"]


def asked(server: OpenAIServer) -> list[str]:
    return [content(request.body) for request in server.requests if "completions" in request.path]


def test_levels_are_kept_and_what_has_no_answer_is_invalid_without_a_question(folders: list[Path]) -> None:
    with OpenAIServer(answer=level) as server:
        judged = judge_levels(folders, judge(server))
        assert len(asked(server)) == 9
        assert all("This is one right answer; others may be as right" in each for each in asked(server))
        before = len(server.requests)
        assert judge_levels(folders, judge(server)) == judged
        assert not [each for each in server.requests[before:] if "completions" in each.path]
    base, tuned = judged.rated
    assert (base.model, base.by, dict(base.counts)) == ("base", "stub-model", {"A": 1, "B": 0, "C": 0, "D": 4})
    assert (dict(tuned.counts), tuned.without) == ({"A": 3, "B": 0, "C": 0, "D": 1}, 1)
    assert (judged.unclear, judged.failed) == (1, 0)
    assert EvaluationFolder(folders[1]).levels()["levels"]["Japan"] is None
    assert [(each.model, each.by) for each in compare(folders).rated] == [
        ("base", "stub-model"),
        ("tuned", "stub-model"),
    ]


def test_how_far_the_judge_agrees_with_people(folders: list[Path], tmp_path: Path) -> None:
    """People say D of all that is not right, the unclear answer included; the judge says nothing of that one."""
    base, tuned = map(EvaluationFolder, folders)
    for folder in (base, tuned):
        rows = [(each.id, each.answer_id, each.scores["exact_match"]) for each in folder.predictions()]
        folder.write_ratings(
            {"question_id": name, "record_id": record, "annotator": "rater-1", "level": "A" if right else "C"}
            for name, record, right in rows
        )
    with OpenAIServer(answer=level) as server:
        agreement = judge_levels(folders, judge(server)).agreement
    assert agreement is not None
    assert agreement.answers == 9
    assert agreement.spearman == pytest.approx(1)  # the same order, though C is not D
    assert agreement.kappa == pytest.approx((4 / 9 - 16 / 81) / (1 - 16 / 81))
    assert compare(folders).agreement == agreement


def by_length(body: Mapping[str, Any]) -> str:
    """As many points as the answer has letters; unclear of one."""
    answer = part("answer", content(body))
    return "I cannot say." if answer == "unclear" else f"Fine.\nScore: {len(answer)}"


@pytest.fixture
def rubric(tmp_path: Path) -> str:
    path = tmp_path / "rubric.yaml"
    path.write_text("criteria: [It is long.]\nscale: {1: short, 9: long}\n")
    return str(path)


def test_points_by_a_rubric_of_the_user(folders: list[Path], rubric: str) -> None:
    with OpenAIServer(answer=by_length) as server:
        judged = judge_levels(folders, judge(server, judge_rubric=rubric))
        assert all("- It is long.\n" in each and "- 9: long\n" in each for each in asked(server))
    base, tuned = judged.scored
    assert (base.model, base.by, base.answers, base.most) == ("base", "stub-model", 5, 9)
    assert base.mean.value == pytest.approx((4 + 5 + 5 + 5 + 1) / 5)  # one is missing
    assert (tuned.answers, judged.unclear, judged.rated) == (4, 1, ())
    kept = EvaluationFolder(folders[0]).rubric_scores()
    assert kept["rubric"] == {"criteria": ["It is long."], "scale": {"1": "short", "9": "long"}}
    assert kept["scores"]["Peru"] == 4.0


def test_points_and_the_levels_of_people(folders: list[Path], rubric: str) -> None:
    base = EvaluationFolder(folders[0])
    levels = {"Peru": "B", "Chile": "A", "Kenya": "A", "Japan": "A", "Egypt": "D"}
    base.write_ratings(
        {"question_id": each.id, "record_id": each.answer_id, "annotator": "rater-1", "level": levels[each.id]}
        for each in base.predictions()
    )
    with OpenAIServer(answer=by_length) as server:
        agreement = judge_levels(folders[:1], judge(server, judge_rubric=rubric)).agreement
    assert agreement is not None
    assert (agreement.answers, agreement.kappa, agreement.spearman) == (5, None, pytest.approx(1))


def test_pairs_by_the_criteria_of_the_user(folders: list[Path], rubric: str) -> None:
    with OpenAIServer(answer=fair) as server:
        judge_pairs(folders, judge(server, judge_rubric=rubric))
        assert all("what was asked for. These are the criteria:\n\n- It is long.\n" in each for each in asked(server))


def test_what_judging_costs_is_told(folders: list[Path]) -> None:
    with OpenAIServer(answer=level) as server:
        judged = judge_levels(folders, judge(server, input_price=1_000_000.0, output_price=0.0))
    used = judged.usage
    assert (used.requests, used.cost) == (9, used.input_tokens)
    assert f"9 requests, {used.input_tokens:,} tokens in, {used.output_tokens:,} out, cost" in describe_judged(judged)


def test_pairs_are_shown_in_both_orders(folders: list[Path]) -> None:
    with OpenAIServer(answer=fair) as server:
        judged = judge_pairs(folders, judge(server))
        texts = asked(server)
    # Peru is the same answer, and Egypt is missing on one side: three pairs are left, in two orders each.
    assert len(texts) == 6
    shown = {(part("answer_1", text), part("answer_2", text)) for text in texts}
    assert {("Paris", "Nairobi"), ("Nairobi", "Paris")} <= shown
    preferred = judged.preferred
    assert preferred is not None
    assert (preferred.wins, preferred.losses, preferred.ties) == (3, 0, 2)  # Chile, Kenya; Egypt without a question
    assert preferred.estimate.value == 60
    sentences = [each.sentence for each in compare(folders).differences]
    assert any("points of preference of stub-model" in each for each in sentences)
    turned = [each for each in compare(folders[::-1]).differences if each.metric == "preference of stub-model"]
    assert turned[0].estimate.value == -60


def test_a_judge_that_likes_what_stands_first_says_nothing(folders: list[Path]) -> None:
    with OpenAIServer(answer=first_one) as server:
        preferred = judge_pairs(folders, judge(server)).preferred
    assert preferred is not None
    assert (preferred.wins, preferred.losses, preferred.ties) == (1, 0, 4)  # but for Egypt, where base says nothing


def test_a_judge_that_answers_under_a_schema(folders: list[Path]) -> None:
    with OpenAIServer(answer=lambda body: '{"justification": "-", "level": "B"}') as server:
        judged = judge_levels(folders[:1], judge(server, wording="structured"))
        body = next(request.body for request in server.requests if "completions" in request.path)
    assert judged.rated[0].counts["B"] == 4
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["level"]["enum"] == ["A", "B", "C", "D"]
    assert "Answer with a JSON object" in content(body)


def test_two_folders_make_a_pair(folders: list[Path], tmp_path: Path) -> None:
    with OpenAIServer(answer=fair) as server, pytest.raises(ConfigError, match="needs two folders"):
        judge_pairs(folders[:1], judge(server))
    with pytest.raises(ConfigError, match="the demo model cannot judge answers"):
        read_config({"llm": "demo"}, {}, "", EvaluationJudgeConfig)


def test_the_command(folders: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    with OpenAIServer(answer=level) as server:
        words = ["--llm", "openai", "--model", "stub-model", "--base-url", server.url]
        assert self_instruct(["evaluate", "judge", *map(str, folders), *words]) == 0
    shown = capsys.readouterr().out
    assert "| tuned | stub-model | 3 | 0 | 0 | 1 | 75% | 30% to 95% |" in shown
    assert "1 questions have no clear verdict, and are not counted." in shown
