"""Refusals, chatter and greetings in six languages, and phrases that a user adds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from distilabel_selfinstruct.text import phrases
from distilabel_selfinstruct.text.phrases import add_phrases, read_phrases
from distilabel_selfinstruct.text.reading.answers import parse_instructions
from distilabel_selfinstruct.text.reading.remarks import is_remark
from distilabel_selfinstruct.text.refusals import is_greeting, is_refusal


@pytest.mark.parametrize(
    "answer",
    [
        "Es tut mir leid, aber ich kann diese Anfrage nicht bearbeiten.",
        "Leider kann ich dabei nicht helfen.",
        "Als KI-Sprachmodell habe ich keinen Zugriff auf das Internet.",
        "Ich bin nicht in der Lage, diese Frage zu beantworten.",
        "Je suis désolé, mais je ne peux pas répondre à cette demande.",
        "En tant qu'IA, je n'ai pas d'opinion.",
        "Malheureusement, je ne suis pas en mesure de vous aider.",
        "Lo siento, pero no puedo ayudarte con eso.",
        "Como modelo de lenguaje, no tengo acceso a Internet.",
        "抱歉，我无法提供医疗建议。",
        "作为一个人工智能语言模型，我无法浏览互联网。",
        "作為一個AI語言模型，我無法提供個人意見。",
        "申し訳ありませんが、そのリクエストにはお応えできません。",
        "私はAI言語モデルとして、個人的な意見を持っていません。",
    ],
)
def test_a_refusal(answer: str) -> None:
    assert is_refusal(answer)
    assert parse_instructions(answer) == []


@pytest.mark.parametrize(
    "answer",
    [
        "Es tut mir leid, dass ich zu spät komme.",
        "Als künstliche Intelligenz bezeichnet man Programme, die lernen.",
        "Ich kann es nicht erwarten, dich zu sehen.",
        "Je suis désolé pour le retard.",
        "En tant que directeur, je vous remercie.",
        "Como inteligencia artificial se conoce a los sistemas que aprenden.",
        "No puedo esperar a verte.",
        "抱歉让您久等了。",
        "作为人工智能的一个分支，机器学习研究算法。",
        "申し訳ありませんが、遅れます。",
    ],
)
def test_no_refusal(answer: str) -> None:
    assert not is_refusal(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "Hello! How can I help you today?",
        "I'm ready to assist you with any question or task. What can I help you with today?",
        "Guten Tag! Ich bin ein KI-Assistent. Womit kann ich dir helfen?",
        "Bonjour ! Comment puis-je vous aider aujourd'hui ?",
        "¡Hola! ¿En qué puedo ayudarte hoy?",
        "您好！请问有什么可以帮您的吗？",
        "こんにちは！今日はどのようなお手伝いができますか？",
    ],
)
def test_a_greeting(answer: str) -> None:
    assert is_greeting(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "Hello!",  # it may be a translation
        "Hello Anna, thank you for your letter. The book arrived on Monday.",
        "Guten Morgen, liebe Gäste! Das Frühstück steht bereit.",
        "How can I help my dog to lose weight?",
        "What can I do with old coffee grounds?",
        "What would you like to be when you grow up?",
        "Wie kann ich meinem Hund helfen?",
        "Was kann ich gegen Rückenschmerzen tun?",
        "Comment puis-je aider mon enfant à lire ?",
        "¿Cómo puedo ayudar a mi perro?",
        "我可以怎么帮助我的孩子学习？",
        "家のお手伝いのリストを作ってください。",
        "どんな質問をすればいいですか？",
        "",
    ],
)
def test_no_greeting(answer: str) -> None:
    assert not is_greeting(answer)


@pytest.mark.parametrize(
    "line",
    [
        "Natürlich! Hier sind einige Beispiele:",
        "Voici huit nouvelles instructions :",
        "¡Claro! Aquí están las tareas:",
        "好的，以下是8条新指令：",
        "以下に8つの新しいタスクを示します。",
    ],
)
def test_chatter_before_a_list(line: str) -> None:
    assert is_remark(line)


@pytest.fixture
def dutch() -> Iterator[None]:
    known = list(phrases._added)
    add_phrases(
        read_phrases("# Dutch\nrefusal:\nhelaas kan ik ... niet (helpen|beantwoorden)\n\nchatter:\nnatuurlijk,\n")
    )
    yield
    phrases._added[:] = known
    phrases._pattern.cache_clear()


@pytest.mark.usefixtures("dutch")
def test_phrases_of_a_user_are_looked_up_beside_the_others() -> None:
    assert is_refusal("Helaas kan ik je daarmee niet helpen.")
    assert is_remark("Natuurlijk! Hier is de lijst.")
    assert not is_refusal("Helaas is de trein te laat.")
    assert is_refusal("Leider kann ich dabei nicht helfen.")


@pytest.mark.parametrize(
    ("phrase", "text", "expected"),
    [
        ("i (can't|cannot) help", "I can’t help you.", True),
        ("i (can't|cannot) help", "I can't helplessly watch.", False),
        ("sorry [but] i cannot", "Sorry, but I cannot", True),
        ("sorry [but] i cannot", "Sorry. I cannot", True),
        ("[please] note that", "Note that", True),
        ("i * cannot", "I am afraid, cannot", True),
        ("i *1 cannot", "I am afraid, cannot", False),
        ("here ... list $", "Here is your list:", True),
        ("here ... list $", "Here is your list. Sort it.", False),
        ("sure,", "Sure: it is", True),
        ("sure,", "Sure enough", False),
    ],
)
def test_how_a_phrase_is_written(phrase: str, text: str, expected: bool) -> None:
    import re

    assert bool(re.match(phrases._as_pattern(phrase), text.lower())) is expected


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ("sorry", "line 1: expected a kind of phrases"),
        ("refusal:\nsorry\nrefusals:\nno", "line 3: expected a kind of phrases"),
        ("refusal:\n(sorry|no", "line 2: the phrase '.sorry|no' cannot be read"),
        ("\nrefusal:\n[sorry]", "line 3: every text begins with the phrase"),
    ],
)
def test_what_is_no_table_is_named(table: str, error: str) -> None:
    with pytest.raises(ValueError, match=error.replace("(", r"\(").replace("|", r"\|")):
        read_phrases(table)
