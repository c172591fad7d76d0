"""Which licences the gate lets pass."""

from __future__ import annotations

from email.message import Message
from importlib import metadata

import pytest

from tests import licences


class Package(metadata.Distribution):
    """One that says this of itself."""

    version = "1.0"

    def __init__(self, *headers: tuple[str, str]) -> None:
        self._headers = headers

    @property
    def metadata(self) -> Message:  # type: ignore[override]
        message = Message()
        for name, value in self._headers:
            message[name] = value
        return message

    def read_text(self, filename: str) -> None:
        return None

    def locate_file(self, path: object) -> None:  # type: ignore[override]
        return None


def objections(monkeypatch: pytest.MonkeyPatch, name: str, *headers: tuple[str, str]) -> list[str]:
    monkeypatch.setattr(licences, "needed", lambda root: {name: Package(*headers)})
    return list(licences.objections())


@pytest.mark.parametrize(
    "expression",
    [
        "MIT", "Apache 2.0", "Apache License, Version 2.0", "Apache Software License", "3-Clause BSD License", "BSD",
        "BSD 2-Clause License", "PSFL", "Python Software Foundation License", "ISC License (ISCL)", "MIT License",
        "Mozilla Public License 2.0 (MPL 2.0)", "MIT-CMU", "MPL-2.0 AND (Apache-2.0 OR MIT)", "MIT OR GPL-2.0-only",
        "BSD-2-Clause AND Apache-2.0 WITH LLVM-exception", "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
    ],
)  # fmt: skip
def test_allowed(expression: str) -> None:
    assert licences.is_allowed(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "GPL-3.0-or-later", "AGPL-3.0-only", "GNU General Public License v3 (GPLv3)", "LGPL-3.0-or-later", "SSPL-1.0",
        "Other/Proprietary License", "MIT AND GPL-3.0-only", "MIT AND (GPL-2.0-only OR LGPL-2.1-only)", "Dual License",
        "LicenseRef-MIT", "(MIT AND GPL-3.0-only) OR AGPL-3.0-only", "",
    ],
)  # fmt: skip
def test_not_allowed(expression: str) -> None:
    assert not licences.is_allowed(expression)


def test_the_text_for_a_name_is_passed_over_for_the_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    text = ("License", "Copyright and so on. " * 20)
    assert objections(monkeypatch, "a", text, ("Classifier", "License :: OSI Approved :: BSD License")) == []
    assert objections(monkeypatch, "a", text) == [f"a 1.0: {text[1].strip()}"]
    assert objections(monkeypatch, "a", ("License", "MIT License\n\n" + "Permission is hereby granted. " * 9)) == []


def test_everything_that_a_package_says_must_be_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = (("License", "MIT"), ("Classifier", "License :: OSI Approved :: GNU General Public License (GPL)"))
    assert objections(monkeypatch, "a", *headers) == ["a 1.0: MIT / GNU General Public License (GPL)"]


def test_an_exception_is_for_one_licence(monkeypatch: pytest.MonkeyPatch) -> None:
    assert objections(monkeypatch, "hanta", ("License-Expression", "LGPL-3.0-or-later")) == []
    assert objections(monkeypatch, "hanta", ("License-Expression", "GPL-3.0-or-later")) == [
        "hanta 1.0: GPL-3.0-or-later"
    ]
    assert objections(monkeypatch, "another", ("License-Expression", "LGPL-3.0-or-later")) != []


def test_what_is_needed_goes_through_extras_to_the_end() -> None:
    found = licences.needed("distilabel-selfinstruct")
    assert {"numpy", "distilabel", "matplotlib", "pytest", "pluggy", "markdown-it-py", "mdurl"} <= set(found)
    assert "pip" not in found
