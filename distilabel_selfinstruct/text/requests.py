"""Texts that ask or order something, by their shape.

Shape is told of English alone, where an order begins with a verb in its plain form. A text of any other language, and
one whose language cannot be told, is given the benefit of the doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from distilabel_selfinstruct.text.sentences import sentences

_VERB_WORDS = (  # that orders to a language model begin with
    "abbreviate accept act adapt add address adjust advise agree alphabetise alphabetize alter analyse analyze "
    "annotate answer append apply appraise approximate argue arrange articulate ask assemble assess assign assist "
    "assume attempt award bake balance ban be beat begin blend boil bold bookmark boost borrow brainstorm break "
    "brew brief bring browse build buy calculate call cancel capitalise capitalize caption carry categorise "
    "categorize celebrate change characterise characterize charge chart chat check cheer choose circle cite "
    "clarify classify clean clear clip close coach code coin collect colour combine come comment compare compile "
    "complete compliment compose compress compute concatenate conclude condense conduct configure connect "
    "consider construct contact contemplate continue contrast convert convince cook copy correct count cover "
    "crack craft create criticise criticize critique cross curate cut debate debug decide decipher declare "
    "decline decode decompose dedicate deduce deepen defend define delete deliver demonstrate depict derive "
    "describe design detail detect determine develop devise devote diagnose differentiate direct discover discuss "
    "display disprove dissect distinguish distribute divide do document double draft dramatise dramatize draw "
    "dream echo edit elaborate eliminate embed embellish employ emulate encode encourage engage enhance enlist "
    "ensure enter entertain entitle enumerate envision equate estimate evaluate examine exchange execute "
    "exemplify expand explain explore express extend extract fact-check factor fetch fill filter finalise "
    "finalize find finish fit fix flesh flip focus fold follow forecast form format formulate forward frame "
    "furnish gather gauge generalise generalize generate get give go grade greet group grow guess guide handle "
    "have help hide highlight hold hunt hyphenate hypothesise hypothesize identify ignore illustrate imagine "
    "imitate impersonate implement impress improve improvise include incorporate increase indent indicate infer "
    "inform input insert inspect install instruct integrate interleave interpret interview introduce invent "
    "inverse invert investigate invite isolate join jot judge justify keep label laugh lay lead learn leave "
    "lengthen lighten limit line link list locate log look lower maintain make manage map mark match measure "
    "memorise memorize mention merge mimic mind minimise minimize mix modernise modernize modify motivate move "
    "multiply name narrate narrow navigate negate nominate normalise normalize note notify number objectify "
    "obtain offer omit open order organise organize outline output pack paint pair paraphrase parse participate "
    "pass pay perform personalise personalize persuade phrase pick pitch place plan plant play plead plot point "
    "polish ponder portray pose post praise predict prepare prescribe present press pretend prevent prioritise "
    "prioritize proceed produce program promote pronounce proofread propose protect prove provide publish pull "
    "punctuate put quantify question quiz quote raise randomise randomize rank rate re- re-write react read "
    "rearrange reason rebut recall recap recast recite recognise recognize recommend reconcile reconstruct record "
    "recount recreate redact reduce refactor refer refine reflect reformat reformulate refute regroup rehearse "
    "reimagine rejoin relate remember remind remove rename render reorder reorganise reorganize repair repeat "
    "rephrase replace reply report represent request research resize resolve respond restate restore restructure "
    "restyle retell retrieve return reveal reverse review revise reword rewrite rhyme role-play roleplay roll "
    "rotate round run sanitise save say scale scan schedule score scramble script search see segment select send "
    "separate serve set settle share shift shorten show shrink shuffle sign simplify simulate sing sketch skim "
    "smooth soften solve sort speak specify speculate spell spin splice split spot square stand start state stay "
    "stop store streamline stretch structure study style subdivide subscribe substitute subtract suggest sum "
    "summarise summarize supply support suppose surprise swap switch synthesise synthesize tabulate tag take talk "
    "target teach tease tell test thank think tidy tighten title toggle tokenise tokenize tone total touch trace "
    "track trade train transcribe transform translate transliterate transpose treat triage trim troubleshoot try "
    "tune turn tweet type uncover undo unpack unscramble update upgrade uppercase urge use utilise utilize "
    "validate vary verbalise verbalize verify view visit visualise visualize voice volunteer vote walk warn watch "
    "weave weigh wish word work wrap write zip "
)
_VERBS = frozenset(_VERB_WORDS.split())
_DETERMINER_WORDS = (
    "a an the my our your his her its their this these those each every all both some any me us them it "
)
_DETERMINERS = frozenset(_DETERMINER_WORDS.split())
_OBJECT_WORDS = (  # what may follow a verb in the middle of a sentence, beside determiners
    "that one two three four five six seven eight nine ten how what why which who whether if where when as at in "
    "into on to for with only exactly yes no out up down about of "
)
_OBJECTS = _DETERMINERS | frozenset(_OBJECT_WORDS.split())
_OTHER_WORDS = (  # that a determiner may follow in a statement
    "about above after against all along also although among and around as at because before behind below beside "
    "between beyond both but by despite down during even except for from given half how if in inside into is just let "
    "like many maybe near no nor not of off on once only onto or out outside over per perhaps quite rather since "
    "so such than that though through till to toward under unless unlike until up upon via was what when where "
    "whereas whether which while who why with within without yes yet "
)
_NO_VERBS = frozenset(_OTHER_WORDS.split())
_BEGINNINGS = (  # of sentences that order nothing
    "a all an each eight every everyone five four he her here his i it its many most my nine no nobody one our "
    "people seven she six some ten that the their there these they this those three two we yes you your "
)
_SUBJECTS = frozenset(_BEGINNINGS.split())
_AFTER_NOUNS = frozenset(
    ("is", "are", "was", "were", "has", "had", "will", "would", "can", "could", "may", "might", "must", "of")
)
_WITH_OF = frozenset(("think", "beware", "dream", "speak", "conceive"))
_LEADING = frozenset(
    ("using", "given", "based", "if", "as", "for", "in", "with", "from", "to")
)  # an order may follow later
_AUXILIARY = "(?:is|are|was|were|am|do|does|did|can|could|would|should|will|shall|has|have|had|may|might|must)"
_LEADS = (
    r"(?:(?:please|kindly|now|then|next|first|finally|also|just|simply|briefly|carefully|always|never|don['’]t|do not)"
    r",? )"
)
_BEGIN = re.compile(rf"(?:^|[.!:;…—–)\]>|]['\"”’)]?\s)[^\w\n]{{0,6}}{_LEADS}{{0,2}}(?=\w)", re.MULTILINE)
_WORDS = re.compile(r"(?P<word>[\w/-]+)(?: +(?P<next>[\w-]+))?")
_AFTER_COMMA = re.compile(rf", (?:{_LEADS}|(?:and|so) )?(?P<word>[\w-]+) (?P<next>[\w-]+)")
_POLITELY = re.compile(r"\b(?:please|kindly) (?P<word>[\w-]+)")
_DUTY = re.compile(
    r"\byou (?:must|should|have to|(?:will )?need to|(?:are|will be) (?:required )?to|are going to) (?:\w+ly )?"
    r"(?P<word>[\w-]+)"
)
_SAYS = re.compile(rf"\b{_AUXILIARY}\b", re.IGNORECASE)
_HALF = re.compile(r"\W*(?:if|when|because|although|while|since|unless)\b[^,;:]*\Z", re.IGNORECASE)  # of a sentence
_FIRST_WORD = re.compile(r"\W*(?P<word>\w+)(?:['’](?:s|re|m|ve|d|ll))?(?![\w/-])")
_QUESTION_MARK = re.compile("[?？؟]")
_PASSIVE = re.compile(r"\b(?:must|should|has to|needs to) be (?:\w+ly )?(?:\w+(?:ed|en)|made|found|put|set)\b")
_GAP = re.compile(r"_{3,}|\[[A-Z_ ]{3,}\]")
_CODE = re.compile(
    r"```[\s\S]*?```|`[^`\n]+`"
    r"|^(?:[ \t]{2,}\S|[ \t]?(?:def|class|import|return|print|#include|using|const|let|var|public)\b).*$"
    r"|^[^\w\n#]{0,6}#\w+ {0,4}<.*$|^.*[;{}][ \t]*$|^[ \t]*[\w.]+[ \t]*=[^=].*$",
    re.MULTILINE,
)
_ENGLISH = re.compile(  # words of English texts; those of the first group stand in few others
    r"\b(?:(?P<certain>the|and|with|that|this|these|those|your|you|they|their|there|which|who|how|what|from|would|could"
    r"|should|been|about|because|than|then|but|its)|of|my|has|have|had|not|i|['’]m|['’]s|is|are|was|were|for|to|by)\b"
)


@cache
def _question() -> re.Pattern[str]:
    """The beginning of a question, which may lack its mark."""
    subject = "you|we|they|he|she|it|there|i|anyone|anybody|someone|one|people"
    return re.compile(
        rf"(?:what|which|who|whom|whose|where|why|how)(?: [\w'’-]+){{0,3}}?(?: {_AUXILIARY}\b|['’]s\b)"
        r"|(?:what|which|who) (?!an?\b|you\b|we\b|they\b|he\b|she\b|it\b|i\b|people\b)\w+ \w"
        r"|how (?:to|many|much|long|far|old|often|big|tall|about)\b|(?:what|which) of\b|why not\b|what if\b"
        rf"|when {_AUXILIARY}\b|let(?:['’]s| us)\b"
        rf"|{_AUXILIARY}(?:n['’]t)? (?:{subject}|{'|'.join(_DETERMINERS)})\b"
    )


@cache
def _wish() -> re.Pattern[str]:
    """What a user wants, said in a statement."""
    return re.compile(
        r"\b(?:i|we)(?: would|['’]d)?(?: really| also| just)? (?:want|need|wish|require|like|love)"
        r" (?:to|you|your|an?|some|the|help|more|\d+|one|two|three|four|five)\b"
        r"|\b(?:wants?|needs?) (?:these|this|those|the|all|every|each|both|my|our) (?:\w+ ){1,4}\w+(?:ed|en)\b"
        r"|\bi(?:['’]m| am) (?:looking for|wondering|curious)\b|\bi wonder\b|\b(?:i|we) would appreciate\b"
        r"|\bin this (?:task|exercise|problem|question)\b"
        r"|\bit would be (?:helpful|nice|great)\b|\b(?:is|it['’]s) up to you\b|\byour help is needed\b"
        r"|\b(?:your|the|this|our|my) (?:task|job|goal|role|mission|challenge|question|aim|objective)(?: here)?"
        r" (?:is|asks|requires)\b"
        r"|\b(?:help|tell|give|show|teach|send|write) (?:me|us)\b|, let(?:['’]s| us)\b"
    )


def is_request(text: str) -> bool:
    """Whether a text asks or orders something; also where that cannot be told."""
    text = _CODE.sub("x", text)
    return _asks(text) or not _is_english(text)


def is_statement(text: str) -> bool:
    """Whether a text certainly asks and orders nothing: it says something of somebody or something."""
    if is_request(text):
        return False
    return bool(_SAYS.search(text) or _HALF.match(text) or all(map(_has_subject, sentences(text))))


def is_talk(text: str) -> bool:
    """Whether a text asks and orders nothing, and nobody speaks in it of himself; a heading above it counts nothing."""
    body = _HEADING.sub("", text)
    return not is_request(body if body.strip() else text) and not _OF_ONESELF.search(_CODE.sub("x", text))


def asks_for_text(text: str) -> bool:
    """Whether a text certainly asks for words of the model's own: a story, a list, a reason, and never for a label.

    Told by how an English order or question begins, where nothing in it speaks of choosing.
    """
    found = _TEXT_WANTED.match(text.strip().lower())
    return found is not None and not _CHOICE.search(text)


_SOME = (
    r"(?:\d+|two|three|four|five|six|seven|eight|nine|ten|twenty|some|several|many|a few|a couple of|all|more|as many)"
)
_WRITTEN = r"(?:example|summary|story|poem|joke|description|explanation|reason|plan|recipe|letter|essay)s?"
_TEXT_WANTED = re.compile(
    rf"\W*{_LEADS}{{0,2}}(?:(?:can|could|would|will) you (?:please )?|help me (?:to )?)?(?:"
    r"(?:write|create|generate|compose|draft|design|invent|brainstorm|describe|explain|summari[sz]e|paraphrase|rewrite"
    r"|rephrase|re-write|translate|outline|discuss|elaborate|suggest|recommend|propose|illustrate|narrate|list|think of"
    r"|come up with|plan|develop|build|compile|continue|expand|improve|proofread|edit|shorten|simplify|convert)\b"
    r"|(?:make|give|provide|show|name|tell|find|offer|state|teach)\b (?:me |us )?"
    rf"(?:about\b|an? list\b|lists?\b|an? (?:\w+ )?{_WRITTEN}\b|examples\b|instructions\b|ideas\b|advice\b|tips\b"
    rf"|how to\b|{_SOME}\b)"
    r"|why\b|how (?:to|(?:do|can|could|should|would) (?:i|you|we|one|people|they))\b"
    r"|what (?:is|are|was|were) the (?:\w+ )?differences?\b"
    rf"|what are (?:the )?(?:\w+ )?{_SOME}\b|what (?:can|should|could|would)\b)"
)
_CHOICE = re.compile(
    r"\b(?:whether|if|labels?|class(?:es|if\w+)?|categor\w+|sentiments?|true|false|yes|no|one of|options?|choices?"
    r"|choose|select|which|either|possible|correct|right|answer with)\b",
    re.IGNORECASE,
)

_HEADING = re.compile(r"^#{1,6}\s.*$", re.MULTILINE)
_OF_ONESELF = re.compile(r"\b(?:I|[Mm]y|[Ww]e|[Oo]ur)\b")


def _has_subject(sentence: str) -> bool:
    found = _FIRST_WORD.match(sentence.lower())
    return found is not None and found["word"] in _SUBJECTS


def _asks(text: str) -> bool:
    if _QUESTION_MARK.search(text) or _GAP.search(text):
        return True
    lowered = text.lower()
    if any(_is_order(lowered, begin.end()) for begin in _BEGIN.finditer(lowered)) or _asks_later(lowered):
        return True
    return bool(_PASSIVE.search(lowered)) and len(sentences(text)) == 1


def _is_order(text: str, at: int) -> bool:
    """Whether an order or a question begins here."""
    if _question().match(text, at):
        return True
    found = _WORDS.match(text, at)
    if found is None:
        return False
    word, after = found["word"], found["next"]
    if word in _VERBS:
        follows = text[found.end("word") : found.end("word") + 2]
        return follows not in ("'s", "’s") and (after not in _AFTER_NOUNS or (after == "of" and word in _WITH_OF))
    is_plain = word.isalpha() and not word.endswith(("ing", "ed", "s", "ly"))
    return (is_plain and after in _DETERMINERS and word not in _NO_VERBS) or (after == "of" and word in _WITH_OF)


def _asks_later(text: str) -> bool:
    if any(found["word"] in _VERBS for pattern in (_POLITELY, _DUTY) for found in pattern.finditer(text)):
        return True
    return bool(_wish().search(text)) or any(_after_commas(text))


def _after_commas(text: str) -> Iterator[bool]:
    """Whether orders begin after the commas of a text."""
    for found in _AFTER_COMMA.finditer(text):
        if found["word"] in _VERBS or found["word"] in _WITH_OF:
            begin = max(text.rfind(sign, 0, found.start()) for sign in ".!?\n") + 1
            first = _FIRST_WORD.match(text, begin)
            yield found["next"] in _OBJECTS or (first is not None and first["word"] in _LEADING)


def _is_english(text: str) -> bool:
    """As far as its commonest words tell."""
    letters = [sign for sign in text if sign.isalpha()]
    if sum(map(str.isascii, letters)) < 0.98 * len(letters):
        return False
    found = list(_ENGLISH.finditer(text.lower()))
    return any(each["certain"] for each in found) and len(found) >= len(text.split()) / 8
