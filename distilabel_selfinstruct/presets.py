"""Presets: every limit, word list and decoding parameter of the method in one place, each with its source.

`paper` follows the authors' code (github.com/yizhongw/self-instruct, March 2023) to the letter; where the paper
(arXiv 2212.10560) says something else, a comment gives both. `alpaca` changes limits and lists as Stanford Alpaca
does. `default` is what a user wants with today's models; docs/recipes/self-instruct.md gives the reason for each
difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from distilabel_selfinstruct.errors import ConfigError, did_you_mean

Wording = Literal["base", "chat", "structured"]
"""How a question is put: to a model that continues a text, to one that answers messages, or under a JSON schema."""
WORDINGS: tuple[Wording, ...] = get_args(Wording)

AgreeBy = Literal["rouge_l", "judge"]
"""What says that two open answers agree."""
JudgeWording = Literal["chat", "structured"]
JUDGEMENTS = 3  # Self-Rewarding, section 2.4: three are sampled of each answer, and their mean is its score
AGREEING = 0.3
"""The ROUGE-L F from which two open answers say the same: that from which Semantic Uncertainty (arXiv 2302.09664) takes
an answer for right. Of the answers of three models to the paper's 252 questions 40 % of the pairs of one question reach
it, and none of 756 pairs of two questions."""
MOST_POINTS = 5  # that a judge can give, section 2.2
PILOT_ROUNDS = 3
ROOM = 1024
"""The least tokens that an answer in chat or structured wording may have: models think, and JSON has its own words."""

_PAPER_KEYWORDS = (
    "image",
    "images",
    "graph",
    "graphs",
    "picture",
    "pictures",
    "file",
    "files",
    "map",
    "maps",
    "draw",
    "plot",
    "go to",
)  # bootstrap_instructions.py: what a text-only model cannot see or produce
_NEXT_TASK = "\nTask:"  # of the form of our prompts: behind it a model goes on with a task of its own
_AFTER_INSTANCES = (_NEXT_TASK, "\nExample 6", "\nClass label 6")  # behind as many as are kept
_ALPACA_KEYWORDS = (*_PAPER_KEYWORDS, "video", "audio", "music", "flowchart", "diagram")


@dataclass(frozen=True, slots=True)
class Decoding:
    """Decoding parameters of one question.

    `stop` holds for base wording only, and so does a `max_new_tokens` below `ROOM`: a text that goes on has no thoughts
    before it. A chat ends by itself; `chat_stop` ends one that goes on with the form of our prompts all the same, at
    endpoints and where the model does not think. With `end_early` an answer that comes to nothing is ended before its
    limit: one that goes round, at llama.cpp and vLLM, and, at llama.cpp, a chat's that does not begin the form which is
    asked for, so that `chat_form`, a regular expression, is found in it.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    max_new_tokens: int = 1024
    stop: tuple[str, ...] = ()
    chat_stop: tuple[str, ...] = ()
    end_early: bool = False
    chat_form: str | None = None


@dataclass(frozen=True, slots=True)
class Preset:
    """One variant of the method.

    Attributes:
        name: the preset's name, recorded in every run.
        seed_shots: seed tasks shown in a bootstrap prompt when the machine pool is large enough.
        machine_shots: most machine instructions shown in a bootstrap prompt; seeds fill the rest up.
        prompts_a_draw: bootstrap prompts in a row that begin with the same seed tasks; 1 draws them for each, in any
            order.
        new_instructions: new instructions a chat model is asked for in one bootstrap prompt.
        lag: prompts between an answer and the first prompt that may show its instructions; None: from concurrency.
        min_words: an instruction with fewer words is rejected.
        max_words: an instruction with more words is rejected.
        keywords: an instruction with one of these as a whole word, in any case, is rejected (Self-Instruct and Alpaca).
        any_script: whether an instruction may start with a letter outside ASCII.
        lower_case_rest: whether all letters but the first are lowered, as Python's `capitalize` does.
        keep_truncated: whether a completion cut by its length loses only its last item, and not all of them.
        tolerant: whether the habits of chat models (preambles, bold, bullets, fences, JSON) are understood.
        similarity_threshold: a ROUGE-L F above this, with any pool item, rejects.
        contained_words: words that a text must have to be too similar to one that holds all of it in a row, or that it
            holds; 0 asks for ROUGE-L alone.
        tokenizer: `rouge` (rouge_score's own, ASCII only) or `unicode` (any script).
        most_similar: how many of the most similar pool items are kept with an instruction; 0 keeps none and no mean.
        classification_shots: seed tasks shown with (yes, no) in the classification prompt.
        output_first_shots: classification seeds shown in the output-first prompt.
        input_first_shots: other seeds shown in the input-first prompt.
        max_instances: most instances kept of one instruction.
        task_shots: seed tasks shown in a prompt for whole tasks, which is Alpaca's.
        tasks_in_list: number of the task that such a prompt asks the model to go on to.
    """

    name: str
    seed_shots: int = 6
    machine_shots: int = 2
    prompts_a_draw: int = 1
    new_instructions: int = 8
    lag: int | None = None
    min_words: int = 4
    max_words: int = 150
    keywords: tuple[str, ...] = _PAPER_KEYWORDS
    any_script: bool = False
    lower_case_rest: bool = True
    keep_truncated: bool = False
    tolerant: bool = False
    similarity_threshold: float = 0.7
    contained_words: int = 0
    tokenizer: Literal["rouge", "unicode"] = "rouge"
    most_similar: int = 10
    classification_shots: tuple[int, int] = (12, 19)
    output_first_shots: int = 16
    input_first_shots: int = 11
    max_instances: int = 5
    task_shots: int = 3
    tasks_in_list: int = 20
    bootstrap: Decoding = Decoding()
    classification: Decoding = Decoding()
    output_first: Decoding = Decoding()
    input_first: Decoding = Decoding()
    tasks: Decoding = Decoding(temperature=1.0, max_new_tokens=3072, stop=("\n20. Instruction",))


PAPER = Preset(
    name="paper",
    lag=5,  # one request of 5 prompts, drawn from the same pool
    bootstrap=Decoding(
        temperature=0.7, top_p=0.5, presence_penalty=2.0, max_new_tokens=1024, stop=("\n\n", "\n16", "16.", "16 .")
    ),
    classification=Decoding(top_p=0.0, max_new_tokens=3, stop=("\n", "Task")),  # the paper's table: "Task:"
    output_first=Decoding(top_p=0.0, presence_penalty=1.5, max_new_tokens=300, stop=("Example 6", "Task:")),
    input_first=Decoding(top_p=0.0, presence_penalty=1.5, max_new_tokens=350, stop=("Example 6", "Task:")),
)

_YES_OR_NO = Decoding(max_new_tokens=16, stop=("\n\n", _NEXT_TASK), chat_stop=(_NEXT_TASK,))
# benchmarks/decoding.py: small models repeat an instance up to the limit at temperature 0, and some still do at 0.7. A
# presence penalty counts a word once, however often it comes: code and labels bear it, which one of frequency harms.
_INSTANCES = Decoding(
    temperature=0.7,
    presence_penalty=1.0,
    max_new_tokens=1024,
    stop=_AFTER_INSTANCES,
    chat_stop=_AFTER_INSTANCES,
    end_early=True,
    chat_form=r"(?i)(?<![a-z])(?:input|output|label)[^\n]{0,12}[:：]|(?<![a-z])example\W{0,4}\d|\{",
)

DEFAULT = Preset(
    name="default",
    keywords=_ALPACA_KEYWORDS,
    any_script=True,
    lower_case_rest=False,
    keep_truncated=True,
    tolerant=True,
    contained_words=6,
    tokenizer="unicode",
    most_similar=0,
    prompts_a_draw=8,
    classification_shots=(6, 10),
    output_first_shots=4,
    input_first_shots=6,
    bootstrap=Decoding(temperature=1.0, top_p=0.95, max_new_tokens=1024, stop=("\n\n", "\n17."), end_early=True),
    classification=_YES_OR_NO,
    output_first=_INSTANCES,
    input_first=_INSTANCES,
)

ALPACA = Preset(
    name="alpaca",
    seed_shots=3,
    machine_shots=0,
    keywords=_ALPACA_KEYWORDS,
    lower_case_rest=False,  # generate_instruction.py keeps the case
    keep_truncated=True,
    tolerant=True,
    contained_words=6,
    max_instances=1,
    bootstrap=Decoding(temperature=1.0, top_p=1.0, max_new_tokens=3072, stop=("\n\n", "\n12."), end_early=True),
    classification=_YES_OR_NO,
    output_first=_INSTANCES,
    input_first=_INSTANCES,
    # generate_instruction.py, which has "20." twice; it also ends in the middle of a number such as 2020.
    tasks=Decoding(temperature=1.0, top_p=1.0, max_new_tokens=3072, stop=("\n20", "20."), end_early=True),
)

PRESETS = {preset.name: preset for preset in (DEFAULT, PAPER, ALPACA)}


def get_preset(preset: str | Preset) -> Preset:
    """The preset of that name, or the preset itself.

    Raises:
        ConfigError: if there is none of that name.
    """
    if isinstance(preset, Preset):
        return preset
    if preset not in PRESETS:
        raise ConfigError(
            f"There is no preset {preset!r}{did_you_mean(preset, PRESETS)}; choose one of: {', '.join(PRESETS)}."
        )
    return PRESETS[preset]


def default_lag(concurrency: int, wanted: int, shows_pool: bool = True) -> int:
    """A few times the concurrency keeps all slots busy; but most prompts should show what was admitted, if any does."""
    return max(min(4, concurrency), min(4 * concurrency, wanted // 8 if shows_pool else wanted))
