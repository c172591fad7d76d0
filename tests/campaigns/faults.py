"""The fault campaign: whole runs of three recipes against an endpoint at which everything goes wrong that heals.

    python tests/campaigns/faults.py --runs 60 --seed 0

Each run is that of a user: the script of a recipe in processes of its own, started again with the same command until it
ends with status 0. Its endpoint is the stub server with the demo model's answers. Every request meets a few faults
before it is answered, many answers come in an odd form that says the same, and each command may meet one disturbance
more: a signal, an outage, a fault of the set-up that refuses everything until it is repaired. In the end the dataset
must be that of a run to which nothing happened. All is drawn from the seed; what a request meets depends on its prompt.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from random import Random
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from distilabel_selfinstruct.demo.answers import answer as demo_answer
from distilabel_selfinstruct.secrets import MASK
from tests.conftest import without_progress
from tests.support import dialects
from tests.support.answers import prompt_of
from tests.support.commands import KEY, Command, Ended
from tests.support.openai_server import (
    CUT,
    DRIP,
    EMPTY,
    HANG,
    RESET,
    TRUNCATED,
    Answer,
    Body,
    Fault,
    OpenAIServer,
    as_it_is,
    changed,
    garbage,
    html,
    status,
)
from tests.support.recipes import rows_of

RECIPES: dict[str, tuple[str, ...]] = {
    "self_instruct": ("--num-instructions", "20"),
    "evolve": ("--max-instructions", "5", "--generations", "2", "--max-tokens", "512"),
    "preferences": ("--max-instructions", "6", "--num-responses", "3"),
}
WAITS = ("--timeout", "8", "--outage", "12")
MOST_FAULTS = 4  # that one request meets
MOST_UNUSABLE = 2  # of them of those that are taken as the request's own fault the third time
MOST_SLOW = 2  # faults of a run that cost the whole of --timeout
MOST_COMMANDS = 8
COUNTS = ("input_tokens", "output_tokens")


# --- the model --------------------------------------------------------------------------------------------------------

HALF, NUL = "\ufffd", "\x00"


def answer(body: Body) -> Answer:
    """The demo model's answer; some hold what a key, half an emoji and a NUL become."""
    prompt = prompt_of(body)
    draw = Random(f"{body['choice']} {prompt}")
    said = demo_answer(prompt, draw, 1.0, body["choice"])
    words = said.text.split(" ")
    if len(words) > 5 and draw.random() < 0.2:
        words.insert(len(words) // 2, draw.choice((HALF, MASK, NUL)))
    return Answer(" ".join(words), said.finish_reason)


# --- faults that heal -------------------------------------------------------------------------------------------------

Make = Callable[[Random], Fault]


def _of(*faults: Fault) -> Make:
    return lambda draw: draw.choice(faults)


def _late(draw: Random) -> Fault:
    """429 with a time to wait, in one of the ways that servers say it."""
    wait = draw.choice(("retry_after", "retry_after_ms", "a_date", "x_ratelimit_reset"))
    body = json.dumps({"error": {"message": "Rate limit reached, try again in 1s", "code": "rate_limit_exceeded"}})
    if wait == "a_date":
        return as_it_is(body, 429, retry_after=formatdate(time.time() + 1, usegmt=True))
    return as_it_is(body, 429, **{wait: {"retry_after": "1", "retry_after_ms": "200"}.get(wait, "300ms")})


def _rows(*kinds: str, **expected: Any) -> list[dialects.Row]:
    """The rows of the table of dialects that expect one of these values."""
    rows = [row for kind in kinds for row in dialects.KINDS[kind]]
    return [row for row in rows if any(row.expected.get(name) in values for name, values in expected.items())]


def _reply(row: dialects.Row, body: Body = {}) -> Fault:  # noqa: B006
    reply = row.reply(body)
    text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
    return as_it_is(text, reply.status, reply.kind)


def _said(message: str, code: int) -> Fault:
    """An error whose sentence JSON can hold, and a file or a terminal cannot."""
    return as_it_is(json.dumps({"error": {"message": message}}), code)


PASSING = tuple(row for row in _rows("errors", status=(429, 500, 502, 503, 504, 529)))
HEALING: dict[str, Make] = {
    "429": _of(status(429), status(429, "Too many requests", code="rate_limit_exceeded")),
    "429 with a wait": _late,
    "5xx": _of(*(status(code) for code in (500, 502, 503, 504, 520, 529))),
    "other status that passes": _of(*(status(code) for code in (408, 409, 425))),
    "gateway page": _of(html(), html(502), html(503), html(504)),
    "connection reset": _of(RESET),
    "body cut": _of(CUT, TRUNCATED),
    "slow": _of(HANG, DRIP),
    "empty body": _of(EMPTY, as_it_is(" \n")),
    "no JSON": _of(as_it_is("upstream connect error"), as_it_is("data: {}\n\n"), as_it_is("[" * 100_000)),
    "other JSON": _of(*map(garbage, (None, 7, "text", [], {}, {"status": "starting"}, {"choices": []},
                                     {"choices": {}}, {"choices": [None]}, {"choices": [{"message": "text"}]}))),
    "error in a 200": lambda draw: _reply(draw.choice(PASSING)),
    "odd text in an error": _of(_said("\ud83d half \x00 NUL \x1b[31m", 500), _said("\ud83d", 200)),
    "key in an error": _of(
        _said(f"key {KEY} is busy", 503), _said(f"Authorization: Bearer {KEY}", 500), as_it_is(f"<html>{KEY}", 502)
    ),
    "answer broken off": lambda draw: _reply(draw.choice(_rows("endings", reason=("server_error",), status=(502,)))),
    "no usable content": lambda draw: _reply(draw.choice(_rows("content", "missing", reason=("invalid_response",)))),
}  # fmt: skip
UNUSABLE, SLOW = "no usable content", "slow"


# --- answers in another form ------------------------------------------------------------------------------------------

Change = Callable[[dict[str, Any], Random], dict[str, Any]]


def _told_otherwise(kinds: tuple[str, ...]) -> Change:
    """The same answers in the form of a server from the table."""
    rows = [row for row in _rows(*kinds, text=(dialects.ANSWER,)) if dialects.ANSWER in json.dumps(row.reply({}).body)]

    def change(completion: dict[str, Any], draw: Random) -> dict[str, Any]:
        row = draw.choice(rows)
        choices = []
        for choice in completion["choices"]:
            text = json.dumps(choice["message"]["content"])[1:-1]
            told = json.dumps(row.reply({}).body["choices"][0]).replace(dialects.ANSWER, text)
            ending = choice["finish_reason"]
            choices.append({**json.loads(told), "index": choice["index"], "finish_reason": ending})
        return {**completion, "choices": choices}

    return change


def _other_usage(completion: dict[str, Any], draw: Random) -> dict[str, Any]:
    odd = ("missing", None, float("nan"), "many", [], -1, 2**70, True, {})
    usages = [row.reply({}).body.get("usage") for row in dialects.USAGE]
    usages += [{"prompt_tokens": draw.choice(odd), "completion_tokens": draw.choice(odd)} for _ in usages]
    return {**completion, "usage": draw.choice(usages)}


def _other_ending(completion: dict[str, Any], draw: Random) -> dict[str, Any]:
    words = {
        "stop": ("STOP", "eos_token", "end_turn", "FinishReason.STOP", {"type": "stop"}, "stop_sequence", "completed"),
        "length": ("model_length", "MAX_TOKENS", "max_tokens", {"type": "length"}, "model_context_window_exceeded"),
    }
    return _each(completion, lambda choice: {"finish_reason": draw.choice(words[choice["finish_reason"]])})


def _in_parts(completion: dict[str, Any], draw: Random) -> dict[str, Any]:
    def parts(choice: dict[str, Any]) -> dict[str, Any]:
        text = choice["message"]["content"]
        middle = draw.randint(0, len(text))
        thought = {"type": "thinking", "thinking": "Rivers."}
        return {"message": {"content": [thought, *map(dialects.text_part, (text[:middle], text[middle:]))]}}

    return _each(completion, parts)


def _more_fields(completion: dict[str, Any], draw: Random) -> dict[str, Any]:
    more = draw.choice(({"error": None}, {"object": None, "created": "now"}, {"id": KEY, "model": f"\ud83d{KEY}"}))
    return {**completion, **more}


def _each(completion: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    return {**completion, "choices": [{**choice, **change(choice)} for choice in completion["choices"]]}


ODD: dict[str, Change] = {
    "content in other words": _told_otherwise(("content",)),
    "content in parts": _in_parts,
    "thoughts": _told_otherwise(("thoughts",)),
    "marks of a template": _told_otherwise(("marks",)),
    "odd usage": _other_usage,
    "odd finish reason": _other_ending,
    "other fields": _more_fields,
}


def _odd(name: str, draw: Random, injected: Counter[str]) -> Fault:
    """The answer in another form; where it holds what half an emoji and a key become, it holds them."""

    def change(completion: dict[str, Any]) -> str:
        told = json.dumps(ODD[name](completion, draw) if _has_texts(completion) else completion)
        for kind, become, was in (("half an emoji", "\\ufffd", "\\ud83d"), ("key in an answer", MASK, KEY)):
            injected[kind] += become in told
            told = told.replace(become, was)
        return told

    return changed(change)


def _has_texts(completion: dict[str, Any]) -> bool:
    """Whether an answer is one that any form can hold: some take the space around it away."""
    texts = [choice["message"]["content"] for choice in completion["choices"]]
    return all(text and text == text.strip() for text in texts)


# --- faults of the set-up ---------------------------------------------------------------------------------------------


def _is_refused(row: dialects.Row, body: Body) -> bool:
    return "choices" not in str(row.reply(body).body)


@dataclass(frozen=True)
class SetUp:
    """A fault that refuses every request until it is repaired, and what the run's one line says of it."""

    said: str
    fault: Fault | None = None
    keys: tuple[str, ...] | None = None
    models: tuple[str, ...] = ("stub-model",)


SET_UP: dict[str, SetUp] = {
    "set-up: a wrong key": SetUp("refuses the key", keys=("another",)),
    "set-up: a wrong model": SetUp("the model", models=("another-model",)),  # is not offered; by litellm: is not there
    "set-up: 401": SetUp("refuses the key", status(401, f"Incorrect API key provided: {KEY}")),
    "set-up: 402": SetUp("balance is used up", status(402, "Insufficient credits")),
    "set-up: 403": SetUp("refuses the key", status(403, f"The key {KEY} may not do this")),
    "set-up: 404": SetUp("nothing at this address", status(404, "Not Found")),
    "set-up: model gone": SetUp("does not have the model", status(404, "The model `m` does not exist")),
    "set-up: quota": SetUp("quota is used up", status(429, "You exceeded your quota", code="insufficient_quota")),
    "set-up: 400": SetUp("no such thing", status(400, "no such thing")),
    "set-up: 422": SetUp(
        "Field required", as_it_is('{"detail": [{"loc": ["body", "user"], "msg": "Field required"}]}', 422)
    ),
    "set-up: a parser that swallows": SetUp(
        "reasoning", as_it_is(json.dumps(dialects.completion({"content": None, "reasoning": "Rivers."})))
    ),
    "set-up: error in a 200": SetUp(
        "Insufficient credits", garbage({"error": {"message": "Insufficient credits", "code": 402}})
    ),
}  # fmt: skip
SENT = {"temperature": 1.0, "top_p": 0.95, "max_tokens": 1024}
REFUSED = tuple(
    row
    for row in dialects.PARAMETERS
    if _is_refused(row, SENT) and "sent" in row.expected and not row.expected.keys() & {"status", "finish_reason"}
)
"""Those that refuse what these recipes send, and answer without it."""
MODELS = {
    "/models fails": _of(status(503), status(500), html(502), RESET, CUT, status(408), status(429), status(501)),
}


# --- the endpoint -----------------------------------------------------------------------------------------------------


class Endpoint(OpenAIServer):
    """The stub with the faults of one run; `injected` counts them by kind.

    Args:
        seed: of all that it draws.
        is_odd: whether answers come in other forms.
        refused: parameters that it refuses for good.
        is_calm: whether nothing of that happens.
    """

    def __init__(
        self, seed: str, is_odd: bool = False, refused: dialects.Row | None = None, is_calm: bool = False
    ) -> None:
        super().__init__(answer=answer, latency=0.02, fault_rule=self._next)
        self.seed, self.is_odd, self.refused, self.is_calm = seed, is_odd, refused, is_calm
        self.injected: Counter[str] = Counter()
        self.broken: tuple[str, int] | None = None  # the fault of the set-up, and the request from which on it is there
        self.models_failing = 0
        self._met: dict[str, list[str]] = {}

    async def respond(self, method: str, path: str, key: str | None, body: dict[str, Any]) -> Fault:
        if path == "/v1/models" and self.models_failing:
            self.models_failing -= 1
            return self._count(*self._draw(MODELS, Random(f"{self.seed} {self.models_failing}")))
        return await super().respond(method, path, key, body)

    def break_set_up(self, name: str, number: int) -> None:
        """From this request on everything is refused, until it is repaired; at once where it stands in `/models`."""
        self.broken = (name, number)
        self.models = SET_UP[name].models
        self.api_keys = set(SET_UP[name].keys) if SET_UP[name].keys else None
        if SET_UP[name].fault is None:
            self.injected[name] += 1

    def repair(self) -> None:
        self.broken, self.models, self.api_keys = None, ("stub-model",), None

    def _next(self, body: Body) -> Fault | None:
        if self.broken is not None and len(self.requests) > self.broken[1]:
            name = self.broken[0]
            return self._count(name, SET_UP[name].fault) if SET_UP[name].fault else None
        if self.refused is not None and _is_refused(self.refused, body):
            return self._count("a parameter refused", _reply(self.refused, body))
        if self.is_calm:
            return None
        prompt = prompt_of(body)
        met = self._met.setdefault(prompt, [])
        draw = Random(f"{self.seed} {len(met)} {prompt}")
        if len(met) < MOST_FAULTS and draw.random() < 0.5:
            name, fault = self._draw(HEALING, draw)
            is_too_often = name == UNUSABLE and met.count(UNUSABLE) >= MOST_UNUSABLE
            if not is_too_often and not (name == SLOW and self.injected[SLOW] >= MOST_SLOW):
                met.append(name)
                return self._count(name, fault)
        if self.is_odd and draw.random() < 0.7:
            name = draw.choice(list(ODD))
            return self._count(name, _odd(name, draw, self.injected))
        return None

    def _draw(self, faults: Mapping[str, Make], draw: Random) -> tuple[str, Fault]:
        name = draw.choice(list(faults))
        return name, faults[name](draw)

    def _count(self, name: str, fault: Fault | None) -> Fault:
        assert fault is not None
        self.injected[name] += 1
        return fault


# --- a run ------------------------------------------------------------------------------------------------------------

SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}
DISTURBANCES = ("signal", "outage that passes", "outage that lasts", "set-up", "/models")


@dataclass
class Outcome:
    """What became of a run.

    Attributes:
        wrong: what is not as it should be, by kind, each with a sentence.
        ends: how its commands have ended.
    """

    name: str
    wrong: list[tuple[str, str]] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    injected: Counter[str] = field(default_factory=Counter)
    requests: int = 0


def rows(folder: Path, but: tuple[str, ...] = ()) -> dict[str, list[dict[str, Any]]]:
    """The rows of all configs of a dataset, without some columns."""
    configs = sorted(path.name for path in (folder / "dataset").iterdir())
    return {
        config: [{name: value for name, value in row.items() if name not in but} for row in rows_of(folder, config)]
        for config in configs
    }


@dataclass(frozen=True)
class Whole:
    """A run to which nothing happened."""

    folder: Path
    requests: int


def undisturbed(recipe: str, folder: Path, client: str) -> Whole:
    """A run to which nothing happens."""
    with Endpoint("", is_calm=True) as server, _command(recipe, server, folder, client) as command:
        ended = command.wait()
        assert ended.status == 0, ended
        return Whole(folder, len(server.requests))


def disturbed(recipe: str, seed: str, whole: Whole, folder: Path, client: str) -> Outcome:
    """A run to which a lot happens, compared with that to which nothing did."""
    outcome, draw = Outcome(f"{recipe} {seed}"), Random(f"{recipe} {seed}")
    is_odd, refused = draw.random() < 0.6, draw.choice(REFUSED) if draw.random() < 0.4 else None
    disturbances = DISTURBANCES
    if client == "litellm":  # which reads odd answers its own way, and asks for no list of models
        is_odd, refused, disturbances = False, None, DISTURBANCES[:4]
    planned = draw.sample(disturbances, draw.randint(0, 3))
    with Endpoint(outcome.name, is_odd, refused) as server:
        for number in range(MOST_COMMANDS):
            disturbance = planned[number] if number < len(planned) else "none"
            command = _command(recipe, server, folder, client)
            ended = _ended(command, server, disturbance, draw, whole.requests, outcome)
            if ended is None or ended.status == 0:
                break
        outcome.injected, outcome.requests = server.injected, len(server.requests)
    if ended is not None and ended.status != 0:
        outcome.wrong.append(("unfinished", f"status {ended.status} after {MOST_COMMANDS} commands"))
    elif ended is not None:
        got, wanted = (rows(made, COUNTS if is_odd else ()) for made in (folder, whole.folder))
        if got != wanted:
            outcome.wrong.append(("unequal", _difference(got, wanted)))
    return outcome


def _command(recipe: str, server: Endpoint, folder: Path, client: str) -> Command:
    waits = () if server.is_calm else WAITS  # a busy machine is no fault
    return Command(server.url, folder, *RECIPES[recipe], *waits, pipeline=recipe, client=client)


def _ended(
    command: Command, server: Endpoint, disturbance: str, draw: Random, size: int, outcome: Outcome
) -> Ended | None:
    """The end of a command that meets a disturbance; None where it has none as it should be."""
    before = len(server.requests)
    at, name, to_group = before + draw.randint(0, size), draw.choice(list(SIGNALS)), draw.random() < 0.5
    moment, seconds = draw.uniform(0, 0.5), draw.uniform(1, 4)
    broken = draw.choice(list(SET_UP))
    done: list[str] = []
    if disturbance == "set-up":
        server.break_set_up(broken, before if draw.random() < 0.6 else at)
    if disturbance == "/models":
        server.models_failing = draw.randint(1, 4)

    def disturb() -> None:
        while len(server.requests) < at and command.is_running:
            time.sleep(0.02)
        time.sleep(moment)
        while disturbance == "signal" and command.is_running and not _listens(command):
            time.sleep(0.02)
        if not command.is_running:
            return
        if disturbance == "signal":
            with contextlib.suppress(ProcessLookupError):
                command.send(SIGNALS[name], to_group)
                done.append(name)
        elif disturbance == "outage that passes":
            server.outage(seconds)
            done.append(disturbance)
        elif disturbance == "outage that lasts":
            server.outage()
            done.append(disturbance)

    disturber = threading.Thread(target=disturb)
    disturber.start()
    try:
        ended = command.wait()
    except subprocess.TimeoutExpired:
        outcome.wrong.append(("hang", f"{disturbance} {done}"))
        return None
    except AssertionError as error:
        outcome.wrong.append(("hang" if "waited" in str(error) else "leak", f"{disturbance} {done}: {error}"))
        return None
    finally:
        command.end()
        disturber.join()
        if done and "outage" in disturbance:
            server.recover()
        server.injected.update(done)
        was_broken = server.broken
        server.repair()
    refused = was_broken is not None and (SET_UP[broken].fault is None or len(server.requests) > was_broken[1])
    _check(ended, done, broken if refused else None, command.folder, outcome)
    return ended


def _listens(command: Command) -> bool:
    """Whether it has come so far that it takes SIGTERM: nothing can while Python itself starts."""
    try:
        said = Path(f"/proc/{command.pid}/status").read_text()
    except OSError:
        return False
    caught = int(said.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def _check(ended: Ended, done: list[str], broken: str | None, folder: Path, outcome: Outcome) -> None:
    """Whether a command ended as it should after what was done to it."""
    log = folder / "run.log"
    logged = log.read_text(errors="replace") if log.exists() else ""
    is_known = any(kind == "traceback" for kind, _ in outcome.wrong)
    if not is_known and "Traceback (most recent" in ended.out + ended.err + logged:
        outcome.wrong.append(("traceback", f"{done} {broken}: {ended.err[-2000:]}"))
    lines = [line for line in without_progress(ended.err).splitlines() if line and line not in ended.first_line]
    said = f"status {ended.status} after {done} {broken}: {ended.out[-600:]}\n{ended.err[-1500:]}"
    if ended.status == 0:
        outcome.ends["0: done"] += 1
    elif ended.status == 3 and "the same command" in ended.out:
        outcome.ends[f"3: run the same command{' (set-up)' if broken else ''}"] += 1
    elif ended.status == 1 and len(lines) == 1 and lines[0].startswith("Error: "):
        words = SET_UP[broken].said if broken else "cannot be reached" if "outage that lasts" in done else None
        if words is None or words not in lines[0]:
            outcome.wrong.append(("wrong sentence", said))
        outcome.ends["1: one line"] += 1
    elif ended.status == 130 and done and done[0] in ("SIGTERM", "SIGINT") and len(lines) == 1:
        outcome.ends["130: stopped"] += 1
    elif ended.status == -signal.SIGKILL and done == ["SIGKILL"]:
        outcome.ends["killed"] += 1
    else:
        outcome.wrong.append(("wrong end", said))


def _difference(got: dict[str, list[Any]], wanted: dict[str, list[Any]]) -> str:
    """Where two datasets part."""
    for config, rows in wanted.items():
        for number, (one, other) in enumerate(zip(got.get(config, []), rows)):
            if one != other:
                return f"{config}, row {number}: {one}\ninstead of {other}"
        if len(got.get(config, [])) != len(rows):
            return f"{config}: {len(got.get(config, []))} rows instead of {len(rows)}"
    return "other configs"


# --- the campaign -----------------------------------------------------------------------------------------------------


def campaign(
    runs: int, seed: int, recipes: list[str], jobs: int, folder: Path, until: float | None = None,
    say: Callable[[str], None] = lambda line: None, client: str = "openai",
) -> list[Outcome]:  # fmt: skip
    """So many runs of each recipe, several at a time; none begins after `until`, a `time.time()`."""
    with ThreadPoolExecutor(jobs) as pool:
        wholes = dict(
            zip(recipes, pool.map(lambda recipe: undisturbed(recipe, folder / recipe / "whole", client), recipes))
        )

        def one(planned: tuple[int, str]) -> Outcome | None:
            number, recipe = planned
            if until is not None and time.time() > until:
                return None
            made = folder / recipe / f"{seed}-{number}"
            outcome = disturbed(recipe, f"{seed}-{number}", wholes[recipe], made, client)
            faults, wrong = sum(outcome.injected.values()), "; ".join(f"{kind}: {what}" for kind, what in outcome.wrong)
            say(f"{outcome.name}: {faults} faults, {dict(outcome.ends)} {wrong or 'equal'}")
            if not outcome.wrong:
                shutil.rmtree(made)
            return outcome

        planned = [(number, recipe) for number in range(runs) for recipe in recipes]
        return [outcome for outcome in pool.map(one, planned) if outcome is not None]


def table(outcomes: list[Outcome]) -> str:
    """The figures of a campaign."""
    injected = sum((outcome.injected for outcome in outcomes), Counter[str]())
    ends = sum((outcome.ends for outcome in outcomes), Counter[str]())
    wrong = Counter(kind for outcome in outcomes for kind, _ in outcome.wrong)
    figures: dict[str, int] = {
        **dict(sorted(injected.items())),
        "faults in all": injected.total(),
        "requests": sum(outcome.requests for outcome in outcomes),
        "runs": len(outcomes),
        "commands": ends.total(),
        **{f"ended {end}": count for end, count in sorted(ends.items())},
        "runs equal to an undisturbed one": sum(not outcome.wrong for outcome in outcomes),
        **{f"{kind}s": wrong[kind] for kind in ("hang", "traceback", "leak")},
        **{kind: wrong[kind] for kind in ("unequal", "unfinished", "wrong end", "wrong sentence")},
    }
    return "\n".join(f"{name:40}{count:>8,}" for name, count in figures.items())


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10, help="of each recipe")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES), default=list(RECIPES))
    parser.add_argument("--client", choices=["openai", "litellm"], default="openai", help="that asks the endpoint")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument("--minutes", type=float, help="no run begins later")
    parser.add_argument("--keep", type=Path, help="folder in which the runs that went wrong stay")
    given = parser.parse_args()
    until = time.time() + 60 * given.minutes if given.minutes else None
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        outcomes = campaign(given.runs, given.seed, given.recipes, given.jobs, folder, until, _say, given.client)
    print(table(outcomes))
    return 1 if any(outcome.wrong for outcome in outcomes) else 0


if __name__ == "__main__":
    raise SystemExit(main())
