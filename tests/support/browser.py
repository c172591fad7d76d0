"""A real browser that talks to nobody but whom a test names, and keeps what went wrong."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


@dataclass
class Seen:
    """What a page did: errors, requests that were stopped because they went elsewhere."""

    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


@contextmanager
def browser_page(allowed: str = "", **context: Any) -> Iterator[tuple[Any, Seen]]:
    """A page of Chromium; requests to other addresses than `allowed` and files are stopped.

    Skips where there is no Chromium: Debian's package is chromium-headless-shell.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip(f"needs Chromium: apt install {_NAMES[0]}")
    seen = Seen()
    with playwright.sync_playwright() as started:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = started.chromium.launch(executable_path=path, args=arguments)
        page = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context}).new_page()

        def stay(route: Any) -> None:
            address = route.request.url
            if address.startswith(("file:", "blob:")) or (allowed and address.startswith(allowed)):
                route.continue_()
            else:
                seen.elsewhere.append(address)
                route.abort()

        page.route("**/*", stay)
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("console", lambda said: seen.errors.append(said.text) if said.type == "error" else None)
        page.on("dialog", lambda dialog: (seen.errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        try:
            yield page, seen
        finally:
            browser.close()
