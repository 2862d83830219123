"""`jax-logreg new`: the configs that come with the package, in a clone and in a wheel."""

import zipfile

import pytest
from cli.command import CONFIGS, command, refused
from hatchling.builders.wheel import WheelBuilder
from pages import PYPROJECT, ROOT

from jax_logreg.cli import new
from jax_logreg.cli.config import load_config

NAMES = sorted(path.stem for path in CONFIGS.glob("*.toml"))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_name_all_are_listed():
    done = command("new")
    assert done.code == 0
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines[: len(NAMES)]] == NAMES
    assert all(len(line.split()) > 5 for line in lines[: len(NAMES)])


@pytest.mark.parametrize("name", NAMES)
def test_each_is_written_as_it_is_and_is_a_config(name, elsewhere):
    done = command("new", name)
    assert done.out == f"written to {name}.toml: jax-logreg run {name}.toml\n"
    written = elsewhere / f"{name}.toml"
    assert written.read_bytes() == (CONFIGS / written.name).read_bytes()
    missing = ["data.train=a.h5", "data.test=b.h5"] if name == "cats" else []
    load_config(written, missing)


@pytest.mark.parametrize("name", ["sweep.toml", "configs/sweep", "configs/sweep.toml"])
def test_a_name_may_be_a_path(name, elsewhere):
    assert command("new", name).code == 0
    assert (elsewhere / "sweep.toml").exists()


def test_out_is_a_file_or_a_folder(elsewhere):
    command("new", "digits", "--out", "a/mine.toml")
    (elsewhere / "b").mkdir()
    command("new", "digits", "--out", "b")
    expected = (CONFIGS / "digits.toml").read_bytes()
    assert (elsewhere / "a" / "mine.toml").read_bytes() == expected
    assert (elsewhere / "b" / "digits.toml").read_bytes() == expected


def test_what_is_there_stays_but_with_force(elsewhere):
    mine = elsewhere / "digits.toml"
    mine.write_text("mine")
    assert refused("new", "digits").startswith("digits.toml exists already: ")
    assert mine.read_text() == "mine"
    assert command("new", "digits", "--force").code == 0
    assert mine.read_bytes() == (CONFIGS / "digits.toml").read_bytes()


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("quikstart", "did you mean 'quickstart'?"),
        ("Sweep", "did you mean 'sweep'?"),
        ("zzz", f"expected one of {', '.join(NAMES)}"),
        ("", "expected one of "),
        ("x" * 500, "expected one of "),
        ("\n", "expected one of "),
    ],
)
def test_a_wrong_name_is_refused_with_what_was_meant(name, mend):
    assert mend in refused("new", name)


def test_out_without_a_name_is_refused():
    assert "no config is named" in refused("new", "--out", "x.toml")


def test_a_config_that_is_missing_is_offered():
    line = refused("run", "configs/sweep.toml")
    assert line.endswith("jax-logreg new sweep --out configs/sweep.toml writes it")
    command("new", "sweep", "--out", "configs/sweep.toml")
    load_config(CONFIGS / "sweep.toml", [])


def test_an_installation_without_configs_is_said(monkeypatch, elsewhere):
    monkeypatch.setattr(new, "_PLACES", (elsewhere / "configs",))
    assert refused("new").endswith("install jax_logreg again")
    # A missing config is still the first thing to say.
    assert refused("run", "nothing.toml") == "nothing.toml does not exist"


def test_a_wheel_takes_them_to_where_they_are_looked_for():
    included = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {"configs": "jax_logreg/configs"}
    assert new._PLACES[0] == ROOT / included["configs"]


def test_a_wheel_holds_them(elsewhere):
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(elsewhere))
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
        for name in NAMES:
            inside = content.read(f"jax_logreg/configs/{name}.toml")
            assert inside == (CONFIGS / f"{name}.toml").read_bytes()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"jax_logreg"}
    for needed in ("jax_logreg/py.typed", "jax_logreg/cli/report/templates/page.html"):
        assert needed in names
