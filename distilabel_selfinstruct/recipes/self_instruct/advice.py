"""What the check of a model has found, in words and as JSON, and what to do about it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from distilabel_selfinstruct.presets import ROOM
from distilabel_selfinstruct.recipes.self_instruct.check import SIX, STAGES, Answers, Findings, ask
from distilabel_selfinstruct.shares import Share

if TYPE_CHECKING:
    from distilabel_selfinstruct.recipes.self_instruct.config import SelfInstructConfig
    from distilabel_selfinstruct.runs.run import Run

_ROOM_IN, _ROOM_OUT = 6 * 2_000, 6 * ROOM  # tokens that the six questions before a run take at most, or nearly so
_OTHER_WAYS = {
    "chat": "--base (if it is a base model), --structured (guided decoding) or another model",
    "base": "it without --base (if it is a chat model) or another model",
    "structured": "it without --structured or another model",
}
_KINDS = {
    "bootstrap": "new instructions",
    "classification": "classification",
    "output_first": "instances, output first",
    "input_first": "instances, input first",
}


def advice(findings: Findings) -> list[str]:
    """What speaks against a run, each with its reason and what to do; nothing where the model is fit."""
    lists, verdicts = findings.answers["bootstrap"], findings.answers.get("classification", Answers())
    other, every = _OTHER_WAYS[findings.wording], list(findings.answers.values())
    found = []
    if findings.failed:
        said = next(each.failure for each in every if each.failure)
        found.append(f"{findings.failed} of {findings.asked} requests failed: {said.rstrip('.')}.")
    if findings.cannot_classify:
        found.append(
            f"It tells classification tasks from others no better than by guessing: {_accuracy(findings)}. It says yes"
            f" to {_of(findings.said_yes)}, and {findings.classification.of} are. Take {other}; or"
            " --skip-classification, which does without."
        )
    elif findings.is_often("out of form", verdicts):
        found.append(
            f"Asked for yes or no it says neither in {verdicts.answered - verdicts.in_form} of {verdicts.answered}"
            f" answers. Take {other}; or --skip-classification."
        )
    if findings.is_often("out of form", lists):
        found.append(f"{_out_of(lists)} list no new instructions as they are asked to. Take {other}.")
    elif lists.answered and not lists.usable:
        found.append(f"None of the {lists.made} instructions that it lists passes the rules. Take {other}.")
    instances = _sum(findings.instances)
    if findings.is_often("out of form", instances):
        found.append(f"{_out_of(instances)} hold no instances in the form that was asked for. Take {other}.")
    elif instances.made and not instances.usable:
        found.append(f"None of its {instances.made} instances passes the rules. Take {other}.")
    if findings.is_often("cut", *every):
        cut, answered = sum(each.cut for each in every), sum(each.answered for each in every)
        found.append(
            f"It does not stop: {cut} of {answered} answers were cut. If it thinks, give it more room:"
            f" --max-tokens N. If it repeats itself, take {other}."
        )
    return found


def before_a_run(run: Run[SelfInstructConfig]) -> list[str]:
    """What speaks against a run that begins, in two lines; nothing where the model seems fit, or nobody may ask it.

    Where a budget has no room for the questions they are left out.

    Raises:
        SelfInstructError: if the model cannot be asked at all.
    """
    # Others would be loaded twice, into this process too.
    asks_endpoint = {str(run.options_of(stage).llm) for stage in STAGES} <= {"local", "openai", "litellm"}
    if run.config.no_check or not asks_endpoint or not run.has_room(_ROOM_IN, _ROOM_OUT):
        return []
    found = advice(ask(run, SIX))
    more = "`self-instruct check` with the same options asks more questions; --no-check leaves these out."
    return [f"Before the run: {found[0]}", more] if found else []


def describe(findings: Findings) -> str:
    """What was found, in lines."""
    answers = findings.answers
    lines = [f"{findings.model}, preset {findings.preset}, wording {findings.wording}: {findings.asked} questions"]
    if "classification" in answers:
        lines.append(
            f"classification: {_accuracy(findings)}; yes to {_of(findings.said_yes)}, and {findings.classification.of}"
            f" are (of all seed tasks {_of(findings.seeds)})"
        )
    elif findings.seeds.right in (0, findings.seeds.of):
        lines.append("classification: not asked, since the seed tasks are all of one kind")
    for name, each in answers.items():
        if name != "classification":
            lines.append(
                f"{_KINDS[name]}: {each.in_form} of {each.answered} answers in form, with {each.made},"
                f" {each.usable} of which pass the rules"
            )
    cut = sum(each.cut for each in answers.values())
    lines.append(f"ends: {cut} of {findings.asked - findings.failed} answers cut")
    lines.append("tokens of an answer: " + "; ".join(_tokens(name, each) for name, each in answers.items()))
    longest = max(each.longest_prompt for each in answers.values())
    window = "" if findings.window is None else f", of a context window of {findings.window:,}"
    lines.append(f"tokens of the longest prompt: {longest:,}{window}")
    return "\n".join(lines)


def as_json(findings: Findings) -> dict[str, Any]:
    """All that was found, with the advice."""
    return {
        "model": findings.model,
        "preset": findings.preset,
        "wording": findings.wording,
        "context_window": findings.window,
        "questions": findings.asked,
        "failed": findings.failed,
        "classification": {
            "balanced_accuracy": findings.accuracy,
            "interval": findings.interval,
            "right_of_classification": dataclasses.asdict(findings.classification),
            "right_of_others": dataclasses.asdict(findings.others),
            "yes": dataclasses.asdict(findings.said_yes),
            "yes_of_seeds": dataclasses.asdict(findings.seeds),
        },
        "answers": {name: dataclasses.asdict(each) for name, each in findings.answers.items()},
        "advice": advice(findings),
        "is_useless": findings.is_useless,
    }


def _accuracy(findings: Findings) -> str:
    right, of = (
        sum(getattr(each, name) for each in (findings.classification, findings.others)) for name in ("right", "of")
    )
    if findings.accuracy is None or findings.interval is None:
        return "nothing known"
    low, high = findings.interval
    return (
        f"right in {right} of {of} held-out seed tasks, balanced accuracy {findings.accuracy:.2f} (95% interval"
        f" {low:.2f} to {high:.2f}; guessing has 0.5)"
    )


def _of(share: Share) -> str:
    return f"{share.right} of {share.of}" + ("" if share.value is None else f" ({share.value:.0%})")


def _out_of(answers: Answers) -> str:
    return f"{answers.answered - answers.in_form} of {answers.answered} answers"


def _sum(answers: list[Answers]) -> Answers:
    names = ("asked", "failed", "in_form", "made", "usable", "cut")
    return Answers(**{name: sum(getattr(each, name) for each in answers) for name in names})


def _tokens(name: str, answers: Answers) -> str:
    if not answers.tokens:
        return f"{_KINDS[name]} none"
    mean = sum(answers.tokens) / len(answers.tokens)
    return f"{_KINDS[name]} {mean:,.0f} (longest {max(answers.tokens):,})"
