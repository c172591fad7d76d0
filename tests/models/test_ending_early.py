"""Answers that come to nothing are ended early: streamed from llama.cpp's server, by vLLM itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from distilabel_selfinstruct.errors import RequestFailed
from distilabel_selfinstruct.models.completion import ReplyError
from distilabel_selfinstruct.models.connection import StatusError
from distilabel_selfinstruct.models.durable import DurableLLM
from distilabel_selfinstruct.models.ending_early import STREAMED
from distilabel_selfinstruct.models.openai import OpenAICompatibleLLM
from tests.support.openai_server import Fault, OpenAIServer, as_it_is, status

CHAT = [{"role": "user", "content": "Tell me of your day."}]
LOOP = ["I went to the zoo", ". "] * 400


def events(*data: Any, is_done: bool = True) -> Fault:
    """An answer that is streamed."""
    lines = [f"data: {json.dumps(each)}\n\n" for each in data] + ["data: [DONE]\n\n"] * is_done
    return as_it_is("".join(lines), content_type="text/event-stream")


def piece(text: str, name: str = "content", ending: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {name: text}, "finish_reason": ending}], **more}


def timings(written: int) -> dict[str, Any]:
    return {"timings": {"cache_n": 8, "prompt_n": 4, "predicted_n": written}}


FIRST = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": None}, "finish_reason": None}]}
LAST = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
USAGE = {
    "choices": [],
    "usage": {"prompt_tokens": 12, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8}},
}


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(says={"owned_by": "llamacpp"}, props={"chat_template": "{{ messages[0].content }}"}) as server:
        yield server


def ask(server: OpenAIServer, *faults: Fault, input: Any = CHAT, **parameters: Any) -> dict[str, Any]:
    """The output for one input, of a server that answers with these."""
    server.faults = list(faults)
    llm = OpenAICompatibleLLM(model="stub-model", base_url=server.url)
    llm.load()
    try:
        (output,) = llm.generate_outputs(inputs=[input], **{"end_early": True, **parameters})
    finally:
        llm.unload()
    return output


class TestStreamed:
    def test_it_is_what_it_would_be_at_once(self, server: OpenAIServer) -> None:
        output = ask(server, events(FIRST, piece("I went "), piece("out."), LAST, USAGE))
        assert output == {
            "generations": ["I went out."],
            "statistics": {"input_tokens": [12], "output_tokens": [3], "cached_tokens": [8], "reasoning_tokens": [0]},
            "finish_reason": ["stop"],
            "reasoning": [None],
        }
        assert server.requests[0].body.items() >= STREAMED.items()

    def test_thoughts_are_kept_apart(self, server: OpenAIServer) -> None:
        output = ask(server, events(FIRST, piece("Hm. ", "reasoning_content"), piece("Out."), LAST, USAGE))
        assert (output["generations"], output["reasoning"]) == (["Out."], ["Hm."])

    def test_a_raw_text(self, server: OpenAIServer) -> None:
        texts = [{"choices": [{"index": 0, "text": text, "finish_reason": None}]} for text in (" I went", " out")]
        last = {"choices": [{"index": 0, "text": "", "finish_reason": "length"}], "usage": USAGE["usage"]}
        output = ask(server, events(*texts, last), input="1.")
        assert (output["generations"], output["finish_reason"]) == ([" I went out"], ["length"])

    def test_what_goes_round_is_ended(self, server: OpenAIServer) -> None:
        pieces = [piece(text, **timings(at + 1)) for at, text in enumerate(LOOP)]
        output = ask(server, events(FIRST, *pieces, LAST))
        assert output["finish_reason"] == ["repetition"]
        (text,) = output["generations"]
        assert text == "".join(LOOP)[: len(text)]
        assert len(text) == 512
        assert output["statistics"] == {
            "input_tokens": [12], "output_tokens": [54], "cached_tokens": [8], "reasoning_tokens": [0],
        }  # fmt: skip

    def test_thoughts_that_go_round_too(self, server: OpenAIServer) -> None:
        output = ask(server, events(FIRST, *(piece(text, "reasoning_content") for text in LOOP)))
        assert (output["generations"], output["finish_reason"]) == ([""], ["repetition"])

    STORY: ClassVar[list[str]] = [
        f"Then, on day {number}, the {number}. king of the land came home. " for number in range(60)
    ]

    def test_an_answer_that_does_not_begin_its_form_is_ended(self, server: OpenAIServer) -> None:
        output = ask(server, events(FIRST, *map(piece, self.STORY), LAST), chat_form="Output:")
        assert output["finish_reason"] == ["off_form"]
        assert output["generations"] == ["".join(self.STORY)[:1000]]

    def test_one_that_does_is_not(self, server: OpenAIServer) -> None:
        output = ask(server, events(FIRST, piece("So.\nOutput: "), *map(piece, self.STORY), LAST), chat_form="Output:")
        assert output["finish_reason"] == ["stop"]

    @pytest.mark.parametrize("template", ["{% if enable_thinking %}<think>{% endif %}", "", None])
    def test_nor_one_in_which_thoughts_may_stand(self, server: OpenAIServer, template: str | None) -> None:
        server.props = None if template is None else {"chat_template": template}
        pieces = [piece(text) for text in self.STORY[:20]]
        output = ask(server, events(FIRST, *pieces, piece("\n</think>\nOutput: Yes."), LAST), chat_form="Output:")
        assert (output["generations"], output["finish_reason"]) == (["Output: Yes."], ["stop"])

    def test_what_goes_round_before_that_goes_round(self, server: OpenAIServer) -> None:
        output = ask(server, events(FIRST, piece("".join(LOOP)), LAST), chat_form="Output:")
        assert output["finish_reason"] == ["repetition"]

    def test_each_of_several_answers_is_watched(self, server: OpenAIServer) -> None:
        one = events(FIRST, *map(piece, LOOP), LAST)
        output = ask(server, one, one, num_generations=2, seed=3)
        assert output["finish_reason"] == ["repetition"] * 2
        assert [(request.body.get("n", 1), request.body["seed"]) for request in server.requests] == [(1, 3), (1, 4)]

    def test_a_short_answer_ends_as_it_does(self, server: OpenAIServer) -> None:
        assert ask(server, events(FIRST, piece("No."), LAST), chat_form="Output:")["finish_reason"] == ["stop"]

    def test_a_raw_text_has_no_form(self, server: OpenAIServer) -> None:
        texts = [{"choices": [{"index": 0, "text": text, "finish_reason": None}]} for text in self.STORY]
        output = ask(server, events(*texts, LAST), input="1.", chat_form="Output:")
        assert output["finish_reason"] == ["stop"]

    def test_a_server_that_does_not_stream_after_all(self, server: OpenAIServer) -> None:
        assert ask(server)["generations"]

    def test_a_refusal_has_its_status(self, server: OpenAIServer) -> None:
        with pytest.raises(StatusError, match="too many tokens"):
            ask(server, status(400, "too many tokens"))

    def test_an_error_among_the_events(self, server: OpenAIServer) -> None:
        with pytest.raises(ReplyError, match="slot unavailable"):
            ask(server, events(FIRST, piece("I"), {"error": {"code": 503, "message": "slot unavailable"}}))

    @pytest.mark.parametrize(
        "fault",
        [
            events(FIRST, piece("I went "), is_done=False),
            events(is_done=False),
            as_it_is('data: {"choices": [{"del\n\n', content_type="text/event-stream"),
            as_it_is("data: 7\n\n", content_type="text/event-stream"),
            events({"choices": ["x"]}),
            events({"choices": 5}),
        ],
        ids=["broken off", "nothing", "half an event", "no object", "no choice", "no choices"],
    )
    def test_half_an_answer_is_none(self, server: OpenAIServer, fault: Fault) -> None:
        with pytest.raises(RequestFailed) as caught:
            ask(server, fault)
        assert (caught.value.reason, caught.value.retryable) == ("invalid_response", True)

    @pytest.mark.parametrize("parameters", [{}, {"chat_form": "Output:"}])
    def test_what_is_not_streamed(self, server: OpenAIServer, parameters: dict[str, Any]) -> None:
        ask(server, end_early=False, **parameters)
        assert "stream" not in server.requests[0].body


def test_what_was_recorded_before_is_not_asked_again(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        for parameters in ({}, {"end_early": True, "chat_form": "Output:"}):
            llm = DurableLLM(llm=OpenAICompatibleLLM(model="stub-model", base_url=server.url), folder=str(tmp_path))
            llm.load()
            llm.generate_outputs(inputs=[CHAT], temperature=0.5, **parameters)
            llm.unload()
    assert len(server.requests) == 1


def test_vllm_is_told_to_do_it() -> None:
    with OpenAIServer(says={"owned_by": "vllm"}) as server:
        ask(server)
        ask(server, end_early=False)
    told = {"min_pattern_size": 16, "max_pattern_size": 64, "min_count": 8}
    assert [request.body.get("repetition_detection") for request in server.requests] == [told, None]


def test_others_are_told_nothing() -> None:
    with OpenAIServer() as server:
        ask(server)
    assert not {"stream", "repetition_detection"} & server.requests[0].body.keys()
