"""FilterByJudge: a model as judge of instances (Self-Rewarding Language Models, arXiv 2401.10020, section 2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from distilabel.mixins.runtime_parameters import RuntimeParameter
from pydantic import Field, PrivateAttr

from distilabel_selfinstruct.data.columns import JUDGE_COLUMNS
from distilabel_selfinstruct.data.rows import Answer, Row, answers_of, excerpt, reject
from distilabel_selfinstruct.data.rubrics import Rubric, bounds_of
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.presets import JUDGEMENTS, MOST_POINTS, Decoding, JudgeWording
from distilabel_selfinstruct.steps.asking import InstanceTask, decoding_kwargs
from distilabel_selfinstruct.steps.prompting import TEXT, Prompts, object_schema
from distilabel_selfinstruct.text.reading.scores import parse_score

if TYPE_CHECKING:
    from distilabel.typing import FormattedInput, GenerateOutput

STAGE, UNCLEAR, TRUNCATED = "judgement", "unclear_judgement", "truncated"
PROMPTS = Prompts(
    __package__,
    {
        "judgement": object_schema(justification=TEXT, score={"type": "integer", "minimum": 0, "maximum": MOST_POINTS}),
        "rubric": object_schema(justification=TEXT, score={"type": "integer"}),
    },
)
PROMPTS_VERSION = 1  # of the question; a change of its template raises it
DECODING = Decoding(temperature=0.7, top_p=0.9, max_new_tokens=512)  # section 3.1.3


class FilterByJudge(InstanceTask):
    """Has a model judge each instance, and marks those whose score is under a threshold.

    The model gives up to five points, added one after the other: for being about the request, for substance, for
    use, for the clarity of an assistant's answer, for excellence. The score of an instance is the mean of
    `num_generations` judgements, without those that are unclear; where none is clear the row is rejected
    (`unclear_judgement`; `truncated` where all were cut by their length), and so it is where the score is under the
    threshold (`low_score`) or the request failed. How far a judge agrees with people is found out with `self-instruct
    judge` on a reviewed run.

    Attributes:
        threshold: the lowest score that passes, from 0 to 5; None marks no score.
        rubric: criteria and a scale instead of these points: the content of a file for `--judge-rubric`, as JSON.
        wording: `chat`, or `structured` with JSON.
        num_generations: judgements of an instance.

    Runtime parameters:
        - `threshold`: the lowest score that passes, from 0 to 5; None marks no score.
        - `num_generations`: judgements of an instance.

    Input columns:
        - instruction (`str`): the instruction.
        - output (`str`): the output to judge.
        - input (`str`): the input. Optional.
        - document (`str`): what the instruction is about. Optional.
        - title (`str`): the title of the document. Optional.
        - messages (`list[dict]`): the conversation that the instance has become. Optional.
        - reject_reason (`str`): rows that have one are passed on untouched. Optional.

    Output columns:
        - judge_score (`float`): the mean of the clear judgements, from 0 to 5; None where there is none.
        - judgements (`int`): how many judgements were clear.
        - judge_words (`List[str]`): what the judge answered, each time.
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, or None.
        - detail (`str`): what the reason code leaves open.

    Categories:
        - scorer
        - filtering

    References:
        - [Self-Rewarding Language Models](https://arxiv.org/abs/2401.10020)

    Examples:
        Reject what a judge finds of little use:

        ```python
        from distilabel_selfinstruct import DemoLLM, FilterByJudge

        judge = FilterByJudge(llm=DemoLLM(), threshold=4)
        judge.load()
        rows = next(
            judge.process([{"instruction": "Reverse the letters of the word.", "input": "lamp", "output": "lamp"}])
        )
        ```

    Citations:
        ```
        @misc{yuan2024selfrewarding,
            title={Self-Rewarding Language Models},
            author={Weizhe Yuan and Richard Yuanzhe Pang and Kyunghyun Cho and Xian Li and Sainbayar Sukhbaatar and
                Jing Xu and Jason Weston},
            year={2024},
            eprint={2401.10020},
            archivePrefix={arXiv},
            primaryClass={cs.CL}
        }
        ```
    """

    threshold: RuntimeParameter[float] | None = Field(
        default=3.0, ge=0, description="The lowest score that passes, from 0 to 5; None marks no score."
    )
    rubric: str | None = None
    wording: JudgeWording = "chat"
    num_generations: RuntimeParameter[int] = Field(default=JUDGEMENTS, ge=1, description="Judgements of an instance.")

    language_sentence = None  # the answer is a number

    _rubric: Rubric | None = PrivateAttr(None)

    def load(self) -> None:
        """Loads the model, and reads the rubric.

        Raises:
            ConfigError: if the threshold is above all points.
        """
        self._rubric = Rubric.of(self.rubric)
        if self.threshold is not None and float(self.threshold) > self._bounds[1]:
            raise ConfigError(f"FilterByJudge: threshold must be at most {self._bounds[1]}, got {self.threshold!r}")
        super().load()

    @property
    def _bounds(self) -> tuple[int, int]:
        return bounds_of(self._rubric)

    def _own_outputs(self) -> list[str]:
        return list(JUDGE_COLUMNS)

    def _decoding_kwargs(self) -> dict[str, Any]:
        return decoding_kwargs(self.llm, DECODING, self.wording)

    def format_input(self, input: Row) -> FormattedInput:
        """The question about one instance."""
        if self._rubric is not None:
            return rubric_question(self._rubric, self.wording, **self._parts(input))
        return PROMPTS.render("judgement", self.wording, **self._parts(input))

    def _take_output(self, row: Row, output: GenerateOutput) -> None:
        self._score(row, answers_of(output))

    def _take(self, row: Row, answer: Answer) -> None:
        self._score(row, [answer])

    def _score(self, row: Row, answers: Sequence[Answer]) -> None:
        given = [answer for answer in answers if answer.completion is not None]
        scores = [parse_score(str(answer.completion), answer.finish_reason, *self._bounds) for answer in given]
        clear = [score for score in scores if score is not None]
        row.update(judge_score=fmean(clear) if clear else None, judgements=len(clear))
        row["judge_words"] = [str(answer.completion) for answer in given]
        if not given:
            reject(row, STAGE, answers[0].failure or "no_completion", answers[0].detail)
        elif not clear:
            reason = TRUNCATED if all(answer.is_cut for answer in given) else UNCLEAR
            reject(row, STAGE, reason, excerpt(given[0].completion))
        elif self.threshold is not None and row["judge_score"] < float(self.threshold):
            reject(
                row,
                STAGE,
                "low_score",
                f"{row['judge_score']:.2f} of {self._bounds[1]}, the mean of {len(clear)} judgements",
            )


def rubric_question(rubric: Rubric, wording: JudgeWording, document: str = "", **asked: str) -> FormattedInput:
    """The question about an answer (`instruction`, `input`, `output`) by a user's own rubric."""
    own = {"criteria": rubric.criteria, "scale": rubric.scale, "least": rubric.least, "most": rubric.most}
    prompt: FormattedInput = PROMPTS.render("rubric", wording, document=document, **own, **asked)
    return prompt
