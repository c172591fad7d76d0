"""Steps with replicas: the same rows in the same order, whichever replica has them; and those that can have none."""

# distilabel looks for `StepInput` in the signature itself: no postponed evaluation of annotations here.
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from distilabel.steps import GlobalStep, LoadDataFromDicts, StepInput, StepResources

from distilabel_selfinstruct import (
    DurableLLM,
    FormatForTraining,
    IdentifyClassification,
    OpenAICompatibleLLM,
    Pipeline,
    RougeDedup,
    SelectInstructions,
)
from distilabel_selfinstruct.cli.options import config_of
from distilabel_selfinstruct.cli.script import options
from distilabel_selfinstruct.data.rows import Answer, Row
from distilabel_selfinstruct.errors import ConfigError
from distilabel_selfinstruct.recipes.self_instruct.config import SelfInstructConfig
from distilabel_selfinstruct.recipes.self_instruct.recipe import RECIPE
from distilabel_selfinstruct.runs.config import RunConfig, read_config
from distilabel_selfinstruct.runs.run import Run
from distilabel_selfinstruct.steps.asking import MarkingTask
from tests.engine.test_pipeline import Double, Numbers
from tests.support.openai_server import OpenAIServer
from tests.support.recipes import script_of

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")


class Ask(MarkingTask):
    """Puts the question of each row as it stands."""

    @property
    def inputs(self) -> list[str]:
        return ["question"]

    def format_input(self, input: Row) -> Any:
        return [{"role": "user", "content": input["question"]}]

    def _own_outputs(self) -> list[str]:
        return ["answer"]

    def _decoding_kwargs(self) -> dict[str, Any]:
        return {}

    def _asks_about(self, row: Row) -> bool:
        return True

    def _take(self, row: Row, answer: Answer) -> None:
        row["answer"] = answer.completion


QUESTIONS = [Random(number).choice(["Who?", "Where?", "When?"]) for number in range(60)]


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    """Says how often it was asked; some answers take long."""
    times = iter(range(1000))
    with OpenAIServer(answer=lambda body: f"answer {next(times)}", latency=0.03, sigma=1.5) as server:
        yield server


@pytest.fixture
def ask(server: OpenAIServer, tmp_path: Path) -> Callable[[int], list[Any]]:
    """The answers to the questions, with so many replicas and the completions of the runs before."""

    def ask(replicas: int) -> list[Any]:
        with Pipeline("test", cache_dir=tmp_path / "cache", concurrency=16) as pipeline:
            model = OpenAICompatibleLLM(model="stub-model", base_url=server.url)
            llm = DurableLLM(llm=model, folder=str(tmp_path / "completions"), stage="ask", concurrency=16)
            LoadDataFromDicts(data=[{"question": each} for each in QUESTIONS], batch_size=3) >> Ask(
                llm=llm, input_batch_size=3, resources=StepResources(replicas=replicas)
            )
        return list(pipeline.run(use_cache=False)["default"]["train"]["answer"])

    return ask


@pytest.mark.slow
def test_the_same_question_has_the_same_answers_in_the_same_rows(
    server: OpenAIServer, ask: Callable[[int], list[Any]]
) -> None:
    answers = ask(3)
    assert len(set(answers)) == len(QUESTIONS) == len(server.requests)
    assert [ask(replicas) for replicas in (1, 2, 3)] == [answers] * 3
    assert len(server.requests) == len(QUESTIONS)


class All(GlobalStep):
    @property
    def inputs(self) -> list[str]:
        return ["number"]

    def process(self, inputs: StepInput) -> Iterator[list[dict[str, Any]]]:  # type: ignore[override]
        yield inputs


@pytest.mark.parametrize(
    "build",
    [
        lambda two: Numbers(name="s", resources=two) >> Double(),
        lambda two: Numbers() >> All(name="s", resources=two),
        lambda two: Numbers() >> RougeDedup(name="s", column="number", resources=two),
        lambda two: Numbers() >> Double(output_mappings={}) >> SelectInstructions(name="s", resources=two),
        lambda two: Numbers() >> FormatForTraining(name="s", resources=two),
    ],
    ids=["generator", "global step", "dedup", "once each", "training format"],
)
def test_a_step_that_must_see_every_row_can_have_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build: Callable[[StepResources], Any]
) -> None:
    monkeypatch.setattr(Pipeline, "_validate", lambda self: None)  # of what the columns are
    with Pipeline("test", cache_dir=tmp_path) as pipeline:
        build(StepResources(replicas=2))
    with pytest.raises(ConfigError) as caught:
        pipeline.run()
    assert str(caught.value).startswith("Step 's' must see every row, and cannot run as 2 replicas;")


# --- the options -----------------------------------------------------------------------------------------------------


def options_of(*arguments: str) -> SelfInstructConfig:
    return config_of(vars(options(RECIPE).parse_args(arguments)), SelfInstructConfig)


def options_in_file(values: dict[str, Any]) -> SelfInstructConfig:
    return read_config({}, values, "my.yaml", SelfInstructConfig)


def test_numbers_of_single_steps() -> None:
    config = options_of("--ray", "--replicas", "identify=2,output_first=4", "--gpus", "bootstrap=1")
    assert (config.replicas, config.gpus) == ({"identify": 2, "output_first": 4}, {"bootstrap": 1})
    assert options_in_file({"replicas": {"identify": 2}}).replicas == {"identify": 2}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--ray", "--concurrency", "512"), 1),
        (("--ray", "--concurrency", "2000"), 4),
        (("--ray", "--concurrency", "2000", "--replicas", "identify=2"), 2),
        (("--concurrency", "2000"), 1),
    ],
)
def test_a_step_has_workers_enough_for_all_requests(tmp_path: Path, arguments: tuple[str, ...], expected: int) -> None:
    """On a cluster, and where each row is treated by itself: the loop and the leaves are one worker."""
    given = ("--llm", "openai", "--model", "m", "--base-url", "http://127.0.0.1:9/v1", "--out", str(tmp_path / "run"))
    pipeline = Run(options_of(*given, *arguments), RECIPE).built(script_of("self_instruct")["build"])
    replicas = {name: step.resources.replicas or 1 for name, step in pipeline._steps()}
    assert replicas["identify"] == expected
    assert (replicas["bootstrap"], replicas["instructions"], replicas["filter"]) == (1, 1, 1)


@pytest.mark.parametrize("given", [3, [1], [None]])
def test_numbers_that_are_none_in_a_config_file(given: object) -> None:
    with pytest.raises(ConfigError, match=r"^my\.yaml: replicas: expected NAME=N,\.\.\., got "):
        options_in_file({"replicas": given})


def test_an_option_that_is_given_twice_adds_to_itself() -> None:
    given = ["--replicas", "identify=3", "judge=2", "--replicas", "output_first=2"]
    assert options_of(*given).replicas == {"identify": 3, "judge": 2, "output_first": 2}
    with pytest.raises(ConfigError, match=r"^--replicas: .* got "):
        options_of("--replicas", "identify=0x", "--replicas", "output_first=2")


@pytest.mark.parametrize("given", ["identify", "identify=", "identify=0", "identify=many", "=2", ""])
def test_numbers_that_are_none(given: str) -> None:
    with pytest.raises(ConfigError, match=r"^--replicas: "):
        options_of("--replicas", given)


@pytest.mark.parametrize(
    "given", [["identify=2,identify=3"], ["identify=2", "identify = 3"], ["identify=2,identify=2"]]
)
def test_numbers_of_one_step_given_twice(given: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"^--replicas: 'identify' is given twice, got \['identify=2"):
        options_of("--replicas", *given)


def test_a_cluster_of_this_machine_or_another() -> None:
    assert [options_of(*given).ray for given in ([], ["--ray"], ["--ray", "10.0.0.1:6379"])] == [
        None,
        "local",
        "10.0.0.1:6379",
    ]


def test_gpus_are_given_out_by_ray() -> None:
    for given in (["--gpus", "bootstrap=1"], ["--llm", "vllm", "--model", "m", "--replicas", "identify=2"]):
        with pytest.raises(ConfigError, match="GPUs are given to single workers by Ray: add --ray"):
            options_of(*given)


def test_a_model_elsewhere_is_spread_by_its_server() -> None:
    with pytest.raises(ConfigError, match="--tensor-parallel is for vLLM in this process: add --llm vllm"):
        options_of("--tensor-parallel", "4")


def test_where_it_runs_is_not_what_the_run_is() -> None:
    assert not RunConfig.names(recorded=True) & {"ray", "replicas", "gpus", "tensor_parallel"}


def build(run: Run[SelfInstructConfig]) -> Any:
    with run.pipeline("test") as pipeline:
        Numbers(name="numbers") >> Double(name="double")
    return pipeline


def test_an_unknown_step(tmp_path: Path) -> None:
    run = Run(options_of("--replicas", "quadruple=2", "--out", str(tmp_path / "run")), RECIPE)
    with pytest.raises(ConfigError) as caught:
        run.execute(build)
    assert str(caught.value) == "--replicas, --gpus: there is no step 'quadruple'; there are: numbers, double."


def test_vllm_has_as_many_gpus_as_it_spreads_its_model_over(tmp_path: Path, seed_file: str) -> None:
    given = ("--llm", "vllm", "--model", "m", "--ray", "--tensor-parallel", "2", "--out", str(tmp_path / "run"))

    def build(run: Run[SelfInstructConfig]) -> Any:
        with run.pipeline("test") as pipeline:
            Numbers(name="numbers") >> IdentifyClassification(
                name="identify", llm=run.llm("identify"), seed_files=[seed_file]
            )
        return pipeline

    with pytest.raises(ConfigError, match=r"^--gpus identify=1: vLLM there spreads its model over --tensor-parallel 2"):
        Run(options_of(*given, "--gpus", "identify=1"), RECIPE).execute(build)
