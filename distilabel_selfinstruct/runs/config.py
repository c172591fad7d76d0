"""What a run is told; a recipe adds its own options in a subclass."""

from __future__ import annotations

import dataclasses
import re
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from typing_extensions import Self

from distilabel_selfinstruct.data.checks import with_agreement, with_tags, with_turns
from distilabel_selfinstruct.data.columns import (
    AGREEMENT_COLUMN,
    JUDGE_COLUMNS,
    REASONING_COLUMN,
    TAG_COLUMNS,
    TURN_COLUMNS,
    TrainingFormat,
)
from distilabel_selfinstruct.data.files import local_path
from distilabel_selfinstruct.data.filters import FAILED, load_filters
from distilabel_selfinstruct.data.folder import RECORDED
from distilabel_selfinstruct.data.reasons import (
    JUDGEMENT_STAGE,
    with_clear_stages,
    with_filters_stage,
    with_semantic_stage,
)
from distilabel_selfinstruct.data.rubrics import Rubric, bounds_of, read_rubric
from distilabel_selfinstruct.data.shipped import PROJECT_SEEDS
from distilabel_selfinstruct.data.storable import storable
from distilabel_selfinstruct.errors import ConfigError, did_you_mean
from distilabel_selfinstruct.models.batches.protocol import check_command
from distilabel_selfinstruct.models.local.weights import SMALL_MODEL, STATIC_MODEL
from distilabel_selfinstruct.presets import (
    JUDGEMENTS,
    PILOT_ROUNDS,
    PRESETS,
    AgreeBy,
    JudgeWording,
    Wording,
    default_lag,
    get_preset,
)
from distilabel_selfinstruct.recipe import Recipe
from distilabel_selfinstruct.runs.inputs import Input, is_name
from distilabel_selfinstruct.runs.options import (
    BUDGET,
    EMBEDDINGS,
    EVERY_STAGE,
    HUB,
    JUDGE,
    MODEL,
    WHERE,
    AnyLLM,
    ByStage,
    ByStep,
    option,
    option_of,
    way_to_provider,
)
from distilabel_selfinstruct.runs.stages import ByStageOptions, StageOptions
from distilabel_selfinstruct.secrets import remember_named
from distilabel_selfinstruct.text.phrases import Phrase, read_phrases
from distilabel_selfinstruct.text.tags import read_conditions
from distilabel_selfinstruct.usage import Budget, PriceList, Prices, Usage, price_of


class Options(BaseModel):
    """What a command is told: each field is an option."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    def check(self) -> None:
        """Raises ConfigError for values that do not go together."""

    @classmethod
    def names(cls, *, fixed: bool | None = None, recorded: bool | None = None) -> set[str]:
        """The options of which this holds."""
        known = {name: option_of(field) for name, field in cls.model_fields.items()}
        return {
            name for name, each in known.items() if fixed in (None, each.fixed) and recorded in (None, each.recorded)
        }


class ModelConfig(Options):
    """What every command is told of a model that it asks."""

    llm: AnyLLM = option(
        "demo",
        "demo model (default), llama.cpp here, an endpoint like OpenAI's, any provider, or vLLM here",
        None,
        MODEL,
    )
    model: str | None = option(
        None,
        f"name of the model; of --llm local FILE.gguf or REPOSITORY:FILE of the Hub (default: {SMALL_MODEL})",
        "NAME",
        MODEL,
    )
    base_url: str | None = option(
        None, "address of the endpoint, such as http://127.0.0.1:8000/v1", "URL", MODEL, fixed=False
    )
    wording: Wording = option("chat", "how the model is asked", None, MODEL)
    concurrency: int = option(8, "most requests in flight (default: 8)", "N", MODEL, fixed=False, gt=0)
    tensor_parallel: int = option(
        1, "GPUs that each vLLM in this process spreads the model over (default: 1)", "N", MODEL, recorded=False, gt=0
    )
    context: int | None = option(
        None,
        "tokens that the model's context holds, prompt and answer (default: as the endpoint says; of --llm local 4096)",
        "N",
        MODEL,
        fixed=False,
        ge=512,
    )
    threads: int | None = option(
        None, "of the CPU for --llm local (default: llama.cpp's)", "N", MODEL, fixed=False, recorded=False, gt=0
    )
    timeout: float = option(600.0, "of one request (default: 600)", "SECONDS", MODEL, fixed=False, gt=0)
    outage: float = option(
        600.0, "how long the endpoint may be away (default: 600)", "SECONDS", MODEL, fixed=False, ge=0
    )
    seed: int = option(0, "seed of all random draws (default: 0)", "N")

    def check(self) -> None:
        """Raises ConfigError for values that do not go together."""
        if self.llm in NAMED and not self.model:
            raise ConfigError(f"--llm {self.llm} needs --model, the name of the model.")

    stage_of_model: ClassVar[str] = ""
    """The stage whose model `check_model` is about; any by default."""

    def check_model(self, llm: Any) -> None:
        """Raises ConfigError if the recipe cannot be carried out with this model."""


class RubricConfig(ModelConfig):
    """What is told of a model as judge, besides the model."""

    judge_rubric: str | None = option(
        None,
        "your own criteria and scale for the judge: YAML or JSON with `criteria` and `scale`",
        "FILE",
        JUDGE,
        fixed=False,
    )

    @field_validator("judge_rubric")
    @classmethod
    def _rubric_of_this_machine(cls, given: str | None) -> str | None:
        return given if given is None else local_path(given)

    @cached_property
    def rubric(self) -> Rubric | None:
        """The criteria and the scale of the judge; None for those of the package.

        Raises:
            ConfigError: if the file cannot be used.
        """
        return None if self.judge_rubric is None else read_rubric(self.judge_rubric)

    @property
    def rubric_text(self) -> str | None:
        """The same, as steps and records have it."""
        return None if self.rubric is None else self.rubric.text


class JudgingConfig(RubricConfig):
    """What is told of a model, and of how often a judge is asked."""

    judgements: int = option(
        JUDGEMENTS, f"judgements an instance, of which the mean counts (default: {JUDGEMENTS})", "N", JUDGE, gt=0
    )


class SpendingConfig(ModelConfig):
    """What is told of a model, and of how much it may spend."""

    max_tokens_total: int | None = option(None, "stop after so many tokens, in and out", "N", BUDGET, fixed=False, gt=0)
    max_cost: float | None = option(None, "stop after so much money", "MONEY", BUDGET, fixed=False, gt=0)
    input_price: float | None = option(
        None,
        "price of a million tokens in (default: as published, where it is known)",
        "MONEY",
        BUDGET,
        fixed=False,
        ge=0,
    )
    cached_price: float | None = option(
        None,
        "price of a million tokens in that the endpoint had in its cache (default: as any other)",
        "MONEY",
        BUDGET,
        fixed=False,
        ge=0,
    )
    output_price: float | None = option(
        None,
        "price of a million tokens out (default: as published, where it is known)",
        "MONEY",
        BUDGET,
        fixed=False,
        ge=0,
    )

    @property
    def is_on_budget(self) -> bool:
        """Whether there is a limit to what it may spend."""
        return self.max_tokens_total is not None or self.max_cost is not None

    @property
    def kinds_of_model(self) -> list[str]:
        """The kinds of model that are named, `custom` for a class; each once."""
        return [self.llm if isinstance(self.llm, str) else "custom"]

    def check(self) -> None:
        """Raises ConfigError for values that do not go together."""
        super().check()
        self._check_max_cost()
        if self.tensor_parallel > 1 and "vllm" not in self.kinds_of_model:
            raise ConfigError("--tensor-parallel is for vLLM in this process: add --llm vllm, or leave it out.")

    def prices(self) -> PriceList:
        """What the model costs, a user's own prices first."""
        own = self._prices_given()
        price = Prices.given(*(own.get(name) for name in ("input_price", "output_price", "cached_price")))
        if price is None and isinstance(self.llm, str):
            price = price_of(self.llm, self.model, self.base_url)
        return PriceList({"": {"": price}})

    def budget(self, used: Usage, prices: PriceList) -> Budget:
        """What is left to spend after what was used, at these prices."""
        return Budget(
            max_tokens=self.max_tokens_total,
            max_cost=self.max_cost,
            prices=prices,
            spent_requests=used.requests,
            spent_input=used.input_tokens,
            spent_output=used.output_tokens,
            spent_cost=used.cost,
        )

    def _prices_given(self) -> dict[str, float]:
        """What a million tokens cost, as far as it was said; an input price of 0 alone says nothing."""
        prices = {name: getattr(self, name) for name in ("input_price", "cached_price", "output_price")}
        return {name: price for name, price in prices.items() if price is not None} if any(prices.values()) else {}

    def _check_max_cost(self) -> None:
        if self.max_cost is None or self._prices_given() or not isinstance(self.llm, str):
            return
        price = price_of(self.llm, self.model, self.base_url)
        if price is None or price.is_free:
            why = "" if price else f": nobody has published what {self.model} costs"
            raise ConfigError(f"--max-cost needs --input-price and --output-price, money per million tokens{why}.")


class JudgeConfig(JudgingConfig):
    """What the command `judge` is told: it takes no model for granted."""

    llm: AnyLLM = option(
        ..., "embedded demo model, llama.cpp on this machine, an OpenAI-compatible endpoint, or vLLM here", None, MODEL
    )
    wording: JudgeWording = option("chat", "how the model is asked", None, MODEL)


class RunConfig(SpendingConfig, JudgingConfig):
    """What every run is told; a recipe adds its own options in a subclass.

    What the result depends on is fixed by the first run in a folder.
    """

    temperature: float | None = option(None, "of prompts for new instructions", "T", MODEL, ge=0)
    language: str | None = option(None, "what the model writes in, such as German (default: as the prompts do)", "NAME")
    prompts: str | None = option(
        None,
        "your own templates, by the names of the recipe's (recipes/NAME/prompts, steps/prompts)",
        "FOLDER",
        fixed=False,
    )
    preview: int | None = option(
        None,
        "show the first prompt of each stage and N rows (default: 2), and write no dataset",
        "N",
        "",
        recorded=False,
        const=2,
        gt=0,
    )
    requests_per_minute: int | None = option(
        None,
        "most requests in a minute, of all stages together (default: as the endpoint takes them)",
        "N",
        MODEL,
        fixed=False,
        gt=0,
    )
    tokens_per_minute: int | None = option(
        None, "most tokens in a minute, in and out, of all stages together", "N", MODEL, fixed=False, gt=0
    )
    max_tokens: ByStage = option(
        {},
        "most tokens of an answer, thoughts included, of all stages or of single ones (default: by the question)",
        "N|STAGE=N,...",
        MODEL,
    )
    stage: ByStageOptions = option(
        {},
        "of a stage, or of all: llm, model (A=0.7,B=0.3: several), base-url, top-p, max-tokens, stop, ...",
        "STAGE.NAME=VALUE",
        MODEL,
    )
    system_prompt: str | None = option(None, "stands before every chat, but those of judge and tags", "TEXT", MODEL)
    allow_model_change: bool = option(
        False,
        "go on in the folder with other models: what was answered stays, each row says its model",
        None,
        MODEL,
        recorded=False,
    )
    batch: Literal["stages", "all"] | None = option(
        None,
        "ask in batches, at half the price, within a day: each stage but loops (default), or all, round by round",
        None,
        MODEL,
        fixed=False,
        const="stages",
    )
    batch_command: str | None = option(
        None,
        "that makes the results of a batch of --llm vllm, with {input}, {output} and {model} (default: you do)",
        "COMMAND",
        MODEL,
        fixed=False,
        recorded=False,
    )
    stage_by_stage: bool | None = option(
        None,
        "one stage holds the model at a time (default: only for models in this process)",
        None,
        MODEL,
        fixed=False,
    )
    training_format: TrainingFormat = option("messages", "of the config sft (default: messages)")
    keep_reasoning: bool = option(
        False, "keep what the model thinks: column `reasoning` of instances, `thinking` of messages in sft"
    )
    hold_out: float | None = option(
        None,
        "share of the instructions that is set apart for evaluation (config held_out) and not trained on",
        "SHARE",
        gt=0,
        lt=1,
    )
    phrases: str | None = option(
        None,
        "a file with phrases of refusals, chatter and greetings in your language, beside those that are known",
        "FILE",
        fixed=False,
    )
    keep_clear_of: list[str] = option(
        [],
        "reject what these evaluation sets have already: files, or datasets NAMESPACE/NAME[:CONFIG[:SPLIT]] of the Hub",
        "FILE|NAME",
        fixed=False,
    )
    keep_clear_of_project: bool | None = option(
        None, "reject what runs beside this one have set apart, and what evaluations ask (default: yes)", fixed=False
    )
    semantic_threshold: float | None = option(
        None,
        "reject instructions whose embedding has a greater cosine with an earlier one's, such as 0.9",
        "COSINE",
        gt=0,
        lt=1,
    )
    embedder: Literal["static", "openai", "local"] = option(
        "static", "embeddings: static (model2vec; default), an endpoint's like OpenAI's, or llama.cpp's here"
    )
    embedder_model: str | None = option(
        None, f"name of the embeddings, a folder or a GGUF file (default: {STATIC_MODEL})", "NAME"
    )
    embedder_base_url: str | None = option(
        None, "endpoint with the embeddings (default: --base-url)", "URL", fixed=False
    )
    filter: list[str] = option(
        [],
        "reject instances that a function does not keep: module:function, file.py:function, or a ready one",
        "NAME",
    )
    answers: int = option(
        1,
        "answers to each instance, kept where most agree; one that does not makes a preference pair (default: 1)",
        "K",
        gt=0,
    )
    agree_by: AgreeBy = option(
        "rouge_l", "what says that open answers agree: ROUGE-L (default), or the model as judge; labels must be equal"
    )
    tags: bool = option(False, "have a model tag each instance: difficulty, category, quality (in one question)")
    keep_tags: list[str] = option(
        [], "keep instances with such tags: 'quality>=4', 'difficulty<5', category=coding,maths; tags them", "CONDITION"
    )
    judge_threshold: float | None = option(
        None,
        "reject instances that a judge gives less than so many of 5 points (default: no judge)",
        "POINTS",
        JUDGE,
        ge=0,
    )
    judge_model: str | None = option(None, "name of the judge (default: --model)", "NAME", JUDGE)
    judge_base_url: str | None = option(
        None, "OpenAI-compatible endpoint of the judge (default: --base-url)", "URL", JUDGE, fixed=False
    )
    judge_agreement: str | None = option(
        None, "reviewed run that this judge was compared on, with the command `judge`", "RUN", JUDGE, fixed=False
    )
    ray: str | None = option(
        None,
        "run on a Ray cluster: HOST:PORT of its head, or auto (default: a new one on this machine)",
        "ADDRESS",
        WHERE,
        recorded=False,
        const="local",
    )
    replicas: ByStep = option(
        {},
        "workers of single steps (default: 1 each; with --ray one for each 512 of --concurrency)",
        "STEP=N,...",
        WHERE,
        recorded=False,
    )
    gpus: ByStep = option(
        {},
        "GPUs that Ray gives to each worker of single steps (default: what vLLM needs)",
        "STEP=N,...",
        WHERE,
        recorded=False,
    )
    push_to_hub: str | None = option(
        None, "publish the dataset with its card at the end", "NAMESPACE/NAME", HUB, recorded=False
    )
    push_every: int | None = option(
        None,
        "publish what is there while the run goes on, each time N more rows are finished",
        "N",
        HUB,
        recorded=False,
        gt=0,
    )
    private: bool = option(False, "in a private repository", None, HUB, recorded=False)
    license: str | None = option(
        None, "of the dataset, such as apache-2.0 (default: unknown)", "ID", HUB, recorded=False
    )
    argilla_url: str | None = option(
        None, "send 200 instances to be reviewed (key: ARGILLA_API_KEY)", "URL", "", recorded=False
    )
    out: str | None = option(None, "run folder (default: runs/ and the recipe's name)", "FOLDER", "", recorded=False)
    show_config: bool = option(
        False,
        "show all options as they will be, and what each stage is asked with; nothing is run",
        None,
        "",
        recorded=False,
    )
    verbose: bool = option(False, "show the log on screen", None, "", recorded=False)
    quiet: bool = option(False, "show errors, and at the end where the summary is", None, "", recorded=False)

    @field_validator("out", "prompts")
    @classmethod
    def _folder_of_this_machine(cls, given: str | None) -> str | None:
        return given if given is None else local_path(given)

    @field_validator("language")
    @classmethod
    def _name_of_language(cls, given: str | None) -> str | None:
        if given is not None and not _LANGUAGE.fullmatch(given):
            raise ValueError("expected the name of a language, such as German")
        return given

    @field_validator("batch_command")
    @classmethod
    def _usable_command(cls, given: str | None) -> str | None:
        check_command(given)
        return given

    @field_validator("phrases")
    @classmethod
    def _phrases_of_this_machine(cls, given: str | None) -> str | None:
        return given if given is None else local_path(given)

    def phrases_read(self) -> list[Phrase]:
        """The phrases that the user adds.

        Raises:
            ConfigError: if the file cannot be read, or a line of it is no phrase.
        """
        if self.phrases is None:
            return []
        try:
            return read_phrases(Path(self.phrases).read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"--phrases: {self.phrases}: cannot be read ({error.strerror}).") from None
        except ValueError as error:  # also of what is no UTF-8
            raise ConfigError(f"--phrases: {self.phrases}: {error}.") from None

    @field_validator("keep_clear_of", "filter", "keep_tags", mode="before")
    @classmethod
    def _one_of_a_list(cls, given: Any) -> Any:
        return [given] if isinstance(given, str) else given

    @field_validator("keep_clear_of")
    @classmethod
    def _sets_of_this_machine(cls, given: list[str]) -> list[str]:
        return list(map(local_path, given))

    @field_validator("embedder_model")
    @classmethod
    def _embeddings_of_this_machine(cls, given: str | None) -> str | None:
        return local_path(given) if given and Path(given).expanduser().exists() else given

    def evaluation_texts(self) -> list[str]:
        """The texts that the rows are kept clear of.

        Raises:
            ConfigError: if an evaluation set cannot be read.
        """
        from distilabel_selfinstruct.data.evaluation_sets import read_evaluation_texts

        return read_evaluation_texts(self.keep_clear_of) if self.keep_clear_of else []

    @property
    def wanted(self) -> int | None:
        """How many instructions are asked for; None where that depends on what comes in."""
        return None

    @property
    def judges(self) -> bool:
        """Whether a judge scores the instances."""
        return self.judge_threshold is not None

    @property
    def judge_wording(self) -> JudgeWording:
        """How the judge is asked."""
        return "structured" if self.wording == "structured" else "chat"

    @property
    def judge_columns(self) -> list[str]:
        """The columns that a judge adds to the instances."""
        return list(JUDGE_COLUMNS) if self.judges else []

    @property
    def asks_again(self) -> bool:
        """Whether an instance is answered several times."""
        return self.answers > 1

    @property
    def is_tagged(self) -> bool:
        """Whether a model tags the instances."""
        return self.tags or bool(self.keep_tags)

    @property
    def most_turns(self) -> int:
        """Of a conversation."""
        return 1

    @property
    def template_of_turns(self) -> str | None:
        """How a user's turn begins, where the model goes on as the user; None where it is asked."""
        return None

    @property
    def requests_each(self) -> int:
        """How often a model is asked about an instance that is there."""
        judged = self.judgements if self.judges else 0
        asked_again = self.answers - 1 + (self.asks_again and self.agree_by == "judge")
        return judged + asked_again + self.is_tagged + 2 * (self.most_turns - 1)

    @property
    def instance_columns(self) -> list[str]:
        """The columns of instances that depend on options: a judge's, and the model's thoughts."""
        return [
            *([AGREEMENT_COLUMN] if self.asks_again else []),
            *(TURN_COLUMNS if self.most_turns > 1 else ()),
            *(TAG_COLUMNS if self.is_tagged else ()),
            *self.judge_columns,
            *([REASONING_COLUMN] if self.keep_reasoning else []),
        ]

    def check(self) -> None:
        """Raises ConfigError for values that do not go together."""
        self._check_judge()
        self._check_embedder()
        if self.push_every and not self.push_to_hub:
            raise ConfigError("--push-every needs --push-to-hub NAMESPACE/NAME, which says where to.")
        super().check()
        load_filters(self.filter)
        read_conditions(self.keep_tags)
        self._check_stages()
        if self.agree_by != "rouge_l" and not self.asks_again:
            raise ConfigError("--agree-by: there is one answer to each instance; add --answers K.")
        if self.wording == "base" and (self.asks_again or self.is_tagged):
            name = "--answers" if self.asks_again else "--tags"
            raise ConfigError(f"{name}: asks by messages, and a base model continues texts; leave --base out.")
        if self.wording == "base" and "litellm" in self.kinds_of_model:
            raise ConfigError("--llm litellm --base: providers answer messages; leave --base out.")
        if self.kinds_of_model == ["demo"] and (self.language or self.prompts):
            name = "--language" if self.language else "--prompts"
            raise ConfigError(f"{name}: the demo model answers its own questions alone, in English; add another --llm.")
        self._check_batches()
        if self.quiet and self.verbose:
            raise ConfigError("--quiet shows errors alone, and --verbose the log: leave one of them out.")
        if self.preview and self.ray is not None:
            raise ConfigError("--preview is made on this machine: leave --ray out.")
        if "local" in self.kinds_of_model and self.ray is not None:
            raise ConfigError("--llm local is on this machine alone; on a cluster use --llm openai and a server.")
        if self.ray is None and (self.gpus or (self.replicas and "vllm" in self.kinds_of_model)):
            raise ConfigError("GPUs are given to single workers by Ray: add --ray, on one machine too.")

    def options_of(self, *names: str) -> StageOptions:
        """What a stage is told, by the names that it goes by, the widest first."""
        options = StageOptions.model_construct(
            None, llm=self.llm, model=self.model, base_url=self.base_url, **self._prices_given()
        )
        for name in names:
            options = options.with_more(self._shortly_said(name)).with_more(self.stage.get(name, StageOptions()))
        return options

    def _shortly_said(self, name: str) -> StageOptions:
        """What options of their own say of a stage."""
        said: dict[str, Any] = {"max_tokens": self.max_tokens.get(name)}
        if name == EVERY_STAGE:
            said["system_prompt"] = self.system_prompt
        if name == JUDGEMENT_STAGE.name and self.judges:
            said |= {"model": self.judge_model, "base_url": self.judge_base_url}
            said["llm"] = "openai" if self.judge_base_url and self.llm != "litellm" else None
        if name == EMBEDDINGS and self.embedder != "static":
            said |= {"llm": self.embedder, "model": self.embedder_model, "base_url": self.embedder_base_url}
        return StageOptions.model_construct(**{each: value for each, value in said.items() if value is not None})

    def with_model_of(self, options: StageOptions, model: str | None) -> Self:
        """The config as if all of the run were asked of this model of a stage."""
        return self.model_copy(update={"llm": options.llm, "model": model, "base_url": options.base_url})

    @property
    def kinds_of_model(self) -> list[str]:
        """The kinds of model that are named, `custom` for a class; each once."""
        kinds = [self.llm, *(options.llm for options in self.stage.values())]
        return list(dict.fromkeys(kind if isinstance(kind, str) else "custom" for kind in kinds if kind is not None))

    def _check_stages(self) -> None:
        for name, said in self.stage.items():
            options = self.options_of(*dict.fromkeys([EVERY_STAGE, name]))
            if options.llm in NAMED and not options.model:
                raise ConfigError(f"--stage {name}.llm={options.llm} needs --stage {name}.model=NAME.")
            if said.model and said.llm is None and options.llm == "demo":
                raise ConfigError(f"--stage {name}.model: the demo model has no name; add --stage {name}.llm=openai.")
        if self.wording == "base" and (self.system_prompt or any(each.system_prompt for each in self.stage.values())):
            raise ConfigError("--system-prompt: a base model continues a text, and has no chat to put it in.")

    @property
    def batches(self) -> bool:
        """Whether anything is asked in batches."""
        return self.batch is not None or any(options.batch for options in self.stage.values())

    def _check_batches(self) -> None:
        if self.batch_command and not (self.batches and "vllm" in self.kinds_of_model):
            raise ConfigError("--batch-command is for --llm vllm --batch: add them, or leave it out.")
        if self.batches and self.preview:
            raise ConfigError("--preview shows at once what a batch takes hours for: leave --batch out.")
        if self.batches and self.stage_by_stage is False:
            raise ConfigError("--batch: a batch has all rows of a stage; leave --no-stage-by-stage out.")

    def _check_max_cost(self) -> None:
        if not self.stage:  # else there are more models, of whose prices the run knows
            super()._check_max_cost()

    def _check_judge(self) -> None:
        given = [
            name for name in ("judge_model", "judge_base_url", "judge_agreement", "judge_rubric") if getattr(self, name)
        ]
        if given and not self.judges:
            raise ConfigError(f"--{given[0].replace('_', '-')}: nothing is judged without --judge-threshold.")
        if (self.judge_threshold or 0) > (most := bounds_of(self.rubric)[1]):
            raise ConfigError(f"--judge-threshold: a judge gives at most {most} points, got {self.judge_threshold:g}.")
        if self.judges and self.wording == "base" and not self.judge_model:
            raise ConfigError("A judge answers messages, and a base model continues texts: give --judge-model.")
        if self.judge_model and self.llm not in NAMED and not self.judge_base_url:
            raise ConfigError("--judge-model needs --judge-base-url, the endpoint that offers the judge.")
        if self.judge_base_url and not (self.judge_model or self.model):
            raise ConfigError("--judge-base-url needs --judge-model, the name of the judge.")

    def _check_embedder(self) -> None:
        given = [name for name in ("embedder_model", "embedder_base_url") if getattr(self, name)]
        given += ["embedder"] if self.embedder != "static" else []
        if given and self.semantic_threshold is None:
            raise ConfigError(f"--{given[0].replace('_', '-')}: nothing is compared without --semantic-threshold.")
        if self.embedder != "static" and not self.embedder_model:
            raise ConfigError(f"--embedder {self.embedder} needs --embedder-model, the name of the embeddings.")
        if self.embedder != "openai" and self.embedder_base_url:
            raise ConfigError("--embedder-base-url is for an endpoint: add --embedder openai.")
        if self.embedder == "local" and self.ray is not None:
            raise ConfigError("--embedder local is on this machine alone; on a cluster use --embedder openai.")

    def inputs(self) -> dict[str, Input]:
        """What is read from files and datasets: what the result depends on besides.

        Raises:
            SelfInstructError: if one of them cannot be used.
        """
        return {}

    def resolved(self, before: dict[str, Any] | None) -> Self:
        """The config with values that depend on others, or on the run that the folder holds already."""
        return self

    def carried_out(self, recipe: Recipe, is_kept_clear: bool = False) -> Recipe:
        """The recipe as these options have it carried out, which is what the run folder records.

        Args:
            recipe: as it is declared.
            is_kept_clear: whether there are evaluation sets besides those of the options.
        """
        if self.keep_clear_of or is_kept_clear:
            recipe = with_clear_stages(recipe)
        if self.semantic_threshold is not None:
            recipe = with_semantic_stage(recipe)
        if self.asks_again:
            recipe = with_agreement(recipe)
        if self.most_turns > 1:
            recipe = with_turns(recipe)
        if self.filter:
            reasons = (*(each.reason for each in load_filters(self.filter)), FAILED)
            recipe = with_filters_stage(recipe, reasons)
        return with_tags(recipe) if self.is_tagged else recipe

    def of_size(self, rows: int) -> Self:
        """The config of a small run that makes about so many rows, to be looked at."""
        given = {name: getattr(self, name) for name in _SIZES if name in type(self).model_fields}
        return self.model_copy(update={name: min(rows, size or rows) for name, size in given.items()})


class LoopConfig(RunConfig):
    """What a run is told that asks until it has enough."""

    shows_pool: ClassVar[bool] = True
    """Whether a prompt can show what was admitted before it."""

    preset: str = option("default", f"{', '.join(PRESETS)} (default: default)", "NAME")
    lag: int | None = option(
        None,
        "prompts between an answer and the first one that may show its instructions (default: from concurrency)",
        "N",
        gt=0,
    )
    patience: int = option(5, "rounds without an admission before it stops (default: 5)", "N", fixed=False, gt=0)
    pilot_rounds: int | None = option(
        None,
        "stop after K rounds (default: 3) and say what the whole run will take",
        "K",
        fixed=False,
        const=PILOT_ROUNDS,
        gt=0,
    )

    def check(self) -> None:
        """Raises ConfigError for values that do not go together."""
        super().check()
        get_preset(self.preset)

    def resolved(self, before: dict[str, Any] | None) -> Self:
        """With a lag."""
        if self.lag is not None:
            return self
        if before is not None:
            return self.model_copy(update={"lag": before["lag"]})
        lag = get_preset(self.preset).lag or default_lag(self.concurrency, self.wanted or 0, self.shows_pool)
        return self.model_copy(update={"lag": lag})


class TurnsConfig(RunConfig):
    """What a run is told that can go on with its instances as conversations."""

    turns: int = option(
        1,
        "turns of a conversation, in which the model plays the user too (default: 1, a question and its answer)",
        "N",
        gt=0,
    )

    @property
    def most_turns(self) -> int:
        """Of a conversation."""
        return self.turns


class SeedConfig(LoopConfig):
    """What a run with a pool that grows from seed tasks is told."""

    num_instructions: int = option(100, "instructions to admit (default: 100)", "N", fixed=False, gt=0)
    seeds: list[str] = option([str(PROJECT_SEEDS)], "seed files (default: the project's own)", "FILE", fixed=False)

    @field_validator("seeds", mode="before")
    @classmethod
    def _one_seed_file(cls, given: Any) -> Any:
        return [given] if isinstance(given, str) else given

    @field_validator("seeds")
    @classmethod
    def _files_of_this_machine(cls, given: list[str]) -> list[str]:
        return list(map(local_path, given))

    @property
    def wanted(self) -> int | None:
        """How many instructions are asked for."""
        return self.num_instructions

    @property
    def asking(self) -> dict[str, Any]:
        """What all Tasks of the method are told."""
        return {"preset": self.preset, "wording": self.wording, "seed_files": self.seeds, "seed": self.seed}

    def inputs(self) -> dict[str, Input]:
        """The seed tasks."""
        from distilabel_selfinstruct.data.seeds import load_seed_tasks

        return {"seed_tasks": Input([dataclasses.asdict(task) for task in load_seed_tasks(*self.seeds)])}


class SourceConfig(RunConfig):
    """What a run is told that goes on with instructions which are there already."""

    source: str = option(
        str(PROJECT_SEEDS),
        "instructions: a run, a file (.jsonl, .json, .csv, .tsv, .parquet, .arrow, .xlsx, or .txt with one a line), a"
        " folder of them, a saved dataset, or a dataset of the Hub (default: the project's seed tasks)",
        "RUN|FILE|NAMESPACE/NAME",
        fixed=False,
    )
    instruction_column: str | None = option(
        None,
        "column with the instructions, texts or messages (default: messages, conversations, instruction,"
        " prompt, question, query or problem)",
        "NAME",
        fixed=False,
    )
    subset: str | None = option(None, "config of the dataset (default: of a run its instances)", "NAME", fixed=False)
    split: str = option("train", "of the dataset (default: train)", "NAME", fixed=False)
    max_instructions: int | None = option(None, "most rows that are read", "N", fixed=False, gt=0)

    @field_validator("source")
    @classmethod
    def _source_of_this_machine(cls, given: str) -> str:
        return local_path(given)

    def inputs(self) -> dict[str, Input]:
        """The instructions."""
        return {"originals": Input(self.originals, may_grow=True, notes=self._read[1])}

    @property
    def originals(self) -> list[str]:
        """The instructions that the run goes on with."""
        return self._read[0]

    @cached_property
    def _read(self) -> tuple[list[str], list[str]]:
        """The instructions, and what a user should know of what was not read."""
        from distilabel_selfinstruct.data.instructions import read_instructions

        notes: list[str] = []
        read = read_instructions(
            self.source, self.subset, self.split, self.max_instructions, self.instruction_column, notes
        )
        return read.texts, notes


NAMED = ("openai", "litellm", "vllm")
"""The kinds of model that must be named."""
_KINDS_OF_LLM = "expected demo, local, openai, litellm, vllm, or a `class` with its `arguments`"
_SIZES = ("num_instructions", "max_instructions", "max_documents")
_LANGUAGE = re.compile(r"[^\W\d_]{3}[\w ()'-]{0,40}")
_QUOTED = re.compile(r"'([^']*)'")
C = TypeVar("C", bound=RunConfig)
M = TypeVar("M", bound=Options)


def read_config(given: dict[str, Any], of_file: dict[str, Any] | None, file: str, kind: type[M]) -> M:
    """The config of these options; where there is none of a name, of the values of a config file.

    Raises:
        ConfigError: names the first value that cannot be used.
    """
    try:
        config = kind(**_storable((of_file or {}) | given))
    except ValidationError as error:
        raise ConfigError(_explained(error, given, file, kind)) from None
    remember_named(config)
    config.check()
    return config


def _storable(values: dict[str, Any]) -> dict[str, Any]:
    """What goes into prompts and files, as these can hold it; but for the folder, which another name would change."""
    return {name: value if name == "out" else storable(value) for name, value in values.items()}


def _explained(error: ValidationError, given: dict[str, Any], file: str, kind: type[Options]) -> str:
    """The first thing that is wrong, by the name that the user gave it."""
    errors = error.errors()
    first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
    name = str(first["loc"][0])
    if name == "stage" and len(first["loc"]) > 1:
        return _explained_stage(first, "--stage" if name in given else f"{file}: stage")
    is_option = name in given or first["type"] == "missing"
    where = f"--{name.replace('_', '-')}" if is_option else f"{file}: {name}"
    if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
        known = kind.model_fields
        return f"{file}: there is no option {name!r}{did_you_mean(name, known)}; there are: {', '.join(known)}."
    if name == "llm" and (way := way_to_provider(first["input"])):
        return f"{where}: {way}."
    if name == "llm":
        return f"{where}: {_KINDS_OF_LLM}."
    meant = did_you_mean(str(first["input"]), _QUOTED.findall(first["msg"])) if first["type"] == "literal_error" else ""
    return f"{where}: {first['msg'].removeprefix('Value error, ')}, got {first['input']!r}{meant}."


def _explained_stage(error: Any, where: str) -> str:
    """What is wrong with the options of a stage."""
    _, stage, *names = map(str, error["loc"])
    known = list(StageOptions.model_fields)
    if not names:
        return f"{where} {stage}: expected options as `name: value`, got {error['input']!r}."
    if error["type"] == "extra_forbidden" and len(names) == 1:
        there = ", ".join(known)
        return f"{where} {stage}: there is no option {names[0]!r}{did_you_mean(names[0], known)}; there are: {there}."
    if names[0] == "llm" and (way := way_to_provider(error["input"])):
        return f"{where} {stage}.llm: {way.replace('--llm litellm --model ', f'{stage}.llm=litellm {stage}.model=')}."
    if names[0] == "llm":
        return f"{where} {stage}.llm: {_KINDS_OF_LLM}, got {error['input']!r}."
    return f"{where} {stage}.{names[0]}: {error['msg'].removeprefix('Value error, ')}, got {error['input']!r}."


def read_config_file(path: str) -> dict[str, Any]:
    """The values of a YAML file; that of a run folder too, where what the run recorded besides is left out.

    Raises:
        ConfigError: if it cannot be read, or holds something else than options.
    """
    import yaml

    try:
        values = storable(yaml.safe_load(Path(path).read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is not YAML: {' '.join(str(error).split())[:300]}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected options as `name: value`, found something else.")
    options = {str(name).replace("-", "_"): value for name, value in values.items()}
    return {name: value for name, value in options.items() if name not in RECORDED and not is_name(value)}
