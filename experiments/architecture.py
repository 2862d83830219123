"""Draw the rooms of the package and what each imports, from the imports themselves.

Writes docs/_static/architecture.svg. A room stands above all that it imports, and arrows point to
these. An arrow that others imply is left out, and none passes behind another room. The rooms of
the trip, from data to a model, are filled.

    python experiments/architecture.py
"""

import ast
from collections.abc import Mapping
from graphlib import TopologicalSorter
from itertools import combinations, pairwise
from pathlib import Path
from statistics import fmean

ROOT = Path(__file__).parents[1]
PACKAGE, PICTURE = ROOT / "jax_logreg", ROOT / "docs" / "_static" / "architecture.svg"
TRIP = ("data", "problem", "matrix", "placement", "solver", "loop", "proof", "result", "model")
# Sizes in pixels: of a room, of the gaps beside and above it, and of the margin.
WIDTH, HEIGHT, BESIDE, ABOVE, MARGIN = 108, 30, 22, 34, 16
# Passes over all floors, down and up in turn, by which rooms find their places.
TURNS = 60

Rooms = Mapping[str, set[str]]
Point = tuple[float, float]
Line = tuple[str, str]


def read_rooms(package: Path) -> dict[str, set[str]]:
    """Return for each folder and module of the package the others that it imports."""
    paths = [path for path in package.rglob("*.py") if path != package / "__init__.py"]
    rooms: dict[str, set[str]] = {_room(package, path): set() for path in paths}
    for path in paths:
        room = _room(package, path)
        names = {name.split(".")[1] for name in _imported(path, package.name)}
        rooms[room] |= names & rooms.keys() - {room}
    return rooms


def _room(package: Path, path: Path) -> str:
    return path.relative_to(package).parts[0].removesuffix(".py")


def _imported(path: Path, package: str) -> list[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return [name for name in names if name.startswith(f"{package}.")]


def find_floors(rooms: Rooms) -> dict[str, int]:
    """Return the floor of each room, one above the highest that it imports.

    Raises:
        CycleError: rooms that import each other.
    """
    floors: dict[str, int] = {}
    for room in TopologicalSorter(rooms).static_order():
        floors[room] = 1 + max((floors[below] for below in rooms[room]), default=-1)
    return floors


def reduced(rooms: Rooms) -> dict[str, set[str]]:
    """Return the imports that no other import implies."""
    below: dict[str, set[str]] = {}
    for room in TopologicalSorter(rooms).static_order():
        below[room] = set(rooms[room]).union(*(below[other] for other in rooms[room]))
    return {
        room: {one for one in own if not any(one in below[other] for other in own)}
        for room, own in rooms.items()
    }


def place(rooms: Rooms) -> tuple[dict[str, Point], dict[Line, list[Point]]]:
    """Return the top left of each box, and the points of each line from a room to what it imports.

    A line that passes a floor has a gap of its own there: the rows of rooms and gaps are sorted
    by the places of their neighbours, as Sugiyama, Tagawa and Toda (1981) do.
    """
    floors, below = find_floors(rooms), reduced(rooms)
    lines = {(room, other): [room] for room in sorted(rooms) for other in sorted(below[room])}
    for (room, other), stops in lines.items():
        passed = range(floors[room] - 1, floors[other], -1)
        stops += [f"{room} {other} {floor}" for floor in passed] + [other]
        floors.update(zip(stops[1:-1], passed, strict=True))
    count = 1 + max(floors.values())
    rows = [sorted(stop for stop in floors if floors[stop] == i) for i in range(count)]
    linked: dict[str, list[str]] = {stop: [] for stop in floors}
    for stops in lines.values():
        for upper, lower in pairwise(stops):
            linked[upper].append(lower)
            linked[lower].append(upper)
    middle = _middles(rows, floors, linked, rooms)
    left = min(middle[stop] - _width(stop, rooms) / 2 for stop in floors) - MARGIN
    tops = {stop: MARGIN + (count - 1 - floors[stop]) * (HEIGHT + ABOVE) for stop in floors}
    boxes = {room: (middle[room] - left - WIDTH / 2, float(tops[room])) for room in rooms}
    drawn = {line: _points(stops, middle, tops, left) for line, stops in lines.items()}
    return boxes, drawn


def _middles(
    rows: list[list[str]], floors: Mapping[str, int], linked: Mapping[str, list[str]], rooms: Rooms
) -> dict[str, float]:
    """Return where the middle of each room and gap is, from the left."""
    middle = _side_by_side(rows)
    best = (len(floors) ** 2, rows)
    for turn in range(TURNS):
        step = 1 if turn % 2 else -1
        for row in rows[::step]:
            before = [
                [middle[o] for o in linked[stop] if _before(floors, o, stop, step)] for stop in row
            ]
            wished = [
                fmean(found) if found else middle[stop]
                for found, stop in zip(before, row, strict=True)
            ]
            ranked = [stop for _, stop in sorted(zip(wished, row, strict=True))]
            for stop, at in zip(ranked, sorted(middle[stop] for stop in row), strict=True):
                middle[stop] = at
            row[:] = ranked
        crossings = sum(_crossings(row, floors, linked, middle) for row in rows)
        if crossings < best[0]:
            best = crossings, [list(row) for row in rows]
    rows = best[1]
    middle = _side_by_side(rows)
    for turn in range(TURNS):
        for row in rows[:: 1 if turn % 2 else -1]:
            wished = [_wished(stop, linked[stop], middle, rooms) for stop in row]
            widths = [_width(stop, rooms) for stop in row]
            middle.update(zip(row, _spread(wished, widths), strict=True))
    return middle


def _side_by_side(rows: list[list[str]]) -> dict[str, float]:
    """Return places at equal distances in each row, about one middle."""
    return {
        stop: (WIDTH + BESIDE) * (number - (len(row) - 1) / 2)
        for row in rows
        for number, stop in enumerate(row)
    }


def _wished(stop: str, others: list[str], middle: Mapping[str, float], rooms: Rooms) -> float:
    """Return the mean place of the neighbours; gaps count more, so that long lines are straight."""
    weights = [1 + 4 * ((other not in rooms) + (stop not in rooms)) for other in others]
    return fmean((middle[other] for other in others), weights) if others else middle[stop]


def _before(floors: Mapping[str, int], other: str, stop: str, step: int) -> bool:
    return (floors[other] - floors[stop]) * step < 0


def _crossings(
    row: list[str],
    floors: Mapping[str, int],
    linked: Mapping[str, list[str]],
    middle: Mapping[str, float],
) -> int:
    """Return how many lines from a row down cross each other."""
    ends = [(middle[s], middle[o]) for s in row for o in linked[s] if floors[o] < floors[s]]
    return sum((a - c) * (b - d) < 0 for (a, b), (c, d) in combinations(ends, 2))


def _spread(wished: list[float], widths: list[float]) -> list[float]:
    """Return the places nearest to the wished ones at which nothing overlaps, in the same order."""
    offsets = [0.0]
    for one, other in pairwise(widths):
        offsets.append(offsets[-1] + (one + other) / 2 + BESIDE)
    blocks: list[tuple[float, int]] = []
    for at, offset in zip(wished, offsets, strict=True):
        blocks.append((at - offset, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, n), (b, m) = blocks[-2:]
            blocks[-2:] = [((a * n + b * m) / (n + m), n + m)]
    flat = [mean for mean, size in blocks for _ in range(size)]
    return [at + offset for at, offset in zip(flat, offsets, strict=True)]


def _width(stop: str, rooms: Rooms) -> float:
    return WIDTH if stop in rooms else 0


def _points(
    stops: list[str], middle: Mapping[str, float], tops: Mapping[str, int], left: float
) -> list[Point]:
    """Return the points of a line: a bottom, both ends of each gap, and a top."""
    first, *gaps, last = ((middle[stop] - left, float(tops[stop])) for stop in stops)
    through = [(x, y + end) for x, y in gaps for end in (0, HEIGHT)]
    return [(first[0], first[1] + HEIGHT), *through, last]


def draw(rooms: Rooms) -> str:
    """Return the picture as SVG, the highest floor on top."""
    boxes, lines = place(rooms)
    width = max(x for x, _ in boxes.values()) + WIDTH + MARGIN
    width = max(width, *(x + MARGIN for points in lines.values() for x, _ in points))
    height = max(y for _, y in boxes.values()) + HEIGHT + MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            'font-family="sans-serif" font-size="13" role="img">',
            "<title>The rooms of jax_logreg, each above all that it imports</title>",
            '<marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
            'markerHeight="8" orient="auto">'
            '<path d="M 0 0 L 8 4 L 0 8 z" fill="#52606d"/></marker>',
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
            *(_arrow(points) for points in lines.values()),
            *(_box(room, *boxes[room]) for room in sorted(boxes)),
            "</svg>\n",
        ]
    )


def _arrow(points: list[Point]) -> str:
    """A line that bends between the floors, and is straight where it passes one."""
    path = "M {:.1f} {:.1f}".format(*points[0])
    for number, ((x, y), (a, b)) in enumerate(pairwise(points)):
        half = (y + b) / 2
        bend = f" C {x:.1f} {half:.1f} {a:.1f} {half:.1f} {a:.1f} {b:.1f}"
        path += bend if number % 2 == 0 else f" L {a:.1f} {b:.1f}"
    return f'<path d="{path}" fill="none" stroke="#7b8794" marker-end="url(#head)"/>'


def _box(room: str, x: float, y: float) -> str:
    fill = "#d7e8f7" if room in TRIP else "#f4f5f7"
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{WIDTH}" height="{HEIGHT}" rx="4" fill="{fill}" '
        f'stroke="#52606d"/><text x="{x + WIDTH / 2:.1f}" y="{y + 20:.1f}" text-anchor="middle" '
        f'fill="#1f2933">{room}</text>'
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(read_rooms(PACKAGE)), encoding="utf-8")
    print(PICTURE.relative_to(ROOT))
