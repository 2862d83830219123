"""The picture of the architecture, drawn from the imports."""

from graphlib import CycleError
from itertools import combinations, pairwise

import pytest

from experiments.architecture import (
    HEIGHT,
    PACKAGE,
    PICTURE,
    WIDTH,
    draw,
    find_floors,
    place,
    read_rooms,
    reduced,
)


def test_the_picture_is_current():
    assert PICTURE.read_text() == draw(read_rooms(PACKAGE)), (
        "run python experiments/architecture.py"
    )


def test_an_import_that_others_imply_is_left_out():
    rooms = {"a": set(), "b": {"a"}, "c": {"a", "b"}}
    assert reduced(rooms) == {"a": set(), "b": {"a"}, "c": {"b"}}
    assert find_floors(rooms) == {"a": 0, "b": 1, "c": 2}


def test_no_arrow_passes_behind_a_room():
    rooms = read_rooms(PACKAGE)
    boxes, lines = place(rooms)
    assert {(room, other) for room, own in reduced(rooms).items() for other in own} == set(lines)
    for (room, other), points in lines.items():
        assert points[0] == (boxes[room][0] + WIDTH / 2, boxes[room][1] + HEIGHT)
        assert points[-1] == (boxes[other][0] + WIDTH / 2, boxes[other][1])
        for (x, y), (a, b) in pairwise(points[1:-1]):
            # Between two floors a line may bend; where it passes a floor it is straight.
            behind = [
                one for one, (left, top) in boxes.items() if top == y and left <= x <= left + WIDTH
            ]
            assert b > y and (x == a or not any(top == y for _, top in boxes.values()))
            assert not behind, (room, other, behind)


def test_no_two_rooms_overlap():
    boxes, _ = place(read_rooms(PACKAGE))
    for (x, y), (a, b) in combinations(boxes.values(), 2):
        assert y != b or abs(x - a) >= WIDTH


def test_an_arrow_goes_around_a_room_between():
    """c imports a past b's floor, and both d and b stand there."""
    boxes, lines = place({"a": set(), "x": set(), "b": {"x"}, "d": {"x"}, "c": {"b", "d", "a"}})
    _, (x, y), (below, _), _ = lines["c", "a"]
    assert x == below and y == boxes["b"][1] == boxes["d"][1]
    assert all(not left <= x <= left + WIDTH for left, top in boxes.values() if top == y)


def test_rooms_that_import_each_other_have_no_floor():
    with pytest.raises(CycleError):
        find_floors({"a": {"b"}, "b": {"a"}})


def test_imports_inside_functions_and_of_several_names_are_read(tmp_path):
    package = tmp_path / "house"
    (package / "attic").mkdir(parents=True)
    (package / "__init__.py").write_text("from house.cellar import wine\n")
    (package / "cellar.py").write_text("wine = 1\n")
    (package / "attic" / "box.py").write_text("def f():\n    from house import cellar, stairs\n")
    (package / "stairs.py").write_text("import house.cellar\n")
    assert read_rooms(package) == {
        "attic": {"cellar", "stairs"},
        "cellar": set(),
        "stairs": {"cellar"},
    }
