"""The pool loop: what each prompt shows, what is admitted, when it ends."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from distilabel_selfinstruct.data.rows import Answer
from distilabel_selfinstruct.presets import default_lag, get_preset
from distilabel_selfinstruct.steps.loops.loop import Shot
from distilabel_selfinstruct.steps.loops.pool import PoolLoop
from tests.steps.scripted_llm import TEXTS, seed

SEEDS = [
    seed(0, "Describe the taste of a ripe mango."),
    seed(1, "Is this e-mail spam? Answer with yes or no.", is_classification=True),
    seed(2, "Rewrite the  paragraph in the\npast tense:"),
    seed(3, "What time is it in Tokyo when it is noon in Lima?"),
    seed(4, "Classify the plant as a tree, a shrub or a herb.", is_classification=True),
    seed(5, "Compose a limerick about a forgetful postman."),
    seed(6, "Extract the dates that occur in the letter."),
    seed(7, "Plan a picnic for six people on a small budget."),
    seed(8, "Solve the equation for the unknown and show each step."),
    seed(9, "Recommend a book to somebody who loves chess."),
]


def make(num_instructions: int = 100, preset: str = "default", **options: Any) -> PoolLoop:
    return PoolLoop(
        SEEDS, get_preset(preset), num_instructions, **{"seed": 0, "lag": 2, "patience": 3, **options}
    )  # fmt: skip


def answer(*instructions: str, finish_reason: str = "stop") -> Answer:
    """As a chat model lists them."""
    return Answer("\n".join(f"{i}. {text}" for i, text in enumerate(instructions, 9)), finish_reason)


def exchange(loop: PoolLoop, given: Answer) -> list[dict[str, Any]]:
    """Draws a prompt and takes the answer to it."""
    loop.draw()
    return loop.take(given)


def is_machine(shot: Shot) -> bool:
    return not shot.id.startswith("seed_task_")


class TestPrompts:
    def test_eight_seeds_while_there_is_nothing_else(self) -> None:
        number, shots = make().draw()
        assert number == 0
        assert len({shot.id for shot in shots}) == 8
        assert not any(map(is_machine, shots))

    def test_six_seeds_and_two_machine_instructions_later(self) -> None:
        loop = make(lag=1)
        exchange(loop, answer(*TEXTS[:4]))
        _, shots = loop.draw()
        assert sum(map(is_machine, shots)) == 2
        assert len({shot.id for shot in shots}) == 8
        assert {shot.text for shot in shots if is_machine(shot)} < set(TEXTS[:4])

    def test_one_machine_instruction_and_seven_seeds_while_there_is_only_one(self) -> None:
        loop = make(lag=1)
        exchange(loop, answer(TEXTS[0]))
        _, shots = loop.draw()
        assert sorted(map(is_machine, shots)) == [False] * 7 + [True]

    def test_alpaca_shows_three_seeds_only(self) -> None:
        loop = make(lag=1, preset="alpaca")
        exchange(loop, answer(*TEXTS[:4]))
        _, shots = loop.draw()
        assert [is_machine(shot) for shot in shots] == [False] * 3

    def test_eight_prompts_in_a_row_begin_with_the_same_six_seeds(self) -> None:
        loop = make(lag=100)
        prompts = [[shot.id for shot in loop.draw()[1]] for _ in range(16)]
        assert [prompt[:6] for prompt in prompts] == [prompts[0][:6]] * 8 + [prompts[8][:6]] * 8
        assert prompts[0][:6] != prompts[8][:6]
        assert len({tuple(sorted(prompt[6:])) for prompt in prompts[:8]}) > 1

    def test_machine_instructions_stand_behind_the_seeds_that_prompts_share(self) -> None:
        loop = make(lag=1)
        exchange(loop, answer(*TEXTS[:4]))
        assert list(map(is_machine, loop.draw()[1])) == [False] * 6 + [True] * 2

    def test_each_prompt_of_the_paper_draws_its_own_seeds_in_any_order(self) -> None:
        loop = make(lag=100, preset="paper")
        first, second = ([shot.id for shot in loop.draw()[1]] for _ in range(2))
        assert first[:6] != second[:6]
        loop = make(lag=1, preset="paper")
        exchange(loop, answer(*TEXTS[:4]))
        assert list(map(is_machine, loop.draw()[1])) != [False] * 6 + [True] * 2

    def test_as_many_seeds_as_there_are(self) -> None:
        loop = PoolLoop(SEEDS[:3], get_preset("default"), 10, seed=0, lag=1, patience=1)
        assert {shot.id for shot in loop.draw()[1]} == {"seed_task_0", "seed_task_1", "seed_task_2"}

    def test_shots_are_one_line_without_a_trailing_colon(self) -> None:
        loop = PoolLoop(SEEDS[2:3], get_preset("default"), 10, seed=0, lag=1, patience=1)
        assert loop.draw()[1] == [Shot("seed_task_2", "Rewrite the paragraph in the past tense")]

    def test_classification_seeds_only(self) -> None:
        loop = make(classification_only=True)
        assert {shot.id for shot in loop.draw()[1]} == {"seed_task_1", "seed_task_4"}

    def test_the_seed_decides_what_is_drawn(self) -> None:
        def drawn(seed: int) -> list[list[str]]:
            loop = make(seed=seed, lag=5)
            return [[shot.id for shot in loop.draw()[1]] for _ in range(5)]

        assert drawn(0) == drawn(0)
        assert drawn(0) != drawn(1)
        assert len({tuple(ids) for ids in drawn(0)}) == 5  # and each prompt shows others


class TestLag:
    """Prompt i shows only what the answers 0 .. i - lag brought."""

    ANSWERS = tuple(answer(text) for text in TEXTS)

    def test_what_is_visible(self) -> None:
        loop = make(lag=3)
        shown = []
        for given in self.ANSWERS[:8]:
            shown.append([shot.id for shot in loop.draw()[1] if is_machine(shot)])
            loop.take(given)
        assert [len(ids) for ids in shown] == [0, 0, 0, 1, 2, 2, 2, 2]
        for number, ids in enumerate(shown):
            assert all(int(each.split("-")[0]) <= number - 3 for each in ids)

    @pytest.mark.parametrize("ahead", [2, 3, 4])
    def test_when_a_prompt_is_drawn_changes_nothing_in_it(self, ahead: int) -> None:
        def shown(most_ahead: int) -> list[list[Shot]]:
            loop, drawn = make(lag=4), []
            for given in self.ANSWERS:
                while loop.drawn < loop.taken + most_ahead:
                    drawn.append(loop.draw()[1])
                loop.take(given)
            return drawn[: len(self.ANSWERS)]

        assert shown(ahead) == shown(1)

    def test_no_more_prompts_ahead_than_the_lag(self) -> None:
        loop = make(lag=3)
        for _ in range(3):
            assert loop.can_draw()
            loop.draw()
        assert not loop.can_draw()
        loop.take(answer(TEXTS[0]))
        assert loop.can_draw()

    def test_near_the_end_only_as_many_prompts_as_are_likely_to_be_needed(self) -> None:
        loop = make(num_instructions=4, lag=16)
        drawn = 0
        while loop.can_draw():
            loop.draw()
            drawn += 1
        assert drawn == 1  # half of the 8 instructions it asks for are enough

    def test_a_full_pool_asks_for_nothing_more(self) -> None:
        loop = make(num_instructions=1)
        exchange(loop, answer(TEXTS[0]))
        assert loop.is_complete
        assert not loop.can_draw()

    @pytest.mark.parametrize(
        ("concurrency", "wanted", "lag"),
        [(8, 10_000, 32), (64, 1000, 125), (8, 100, 12), (8, 5, 4), (2, 5, 2), (1, 5, 1)],
    )
    def test_the_default_is_a_few_times_the_concurrency(self, concurrency: int, wanted: int, lag: int) -> None:
        assert default_lag(concurrency, wanted) == lag

    def test_prompts_that_show_nothing_wait_for_nothing(self) -> None:
        assert [default_lag(8, wanted, shows_pool=False) for wanted in (5, 20, 100)] == [5, 20, 32]


class TestAdmission:
    def test_each_candidate_is_a_row(self) -> None:
        loop = make(lag=2, model_name="davinci")
        exchange(loop, answer(TEXTS[0]))
        exchange(loop, answer(TEXTS[1]))
        shots = [shot.id for shot in loop.draw()[1]]
        first, second = loop.take(Answer(f"9. {TEXTS[2]}\n10. Say hello.", "stop", input_tokens=120, output_tokens=15))
        assert first == {
            "instruction_id": "000002-00", "instruction": TEXTS[2], "round": 1, "shot_ids": shots, "most_similar": [],
            "max_similarity": None, "mean_similarity": None, "neighbour_id": None, "neighbour": None, "stage": None,
            "reject_reason": None, "detail": None, "finish_reason": "stop", "input_tokens": 120, "output_tokens": 15,
            "model_name": "davinci",
        }  # fmt: skip
        assert second == first | {
            "instruction_id": "000002-01", "instruction": "Say hello.", "stage": "bootstrap",
            "reject_reason": "too_short",
        }  # fmt: skip
        assert (loop.admitted, loop.candidates, loop.taken) == (3, 4, 3)

    def test_the_rules_come_before_similarity(self) -> None:
        rows = exchange(make(), answer(
            "Say hello.", "Describe this image of a harbour.", "Write a program that plays chess well.",
            "(Optional) describe the taste of a ripe mango.", "Describe the taste of a ripe mango.",
        ))  # fmt: skip
        assert [row["reject_reason"] for row in rows] == ["too_short", "keyword", "program", "punctuation", "similar"]

    def test_a_candidate_like_a_seed_stands_beside_it(self) -> None:
        (row,) = exchange(make(), answer("Describe the smell of a ripe mango."))
        # 6 of 7 words in order: precision and recall are 6/7.
        assert (row["stage"], row["reject_reason"]) == ("bootstrap", "similar")
        assert (row["neighbour_id"], row["neighbour"]) == ("seed_task_0", "Describe the taste of a ripe mango.")
        assert row["max_similarity"] == pytest.approx(6 / 7)

    def test_exactly_0_7_is_admitted(self) -> None:
        loop = PoolLoop([seed(0, "a b c d e f g h i j")], get_preset("paper"), 9, seed=0, lag=1, patience=1)
        loop.draw()
        first, second = loop.take(Answer(" a b c d e f g k l m\n10. a b c d e f g h n o", "stop"))
        assert (first["max_similarity"], first["reject_reason"]) == (0.7, None)
        assert (second["max_similarity"], second["reject_reason"]) == (0.8000000000000002, "similar")

    def test_an_admitted_instruction_joins_the_pool_at_once(self) -> None:
        first, second = exchange(make(), answer(TEXTS[0], f"{TEXTS[0]} Please."))
        assert first["reject_reason"] is None
        assert (second["reject_reason"], second["neighbour_id"]) == ("similar", "000000-00")

    def test_a_rejected_one_does_not(self) -> None:
        loop = make()
        rows = exchange(loop, answer("Draw a boat on a calm lake.", "Paint a boat on a calm lake."))
        assert [row["reject_reason"] for row in rows] == ["keyword", None]
        assert [shot.text for shot in loop.pool[len(SEEDS) :]] == ["Paint a boat on a calm lake."]

    def test_identical_texts_without_any_word_are_similar(self) -> None:
        first, second = exchange(make(), answer("— — — —", "— — — —"))
        assert first["reject_reason"] is None
        assert (second["reject_reason"], second["max_similarity"]) == ("similar", 1.0)
        assert second["neighbour_id"] == "000000-00"

    def test_exactly_as_many_as_asked_for(self) -> None:
        loop = make(num_instructions=2)
        rows = exchange(loop, answer(*TEXTS[:4], "Say hello."))
        assert [row["reject_reason"] for row in rows] == [None, None, "surplus", "surplus", "too_short"]
        assert (loop.admitted, loop.is_complete) == (2, True)

    def test_a_cut_completion_loses_its_last_candidate(self) -> None:
        rows = exchange(make(), answer(TEXTS[0], "Translate the sent", finish_reason="length"))
        assert [(row["instruction"], row["reject_reason"]) for row in rows] == [
            (TEXTS[0], None), ("Translate the sent", "truncated"),
        ]  # fmt: skip

    def test_with_the_preset_paper_it_loses_all(self) -> None:
        rows = exchange(make(preset="paper"), Answer(f" {TEXTS[0]}\n10. Translate the sent", "length"))
        assert [row["reject_reason"] for row in rows] == ["truncated", "truncated"]

    def test_a_completion_without_instructions_leaves_a_row(self) -> None:
        loop = make()
        (row,) = exchange(loop, Answer("I'm sorry, but I can't continue this list.", "stop"))
        assert (row["instruction_id"], row["instruction"]) == ("000000-00", None)
        assert (row["reject_reason"], row["detail"]) == ("refusal", "I'm sorry, but I can't continue this list.")
        assert loop.candidates == 0

    def test_a_request_given_up_leaves_a_row(self) -> None:
        (row,) = exchange(make(), Answer(None, None, "context_length", "400: 9000 tokens"))
        assert (row["stage"], row["reject_reason"], row["detail"]) == (
            "bootstrap", "context_length", "400: 9000 tokens",
        )  # fmt: skip

    def test_paper_keeps_the_ten_most_similar_and_the_mean(self) -> None:
        (row,) = exchange(make(preset="paper"), Answer(" Describe a mango that is ripe.", "stop"))
        assert len(row["most_similar"]) == 10
        assert row["most_similar"][0] == {"id": "seed_task_0", "score": row["max_similarity"]}
        scores = [each["score"] for each in row["most_similar"]]
        assert scores == sorted(scores, reverse=True)
        assert row["mean_similarity"] == pytest.approx(sum(scores) / 10)  # the pool is those ten

    def test_the_pool_is_seeds_then_machine_instructions(self) -> None:
        loop = make()
        exchange(loop, answer(TEXTS[3], TEXTS[1]))
        assert [shot.id for shot in loop.pool] == [*(task.id for task in SEEDS), "000000-00", "000000-01"]
        assert [shot.text for shot in loop.pool[-2:]] == [TEXTS[3], TEXTS[1]]


class TestEnd:
    def test_it_stalls_after_rounds_without_an_admission(self) -> None:
        loop = make(lag=2, patience=3)
        stalled = []
        for _ in range(6):
            exchange(loop, answer("Say hello."))
            stalled.append(loop.is_stalled)
        assert stalled == [False] * 5 + [True]

    def test_an_admission_starts_the_count_again(self) -> None:
        loop = make(lag=2, patience=3)
        bored = itertools.repeat(answer("Say hello."), 5)
        for given in [*bored, answer(TEXTS[0]), *([answer("Say hello.")] * 5)]:
            exchange(loop, given)
            assert not loop.is_stalled
        exchange(loop, answer("Say hello."))
        assert loop.is_stalled
