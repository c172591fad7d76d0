"""The command `self-instruct`: run a recipe, and what is done with a run that is there already."""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from distilabel_selfinstruct.cli.parser import Parser, fail, say
from distilabel_selfinstruct.data.files import local_path
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.errors import ConfigError, did_you_mean
from distilabel_selfinstruct.recipe import DEFAULT, get_recipe, recipes
from distilabel_selfinstruct.usage import Prices
from distilabel_selfinstruct.version import __version__

_PROG = "self-instruct"


def _path(given: str) -> Path:
    """A path of this machine, with `~` expanded."""
    try:
        return Path(local_path(given))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{given!r}: {error}") from None


def options() -> Parser:
    """The commands and their options."""
    parser = Parser(
        prog=_PROG,
        description="Instruction data from your own model: recipes, reports, review and publishing.",
        examples=[
            f"{_PROG} run --num-instructions 20",
            f"{_PROG} run domain --documents me/articles --llm openai --model NAME --base-url https://.../v1",
            f"{_PROG} report runs/mine",
        ],
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)

    commands.add_parser("run", help=f"run a recipe (default: {DEFAULT}); --help explains its options", add_help=False)
    commands.add_parser("recipes", help="list the recipes", examples=[f"{_PROG} recipes"])

    new = commands.add_parser(
        "new", help="copy the script of a recipe, to edit it", examples=[f"{_PROG} new mine --from domain"]
    )
    new.add_argument("name", metavar="NAME", help="of the new script: NAME.py in this folder")
    new.add_argument("--from", dest="recipe", default=DEFAULT, metavar="RECIPE", help=f"default: {DEFAULT}")

    report = commands.add_parser(
        "report",
        help="write the report of a run, or of any dataset of instructions",
        examples=[f"{_PROG} report runs/mine", f"{_PROG} report alpaca_data.json --out alpaca-report"],
    )
    report.add_argument("what", type=_path, metavar="RUN", help="run folder, or rows with instruction, input, output")
    report.add_argument("--out", type=_path, metavar="FOLDER", help="where to (default: report in the run folder)")
    report.add_argument("--seeds", nargs="+", default=[], metavar="FILE", help="seed files to compare a dataset with")
    _add_prices(report)

    forecast = commands.add_parser(
        "forecast",
        help="say what a run will take, judged by one that is there",
        examples=[f"{_PROG} forecast runs/pilot --num-instructions 10000"],
    )
    forecast.add_argument("run", type=_path, metavar="RUN", help="run folder, of a pilot for instance")
    forecast.add_argument("--num-instructions", type=int, required=True, metavar="N", help="instructions to admit")
    forecast.add_argument("--concurrency", type=int, default=8, metavar="N", help="requests in flight (default: 8)")
    _add_prices(forecast)

    push = commands.add_parser(
        "push",
        help="publish a run on the Hugging Face Hub (token: HF_TOKEN)",
        examples=[f"{_PROG} push runs/mine me/my-dataset --private --license apache-2.0"],
    )
    push.add_argument("run", type=_path, metavar="RUN", help="run folder")
    push.add_argument("repo_id", metavar="NAMESPACE/NAME", help="the dataset's name there")
    push.add_argument("--private", action="store_true", help="in a private repository")
    push.add_argument("--license", metavar="ID", help="of the dataset, such as apache-2.0 (default: unknown)")
    push.add_argument("--language", nargs="+", metavar="CODE", help="such as en (default: en where the text looks so)")
    push.add_argument("--script", type=_path, metavar="FILE.py", help="the pipeline script, published too")
    push.add_argument("--allow-incomplete", action="store_true", help="also a run with less than was asked for")

    review = commands.add_parser(
        "review",
        help="instances out to annotators; quality, corrections and seeds back",
        examples=[
            f"{_PROG} review push runs/mine --to review.csv",
            f"{_PROG} review pull runs/mine --from review.csv",
            f"{_PROG} review seeds runs/mine --out seeds.jsonl",
        ],
    )
    _add_review(review.add_subparsers(dest="step", required=True, metavar="STEP", parser_class=Parser))

    commands.add_parser("check", help="ask a model about 20 cheap questions before a run", add_help=False)
    commands.add_parser("judge", help="compare a model as judge with the annotators of a reviewed run", add_help=False)
    return parser


def _add_review(steps: Any) -> None:
    push = steps.add_parser("push", help="send instances to an Argilla server (key: ARGILLA_API_KEY) or to a file")
    push.add_argument("run", type=_path, metavar="RUN", help="run folder")
    where = push.add_mutually_exclusive_group(required=True)
    where.add_argument("--argilla-url", metavar="URL", help="address of the Argilla server")
    where.add_argument("--to", type=_path, metavar="FILE", help="a .csv or .jsonl file instead")
    how_many = push.add_mutually_exclusive_group()
    how_many.add_argument("--sample", type=int, default=200, metavar="N", help="instances, at random (default: 200)")
    how_many.add_argument("--all", dest="sample", action="store_const", const=None, help="all instances")
    push.add_argument("--annotators", type=int, default=1, metavar="N", help="answers a record needs (default: 1)")
    push.add_argument("--workspace", metavar="NAME", help="of the server (default: the only one)")
    push.add_argument("--name", metavar="NAME", help="of the dataset there (default: the run folder's)")
    push.add_argument("--seed", type=int, default=0, metavar="N", help="of the draw (default: 0)")

    pull = steps.add_parser("pull", help="take in what annotators have answered, and show the quality")
    pull.add_argument("run", type=_path, metavar="RUN", help="run folder")
    pull.add_argument("--argilla-url", metavar="URL", help="of the server, if its address has changed")
    pull.add_argument("--from", dest="from_file", type=_path, metavar="FILE", help="a file that was filled in")

    seeds = steps.add_parser("seeds", help="write approved instances as seed tasks")
    seeds.add_argument("run", type=_path, metavar="RUN", help="run folder")
    seeds.add_argument("--out", type=_path, required=True, metavar="FILE", help="the seed file to write")
    seeds.add_argument(
        "--seeds", nargs="+", type=_path, default=[], metavar="FILE", help="other seed files to stay clear of"
    )


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; the exit status. Errors: see `stopping.status_of`."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["run"]:
        return _run(words[1:])
    if words[:1] == ["check"]:
        try:
            return _check(words[1:])
        except KeyboardInterrupt:
            return fail("Stopped. A check keeps nothing.", 130)
    if words[:1] == ["judge"]:
        say(_judge(words[1:]))
        return 0
    if words and not words[0].startswith("-") and words[0] not in (known := ("run", "check", "judge", *_COMMANDS)):
        raise ConfigError(f"There is no command {words[0]!r}{did_you_mean(words[0], known)}; see {_PROG} --help.")
    given = options().parse_args(words)
    say(_COMMANDS[given.command](given))
    return 0


def _run(words: list[str]) -> int:
    """A recipe by its name, or a pipeline script by its path; its own options follow."""
    name = words.pop(0) if words and not words[0].startswith("-") else DEFAULT
    path = Path(name) if name.endswith(".py") else get_recipe(name).script_path()
    module = _load_script(path)
    from distilabel_selfinstruct.cli import script

    return script.run(module.RECIPE, module.build, getattr(module, "finish", None), words, f"{_PROG} run {name}", path)


def _load_script(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such pipeline script.")
    spec = importlib.util.spec_from_file_location(f"pipeline_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a user's script does
        raise ConfigError(f"{path}: cannot be imported: {type(error).__name__}: {error}") from None
    if missing := [name for name in ("RECIPE", "build") if not hasattr(module, name)]:
        raise ConfigError(f"{path}: is no pipeline script: it has no {missing[0]}; begin with `{_PROG} new NAME`.")
    return module


def _recipes(given: argparse.Namespace) -> str:
    return "\n".join(f"{each.name}: {each.title}, {each.url}\n    {each.makes}" for each in recipes().values())


def _new(given: argparse.Namespace) -> str:
    source, target = get_recipe(given.recipe).script_path(), Path(f"{given.name.removesuffix('.py')}.py")
    if target.exists():
        raise ConfigError(f"{target}: is there already; choose another name.")
    shutil.copyfile(source, target)
    return f"{target}: the script of {given.recipe}. Edit it, then: {_PROG} run {target}"


def _add_prices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input-price", type=float, default=0.0, metavar="MONEY", help="of a million tokens in")
    parser.add_argument(
        "--cached-price", type=float, metavar="MONEY", help="of a million tokens in that the endpoint had in its cache"
    )
    parser.add_argument("--output-price", type=float, default=0.0, metavar="MONEY", help="of a million tokens out")


def _prices(given: argparse.Namespace) -> Prices | None:
    return Prices.given(given.input_price, given.output_price, given.cached_price)


def _report(given: argparse.Namespace) -> str:
    from distilabel_selfinstruct.data.seeds import load_seed_tasks
    from distilabel_selfinstruct.models.records import usage_by_stage
    from distilabel_selfinstruct.report import report_for_rows, write_report

    folder = RunFolder(given.what)
    if folder.is_run:
        if given.out is not None or given.seeds:
            raise ConfigError("--out and --seeds are for datasets; the report of a run goes into its folder.")
        usage = usage_by_stage(folder.check_completions) | usage_by_stage(folder.completions)
        return f"report: {write_report(folder.path, usage=usage, prices=_prices(given))}"
    if given.out is None:
        raise ConfigError(f"{given.what}: is no run folder; for the report of a dataset say where to: --out FOLDER.")
    seeds = [task.instruction for task in load_seed_tasks(*given.seeds)] if given.seeds else []
    return f"report: {report_for_rows(given.what, given.out, seeds=seeds)}"


def _forecast(given: argparse.Namespace) -> str:
    from distilabel_selfinstruct.cli.words import forecast_of

    return forecast_of(RunFolder.open(given.run), given.num_instructions, given.concurrency, _prices(given))


def _push(given: argparse.Namespace) -> str:
    from distilabel_selfinstruct.hub import push_run

    return "pushed: " + push_run(
        given.run,
        given.repo_id,
        private=given.private,
        license=given.license,
        language=given.language,
        script=given.script,
        allow_incomplete=given.allow_incomplete,
    )


def _review(given: argparse.Namespace) -> str:
    from distilabel_selfinstruct.review import pull_review, push_review, render_quality, review_seeds

    if given.step == "push":
        pushed = push_review(
            given.run,
            argilla_url=given.argilla_url,
            to_file=given.to,
            sample=given.sample,
            annotators=given.annotators,
            workspace=given.workspace,
            name=given.name,
            seed=given.seed,
        )
        return str(pushed)
    if given.step == "pull":
        return render_quality(pull_review(given.run, argilla_url=given.argilla_url, from_file=given.from_file))
    written = review_seeds(given.run, given.out, given.seeds)
    return f"{written:,} seed tasks: {given.out}. The next run takes them too: --seeds OLD {given.out}"


def judge_options() -> Parser:
    """The options of `judge`, which are those of a model; what they need is imported for this command alone."""
    from distilabel_selfinstruct.cli.options import add_options
    from distilabel_selfinstruct.runs.config import JudgeConfig

    parser = Parser(
        prog=f"{_PROG} judge",
        description="Compares a model as judge with the annotators of a reviewed run.",
        examples=[f"{_PROG} judge runs/mine --llm openai --model NAME"],
    )
    parser.add_argument("run", type=_path, metavar="RUN", help="reviewed run folder")
    add_options(parser, JudgeConfig)
    return parser


def _judge(words: list[str]) -> str:
    from distilabel_selfinstruct.cli.options import config_of
    from distilabel_selfinstruct.data.reasons import JUDGEMENT_STAGE
    from distilabel_selfinstruct.runs.config import JudgeConfig

    given = vars(judge_options().parse_args(words))
    run = RunFolder.open(given.pop("run"))
    config = config_of(given, JudgeConfig)

    from distilabel_selfinstruct.models.durable import DurableLLM
    from distilabel_selfinstruct.review import judge_review, render_agreements
    from distilabel_selfinstruct.runs.models import local_engine, make_model

    with local_engine(config) as engine:
        llm = DurableLLM(
            llm=make_model(config, run.learned, engine),
            folder=str(run.judge_completions),
            stage=JUDGEMENT_STAGE.name,
            concurrency=config.concurrency,
            outage=config.outage,
            timeout=config.timeout,
        )
        return render_agreements(judge_review(run.path, llm, config.judgements, config.wording))


def check_options() -> Parser:
    """The options of `check`, which are those of a run, so that its command line can be taken over as it is."""
    from distilabel_selfinstruct.cli.options import add_options

    parser = Parser(
        prog=f"{_PROG} check",
        usage="%(prog)s [options of run]",
        description="Asks a model about 20 cheap questions on seed tasks that no prompt shows, as a run would: whether"
        " it tells classification, keeps the form and stops, and how long its answers are; with advice. Takes the"
        " options of run, and writes nothing. Exit status: 0 for a model that is fit, or nearly so, 3 for one with"
        " which a run would come to nothing, 1 for an error.",
        examples=[f"{_PROG} check --llm openai --model NAME --base-url https://.../v1 --structured"],
    )
    add_options(parser, get_recipe(DEFAULT).load_config())
    parser.add_argument("--json", action="store_true", default=False, help="print one JSON object")
    return parser


def _check(words: list[str]) -> int:
    from distilabel_selfinstruct.cli.options import config_of

    recipe, given = get_recipe(DEFAULT), vars(check_options().parse_args(words))
    is_json = given.pop("json")
    config = config_of(given, recipe.load_config())

    from distilabel_selfinstruct.cli.script import INCOMPLETE
    from distilabel_selfinstruct.engine.progress import sign_of_life
    from distilabel_selfinstruct.recipes.self_instruct.advice import advice, as_json, describe
    from distilabel_selfinstruct.recipes.self_instruct.check import TWENTY, ask
    from distilabel_selfinstruct.runs.run import Run

    with TemporaryDirectory(prefix="self-instruct-") as folder:
        run = Run(config.model_copy(update={"out": f"{folder}/check"}), recipe)
        run.folder.make()
        with run.ready_model(), sign_of_life("asking"):
            findings = ask(run, TWENTY)
    if is_json:
        say(json.dumps(as_json(findings), ensure_ascii=False, indent=2))
    else:
        say(describe(findings), *_said(advice(findings), config.llm == "demo"))
    return INCOMPLETE if findings.is_useless and config.llm != "demo" else 0


def _said(advice: list[str], is_demo: bool) -> list[str]:
    if is_demo:
        return ["This is the embedded demo model, which knows only tasks that it makes up itself: that says nothing."]
    return [f"advice: {each}" for each in advice] or ["Nothing speaks against a run with this model."]


_COMMANDS = {
    "recipes": _recipes,
    "new": _new,
    "report": _report,
    "forecast": _forecast,
    "push": _push,
    "review": _review,
}
