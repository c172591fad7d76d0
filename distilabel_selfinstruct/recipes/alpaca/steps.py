"""BootstrapTasks: whole tasks from seed tasks, many in one completion, as Stanford Alpaca was made."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from distilabel.mixins.runtime_parameters import RuntimeParameter
from pydantic import Field

from distilabel_selfinstruct.data.rows import Answer, Row, candidate_row, excerpt
from distilabel_selfinstruct.data.seeds import SeedTask
from distilabel_selfinstruct.presets import Decoding, Preset
from distilabel_selfinstruct.recipes.alpaca.reading import ListedTask, list_tasks
from distilabel_selfinstruct.steps.asking import Asking
from distilabel_selfinstruct.steps.loops.loop import Candidate, Loop, Shot
from distilabel_selfinstruct.steps.loops.pool import STAGE
from distilabel_selfinstruct.steps.loops.task import LoopingGenerator
from distilabel_selfinstruct.steps.prompting import Prompts
from distilabel_selfinstruct.text.reading.answers import Instance, normalise_instruction
from distilabel_selfinstruct.text.rules import check_instances, check_instruction, check_wording

if TYPE_CHECKING:
    from distilabel.typing import FormattedInput, StepColumns

PROMPTS = Prompts(__package__)
NO_INPUT = "<noinput>"


class TaskLoop(Loop):
    """Shows seed tasks only, and takes whole tasks: an instruction joins the pool, its instance goes with the row.

    Args:
        seed_tasks: the start of the pool, and what prompts show.
        preset: limits and rules.
        num_instructions: how many to admit, exactly.
        seed: of all random draws.
        lag: prompts in a round.
        patience: rounds without an admission after which the loop ends.
        continues_text: whether the model goes on with a text that ends in the mark of its first instruction.
        model_name: recorded in the rows.
        frame: the prompt without its shots.
    """

    stage = STAGE

    def __init__(
        self,
        seed_tasks: Sequence[SeedTask],
        preset: Preset,
        num_instructions: int,
        seed: int,
        lag: int,
        patience: int,
        continues_text: bool = False,
        model_name: str = "",
        frame: str = "",
    ) -> None:
        self._seeds, self._seed, self._continues_text = list(seed_tasks), seed, continues_text
        shots = [Shot(task.id, task.instruction) for task in seed_tasks]
        expected = (preset.tasks_in_list - preset.task_shots) / 2
        super().__init__(preset, num_instructions, lag, patience, expected, shots, model_name, frame)

    def _draw(self, number: int) -> list[SeedTask]:
        choice = random.Random(f"{self._seed}-{number}")
        return choice.sample(self._seeds, min(self.preset.task_shots, len(self._seeds)))

    def _row(self, number: int, at: int, answer: Answer) -> Row:
        more = {
            "is_classification": None,
            "instances": None,
            "shot_ids": [task.id for task in self._open[number]],
            "reasoning": answer.reasoning,
        }
        return super()._row(number, at, answer) | more

    def _listed(self, number: int, answer: Answer) -> Iterable[Candidate]:
        text, cut_reason = answer.completion or "", answer.cut_reason
        if self._continues_text and text.strip():
            # A stop sequence such as "20." may end it in the middle of a task: only what a mark follows is whole.
            text, cut_reason = f"{len(self._open[number]) + 1}. Instruction:{text}", cut_reason or "truncated"
        return [self._candidate(task) for task in list_tasks(text, cut_reason)]

    def _candidate(self, task: ListedTask) -> Candidate:
        text = None if task.instruction is None else normalise_instruction(task.instruction, self.preset)
        if task.fault is not None:
            return Candidate(text, task.fault, excerpt(task.text))
        instance = {"input": task.input, "output": task.output, "reject_reason": None}
        return Candidate(text, columns={"instances": [instance]})

    def _broken_rule(self, row: Row) -> str | None:
        instances = [Instance(each["input"], each["output"]) for each in row["instances"]]
        return (
            check_instruction(row["instruction"], self.preset)
            or check_wording(row["instruction"], self.preset, self.frame)
            or check_instances(instances, self.preset, row["instruction"])[0]
        )


class BootstrapTasks(LoopingGenerator, Asking):
    """Grows a pool of tasks from seed tasks, as Stanford Alpaca did: instruction, input and output in one completion.

    Each prompt shows 3 seed tasks and asks the model to go on to the 20th. An instruction passes the rules in Alpaca's
    order, its input and output those for instances, and at last comes ROUGE-L against all seeds and all admitted
    instructions; it joins the pool at once, and input and output go with its row, for `FilterInstances`. A task that is
    cut off or lacks a field costs itself only. Exactly `num_instructions` are admitted; rejected ones go along, each
    with its `reject_reason`. The result depends on the configuration and the answers alone, not on their order.

    Attributes:
        num_instructions: how many instructions to admit.
        preset: name of the preset with limits, lists and decoding parameters.
        wording: `base` for a model that continues a text, `chat` for one that answers.
        seed_files: seed files: the start of the pool, and what prompts show.
        seed: seed of all random draws.
        lag: prompts in a round; by default the preset's, or a few times the concurrency.
        patience: rounds without an admission after which the loop ends.
        pilot_rounds: rounds after which the loop ends, to see what it takes; by default none.
        folder: where `pool.jsonl` and `bootstrap.json` (how the loop ended) are written, if given.
        batch_size: most rows sent downstream at once.

    Runtime parameters:
        - `num_instructions`: how many instructions to admit.
        - `seed`: seed of all random draws.
        - `patience`: rounds without an admission after which the loop ends.

    Output columns:
        - instruction_id (`str`): names the task: number of its prompt and place in the completion.
        - instruction (`str`): the instruction; None where there is none.
        - round (`int`): the number of its prompt over `lag`.
        - shot_ids (`list[str]`): the seed tasks its prompt showed.
        - most_similar (`list[dict]`): `id` and ROUGE-L `score` of the most similar pool items, if the preset asks.
        - max_similarity (`float`): the highest score with a pool item, where it was computed.
        - mean_similarity (`float`): the mean score over the pool, if the preset asks.
        - neighbour_id (`str`): the pool item that a `similar` candidate is too similar to.
        - neighbour (`str`): its text.
        - stage (`str`): `bootstrap` if rejected here, or None.
        - reject_reason (`str`): the reason code, such as `missing_field`, or None if admitted.
        - detail (`str`): what the reason code leaves open, such as the text of a task that lacks a field.
        - finish_reason (`str`): why the completion ended.
        - input_tokens (`int`): tokens of the prompt.
        - output_tokens (`int`): tokens of the completion.
        - model_name (`str`): the model.
        - is_classification (`bool`): None: nobody has asked.
        - instances (`list[dict]`): `input`, `output` and `reject_reason` of the one instance; None if rejected.
        - reasoning (`str`): what the model thought before it answered, where it says so.

    Categories:
        - text-generation

    References:
        - [Stanford Alpaca](https://github.com/tatsu-lab/stanford_alpaca)

    Examples:
        Admit ten tasks of the embedded demo model:

        ```python
        from distilabel_selfinstruct import BootstrapTasks, DemoLLM

        bootstrap = BootstrapTasks(llm=DemoLLM(), num_instructions=10, seed_files=["seeds/seed_tasks.jsonl"])
        bootstrap.load()
        for rows, is_last in bootstrap.process():
            print([(row["instruction"], row["instances"]) for row in rows if row["reject_reason"] is None])
        ```

    Citations:
        ```
        @misc{alpaca,
            author={Rohan Taori and Ishaan Gulrajani and Tianyi Zhang and Yann Dubois and Xuechen Li and
                Carlos Guestrin and Percy Liang and Tatsunori B. Hashimoto},
            title={Stanford Alpaca: An Instruction-following LLaMA model},
            year={2023},
            publisher={GitHub},
            howpublished={https://github.com/tatsu-lab/stanford_alpaca}
        }
        ```
    """

    preset: str = "alpaca"
    wording: Literal["base", "chat"] = "chat"
    num_instructions: RuntimeParameter[int] = Field(default=100, gt=0, description="How many instructions to admit.")

    writes_pool = True

    @property
    def outputs(self) -> StepColumns:
        return [*candidate_row(), "is_classification", "instances", "reasoning"]

    def _loop(self) -> TaskLoop:
        wanted = self.num_instructions or 0
        return TaskLoop(
            self._seed_tasks,
            self._preset,
            wanted,
            self.seed or 0,
            self._lag(wanted),
            self.patience or 1,
            self.wording == "base",
            self.llm.model_name,
            PROMPTS.frame("alpaca", self.wording, self.own_templates, **self._known([])),
        )

    def format_prompt(self, drawn: list[SeedTask]) -> FormattedInput:
        """The prompt that shows these seed tasks, each with its first instance."""
        shots = [
            {
                "instruction": " ".join(task.instruction.split()).rstrip(":"),
                "input": task.instances[0].input,
                "output": task.instances[0].output,
            }
            for task in drawn
        ]
        return PROMPTS.render("alpaca", self.wording, **self._known(shots))

    def _known(self, shots: list[dict[str, str]]) -> dict[str, Any]:
        """What the template takes."""
        return {"shots": shots, "last": self._preset.tasks_in_list, "no_input": NO_INPUT}

    def _decoding(self) -> Decoding:
        return self._preset.tasks
