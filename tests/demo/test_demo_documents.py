"""The demo model's queries about documents, and its answers: in the format asked for, and right."""

from __future__ import annotations

from functools import cache

import pytest

from distilabel_selfinstruct import AnswerInstructions, DemoLLM, GenerateQueries
from distilabel_selfinstruct.demo.answers import OTHER_PROMPT
from distilabel_selfinstruct.recipes.domain.prompting import ANSWER_COLUMNS, ANSWER_TEMPLATE, PROMPTS

DOCUMENT = (
    "The aorta is the largest artery of the human body. It begins at the left ventricle of the heart. Its branches"
    " carry blood to nearly all organs."
)
ROW = {"document_id": "000000", "title": "Aorta", "document": DOCUMENT}


@cache
def demo() -> DemoLLM:
    """A model that makes no mistakes."""
    llm = DemoLLM(noise=0)
    llm.load()
    return llm


def said(prompt: str) -> str:
    output = demo().generate([[{"role": "user", "content": prompt}]])[0]
    return str(output["generations"][0])


class TestQueries:
    def queries(self, **row: str) -> list[str | None]:
        task = GenerateQueries(llm=demo(), num_instructions=12)
        task.load()
        rows = next(task.process([ROW | row]))
        assert all(each["reject_reason"] is None for each in rows)
        return [each["instruction"] for each in rows]

    def test_as_many_as_asked_for_and_all_different(self) -> None:
        assert len(set(self.queries())) == 12

    def test_every_one_has_an_answer(self) -> None:
        answers = AnswerInstructions(llm=demo(), template=ANSWER_TEMPLATE, columns=ANSWER_COLUMNS)
        answers.load()
        rows = next(answers.process([ROW | {"instruction": query} for query in self.queries()]))
        assert all(each["reject_reason"] is None and each["output"] for each in rows)

    def test_a_passage_without_a_title(self) -> None:
        queries = [query for query in self.queries(title="") if query and '"' in query]
        assert queries
        assert all("the passage" in query for query in queries)

    @pytest.mark.parametrize(
        ("query", "answer"),
        [
            ('Which sentence about Aorta contains the words "left ventricle of the"?',
             "It begins at the left ventricle of the heart."),
            ('Complete the statement on Aorta that begins with "Its branches carry blood".',
             "Its branches carry blood to nearly all organs."),
            ('Which word follows "branches carry blood to" where Aorta is described?', "nearly"),
            ('Count the words of the sentence on Aorta in which "largest artery of the" occurs.', "10"),
            ("Sort these words alphabetically: the, aorta, heart, is, organs.", "aorta, heart, is, organs, the"),
            ("Which of these words has the most letters: the, aorta, ventricle, is, organs?", "ventricle"),
            ("How many letters does the name Aorta have, if spaces and hyphens are left out?", "5"),
        ],
    )  # fmt: skip
    def test_answers(self, query: str, answer: str) -> None:
        assert said(PROMPTS.render("document_answer", "chat", instruction=query, **ROW)[0]["content"]) == answer

    def test_without_its_passage_a_query_is_refused(self) -> None:
        query = 'Which word follows "branches carry blood to" where Aorta is described?'
        assert said(query) == "I'm sorry, but I can't say without the passage."
        assert said("Sort these words alphabetically: the, aorta, heart.") == "aorta, heart, the"

    def test_another_query_is_refused(self) -> None:
        assert (
            said(PROMPTS.render("document_answer", "chat", instruction="How are you?", **ROW)[0]["content"])
            == OTHER_PROMPT
        )
