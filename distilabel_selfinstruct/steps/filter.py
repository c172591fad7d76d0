"""FilterInstances: one row an instance, with the reason for each that is not kept (paper, section 2.2, step 4)."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

from distilabel.mixins.runtime_parameters import RuntimeParameter
from distilabel.steps.base import Step, StepInput
from pydantic import Field, field_validator

from distilabel_selfinstruct.data.rows import Row, reject
from distilabel_selfinstruct.presets import get_preset
from distilabel_selfinstruct.text.reading.answers import Instance
from distilabel_selfinstruct.text.rules import check_instances

if TYPE_CHECKING:
    from distilabel.typing import StepColumns, StepOutput

STAGE = "instances"


class FilterInstances(Step):
    """Makes one row of each instance and marks those that break a rule.

    The rules: cut off by the completion's length, text that repeats itself, an output that refuses, greets or says the
    instruction again, empty output, input equal to output, a trailing colon, two outputs
    for one input (all instances of that instruction go), duplicates, and more than `max_instances` of the preset
    (which ones stay is drawn at random). Rejected rows stay in the stream with their `reject_reason`.

    Attributes:
        preset: name of the preset with the limits.
        seed: seed of the draw.

    Runtime parameters:
        - `seed`: seed of the draw.

    Input columns:
        - instruction_id (`str`): names the instruction.
        - instances (`list[dict]`): `input`, `output` and `reject_reason` of each instance.
        - reject_reason (`str`): rows that have one are passed on.

    Output columns:
        - instance_id (`str`): names the instance; None where the instruction has none.
        - input (`str`): its input, which may be empty.
        - output (`str`): its output.
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, or None.
        - detail (`str`): what the reason code leaves open.

    Categories:
        - filtering

    References:
        - [Self-Instruct: Aligning Language Models with Self-Generated Instructions](https://arxiv.org/abs/2212.10560)

    Examples:
        Reject an instance whose input is its output:

        ```python
        from distilabel_selfinstruct import FilterInstances

        filter_instances = FilterInstances()
        filter_instances.load()
        rows = next(
            filter_instances.process(
                [
                    {
                        "instruction_id": "000000-00",
                        "instances": [{"input": "abc", "output": "abc", "reject_reason": None}],
                        "reject_reason": None,
                    }
                ]
            )
        )
        ```
    """

    preset: str = "default"
    seed: RuntimeParameter[int] = Field(default=0, description="Seed of the draw.")

    @field_validator("preset")
    @classmethod
    def _preset_exists(cls, name: str) -> str:
        return get_preset(name).name

    @property
    def inputs(self) -> "StepColumns":
        return ["instruction_id", "instances", "reject_reason"]

    @property
    def outputs(self) -> "StepColumns":
        return ["instance_id", "input", "output", "stage", "reject_reason", "detail"]

    def process(self, inputs: StepInput) -> "StepOutput":
        """Makes one row of each instance; a row without instances stays one row.

        Yields:
            The rows, those of an instruction one after the other.
        """
        yield [each for row in inputs for each in self._explode(row)]

    def _explode(self, row: Row) -> Iterator[Row]:
        row = {"stage": None, "detail": None, **row, "instance_id": None, "input": None, "output": None}
        listed = row.pop("instances")
        if not listed:
            yield row
            return
        if row["reject_reason"] is not None:  # with its instruction an instance is rejected
            yield row | {"input": listed[0]["input"], "output": listed[0]["output"]}
            return
        for at, (each, reason) in enumerate(zip(listed, self._reasons(row, listed))):
            instance = {
                **row,
                "instance_id": f"{row['instruction_id']}-{at}",
                "input": each["input"],
                "output": each["output"],
            }
            if reason is not None:
                reject(instance, STAGE, reason)
            yield instance

    def _reasons(self, row: Row, listed: list[Row]) -> list[str | None]:
        whole = [at for at, each in enumerate(listed) if each["reject_reason"] is None]
        reasons: list[str | None] = [each["reject_reason"] for each in listed]
        instances = [Instance(listed[at]["input"], listed[at]["output"]) for at in whole]
        checked = check_instances(instances, self.preset, row.get("instruction") or "")
        for at, reason in zip(whole, checked):
            reasons[at] = reason
        kept = [at for at, reason in enumerate(reasons) if reason is None]
        most = get_preset(self.preset).max_instances
        if len(kept) > most:
            stays = random.Random(f"{self.seed}-{row['instruction_id']}").sample(kept, most)
            for at in kept:
                reasons[at] = None if at in stays else "over_limit"
        return reasons
