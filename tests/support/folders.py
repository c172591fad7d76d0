"""What is in a folder."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def all_text(folder: Path) -> str:
    """The content of all files, apart from those that vanish meanwhile."""
    texts = []
    for path in (Path(parent, name) for parent, _, names in os.walk(folder) for name in names):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():  # and no socket
                texts.append(path.read_text(errors="replace"))
    return "\n".join(texts)
