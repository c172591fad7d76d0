"""GenerateTopics and InstructByTopic: instructions of several kinds about topics that the model names itself."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.steps.base import StepInput
from distilabel.steps.tasks.base import GlobalTask
from pydantic import Field, PositiveInt

from distilabel_selfinstruct.data.rows import Answer, Row, candidate_row, reject
from distilabel_selfinstruct.presets import Decoding, Preset
from distilabel_selfinstruct.recipes.topics.kinds import DEFAULT_QUOTAS, KINDS, Kind
from distilabel_selfinstruct.recipes.topics.reading import list_blocks, list_topics
from distilabel_selfinstruct.recipes.topics.rules import check_topic, has_options
from distilabel_selfinstruct.steps.loops.loop import Candidate, Loop
from distilabel_selfinstruct.steps.loops.task import Looping, LoopingGenerator
from distilabel_selfinstruct.steps.prompting import Prompts
from distilabel_selfinstruct.text.reading.remarks import declines, plain
from distilabel_selfinstruct.text.requests import is_statement
from distilabel_selfinstruct.text.rules import check_instruction, check_wording

if TYPE_CHECKING:
    from distilabel.steps.base import StepOutput
    from distilabel.typing import FormattedInput, StepColumns

PROMPTS = Prompts(__package__)
TOPIC_STAGE, INSTRUCTION_STAGE = "topics", "instructions"
NEW_TOPICS, NEW_INSTRUCTIONS = 20, 5  # that a prompt asks for
LIKELY = 0.8 * NEW_INSTRUCTIONS  # of them are admitted, before the answers tell
SHOWN_TOPICS, SHOWN_INSTRUCTIONS = 10, 3  # most that a prompt shows, to get others
AREAS = (
    "everyday life at home",
    "the natural sciences",
    "history before 1800",
    "the arts and music",
    "work and business",
    "food and cooking",
    "geography and travel",
    "mathematics and logic",
    "health and the body",
    "technology and tools",
    "language and literature",
    "plants and animals",
    "law, money and the state",
    "sports and games",
    "building and engineering",
    "family, school and growing up",
    "history since 1800",
    "the sea, the sky and space",
    "crafts and hobbies",
    "philosophy and religion",
)


def topic_row(**known: Any) -> Row:
    """A row of a topic, or of an instruction about one."""
    own = {"is_classification": None, "topic": None, "kind": None}
    return candidate_row(**{name: value for name, value in known.items() if name not in own}) | own | known


class _Wanted(NamedTuple):
    """What a prompt asks for, and what it shows."""

    topic: str  # or the area of topics
    known: list[str]
    kind: Kind | None = None


_NO_TEMPLATES: Mapping[str, str] = MappingProxyType({})


class TopicLoop(Loop):
    """Asks for topics, each time from another area, until there are as many different ones as are wanted.

    Args:
        preset: what is too similar.
        num_topics: how many topics to admit, exactly.
        seed: of all random draws.
        lag: prompts between an answer and the first prompt that may show what it brought; at least 1.
        patience: rounds (of `lag` prompts) without an admission after which the loop ends.
        model_name: recorded in the rows.
        own: the user's templates.
    """

    stage = TOPIC_STAGE
    column = "topic"

    def __init__(
        self,
        preset: Preset,
        num_topics: int,
        seed: int,
        lag: int,
        patience: int,
        model_name: str = "",
        own: Mapping[str, str] = _NO_TEMPLATES,
    ) -> None:
        frame = PROMPTS.frame("topics", "chat", own, new=NEW_TOPICS, area="", known=[])
        super().__init__(preset, num_topics, lag, patience, NEW_TOPICS / 2, model_name=model_name, frame=frame)
        self._seed = seed
        self._areas = random.Random(f"{seed}-areas").sample(AREAS, len(AREAS))

    def _draw(self, number: int) -> _Wanted:
        seen = self._visible(number)
        shown = random.Random(f"{self._seed}-{number}").sample(seen, min(SHOWN_TOPICS, len(seen)))
        return _Wanted(self._areas[number % len(self._areas)], [self._pool.shots[at].text for at in shown])

    def _row(self, number: int, at: int, answer: Answer) -> Row:
        row = topic_row(**super()._row(number, at, answer))
        return row | {"instruction_id": f"topic-{row['instruction_id']}"}

    def _listed(self, number: int, answer: Answer) -> Iterable[Candidate]:
        return _candidates(list_topics, answer)

    def _broken_rule(self, row: Row) -> str | None:
        return check_topic(row["topic"], self.preset, self.frame)

    def _reason_for_nothing(self, completion: str) -> str:
        return "refusal" if declines(plain(completion)) else "no_topics"


class KindLoop(Loop):
    """Asks for instructions of one kind about one topic at a time, until each kind has exactly its quota.

    The next prompt is for the kind that is furthest from its quota, by what the prompt may know (see `Loop`) and what
    the open prompts are likely to bring. Each kind goes round the topics, and begins at another one.

    Args:
        topics: what the instructions are about.
        quotas: how many instructions of each kind to admit, exactly.
        preset: limits and rules.
        lag: prompts between an answer and the first prompt that may know what it brought; at least 1.
        patience: rounds (of `lag` prompts) without an admission after which the loop ends.
        model_name: recorded in the rows.
        own: the user's templates.
    """

    stage = INSTRUCTION_STAGE

    def __init__(
        self,
        topics: Sequence[str],
        quotas: Mapping[Kind, int],
        preset: Preset,
        lag: int,
        patience: int,
        model_name: str = "",
        own: Mapping[str, str] = _NO_TEMPLATES,
    ) -> None:
        super().__init__(preset, sum(quotas.values()), lag, patience, LIKELY, model_name=model_name)
        self._topics = list(topics)
        self._own = own
        self._quotas = {kind: quotas[kind] for kind in KINDS if kind in quotas}
        self._kinds: list[Kind] = []  # of the prompts drawn
        self._asked: Counter[Kind] = Counter()
        self._by_kind: Counter[Kind] = Counter()
        self._after: list[Counter[Kind]] = []  # admitted after each answer
        self._about: dict[tuple[Kind, str], list[tuple[int, str]]] = {}  # admitted, with the number of the prompt

    @property
    def is_stalled(self) -> bool:
        """Whether `patience` rounds have brought nothing, or there is no topic to ask about."""
        return not self._topics or super().is_stalled

    def can_draw(self) -> bool:
        """Whether the next prompt may be drawn already, and is likely to be needed by some kind."""
        return super().can_draw() and (self.drawn == self.taken or max(self._missing(self.drawn).values()) > 0)

    def take(self, answer: Answer) -> list[Row]:
        """The rows of the next prompt's answer, admitted or rejected, in the order of the completion."""
        rows = super().take(answer)
        self._after.append(self._by_kind.copy())
        return rows

    def _draw(self, number: int) -> _Wanted:
        missing = self._missing(number)
        kind = max(missing, key=lambda kind: missing[kind])
        step = len(self._topics) / len(KINDS)
        topic = self._topics[(self._asked[kind] + int(KINDS.index(kind) * step)) % len(self._topics)]
        self._kinds.append(kind)
        self._asked[kind] += 1
        known = [text for at, text in self._about.get((kind, topic), []) if at <= number - self.lag]
        return _Wanted(topic, known[-SHOWN_INSTRUCTIONS:], kind)

    def _missing(self, number: int) -> dict[Kind, float]:
        """The share of each kind's quota that is still missing when the open prompts have brought what is likely."""
        admitted = self._after[number - self.lag] if number >= self.lag else Counter[Kind]()
        pending = Counter(self._kinds[max(0, number - self.lag + 1) :])
        missing = {}
        for kind, quota in self._quotas.items():
            answered = self._asked[kind] - pending[kind]
            rate = (admitted[kind] + 2 * LIKELY) / (answered + 2)  # steady while there are few answers
            if admitted[kind] < quota:
                missing[kind] = (quota - admitted[kind] - pending[kind] * rate) / quota
        return missing

    def _row(self, number: int, at: int, answer: Answer) -> Row:
        wanted = self._open[number]
        return topic_row(**super()._row(number, at, answer)) | {"topic": wanted.topic, "kind": wanted.kind}

    def _listed(self, number: int, answer: Answer) -> Iterable[Candidate]:
        return _candidates(list_blocks, answer)

    def _broken_rule(self, row: Row) -> str | None:
        text, kind = row["instruction"], row["kind"]
        if kind == "multiple_choice" and not has_options(text):
            return "no_options"
        reason = check_instruction(text, self.preset, keywords=False)
        if reason is not None and not (reason == "program" and kind == "coding"):
            return reason
        # What is said to a character may be anything, and options make any sentence a question.
        may_tell = kind == "roleplay" or has_options(text)
        frame = PROMPTS.frame(f"kinds/{kind}", "chat", self._own, new=NEW_INSTRUCTIONS, topic="", known=[])
        return check_wording(text, self.preset, frame, _is_fine if may_tell else is_statement)

    def _is_full(self, row: Row) -> bool:
        return self._by_kind[row["kind"]] >= self._quotas[row["kind"]]

    def _admit_or_reject(self, row: Row) -> None:
        super()._admit_or_reject(row)
        if row["reject_reason"] is None:
            self._by_kind[row["kind"]] += 1
            self._about.setdefault((row["kind"], row["topic"]), []).append((self.taken, row["instruction"]))


def _is_fine(text: str) -> bool:
    return False


def _candidates(read: Any, answer: Answer) -> list[Candidate]:
    listed = read(answer.completion or "", answer.finish_reason)
    return [*map(Candidate, listed.items), *(Candidate(text, answer.cut_reason) for text in listed.truncated)]


class GenerateTopics(LoopingGenerator):
    """Asks the model for topics until there are as many different ones as are wanted.

    Each prompt asks for 20 topics from another area of life, and shows some that are there already. Topics whose
    ROUGE-L with an earlier one is above the preset's limit, and refusals, go along with their `reject_reason`. The
    result depends on the configuration and the answers alone, not on their order.

    Attributes:
        num_topics: how many topics to admit.
        preset: name of the preset with the limit of similarity and the decoding parameters.
        wording: `chat`.
        seed: seed of all random draws.
        lag: prompts between an answer and the first prompt that may show what it brought; by default the preset's,
            or a few times the concurrency.
        patience: rounds (of `lag` prompts) without a new topic after which the loop ends.
        pilot_rounds: rounds after which the loop ends, to see what it takes; by default none.
        folder: where `topics.json` (how the loop ended) is written, if given.
        batch_size: most rows sent downstream at once.

    Runtime parameters:
        - `num_topics`: how many topics to admit.
        - `seed`: seed of all random draws.
        - `patience`: rounds without a new topic after which the loop ends.

    Output columns:
        - instruction_id (`str`): names the topic.
        - instruction (`str`): None.
        - round (`int`): the number of its prompt over `lag`.
        - shot_ids (`list[str]`): none.
        - most_similar (`list[dict]`): `id` and ROUGE-L `score` of the most similar topics, if the preset asks.
        - max_similarity (`float`): the highest score with a topic, where it was computed.
        - mean_similarity (`float`): the mean score over the topics, if the preset asks.
        - neighbour_id (`str`): the topic that a `similar` one is too similar to.
        - neighbour (`str`): its text.
        - stage (`str`): `topics` if rejected here, or None.
        - reject_reason (`str`): the reason code, or None if admitted.
        - detail (`str`): what the reason code leaves open.
        - finish_reason (`str`): why the completion ended.
        - input_tokens (`int`): tokens of the prompt.
        - output_tokens (`int`): tokens of the completion.
        - model_name (`str`): the model.
        - is_classification (`bool`): None.
        - topic (`str`): the topic; None in the row of a completion that gave none.
        - kind (`str`): None.

    Categories:
        - text-generation

    References:
        - [airoboros](https://github.com/jondurbin/airoboros)

    Examples:
        Ask the embedded demo model for ten topics:

        ```python
        from distilabel_selfinstruct import DemoLLM, GenerateTopics

        topics = GenerateTopics(llm=DemoLLM(), num_topics=10)
        topics.load()
        for rows, is_last in topics.process():
            print([row["topic"] for row in rows if row["reject_reason"] is None])
        ```
    """

    wording: Literal["chat"] = "chat"
    num_topics: RuntimeParameter[int] = Field(default=30, gt=0, description="How many topics to admit.")
    seed: RuntimeParameter[int] = Field(default=0, description="Seed of all random draws.")

    @property
    def outputs(self) -> "StepColumns":
        return list(topic_row())

    def _loop(self) -> TopicLoop:
        wanted = self.num_topics or 0
        return TopicLoop(
            self._preset,
            wanted,
            self.seed or 0,
            self._lag(wanted),
            self.patience or 1,
            self.llm.model_name,
            self.own_templates,
        )

    def format_prompt(self, drawn: _Wanted) -> "FormattedInput":
        """The prompt that asks for topics of an area."""
        return PROMPTS.render("topics", self.wording, new=NEW_TOPICS, area=drawn.topic, known=drawn.known)

    def _decoding(self) -> Decoding:
        return self._preset.bootstrap


class InstructByTopic(Looping, GlobalTask):
    """Asks for instructions of several kinds about topics, until each kind has exactly its quota.

    Each prompt asks for 5 instructions of one kind about one topic. They pass the rules of the preset but that of the
    keywords (and a programming task may ask for a program), the last of them ROUGE-L against all admitted instructions
    of all kinds.
    Questions without their options, refusals and what came when a kind was full are rejected, too. Rows of topics that
    were rejected are passed on. The result depends on the topics, the configuration and the answers alone, not on
    their order.

    Attributes:
        quotas: how many instructions of each kind to admit: `general`, `reasoning`, `coding`, `writing`, `trivia`,
            `roleplay`, `multiple_choice`.
        preset: name of the preset with limits and decoding parameters.
        wording: `chat`.
        lag: prompts between an answer and the first prompt that may know what it brought; by default the preset's,
            or a few times the concurrency.
        patience: rounds (of `lag` prompts) without an admission after which the loop ends.
        pilot_rounds: rounds after which the loop ends, to see what it takes; by default none.
        requests_each: requests that later steps make about each admitted instruction: a budget keeps back what they
            are likely to take.
        requests_made: how many of these an earlier run has made already.
        folder: where `instructions.json` (how the loop ended) is written, if given.

    Runtime parameters:
        - `patience`: rounds without an admission after which the loop ends.

    Input columns:
        - topic (`str`): the topic.
        - reject_reason (`str`): rows that have one are passed on.

    Output columns:
        - instruction_id (`str`): names the candidate: number of its prompt and place in the completion.
        - instruction (`str`): the instruction; None in the row of a completion that gave none.
        - round (`int`): the number of its prompt over `lag`.
        - shot_ids (`list[str]`): none.
        - most_similar (`list[dict]`): `id` and ROUGE-L `score` of the most similar instructions, if the preset asks.
        - max_similarity (`float`): the highest score with an instruction, where it was computed.
        - mean_similarity (`float`): the mean score over the instructions, if the preset asks.
        - neighbour_id (`str`): the instruction that a `similar` candidate is too similar to.
        - neighbour (`str`): its text.
        - stage (`str`): `instructions` if rejected here, or None.
        - reject_reason (`str`): the reason code, such as `surplus` where its kind was full, or None if admitted.
        - detail (`str`): what the reason code leaves open.
        - finish_reason (`str`): why the completion ended.
        - input_tokens (`int`): tokens of the prompt.
        - output_tokens (`int`): tokens of the completion.
        - model_name (`str`): the model.
        - is_classification (`bool`): None: nobody has asked.
        - topic (`str`): what it is about.
        - kind (`str`): its kind.

    Categories:
        - text-generation

    References:
        - [airoboros](https://github.com/jondurbin/airoboros)

    Examples:
        Two questions and two riddles about bird song, by the embedded demo model:

        ```python
        from distilabel_selfinstruct import DemoLLM, InstructByTopic

        instruct = InstructByTopic(llm=DemoLLM(), quotas={"trivia": 2, "reasoning": 2})
        instruct.load()
        rows = next(instruct.process([{"topic": "Bird song", "reject_reason": None}]))
        ```
    """

    wording: Literal["chat"] = "chat"
    quotas: dict[Kind, PositiveInt] = Field(default_factory=lambda: dict(DEFAULT_QUOTAS), min_length=1)
    requests_each: int = Field(default=1, ge=0, exclude=True)
    requests_made: int = Field(default=0, ge=0, exclude=True)

    def model_post_init(self, context: Any) -> None:
        """GlobalTask's own: pydantic would take the first base's, which adds no step to a pipeline."""
        GlobalTask.model_post_init(self, context)

    @property
    def inputs(self) -> "StepColumns":
        return ["topic", "reject_reason"]

    @property
    def outputs(self) -> "StepColumns":
        return list(topic_row())

    def process(self, inputs: StepInput) -> "StepOutput":
        """Runs the loop over all topics.

        Yields:
            The rows of rejected topics, then those of instructions, at least one.
        """
        topics = [row["topic"] for row in inputs if row["reject_reason"] is None]
        rows = [topic_row() | row for row in inputs if row["reject_reason"] is not None]
        wanted = sum(self.quotas.values())
        loop = KindLoop(
            topics,
            self.quotas,
            self._preset,
            self._lag(wanted),
            self.patience or 1,
            self.llm.model_name,
            self.own_templates,
        )
        ended = self.run_loop(loop, rows.append)
        if not rows:  # distilabel hangs on a batch without rows
            rows = [topic_row()]
            reject(rows[0], INSTRUCTION_STAGE, ended)
        yield rows

    def _owed(self, loop: Loop) -> int:
        return max(0, loop.admitted * self.requests_each - self.requests_made)

    def format_prompt(self, drawn: _Wanted) -> "FormattedInput":
        """The prompt that asks for instructions of a kind about a topic."""
        assert drawn.kind is not None
        return PROMPTS.render(f"kinds/{drawn.kind}", "chat", new=NEW_INSTRUCTIONS, topic=drawn.topic, known=drawn.known)

    def _decoding(self) -> Decoding:
        return self._preset.bootstrap
