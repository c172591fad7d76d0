"""The recipes: what each pipeline script is called, whose method it follows, and which stages its rows go through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from distilabel_selfinstruct.errors import ConfigError


@dataclass(frozen=True, slots=True)
class RecipeStage:
    """A stage that can reject rows.

    Attributes:
        name: as in the column `stage` of the config `rejected`.
        title: as in reports.
        judges: what it lets pass or rejects: candidate instructions, admitted ones, instances, preference pairs, or
            topics.
        optional: whether runs may go without it.
    """

    name: str
    title: str
    judges: Literal["candidate", "instruction", "instance", "pair", "topic"]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """A method that a pipeline script follows.

    Attributes:
        name: as recorded in a run folder.
        title: of the method.
        url: of its paper or of its authors' code.
        stages: in the order in which rows come to them.
        how: what happens, a paragraph of Markdown a step.
        citation: BibTeX.
    """

    name: str
    title: str
    url: str
    stages: tuple[RecipeStage, ...]
    how: tuple[str, ...]
    citation: str

    def maker_of(self, what: str) -> RecipeStage | None:
        """The first stage that judges this kind of row; None where the recipe makes none of it."""
        return next((stage for stage in self.stages if stage.judges == what), None)


_JUDGEMENT = RecipeStage("judgement", "Judgement", "instance", optional=True)
_SIMILAR = "A candidate whose ROUGE-L with an earlier one is above the limit is dropped."
_SELF_INSTRUCT = """\
@misc{wang2022selfinstruct,
  title = {Self-Instruct: Aligning Language Models with Self-Generated Instructions},
  author = {Yizhong Wang and Yeganeh Kordi and Swaroop Mishra and Alisa Liu and Noah A. Smith and Daniel Khashabi and \
Hannaneh Hajishirzi},
  year = {2022},
  eprint = {2212.10560},
  archivePrefix = {arXiv},
  primaryClass = {cs.CL}
}"""

SELF_INSTRUCT = Recipe(
    name="self-instruct",
    title="Self-Instruct",
    url="https://arxiv.org/abs/2212.10560",
    stages=(
        RecipeStage("bootstrap", "Bootstrap", "candidate"),
        RecipeStage("classification", "Classification", "instruction"),
        RecipeStage("instances", "Instances", "instance"),
        _JUDGEMENT,
    ),
    how=(
        "**Bootstrap.** The model is shown a few tasks of the pool, which begins with the seed tasks, and comes up with"
        " new ones. A candidate joins the pool if it passes the filters and its ROUGE-L with everything in the pool is"
        " low enough.",
        "**Classification.** The model says of each instruction whether it is a classification task.",
        "**Instances.** For a classification task the model writes the label first and then an input for it, which"
        " keeps labels from being one-sided; for the others the input first and then the output.",
        "**Filters.** Empty, repeated, contradictory and cut-off instances are dropped.",
    ),
    citation=_SELF_INSTRUCT,
)
ALPACA = Recipe(
    name="alpaca",
    title="Stanford Alpaca",
    url="https://github.com/tatsu-lab/stanford_alpaca",
    stages=(
        RecipeStage("bootstrap", "Bootstrap", "candidate"),
        RecipeStage("instances", "Instances", "instance"),
        _JUDGEMENT,
    ),
    how=(
        "**Tasks.** The model is shown three seed tasks and goes on to the twentieth: instruction, input and output in"
        f" one completion. {_SIMILAR}",
        "**Filters.** Empty, repeated and cut-off tasks are dropped.",
    ),
    citation="""\
@misc{alpaca,
  author = {Rohan Taori and Ishaan Gulrajani and Tianyi Zhang and Yann Dubois and Xuechen Li and Carlos Guestrin and \
Percy Liang and Tatsunori B. Hashimoto},
  title = {Stanford Alpaca: An Instruction-following LLaMA model},
  year = {2023},
  publisher = {GitHub},
  howpublished = {\\url{https://github.com/tatsu-lab/stanford_alpaca}}
}""",
)
DOMAIN = Recipe(
    name="domain",
    title="queries about documents (distilabel's SelfInstruct)",
    url="https://distilabel.argilla.io",
    stages=(
        RecipeStage("queries", "Queries", "candidate"),
        RecipeStage("dedup", "Near-duplicates", "candidate"),
        RecipeStage("answers", "Answers", "instance"),
        _JUDGEMENT,
    ),
    how=(
        "**Queries.** The model is shown a passage of a document, the description of an application and criteria, and"
        " writes queries.",
        f"**Near-duplicates.** {_SIMILAR}",
        "**Answers.** The model answers each query, with the passage before it unless the run is `closed_book`.",
    ),
    citation=_SELF_INSTRUCT,
)
TOPICS = Recipe(
    name="topics",
    title="airoboros",
    url="https://github.com/jondurbin/airoboros",
    stages=(
        RecipeStage("topics", "Topics", "topic"),
        RecipeStage("instructions", "Instructions", "candidate"),
        RecipeStage("answers", "Answers", "instance"),
        _JUDGEMENT,
    ),
    how=(
        "**Topics.** The model lists topics; repeated ones are dropped.",
        f"**Instructions.** For each topic it writes instructions of several kinds, each with a quota. {_SIMILAR}",
        "**Answers.** It answers each of them; refusals are dropped.",
    ),
    citation="""\
@misc{airoboros,
  author = {Jon Durbin},
  title = {airoboros: using large language models to fine-tune large language models},
  year = {2023},
  publisher = {GitHub},
  howpublished = {\\url{https://github.com/jondurbin/airoboros}}
}""",
)
EVOLVE = Recipe(
    name="evolve",
    title="Evol-Instruct (WizardLM)",
    url="https://arxiv.org/abs/2304.12244",
    stages=(
        RecipeStage("evolution", "Evolution", "candidate"),
        RecipeStage("dedup", "Near-duplicates", "candidate"),
        RecipeStage("answers", "Answers", "instance"),
        _JUDGEMENT,
    ),
    how=(
        "**Evolution.** The model rewrites each instruction into a more demanding one, or makes a rarer one of the same"
        " domain; what brings no gain, copies words of the prompt or is refused is dropped, and the instruction before"
        " it goes on to the next generation.",
        f"**Near-duplicates.** {_SIMILAR} The original instructions count too.",
        "**Answers.** The model answers the evolved instructions; refusals and answers of stop words only are dropped.",
    ),
    citation="""\
@misc{xu2023wizardlm,
  title = {WizardLM: Empowering Large Language Models to Follow Complex Instructions},
  author = {Can Xu and Qingfeng Sun and Kai Zheng and Xiubo Geng and Pu Zhao and Jiazhan Feng and Chongyang Tao and \
Daxin Jiang},
  year = {2023},
  eprint = {2304.12244},
  archivePrefix = {arXiv},
  primaryClass = {cs.CL}
}""",
)
MAGPIE = Recipe(
    name="magpie",
    title="Magpie",
    url="https://arxiv.org/abs/2406.08464",
    stages=(
        RecipeStage("magpie", "Instructions", "candidate"),
        RecipeStage("answers", "Answers", "instance"),
        _JUDGEMENT,
    ),
    how=(
        "**Instructions.** The model is given nothing but the beginning of a user's turn, and writes what a user might"
        f" ask. {_SIMILAR}",
        "**Answers.** It answers its own instruction.",
    ),
    citation="""\
@misc{xu2024magpie,
  title = {Magpie: Alignment Data Synthesis from Scratch by Prompting Aligned LLMs with Nothing},
  author = {Zhangchen Xu and Fengqing Jiang and Luyao Niu and Yuntian Deng and Radha Poovendran and Yejin Choi and \
Bill Yuchen Lin},
  year = {2024},
  eprint = {2406.08464},
  archivePrefix = {arXiv},
  primaryClass = {cs.CL}
}""",
)
PREFERENCES = Recipe(
    name="preferences",
    title="Self-Rewarding Language Models",
    url="https://arxiv.org/abs/2401.10020",
    stages=(
        RecipeStage("responses", "Responses", "instance"),
        RecipeStage("judgement", "Judgement", "instance"),
        RecipeStage("preferences", "Preference pairs", "pair"),
    ),
    how=(
        "**Responses.** The model answers each instruction several times; empty, cut and repeated answers are dropped.",
        "**Judgement.** The model as judge gives each answer up to five points, several times; the mean is its reward.",
        "**Preference pairs.** The best and the worst answer make a pair; where they are equal there is none.",
    ),
    citation="""\
@misc{yuan2024selfrewarding,
  title = {Self-Rewarding Language Models},
  author = {Weizhe Yuan and Richard Yuanzhe Pang and Kyunghyun Cho and Xian Li and Sainbayar Sukhbaatar and Jing Xu \
and Jason Weston},
  year = {2024},
  eprint = {2401.10020},
  archivePrefix = {arXiv},
  primaryClass = {cs.CL}
}""",
)
RECIPES = {recipe.name: recipe for recipe in (SELF_INSTRUCT, ALPACA, DOMAIN, TOPICS, EVOLVE, MAGPIE, PREFERENCES)}


def get_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        ConfigError: if there is none.
    """
    if name not in RECIPES:
        raise ConfigError(f"There is no recipe {name!r}; there are: {', '.join(RECIPES)}.")
    return RECIPES[name]
