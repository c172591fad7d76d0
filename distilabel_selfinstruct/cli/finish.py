"""What comes after a run: its review made anew, its report, and where it is sent to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from distilabel_selfinstruct.cli.parser import say
from distilabel_selfinstruct.data.growing import Whole
from distilabel_selfinstruct.data.reasons import JUDGEMENT_STAGE
from distilabel_selfinstruct.data.summary import Summary
from distilabel_selfinstruct.errors import MissingExtraError
from distilabel_selfinstruct.runs.config import RunConfig
from distilabel_selfinstruct.runs.run import Run


def judge_notes(run: Run[Any]) -> list[str]:
    """How far the judge of a run agrees with people, or that nobody has ever compared them.

    Raises:
        ConfigError: if this very judge was not compared with people where the config says.
    """
    config = run.config
    if not config.judges:
        return []
    from distilabel_selfinstruct.review import Judge, find_agreement, judge_note

    judge = Judge.of(run.llm_aside(JUDGEMENT_STAGE.name), config.judgements, config.judge_wording, config.rubric_text)
    if config.judge_agreement:
        return [judge_note(find_agreement(config.judge_agreement, judge), config.judge_threshold)]
    return [
        f"The judge {judge} was never compared with people. Review a run, compare them with"
        f" `{judge.command('RUN')}`, and give --judge-agreement RUN."
    ]


def write_what_follows(run: Run[Any], summary: Summary) -> None:
    """Makes the review anew from the answers that annotators gave before, and writes the report."""
    from distilabel_selfinstruct.report import write_report
    from distilabel_selfinstruct.review import write_review

    write_review(run.folder.path)  # takes the lock itself
    run.folder.remove_report()
    with suppress(MissingExtraError):
        write_report(run.folder.path, usage=summary.usage)


def check_targets(config: RunConfig) -> None:
    """Whether what is to be sent can be sent, asked before there is anything to lose.

    Raises:
        HubError: if a push to the Hub cannot succeed.
        ConfigError: if the Hub does not know the licence.
    """
    if config.push_to_hub:
        from distilabel_selfinstruct.hub import check_push
        from distilabel_selfinstruct.hub.licences import check_licence

        check_licence(config.license)
        check_push(config.push_to_hub)


@contextmanager
def publishing(run: Run[Any]) -> Iterator[Whole | None]:
    """While the block runs, what is whole of the run is published, where that was asked for.

    Raises:
        HubError: if a push to the Hub cannot succeed.
    """
    config = run.config
    if not (config.push_to_hub and config.push_every):
        yield None
        return
    from distilabel_selfinstruct.hub.growing import GrowingPush

    push = GrowingPush(config.push_to_hub, run.recipe, config.push_every, private=config.private)
    yield push  # a run that fails waits for no push
    push.close()
    if push.notes:
        say(*push.notes)


def send(run: Run[Any], script: Path) -> list[str]:
    """Publishes the run with the script that made it, and sends it to be reviewed, where that was asked for.

    Returns:
        A line on each.
    """
    config, lines = run.config, []
    if config.push_to_hub:
        from distilabel_selfinstruct.hub import push_run

        published = script if script.suffix == ".py" and script.is_file() else None
        address = push_run(
            run.folder.path, config.push_to_hub, private=config.private, license=config.license, script=published
        )
        lines.append(f"pushed: {address}")
    if config.argilla_url:
        from distilabel_selfinstruct.review import push_review

        lines.append(str(push_review(run.folder.path, argilla_url=config.argilla_url)))
    return lines
