"""IdentifyClassification: which instructions are classification tasks (paper, section 2.2, step 2)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from distilabel_selfinstruct.data.rows import Answer, Row, excerpt, reject
from distilabel_selfinstruct.data.seeds import SeedTask
from distilabel_selfinstruct.presets import Decoding
from distilabel_selfinstruct.recipes.self_instruct.prompting import PROMPTS
from distilabel_selfinstruct.steps.asking import AskingTask
from distilabel_selfinstruct.text.reading.answers import parse_classification
from distilabel_selfinstruct.text.requests import asks_for_text

if TYPE_CHECKING:
    from distilabel.typing import FormattedInput, StepColumns

STAGE = "classification"
_AUTHORS_YES = ("Yes", "yes", "YES")  # identify_clf_or_not.py: any other answer is a no


class IdentifyClassification(AskingTask):
    """Asks of each instruction whether it is a classification task.

    Nobody is asked about one that certainly wants a text of the model's own ("Write a poem ..."), since small models
    call anything classification; with the preset `paper` all are asked about. Shows 12 classification seeds and 19
    others, drawn from the seed files, the same for the whole run. An answer that is neither yes nor no rejects the row
    (`unclear_classification`), and so does one that was cut by its length (`truncated`), but for the base wording,
    where the first word counts; with the preset `paper` it counts as no.

    Attributes:
        preset: name of the preset with limits and decoding parameters.
        wording: `base` for a model that continues a text, `chat` for one that answers, `structured` with JSON.
        seed_files: seed files that the shots are drawn from.
        seed: seed of the draw.

    Runtime parameters:
        - `seed`: seed of the draw.

    Input columns:
        - instruction (`str`): the instruction.
        - reject_reason (`str`): rows that have one are passed on untouched. Optional.

    Output columns:
        - is_classification (`bool`): whether it is a classification task; None in a rejected row.
        - stage (`str`): the stage that rejected the row, or None.
        - reject_reason (`str`): the reason code, or None.
        - detail (`str`): what the reason code leaves open.
        - finish_reason (`str`): why the last completion ended.
        - input_tokens (`int`): tokens of its prompt.
        - output_tokens (`int`): its tokens.
        - reasoning (`str`): what the model thought before it answered, where it says so.
        - model_name (`str`): the model that wrote it.

    Categories:
        - text-classification

    References:
        - [Self-Instruct: Aligning Language Models with Self-Generated Instructions](https://arxiv.org/abs/2212.10560)

    Examples:
        Tell classification instructions from others:

        ```python
        from distilabel_selfinstruct import DemoLLM, IdentifyClassification

        identify = IdentifyClassification(llm=DemoLLM(), seed_files=["seeds/seed_tasks.jsonl"])
        identify.load()
        rows = next(identify.process([{"instruction": "Say whether 12 is even or odd."}]))
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

    language_sentence = None  # the answer is Yes or No

    @property
    def inputs(self) -> StepColumns:
        return ["instruction"]

    def _own_outputs(self) -> list[str]:
        return ["is_classification"]

    @cached_property
    def _shots(self) -> list[SeedTask]:
        yes, no = self._preset.classification_shots
        shots = self.shots(STAGE, [task for task in self._seed_tasks if task.is_classification], yes)
        shots += self.shots(STAGE, [task for task in self._seed_tasks if not task.is_classification], no)
        return self.shots(STAGE, shots, len(shots))

    def _decoding(self) -> Decoding:
        return self._preset.classification

    def _asks_about(self, row: Row) -> bool:
        if self._preset.tolerant and asks_for_text(row["instruction"]):
            row["is_classification"] = False
            return False
        return True

    def format_input(self, input: Row) -> FormattedInput:
        """The question about one instruction."""
        return PROMPTS.render("classification", self.wording, shots=self._shots, instruction=input["instruction"])

    def _take(self, row: Row, answer: Answer) -> None:
        if answer.completion is None:
            reject(row, STAGE, answer.failure or "no_completion", answer.detail)
        elif answer.is_cut and self.wording != "base":
            reject(row, STAGE, "truncated", excerpt(answer.completion))
        elif not self._preset.tolerant:
            row["is_classification"] = answer.completion.strip() in _AUTHORS_YES
        else:
            row["is_classification"] = parse_classification(answer.completion)
            if row["is_classification"] is None:
                reason = "truncated" if answer.is_cut else "unclear_classification"
                reject(row, STAGE, reason, excerpt(answer.completion))
