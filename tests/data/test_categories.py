"""Columns of categories from tables, and the levels that make features of them."""

import jax.numpy as jnp
import numpy as np
import pyarrow
import pytest
from pyarrow import csv, parquet
from pydantic import TypeAdapter

from jax_logreg.data import DataConfig, Levels, make_features, prepare, read
from jax_logreg.data.categories import Column
from jax_logreg.errors import InputError
from jax_logreg.matrix import Categorical, Stacked, examples

CONFIG = TypeAdapter(DataConfig)
CITY = ["Oslo", "", "Rome", "Oslo", "Bern", "Rome", "Oslo", ""]
TABLE = {
    "age": [31, 42.5, 23, 64, 55, 36, 47, 28],
    "city": CITY,
    "code": ["007", "7", "007", "10", "10", "7", "7", "007"],
    "label": ["no", "yes"] * 4,
}


def saved(path, **changed):
    columns = {name: values for name, values in {**TABLE, **changed}.items() if values is not None}
    write = csv.write_csv if path.suffix == ".csv" else parquet.write_table
    write(pyarrow.table(columns), path)
    return path


def config(path, **keys):
    settings = {"source": "file", "train": str(path), "test_fraction": 0, **keys}
    return CONFIG.validate_python(settings)


def dense(X):
    return np.asarray(examples(X, jnp.arange(X.shape[1])))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("categorical", [["city", "code"], ["code", "city"]])
def test_levels_are_features_below_the_numbers(suffix, categorical, tmp_path):
    data = prepare(config(saved(tmp_path / f"a{suffix}"), categorical=categorical), "float32")
    cities = ("city=Bern", "city=Oslo", "city=Rome", "city=(missing)")
    # Text stays as it was written, and integers are in order.
    codes = ("code=007", "code=7", "code=10")
    names = cities + codes if categorical[0] == "city" else codes + cities
    assert data.features == ("age", *names) and data.notes == ()
    assert isinstance(data.X_train, Stacked) and data.X_train.shape == (8, 8)
    X = dense(data.X_train)
    # Only numbers are scaled.
    np.testing.assert_allclose([X[0].mean(), X[0].std()], [0, 1], atol=1e-6)
    values = {"city": [c or "(missing)" for c in CITY], "code": TABLE["code"]}
    for name, row in zip(data.features[1:], X[1:], strict=True):
        column, level = name.split("=")
        np.testing.assert_array_equal(row, [value == level for value in values[column]])


def test_auto_takes_what_is_text_and_numbers_may_be_missing(tmp_path):
    path = saved(tmp_path / "a.parquet", code=pyarrow.array(TABLE["code"]).dictionary_encode())
    data = prepare(config(path, categorical="auto"), "float32")
    assert data.levels.names == ("city", "code")
    path = saved(tmp_path / "a.csv", city=None, age=None)
    # A CSV file does not say that 007 is text, unless the column is named.
    assert prepare(config(path, categorical="auto"), "float32").features == ("code",)
    data = prepare(config(path, categorical=["code"]), "float32")
    assert isinstance(data.X_train, Categorical) and data.features[0] == "code=007"


@pytest.mark.parametrize("first", [False, True])
def test_levels_come_from_the_training_part_alone(first, tmp_path):
    saved(tmp_path / "new.csv", city=["Rome", "Ulm", "Ulm", "Bern", *CITY[:4]])
    path = saved(tmp_path / "a.csv", city=["Bern", "Rome"] * 4)
    keys = {"categorical": ["city"], "test": str(tmp_path / "new.csv"), "drop_first": first}
    data = prepare(config(path, **keys), "float32")
    assert data.features[2:] == (("city=Rome",) if first else ("city=Bern", "city=Rome"))
    (note,) = data.notes
    assert "'city' of 5 of 8 examples is a level that no training" in note and "'Ulm'" in note
    rome, bern = [1, 0, 0, 0, 0, 0, 1, 0], [0, 0, 0, 1, 0, 0, 0, 0]
    np.testing.assert_array_equal(dense(data.X_test)[2:], [rome] if first else [bern, rome])


def test_a_part_held_out_has_no_say(tmp_path):
    cities = [f"c{i}" for i in range(8)]
    path = saved(tmp_path / "a.parquet", city=cities, code=None)
    data = prepare(config(path, categorical=["city"], test_fraction=0.5), "float32")
    assert data.X_train.shape == data.X_test.shape == (5, 4) and "4 of 4" in data.notes[-1]
    assert not dense(data.X_test)[1:].any() and dense(data.X_train)[1:].sum() == 4


KINDS = {
    "booleans": (pyarrow.array([True, None, False]), ("false", "true", "(missing)")),
    "integers": (pyarrow.array([10, -2, 9]), ("-2", "9", "10")),
    "integers as floats": (pyarrow.array([10.0, None, np.nan]), ("10", "(missing)")),
    "nothing": (pyarrow.nulls(3), ("(missing)",)),
    "long": (pyarrow.array(["a" * 100, "\n", "a"]), ("\n", "a", "a" * 100)),
    "dictionary of integers": (pyarrow.array([3, 1, 3]).dictionary_encode(), ("1", "3")),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_may_be_a_category(kind, tmp_path):
    values, levels = KINDS[kind]
    parquet.write_table(pyarrow.table({"a": values, "label": [0, 1, 0]}), tmp_path / "a.parquet")
    data = prepare(config(tmp_path / "a.parquet", categorical=["a"]), "float32")
    assert data.levels.levels == (levels,)
    assert dense(data.X_train).sum() == 3


def test_more_levels_than_can_be_learnt_are_refused():
    columns = [Column("id", np.arange(30), tuple(map(str, range(30))))]
    levels = Levels.fit(columns, "a.csv")
    assert "Column 'id' has 30 levels for 30 training examples" in levels.rare(30)[0]
    assert levels.rare(60) == []


BAD = {
    "no such column": (dict(categorical=["town"]), {}, "no column 'town': it has age, city"),
    "misspelt": (dict(categorical=["cty"]), {}, "did you mean 'city'. Name the categories with"),
    "named twice": (dict(categorical=["city", "city"]), {}, "'city' is named by data.categorical"),
    "the label": (dict(categorical=["label"]), {}, "'label' is named by .* and by data.label"),
    "text not named": (
        dict(categorical=["code"]),
        {},
        r"column 'city' is 'Oslo' in example 0 .*: expected numbers; .* data\.categorical",
    ),
    "measurements": (
        dict(categorical=["city", "age"]),
        {},
        "'age' is 42.5 in example 1 .*expected",
    ),
    "times": (
        dict(categorical=["city", "code"]),
        dict(code=pyarrow.array(range(8), pyarrow.timestamp("ms"))),
        r"column 'code' is of type timestamp\[ms\]: expected text",
    ),
    "one level": (
        dict(categorical=["city", "code"], drop_first=True),
        dict(code=["x"] * 8),
        "'code' has one level only, 'x', and data.drop_first leaves it out",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_refused_in_one_line(case, tmp_path):
    keys, columns, message = BAD[case]
    path = saved(tmp_path / ("a.parquet" if case == "times" else "a.csv"), **columns)
    with pytest.raises(InputError, match=message) as caught:
        prepare(config(path, **keys), "float32")
    assert "\n" not in str(caught.value)


def test_measurements_in_parquet(tmp_path):
    path = saved(tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"'age' is 42\.5 in example 1: expected text"):
        prepare(config(path, categorical=["age"]), "float32")


def test_arrays_have_no_categories(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.zeros((4, 2)), Y=[0, 1, 0, 1])
    with pytest.raises(InputError, match=r"a\.npz can hold no categories: data\.categorical names"):
        prepare(config(tmp_path / "a.npz", categorical="auto"), "float32")


def test_many_levels_are_never_an_array(tmp_path):
    m = 40_000
    rng = np.random.default_rng(0)
    city = [f"c{i}" for i in rng.permutation(m)]
    table = {"city": city, "x": rng.standard_normal(m), "label": np.arange(m) % 2}
    parquet.write_table(pyarrow.table(table), tmp_path / "a.parquet")
    settings = config(tmp_path / "a.parquet", categorical=["city"])
    data = prepare(settings, "float32")
    assert data.X_train.shape == (m + 1, m)
    new = read(tmp_path / "a.parquet", settings.reading, features=["x"], labelled=False)
    X = make_features(new, data.scaling, data.levels, "float32")
    assert sum(codes.nbytes for codes in X.matrices[1].codes) == 2 * m
