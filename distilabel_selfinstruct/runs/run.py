"""A run: a config, carried out in a folder."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib import metadata
from typing import TYPE_CHECKING, Any, Generic, cast

from datasets import disable_progress_bars

from distilabel_selfinstruct.data.checks import TAGS_STAGE
from distilabel_selfinstruct.data.columns import (
    AGREEMENT_COLUMN,
    HELD_OUT,
    HELD_OUT_COLUMNS,
    columns_of,
    describe_configs,
)
from distilabel_selfinstruct.data.evaluation_sets import read_sets_beside
from distilabel_selfinstruct.data.folder import CLEAR_OF, PHRASES, RUBRIC, RunFolder
from distilabel_selfinstruct.data.growing import ROWS, GrowingRows, Whole
from distilabel_selfinstruct.data.reasons import (
    CLEAR_INPUTS_STAGE,
    CLEAR_STAGE,
    FAILED_REQUESTS,
    FILTERS_STAGE,
    JUDGEMENT_STAGE,
    SEMANTIC_STAGE,
)
from distilabel_selfinstruct.data.summary import USUAL_CONFIGS, Summary
from distilabel_selfinstruct.engine import pipelines
from distilabel_selfinstruct.engine.progress import show_progress, sign_of_life
from distilabel_selfinstruct.errors import ConfigError, Interrupted, did_you_mean
from distilabel_selfinstruct.models.batches.journal import clear_batches, open_batches
from distilabel_selfinstruct.models.batches.protocol import Batching
from distilabel_selfinstruct.models.durable import LAST_WORDS, DurableLLM
from distilabel_selfinstruct.models.embedding import EmbeddingLLM
from distilabel_selfinstruct.models.ensemble import EnsembleLLM
from distilabel_selfinstruct.models.local.weights import STATIC_MODEL, find_weights
from distilabel_selfinstruct.models.records import has_misread, usage_by_stage
from distilabel_selfinstruct.models.slots import STOP_REASONS, RateLimits
from distilabel_selfinstruct.recipe import Recipe, Stage
from distilabel_selfinstruct.runs.config import NAMED, C
from distilabel_selfinstruct.runs.cuts import cut_notes, cuts_by_stage
from distilabel_selfinstruct.runs.following import AFTER_ANSWERS, Following, question_of
from distilabel_selfinstruct.runs.hold_out import held_out_notes, instructions_of, name_rows, set_apart, sides_of
from distilabel_selfinstruct.runs.identity import Identity
from distilabel_selfinstruct.runs.inputs import Input
from distilabel_selfinstruct.runs.models import local_engine, make_model
from distilabel_selfinstruct.runs.options import EMBEDDINGS, EVERY_STAGE
from distilabel_selfinstruct.runs.outcomes import COLUMNS, outcomes
from distilabel_selfinstruct.runs.prompts import read_templates, template_texts, variables_of
from distilabel_selfinstruct.runs.stages import StageOptions, fixed_part
from distilabel_selfinstruct.runs.verdicts import verdict_notes, verdicts_of
from distilabel_selfinstruct.secrets import masked
from distilabel_selfinstruct.steps.asking import Putting, named_for
from distilabel_selfinstruct.steps.clear import KeepClear
from distilabel_selfinstruct.steps.judge import FilterByJudge
from distilabel_selfinstruct.steps.meaning import SemanticDedup, WithMeaning
from distilabel_selfinstruct.steps.own import ApplyFilters
from distilabel_selfinstruct.steps.select import SelectPreferences
from distilabel_selfinstruct.usage import Budget, PriceList, Prices, Usage, price_of
from distilabel_selfinstruct.version import __version__

if TYPE_CHECKING:
    from datasets import Dataset
    from distilabel.distiset import Distiset
    from distilabel.models.llms.base import LLM
    from distilabel.steps.base import Step

    from distilabel_selfinstruct.engine.pipeline import WholePipeline
    from distilabel_selfinstruct.engine.ray.cluster import Cluster
    from distilabel_selfinstruct.models.local.engine import LocalEngine

JUDGEMENT = JUDGEMENT_STAGE.name
_MOST_ROWS = 50_000  # of a stage that are asked about in one batch
_FIRST = -1_000  # before all stages: an admission waits for its embedding
_OF_JUDGES = (JUDGEMENT, TAGS_STAGE.name)  # stages whose answers are no part of the data
_REQUESTS_OF_WORKER = 512  # open at once that a worker keeps going: answers of a second cost half of its time
_MANY = 20_000  # rows that a run may have where nobody says how many are wanted


class Run(Generic[C]):
    """A folder and the config it is for; opened by one process at a time.

    Args:
        config: what the run is told; values that depend on others are resolved here.
        recipe: fixed by the folder too.
        cluster: that of the config, if somebody has set out for it already.

    Raises:
        ConfigError: if the config or a file that it names cannot be used.
        RunFolderError: if the folder is another run's, is damaged, or is in use.
    """

    def __init__(self, config: C, recipe: Recipe, cluster: Cluster | None = None) -> None:
        self.recipe, self._given, self._cluster = recipe, config, cluster
        self.folder = RunFolder(config.out or f"runs/{recipe.name}")
        self._identity = Identity(self.folder, recipe, type(config))
        before = self._identity.before
        self._beside = self._read_beside(before)
        self.recipe = config.carried_out(recipe, bool(self._beside))
        self._inputs = {**config.inputs(), PHRASES: Input(config.phrases_read())}
        beside = dict.fromkeys(row["text"] for row in self._beside)
        self._inputs[CLEAR_OF] = Input([*config.evaluation_texts(), *beside], notes=self._notes_on_beside())
        self._inputs[RUBRIC] = Input([config.rubric_text] if config.rubric_text else [])
        wordings = {config.wording, *([config.judge_wording] if config.judges else [])}
        self._templates = read_templates(config.prompts, recipe, wordings) if config.prompts else {}
        self.config = config.resolved(before)
        self._stages: dict[str, bool] = {}  # that ask a model, and whether what they gave up stays given up
        self._engines: dict[str | None, LocalEngine | None] = {}  # of models on this machine
        self._embedding_engine: LocalEngine | None = None
        self._requests_before = 0  # answered by earlier sessions
        self._patience_before = int((before or {}).get("patience", 0))
        self._identity.check(self.config, self._inputs, self._templates)

    def _read_beside(self, before: dict[str, Any] | None) -> list[dict[str, str]]:
        """What is evaluated on beside this run; of a run that has begun, as it was then."""
        if self._given.keep_clear_of_project is False:
            return []
        if before is not None:
            return self.folder.texts_kept_clear()
        return read_sets_beside(self.folder)

    def _notes_on_beside(self) -> list[str]:
        sources = dict.fromkeys(row["source"] for row in self._beside)
        if not sources:
            return []
        return [f"Kept clear of what is evaluated on beside this run: {', '.join(sources)}."]

    @property
    def evaluation_sets(self) -> list[str]:
        """What the rows are kept clear of: what the user names, and what is evaluated on beside this run."""
        return [*self.config.keep_clear_of, *([str(self.folder.kept_clear)] if self._beside else [])]

    # --- what a pipeline is built from ------------------------------------------------------------------------------

    def pipeline(self, name: str) -> WholePipeline:
        """An empty pipeline that runs in this folder."""
        budget = self._budget()
        self._requests_before = budget.spent_requests
        options: dict[str, Any] = {
            "cache_dir": self.folder.cache,
            "concurrency": self.config.concurrency,
            "budget": budget,
            "limits": RateLimits(self.config.requests_per_minute, self.config.tokens_per_minute),
            "log_file": self.folder.log,
            "phrases": self.config.phrases_read(),
            "verbose": self.config.verbose,
        }
        if self.config.ray is not None:
            return pipelines.RayPipeline(name, address=self.config.ray, cluster=self._cluster, **options)
        return pipelines.Pipeline(name, **options)

    def llm(
        self, stage: str, temperature: float | None = None, keeps_failures: bool = False, model: LLM | None = None
    ) -> DurableLLM:
        """The model, or another, with the completions of one stage.

        Stages made first get slots first, so that the later ones never lack work; on a budget the later ones, so that
        it is spent on finishing what was begun.
        """
        self._stages[stage] = keeps_failures
        place, options = len(self._stages), self.options_of(stage)
        llm = model or self._model_of(options, self._batching_of(stage))
        return DurableLLM(
            llm=llm,
            folder=str(self.folder.completions),
            stage=stage,
            priority=-place if self.config.is_on_budget else place,
            keeps_failures=keeps_failures,
            concurrency=self.config.concurrency,
            outage=self.config.outage,
            timeout=self.config.timeout,
            context=None if model or options.llm == "local" else self.config.context,
            goes_on=bool(self._identity.earlier_models),
            generation_kwargs=self.decoding_of(stage, llm, temperature, is_own=model is not None),
        )

    def options_of(self, stage: str) -> StageOptions:
        """What a stage is told of its model and its sampling."""
        return self.config.options_of(*self._names_of(stage))

    def _names_of(self, stage: str) -> tuple[str, ...]:
        """The names that options may have for a stage, the widest first."""
        if stage == EMBEDDINGS:  # of which nothing is said that is said of answers
            return (stage,)
        family = _family(stage)
        groups = [name for name, stages in self.recipe.groups.items() if {stage, family} & {*stages}]
        return tuple(dict.fromkeys([EVERY_STAGE, *groups, family, stage]))

    def asks_in_batches(self, stage: str) -> bool:
        """Whether the requests of a stage go out in batches: by default not those of a loop."""
        if (said := self.options_of(stage).batch) is not None:
            return said
        is_loop = _family(stage) in self.recipe.stages_that_ask("rounds", "before")
        return self.config.batch == "all" or (self.config.batch is not None and bool(stage) and not is_loop)

    def _batching_of(self, stage: str) -> Batching | None:
        """How the requests of a stage are put in batches; None where each goes by itself.

        Raises:
            ConfigError: if its model takes none.
        """
        if not self.asks_in_batches(stage):
            return None
        options, protocols = self.options_of(stage), {"openai": "openai", "vllm": "file"}
        names = [str(name) for name in options.models]
        if options.llm == "litellm" and all(name.startswith("anthropic/") for name in names):
            protocols["litellm"] = "anthropic"
        if (protocol := protocols.get(str(options.llm))) is None:
            what = f"--llm litellm --model {names[0]}" if options.llm == "litellm" else f"--llm {options.llm}"
            raise ConfigError(
                f"--batch: the stage {stage} has {what if isinstance(options.llm, str) else 'a class of your own'},"
                f" which takes no batches; those that do: --llm openai, --llm litellm --model anthropic/NAME, --llm"
                f" vllm. Choose one, or add --stage {stage}.batch=false."
            )
        command = self.config.batch_command
        return Batching(cast("Any", protocol), str(self.folder.batches), stage, self.config.outage, command)

    def _model_of(self, options: StageOptions, batching: Batching | None = None) -> LLM:
        """The model that options name; one that draws from several by the seed and the prompt, if they name several."""
        configs = {name: self.config.with_model_of(options, name) for name in options.models}
        made = [make_model(each, self.folder.learned, self._engine_of(each), batching) for each in configs.values()]
        if len(made) == 1:
            return made[0]
        return EnsembleLLM(llms=made, shares=list(options.models.values()), seed=self.config.seed)

    def _engine_of(self, config: C) -> LocalEngine | None:
        return self._engines.get(config.model) if config.llm == "local" else None

    def decoding_of(
        self, stage: str, llm: LLM, temperature: float | None = None, is_own: bool = False
    ) -> dict[str, Any]:
        """What the options say of the decoding of a stage, by the names that this model has for it.

        Raises:
            ConfigError: if the model has no such parameter.
        """
        options = self.options_of(stage)
        usual: dict[str, Any] = {"temperature": temperature}
        if options.llm == "local" and not is_own:
            usual["seed"] = self.config.seed
        known = named_for(llm, {name: value for name, value in usual.items() if value is not None})
        for name, value in options.sampling.items():
            if not (named := named_for(llm, {name: value})):
                raise ConfigError(
                    f"--stage {stage}.{name}: {type(llm).__name__} has no such parameter; it has:"
                    f" {', '.join(sorted(parameter.name for parameter in llm.generate_parameters))}."
                )
            known |= named
        return known

    def llm_aside(self, stage: str) -> DurableLLM:
        """The model of a stage for questions that are no part of the run, with completions of their own."""
        return self.llms_aside(stage)[stage]

    def llms_aside(self, *stages: str) -> dict[str, DurableLLM]:
        """The model of each stage as of `llm_aside`; one that several have is there once."""
        made: list[tuple[StageOptions, DurableLLM]] = []
        by_stage: dict[str, DurableLLM] = {}
        for stage in stages:
            said = self.options_of(stage)
            options = StageOptions.model_construct(llm=said.llm, model=said.model, base_url=said.base_url)
            if (llm := next((llm for known, llm in made if known == options), None)) is None:
                llm = self._aside(stage, options)
                made.append((options, llm))
            by_stage[stage] = llm
        return by_stage

    def _aside(self, stage: str, options: StageOptions) -> DurableLLM:
        llm = self._model_of(options)
        return DurableLLM(
            llm=llm,
            folder=str(self.folder.check_completions),
            stage="check",
            concurrency=self.config.concurrency,
            outage=self.config.outage,
            timeout=self.config.timeout,
            generation_kwargs=self.decoding_of(stage, llm),
        )

    @contextmanager
    def ready_model(self) -> Iterator[None]:
        """While the block runs the models can be asked, wherever they live."""
        every = [self.config.options_of(), *(self.config.options_of(EVERY_STAGE, name) for name in self.config.stage)]
        named = {name: options for options in every for name in options.models if options.llm == "local"}
        config = self.config
        with ExitStack() as stack:
            if config.semantic_threshold is not None and config.embedder == "local":
                from distilabel_selfinstruct.models.local.engine import CONTEXT, LocalEngine

                weights = find_weights(config.embedder_model)
                engine = LocalEngine(weights, config.concurrency, CONTEXT, config.threads, embeds=True)
                self._embedding_engine = stack.enter_context(engine)
            for name, options in named.items():
                self._engines[name] = stack.enter_context(local_engine(self.config.with_model_of(options, name)))
            try:
                yield
            finally:
                self._engines.clear()
                self._embedding_engine = None

    @property
    def window(self) -> int | None:
        """Tokens that a prompt and its answer may have together; None where nobody says."""
        return self.config.context

    def owed(self, stage: str) -> dict[str, Any]:
        """What a loop is told of the requests that this stage, and the judge, make about its instructions."""
        used = usage_by_stage(self.folder.completions)
        return {
            "requests_each": 1 + self.config.requests_each,
            "requests_made": sum(used.get(name, Usage()).requests for name in (stage, *AFTER_ANSWERS)),
        }

    def judge(self, threshold: float | None) -> FilterByJudge:
        """The judge of this run."""
        return FilterByJudge(
            name="judge",
            llm=self.llm(JUDGEMENT),
            threshold=threshold,
            wording=self.config.judge_wording,
            rubric=self.config.rubric_text,
            num_generations=self.config.judgements,
        )

    def kept_clear(self, step: Step, columns: Sequence[str] = ("instruction",), stage: Stage = CLEAR_STAGE) -> Step:
        """The step that is given, or what comes after it: what rejects what is near in meaning, or to be kept clear of.

        Those of the first kind are instructions alone.
        """
        if stage is CLEAR_STAGE:
            step = self._of_new_meaning(step)
        if not self.evaluation_sets:
            return step
        clear = KeepClear(
            name=stage.name,
            sources=self.evaluation_sets,
            columns=list(columns),
            stage=stage.name,
            input_batch_size=self.batch_size_wanted,
        )
        step >> clear
        return clear

    def _of_new_meaning(self, step: Step) -> Step:
        if self.config.semantic_threshold is None:
            return step
        dedup = SemanticDedup(
            name=SEMANTIC_STAGE.name,
            threshold=self.config.semantic_threshold,
            embedder=self.embedder(),
            references=getattr(self.config, "originals", []),
            input_batch_size=self.batch_size(self.config.wanted or _MANY),
        )
        step >> dedup
        return dedup

    def embedder(self) -> LLM | str:
        """What embeds instructions: a model that is asked, or the name of static embeddings."""
        config = self.config
        if config.embedder == "static":
            return config.embedder_model or STATIC_MODEL
        engine = self._embedding_engine
        options = self.options_of(EMBEDDINGS)
        llm = EmbeddingLLM(
            model=engine.weights.name if engine else str(options.model),
            base_url=engine.url if engine else options.base_url,
            timeout=config.timeout,
            outage=config.outage,
            **({"api_key": engine.key} if engine else {}),
        )
        made = self.llm(EMBEDDINGS, keeps_failures=True, model=llm)
        made.priority = _FIRST
        return made

    def filtered(self, step: Step) -> Step:
        """The step that is given, or, where the user has filters, what comes after it."""
        if not self.config.filter:
            return step
        own = ApplyFilters(
            name=FILTERS_STAGE,
            filters=self.config.filter,
            input_batch_size=self.batch_size_wanted,
        )
        step >> own
        return own

    def judged(self, step: Step) -> Step:
        """The step that is given, or what comes after it by the options, which is what recipes have in common.

        In this order: what is kept clear of, answers that agree, further turns, the user's filters, tags, the judge.
        """
        clear = self.kept_clear(step, ("input", "instruction"), CLEAR_INPUTS_STAGE)
        following, question = Following(self.config, self.llm, self.batch_size_wanted), question_of(step)
        last = following.continued(following.agreed(clear, question), question)
        last = following.tagged(self.filtered(last))
        if self.config.judges:
            judge = self.judge(self.config.judge_threshold)
            last >> judge
            last = judge
        if self.config.asks_again:
            last >> SelectPreferences(name="preferences", score_column=AGREEMENT_COLUMN, input_batch_size=500)
        return last

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that ask a model, in the order in which the pipeline has them."""
        return tuple(self._stages)

    @property
    def batch_size_wanted(self) -> int:
        """The batch size for as many rows as are asked for."""
        return self.batch_size(self.config.wanted or _MANY)

    @staticmethod
    def batch_size(rows: int) -> int:
        """Small enough to stream so many rows, large enough that batches cost little."""
        return min(250, max(5, rows // 200))

    # --- running ----------------------------------------------------------------------------------------------------

    def execute(
        self,
        build: Callable[[Run[C]], WholePipeline],
        show: bool = True,
        finish: Callable[[Run[C]], Sequence[str]] | None = None,
        notes: Sequence[str] = (),
        begin: Callable[[], None] | None = None,
        whole: Whole | None = None,
    ) -> Summary:
        """Builds the pipeline, runs it to its end, and writes the dataset; `conclude` writes the summary.

        Args:
            build: makes the pipeline.
            show: whether progress is shown on screen.
            finish: writes what the recipe leaves in the folder besides, once the dataset is there, and returns notes.
            notes: what else a user should know.
            begin: called before the first request of a run, once nothing speaks against it and its model can be asked.
            whole: is told of the files that are whole, each time that `push_every` more rows are finished.

        Raises:
            SelfInstructError: if it cannot finish whole; what was answered so far is kept.
        """
        self.folder.clear_drafts()
        if (summary := self._finished()) is not None:
            return summary
        with ExitStack() as stack:
            with sign_of_life("getting the model ready", show=show):
                stack.enter_context(self.ready_model())
            return self._execute(build, show, finish, notes, begin, whole)

    def _execute(
        self,
        build: Callable[[Run[C]], WholePipeline],
        show: bool,
        finish: Callable[[Run[C]], Sequence[str]] | None,
        notes: Sequence[str],
        begin: Callable[[], None] | None,
        whole: Whole | None,
    ) -> Summary:
        for name in self.config.stage:  # what is wrong with arguments is said before anything is written
            self._model_of(self.config.options_of(*dict.fromkeys([EVERY_STAGE, name])))
        model = self._model_of(self.options_of(self.config.stage_of_model))
        self.config.check_model(model)
        self.folder.make()
        with self.folder.locked():
            if (
                self._identity.has_grown
            ):  # from here on the folder says so, and the summary is that of what was read before
                self.folder.remove_summary()
            self._identity.write(self.config)
            if self._beside:
                self.folder.write_texts_kept_clear(self._beside)
            self.folder.write_prompts(self._templates)
            self.folder.write_rubric(self.config.rubric_text)
            with sign_of_life("building the pipeline", show=show):
                pipeline = self.built(build)
            pipeline.tell = self.folder.write_shares
            if begin is not None and not self.folder.has_answers and not self._is_answered_elsewhere():
                begin()
            started = time.monotonic()
            leaves: dict[str, Step] = {name: pipeline.dag.get_step(name)["step"] for name in pipeline.dag.leaf_steps}
            columns = {name: list(step.outputs) for name, step in leaves.items()}
            if self.config.hold_out:
                columns[HELD_OUT] = list(HELD_OUT_COLUMNS)
                name_rows(leaves.values())
            self._write_description(model, columns)
            pipeline.growing = self._growing(leaves, columns, whole)
            groups = "sequential_step_execution" if self._runs_stage_by_stage(pipeline) else None
            disable_progress_bars()
            with show_progress(pipeline, show and not self.config.verbose), self._open_batches_told():
                distiset = pipeline.run(use_cache=False, load_groups=groups)
            with sign_of_life("writing the dataset", show=show):
                self.folder.remove_summary()
                notes = [*notes, *self._set_apart(distiset, leaves)]
                self.folder.save_dataset(distiset, columns)
                self.folder.keep_pipeline(distiset.pipeline_path)
                read = [note for each in self._inputs.values() for note in each.notes]
                notes = [*pipeline.warnings, *read, *notes, *(finish(self) if finish else [])]
                notes += [*self._cut_notes(), *self._verdict_notes()]
                summary = self._summarise(time.monotonic() - started, notes, pipeline.troubles)
                clear_batches(self.folder.batches, is_whole=summary.is_whole)
                return summary

    def _is_answered_elsewhere(self) -> bool:
        """Whether a stage's requests are files that somebody answers: then nobody can be asked before the run."""
        return any(self.asks_in_batches(stage) and self.options_of(stage).llm == "vllm" for stage in self._stages)

    @contextmanager
    def _open_batches_told(self) -> Iterator[None]:
        """Says of a run that is stopped which batches go on without it, and how they are cancelled."""
        try:
            yield
        except Interrupted as stopped:
            raise Interrupted(stopped.signal_name, open_batches(self.folder.batches)) from None

    def _growing(
        self, leaves: Mapping[str, Step], columns: Mapping[str, list[str]], whole: Whole | None
    ) -> GrowingRows:
        """Shows the rows while it runs; those to train on not, where some of them are to be set apart at the end."""
        shown = {
            name: columns[name]
            for name, step in leaves.items()
            if not (self.config.hold_out and getattr(step, "is_trained_on", False))
        }
        main = self.recipe.main_config if self.recipe.main_config in shown else "instances"
        return GrowingRows(
            self.folder.growing, shown, columns_of(self.recipe), self.config.push_every or ROWS, main, whole
        )

    def _set_apart(self, distiset: Distiset, leaves: Mapping[str, Step]) -> list[str]:
        """Sets apart what `--hold-out` asks for, on the sides that earlier runs in the folder recorded; says so."""
        if not self.config.hold_out:
            return []
        before, instructions = self.folder.sides(), instructions_of(distiset)
        sides = sides_of(instructions, self.config.hold_out, self.config.seed, before)
        self.folder.write_sides(before | sides)
        set_apart(distiset, sides, leaves)
        rows = len(distiset[HELD_OUT]["train"]) if HELD_OUT in distiset else 0
        return held_out_notes(sides, rows)

    def training_instances(self) -> Dataset:
        """The instances of the dataset that may be trained on: all but those set apart."""
        instances = self.folder.dataset_config("instances")
        sides = self.folder.sides() if self.config.hold_out else {}
        trained_on = [sides.get(name, "training") == "training" for name in instances["instruction_id"]]
        return instances.select([at for at, each in enumerate(trained_on) if each])

    def built(self, build: Callable[[Run[C]], WholePipeline]) -> WholePipeline:
        """The pipeline, ready to run.

        Raises:
            ConfigError: if options name stages, steps or prices that there are not.
        """
        pipeline = build(self)
        self._check_filters(pipeline)
        self._check_stages()
        self._check_prices()
        pipeline.budget = self._budget()
        self._put_in_batches(pipeline)
        self._give_resources(pipeline)
        self.give_prompts(*(pipeline.dag.get_step(name)["step"] for name in pipeline.dag))
        return pipeline

    @property
    def is_concluded(self) -> bool:
        """Whether nothing is missing in the folder, as where `execute` had nothing to do."""
        return self.folder.has_summary and self.folder.page.exists()

    def conclude(self, summary: Summary) -> None:
        """Writes the summary: last of all, so that a run with one lacks nothing."""
        with self.folder.locked():
            self.folder.write_summary(summary)

    def _check_stages(self) -> None:
        """Whether the stages are there that options name.

        Raises:
            ConfigError: if one is not.
        """
        known = {name for stage in self._stages for name in self._names_of(stage)}
        for option, given in (("--max-tokens", self.config.max_tokens), ("--stage", self.config.stage)):
            if unknown := given.keys() - known:
                name = min(unknown)
                raise ConfigError(
                    f"{option}: there is no stage {name!r}{did_you_mean(name, known)}; there are:"
                    f" {', '.join(self._stages)}{self._groups_there()}."
                )

    def _groups_there(self) -> str:
        """What else options may call the stages of this run."""
        groups = {name: stages for name, stages in self.recipe.groups.items() if {*stages} & {*self._stages}}
        return "".join(f", {name} ({' and '.join(stages)})" for name, stages in groups.items())

    def _check_filters(self, pipeline: WholePipeline) -> None:
        """What the steps keep clear of, and what they embed with; whether there are steps for all filters.

        Raises:
            ConfigError: if none of the pipeline's does.
        """
        steps = [pipeline.dag.get_step(name)["step"] for name in pipeline.dag]
        if self.config.filter and not any(isinstance(step, ApplyFilters) for step in steps):
            raise ConfigError(
                "--filter: the script of this recipe has no step for it; write `run.judged(step)`, or"
                " `run.filtered(step)`, for the step that makes its instances, where others follow it."
            )
        self._give_embedder(steps)
        if not self.evaluation_sets:
            return
        able = [step for step in steps if hasattr(step, "keep_clear_of")]
        for step in able:
            step.keep_clear_of = self.evaluation_sets
        if (
            self.config.keep_clear_of
            and not able
            and not any(isinstance(step, KeepClear) and step.stage == CLEAR_STAGE.name for step in steps)
        ):
            raise ConfigError(
                "--keep-clear-of: the script of this recipe has no step for it; write `run.kept_clear(step)` for the"
                " step that makes its instructions, where others follow it."
            )

    def _give_embedder(self, steps: Sequence[Step]) -> None:
        if self.config.semantic_threshold is None:
            return
        able = [step for step in steps if isinstance(step, WithMeaning)]
        for step in able:
            step.semantic_threshold, step.embedder = self.config.semantic_threshold, self.embedder()
        if not able and not any(isinstance(step, SemanticDedup) for step in steps):
            raise ConfigError(
                "--semantic-threshold: the script of this recipe has no step for it; write `run.kept_clear(step)` for"
                " the step that makes its instructions, where others follow it."
            )

    def _put_in_batches(self, pipeline: WholePipeline) -> None:
        """Gives a step whose requests go out in batches all of its rows at once.

        Raises:
            ConfigError: if it is to share them out.
        """
        for name in pipeline.dag:
            step = pipeline.dag.get_step(name)["step"]
            if not getattr(getattr(step, "llm", None), "in_batches", False):
                continue
            if self.config.replicas.get(name, 1) > 1:
                raise ConfigError(f"--replicas {name}: a batch has all rows of its stage; leave it out, or --batch.")
            if hasattr(step, "input_batch_size"):
                step.input_batch_size = _MOST_ROWS

    def _give_resources(self, pipeline: WholePipeline) -> None:
        """What single steps were promised: workers and their GPUs."""
        config = self.config
        steps: dict[str, Step] = {name: pipeline.dag.get_step(name)["step"] for name in pipeline.dag}
        if unknown := (config.replicas | config.gpus).keys() - steps:
            name = min(unknown)
            raise ConfigError(
                f"--replicas, --gpus: there is no step {name!r}{did_you_mean(name, steps)}; there are:"
                f" {', '.join(steps)}."
            )
        for name, step in steps.items():
            if _is_vllm(getattr(getattr(step, "llm", None), "llm", None)):
                step.resources.gpus = config.tensor_parallel
                if config.gpus.get(name, config.tensor_parallel) != config.tensor_parallel:
                    raise ConfigError(
                        f"--gpus {name}={config.gpus[name]}: vLLM there spreads its model over --tensor-parallel"
                        f" {config.tensor_parallel}; give both the same number, or --tensor-parallel alone."
                    )
            step.resources.gpus = config.gpus.get(name, step.resources.gpus)
            step.resources.replicas = config.replicas.get(name) or self._usual_replicas(step)

    def _usual_replicas(self, step: Step) -> int | None:
        """So many workers of a step that they keep all requests going, where other nodes may have room for them."""
        llm = getattr(step, "llm", None)
        is_able = isinstance(llm, DurableLLM) and llm.is_asynchronous and not llm.in_batches and step.is_normal
        if self.config.ray is None or not is_able or getattr(step, "keeps_state", False):
            return step.resources.replicas
        return max(step.resources.replicas or 1, -(-self.config.concurrency // _REQUESTS_OF_WORKER))

    def give_prompts(self, *steps: Any) -> None:
        """How the Tasks put their questions: in the user's own templates, in the language that is asked for."""
        texts = template_texts(self.recipe)
        own = {texts[name]: text for name, text in self._templates.items()}
        for step in steps:
            if isinstance(step, Putting):
                step.own_templates, step.language = self._templates, self.config.language
                step.system_message = self._system_message(step)
            if (text := own.get(getattr(step, "template", ""))) is not None:  # a Task of distilabel fills it itself
                used = variables_of(text)
                step.template, step.language = text, None
                step.columns = [column for column in step.columns if column in used]

    def _system_message(self, step: Putting) -> str | None:
        """What stands before the chats of a Task.

        Raises:
            ConfigError: if it was told of a stage that has no place for it.
        """
        llm = getattr(step, "llm", None)
        if not isinstance(llm, DurableLLM) or (message := self.options_of(llm.stage).system_prompt) is None:
            return None
        is_of_all = message == self.config.options_of(EVERY_STAGE).system_prompt
        if is_of_all and (llm.stage in _OF_JUDGES or not step.takes_system_message):
            return None
        if not step.takes_system_message:
            raise ConfigError(f"--stage {llm.stage}.system_prompt: that stage asks nothing, and has no place for it.")
        return message

    def _finished(self) -> Summary | None:
        """The summary of a run in this folder that has nothing left to do."""
        if self._identity.has_grown or not self.folder.has_summary:
            return None
        summary = self.folder.summary()
        if not self.folder.has_whole_dataset():
            return None
        if summary.main_rows is None and has_misread(self.folder.completions):  # by version 0.1.0
            return None
        patience = getattr(self.config, "patience", 0)
        has_failures = any(reason in FAILED_REQUESTS for reasons in summary.rejected.values() for reason in reasons)
        has_stalled = summary.ended == "stalled" and self._patience_before >= patience and not has_failures
        done = summary.is_done or has_stalled
        return summary if done and summary.wanted == self.config.wanted else None

    def _summarise(self, seconds: float, notes: list[str], troubles: Sequence[str] = ()) -> Summary:
        dataset = self.folder.dataset()
        sizes = {name: len(rows["train"]) for name, rows in dataset.items()}
        thrown_away = self.folder.rows("rejected", COLUMNS)
        loops = [report for stage in self._stages if (report := self.folder.loop(stage)) is not None]
        last = loops[-1] if loops else {"admitted": sizes["instructions"]}
        rejected: dict[str, Counter[str]] = {}
        for row in thrown_away:
            rejected.setdefault(row["stage"], Counter())[row["reason"]] += 1
        stopped = [reason for counts in rejected.values() for reason in counts if reason in STOP_REASONS]
        ended = next((loop["ended"] for loop in loops if loop["ended"] != "complete"), None)
        ended = ended or (stopped[0] if stopped else "complete")
        if ended == "unavailable":
            notes = [*notes, *(LAST_WORDS.format(trouble=trouble) for trouble in troubles)]
        return Summary(
            ended=ended,
            admitted=last["admitted"],
            wanted=self.config.wanted,
            candidates=last.get("candidates"),
            prompts=last.get("prompts"),
            instances=sizes["instances"],
            rejected={stage: dict(counts.most_common()) for stage, counts in sorted(rejected.items())},
            failed=sum(
                count
                for stage, counts in rejected.items()
                for reason, count in counts.items()
                if reason in FAILED_REQUESTS and not self._stages.get(stage)
            ),
            usage=self.used(),
            seconds=seconds,
            cost=sum(each.cost for each in self.used().values()),
            rows={name: size for name, size in sizes.items() if name not in USUAL_CONFIGS},
            notes=notes,
            main_config=self.recipe.main_config,
            main_rows=sizes.get(self.recipe.main_config, 0),
            outcomes=outcomes(self.recipe, sizes | {"turns": self._further_turns()}, thrown_away),
        )

    def _further_turns(self) -> int:
        """How many turns of conversations there are after the first ones."""
        return sum(row["turns"] - 1 for row in self.folder.rows("instances", ["turns"]) if row.get("turns"))

    def _cut_notes(self) -> list[str]:
        """Of which stages more than a fifth of the answers was cut by their length."""
        return cut_notes(cuts_by_stage(self.folder.completions), self.config.wording == "base")

    def _verdict_notes(self) -> list[str]:
        """Whether far more or fewer instructions were called classification than there are among the seed tasks."""
        return verdict_notes(*(self._verdicts(config) for config in ("instructions", "seeds")))

    def _verdicts(self, config: str) -> list[bool | None]:
        return verdicts_of(self.folder.rows(config, ["instruction", "is_classification"]))

    def _runs_stage_by_stage(self, pipeline: WholePipeline) -> bool:
        """Whether only one stage holds the model at a time: by default where one lives in the workers' processes."""
        if self.config.batches:  # a batch has all rows of its stage
            return True
        if self.config.stage_by_stage is not None:
            return self.config.stage_by_stage
        from distilabel_selfinstruct.demo.model import DemoLLM

        return any(
            isinstance(llm, DurableLLM) and not (llm.is_asynchronous or isinstance(llm.llm, DemoLLM))
            for llm in (getattr(pipeline.dag.get_step(name)["step"], "llm", None) for name in pipeline.dag)
        )

    def used(self) -> dict[str, Usage]:
        """What was asked in this folder, and what it costs: before the run, and by each of its stages."""
        folder, prices = self.folder, self.prices()
        return usage_by_stage(folder.check_completions, prices) | usage_by_stage(folder.completions, prices)

    def prices(self) -> PriceList:
        """What the models of each stage cost, a user's own prices first; of earlier models as the folder has it."""
        recorded = self.folder.prices().by_stage if self.folder.path.is_dir() else {}
        asked = {stage: self.prices_of(stage) for stage in (*self._stages, *self.config.stage, "")}
        return PriceList(
            {stage: {**recorded.get(stage, {}), **asked.get(stage, {})} for stage in {**asked, **recorded}}
        )

    def prices_of(self, stage: str) -> dict[str, Prices | None]:
        """What the models of a stage cost, by their names; without a name what a model costs that says its own."""
        options = self.options_of(stage)
        own = Prices.given(options.input_price, options.output_price, options.cached_price)
        if options.llm not in NAMED:  # one that says itself what it is called
            return {"": own or (price_of(options.llm, None, None) if isinstance(options.llm, str) else None)}
        in_batches = self.asks_in_batches(stage)
        return {str(name): own or price_of(options.llm, name, options.base_url, in_batches) for name in options.models}

    def _check_prices(self) -> None:
        """Whether a limit of money can be kept.

        Raises:
            ConfigError: if nobody knows what a model costs.
        """
        if self.config.max_cost is None:
            return
        prices = PriceList({stage: self.prices_of(stage) for stage in self._stages})
        for stage, of_stage in prices.by_stage.items():
            for model, price in of_stage.items():
                if price is None:
                    raise ConfigError(
                        f"--max-cost: nobody has published what {model or 'the model'} of the stage {stage} costs; give"
                        " --input-price and --output-price, money per million tokens."
                    )
        if prices.is_free:
            raise ConfigError("--max-cost: none of these models costs anything; give --input-price and --output-price.")

    def has_room(self, input_tokens: int, output_tokens: int) -> bool:
        """Whether the budget has room for so many tokens more."""
        budget = self._budget()
        return budget.has_room(input_tokens + output_tokens, budget.prices.dearest("").of(input_tokens, output_tokens))

    @property
    def has_budget_left(self) -> bool:
        """Whether it stopped because of what was kept back: it got on, and a request that a loop wants has room now."""
        budget, loops = self._budget(), self.recipe.stages_that_ask("rounds", "before")
        loops = tuple(stage for stage in loops if (self.folder.loop(stage) or {}).get("ended") != "complete")
        return budget.spent_requests > self._requests_before and any(
            budget.has_room((used.input_tokens + used.output_tokens) / used.requests, used.cost / used.requests)
            for stage, used in usage_by_stage(self.folder.completions, budget.prices).items()
            if stage in loops and used.requests
        )

    def _budget(self) -> Budget:
        prices = self.prices()
        by_stage = usage_by_stage(self.folder.completions, prices)
        loops = self.recipe.stages_that_ask("rounds", "before")
        later = sum((usage for stage, usage in by_stage.items() if stage not in (*loops, EMBEDDINGS)), Usage())
        budget = self.config.budget(sum(self.used().values(), Usage()), prices)
        if each := later.requests:
            budget.owed_input, budget.owed_output = later.input_tokens / each, later.output_tokens / each
            budget.owed_cost = later.cost / each
        return budget

    def _description_of(self, stage: str) -> dict[str, Any]:
        """The model and the sampling that a stage was told of, without what is no part of what a run is."""
        said = self.options_of(stage).model_dump(mode="json", by_alias=True)
        return masked(fixed_part({stage: said}).get(stage, {}))

    def _write_description(self, model: LLM, columns: dict[str, list[str]]) -> None:
        """Says in the folder what the run is, for readers that have no such recipe."""
        versions = {"distilabel-selfinstruct": __version__, "distilabel": metadata.version("distilabel")}
        kind = type(model)
        self.folder.write_description(
            {
                "recipe": self.recipe.record(),
                **describe_configs(columns, self.recipe),
                "versions": {**versions, "prompts": self.recipe.prompts_version},
                "model": {"class": f"{kind.__module__}.{kind.__qualname__}", "name": _name_of(model)},
                "prices": self.prices().record(),
                "stages": {stage: self._description_of(stage) for stage in self._stages},
            }
        )


def _family(stage: str) -> str:
    """What the stages of several generations have in common, such as `evolution` of `evolution_2`."""
    return re.sub(r"_\d+$", "", stage)


def _name_of(model: LLM) -> str:
    """The model's name; that of its class where it knows its own only when it is loaded."""
    try:
        return str(model.model_name)
    except Exception:  # whatever a class of others does
        return type(model).__name__


def _is_vllm(model: object) -> bool:
    """By its name: the class is imported only where it is used."""
    return any(kind.__name__ == "VLLM" for kind in type(model).__mro__)
