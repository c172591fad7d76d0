"""Processes that begin warm are told to have ended as they did."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.waiting import LIMIT
from tests.support.warm import start


def test_all_threads_that_look_for_the_end_at_once_see_the_same(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import time; time.sleep(0.2); raise SystemExit(3)")
    process = start([str(script)], tmp_path, os.environ)

    def look() -> int:
        while (status := process.poll()) is None:
            pass
        return status

    with ThreadPoolExecutor(8) as threads:
        seen = [threads.submit(look) for _ in range(8)]
        process.communicate(timeout=LIMIT)
        assert [each.result() for each in seen] == [3] * 8
