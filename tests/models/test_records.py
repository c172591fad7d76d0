"""Completions on disk: what is found again, by whom, and what is believed."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from distilabel_selfinstruct.errors import RunFolderError
from distilabel_selfinstruct.models.records import Record, Records, request_key, usage_by_stage
from distilabel_selfinstruct.usage import Usage
from tests.support.waiting import LIMIT


def record(prompt: str, sample: int = 0, completion: str | None = "Paris.", reason: str | None = None) -> Record:
    return Record(
        key=request_key("m", prompt, "{}"),
        sample=sample,
        prompt=prompt,
        parameters="{}",
        completion=completion,
        finish_reason="stop" if completion else None,
        reason=reason,
        detail=reason and f"because of {reason}",
        input_tokens=7,
        output_tokens=2,
        model="m",
        started=1.5,
        seconds=0.5,
    )


def store(folder: Path, *records: Record, stage: str = "bootstrap") -> Path:
    """A process's life: stores and ends; the file it has written."""
    before = set(folder.glob("*.sqlite"))
    written = Records(folder, stage)
    written.store(list(records)).result(timeout=LIMIT)
    written.close()
    (path,) = set(folder.glob("*.sqlite")) - before
    return path


def find(folder: Path, prompt: str, sample: int = 0, stage: str = "bootstrap") -> Record | None:
    records = Records(folder, stage)
    try:
        return records.find(request_key("m", prompt, "{}"), sample)
    finally:
        records.close()


def completion(folder: Path, prompt: str, sample: int = 0) -> str | None:
    found = find(folder, prompt, sample)
    return found and found.completion


class TestFind:
    def test_a_record_of_an_earlier_process_with_all_it_says(self, tmp_path: Path) -> None:
        stored = record("Name the capital of France.")
        store(tmp_path, stored)
        assert find(tmp_path, "Name the capital of France.") == replace(stored, prompt="", parameters="")

    def test_each_sample_of_a_prompt_has_its_own(self, tmp_path: Path) -> None:
        store(tmp_path, *(record("Name a city.", sample, name) for sample, name in enumerate(["Rome", "Oslo", "Lima"])))
        assert [completion(tmp_path, "Name a city.", sample) for sample in range(4)] == ["Rome", "Oslo", "Lima", None]

    def test_the_request_is_model_prompt_and_parameters(self) -> None:
        keys = {
            request_key("m", "p", "{}"),
            request_key("n", "p", "{}"),
            request_key("m", "q", "{}"),
            request_key("m", "p", '{"seed": 1}'),
            request_key("mp", "", "{}"),
        }
        assert len(keys) == 5

    def test_a_success_counts_more_than_a_failure_whichever_came_first(self, tmp_path: Path) -> None:
        success, failure = record("a"), record("a", completion=None, reason="timeout")
        store(tmp_path / "1", failure)
        store(tmp_path / "1", success)
        store(tmp_path / "2", success)
        store(tmp_path / "2", failure)
        assert completion(tmp_path / "1", "a") == completion(tmp_path / "2", "a") == "Paris."

    def test_a_failure_has_its_reason(self, tmp_path: Path) -> None:
        store(tmp_path, record("a", completion=None, reason="bad_request"))
        found = find(tmp_path, "a")
        assert found is not None
        assert (found.completion, found.reason, found.detail) == (None, "bad_request", "because of bad_request")

    def test_stages_are_kept_apart_even_where_a_name_begins_like_another(self, tmp_path: Path) -> None:
        store(tmp_path, record("a"), stage="bootstrap-2")
        assert find(tmp_path, "a", stage="bootstrap-2") is not None
        assert find(tmp_path, "a", stage="bootstrap") is None

    def test_what_this_process_stores_is_for_the_next_one(self, tmp_path: Path) -> None:
        records = Records(tmp_path, "bootstrap")
        records.store([record("a")]).result(timeout=LIMIT)
        assert records.find(record("a").key, 0) is None
        records.close()
        assert find(tmp_path, "a") is not None

    def test_not_what_another_process_of_the_same_run_is_writing(self, tmp_path: Path) -> None:
        replica = Records(tmp_path, "bootstrap", run="0123abcd")
        replica.store([record("France?")]).result(timeout=LIMIT)
        for run, is_found in (("0123abcd", False), ("4567cdef", True)):
            records = Records(tmp_path, "bootstrap", run=run)
            assert (records.find(request_key("m", "France?", "{}"), 0) is not None) is is_found
            records.close()
        replica.close()


class TestStore:
    def test_no_file_before_there_is_something_to_store(self, tmp_path: Path) -> None:
        Records(tmp_path / "completions", "bootstrap").close()
        assert list((tmp_path / "completions").iterdir()) == []

    def test_every_process_writes_its_own_file(self, tmp_path: Path) -> None:
        one, other = Records(tmp_path, "bootstrap"), Records(tmp_path, "bootstrap")
        one.store([record("a")]).result(timeout=LIMIT)
        other.store([record("b")]).result(timeout=LIMIT)
        one.store([record("c")]).result(timeout=LIMIT)
        one.close()
        other.close()
        assert len(list(tmp_path.glob("bootstrap-*.sqlite"))) == 2
        assert [completion(tmp_path, prompt) for prompt in "abc"] == ["Paris."] * 3

    def test_any_thread_may_store(self, tmp_path: Path) -> None:
        records = Records(tmp_path, "bootstrap")
        with ThreadPoolExecutor(8) as pool:
            stored = list(pool.map(lambda number: records.store([record(f"prompt {number}")]), range(200)))
        for future in stored:
            future.result(timeout=LIMIT)
        records.close()
        assert usage_by_stage(tmp_path)["bootstrap"].requests == 200

    def test_closing_waits_for_what_is_being_stored(self, tmp_path: Path) -> None:
        records = Records(tmp_path, "bootstrap")
        stored = [records.store([record(f"prompt {number}")]) for number in range(50)]
        records.close()
        assert all(future.done() for future in stored)
        assert completion(tmp_path, "prompt 49") == "Paris."

    def test_a_prefix_that_prompts_share_is_stored_once_and_given_back_whole(self, tmp_path: Path) -> None:
        shots = "Task: Reverse a word.\nIs it classification? No\n" * 20
        prompts = [f"{shots}Task: {task}" for task in ("Sort.", "Count.", "Say whether 3 is even.", "Größe?")]
        path = store(tmp_path, *(record(prompt) for prompt in [*prompts, "Something else."]))
        connection = sqlite3.connect(path)
        assert connection.execute("SELECT count(*) FROM prefixes").fetchone() == (1,)
        whole = {prompt for (prompt,) in connection.execute("SELECT prompt FROM requests")}
        held = sum(len(prompt) for (prompt,) in connection.execute("SELECT prompt FROM completions"))
        connection.close()
        assert whole == {*prompts, "Something else."}
        assert held < 2 * len(shots)

    def test_a_full_disk_is_a_clear_error_and_what_was_stored_before_stays(self, tmp_path: Path) -> None:
        script = f"""
import resource
from pathlib import Path
from tests.models.test_records import LIMIT, record
from distilabel_selfinstruct.errors import RunFolderError
from distilabel_selfinstruct.models.records import Records

records = Records(Path({str(tmp_path)!r}), "bootstrap")
records.store([record("a")]).result(timeout=LIMIT)
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
for attempt in range(2):
    try:
        records.store([record("b" * 100_000)]).result(timeout=LIMIT)
    except RunFolderError as error:
        print(error)
records.close()
"""
        said = subprocess.run(
            [sys.executable, "-c", script],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert said.count("a completion could not be stored") == 2
        assert "make room on the disk and run the same command again" in said
        assert (completion(tmp_path, "a"), completion(tmp_path, "b" * 100_000)) == ("Paris.", None)

    def test_a_prefix_that_could_not_be_stored_is_not_referred_to(self, tmp_path: Path) -> None:
        shots = "x" * 300
        records = Records(tmp_path, "bootstrap")
        records.store([record(shots + "a")]).result(timeout=LIMIT)
        broken = replace(record(shots + "b"), sample=None)  # type: ignore[arg-type]
        with pytest.raises(RunFolderError, match="could not be stored"):
            records.store([broken]).result(timeout=LIMIT)
        records.store([record(shots + "c")]).result(timeout=LIMIT)
        records.close()
        (path,) = tmp_path.glob("*.sqlite")
        connection = sqlite3.connect(path)
        prompts = [prompt for (prompt,) in connection.execute("SELECT prompt FROM requests ORDER BY prompt")]
        connection.close()
        assert prompts == [shots + "a", shots + "c"]


class TestDamaged:
    def test_a_writer_killed_in_the_middle_of_a_commit(self, tmp_path: Path) -> None:
        script = f"""
import os
from pathlib import Path
from tests.models.test_records import LIMIT, record
from distilabel_selfinstruct.models import records

store = records._Store(records._create(Path({str(tmp_path)!r}) / "bootstrap-1-1.sqlite"))
store.add([record("a")])
store._connection.execute("PRAGMA cache_spill = 1")
store._connection.execute("PRAGMA cache_size = 1")
store.add(record(str(number) * 5000) if number < 50 else os._exit(9) for number in range(51))
"""
        environment = {**os.environ, "PYTHONPATH": "."}
        killed = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], env=environment)
        assert killed.returncode == 9
        assert list(tmp_path.glob("*-journal"))
        assert completion(tmp_path, "a") == "Paris."
        assert usage_by_stage(tmp_path)["bootstrap"].requests == 1

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"not a database, but long enough to have a header of one " * 9, "this file of completions is damaged"),
            (b"", "not a file of completions of this package"),
        ],
        ids=["text", "empty"],
    )
    def test_a_foreign_file_is_named(self, tmp_path: Path, content: bytes, said: str) -> None:
        path = tmp_path / "bootstrap-1-1.sqlite"
        path.write_bytes(content)
        for read in (lambda: Records(tmp_path, "bootstrap"), lambda: usage_by_stage(tmp_path)):
            with pytest.raises(RunFolderError, match=said) as caught:
                read()
            assert str(caught.value).startswith(f"{path}: ")

    def test_another_programs_database_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "bootstrap-1-1.sqlite"
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
        connection.close()
        with pytest.raises(RunFolderError, match="not a file of completions of this package"):
            usage_by_stage(tmp_path)

    def test_a_file_cut_off_is_named(self, tmp_path: Path) -> None:
        path = store(tmp_path, *(record(str(number) * 2000) for number in range(50)))
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        for read in (lambda: Records(tmp_path, "bootstrap"), lambda: usage_by_stage(tmp_path)):
            with pytest.raises(RunFolderError, match="damaged") as caught:
                read()
            assert str(path) in str(caught.value)

    def test_a_draft_left_behind_is_not_read(self, tmp_path: Path) -> None:
        (tmp_path / "bootstrap-1-1.99.tmp").write_bytes(b"half a fi")
        assert find(tmp_path, "a") is None
        assert usage_by_stage(tmp_path) == {}


def test_usage_is_summed_by_stage(tmp_path: Path) -> None:
    store(tmp_path, record("a"), record("b", completion=None, reason="timeout"))
    store(tmp_path, record("c"))
    store(tmp_path, record("d"), stage="classification")
    assert usage_by_stage(tmp_path) == {
        "bootstrap": Usage(requests=3, failures=1, input_tokens=21, output_tokens=6, seconds=1.5),
        "classification": Usage(requests=1, failures=0, input_tokens=7, output_tokens=2, seconds=0.5),
    }
