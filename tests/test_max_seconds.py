"""The option that keeps the quick tests quick."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import time
import pytest

def test_quick(): pass

def test_long(): time.sleep(0.3)

@pytest.mark.slow
def test_marked_slow(): time.sleep(0.3)

@pytest.mark.server
def test_with_a_server(): time.sleep(0.3)

@pytest.mark.xfail
def test_that_fails_anyway(): time.sleep(0.3); assert False
"""


@pytest.fixture
def tests(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest("from tests.conftest import pytest_addoption, pytest_runtest_makereport")
    pytester.makeini("[pytest]\nmarkers =\n    slow\n    server")
    pytester.makepyfile(TESTS)
    return pytester


@pytest.mark.slow
def test_a_long_test_without_a_mark_fails(tests: pytest.Pytester) -> None:
    result = tests.runpytest_inprocess("--max-seconds", "0.2")
    result.assert_outcomes(passed=3, failed=1, xfailed=1)
    result.stdout.re_match_lines([r".*test_long.*", r"took 0\.\d s, more than 0\.2: make it faster, or mark it as .*"])


@pytest.mark.slow
def test_nothing_fails_without_the_option(tests: pytest.Pytester) -> None:
    tests.runpytest_inprocess().assert_outcomes(passed=4, xfailed=1)
