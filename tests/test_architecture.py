"""The picture of the architecture, drawn from the imports."""

from graphlib import CycleError

import pytest

from experiments.architecture import PACKAGE, PICTURE, draw, find_floors, read_rooms, reduced


def test_the_picture_is_current():
    assert PICTURE.read_text() == draw(read_rooms(PACKAGE)), (
        "run python experiments/architecture.py"
    )


def test_an_import_that_others_imply_is_left_out():
    rooms = {"a": set(), "b": {"a"}, "c": {"a", "b"}}
    assert reduced(rooms) == {"a": set(), "b": {"a"}, "c": {"b"}}
    assert find_floors(rooms) == {"a": 0, "b": 1, "c": 2}


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
