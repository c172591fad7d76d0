"""What fits into a model's context, and what is left out where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from distilabel_selfinstruct.data.seeds import SeedTask
from distilabel_selfinstruct.steps.fitting import fitted, most_after_refusal, room_for_answer, tokens_of
from distilabel_selfinstruct.text.reading.answers import Instance

RIVERS = [
    "Name a river.",
    "Explain in a few sentences how rivers come to be, and why they bend on their way to the sea.",
    "Name a lake.",
    "Write a poem about the Danube in which every line names another city that lies on it, from its source on.",
]


def listed(values: Mapping[str, Any]) -> str:
    return "\n".join(["Go on with this list:", *values["shots"]])


def fit(shots: list[Any], most: int | None) -> str:
    return fitted(lambda shown: listed({"shots": shots, **shown}), {"shots": shots}, most)


class TestEstimate:
    """A tokenizer of today needs fewer: these were counted with that of SmolLM2, whose vocabulary is small."""

    @pytest.mark.parametrize(
        ("text", "counted"),
        [
            ("Explain in a few sentences how rivers come to be, and why they bend on their way to the sea.", 21),
            ("Erkläre in wenigen Sätzen, wie Flüsse entstehen und warum sie Schleifen bilden.", 29),
            ("用几句话解释河流是如何形成的。", 26),
        ],
    )
    def test_it_is_high(self, text: str, counted: int) -> None:
        assert counted <= tokens_of(text) <= 3 * counted

    def test_of_a_chat_all_messages_count(self) -> None:
        one = {"role": "user", "content": "Name a river."}
        assert tokens_of([one, one]) > tokens_of([one]) > tokens_of("Name a river.")

    @pytest.mark.parametrize(("window", "most", "room"), [(4096, 1024, 1024), (2048, 3072, 1024), (8192, 16, 16)])
    def test_the_room_for_an_answer(self, window: int, most: int, room: int) -> None:
        assert room_for_answer(window, most) == room


class TestShots:
    @pytest.mark.parametrize("most", [None, 1000])
    def test_with_room_for_all_nothing_changes(self, most: int | None) -> None:
        assert fit(RIVERS, most) == listed({"shots": RIVERS})

    def test_the_longest_goes_first(self) -> None:
        whole = tokens_of(listed({"shots": RIVERS}))
        assert fit(RIVERS, whole - 1) == listed({"shots": RIVERS[:3]})

    def test_then_the_next_until_it_fits(self) -> None:
        assert fit(RIVERS, 40) == "Go on with this list:\nName a river.\nName a lake."

    def test_the_same_room_gives_the_same_text(self) -> None:
        assert {fit(list(RIVERS), most) for _ in range(3) for most in (45, 46, 47)} == {fit(RIVERS, 46)}

    def test_the_last_one_is_shortened_at_a_word(self) -> None:
        text = fit(["river and lake " * 200], 200)
        assert text.endswith("river and lake river ...")
        assert tokens_of(text) <= 200

    def test_what_never_fits_is_as_short_as_it_can_be(self) -> None:
        assert fit(["river and lake " * 200], 1) == fit(["river and lake " * 200], 200)

    def test_a_seed_task_keeps_an_instance(self) -> None:
        task = SeedTask(
            "s0", "Reverse the text.", (Instance("river " * 300, "revir " * 300), Instance("a", "a")), False
        )

        def shown(values: Mapping[str, Any]) -> str:
            [shot] = values["shots"]
            return f"{shot.instruction}\n{shot.instances[0].input}\n{shot.instances[0].output}"

        text = fitted(lambda fewer: shown({"shots": [task], **fewer}), {"shots": [task]}, 400)
        assert text.startswith("Reverse the text.\nriver river")
        assert text.count("...") == 2
        assert tokens_of(text) <= 400

    def test_what_seems_too_long_is_counted_where_the_model_can(self) -> None:
        text = listed({"shots": RIVERS})
        assert tokens_of(text) > 80

        def render(shown: Mapping[str, Any]) -> str:
            return listed({"shots": RIVERS, **shown})

        assert fitted(render, {"shots": RIVERS}, 80, lambda text: len(text.split())) == text
        assert fitted(render, {"shots": RIVERS}, 80, lambda text: len(text)) == fit(RIVERS, 80)
        assert fitted(render, {"shots": RIVERS}, 80, lambda text: None) == fit(RIVERS, 80)

    def test_a_prompt_that_shows_nothing_is_left_as_it_is(self) -> None:
        assert (
            fitted(lambda fewer: "Name a river. " * 100, {"instruction": "Name a river."}, 10) == "Name a river. " * 100
        )


class TestAfterARefusal:
    """By the words of servers, the prompt is estimated at 2,016 tokens."""

    PROMPT = "sea" * 2000

    @pytest.mark.parametrize(
        ("said", "most"),
        [
            ("400: request (3000 tokens) exceeds the available context size (1024 tokens), try increasing it", 344),
            (
                "This model's maximum context length is 4097 tokens. However, you requested 5360 tokens (4336 in the"
                " messages, 1024 in the completion).",
                1428,
            ),
            ("This model's maximum context length is 2048 tokens. However, your request has 3000 input tokens.", 688),
            ("The decoder prompt (length 3000) is longer than the maximum model length of 2048", 688),
            ("Prompt contains 3000 tokens, too large for model with 2048 maximum context length", 688),
            ("prompt is too long: 3000 tokens > 2048 maximum", 688),
            ("The input token count (3000) exceeds the maximum number of tokens allowed (2048).", 688),
            ("maximum context length is 1,024 tokens", 512),
            ("the request exceeds the available context size, try increasing it", 1008),
        ],
    )
    def test_the_next_prompt(self, said: str, most: int) -> None:
        assert tokens_of(self.PROMPT) == 2016
        assert most_after_refusal(self.PROMPT, said, 1024) == most

    def test_it_is_shorter_than_the_one_refused_whatever_the_refusal_says(self) -> None:
        said = "request (100 tokens) exceeds the available context size (90000 tokens)"
        assert most_after_refusal(self.PROMPT, said, 1024) == 1814
