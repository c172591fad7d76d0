"""Topics, and instructions of several kinds about them: what is asked, what is admitted, when it ends."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from distilabel.models.llms.base import LLM

from distilabel_selfinstruct import DemoLLM, DurableLLM, GenerateTopics, InstructByTopic
from distilabel_selfinstruct.data.rows import Answer
from distilabel_selfinstruct.models.slots import SlotServer
from distilabel_selfinstruct.presets import get_preset
from distilabel_selfinstruct.recipes.topics.kinds import KINDS, Kind
from distilabel_selfinstruct.recipes.topics.steps import AREAS, DEFAULT_QUOTAS, KindLoop, TopicLoop
from distilabel_selfinstruct.usage import Budget
from tests.steps.scripted_llm import TEXTS, ScriptedLLM, UnevenLLM, text_of

Rows = list[dict[str, Any]]
TOPICS = ["Bird song", "The Silk Road", "Solar eclipses"]
OPTIONS = "\nA) one\nB) two\nC) three\nD) four"


def numbered(*texts: str) -> str:
    return "\n\n".join(f"{number}. {text}" for number, text in enumerate(texts, 1))


def exchange(loop: TopicLoop | KindLoop, *texts: str, finish_reason: str = "stop") -> Rows:
    loop.draw()
    return loop.take(Answer(numbered(*texts), finish_reason))


def reasons(rows: Rows) -> list[str | None]:
    return [row["reject_reason"] for row in rows]


class TestTopics:
    def make(self, num_topics: int = 100, **options: Any) -> TopicLoop:
        return TopicLoop(get_preset("default"), num_topics, **{"seed": 0, "lag": 1, "patience": 3, **options})

    def test_each_prompt_asks_about_another_area(self) -> None:
        loop = self.make(lag=len(AREAS))
        assert {loop.draw()[1].topic for _ in AREAS} == set(AREAS)

    def test_later_prompts_show_topics_that_are_there(self) -> None:
        loop = self.make(lag=2)
        shown = []
        for topic in TOPICS:
            shown.append(set(loop.draw()[1].known))
            loop.take(Answer(topic))
        assert shown == [set(), set(), {"Bird song"}]

    def test_a_row_of_a_topic(self) -> None:
        (row,) = exchange(self.make(model_name="tiny"), "bird song.")
        assert (row["instruction_id"], row["topic"], row["instruction"], row["kind"]) == (
            "topic-000000-00", "Bird song", None, None,
        )  # fmt: skip
        assert (row["stage"], row["reject_reason"], row["model_name"]) == (None, None, "tiny")

    def test_the_same_topic_in_another_spelling_is_rejected_beside_the_first(self) -> None:
        loop = self.make()
        exchange(loop, "Bird song", "Solar eclipses")
        rows = exchange(loop, "bird song!", "The history of solar eclipses", "**BIRD SONG**")
        assert reasons(rows) == ["similar", None, "similar"]
        assert (rows[0]["stage"], rows[0]["neighbour"], rows[0]["max_similarity"]) == ("topics", "Bird song", 1.0)

    def test_what_is_no_topic(self) -> None:
        rows = exchange(self.make(), "I'm sorry, but I can't name more.", "1984", " ".join(["long"] * 16), "Jazz")
        assert reasons(rows) == ["refusal", "punctuation", "too_long", None]

    @pytest.mark.parametrize(
        ("text", "reason"), [("", "no_topics"), ("I'm sorry, but I can't help with that.", "refusal")]
    )
    def test_an_answer_without_topics(self, text: str, reason: str) -> None:
        loop = self.make()
        loop.draw()
        (row,) = loop.take(Answer(text))
        assert (row["reject_reason"], row["topic"], row["detail"]) == (reason, None, text)
        assert loop.candidates == 0

    def test_exactly_as_many_as_wanted(self) -> None:
        loop = self.make(num_topics=2)
        assert reasons(exchange(loop, *TOPICS)) == [None, None, "surplus"]
        assert loop.is_complete

    def test_the_last_of_a_cut_answer(self) -> None:
        assert reasons(exchange(self.make(), *TOPICS, finish_reason="length")) == [None, None, "truncated"]


class TestKinds:
    def make(self, quotas: Mapping[Kind, int], **options: Any) -> KindLoop:
        known = {"topics": TOPICS, "lag": 1, "patience": 3, **options}
        return KindLoop(quotas=quotas, preset=get_preset("default"), **known)

    def test_kinds_take_turns_by_what_they_still_lack(self) -> None:
        loop = self.make({"general": 20, "trivia": 10, "writing": 10}, lag=8)
        asked = [loop.draw()[1].kind for _ in range(8)]
        assert Counter(asked) == {"general": 4, "trivia": 2, "writing": 2}
        assert asked[:3] == ["general", "writing", "trivia"]

    def test_a_kind_goes_round_the_topics(self) -> None:
        loop = self.make({"general": 40}, lag=6)
        assert [loop.draw()[1].topic for _ in range(6)] == [*TOPICS, *TOPICS]

    def test_kinds_begin_at_different_topics(self) -> None:
        loop = self.make(dict.fromkeys(KINDS, 9), lag=7, topics=[f"Topic {at}" for at in range(7)])
        drawn = {wanted.kind: wanted.topic for _, wanted in (loop.draw() for _ in range(7))}
        assert drawn == {kind: f"Topic {at}" for at, kind in enumerate(KINDS)}

    def test_a_later_prompt_shows_what_there_is_of_its_kind_and_topic(self) -> None:
        loop = self.make({"general": 40}, lag=2, topics=["Jazz"])
        shown = []
        for text in TEXTS[:6]:
            shown.append(loop.draw()[1].known)
            loop.take(Answer(numbered(text)))
        assert shown == [[], [], TEXTS[:1], TEXTS[:2], TEXTS[:3], TEXTS[1:4]]

    def test_topic_and_kind_stand_in_every_row(self) -> None:
        loop = self.make({"trivia": 9})
        for rows in (exchange(loop, TEXTS[0]), exchange(loop), exchange(loop, "Too short.")):
            assert {row["kind"] for row in rows} == {"trivia"}
            assert {row["topic"] for row in rows} <= set(TOPICS)

    def test_a_full_kind_takes_no_more(self) -> None:
        loop = self.make({"general": 2, "trivia": 1})
        assert reasons(exchange(loop, *TEXTS[:3])) == [None, None, "surplus"]
        assert not loop.is_complete
        assert loop.draw()[1].kind == "trivia"
        assert reasons(loop.take(Answer(numbered(*TEXTS[3:5])))) == [None, "surplus"]
        assert loop.is_complete

    @pytest.mark.parametrize(
        ("kind", "text", "reason"),
        [
            ("general", "Explain jazz.", "too_short"),
            ("general", "Find music that suits a funeral.", None),
            ("trivia", "Who drew the first map of the Silk Road?", None),
            ("general", "Write a program that counts birds.", "program"),
            ("general", "I'm sorry, but I can't help with that.", "refusal"),
            ("coding", "Write a program that counts the lines of a file.", None),
            ("coding", "Fix it.", "too_short"),
            ("multiple_choice", "Which of these birds can fly backwards?", "no_options"),
            ("multiple_choice", f"Which of these birds can fly backwards?{OPTIONS}", None),
        ],
    )
    def test_the_rules(self, kind: Kind, text: str, reason: str | None) -> None:
        (row,) = exchange(self.make({kind: 9}), text)
        assert (row["reject_reason"], row["stage"]) == (reason, reason and "instructions")

    def test_one_kind_is_compared_with_the_others(self) -> None:
        loop = self.make({"trivia": 3, "general": 3})
        exchange(loop, TEXTS[0])
        (row,) = exchange(loop, f"{TEXTS[0][:-1]}, please.")
        assert (row["kind"], row["reject_reason"], row["neighbour_id"]) == ("trivia", "similar", "000000-00")

    def test_a_question_keeps_its_options(self) -> None:
        (row,) = exchange(self.make({"multiple_choice": 3}), f"Which bird is it?{OPTIONS}\n\nAnswer: B")
        assert row["instruction"] == f"Which bird is it?{OPTIONS}"

    def test_the_order_of_the_quotas_changes_nothing(self) -> None:
        def drawn(*quotas: tuple[Kind, int]) -> list[Any]:
            loop = self.make(dict(quotas), lag=9)
            return [loop.draw()[1] for _ in range(9)]

        assert drawn(("trivia", 9), ("general", 9)) == drawn(("general", 9), ("trivia", 9))

    def test_without_topics_nothing_is_asked(self) -> None:
        loop = self.make({"trivia": 3}, topics=[])
        assert loop.is_stalled
        assert not loop.is_complete


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_when_a_prompt_is_drawn_changes_nothing_in_it(ahead: int) -> None:
    def drawn(most_ahead: int) -> list[Any]:
        loop, made = KindLoop(TOPICS, {"general": 9, "trivia": 6}, get_preset("default"), lag=5, patience=9), []
        for text in TEXTS[:12]:
            while loop.drawn < loop.taken + most_ahead:
                made.append(loop.draw()[1])
            loop.take(Answer(numbered(text)))
        return made[:12]

    assert drawn(ahead) == drawn(3)


# --- the tasks -----------------------------------------------------------------------------------------------------


def topics_of(llm: LLM, **options: Any) -> Rows:
    task = GenerateTopics(llm=llm, **options)
    task.load()
    try:
        return [row for rows, _ in task.process() for row in rows]
    finally:
        task.unload()


def instructions_of(llm: LLM, topics: Rows, **options: Any) -> Rows:
    task = InstructByTopic(llm=llm, **options)
    task.load()
    try:
        rows: Rows = next(task.process(topics))
        return rows
    finally:
        task.unload()


def durable(llm: LLM, folder: Path, stage: str) -> DurableLLM:
    return DurableLLM(llm=llm, folder=str(folder), stage=stage)


class TestTasks:
    def test_each_kind_has_exactly_its_quota(self) -> None:
        topics = topics_of(DemoLLM(), num_topics=30)
        assert sum(row["reject_reason"] is None for row in topics) == 30
        rows = instructions_of(DemoLLM(), topics)
        assert Counter(row["kind"] for row in rows if row["reject_reason"] is None) == DEFAULT_QUOTAS

    def test_rejected_topics_are_passed_on_and_every_row_has_every_column(self) -> None:
        topics = topics_of(DemoLLM(), num_topics=30)
        rows = instructions_of(DemoLLM(), topics, quotas={"trivia": 4})
        passed_on = [row for row in topics if row["reject_reason"] is not None]
        assert passed_on
        assert rows[: len(passed_on)] == passed_on
        columns = InstructByTopic(llm=DemoLLM()).outputs
        assert GenerateTopics(llm=DemoLLM()).outputs == columns
        assert all(list(row) == columns for row in rows)

    def test_the_order_in_which_answers_arrive_changes_nothing(self, tmp_path: Path) -> None:
        def made(name: str, longest: float) -> tuple[Rows, Rows]:
            llms = (
                durable(UnevenLLM(inner=DemoLLM(), longest=longest), tmp_path / name, stage)
                for stage in ("topics", "instructions")
            )
            topics = topics_of(next(llms), lag=3)
            return topics, instructions_of(next(llms), topics, lag=6)

        at_once = made("at once", 0.0)
        assert made("late", 0.03) == at_once
        topics = topics_of(DemoLLM(), lag=3)
        assert (topics, instructions_of(DemoLLM(), topics, lag=6)) == at_once

    def test_the_prompt_of_a_kind(self) -> None:
        llm = ScriptedLLM().answering(lambda prompt: numbered(*(f"{text}{OPTIONS}" for text in TEXTS[:5])))
        instructions_of(llm, [{"topic": "Bird song", "reject_reason": None}], quotas={"multiple_choice": 1})
        assert "have to do with this topic: Bird song\n" in text_of(llm._asked[0])
        assert "marked A) to D)" in text_of(llm._asked[0])
        assert llm._parameters[0] == {"temperature": 1.0, "top_p": 0.95, "max_new_tokens": 1024, "stop": None}

    def test_it_stalls_after_its_patience(self, tmp_path: Path) -> None:
        texts: Iterator[str] = itertools.chain(TEXTS[:2], itertools.repeat("I'm sorry, but I can't help with that."))
        llm = ScriptedLLM().answering(lambda prompt: numbered(next(texts)))
        topics = [{"topic": "Jazz", "reject_reason": None}]
        rows = instructions_of(llm, topics, quotas={"trivia": 9}, lag=1, patience=3, folder=str(tmp_path))
        assert reasons(rows) == [None, None, "refusal", "refusal", "refusal"]
        report = json.loads((tmp_path / "instructions.json").read_text())
        assert (report["ended"], report["admitted"], report["wanted"], report["prompts"]) == ("stalled", 2, 9, 5)

    def test_a_budget_that_is_used_up_before_the_first_request(self, tmp_path: Path) -> None:
        with SlotServer(8, Budget(max_tokens=1, spent_input=1)):
            llm = durable(UnevenLLM(inner=DemoLLM()), tmp_path, "instructions")
            (row,) = instructions_of(llm, [{"topic": "Jazz", "reject_reason": None}], quotas={"trivia": 2})
        assert (row["stage"], row["reject_reason"], row["instruction"]) == ("instructions", "budget", None)

    @pytest.mark.parametrize("quotas", [{}, {"trivia": 0}, {"poetry": 3}])
    def test_quotas_that_make_no_sense(self, quotas: dict[str, int]) -> None:
        with pytest.raises(ValueError):
            InstructByTopic(llm=DemoLLM(), quotas=quotas)
