"""Fails where a dependency's licence was not agreed to: `python tests/licences.py`, in an environment with the extras.

Every installed package that distilabel-selfinstruct needs is looked at, extras and what they need in turn included.
What a package says of its licence must be allowed below, or be an exception there with its reason.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = "distilabel-selfinstruct"
ALLOWED = re.compile(
    r"""
    0BSD | CC0-1\.0 | CNRI-Python | HPND | MIT-CMU | MIT-0 | Python-2\.0 | The\ Unlicense.* | Unlicense | Zlib
    | (The\ )?MIT(\ Licen[cs]e)?
    | ((New|Modified|[23]-Clause)\ )?BSD([-\ ][23]-Clause)?(\ License)?
    | Apache(\ Software)?(\ License)?(,?\ Version)?([-\ ]2(\.0)?)?
    | (PSF-2\.0 | PSFL? | Python\ Software\ Foundation)(\ License)?
    | ISC(\ License)?(\ \(ISCL\))?
    | MPL-2\.0 | Mozilla\ Public\ License\ 2\.0\ \(MPL\ 2\.0\)
    """,
    re.VERBOSE | re.IGNORECASE,
)
EXCEPTIONS = {
    # package: (the licence that was agreed to, why)
    "hanta": ("LGPL-3.0-or-later", "imported as it is, and neither changed nor shipped with this package"),
    "pyte": ("GNU Lesser General Public License v3 (LGPLv3)", "the tests alone use it, as it is"),
    "python-dateutil": ("Dual License", "BSD-3-Clause or Apache-2.0: both are allowed"),
}


def needed(root: str) -> dict[str, metadata.Distribution]:
    """The installed packages that `root` needs, with all its extras."""
    found: dict[str, metadata.Distribution] = {}
    seen: set[tuple[str, str]] = set()
    todo = [(root, extra) for extra in ["", *(metadata.metadata(root).get_all("Provides-Extra") or [])]]
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            package = found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # of an extra that is not installed
            continue
        for requirement in map(Requirement, package.requires or []):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                todo += [(canonicalize_name(requirement.name), each) for each in ["", *requirement.extras]]
    del found[root]
    return dict(sorted(found.items()))


def licences(package: metadata.Distribution) -> list[str]:
    """What it says of its licence; of a text alone, which some give for the name, its first line."""
    says = package.metadata.get_all
    if expression := says("License-Expression"):
        return list(expression)
    classifiers = [each.rpartition(" :: ")[2] for each in says("Classifier") or [] if each.startswith("License")]
    names = [*(says("License") or []), *classifiers]
    # "Dual License" names none: the classifiers say which two there are.
    nameless = ("", "UNKNOWN", "OSI Approved", "Dual License")
    named = [name for name in names if name not in nameless and len(name) < 100]
    return named or [name.strip().partition("\n")[0] for name in names if name not in nameless]


def is_allowed(expression: str) -> bool:
    """Whether an SPDX expression, or a name such as `MIT License`, is one of those allowed."""
    expression = re.sub(r" WITH \S+", "", expression)  # an exception only permits more
    while inner := re.search(r"\(([^()]* (?:AND|OR) [^()]*)\)", expression):
        expression = expression.replace(inner[0], "MIT" if is_allowed(inner[1]) else "not allowed")
    return any(all(ALLOWED.fullmatch(each) for each in part.split(" AND ")) for part in expression.split(" OR "))


def objections() -> Iterator[str]:
    for name, package in needed(ROOT).items():
        found = licences(package)
        if found[:1] == [EXCEPTIONS.get(name, ("",))[0]]:
            continue
        if not found or not all(map(is_allowed, found)):
            yield f"{name} {package.version}: {' / '.join(found) or 'licence unknown'}"


if __name__ == "__main__":
    lines = list(objections())
    print("\n".join(lines) or f"{len(needed(ROOT))} packages, all of a licence that was agreed to")
    sys.exit(bool(lines))
