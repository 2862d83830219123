"""Draw the rooms of the package and what each imports, from the imports themselves.

Writes docs/_static/architecture.svg. A room stands above all that it imports; a line that others
imply is left out. The rooms of the trip, from data to a model, are filled.

    python experiments/architecture.py
"""

import ast
from collections.abc import Mapping
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE, PICTURE = ROOT / "jax_logreg", ROOT / "docs" / "_static" / "architecture.svg"
TRIP = ("data", "problem", "matrix", "placement", "solver", "loop", "proof", "result", "model")
# Sizes in pixels: of a room, of the gaps beside and above it, and of the margin.
WIDTH, HEIGHT, BESIDE, ABOVE, MARGIN = 108, 30, 22, 34, 16

Rooms = Mapping[str, set[str]]


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


def draw(rooms: Rooms) -> str:
    """Return the picture as SVG, the highest floor on top."""
    floors = find_floors(rooms)
    rows = [sorted(room for room in floors if floors[room] == i) for i in range(len(rooms))]
    rows = [row for row in rows if row]
    widest = max(map(len, rows))
    width = 2 * MARGIN + widest * WIDTH + (widest - 1) * BESIDE
    height = 2 * MARGIN + len(rows) * HEIGHT + (len(rows) - 1) * ABOVE
    places = {}
    for i, row in enumerate(rows):
        left = (width - len(row) * WIDTH - (len(row) - 1) * BESIDE) / 2
        for j, room in enumerate(row):
            top = height - MARGIN - HEIGHT - i * (HEIGHT + ABOVE)
            places[room] = (left + j * (WIDTH + BESIDE), top)
    arrows = [
        _arrow(places[room], places[other])
        for room, own in sorted(reduced(rooms).items())
        for other in sorted(own)
    ]
    boxes = [_box(room, *places[room]) for room in sorted(places)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            'font-family="sans-serif" font-size="13" role="img">',
            "<title>The rooms of jax_logreg, each above all that it imports</title>",
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            *arrows,
            *boxes,
            "</svg>\n",
        ]
    )


def _arrow(of: tuple[float, float], to: tuple[float, float]) -> str:
    """A curve from the bottom of a room to the top of one that it imports."""
    x, y, a, b = of[0] + WIDTH / 2, of[1] + HEIGHT, to[0] + WIDTH / 2, to[1]
    bend = f"C {x:g} {y + ABOVE:g} {a:g} {b - ABOVE:g} {a:g} {b:g}"
    return f'<path d="M {x:g} {y:g} {bend}" fill="none" stroke="#9aa5b1"/>'


def _box(room: str, x: float, y: float) -> str:
    fill = "#d7e8f7" if room in TRIP else "#f4f5f7"
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="4" fill="{fill}" '
        f'stroke="#52606d"/><text x="{x + WIDTH / 2:g}" y="{y + 20:g}" text-anchor="middle" '
        f'fill="#1f2933">{room}</text>'
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(read_rooms(PACKAGE)), encoding="utf-8")
    print(PICTURE.relative_to(ROOT))
