"""The rooms of the code, who imports from whom, and whether the rules hold (exit 1 if not).

    python scripts/rooms.py                              # sizes, arrows, broken rules
    python scripts/rooms.py --svg docs/architecture.svg  # the picture of docs/architecture.md

The table in docs/architecture.md says which rooms the core has, and in which order. An arrow goes
from a room to one that imports from it: it points down, and one that points up breaks the order.
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOTS = ("harness", "plugins", "datasets", "leaderboard")
MOST_ROOMS, MOST_MODULES, MOST_WITHOUT_ROOMS = 13, 20, 10
CHECKING = ("TYPE_CHECKING", "typing.TYPE_CHECKING")

Arrow = tuple[str, str]  # a room, and one that imports from it


@dataclass(frozen=True)
class Room:
    """A row of the table. members: its folder (``video/``) or modules (``api.py``) in the core."""

    name: str
    what: str
    members: tuple[str, ...]
    worth_knowing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Import:
    """One module imports another; full names. where: file and line."""

    importer: str
    imported: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.importer} imports {self.imported}"


def read_rooms(page: str) -> list[Room]:
    """The rows of the table whose first column is ``room``. In that column stands what belongs to
    the room, in backticks; a room of several things has its name before a colon."""
    rooms = []
    for line in page.partition("| room |")[2].splitlines()[2:]:
        if not line.startswith("|"):
            break
        first, what, known = (cell.strip() for cell in line.strip("|").split("|"))
        members = tuple(first.split("`")[1::2])
        name = first.partition(":")[0] if ":" in first else members[0].rstrip("/")
        rooms.append(Room(name, what, members, tuple(known.split("`")[1::2])))
    return rooms


def find_modules(root: Path = ROOT) -> dict[str, Path]:
    """Every module below the four roots, by its full name."""
    found = {}
    for base in (root / name for name in ROOTS):
        for file in sorted(base.rglob("*.py")):
            parts = file.relative_to(base).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def find_imports(modules: Mapping[str, Path]) -> list[Import]:
    """Who imports whom: at the top, in a function, or by a stub on first use. What is for type
    checking alone does not run. The version is the one name that all may take from the package."""
    found: dict[Import, None] = {}
    sources = [*modules.items()]
    sources += [(name, file.with_suffix(".pyi")) for name, file in modules.items()]
    for importer, file in (one for one in sources if one[1].is_file()):
        for node in _running(ast.parse(file.read_text("utf-8"))):
            where = f"{os.path.relpath(file, ROOT)}:{node.lineno}"
            for name in _names(node, where):
                imported = name if name in modules else name.rpartition(".")[0]
                if imported in modules and name != "dfbench.__version__":
                    found[Import(importer, imported, where)] = None
    return list(found)


def _running(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and ast.unparse(child.test) in CHECKING:
            yield from _running(ast.Module(child.orelse, []))
        else:
            yield from _running(child)


def _names(node: ast.Import | ast.ImportFrom, where: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if node.level:
        raise SystemExit(f"{where}: imports are absolute here")
    return [f"{node.module}.{alias.name}" for alias in node.names]


def room_of(module: str, rooms: Iterable[Room]) -> str:
    """The room of a module of the core; empty for others, and where the table has none for it."""
    package, _, rest = module.partition(".")
    first = rest.partition(".")[0] or "__init__"
    mine = (room.name for room in rooms if {f"{first}/", f"{first}.py"} & {*room.members})
    return next(mine, "") if package == "dfbench" else ""


def find_arrows(rooms: Sequence[Room], imports: Iterable[Import]) -> dict[Arrow, list[Import]]:
    """The imports between rooms of the core."""
    found: dict[Arrow, list[Import]] = {}
    for one in imports:
        above, below = room_of(one.imported, rooms), room_of(one.importer, rooms)
        if above and below and above != below:
            found.setdefault((above, below), []).append(one)
    return found


def upward(rooms: Sequence[Room], imports: Iterable[Import]) -> list[str]:
    """Imports from a room that stands further down in the table."""
    rank = {room.name: place for place, room in enumerate(rooms)}
    arrows = find_arrows(rooms, imports).items()
    return [str(one) for (a, b), some in arrows if rank[a] > rank[b] for one in some]


def circles(imports: Iterable[Import]) -> list[str]:
    """Modules that import each other in a circle, each imported by the one before it."""
    graph: dict[str, set[str]] = {}
    for one in imports:
        graph.setdefault(one.importer, set()).add(one.imported)
    found = []
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle = error.args[1][::-1]
            found.append(" imports ".join(circle))
            graph[circle[-2]].discard(circle[-1])  # look for others
        else:
            return found


def unplaced(rooms: Sequence[Room], modules: Iterable[str]) -> list[str]:
    """Modules of the core that no room has, and members of rooms that are not there."""
    core = {name for name in modules if name.partition(".")[0] == "dfbench"}
    wrong = [f"{name} has no room" for name in sorted(core) if not room_of(name, rooms)]
    for member in (member for room in rooms for member in room.members):
        name = f"dfbench.{member.rstrip('/').removesuffix('.py')}".removesuffix(".__init__")
        wrong += [] if name in core else [f"{member} is not there"]
    return wrong


def sizes(modules: Iterable[str]) -> Counter[str]:
    """Modules of each package, and of each room with what lies below it."""
    parts = [name.split(".") for name in modules]
    rooms = {".".join(name[:2]) for name in parts if len(name) > 2}
    inside = (".".join(name[:2]) for name in parts)
    return Counter([name[0] for name in parts] + [name for name in inside if name in rooms])


def too_large(modules: Iterable[str]) -> list[str]:
    """What has more in it than a newcomer takes in at a look."""
    size, wrong = sizes(modules), []
    rooms = Counter(name.partition(".")[0] for name in size if "." in name)
    for name, number in size.items():
        if "." in name and number > MOST_MODULES:
            wrong.append(f"{name} has {number} modules, more than {MOST_MODULES}")
        if "." not in name and number > MOST_WITHOUT_ROOMS and not rooms[name]:
            wrong.append(f"{name} has {number} modules and no rooms")
    if rooms["dfbench"] > MOST_ROOMS:
        wrong.append(f"the core has {rooms['dfbench']} rooms, more than {MOST_ROOMS}")
    return wrong


def direct(arrows: Iterable[Arrow]) -> set[Arrow]:
    """The arrows that do not follow from others: no longer way leads to the same room."""
    after: dict[str, set[str]] = {}
    for above, below in arrows:
        after.setdefault(above, set()).add(below)

    def reached(room: str) -> set[str]:
        below = after.get(room, set())
        return below.union(*map(reached, below))

    return {(a, b) for a in after for b in after[a] if not any(b in reached(x) for x in after[a])}


# --- the picture ------------------------------------------------------------------------------

WIDTH, LEFT, RIGHT, TOP, STEP, BOX, LANE = 900, 170, 730, 20, 78, 52, 36
COLOURS = ("#0072b2", "#b84a00", "#007a5a", "#9b3f78", "#5c5c5c", "#8a6400", "#3c4fa3", "#a3262a")
HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>The rooms of the core, and who imports from whom</title>
<style>text {{ font-family: Helvetica, Arial, sans-serif; font-size: 15px; fill: #444 }}
.name {{ font-family: monospace; font-size: 17px; font-weight: bold; fill: #111 }}
.box {{ fill: #f4f6f8; stroke: #9aa5b1 }} .way {{ fill: none; stroke-width: 2 }}</style>
<rect width="{width}" height="{height}" fill="#fff"/>"""


def draw(rooms: Sequence[Room], arrows: Iterable[Arrow]) -> str:
    """The rooms from top to bottom as SVG, with the direct arrows."""
    rank = {room.name: place for place, room in enumerate(rooms)}
    ways: dict[int, list[int]] = {}
    down = direct((a, b) for a, b in arrows if rank[a] < rank[b])  # others are told, not drawn
    for start, end in sorted((rank[above], rank[below]) for above, below in down):
        ways.setdefault(start, []).append(end)
    parts = [HEAD.format(width=WIDTH, height=TOP * 2 + STEP * len(rooms) - STEP + BOX)]
    for place, room in enumerate(rooms):
        y = TOP + STEP * place
        parts += [
            f'<rect class="box" x="{LEFT}" y="{y}" width="{RIGHT - LEFT}" height="{BOX}" rx="6"/>',
            f'<text class="name" x="{LEFT + 16}" y="{y + 22}">{escape(room.name)}</text>',
            f'<text x="{LEFT + 16}" y="{y + 42}">{escape(room.what.replace("`", ""))}</text>',
        ]
        if place + 1 in ways.get(place, []):
            x, end = (LEFT + RIGHT) // 2, y + STEP
            parts += [_line(f"M{x} {y + BOX} V{end - 9}", "#444"), _tip(x, end, "0", "#444")]
    long = {start: [end for end in ends if end > start + 1] for start, ends in ways.items()}
    return "\n".join([*parts, *_lanes({a: ends for a, ends in long.items() if ends}), "</svg>\n"])


def _lanes(ways: Mapping[int, Sequence[int]]) -> Iterator[str]:
    """A lane beside the boxes for each room whose arrows pass others, short ones inside. Arrows
    leave a box in its lower half and come in above, each at a height of its own."""
    lanes: dict[tuple[int, int], list[range]] = {}
    entries: Counter[tuple[int, int]] = Counter()
    for number, start in enumerate(sorted(ways, key=lambda a: (max(ways[a]) - a, a))):
        span, colour = range(start, max(ways[start]) + 1), COLOURS[number % len(COLOURS)]
        lane, side = next(
            (lane, side)
            for lane in range(99)
            for side in (0, 1)
            if all(not {*span} & {*other} for other in lanes.get((lane, side), []))
        )
        lanes.setdefault((lane, side), []).append(span)
        out, edge = (1, RIGHT) if side else (-1, LEFT)
        x, y = edge + out * LANE * (lane + 1), TOP + STEP * start + BOX - 10
        for end in ways[start]:
            entry = TOP + STEP * end + 10 + 13 * entries[end, side]
            entries[end, side] += 1
            yield _line(f"M{edge} {y} H{x} V{entry} H{edge + out * 9}", colour)
            yield _tip(edge, entry, "90" if side else "-90", colour)


def _line(path: str, colour: str) -> str:
    return f'<path class="way" stroke="{colour}" d="{path}"/>'


def _tip(x: int, y: int, turn: str, colour: str) -> str:
    place = f"translate({x} {y}) rotate({turn})"
    return f'<path fill="{colour}" transform="{place}" d="M0 0 L-5 -10 H5 Z"/>'


# --- what is printed --------------------------------------------------------------------------


def report(rooms: Sequence[Room], modules: Mapping[str, Path], imports: Sequence[Import]) -> None:
    """The rooms of the core in order, with what each imports from; then those of other packages."""
    arrows, held = find_arrows(rooms, imports), Counter(room_of(name, rooms) for name in modules)
    lines: Counter[str] = Counter()
    order = [room.name for room in rooms]
    for name, file in modules.items():
        lines[room_of(name, rooms)] += len(file.read_text("utf-8").splitlines())
    for room in rooms:
        above = [f"{a} {len(arrows[a, room.name])}" for a in order if (a, room.name) in arrows]
        print(f"{room.name:10} {held[room.name]:3} modules {lines[room.name]:5} lines", end="")
        print(f"  imports from {', '.join(above)}" if above else "")
    size = sizes(modules)
    largest = max((name for name in size if name.startswith("dfbench.")), key=lambda n: size[n])
    print(f"the largest folder: {largest}, {size[largest]} modules\n")
    for name, number in size.items():
        if "." in name and not name.startswith("dfbench."):
            print(f"{name} {number} modules")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--svg", type=Path, help="write the picture there, print nothing")
    asked = parser.parse_args()
    rooms = read_rooms((ROOT / "docs" / "architecture.md").read_text("utf-8"))
    modules = find_modules()
    imports = find_imports(modules)
    if asked.svg:
        asked.svg.write_text(draw(rooms, find_arrows(rooms, imports)), "utf-8")
        return 0
    report(rooms, modules, imports)
    broken = {
        "without a place in the table": unplaced(rooms, modules),
        "arrows upwards": upward(rooms, imports),
        "circles": circles(imports),
        "too large": too_large(modules),
    }
    for rule, found in broken.items():
        print(f"\n{rule}: {len(found) or 'none'}", *found, sep="\n  ", end="")
    print()
    return int(any(broken.values()))


if __name__ == "__main__":
    sys.exit(main())
