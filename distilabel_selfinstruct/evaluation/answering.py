"""A model answers the questions: each answer on disk before it counts, within a budget, and none asked for twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distilabel_selfinstruct.data.rows import Answer, answer_of
from distilabel_selfinstruct.engine.progress import show_progress
from distilabel_selfinstruct.evaluation.config import EvaluationConfig
from distilabel_selfinstruct.evaluation.folder import EvaluationFolder
from distilabel_selfinstruct.evaluation.levels import LEVELS
from distilabel_selfinstruct.evaluation.questions import Prediction, Question
from distilabel_selfinstruct.models.durable import DurableLLM
from distilabel_selfinstruct.models.records import usage_by_stage
from distilabel_selfinstruct.models.slots import SlotServer
from distilabel_selfinstruct.runs.config import SpendingConfig
from distilabel_selfinstruct.runs.models import local_engine, make_model
from distilabel_selfinstruct.steps.asking import cut_at_stop, decoding_kwargs, named_for
from distilabel_selfinstruct.steps.prompting import TEXT, Prompts, object_schema
from distilabel_selfinstruct.usage import Usage

if TYPE_CHECKING:
    from distilabel.typing import FormattedInput

STAGE = "evaluation"
PROMPTS = Prompts(
    __package__,
    {
        "level": object_schema(justification=TEXT, level={"type": "string", "enum": list(LEVELS)}),
        "pair": object_schema(justification=TEXT, better={"type": "string", "enum": ["1", "2", "tie"]}),
    },
)


@dataclass
class _Asked:
    """What progress is read from."""

    slots: SlotServer
    llm: DurableLLM
    left: int
    waits_for: str = ""
    latest: str = ""

    @property
    def troubles(self) -> list[str]:
        return [self.llm.trouble] if self.llm.trouble else []

    @property
    def shares_done(self) -> dict[str, float]:
        stage = self.llm.stage
        spent = self.slots.spent.get(stage)
        return {stage: min(1.0, spent.requests / self.left if spent else 0.0)} if self.left > 0 else {}


def answer(
    config: EvaluationConfig, questions: Sequence[Question], folder: EvaluationFolder, show: bool = True
) -> list[Prediction]:
    """The questions with what the model says to them; a question that comes twice is asked once.

    Args:
        config: names the model.
        questions: of the benchmark.
        folder: keeps the completions.
        show: whether progress is shown on screen.

    Raises:
        SelfInstructError: if the model cannot be asked at all; what was answered is kept.
    """
    prompts = [prompt_of(question, config) for question in questions]
    distinct = {repr(prompt): prompt for prompt in prompts}
    with asked_model(config, folder.completions, folder.learned, STAGE, show, config.max_tokens, len(distinct)) as llm:
        given = decoding_kwargs(llm, config.decoding, config.wording)
        outputs = llm.generate(list(distinct.values()), **given)
    answers = dict(zip(distinct, map(answer_of, outputs)))
    return [
        _prediction(question, cut_at_stop(answers[repr(prompt)], config.decoding, config.wording, llm))
        for question, prompt in zip(questions, prompts)
    ]


def prompt_of(question: Question, config: EvaluationConfig) -> FormattedInput:
    """Zero-shot: the instruction and the input, of a base model with a place for the output."""
    prompt: FormattedInput = PROMPTS.render(
        "question", config.wording, instruction=question.instruction, input=question.input
    )
    return prompt


def _prediction(question: Question, answer: Answer) -> Prediction:
    return Prediction.of(
        question, response=answer.completion, failure=answer.failure, detail=answer.detail, is_cut=answer.is_cut
    )


@contextmanager
def asked_model(
    config: SpendingConfig,
    completions: Path,
    learned: Path,
    stage: str,
    show: bool,
    max_tokens: int | None = None,
    questions: int = 0,
) -> Iterator[DurableLLM]:
    """A model, loaded, within its budget, while the block runs.

    Args:
        config: names it, and says what it may spend.
        completions: folder of its answers; those of all stages there count as spent.
        learned: file that keeps what it refuses.
        stage: that asks.
        show: whether progress is shown on screen.
        max_tokens: most tokens of an answer, if that was said.
        questions: how many there are, if that is known, answered ones included.
    """
    with local_engine(config) as engine:
        model = make_model(config, learned, engine)
        llm = DurableLLM(
            llm=model,
            folder=str(completions),
            stage=stage,
            concurrency=config.concurrency,
            outage=config.outage,
            timeout=config.timeout,
            context=None if config.llm == "local" else config.context,
            generation_kwargs={} if max_tokens is None else named_for(model, {"max_new_tokens": max_tokens}),
        )
        prices = config.prices()
        used = usage_by_stage(completions, prices)
        left = questions - used.get(stage, Usage()).requests
        budget = config.budget(sum(used.values(), Usage()), prices)
        with SlotServer(config.concurrency, budget) as slots, show_progress(_Asked(slots, llm, left), show):
            llm.load()
            try:
                yield llm
            except KeyboardInterrupt:
                slots.stop("interrupted")  # what is in flight is waited for, and kept
                raise
            finally:
                llm.unload()
