"""Filters that are ready: what they keep, for which reason they reject, and what they refuse to begin with."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from distilabel_selfinstruct.data.filters import load_filter, load_filters
from distilabel_selfinstruct.data.ready import examples
from distilabel_selfinstruct.errors import ConfigError, MissingExtraError
from distilabel_selfinstruct.text.languages import language_of

# presidio's spaCy, and what it imports.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

ADD = {"instruction": "Write add.\nassert add(1, 2) == 3"}


def fault(name: str, output: str, **row: str) -> tuple[str, str | None] | None:
    return load_filter(name).fault({"output": output, **row})


class TestSyntax:
    @pytest.mark.parametrize(
        "text", ['{"a": [1, null]}', ' "la"\n', "Here it is:\n```json\n[1]\n```\nDone.", "```\n{}\n```"]
    )
    def test_json(self, text: str) -> None:
        assert fault("json", text) is None

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('{"a": 1', "Expecting ',' delimiter: line 1 column 8 (char 7)"),
            ('{"a": NaN}', "NaN is no JSON"),
            (
                "```json\n[1]\n```\nor\n```json\n[1,]\n```",
                "Illegal trailing comma before end of array: line 1 column 3 (char 2)",
            ),
            ("", "there is none"),
            ("```python\n1\n```", "there is none"),
        ],
    )
    def test_what_is_no_json(self, text: str, said: str) -> None:
        found = fault("json", text)
        assert found is not None
        assert found[0] == "invalid_json"
        if "trailing" not in said or sys.version_info >= (3, 13):  # older ones say it in other words
            assert (found[1] or "").strip() == said

    @pytest.mark.parametrize(
        ("name", "text", "said"),
        [
            ("code:python", "def add(a, b):\n    return a + b", None),
            ("code:py", "So:\n```python\nprint('la')\n```\nand in a shell\n```bash\nls | (\n```", None),
            ("code:python", "def add(a, b:\n    return a + b", "'(' was never closed"),
            ("code:javascript", "```js\nconst a = (b) => b + 1;\n```", None),
            ("code:js", "const a = ;\nlet b = 2;", "line 1"),
            ("code:rust", "fn main() {\n    let a = ;\n}", "line 2"),
            ("code:sql", "SELECT a FROM b WHERE c = 1;", None),
        ],
    )
    def test_code(self, name: str, text: str, said: str | None) -> None:
        found = fault(name, text)
        assert (found is None) == (said is None)
        if found is not None:
            assert found[0] == "invalid_code"
            assert said is not None
            assert said in (found[1] or "")


class TestTexts:
    def test_the_language_of_a_text(self) -> None:
        code, probability = language_of("Das ist ein schöner Tag, und wir gehen spazieren.")
        assert code == "de"
        assert probability > 0.9
        assert language_of("これは短い日本語の文章です。")[0] == "ja"
        assert language_of("")[1] < 0.1

    @pytest.mark.parametrize(
        ("name", "text", "said"),
        [
            ("language:de", "Das ist ein schöner Tag, und wir gehen spazieren.", None),
            ("language:de", "It is a nice day, and we go for a walk in the park.", "en (100%)"),
            ("language:de,en", "It is a nice day, and we go for a walk in the park.", None),
            ("language:de", "42", None),
        ],
    )
    def test_language(self, name: str, text: str, said: str | None) -> None:
        assert fault(name, text) == (None if said is None else ("other_language", said))

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("name", "text", "said"),
        [
            ("pii", "Write to ada.lovelace@example.com, please.", "email"),
            ("pii", "His number is +49 30 901820.", "phone"),
            ("pii:email", "His number is +49 30 901820.", None),
            ("pii", "The card is 4111 1111 1111 1111, the account DE89 3704 0044 0532 0130 00.", "card, iban"),
            ("pii", "Ada Lovelace wrote the first program in 1843.", None),
            ("pii", "Write to @home or a.b@c.", None),
        ],
    )
    def test_personal_data(self, name: str, text: str, said: str | None) -> None:
        assert fault(name, text) == (None if said is None else ("personal_data", said))

    def test_length_in_tokens(self, tmp_path: Path) -> None:
        from tokenizers import Tokenizer, models, pre_tokenizers

        tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        tokenizer.save(str(tmp_path / "tokenizer.json"))
        assert fault(f"tokens:{tmp_path}:2-3", "one two three") is None
        assert fault(f"tokens:{tmp_path}:2-3", "one") == ("token_length", "1 tokens")
        assert fault(f"tokens:{tmp_path}:2", "one two three") == ("token_length", "3 tokens")

    def test_another_column_is_another_reason(self) -> None:
        own = load_filter("language:en@instruction")
        assert (own.reason.code, own.reason.meaning) == (
            "instruction_other_language", "instruction is in another language",
        )  # fmt: skip
        row = {"instruction": "Nenne die Hauptstadt von Frankreich und ihre Einwohnerzahl.", "output": "It is Paris."}
        assert own.fault(row) == ("instruction_other_language", "de (100%)")


@pytest.mark.slow
class TestMaths:
    @pytest.mark.parametrize(
        ("answer", "reference", "is_right"),
        [
            (r"So it is \boxed{0.5}.", "1/2", True),
            ("There are 8 apples left.", "12 - 4 = 8\n#### 8", True),
            ("There are 7 apples left.", "12 - 4 = 8\n#### 8", False),
            (r"The area is $2\pi$.", r"2\pi", True),
            ("I do not know.", "8", False),
        ],
    )
    def test_an_answer_and_its_reference(self, answer: str, reference: str, is_right: bool) -> None:
        found = fault("maths", answer, answer=reference)
        assert (found is None) == is_right
        assert found is None or found[0] == "wrong_answer"

    def test_a_file_of_references_and_questions_without_one(self, tmp_path: Path) -> None:
        row = {"question": "What is 3 times 4?", "answer": "3 * 4 = 12\n#### 12"}
        (tmp_path / "gsm.jsonl").write_text(json.dumps(row) + "\n")
        name = f"maths:{tmp_path / 'gsm.jsonl'}"
        assert fault(name, "It is 12.", instruction="What is 3 times 4?", input="") is None
        assert fault(name, "It is 7.", instruction="What is 3  times 4?") == ("wrong_answer", "reference: 12")
        assert fault(name, "It is 7.", instruction="What is 3 plus 4?") is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox is Linux's")
class TestExamples:
    def test_code_that_does_what_is_asserted(self) -> None:
        assert fault("examples", "```python\ndef add(a, b):\n    return a + b\n```", **ADD) is None
        assert fault("examples", "def add(a, b):\n    return a + b", instruction="Write add.\n>>> add(1, 2)\n3") is None
        assert (
            fault("examples", "def add(a, b):\n    return a + b", instruction="Add.", tests="assert add(0, 1)") is None
        )

    @pytest.mark.parametrize(
        ("code", "row", "said"),
        [
            ("def add(a, b): return a - b", ADD, "AssertionError"),
            ("def add(a, b): return a +", ADD, "SyntaxError: invalid syntax (<answer>, line 1)"),
            ("def add(a, b): return a - b\nassert add(1, 2) == 3", {}, "AssertionError"),
            (
                "def add(a, b): return a - b",
                {"input": ">>> add(1, 2)\n3"},
                "AssertionError: Line 1, in <example> Failed",
            ),
        ],
    )
    def test_code_that_does_not(self, code: str, row: dict[str, str], said: str) -> None:
        found = fault("examples", code, **row)
        assert found is not None
        assert found[0] == "failed_example"
        assert (found[1] or "").startswith(said)

    def test_what_asserts_nothing_is_kept_and_not_run(self) -> None:
        assert fault("examples", "import no_such_module", instruction="Write code.") is None

    @pytest.mark.parametrize(
        ("code", "said"),
        [
            ("import socket\nsocket.socket()", "PermissionError"),
            ("import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9')", "URLError"),
            ("import os\nos.fork()", "PermissionError"),
            ("import subprocess\nsubprocess.run(['true'])", "PermissionError"),
            ("import os, signal\nos.kill(os.getppid(), signal.SIGTERM)", "PermissionError"),
            ("open('/etc/passwd')", "PermissionError"),
            ("open('/proc/self/environ')", "PermissionError"),
            ("import os\nos.listdir('/')", "PermissionError"),
            ("open('/tmp/left-behind', 'w')", "PermissionError"),
            ("import os\nos.chmod(__import__('os').__file__, 0o777)", "PermissionError"),
            ("a = [0] * 10 ** 9", "MemoryError"),
            ("open('big', 'w').write('a' * 10 ** 7)", "OSError"),
            ("import os\nos._exit(0)", "ended before its end"),
            ("import sys\nsys.exit(0)", "SystemExit: 0"),
            ("import numpy", "ModuleNotFoundError"),
        ],
    )
    def test_what_code_may_not_do(self, code: str, said: str) -> None:
        assert (examples.run_apart(code, []) or "").startswith(said)

    @pytest.mark.slow
    def test_time_is_limited(self) -> None:
        assert examples.run_apart("while True: pass", [], seconds=1) == "took too long"

    def test_where_it_cannot_be_kept_in_it_is_not_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        load_filter.cache_clear()
        monkeypatch.setattr(examples, "_trouble", lambda: "Landlock is not to be had")
        with pytest.raises(ConfigError, match=r"cannot be run safely on this machine: Landlock is not to be had\."):
            load_filter("examples")
        load_filter.cache_clear()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("code", "--filter code: expected code:LANGUAGE, such as code:python."),
        ("code:pythn", "--filter code:pythn: there is no grammar of it (did you mean python?)."),
        ("language:German", "--filter language:German: expected the code of a language, such as de, not 'German'."),
        ("tokens:gpt2", "--filter tokens:gpt2: expected tokens:TOKENIZER:[LEAST-]MOST, such as gpt2:16-512."),
        (f"tokens:{__file__}:9", f"--tokenizer {__file__}: cannot be read"),
        ("pii:mail", "--filter pii:mail: there is no 'mail' (did you mean email?)"),
        ("examples:fast", "--filter examples:fast: expected seconds, such as examples:5."),
        ("maths:none.jsonl", "none.jsonl: there is no such file"),
        ("jsn", "--filter jsn: expected module:function, file.py:function, or one of json,"),
    ],
)
def test_what_cannot_be_used(name: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_filter(name)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [("code:rust", "tree_sitter_language_pack", "filters"), ("pii:ip", "presidio_analyzer", "pii"), ("maths", "", "")],
    ids=["code", "pii", "maths"],
)
def test_what_is_not_installed(name: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from distilabel_selfinstruct.data.ready import maths, texts

    load_filter.cache_clear()
    texts._recognizer.cache_clear()
    if package:
        monkeypatch.setitem(sys.modules, package, None)
    else:
        monkeypatch.setattr(maths, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=rf"distilabel-selfinstruct\[{extra or 'filters'}\]"):
        load_filter(name)


def test_each_by_its_place_in_the_order() -> None:
    codes = [each.reason.code for each in load_filters(["pii:email", "json", "language:de", "language:de@instruction"])]
    assert codes == ["personal_data", "invalid_json", "other_language", "instruction_other_language"]
