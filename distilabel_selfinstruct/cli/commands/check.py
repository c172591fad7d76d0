"""`self-instruct check`: about 20 cheap questions to a model before a run."""

from __future__ import annotations

import json
from tempfile import TemporaryDirectory
from typing import Any

from distilabel_selfinstruct.cli.options import add_options, config_of
from distilabel_selfinstruct.cli.parser import PROG, Parser, fail, say
from distilabel_selfinstruct.recipe import DEFAULT, get_recipe


def options() -> Parser:
    """The options of a run, so that its command line can be taken over as it is."""
    parser = Parser(
        prog=f"{PROG} check",
        usage="%(prog)s [options of run]",
        description="Asks a model about 20 cheap questions on seed tasks that no prompt shows, as a run would: whether"
        " it tells classification, keeps the form and stops, and how long its answers are; with advice. Takes the"
        " options of run, and writes nothing. Exit status: 0 for a model that is fit, or nearly so, 3 for one with"
        " which a run would come to nothing, 1 for an error.",
        examples=[f"{PROG} check --llm openai --model NAME --base-url https://.../v1 --structured"],
    )
    add_options(parser, get_recipe(DEFAULT).load_config())
    parser.add_argument("--json", action="store_true", default=False, help="print one JSON object")
    return parser


def run(words: list[str]) -> int:
    """Asks, and says what the answers say; the exit status."""
    given = vars(options().parse_args(words))
    is_json = given.pop("json")
    config = config_of(given, get_recipe(DEFAULT).load_config())
    try:
        return _ask(config, is_json)
    except KeyboardInterrupt:
        return fail("Stopped. A check keeps nothing.", 130)


def _ask(config: Any, is_json: bool) -> int:
    from distilabel_selfinstruct.cli.script import INCOMPLETE
    from distilabel_selfinstruct.engine.progress import sign_of_life
    from distilabel_selfinstruct.recipes.self_instruct.advice import advice, as_json, describe
    from distilabel_selfinstruct.recipes.self_instruct.check import TWENTY, ask
    from distilabel_selfinstruct.runs.run import Run

    with TemporaryDirectory(prefix="self-instruct-") as folder:
        run = Run(config.model_copy(update={"out": f"{folder}/check"}), get_recipe(DEFAULT))
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
