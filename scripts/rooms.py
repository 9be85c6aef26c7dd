"""The rooms of the core: how large they are, and who imports whom.

    python scripts/rooms.py                               prints them; exit 1 where a rule is broken
    python scripts/rooms.py --svg docs/architecture.svg   writes the picture

The order of the rooms is that of the table in docs/architecture.md. Imports for type checking alone
do not count.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]
CORE = "dfbench"
GROUND, FACE = "(ground)", "(face)"
AT_THE_FACE = {"api", "cli", "__init__", "__main__"}
MOST_ROOMS, MOST_MODULES, WITHOUT_ROOMS = 13, 20, 10
Graph = Mapping[str, set[str]]


def table() -> dict[str, str]:
    """Room -> what it is in a line, in the order of the table."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    first = text.split("| room |", 1)[1].split("\n\n", 1)[0]
    rows = [line.split("|")[1:3] for line in first.splitlines()[2:]]
    return {name.strip().strip("`"): what.strip() for name, what in rows}


def modules() -> dict[str, Path]:
    """Dotted name -> file, of every module of the core and of the packages beside it."""
    found = {}
    for root in ("harness", "plugins", "datasets", "leaderboard"):
        for file in sorted((ROOT / root).rglob("*.py")):
            parts = file.relative_to(ROOT / root).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = file
    return found


def imported(file: Path, known: Iterable[str]) -> Iterator[str]:
    """The modules among ``known`` that a file imports, once for each import."""

    def walk(node: ast.AST) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if isinstance(child, ast.ImportFrom) and child.module:
                for alias in child.names:
                    whole = f"{child.module}.{alias.name}"
                    yield whole if whole in known else child.module
            elif isinstance(child, ast.Import):
                yield from (alias.name for alias in child.names)
            yield from walk(child)

    yield from (name for name in walk(ast.parse(file.read_text("utf-8"))) if name in known)


def room_of(module: str) -> str:
    """The room that a module of the core lies in."""
    first = module.split(".")[1] if "." in module else "__init__"
    if first in AT_THE_FACE:
        return FACE
    file = ROOT / "harness" / CORE / f"{first}.py"
    return GROUND if file.is_file() else first


def graph_of(files: Mapping[str, Path]) -> Graph:
    """Module -> the modules it imports."""
    return {name: set(imported(file, files)) - {name} for name, file in files.items()}


def arrows_of(graph: Graph) -> Counter[tuple[str, str]]:
    """How many modules of one room import from another, room by room."""
    return Counter(
        pair
        for name, others in graph.items()
        if name.split(".")[0] == CORE
        for pair in {
            (room_of(name), room_of(other)) for other in others if other.split(".")[0] == CORE
        }
        if pair[0] != pair[1]
    )


# --- the rules -------------------------------------------------------------------------------


def upward(graph: Graph, order: list[str]) -> list[str]:
    """Imports of the core that go to a room further down the table."""
    return [
        f"{name} imports {other}, which lies below it"
        for name, others in graph.items()
        for other in sorted(others)
        if name.split(".")[0] == other.split(".")[0] == CORE
        and order.index(room_of(other)) > order.index(room_of(name))
    ]


def circle(graph: Graph) -> list[str]:
    """A circle of modules that import each other, if there is one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [" imports ".join(reversed(error.args[1]))]
    return []


def sizes(files: Mapping[str, Path]) -> Counter[str]:
    """Modules a room, its sub-rooms with it."""
    return Counter(room_of(name) for name in files if name.split(".")[0] == CORE)


def too_large(files: Mapping[str, Path], order: list[str]) -> list[str]:
    """Rooms that are too many, too large or without a place in the table."""
    count = sizes(files)
    folders = {f.parent for f in files.values() if f.parent.parent == ROOT / "harness" / CORE}
    wrong = [f"{room} has no place in the table" for room in count if room not in order]
    wrong += [f"{room} stands in the table and is not there" for room in order if not count[room]]
    wrong += [
        f"{room} has {number} modules, more than {MOST_MODULES}"
        for room, number in count.items()
        if room != FACE and number > MOST_MODULES
    ]
    if len(folders) > MOST_ROOMS:
        wrong.append(f"{len(folders)} rooms, more than {MOST_ROOMS}")
    flat = Counter(f.parent for f in files.values() if (f.parent / "__init__.py").is_file())
    for folder, number in flat.items():
        most = MOST_MODULES if folder.parent.name == CORE else WITHOUT_ROOMS
        if folder.name.startswith(f"{CORE}_") and number - 1 > most:
            wrong.append(f"{folder.name} has {number - 1} modules and no rooms for them")
    return wrong


def faults(files: Mapping[str, Path], graph: Graph, order: list[str]) -> list[str]:
    """What breaks a rule, each a line."""
    return [*too_large(files, order), *upward(graph, order), *circle(graph)]


# --- what is shown ---------------------------------------------------------------------------


def report(files: Mapping[str, Path], graph: Graph, rooms: Mapping[str, str]) -> Iterator[str]:
    """The rooms in order, with sizes and arrows."""
    count, arrows = sizes(files), arrows_of(graph)
    lines: Counter[str] = Counter()
    for name, file in files.items():
        if name.split(".")[0] == CORE:
            lines[room_of(name)] += len(file.read_text("utf-8").splitlines())
    for room, what in rooms.items():
        yield f"{room:<10} {count[room]:>3} modules {lines[room]:>5} lines   {what}"
        to = ", ".join(f"{b} {n}" for (a, b), n in sorted(arrows.items()) if a == room)
        yield f"{'':<10} imports from {to or 'none'}"
    largest = max(count, key=lambda room: count[room])
    yield f"{len(rooms) - 2} rooms and the face; the largest, {largest}, has {count[largest]}"


def direct(arrows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The arrows that do not follow from others (a transitive reduction)."""
    to: dict[str, set[str]] = {}
    for a, b in arrows:
        to.setdefault(a, set()).add(b)

    def reach(room: str) -> set[str]:
        return {far for near in to.get(room, ()) for far in {near, *reach(near)}}

    return [
        (a, b) for a in to for b in sorted(to[a]) if not any(b in reach(c) for c in to[a] - {b})
    ]


HIGH, GAP, LEFT, WIDE = 46, 20, 24, 560


def svg(rooms: Mapping[str, str], count: Mapping[str, int], arrows: Graph) -> str:
    """Boxes from top to bottom in the order of the table, arrows from who imports to what."""
    at = {room: 24 + i * (HIGH + GAP) for i, room in enumerate(rooms)}
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {max(at.values()) + HIGH + 24}" '
        'font-family="Helvetica, Arial, sans-serif" role="img">',
        "<title>The rooms of dfbench's core, each importing only from rooms above it</title>",
        '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#33475b"/></marker>',
        "</defs>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    out += [_arrow(at[a], at[b]) for a, others in arrows.items() for b in sorted(others)]
    for room, what in rooms.items():
        y, fill = at[room], "#eef2f6" if room in (GROUND, FACE) else "#d9e7f5"
        out.append(
            f'<rect x="{LEFT}" y="{y}" width="{WIDE}" height="{HIGH}" rx="7" fill="{fill}" '
            'stroke="#33475b"/>'
            f'<text x="{LEFT + 16}" y="{y + 29}" font-size="17" font-weight="bold" '
            f'fill="#14212e">{escape(room)}</text>'
            f'<text x="{LEFT + 130}" y="{y + 28}" font-size="15" fill="#14212e">'
            f"{escape(re.sub('`', '', what))}</text>"
            f'<text x="{LEFT + WIDE - 14}" y="{y + 28}" font-size="13" text-anchor="end" '
            f'fill="#4a5b6c">{count[room]}</text>'
        )
    return "\n".join([*out, "</svg>", ""])


def _arrow(low: int, high: int) -> str:
    """From the lower box to the upper one: straight to a neighbour, else round by the right."""
    if low - high == HIGH + GAP:
        x = LEFT + 70
        path = f"M{x} {low} L{x} {high + HIGH + 2}"
    else:
        x, out = LEFT + WIDE, 34 + 22 * round((low - high) / (HIGH + GAP))
        start, end = low + 16, high + HIGH - 14
        path = f"M{x} {start} C{x + out} {start} {x + out} {end} {x + 3} {end}"
    return (
        f'<path d="{path}" fill="none" stroke="#33475b" stroke-width="1.6" marker-end="url(#end)"/>'
    )


def picture() -> str:
    """The whole SVG, as it follows from the imports now."""
    files = modules()
    pairs: dict[str, set[str]] = {}
    for a, b in direct(arrows_of(graph_of(files))):
        pairs.setdefault(a, set()).add(b)
    return svg(table(), sizes(files), pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--svg", type=Path, help="write the picture there")
    asked = parser.parse_args()
    if asked.svg:
        asked.svg.write_text(picture(), "utf-8")
        return
    files, rooms = modules(), table()
    graph = graph_of(files)
    print("\n".join(report(files, graph, rooms)))
    wrong = faults(files, graph, list(rooms))
    print("\n".join(wrong) if wrong else "no arrow upwards, no circle, no room too large")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
