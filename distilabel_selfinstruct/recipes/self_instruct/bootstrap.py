"""BootstrapInstructions: the pool loop as a distilabel GeneratorTask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distilabel.mixins.runtime_parameters import RuntimeParameter
from pydantic import Field

from distilabel_selfinstruct.data.rows import candidate_row
from distilabel_selfinstruct.presets import Decoding
from distilabel_selfinstruct.recipes.self_instruct.prompting import PROMPTS
from distilabel_selfinstruct.steps.asking import Asking
from distilabel_selfinstruct.steps.loops.loop import Shot
from distilabel_selfinstruct.steps.loops.pool import PoolLoop
from distilabel_selfinstruct.steps.loops.task import LoopingGenerator

if TYPE_CHECKING:
    from distilabel.typing import FormattedInput, StepColumns


class BootstrapInstructions(LoopingGenerator, Asking):
    """Grows a pool of instructions from seed tasks: the bootstrapping loop of Self-Instruct.

    Each prompt shows 8 instructions of the pool (6 human-written, 2 machine-generated as soon as there are any) and
    asks for new ones; 8 prompts in a row begin with the same 6 (`paper` and `alpaca`: each draws its own). Candidates
    pass the rules in the authors' order, the last of them ROUGE-L against all seeds and all admitted instructions, and
    join the pool at once. Exactly `num_instructions` are admitted, and stream downstream while the loop goes on;
    rejected candidates go along, each with its `reject_reason`. With a `DurableLLM` requests run concurrently without a
    barrier; the result depends on the configuration and the answers alone, not on their order.

    Attributes:
        num_instructions: how many instructions to admit.
        preset: name of the preset with limits, lists and decoding parameters.
        wording: `base` for a model that continues a text, `chat` for one that answers, `structured` with JSON.
        seed_files: seed files: the start of the pool.
        seed: seed of all random draws.
        lag: prompts between an answer and the first prompt that may show what it brought; by default the preset's,
            or a few times the concurrency.
        patience: rounds (of `lag` prompts) without an admission after which the loop ends.
        pilot_rounds: rounds after which the loop ends, to see what it takes; by default none.
        classification_only: show classification seeds only, and ask for classification tasks.
        folder: where `pool.jsonl` and `bootstrap.json` (how the loop ended) are written, if given.
        batch_size: most rows sent downstream at once.

    Runtime parameters:
        - `num_instructions`: how many instructions to admit.
        - `seed`: seed of all random draws.
        - `patience`: rounds without an admission after which the loop ends.

    Output columns:
        - instruction_id (`str`): names the candidate: number of its prompt and place in the completion.
        - instruction (`str`): the instruction; None in the row of a completion that gave none.
        - round (`int`): the number of its prompt over `lag`.
        - shot_ids (`list[str]`): the pool items its prompt showed.
        - most_similar (`list[dict]`): `id` and ROUGE-L `score` of the most similar pool items, if the preset asks.
        - max_similarity (`float`): the highest score with a pool item, where it was computed.
        - mean_similarity (`float`): the mean score over the pool, if the preset asks.
        - neighbour_id (`str`): the pool item that a `similar` candidate is too similar to.
        - neighbour (`str`): its text.
        - stage (`str`): `bootstrap` if rejected here, or None.
        - reject_reason (`str`): the reason code, or None if admitted.
        - detail (`str`): what the reason code leaves open.
        - finish_reason (`str`): why the completion ended.
        - input_tokens (`int`): tokens of the prompt.
        - output_tokens (`int`): tokens of the completion.
        - model_name (`str`): the model.

    Categories:
        - text-generation

    References:
        - [Self-Instruct: Aligning Language Models with Self-Generated Instructions](https://arxiv.org/abs/2212.10560)

    Examples:
        Admit ten instructions of the embedded demo model:

        ```python
        from distilabel_selfinstruct import BootstrapInstructions, DemoLLM

        bootstrap = BootstrapInstructions(
            llm=DemoLLM(), num_instructions=10, seed_files=["seeds/seed_tasks.jsonl"]
        )
        bootstrap.load()
        for rows, is_last in bootstrap.process():
            print([row["instruction"] for row in rows if row["reject_reason"] is None])
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

    num_instructions: RuntimeParameter[int] = Field(default=100, gt=0, description="How many instructions to admit.")
    classification_only: bool = False

    writes_pool = True

    @property
    def outputs(self) -> StepColumns:
        return list(candidate_row())

    def _loop(self) -> PoolLoop:
        wanted = self.num_instructions or 0
        frame = PROMPTS.frame("bootstrap", self.wording, self.own_templates, **self._known([]))
        return PoolLoop(
            self._seed_tasks,
            self._preset,
            wanted,
            self.seed or 0,
            self._lag(wanted),
            self.patience or 1,
            self.classification_only,
            self.llm.model_name,
            frame,
            self.wording == "base",
        )

    def format_prompt(self, drawn: list[Shot]) -> FormattedInput:
        """The prompt that shows these pool items."""
        return PROMPTS.render("bootstrap", self.wording, **self._known(drawn))

    def _known(self, drawn: list[Shot]) -> dict[str, Any]:
        """What the template takes."""
        known = {"shots": [shot.text for shot in drawn], "classification_only": self.classification_only}
        return known if self.wording == "base" else known | {"new": self._preset.new_instructions}

    def _decoding(self) -> Decoding:
        return self._preset.bootstrap
