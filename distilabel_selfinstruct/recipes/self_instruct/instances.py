"""OutputFirstInstances and InputFirstInstances: inputs and outputs for instructions (paper, section 2.2, step 3)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from distilabel_selfinstruct.data.rows import Answer, Row, excerpt, reject
from distilabel_selfinstruct.data.seeds import SeedTask
from distilabel_selfinstruct.presets import Decoding
from distilabel_selfinstruct.recipes.self_instruct.prompting import PROMPTS
from distilabel_selfinstruct.steps.asking import AskingTask
from distilabel_selfinstruct.steps.filter import STAGE
from distilabel_selfinstruct.steps.prompting import template_name
from distilabel_selfinstruct.text.labels import echoes_instruction, is_no_label
from distilabel_selfinstruct.text.reading.answers import Instance, Listed, list_instances
from distilabel_selfinstruct.text.reading.fields import begins_with_field, names_other_task
from distilabel_selfinstruct.text.repetition import begins_to_repeat

if TYPE_CHECKING:
    from distilabel.typing import FormattedInput, StepColumns

_FIRST_LABEL = "Class label 1:"  # as output_first.base.jinja2 ends: a base model keeps to the form that has begun


class _InstancesTask(AskingTask):
    """What both have in common: one prompt an instruction, all its instances in one completion."""

    of_classification: ClassVar[bool]
    question: ClassVar[Literal["output_first", "input_first"]]

    @property
    def inputs(self) -> StepColumns:
        return ["instruction", "is_classification"]

    def _own_outputs(self) -> list[str]:
        return ["instances"]

    def _asks_about(self, row: Row) -> bool:
        return bool(row["is_classification"]) is self.of_classification

    @cached_property
    def _shots(self) -> list[SeedTask]:
        tasks = [task for task in self._seed_tasks if task.is_classification is self.of_classification]
        count = self._preset.output_first_shots if self.of_classification else self._preset.input_first_shots
        return self.shots(self.question, tasks, count)

    def format_input(self, input: Row) -> FormattedInput:
        """The question about one instruction."""
        known = {"shots": self._shots, "instruction": input["instruction"]}
        if self.of_classification:
            known["numbered"] = self._preset.tolerant  # the authors' reader knows labels without numbers only
        if self.wording != "base":
            known["max_instances"] = self._preset.max_instances
        return PROMPTS.render(self.question, self.wording, **known)

    @cached_property
    def _begin(self) -> str:
        """With what the prompt has begun the answer already; empty where it has not."""
        if not (self.of_classification and self.wording == "base" and self._preset.tolerant):
            return ""
        own = self.own_templates.get(template_name(self.question, self.wording), _FIRST_LABEL)
        return _FIRST_LABEL if _FIRST_LABEL in own.rpartition("instruction")[2] else ""

    def _begun(self, completion: str) -> str:
        """A completion with what stood of it in the prompt, which a model may say again."""
        return completion if not completion.strip() or begins_with_field(completion) else self._begin + completion

    def _take(self, row: Row, answer: Answer) -> None:
        if answer.completion is None:
            reject(row, STAGE, answer.failure or "no_completion", answer.detail)
            return
        if self._preset.tolerant and names_other_task(answer.completion, row["instruction"]):
            reject(row, STAGE, "other_task", excerpt(answer.completion))
            return
        listed = list_instances(
            self._begun(answer.completion), self.of_classification, answer.finish_reason, self._preset
        )
        kept = _without_loop if self._preset.tolerant else _all
        row["instances"] = kept(listed, answer.cut_reason)
        if self.of_classification and self._preset.tolerant:
            _check_labels(row["instruction"], row["instances"])
        if not row["instances"]:
            row["instances"] = None
            reject(row, STAGE, answer.cut_reason or "no_instances", excerpt(answer.completion))


def _all(listed: Listed, cut_reason: str | None) -> list[Row]:
    return [
        *(_listed(instance, None) for instance in listed.items),
        *(_listed(instance, cut_reason) for instance in listed.truncated),
    ]


def _without_loop(listed: Listed, cut_reason: str | None) -> list[Row]:
    """The instances; where the model goes on with those that it gave before, one row stands for all of these."""
    end = begins_to_repeat(listed.items)
    if end == len(listed.items):
        return _all(listed, cut_reason)
    return [*(_listed(each, None) for each in listed.items[:end]), _listed(listed.items[end], "repetition")]


def _check_labels(instruction: str, instances: list[Row]) -> None:
    echoes = echoes_instruction(instruction, [each["output"] for each in instances])
    for each in instances:
        if each["reject_reason"] is None and (echoes or is_no_label(each["output"])):
            each["reject_reason"] = "echoed_label" if echoes else "no_label"


def _listed(instance: Instance, reason: str | None) -> Row:
    return {"input": instance.input, "output": instance.output, "reject_reason": reason}


class OutputFirstInstances(_InstancesTask):
    """Writes the instances of classification instructions: each possible label first, then an input for it.

    The label comes first because a model that writes the input first tends to give all inputs the same label
    (section 2.2). Shows 4 classification seeds (`paper` and `alpaca`: 16), drawn from the seed files, the same for the
    whole run. Labels are numbered (not in `paper`), and the answer of a base model begins with the first of them, which
    keeps small models to the form. Rows that are no classification, or rejected, are passed on untouched.

    Attributes:
        preset: name of the preset with limits and decoding parameters.
        wording: `base` for a model that continues a text, `chat` for one that answers, `structured` with JSON.
        seed_files: seed files that the shots are drawn from.
        seed: seed of the draw.

    Runtime parameters:
        - `seed`: seed of the draw.

    Input columns:
        - instruction (`str`): the instruction.
        - is_classification (`bool`): whether it is a classification task.
        - reject_reason (`str`): rows that have one are passed on untouched. Optional.

    Output columns:
        - instances (`list[dict]`): `input`, `output` and `reject_reason` of each instance, before any rule.
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, such as `no_instances`, or None.
        - detail (`str`): what the reason code leaves open.
        - finish_reason (`str`): why the last completion ended.
        - input_tokens (`int`): tokens of its prompt.
        - output_tokens (`int`): its tokens.
        - reasoning (`str`): what the model thought before it answered, where it says so.
        - model_name (`str`): the model that wrote it.

    Categories:
        - text-generation

    References:
        - [Self-Instruct: Aligning Language Models with Self-Generated Instructions](https://arxiv.org/abs/2212.10560)

    Examples:
        Write inputs for the labels of a classification instruction:

        ```python
        from distilabel_selfinstruct import DemoLLM, OutputFirstInstances

        output_first = OutputFirstInstances(llm=DemoLLM(), seed_files=["seeds/seed_tasks.jsonl"])
        output_first.load()
        rows = next(
            output_first.process([{"instruction": "Is the given number even or odd?", "is_classification": True}])
        )
        ```

    Citations:
        ```
        @misc{wang2022selfinstruct,
            title={Self-Instruct: Aligning Language Models with Self-Generated Instructions},
            author={Yizhong Wang and Yeganeh Kordi and Swaroop Mishra and Alisa Liu and Noah A. Smith and
                Daniel Khashabi and Hannaneh Hajishirzi},
            year={2022},
            eprint={2212.10560},
            archivePrefix={arXiv},
            primaryClass={cs.CL}
        }
        ```
    """

    of_classification = True
    question = "output_first"

    def _decoding(self) -> Decoding:
        return self._preset.output_first


class InputFirstInstances(_InstancesTask):
    """Writes the instances of all other instructions: an input first, where one is needed, then its output.

    Shows 6 seeds that are no classification (`paper` and `alpaca`: 11), drawn from the seed files, the same for the
    whole run. Rows of classification instructions, or rejected ones, are passed on untouched; where nobody has asked,
    all are taken.

    Attributes:
        preset: name of the preset with limits and decoding parameters.
        wording: `base` for a model that continues a text, `chat` for one that answers, `structured` with JSON.
        seed_files: seed files that the shots are drawn from.
        seed: seed of the draw.

    Runtime parameters:
        - `seed`: seed of the draw.

    Input columns:
        - instruction (`str`): the instruction.
        - is_classification (`bool`): whether it is a classification task. Optional.
        - reject_reason (`str`): rows that have one are passed on untouched. Optional.

    Output columns:
        - is_classification (`bool`): as it came; None where nobody has asked.
        - instances (`list[dict]`): `input`, `output` and `reject_reason` of each instance, before any rule.
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, such as `no_instances`, or None.
        - detail (`str`): what the reason code leaves open.
        - finish_reason (`str`): why the last completion ended.
        - input_tokens (`int`): tokens of its prompt.
        - output_tokens (`int`): its tokens.
        - reasoning (`str`): what the model thought before it answered, where it says so.
        - model_name (`str`): the model that wrote it.

    Categories:
        - text-generation

    References:
        - [Self-Instruct: Aligning Language Models with Self-Generated Instructions](https://arxiv.org/abs/2212.10560)

    Examples:
        Write examples for an instruction:

        ```python
        from distilabel_selfinstruct import DemoLLM, InputFirstInstances

        input_first = InputFirstInstances(llm=DemoLLM(), seed_files=["seeds/seed_tasks.jsonl"])
        input_first.load()
        rows = next(
            input_first.process([{"instruction": "Reverse the letters of a word.", "is_classification": False}])
        )
        ```

    Citations:
        ```
        @misc{wang2022selfinstruct,
            title={Self-Instruct: Aligning Language Models with Self-Generated Instructions},
            author={Yizhong Wang and Yeganeh Kordi and Swaroop Mishra and Alisa Liu and Noah A. Smith and
                Daniel Khashabi and Hannaneh Hajishirzi},
            year={2022},
            eprint={2212.10560},
            archivePrefix={arXiv},
            primaryClass={cs.CL}
        }
        ```
    """

    of_classification = False
    question = "input_first"

    @property
    def inputs(self) -> StepColumns:
        return ["instruction"]

    def _own_outputs(self) -> list[str]:
        return ["is_classification", "instances"]

    def _decoding(self) -> Decoding:
        return self._preset.input_first
