"""What goes wrong in the demo model's completions, and how often: what real models do, in realistic shares.

Whatever is wrong is wrong in a way that a filter takes out whole: no noise leaves an instance with a wrong output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from distilabel_selfinstruct.text.reading.answers import Instance

CANDIDATE_SHARES = {
    "copy": 0.05,
    "near_copy": 0.06,
    "too_short": 0.03,
    "too_long": 0.03,
    "keyword": 0.03,
    "program": 0.03,
    "punctuation": 0.03,
    "non_ascii": 0.02,
}
"""Of the instructions in a bootstrap completion."""
BOOTSTRAP_SHARES = {"empty": 0.05, "off_topic": 0.08, "truncated": 0.14, "crlf": 0.06}
"""Of the bootstrap completions."""
CLASSIFICATION_SHARES = {"unclear": 0.05}
"""Of the answers to "Is it classification?"."""
INSTANCES_SHARES = {
    "malformed": 0.03,
    "empty": 0.02,
    "truncated": 0.06,
    "crlf": 0.03,
    "empty_output": 0.08,
    "trailing_colon": 0.05,
    "input_equals_output": 0.06,
    "conflicting": 0.06,
    "duplicate": 0.07,
    "surplus": 0.06,
}
"""Of the completions with instances; those that need an input do nothing where a task has none."""
TOPICS_SHARES = {"empty": 0.05, "off_topic": 0.1, "truncated": 0.1, "crlf": 0.06}
"""Of the answers with topics."""
TOPIC_SHARES = {"refusal": 0.04, "too_long": 0.04}
"""Of the topics in an answer."""
TOPICS = {
    "refusal": "I'm sorry, but I can't name another one.",
    "too_long": "How the people who live near a lighthouse spend their evenings when the fog does not lift for days",
}
KIND_SHARES = {
    "refusal": 0.03,
    "no_options": 0.1,
    "too_short": 0.03,
    "too_long": 0.02,
    "punctuation": 0.03,
    "non_ascii": 0.01,
}
"""Of the instructions about a topic."""
ANSWER_SHARES = {"empty": 0.03, "refusal": 0.05, "truncated": 0.05}
"""Of the answers to an instruction alone."""
EVOLVED_ANSWER_SHARES = {**ANSWER_SHARES, "apology": 0.03, "stop_words": 0.04}
"""Of the answers to an evolved instruction."""
ANSWERS = {
    "empty": "",
    "refusal": "I'm sorry, but I can't assist with this request.",
    "apology": "Sorry about this. It goes beyond what I was made for.",
    "stop_words": "It is what it is.",
}
QUERY_SHARES = {"repeated": 0.04, "too_short": 0.03, "too_long": 0.02, "program": 0.02, "punctuation": 0.03}
"""Of the queries about a document."""
QUERIES_SHARES = {"empty": 0.03, "off_topic": 0.04, "truncated": 0.06, "crlf": 0.05, "surplus": 0.08}
"""Of the completions with queries."""
EVOLUTION_SHARES = {
    "empty": 0.02,
    "refusal": 0.04,
    "truncated": 0.04,
    "same": 0.04,
    "polite": 0.06,
    "copied": 0.05,
    "marked": 0.1,
    "chatter": 0.1,
    "quoted": 0.05,
}
"""Of the evolutions of an instruction; the last three are only ways to present one."""
MAGPIE_SHARES = {"empty": 0.03, "truncated": 0.04}
"""Of what it says as a user."""
JUDGEMENT_SHARES = {"unclear": 0.05, "severe": 0.2}
"""Of the judgements."""
UNDECIDED_SHARE = 0.02
"""Of the answers: whatever the judge says of it is unclear."""
UNCLEAR_JUDGEMENTS = (
    "The answer is good, but it depends on what the user expects.",
    "Score: 7/10",
    "It deserves a score of 2 for its content and a score of 4 for its form.",
)
TURN_SHARES = {"goodbye": 0.1, "repeated": 0.06, "empty": 0.04}
"""Of what it says next as a user."""
GOODBYES = ("Thank you, that is all I need.", "Thanks a lot! Have a nice day.", "END")
TAG_SHARES = {"unknown": 0.04}
"""Of the tags."""
AGREEMENT_SHARES = {"unclear": 0.05}
"""Of the verdicts on which answers agree."""
RESPONSE_SHARES = {"labelled": 0.25, "wordy": 0.15, "incomplete": 0.15, "wrong": 0.2}
"""Of the further answers to an instruction that is asked several times; a judge has to tell them apart."""
LABELLED = "Answer: {}"
WORDY = "Sure, I am happy to help you with that! After careful consideration, this is my answer:\n\n{}"
WRONG = (
    "There is no answer to this, since too little is known.",
    "Both are possible, depending on how one looks at it.",
    "The answer is 41.",
)
TASK_SHARES = {"missing_field": 0.03, "empty_output": 0.03, "trailing_colon": 0.03, "input_equals_output": 0.04}
"""Of the tasks in an answer to Alpaca's question."""
TASK_STYLES = {"chatter": 0.15, "bold": 0.15, "no_separators": 0.15, "fenced": 0.1}
"""Of the chat answers to Alpaca's question; the rest are in the form of the prompt."""
NO_INPUT = ("<noinput>", "<noinput>", "<noinput>", "<noInput>", "<no input>", "No input needed.", "None")
"""How an empty input is written."""
SPOILS = ("empty_output", "trailing_colon", "input_equals_output", "conflicting", "duplicate")
"""Those that change one instance; see `spoil`."""
CHAT_STYLES = {"chatter": 0.2, "task_marks": 0.1, "bold": 0.12, "brackets": 0.08, "bullets": 0.06}
"""Of the chat answers to a bootstrap prompt; the rest are plain numbered lines."""
PLAIN_FORM = "{0}. {1}"
CHAT_FORMS: Mapping[str | None, str] = {
    "task_marks": "Task {0}: {1}",
    "bold": "**{0}.** {1}",
    "brackets": "{0}) {1}",
    "bullets": "- {1}",
}
"""How a style marks a line, from its number and its text."""

OFF_TOPIC = "I'm sorry, but I can't continue this list."
UNCLEAR = ("Maybe", "It depends", "Maybe, that depends on the input")
MALFORMED = (
    "This task is clear, and I could solve it for any text you send me.",
    "I would need some more context before I can show anything here.",
    "Let me think about suitable cases first.",
)
CHATTER = (
    "Sure! Here are {new} new instructions:",
    "Certainly! Below are {new} more tasks that differ from the ones above:",
    "Here is the continuation of your list:",
    "Of course, happy to help. These are my suggestions:",
)
CLOSING = "Let me know if you would like more of them!"

TOO_SHORT = (
    "Sort them.",
    "Translate this.",
    "Explain gravity.",
    "Tell a joke.",
    "Say hello.",
    "Proofread the essay.",
    "Name three rivers.",
    "Continue.",
    "Fix it.",
    "Define entropy.",
)
KEYWORD = (
    "Describe what you can see in the image of the harbour.",
    "Draw a diagram of the water cycle with five labels.",
    "Open the file and count the lines that mention a refund.",
    "Plot the temperatures of last week and mark the coldest night.",
    "Look at the map and find the shortest way to the station.",
    "Which graph shows the steepest growth between March and June?",
    "Suggest a caption for the picture of two dogs on a sofa.",
    "Go to the weather page and copy tomorrow's forecast.",
    "Compare the two images and list everything that is different.",
    "Rename all files in the folder so that they start with the date.",
)
PROGRAM = (
    "Write a program that prints the first hundred square numbers.",
    "Write a program to keep track of the books in a small library.",
    "Write a program which simulates a queue at a supermarket checkout.",
    "Write a program that turns any text into Morse code and back again.",
    "Write a program for a vending machine that gives change in coins.",
    "Write a program that checks whether brackets are balanced.",
)
PUNCTUATION = (
    '"Early to bed and early to rise" is half of a proverb, so complete it.',
    "(Optional) Add one more adjective to the sentence about the sea.",
    "...and then the lights went out. Continue this story for one paragraph.",
    "[History] Who was the first person to sail around the world?",
    "'Tis is an old contraction; explain what it stands for.",
    "$40 must be divided among three siblings, so propose a fair rule.",
    "<topic> Discuss the advantages of night trains in two sentences.",
)
NON_ASCII = (
    "Écris une phrase polie pour refuser une invitation.",
    "¿Cuántos minutos tiene un partido de fútbol sin prórroga?",
    "Übersetze den folgenden Satz ins Englische.",
    "Ändere den Satz so, dass er höflicher klingt.",
    "Étudie la liste et trouve le mot qui ne convient pas.",
    "¡Inventa un nombre divertido para una tienda de quesos!",
)
_LONG_OPENING = "Write the minutes of a meeting in which the town council discusses {topic}."
_LONG_TOPICS = (
    "a new footbridge",
    "the opening hours of the swimming pool",
    "a festival in the old harbour",
    "cheaper bus tickets",
    "the renovation of the school kitchen",
)
_LONG_DEMANDS = (
    "The mayor speaks first and greets everybody who has come in spite of the rain.",
    "After that a member of the opposition complains about the costs for several minutes.",
    "Someone from the audience asks a question that has nothing to do with the topic.",
    "The treasurer presents three figures and explains where each of them comes from.",
    "Make sure that at least two speakers change their minds during the discussion.",
    "There is a short break in which coffee and dry biscuits are served.",
    "Include a remark about the broken microphone and the reaction of the secretary.",
    "Two councillors who usually never agree support each other for once.",
    "The vote takes place by show of hands and has to be repeated.",
    "Mention how long the discussion lasted and who left before the end.",
    "Every speaker should be given a name, a role and a habit of speech.",
    "Use indirect speech throughout and keep the tone dry and formal.",
    "At the end the next meeting is announced together with its first topic.",
    "Do not forget to note the apologies of those who could not attend.",
)
_POLITE = ("Please {first}{rest}", "Kindly {first}{rest}", "Now {first}{rest}")


def pick(rng: Random, shares: Mapping[str, float], scale: float) -> str | None:
    """The noise that happens this time, if any."""
    at = rng.random()
    for name, share in shares.items():
        at -= share * scale
        if at < 0:
            return name
    return None


def candidate(kind: str, shots: Sequence[str], rng: Random) -> str:
    """An instruction that is to be rejected."""
    if kind in ("copy", "near_copy"):
        shot = rng.choice(shots)
        return shot if kind == "copy" else rng.choice(_POLITE).format(first=shot[:1].lower(), rest=shot[1:])
    if kind == "too_long":
        opening = _LONG_OPENING.format(topic=rng.choice(_LONG_TOPICS))
        return " ".join([opening, *rng.sample(_LONG_DEMANDS, len(_LONG_DEMANDS))])
    texts = {
        "too_short": TOO_SHORT,
        "keyword": KEYWORD,
        "program": PROGRAM,
        "punctuation": PUNCTUATION,
        "non_ascii": NON_ASCII,
    }
    return rng.choice(texts[kind])


def spoil(kind: str, instances: list[Instance], rng: Random) -> list[Instance]:
    """The instances with one thing wrong that the filters take out.

    The wrong one never stands before the right one that it conflicts with: if the end is cut off, right ones remain.
    """
    at = rng.randrange(len(instances))
    one = instances[at]
    if kind == "empty_output":
        wrong = Instance(one.input, "")
    elif kind == "trailing_colon":
        wrong = Instance(f"{one.input}:", one.output) if one.input else Instance("", f"{one.output} because:")
    elif not one.input:
        return instances
    elif kind == "input_equals_output":
        wrong = Instance(one.input, one.input)
    elif kind == "duplicate":
        return [*instances[: at + 1], one, *instances[at + 1 :]]
    else:
        return [*instances, Instance(one.input, _another_output(one, instances))]
    return [*instances[:at], wrong, *instances[at + 1 :]]


def _another_output(one: Instance, instances: list[Instance]) -> str:
    return next((other.output for other in instances if other.output != one.output), f"not {one.output}")


def incomplete(text: str) -> str:
    """An answer that stops half-way, as if it were the whole."""
    words = text.split()
    return " ".join(words[: len(words) // 2]) if len(words) > 1 else text[: len(text) // 2]


def cut(text: str, rng: Random) -> str:
    """A text that ends too early."""
    return text[: rng.randint(len(text) // 2, max(len(text) // 2, len(text) - 2))]
