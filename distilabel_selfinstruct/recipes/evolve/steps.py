"""EvolveInstructions and JudgeEvolutions: a generation of Evol-Instruct each; AnswerEvolutions: what comes of it."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
import random
from typing import TYPE_CHECKING, Any

from distilabel.steps.base import StepInput
from distilabel.steps.tasks.evol_instruct.base import EvolInstruct
from pydantic import Field

from distilabel_selfinstruct.data.rows import Answer, Row, excerpt, reject, task_row
from distilabel_selfinstruct.presets import Decoding
from distilabel_selfinstruct.recipes.evolve.reading import (
    copies_prompt,
    is_same,
    is_short_apology,
    read_evolution,
    says_nothing,
)
from distilabel_selfinstruct.steps.answer import STAGE as ANSWERS
from distilabel_selfinstruct.steps.answer import AnswerInstructions
from distilabel_selfinstruct.steps.asking import MarkingTask, decoding_kwargs
from distilabel_selfinstruct.steps.prompting import Prompts
from distilabel_selfinstruct.text.copying import copies
from distilabel_selfinstruct.text.reading.answers import parse_yes_or_no
from distilabel_selfinstruct.text.refusals import is_refusal
from distilabel_selfinstruct.text.requests import is_request

if TYPE_CHECKING:
    from distilabel.typing import FormattedInput, StepColumns, StepOutput

PROMPTS = Prompts(__package__)
STAGE = "evolution"
COLUMNS = ["generation", "parent_id", "parent", "evolution"]
"""The columns that the rows of a generation have."""
EVOLVING = Decoding(temperature=1.0, top_p=0.9, max_new_tokens=2048, end_early=True)  # the paper's
JUDGING = Decoding()

_ELIMINATED = frozenset(
    {"no_instructions", "truncated", "repetition", "refusal", "copied_prompt", "no_request", "no_gain", "unclear_gain"}
)


class EvolveInstructions(MarkingTask, EvolInstruct):
    """One generation of Evol-Instruct: evolves the last surviving instruction of each lineage.

    Prompts and names of the evolutions are those of distilabel's `EvolInstruct`; which of them a row gets is drawn from
    the seed and the row's id, and is not the one that has just failed. Chain one `EvolveInstructions` and one
    `JudgeEvolutions` a generation.

    How rows flow: the first generation takes original instructions and puts its evolution in the place of each. Every
    later generation passes all rows on, and adds a row after the newest one of each lineage: an evolution of that row's
    instruction, or, where that evolution has failed, once more of the instruction before it (`parent`), which has gone
    back to the pool. So every evolution stays a row of its own, surviving or rejected, and a row is all that a
    generation needs to know of its lineage. Where a request failed, the lineage ends, and the next run of the same
    command goes on with it.

    An evolution fails at once if the answer gives no instruction (`no_instructions`), was cut by its length
    (`truncated`) or because it went round (`repetition`), is a refusal (`refusal`), copies words of the prompt
    (`copied_prompt`), asks and orders nothing although the instruction before it does (`no_request`), or is that
    instruction (`no_gain`).

    Attributes:
        generation: the number of this generation, from 1.
        mutation_templates: prompts by the names of the evolutions, as in distilabel's `EvolInstruct`.
        seed: seed of the draws.

    Runtime parameters:
        - `seed`: seed of the draws.

    Input columns:
        - instruction_id (`str`): names the instruction.
        - instruction (`str`): the instruction.
        - generation (`int`): the generation that a row is of; None or 0 in an original. Optional.
        - reject_reason (`str`): why an evolution has failed. Optional.

    Output columns:
        - instruction_id (`str`): names the evolution: its original and its generation.
        - instruction (`str`): the evolved instruction; None where the answer gave none.
        - generation (`int`): the generation.
        - parent_id (`str`): names the instruction that it was evolved from.
        - parent (`str`): that instruction.
        - evolution (`str`): the name of the evolution, such as `DEEPENING`.
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, or None.
        - detail (`str`): what the reason code leaves open.
        - finish_reason (`str`): why the completion ended.
        - input_tokens (`int`): tokens of the prompt.
        - output_tokens (`int`): tokens of the completion.
        - reasoning (`str`): what the model thought before it answered, where it says so.
        - model_name (`str`): the model that wrote it.

    Categories:
        - evol
        - text-generation

    References:
        - [WizardLM: Empowering Large Language Models to Follow Complex Instructions](https://arxiv.org/abs/2304.12244)

    Examples:
        The first generation of an instruction:

        ```python
        from distilabel_selfinstruct import DemoLLM, EvolveInstructions

        evolve = EvolveInstructions(llm=DemoLLM())
        evolve.load()
        rows = next(evolve.process([{"instruction_id": "000000", "instruction": "Name the largest ocean."}]))
        ```

    Citations:
        ```
        @misc{xu2023wizardlm,
            title={WizardLM: Empowering Large Language Models to Follow Complex Instructions},
            author={Can Xu and Qingfeng Sun and Kai Zheng and Xiubo Geng and Pu Zhao and Jiazhan Feng and
                Chongyang Tao and Daxin Jiang},
            year={2023},
            eprint={2304.12244},
            archivePrefix={arXiv},
            primaryClass={cs.CL}
        }
        ```
    """

    language_sentence = "Write the new instruction in {language}."
    writes_instructions = True

    num_evolutions: int = 1
    generation: int = Field(default=1, gt=0)

    @property
    def inputs(self) -> "StepColumns":
        return ["instruction_id", "instruction"]

    def _own_outputs(self) -> list[str]:
        return ["instruction_id", "instruction", *COLUMNS]

    def _decoding_kwargs(self) -> dict[str, Any]:
        return decoding_kwargs(self.llm, EVOLVING, "chat")

    def process(self, inputs: StepInput) -> "StepOutput":
        """Evolves.

        Yields:
            The rows of all generations so far, those of a lineage one after the other.
        """
        rows: list[Row] = []
        for row in inputs:
            child = self._child(row)
            if row.get("generation") or child is None:
                rows.append(row)
            if child is not None:
                rows.append(child)
        yield from super().process(rows)

    def _child(self, row: Row) -> Row | None:
        """What this generation makes of a row: nothing, unless it is the newest of a lineage that goes on."""
        generation, reason = row.get("generation") or 0, row.get("reject_reason")
        if generation != self.generation - 1 or (reason is not None and reason not in _ELIMINATED):
            return None
        lineage = row["instruction_id"].rpartition("-")[0] if generation else row["instruction_id"]
        child_id = f"{lineage}-{self.generation}"
        has_failed = reason is not None
        names = [name for name in self.mutation_templates_names if not (has_failed and name == row["evolution"])]
        known = {
            "generation": self.generation,
            "parent_id": row["parent_id"] if has_failed else row["instruction_id"],
            "parent": row["parent"] if has_failed else row["instruction"],
            "evolution": random.Random(f"{self.seed}-{child_id}").choice(names or self.mutation_templates_names),
        }
        return task_row(instruction_id=child_id) | known

    def _asks_about(self, row: Row) -> bool:
        return row["generation"] == self.generation

    def _question(self, row: Row) -> "FormattedInput":
        return self.format_input(self.mutation_templates[row["evolution"]].replace("<PROMPT>", row["parent"]))

    def _take(self, row: Row, answer: Answer) -> None:
        if answer.completion is None:
            reject(row, STAGE, answer.failure or "no_completion", answer.detail)
            return
        row["instruction"] = read_evolution(answer.completion) or None
        frame = self.mutation_templates[row["evolution"]].replace("<PROMPT>", "")
        if (reason := _failure(row["instruction"], row["parent"], answer.cut_reason, frame)) is not None:
            reject(row, STAGE, reason, None if row["instruction"] else excerpt(answer.completion))


def _failure(instruction: str | None, parent: str, cut_reason: str | None, frame: str) -> str | None:
    """The reason code of the first thing that is wrong with an evolved instruction."""
    if cut_reason is not None:
        return cut_reason
    if not instruction:
        return "no_instructions"
    if is_refusal(instruction):
        return "refusal"
    if copies_prompt(instruction) or (copies(instruction, frame) and not copies(parent, frame)):
        return "copied_prompt"
    if is_request(parent) and not is_request(instruction):
        return "no_request"
    return "no_gain" if is_same(instruction, parent) else None


class JudgeEvolutions(MarkingTask):
    """Asks the model whether the evolutions of one generation ask for more than the instructions before them.

    Those that do not have failed (`no_gain`), and so have those of which the model says neither yes nor no
    (`unclear_gain`), or was cut by the length before it was through (`truncated`).

    Attributes:
        generation: the number of the generation, from 1.

    Input columns:
        - instruction (`str`): the evolved instruction.
        - parent (`str`): the instruction that it was evolved from.
        - generation (`int`): rows of other generations are passed on untouched.
        - reject_reason (`str`): rows that have one are passed on untouched. Optional.

    Output columns:
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, or None.
        - detail (`str`): what the model said where it is neither yes nor no.
        - finish_reason (`str`): why the last completion ended.
        - input_tokens (`int`): tokens of its prompt.
        - output_tokens (`int`): its tokens.
        - reasoning (`str`): what the model thought before it answered, where it says so.
        - model_name (`str`): the model that wrote it.

    Categories:
        - evol
        - filtering

    References:
        - [WizardLM: Empowering Large Language Models to Follow Complex Instructions](https://arxiv.org/abs/2304.12244)

    Examples:
        An instruction that was only worded politely:

        ```python
        from distilabel_selfinstruct import DemoLLM, JudgeEvolutions

        judge = JudgeEvolutions(llm=DemoLLM())
        judge.load()
        parent = "Name the largest ocean."
        rows = next(
            judge.process([{"instruction": "Please name the largest ocean.", "parent": parent, "generation": 1}])
        )
        ```
    """

    language_sentence = None  # the answer is Yes or No

    generation: int = Field(default=1, gt=0)

    @property
    def inputs(self) -> "StepColumns":
        return ["instruction", "parent", "generation"]

    def _own_outputs(self) -> list[str]:
        return []

    def _decoding_kwargs(self) -> dict[str, Any]:
        return decoding_kwargs(self.llm, JUDGING, "chat")

    def _asks_about(self, row: Row) -> bool:
        return row["generation"] == self.generation

    def format_input(self, input: Row) -> "FormattedInput":
        """The question about an instruction and its parent."""
        return PROMPTS.render("evolution_gain", "chat", parent=input["parent"], instruction=input["instruction"])

    def _take(self, row: Row, answer: Answer) -> None:
        if answer.completion is None:
            reject(row, STAGE, answer.failure or "no_completion", answer.detail)
        elif answer.is_cut:
            reject(row, STAGE, "truncated", excerpt(answer.completion))
        elif (gains := parse_yes_or_no(answer.completion)) is None:
            reject(row, STAGE, "unclear_gain", excerpt(answer.completion))
        elif not gains:
            reject(row, STAGE, "no_gain")


class AnswerEvolutions(AnswerInstructions):
    """Answers evolved instructions, and rejects those that the model has no real answer to.

    Beside what `AnswerInstructions` rejects, these are two rules of Evol-Instruct: an answer of less than 80 words that
    says sorry (`refusal`), and one of nothing but punctuation and stop words (`only_stop_words`). The paper answers in
    every generation, and sends the instruction before such a one back to the pool; here all generations are answered
    once, at their end, when near-duplicates are gone, and such an instruction is only rejected.

    Attributes:
        system_prompt: as in distilabel's `TextGeneration`.
        template: the question, as a jinja2 template; by default the instruction alone.
        columns: the columns that the template takes.

    Input columns:
        - instruction (`str`): the instruction.
        - instruction_id (`str`): names it. Optional.
        - reject_reason (`str`): rows that have one are passed on untouched. Optional.

    Output columns:
        - instance_id (`str`): names the instance.
        - input (`str`): empty.
        - output (`str`): the answer.
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, or None.
        - detail (`str`): what the reason code leaves open.
        - finish_reason (`str`): why the completion ended.
        - input_tokens (`int`): tokens of the prompt.
        - output_tokens (`int`): tokens of the answer.
        - reasoning (`str`): what the model thought before it answered, where it says so.
        - model_name (`str`): the model that wrote it.

    Categories:
        - text-generation

    References:
        - [WizardLM: Empowering Large Language Models to Follow Complex Instructions](https://arxiv.org/abs/2304.12244)

    Examples:
        Answer an instruction:

        ```python
        from distilabel_selfinstruct import AnswerEvolutions, DemoLLM

        answers = AnswerEvolutions(llm=DemoLLM())
        answers.load()
        rows = next(answers.process([{"instruction": "Reverse the letters of the word.\\n\\nlamp"}]))
        ```
    """

    def _take(self, row: Row, answer: Answer) -> None:
        super()._take(row, answer)
        if row["reject_reason"] is not None:
            return
        if is_short_apology(row["output"]):
            reject(row, ANSWERS, "refusal")
        elif says_nothing(row["output"]):
            reject(row, ANSWERS, "only_stop_words")
