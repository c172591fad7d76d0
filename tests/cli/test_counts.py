"""Numbers of things on the command line are 1 at least, at every command."""

from __future__ import annotations

import pytest

from distilabel_selfinstruct.cli import self_instruct


@pytest.mark.parametrize("given", ["0", "-3", "1.5", "many", ""])
@pytest.mark.parametrize(
    "words",
    [
        ["forecast", "run", "--num-instructions"],
        ["forecast", "run", "--num-instructions", "5", "--concurrency"],
        ["review", "push", "run", "--to", "x.csv", "--sample"],
        ["review", "push", "run", "--to", "x.csv", "--annotators"],
        ["seeds", "rows.jsonl", "--out", "x.jsonl", "--most"],
    ],
    ids=lambda words: f"{words[0]} {words[-1]}",
)
def test_a_number_below_one_is_refused(words: list[str], given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        self_instruct([*words[:-1], f"{words[-1]}={given}"])
    assert ended.value.code == 2
    assert f"argument {words[-1]}: {given!r}: a whole number is needed, 1 or more" in capsys.readouterr().err
