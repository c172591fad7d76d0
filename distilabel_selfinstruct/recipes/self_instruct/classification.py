"""IdentifyClassification: which instructions are classification tasks (paper, section 2.2, step 2)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from distilabel_selfinstruct.data.rows import Answer, Row, answer_of, excerpt, reject
from distilabel_selfinstruct.data.seeds import SeedTask
from distilabel_selfinstruct.presets import Decoding
from distilabel_selfinstruct.recipes.self_instruct.prompting import PROMPTS
from distilabel_selfinstruct.steps.asking import AskingTask
from distilabel_selfinstruct.text.reading.answers import parse_classification, parse_classifications
from distilabel_selfinstruct.text.requests import asks_for_text

if TYPE_CHECKING:
    from distilabel.typing import FormattedInput, GenerateOutput, StepColumns

STAGE = "classification"
_AUTHORS_YES = ("Yes", "yes", "YES")  # identify_clf_or_not.py: any other answer is a no


class IdentifyClassification(AskingTask):
    """Asks of each instruction whether it is a classification task.

    Nobody is asked about one that certainly wants a text of the model's own ("Write a poem ..."), since small models
    call anything classification; with the preset `paper` all are asked about. Shows 6 classification seeds and 10
    others (`paper` and `alpaca`: 12 and 19), drawn from the seed files, the same for the whole run. An answer that is
    neither yes nor no rejects the row (`unclear_classification`), and so does one that was cut by its length
    (`truncated`), but for the base wording, where the first word counts; with the preset `paper` it counts as no.

    Attributes:
        preset: name of the preset with limits and decoding parameters.
        wording: `base` for a model that continues a text, `chat` for one that answers, `structured` with JSON.
        seed_files: seed files that the shots are drawn from.
        seed: seed of the draw.
        together: instructions that one request asks about, in `chat` wording; where its answer has not one verdict for
            each, they are asked about one by one.

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
    together: int = 1

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
        return self._ask(instruction=input["instruction"])

    def _ask(self, **about: Any) -> FormattedInput:
        return PROMPTS.render("classification", self.wording, shots=self._shots, **about)

    def _outputs_about(self, rows: list[Row]) -> list[GenerateOutput]:
        """What the model gives to the question about each row, of which one request may ask about several."""
        own = self.own_templates.get("classification.chat.jinja2", "instructions")
        if self.together == 1 or self.wording != "chat" or "instructions" not in own:
            return super()._outputs_about(rows)
        kwargs = self._decoding_kwargs()
        groups = [rows[at : at + self.together] for at in range(0, len(rows), self.together)]
        makes = [partial(self._ask, instructions=[row["instruction"] for row in group]) for group in groups]
        answered = self.llm.generate_outputs(inputs=[self.put(make, kwargs) for make in makes], **kwargs)
        found = {
            id(row): output
            for group, together in zip(groups, answered)
            for row, output in zip(group, _one_by_one(together, len(group)))
        }
        others = [row for row in rows if id(row) not in found]
        found |= zip(map(id, others), super()._outputs_about(others) if others else [])
        return [found[id(row)] for row in rows]

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


def _one_by_one(output: GenerateOutput, count: int) -> Iterator[GenerateOutput]:
    """The answer about several instructions as one about each, with a share of its tokens; none if one is missing."""
    answer = answer_of(output)
    verdicts = [] if answer.is_cut else parse_classifications(answer.completion or "", count)
    for at, verdict in enumerate(verdicts):
        shares = {name: [_share(sum(tokens), at, count)] for name, tokens in output["statistics"].items()}
        firsts = {name: values[:1] for name, values in output.items() if name != "statistics"}
        yield {**firsts, "generations": ["Yes" if verdict else "No"], "statistics": shares}  # type: ignore[typeddict-item]


def _share(whole: int, at: int, count: int) -> int:
    return whole * (at + 1) // count - whole * at // count
