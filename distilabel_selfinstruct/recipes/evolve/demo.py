"""Evol-Instruct: instructions made more demanding, whether they are, and answers to them.

What is asked on top of a task that the demo model knows is a change of its answer. Any other instruction becomes a text
to ask about. So every evolved instruction has a right answer, which is computed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from random import Random

from distilabel_selfinstruct.demo.completion import Completion
from distilabel_selfinstruct.demo.plain import solve, spoken
from distilabel_selfinstruct.demo.tasks import GRAMMAR, noise

_EVOLVE = re.compile(r"#(?:The )?Given Prompt#:\n(.+)\n#(Rewritten|Created) Prompt#:\s*\Z", re.DOTALL)
_JUDGE = re.compile(
    r"\nFirst instruction:\n(.+)\n\nSecond instruction:\n(.+)\n\nDoes the second instruction ", re.DOTALL
)
_REQUEST = "The text between the two lines is a request that we got:\n---\n{}\n---\n{}"
_ABOUT = re.compile(_REQUEST.format("(.+)", r"([^\n]+)"), re.DOTALL)
_POLITE_WORDS = ("please", "kindly", "now")

_FURTHER: Mapping[str, Callable[[str], str]] = {
    "Write the whole answer in capital letters, from the first word to the last.": str.upper,
    "Put square brackets around all of it, one at the beginning and one at the end.": "[{}]".format,
    "Begin with the words The result is, and let the answer follow on the same line.": "The result is {}".format,
    "Give the answer twice, once on a first line and once more on a line below.": lambda text: f"{text}\n{text}",
    "After the answer, add a slash and the number of its characters, with the spaces.": lambda text: (
        f"{text} / {len(text)}"
    ),
    "Write all characters of the answer in reverse order, so that the last comes first.": lambda text: text[::-1],
}
"""Requirements that are added below an instruction, and what each does to the answer."""


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


_ABOUT_A_TEXT: Mapping[str, Callable[[str], str]] = {
    "Do not do what it says, but tell me how many words it has, counted between spaces.": lambda text: str(
        len(text.split())
    ),
    "Do not answer it, and name its longest word; if there are several, the first of them.": lambda text: max(
        _words(text), key=len, default="none"
    ),
    "Leave the request alone and spell its very first word backwards, in small letters.": lambda text: (
        _words(text) or ["none"]
    )[0].lower()[::-1],
    "Instead of carrying it out, count the letters e in it, small and capital ones alike.": lambda text: str(
        text.lower().count("e")
    ),
    "Without following the request, list its different words with more than eight letters.": lambda text: (
        ", ".join(dict.fromkeys(word.lower() for word in _words(text) if len(word) > 8)) or "none"
    ),
}
"""Questions about the text of an instruction, and their answers."""


def answer(prompt: str, rng: Random, scale: float) -> Completion | None:
    """An evolved instruction, a judgement, or the answer to an evolved instruction; None to any other prompt."""
    prompt = prompt.strip()
    if (asked := _EVOLVE.search(prompt)) is not None:
        return _evolve(asked[1], asked[2] == "Created", rng, scale)
    if (asked := _JUDGE.search(prompt)) is not None:
        return _judge(asked[1], asked[2], rng, scale)
    solution = _solve_evolved(prompt)
    return None if solution is None else spoken(solution, rng, scale, noise.EVOLVED_ANSWER_SHARES)


def _evolve(given: str, is_created: bool, rng: Random, scale: float) -> Completion:
    wrong = noise.pick(rng, noise.EVOLUTION_SHARES, scale)
    mark = "#Created Prompt#" if is_created else "#Rewritten Prompt#"
    evolved = _created(rng) if is_created else _rewritten(given, rng)
    texts = {
        "empty": "",
        "refusal": "I'm sorry, but I can't rewrite this.",
        "same": given,
        "polite": f"Please {given[:1].lower()}{given[1:]}",
        "copied": f"Do what the given prompt says, and then this: {evolved}",
        "marked": f"{mark}:\n{evolved}",
        "chatter": f"Sure! Here is a version that is harder to handle:\n\n{evolved}\n\n{noise.CLOSING}",
        "quoted": f"“{evolved}”",
    }
    if wrong == "truncated":
        return Completion(noise.cut(evolved, rng), "length")
    return Completion(texts.get(str(wrong), evolved))


def _created(rng: Random) -> str:
    """Another task, with an input where it needs one."""
    instruction = GRAMMAR.propose(rng)
    task = GRAMMAR.recognise(instruction)
    given = task.instances(rng, 1)[0].input if task else ""
    return f"{instruction}\n\n{given}" if given else instruction


def _rewritten(given: str, rng: Random) -> str:
    """The instruction with a further requirement, where the answer is known; else a question about it."""
    if _solution_of(given) is None:
        question = rng.choice(list(_ABOUT_A_TEXT))
        return _REQUEST.format(given, question)
    unused = [requirement for requirement in _FURTHER if requirement not in given]
    return f"{given}\n\n{rng.choice(unused)}" if unused else _created(rng)


def _judge(first: str, second: str, rng: Random, scale: float) -> Completion:
    if noise.pick(rng, noise.CLASSIFICATION_SHARES, scale):
        return Completion(rng.choice(noise.UNCLEAR))
    return Completion("No" if _essence(first) == _essence(second) else "Yes")


def _essence(instruction: str) -> list[str]:
    """Its words, without those that are only polite."""
    words = instruction.casefold().split()
    return words[1:] if words and words[0] in _POLITE_WORDS else words


def _solve_evolved(instruction: str) -> str | None:
    """The right answer to an instruction that was rewritten here; None to any other."""
    if (about := _ABOUT.fullmatch(instruction)) is not None and about[2] in _ABOUT_A_TEXT:
        return _ABOUT_A_TEXT[about[2]](about[1])
    before, _, requirement = instruction.rpartition("\n\n")
    if requirement not in _FURTHER or (solution := _solution_of(before)) is None:
        return None
    return _FURTHER[requirement](solution)


def _solution_of(instruction: str) -> str | None:
    """The right answer, rewritten or not."""
    solution = _solve_evolved(instruction)
    return solve(instruction) if solution is None else solution


def right_answer(instruction: str, passage: str | None) -> str | None:
    """The right answer to a rewritten instruction."""
    return _solve_evolved(instruction)
