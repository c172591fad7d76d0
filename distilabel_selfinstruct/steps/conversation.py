"""ContinueConversation: a model plays the user, and answers, turn after turn."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.models.mixins.magpie import MAGPIE_PRE_QUERY_TEMPLATES
from distilabel.steps.base import StepInput
from pydantic import Field

from distilabel_selfinstruct.data.checks import TURNS_STAGE
from distilabel_selfinstruct.data.columns import TURN_COLUMNS
from distilabel_selfinstruct.data.rows import Answer, Row, answer_of, reject, take_answer
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.presets import Decoding
from distilabel_selfinstruct.steps.answer import DECODING, AnswerInstructions, fault
from distilabel_selfinstruct.steps.asking import decoding_kwargs
from distilabel_selfinstruct.steps.prompting import Prompts
from distilabel_selfinstruct.text.conversations import raw_chat, says_goodbye, transcript, turn_end, with_input
from distilabel_selfinstruct.text.reading.remarks import plain
from distilabel_selfinstruct.text.refusals import is_refusal
from distilabel_selfinstruct.text.repetition import repeats_itself
from distilabel_selfinstruct.text.rouge import RougeLIndex
from distilabel_selfinstruct.text.sentences import with_title
from distilabel_selfinstruct.text.thoughts import cut_at_turn_end

if TYPE_CHECKING:
    from distilabel.typing import ChatType, FormattedInput, StepColumns, StepOutput

PROMPTS = Prompts(__package__)
STAGE = TURNS_STAGE.name
_USER = Decoding(temperature=1.0, max_new_tokens=512, end_early=True)  # as Magpie's instructions
_SAME = 0.7  # ROUGE-L above which a user says the same again: the limit that instructions have among each other
_OVER = re.compile(r"\W*(?:END|\[END\])\W*")
_SPEAKER = re.compile(r"\W*(?:User|Human)\W*:\W*", re.I)


@dataclass
class Talk:
    """A conversation that goes on.

    Attributes:
        row: the instance that it begins with.
        messages: so far.
        cut: a row that says what ended it; None while nothing has.
    """

    row: Row
    messages: list[Row]
    cut: Row | None = None

    def say(self, role: str, content: str) -> None:
        """Goes on."""
        self.messages.append({"role": role, "content": content})

    def end(self, reason: str, answer: Answer, model: str, said: str | None, output: str | None = None) -> None:
        """Ends before a turn, for which there is a row of its own."""
        turn = (len(self.messages) + 2) // 2
        self.cut = {**self.row, "instruction": said, "input": "", "output": output, "model_name": answer.model or model}
        take_answer(self.cut, answer)
        reject(self.cut, STAGE, reason, f"turn {turn}" + (f": {answer.detail}" if answer.detail else ""))


class ContinueConversation(AnswerInstructions):
    """Makes a conversation of each instance: the model says what the user says next, and answers it.

    A conversation ends before a turn in which the user says nothing (`empty_turn`), takes leave (`goodbye`) or says the
    same again (`repeated_turn`), and before an answer that is the same as one before (`repeated_turn`) or that
    `AnswerInstructions` rejects for one of its reasons; so it does where a request fails. The turns before stay, and a
    row of its own, after that of the conversation, says what was cut and why.

    Attributes:
        num_turns: most turns, of a user and an answer each, the first included.
        pre_query_template: how a user's turn begins (`llama3`, `qwen2`, or the text): the model is then given the
            conversation raw and goes on as the user (Magpie); by default it is asked what the user says next.
        system_prompt: as in distilabel's `TextGeneration`.
        template: the first question as the model sees it, as a jinja2 template; by default instruction and input.
        columns: the columns that the template takes.

    Runtime parameters:
        - `num_turns`: most turns, of a user and an answer each, the first included.

    Input columns:
        - instruction (`str`): the instruction.
        - output (`str`): the first answer.
        - input (`str`): the input. Optional.
        - document (`str`): what the conversation is about. Optional.
        - title (`str`): the title of the document. Optional.
        - reject_reason (`str`): rows that have one are passed on untouched. Optional.

    Output columns:
        - messages (`list[dict]`): `role` and `content` of each message.
        - turns (`int`): how many turns there are.
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, or None.
        - detail (`str`): the turn that was cut, and what the reason code leaves open.

    Categories:
        - text-generation

    References:
        - [Magpie: Alignment Data Synthesis from Scratch by Prompting Aligned LLMs with Nothing](https://arxiv.org/abs/2406.08464)

    Examples:
        A second turn:

        ```python
        from distilabel_selfinstruct import ContinueConversation, DemoLLM

        more = ContinueConversation(llm=DemoLLM(), num_turns=2)
        more.load()
        rows = next(
            more.process([{"instruction": "Reverse the letters of the word.", "input": "lamp", "output": "pmal"}])
        )
        ```
    """

    language_sentence = "Write in {language}."

    num_turns: RuntimeParameter[int] = Field(
        default=2, ge=1, description="Most turns, of a user and an answer each, the first included."
    )
    pre_query_template: str | None = None

    @property
    def inputs(self) -> "StepColumns":
        return dict.fromkeys([*self.columns, "output"], True)

    @property
    def outputs(self) -> "StepColumns":
        return [*TURN_COLUMNS, "stage", "reject_reason", "detail"]

    def load(self) -> None:
        """Loads the model.

        Raises:
            ConfigError: if nobody knows how a turn ends that begins as `pre_query_template` says.
        """
        self._begin()
        super().load()

    def _begin(self) -> str | None:
        """The text with which a user's turn begins, where the model is given the conversation raw."""
        given = self.pre_query_template
        return None if given is None else template_of_turns(given)

    def process(self, inputs: StepInput) -> "StepOutput":
        """Goes on with each instance until it ends or has all turns.

        Yields:
            The rows, each followed by one that says what was cut of it, if anything was.
        """
        rows: list[Row] = [dict.fromkeys(self.outputs) | row for row in inputs]
        talks = {at: self._talk(row) for at, row in enumerate(rows) if row["reject_reason"] is None}
        for _ in range(1, int(self.num_turns or 1)):
            self._ask(talks.values(), self._user_question, self._user_kwargs(), self._hear)
            self._ask(talks.values(), self._answer_question, self._decoding_kwargs(), self._take_reply)
        for talk in talks.values():
            talk.row.update(messages=talk.messages, turns=len(talk.messages) // 2)
        cuts = {at: talk.cut for at, talk in talks.items() if talk.cut is not None}
        yield [each for at, row in enumerate(rows) for each in ([row, cuts[at]] if at in cuts else [row])]

    def _talk(self, row: Row) -> Talk:
        talk = Talk(row, [])
        talk.say("user", with_input(row))
        talk.say("assistant", row["output"])
        return talk

    def _ask(
        self,
        talks: Any,
        question: "Callable[[Talk], FormattedInput]",
        kwargs: dict[str, Any],
        take: Callable[[Talk, Answer], None],
    ) -> None:
        """Asks about each conversation that goes on."""
        going = [talk for talk in talks if talk.cut is None]
        if going:
            for talk, output in zip(going, self._outputs([partial(question, talk) for talk in going], kwargs)):
                take(talk, answer_of(output))

    # --- the user ---------------------------------------------------------------------------------------------------

    def _user_kwargs(self) -> dict[str, Any]:
        begin = self._begin()
        if begin is None:
            return decoding_kwargs(self.llm, _USER, "chat")
        return decoding_kwargs(self.llm, replace(_USER, stop=(str(turn_end(begin)).strip(),)), "base")

    def _user_question(self, talk: Talk) -> "FormattedInput":
        if (begin := self._begin()) is not None:
            return raw_chat(talk.messages, begin)
        document = with_title(talk.row.get("document"), talk.row.get("title"))
        prompt: FormattedInput = PROMPTS.render(
            "user_turn", "chat", conversation=transcript(talk.messages), document=document
        )
        return prompt

    def _hear(self, talk: Talk, answer: Answer) -> None:
        said = _said_by_user(answer.completion or "")
        if (reason := _fault_of_user(answer, said, talk.messages)) is None:
            talk.say("user", said)
        else:
            talk.end(reason, answer, self.llm.model_name, said or None)

    # --- the assistant ----------------------------------------------------------------------------------------------

    def _decoding_kwargs(self) -> dict[str, Any]:
        return decoding_kwargs(self.llm, DECODING, "chat")

    def _answer_question(self, talk: Talk) -> "ChatType":
        first = self.format_input(talk.row | {"instruction": with_input(talk.row)})
        return [*first, *talk.messages[1:]]  # type: ignore[list-item]

    def _take_reply(self, talk: Talk, answer: Answer) -> None:
        said = talk.messages[-1]["content"]
        output = plain(answer.completion or "").strip()
        if answer.completion is None:
            reason: str | None = answer.failure or "no_completion"
        elif output in (each["content"] for each in talk.messages):
            reason = "repeated_turn"
        else:
            reason = fault(output, answer.cut_reason, said)
        if reason is None:
            talk.say("assistant", output)
        else:
            talk.messages.pop()
            talk.end(reason, answer, self.llm.model_name, said, output)


def template_of_turns(given: str) -> str:
    """The text of a pre-query template, whose turns can be put one after the other.

    Raises:
        ConfigError: if nobody knows how such a turn ends.
    """
    text = MAGPIE_PRE_QUERY_TEMPLATES.get(given, given)
    if turn_end(text) is None:
        raise ConfigError(
            f"--pre-query-template: how a turn ends is known of ChatML (qwen2), llama3 and Gemma, and not of {given!r};"
            " leave --turns out, or use a model with one of these templates."
        )
    return text


def _said_by_user(completion: str) -> str:
    text = cut_at_turn_end(plain(completion)).strip() if completion else ""
    speaker = _SPEAKER.match(text)
    return text[speaker.end() if speaker else 0 :].strip().strip('"“”').strip()


def _fault_of_user(answer: Answer, said: str, messages: Sequence[Row]) -> str | None:
    """The reason code of the first thing for which a conversation ends before what a user says."""
    if answer.completion is None:
        return answer.failure or "no_completion"
    if (cut := answer.cut_reason) is not None:
        return cut
    if not said:
        return "empty_turn"
    if _OVER.fullmatch(said) or says_goodbye(said):
        return "goodbye"
    if is_refusal(said):
        return "refusal"
    if repeats_itself(said):
        return "repetition"
    known = RougeLIndex(_SAME, "unicode")
    known.load(each["content"] for each in messages)
    return "repeated_turn" if known.nearest(said) is not None else None
