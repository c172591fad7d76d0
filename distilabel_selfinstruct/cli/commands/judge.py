"""`self-instruct judge`: a model as judge against the annotators of a reviewed run."""

from __future__ import annotations

from distilabel_selfinstruct.cli.arguments import a_path
from distilabel_selfinstruct.cli.options import add_options, config_of
from distilabel_selfinstruct.cli.parser import PROG, Parser
from distilabel_selfinstruct.data.folder import RunFolder
from distilabel_selfinstruct.data.reasons import JUDGEMENT_STAGE
from distilabel_selfinstruct.runs.config import JudgeConfig


def options() -> Parser:
    """The reviewed run, and the options of a model."""
    parser = Parser(
        prog=f"{PROG} judge",
        description="Compares a model as judge with the annotators of a reviewed run.",
        examples=[f"{PROG} judge runs/mine --llm openai --model NAME"],
    )
    parser.add_argument("run", type=a_path, metavar="RUN", help="reviewed run folder")
    add_options(parser, JudgeConfig)
    return parser


def run(words: list[str]) -> str:
    """Has the model judge; how far it agrees."""
    given = vars(options().parse_args(words))
    folder = RunFolder.open(given.pop("run"))
    config = config_of(given, JudgeConfig)

    from distilabel_selfinstruct.models.durable import DurableLLM
    from distilabel_selfinstruct.review import judge_review, render_agreements
    from distilabel_selfinstruct.runs.models import local_engine, make_model

    with local_engine(config) as engine:
        llm = DurableLLM(
            llm=make_model(config, folder.learned, engine),
            folder=str(folder.judge_completions),
            stage=JUDGEMENT_STAGE.name,
            concurrency=config.concurrency,
            outage=config.outage,
            timeout=config.timeout,
        )
        return render_agreements(judge_review(folder.path, llm, config.judgements, config.wording, config.rubric_text))
