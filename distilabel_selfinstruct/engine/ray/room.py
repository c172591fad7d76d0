"""Whether the workers of a stage find room on the nodes of a Ray cluster."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

from distilabel_selfinstruct.engine.ray.place import Node, Resources
from distilabel_selfinstruct.engine.stock import AnyStep

_LAYOUTS = 200  # ways to place workers on nodes that are looked through at the same time
_Layout = frozenset[tuple[tuple[int, ...], int]]


def resources_of(step: AnyStep) -> Resources:
    """What one replica of a step asks for, by Ray's names; most only wait for an endpoint, and need nothing."""
    own = step.resources
    named = {"CPU": own.cpus, "GPU": own.gpus, "memory": own.memory, **(own.resources or {})}
    return {name: amount for name, amount in named.items() if amount}


def step_without_room(needs: list[tuple[str, Resources]], nodes: list[Node]) -> str | None:
    """The first step with a worker that finds no place beside those before it, whichever places these take."""
    asked = [(name, need) for name, need in needs if need]

    def too_many(count: int) -> bool:
        return not _may_fit([need for _, need in asked[:count]], nodes)

    if not too_many(len(asked)):
        return None
    return asked[bisect_left(range(1, len(asked)), True, key=too_many)][0]


def _may_fit(needs: list[Resources], nodes: list[Node]) -> bool:
    """Whether all find a place at the same time; true also where that would take long to tell."""
    kinds = sorted({kind for need in needs for kind in need})

    def amounts(resources: Resources) -> tuple[int, ...]:
        return tuple(round(resources.get(kind, 0) * 10_000) for kind in kinds)  # as exact as Ray is

    def has(free: tuple[int, ...], need: tuple[int, ...]) -> bool:
        return all(there >= part for there, part in zip(free, need))

    all_free, all_needed = [amounts(node.resources) for node in nodes], [amounts(need) for need in needs]
    there = tuple(map(sum, zip(*all_free)))
    if not has(there, tuple(map(sum, zip(*all_needed)))):
        return False
    if not all(any(has(free, need) for free in all_free) for need in all_needed):
        return False
    layouts = {frozenset(Counter(all_free).items())}  # what can be free after those before, with the number of nodes
    for need in sorted(all_needed, key=lambda need: -max(part / max(whole, 1) for part, whole in zip(need, there))):
        layouts = {_placed(layout, free, need) for layout in layouts for free, _ in layout if has(free, need)}
        if len(layouts) > _LAYOUTS:
            return True
    return bool(layouts)


def _placed(layout: _Layout, free: tuple[int, ...], need: tuple[int, ...]) -> _Layout:
    """The layout after a node that has so much free took a worker in."""
    after = Counter(dict(layout))
    after[free] -= 1
    after[tuple(there - part for there, part in zip(free, need))] += 1
    return frozenset((+after).items())


def listed(resources: Resources) -> str:
    """Amounts in words."""
    return ", ".join(f"{amount:g} {kind}" for kind, amount in resources.items())


def no_room(step_name: str, needs: list[tuple[str, Resources]], nodes: list[Node]) -> str:
    """Says what was asked for, and what there is."""
    asked = "; ".join(
        f"{name} {count} x {listed(dict(need))}"
        for (name, need), count in Counter((name, tuple(need.items())) for name, need in needs).items()
        if need
    )
    kinds = {kind for _, need in needs for kind in need}
    there = "; ".join(
        f"{node.address} {listed({kind: node.resources.get(kind, 0) for kind in sorted(kinds)})}" for node in nodes
    )
    return (
        f"The Ray cluster has no room for all workers of step '{step_name}'. Asked for at the same time: {asked}."
        f" Its nodes have: {there}. Ask for fewer replicas or less for each, or add nodes."
    )
