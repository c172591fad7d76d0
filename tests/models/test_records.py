"""Completions on disk: what is found again, by whom, and what is believed."""

from __future__ import annotations

import errno
import math
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distilabel_selfinstruct.errors import RunFolderError
from distilabel_selfinstruct.models import records as records_module
from distilabel_selfinstruct.models.records import Record, Records, has_misread, request_key, storable, usage_by_stage
from distilabel_selfinstruct.usage import Prices, Usage
from tests.support.waiting import LIMIT, wait_until


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


def small_file(pages: int) -> Callable[[Path], sqlite3.Connection]:
    """Opens files that are as full as a full disk when they have so many pages."""
    open_to_write = records_module._open_to_write

    def small(path: Path) -> sqlite3.Connection:
        connection = open_to_write(path)
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    return small


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

    def test_a_full_disk_is_a_clear_error_and_what_was_stored_before_stays(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(records_module, "_open_to_write", small_file(pages=12))
        records = Records(tmp_path, "bootstrap")
        records.store([record("a")]).result(timeout=LIMIT)
        for _ in range(2):
            with pytest.raises(RunFolderError, match=r"disk is full.*Make room on the disk and run the same command"):
                records.store([record("b" * 100_000)]).result(timeout=LIMIT)
        records.store([record("c")]).result(timeout=LIMIT)
        records.close()
        assert [completion(tmp_path, prompt) for prompt in ("a", "b" * 100_000, "c")] == ["Paris.", None, "Paris."]

    @pytest.mark.parametrize(
        ("error", "is_full"),
        [
            (OSError(errno.ENOSPC, "No space left on device"), True),
            (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
            (OSError(errno.EACCES, "Permission denied"), False),
            (OSError(errno.EIO, "Input/output error"), False),
            (sqlite3.OperationalError("database or disk is full"), True),
            (sqlite3.OperationalError("disk I/O error"), False),
            (sqlite3.OperationalError("attempt to write a readonly database"), False),
            (MemoryError(), False),
            (KeyboardInterrupt(), False),
            (RecursionError("maximum recursion depth exceeded"), False),
            (SystemExit(3), False),
        ],
        ids=repr,
    )
    def test_whatever_is_raised_fails_one_job_and_says_what_is_known(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, is_full: bool
    ) -> None:
        insert = records_module._Store._insert

        def broken(self: object, record: Record) -> None:
            if record.prompt == "bad":
                raise error
            insert(self, record)  # type: ignore[arg-type]

        monkeypatch.setattr(records_module._Store, "_insert", broken)
        records = Records(tmp_path, "bootstrap")
        stored = [records.store([record("good"), record("bad"), record("as good")]), records.store([record("next")])]
        with pytest.raises(RunFolderError, match="a completion could not be stored") as caught:
            stored[0].result(timeout=LIMIT)
        stored[1].result(timeout=LIMIT)
        records.store([record("last")]).result(timeout=LIMIT)
        records.close()
        assert type(error).__name__ in str(caught.value)
        assert ("Make room on the disk" in str(caught.value)) is is_full
        found = [completion(tmp_path, prompt) for prompt in ("good", "bad", "as good", "next", "last")]
        assert found == ["Paris.", None, "Paris.", "Paris.", "Paris."]

    def test_a_thread_that_cannot_start_is_an_error_of_that_request(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def cannot(self: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        records = Records(tmp_path, "bootstrap")
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", cannot)
            with pytest.raises(RunFolderError, match="can't start new thread"):
                records.store([record("a")]).result(timeout=LIMIT)
        records.store([record("b")]).result(timeout=LIMIT)
        records.close()
        assert [completion(tmp_path, prompt) for prompt in "ab"] == [None, "Paris."]

    def test_who_gives_up_waiting_does_not_stop_the_writer(self, tmp_path: Path) -> None:
        records = Records(tmp_path, "bootstrap")
        stored = [records.store([record(f"prompt {number}")]) for number in range(20)]
        assert not any(future.cancel() for future in stored)
        records.store([record("a")]).result(timeout=LIMIT)
        records.close()
        assert completion(tmp_path, "prompt 19") == completion(tmp_path, "a") == "Paris."

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_a_writer_that_dies_lets_nobody_wait_and_another_takes_its_place(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def dies(self: Records) -> None:
            wait_until(lambda: not self._queue.empty())
            raise SystemExit

        records = Records(tmp_path, "bootstrap")
        with monkeypatch.context() as patched:
            patched.setattr(Records, "_next_jobs", dies)
            with pytest.raises(RunFolderError, match="has ended"):
                records.wait(records.store([record("a")]))
        records.wait(records.store([record("b")]))
        records.close()
        assert completion(tmp_path, "b") == "Paris."

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


LONE, PAIR = "\ud83d", "\ud83d\ude00"  # half an emoji, and one in two halves


class TestStorable:
    """What no file can hold is made storable before."""

    @pytest.mark.parametrize(
        ("field", "given", "kept"),
        [
            ("completion", f"Hello {LONE}", "Hello \ufffd"),
            ("completion", f"{LONE}{LONE}x\udc00", "\ufffd\ufffdx\ufffd"),
            ("completion", f"Hello {PAIR}", "Hello \U0001f600"),
            ("completion", "a\x00b\x00", "a\x00b\x00"),
            ("completion", ["a", "ä"], '["a", "ä"]'),
            ("completion", "\ufeffBOM", "\ufeffBOM"),
            ("reasoning", f"Hmm {LONE}", "Hmm \ufffd"),
            ("finish_reason", LONE, "\ufffd"),
            ("finish_reason", {"type": "stop"}, '{"type": "stop"}'),
            ("finish_reason", 3, "3"),
            ("detail", f"400: {LONE}", "400: \ufffd"),
            ("detail", ["no", None], '["no", null]'),
            ("model", f"m{LONE}", "m\ufffd"),
            ("input_tokens", 2**70, 2**63 - 1),
            ("input_tokens", -1, 0),
            ("input_tokens", None, 0),
            ("input_tokens", "12", 12),
            ("output_tokens", "many", 0),
            ("output_tokens", math.nan, 0),
            ("output_tokens", math.inf, 0),
            ("output_tokens", 7.9, 7),
            ("output_tokens", [3, 4], 7),
            ("cached_tokens", "3", 3),
            ("seconds", math.nan, 0.0),
            ("started", -math.inf, 0.0),
        ],
    )
    def test_what_is_kept_of_it(self, tmp_path: Path, field: str, given: Any, kept: Any) -> None:
        store(tmp_path, replace(record("a"), **{field: given}), record("b"))
        found = find(tmp_path, "a")
        assert (getattr(found, field), completion(tmp_path, "b")) == (kept, "Paris.")

    @pytest.mark.parametrize("prompt", [f"Say {LONE}.", "Say \x00.", f"{'x' * 300}{LONE}"])
    def test_prompts_and_parameters(self, tmp_path: Path, prompt: str) -> None:
        path = store(tmp_path, record("x" * 310), replace(record(prompt), parameters=f'{{"stop": "{LONE}"}}'))
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute("SELECT prompt, parameters FROM requests ORDER BY rowid").fetchall()
        assert rows[1] == (prompt.replace(LONE, "\ufffd"), '{"stop": "\ufffd"}')
        assert completion(tmp_path, prompt) == "Paris."

    def test_what_can_be_stored_stays_as_it_is(self) -> None:
        whole = replace(record("ä", completion="Größe \U0001f600"), reasoning="Hm.", cached_tokens=3)
        assert storable(whole) == whole


OLD_SCHEMA = """
PRAGMA application_id = 1579094615;
CREATE TABLE prefixes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE parameters (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE completions (
    key BLOB NOT NULL, sample INTEGER NOT NULL, prefix_id INTEGER, prompt TEXT NOT NULL, parameters_id INTEGER NOT NULL,
    completion TEXT, finish_reason TEXT, reason TEXT, detail TEXT, input_tokens INTEGER, output_tokens INTEGER,
    model TEXT NOT NULL, started REAL NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (key, sample)
);
CREATE VIEW requests AS SELECT sample, coalesce(prefixes.text, '') || prompt AS prompt, parameters.text AS parameters,
    completion, finish_reason, reason, detail, input_tokens, output_tokens, model, started, seconds
    FROM completions LEFT JOIN prefixes ON prefixes.id = prefix_id JOIN parameters ON parameters.id = parameters_id;
"""
"""That of version 0.1.0."""


def store_as_before(folder: Path, *records: Record, stage: str = "bootstrap", name: str = "1-1") -> Path:
    """A file as version 0.1.0 wrote it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stage}-{name}.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(OLD_SCHEMA)
        for each in records:
            connection.execute("INSERT OR IGNORE INTO parameters (text) VALUES (?)", (each.parameters,))
            connection.execute(
                "INSERT INTO completions SELECT ?, ?, NULL, ?, id, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM parameters"
                " WHERE text = ?",
                (each.key, each.sample, each.prompt, each.completion, each.finish_reason, each.reason, each.detail,
                 each.input_tokens, each.output_tokens, each.model, each.started, each.seconds, each.parameters),
            )  # fmt: skip
    return path


class TestKind:
    """Only a failure of the request itself is a result."""

    @pytest.mark.parametrize(("kind", "is_final"), [("request", True), ("service", False), ("setup", False)])
    def test_it_is_found_again(self, tmp_path: Path, kind: str, is_final: bool) -> None:
        failed = replace(record("a", completion=None, reason="bad_request"), kind=kind)
        store(tmp_path, failed)
        found = find(tmp_path, "a")
        assert found is not None
        assert (found.kind, found.is_final) == (kind, is_final)

    @pytest.mark.parametrize("order", [("request", "service"), ("service", "request"), ("setup", "request")])
    def test_the_surest_failure_counts_whichever_came_first(self, tmp_path: Path, order: tuple[str, str]) -> None:
        for kind in order:
            store(tmp_path, replace(record("a", completion=None, reason="bad_request"), kind=kind))
        found = find(tmp_path, "a")
        assert found is not None
        assert found.kind == "request"

    @pytest.mark.parametrize(
        ("reason", "detail", "kind"),
        [
            ("context_length", "400: maximum context length is 4096", "request"),
            ("content_filter", "400: flagged by the content filter", "request"),
            ("content_filter", "the model gave no text: finish reason content_filter", "request"),
            ("content_filter", "the model gave no text: finish reason stop", "setup"),
            ("content_filter", "the model gave no text: finish reason tool_calls", "setup"),
            ("content_filter", "the model gave no text: finish reason None", "setup"),
            ("content_filter", "the model gave no text: I cannot help with that.", "request"),
            ("bad_request", "400: Error code: 400 - {'error': {'message': 'no', 'param': None}}", "request"),
            ("bad_request", "400: {'message': 'Unsupported parameter: max_tokens', 'param': None}", "setup"),
            ("bad_request", "400: `temperature` and `top_p` cannot both be specified", "setup"),
            ("bad_request", "400: Argument not supported on this model: presencePenalty", "setup"),
            ("bad_request", "400: parameter.enable_thinking must be set to false", "setup"),
            ("bad_request", "400: Invalid JSON payload received. Unknown name", "setup"),
            ("bad_request", "400: <html><head><title>400 Bad Request</title>", "setup"),
            ("invalid_response", "the endpoint's answer cannot be used, a choice is no object", "request"),
            ("invalid_response", "the endpoint's answer cannot be used, no JSON: Expecting value", "setup"),
            ("invalid_response", "the endpoint's answer cannot be used, no completion: {}", "setup"),
            ("not_found", "404: no route", "setup"),
            ("model_error", "'NoneType' object is not iterable", "setup"),
            ("server_error", "500: oops", "service"),
            ("timeout", "no answer in time", "service"),
        ],
    )
    def test_files_of_0_1_0_do_not_say(self, tmp_path: Path, reason: str, detail: str, kind: str) -> None:
        failed = replace(record("a", completion=None, reason=reason), detail=detail)
        store_as_before(tmp_path, failed, record("b"))
        found = find(tmp_path, "a")
        assert found is not None
        assert (found.kind, found.cached_tokens, found.reasoning) == (kind, 0, None)
        assert completion(tmp_path, "b") == "Paris."

    @pytest.mark.parametrize(
        ("text", "ending", "now"),
        [
            ("Paris.", "stop", ("Paris.", "stop", None)),
            ("Paris.", None, ("Paris.", None, None)),
            ("Par", "MAX_TOKENS", ("Par", "length", None)),
            ("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Paris.", "stop",
             ("Paris.", "stop", "Hm.")),
            ("[THINK]Hm.[/THINK]Paris.", "stop", ("Paris.", "stop", "Hm.")),
            ("Paris.<|im_end|>\n<|im_start|>user\nMore", "stop", ("Paris.", "stop", None)),
            ("[{'type': 'thinking', 'thinking': 'Hm.'}, {'type': 'text', 'text': \"Paris.\"}]", "stop",
             ("Paris.", "stop", "Hm.")),
            ("[{'type': 'text', 'text': 'Par", "length", ("[{'type': 'text', 'text': 'Par", "length", None)),
        ],
    )  # fmt: skip
    def test_an_answer_of_0_1_0_is_read_as_it_is_today(
        self, tmp_path: Path, text: str, ending: str | None, now: tuple[str | None, ...]
    ) -> None:
        store_as_before(tmp_path, replace(record("a", completion=text), finish_reason=ending))
        found = find(tmp_path, "a")
        assert found is not None
        assert (found.completion, found.finish_reason, found.reasoning) == now
        assert found.is_final

    @pytest.mark.parametrize("ending", ["error", "abort", "insufficient_system_resource"])
    def test_half_an_answer_of_0_1_0_is_none_and_the_whole_one_counts(self, tmp_path: Path, ending: str) -> None:
        store_as_before(tmp_path, replace(record("a", completion="Par"), finish_reason=ending), name="9-9")
        found = find(tmp_path, "a")
        assert found is not None
        assert (found.completion, found.reason, found.is_final) == (None, "server_error", False)
        store(tmp_path, record("a"))
        assert completion(tmp_path, "a") == "Paris."

    @pytest.mark.parametrize(
        ("text", "ending", "is_misread"),
        [("Paris.", "stop", False), ("Paris.", None, False), ("", "length", False), ("Par", "abort", True),
         ("Paris.<|im_end|>", "stop", True), ("Par", "MAX_TOKENS", True)],
    )  # fmt: skip
    def test_whether_a_folder_of_0_1_0_has_to_be_read_again(
        self, tmp_path: Path, text: str, ending: str | None, is_misread: bool
    ) -> None:
        store_as_before(tmp_path, replace(record("a", completion=text), finish_reason=ending))
        store(tmp_path, record("b"))
        assert has_misread(tmp_path) is is_misread

    @pytest.mark.parametrize("reason", ["bad_request", "invalid_response"])
    def test_where_not_one_request_of_the_stage_was_answered_no_request_is_at_fault(
        self, tmp_path: Path, reason: str
    ) -> None:
        store_as_before(tmp_path, record("a", completion=None, reason=reason))
        store_as_before(tmp_path, record("b"), stage="instances")
        found = find(tmp_path, "a")
        assert found is not None
        assert not found.is_final

    def test_old_and_new_files_are_read_together(self, tmp_path: Path) -> None:
        store_as_before(tmp_path, record("a", completion=None, reason="bad_request"), record("b"))
        store(tmp_path, replace(record("a"), cached_tokens=5, reasoning="Hm."))
        found = find(tmp_path, "a")
        assert found is not None
        assert (found.completion, found.reasoning) == ("Paris.", "Hm.")
        assert usage_by_stage(tmp_path)["bootstrap"] == Usage(3, 1, 21, 6, 1.5, 5)


class TestDamaged:
    def test_a_writer_killed_in_the_middle_of_a_commit(self, tmp_path: Path) -> None:
        script = f"""
import os
from pathlib import Path
from tests.models.test_records import LIMIT, record
from distilabel_selfinstruct.models import records

store = records._Store(records._open_to_write(Path({str(tmp_path)!r}) / "bootstrap-1-1.sqlite"))
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


def test_usage_adds_up() -> None:
    assert Usage(1, 0, 10, 5, 1.0, 4) + Usage(2, 1, 20, 6, 0.5, 3) == Usage(3, 1, 30, 11, 1.5, 7)


def test_cached_input_has_a_price_of_its_own_where_one_is_given() -> None:
    assert Prices(2.0, 10.0).of(1e6, 1e6, 5e5) == 12.0
    assert Prices(2.0, 10.0, cached_per_million=1.0).of(1e6, 1e6, 5e5) == 11.5
