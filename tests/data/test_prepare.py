import re
import warnings
from urllib.error import URLError

import h5py
import jax
import numpy as np
import pyarrow
import pytest
from data.files import save_npz, table
from pyarrow import parquet
from pydantic import TypeAdapter

from jax_logreg.data import DataConfig, Examples, Scaling, prepare
from jax_logreg.errors import InputError

ROWS, LABELS = table()
CONFIG = TypeAdapter(DataConfig)


def config(**keys):
    return CONFIG.validate_python(keys)


def file_config(tmp_path, rows, labels, **keys):
    save_npz(tmp_path / "a.npz", rows, labels)
    return config(source="file", train=str(tmp_path / "a.npz"), **keys)


@pytest.mark.parametrize("name", ["breast_cancer", "digits", "iris", "wine"])
def test_bundled(name):
    positive = {"digits": 3, "iris": "setosa", "wine": "class_1"}.get(name)
    data = prepare(config(source="bundled", name=name, positive=positive), "float32")
    assert data.X_train.dtype == data.Y_train.dtype == np.float32
    assert data.X_train.shape[0] == len(data.features)
    assert data.Y_train.shape == (1, data.X_train.shape[1])
    assert (
        data.classes
        == {
            "breast_cancer": ("benign", "malignant"),
            "digits": ("rest", 3),
            "iris": ("rest", "setosa"),
            "wine": ("rest", "class_1"),
        }[name]
    )


@pytest.mark.parametrize("name", ["digits", "iris", "wine"])
def test_more_than_two_classes_are_one_hot(name):
    data = prepare(config(source="bundled", name=name), "float32")
    k = len(data.classes)
    assert list(data.classes) == {
        "digits": list(range(10)),
        "iris": ["setosa", "versicolor", "virginica"],
        "wine": ["class_0", "class_1", "class_2"],
    }[name]  # fmt: skip
    for X, Y in ((data.X_train, data.Y_train), (data.X_test, data.Y_test)):
        assert Y.shape == (k, X.shape[1]) and Y.dtype == np.float32
        assert set(np.unique(Y)) == {0, 1} and np.all(Y.sum(axis=0) == 1)
    shares = data.Y_train.mean(axis=1), data.Y_test.mean(axis=1)
    np.testing.assert_allclose(*shares, atol=1 / data.Y_test.shape[1])


def test_the_rows_of_y_are_the_classes_in_order(tmp_path):
    labels = np.array(["c", "a", "b", "b"] * 3)
    data = prepare(file_config(tmp_path, ROWS, labels, test_fraction=0), "float64")
    assert data.classes == ("a", "b", "c")
    np.testing.assert_array_equal(data.Y_train[0], labels == "a")
    np.testing.assert_array_equal(data.Y_train[2], labels == "c")


def test_positive_picks_one_of_two_and_one_of_many(tmp_path):
    two = prepare(file_config(tmp_path, ROWS, LABELS, positive="no", test_fraction=0), "float32")
    assert two.classes == ("yes", "no")
    np.testing.assert_array_equal(two.Y_train[0], LABELS == "no")
    many = file_config(tmp_path, ROWS, np.arange(12) % 4, positive=1, test_fraction=0)
    data = prepare(many, "float32")
    assert data.classes == ("rest", 1)
    np.testing.assert_array_equal(data.Y_train[0], np.arange(12) % 4 == 1)


@pytest.mark.parametrize("fraction", [0.25, 0.5, 0.75])
def test_rare_classes_stand_on_either_side(fraction, tmp_path, rng):
    labels = np.repeat([0, 1, 2, 3], [2, 2, 2, 34])
    path = {"rows": rng.standard_normal((40, 2)), "labels": labels}
    for seed in range(20):
        keys = {"test_fraction": fraction, "seed": seed}
        data = prepare(file_config(tmp_path, **path, **keys), "float64")
        assert np.all(data.Y_train.sum(axis=1) > 0) and np.all(data.Y_test.sum(axis=1) > 0)
        assert data.X_train.shape[1] + data.X_test.shape[1] == 40


def test_a_test_file_of_some_of_the_classes(tmp_path):
    labels = np.arange(12) % 3
    save_npz(tmp_path / "test.npz", ROWS[:2], labels[:2])
    data = prepare(file_config(tmp_path, ROWS, labels, test=str(tmp_path / "test.npz")), "float64")
    np.testing.assert_array_equal(data.Y_test, [[1, 0], [0, 1], [0, 0]])


def test_weights_follow_their_examples(tmp_path):
    weights = np.arange(12) / 8
    np.savez(tmp_path / "a.npz", X=ROWS, Y=LABELS, w=weights)
    keys = {"source": "file", "train": str(tmp_path / "a.npz"), "standardise": False}
    data = prepare(config(**keys, weights="w"), "float64")
    assert data.s_train.shape == (9,) and data.X_test.shape == (3, 3)
    for X, weights in ((data.X_train, data.s_train), (data.X_test, data.s_test)):
        for column, s in zip(X.T, weights, strict=True):
            np.testing.assert_array_equal(ROWS[int(s * 8)], column)
    assert prepare(config(**keys), "float64").s_train is None


@pytest.mark.parametrize("stream", [False, True])
def test_scaling_is_that_of_as_many_rows(stream, tmp_path):
    times = np.arange(12) % 4
    rows = ROWS + 100.0
    # Constant, up to an example that does not count.
    rows[:, 1] = np.where(times > 0, 0.1, 7)
    for name, repeats in {"weights": np.ones(12, int), "rows": times}.items():
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["X"] = np.repeat(rows, repeats, axis=0)
            file["Y"] = np.repeat(LABELS, repeats).astype("S")
            file["s"] = np.repeat(times, repeats) * 1e-3
    keys = {"source": "file", "test_fraction": 0, "stream": stream, "x": "X", "y": "Y"}
    found, alone = (
        prepare(config(**keys, train=str(tmp_path / f"{name}.h5"), **more), "float64")
        for name, more in {"weights": {"weights": "s"}, "rows": {}}.items()
    )
    assert found.scaling.scale[1] == 1 and found.scaling.mean[1] == 0.1
    np.testing.assert_allclose(found.scaling.mean, alone.scaling.mean, rtol=1e-12)
    np.testing.assert_allclose(found.scaling.scale, alone.scaling.scale, rtol=1e-12)
    assert np.abs(found.scaling.scale[0] - rows[:, 0].std()) > 1e-3


def test_a_test_file_needs_no_weights(tmp_path):
    (tmp_path / "a.csv").write_text("x,w,label\n1,2,a\n2,1,b\n3,1,a\n")
    (tmp_path / "b.csv").write_text("x,label\n1,a\n")
    data = prepare(
        config(
            source="file", train=str(tmp_path / "a.csv"), test=str(tmp_path / "b.csv"), weights="w"
        ),
        "float64",
    )
    assert data.features == ("x",) and data.s_train.tolist() == [2, 1, 1]
    assert data.s_test is None and "has no weights" in data.notes[-1]


def test_a_class_without_weight(tmp_path):
    (tmp_path / "a.csv").write_text("x,w,label\n1,2,a\n2,0,b\n3,1,a\n")
    with pytest.raises(InputError, match="every training example of class b has the weight 0"):
        prepare(
            config(source="file", train=str(tmp_path / "a.csv"), weights="w", test_fraction=0),
            "float64",
        )


def test_split_is_seeded_stratified_and_disjoint():
    first = prepare(config(source="bundled"), "float64")
    again = prepare(config(source="bundled"), "float64")
    other = prepare(config(source="bundled", seed=1), "float64")
    np.testing.assert_array_equal(first.X_train, again.X_train)
    assert not np.array_equal(first.Y_train, other.Y_train)
    assert first.X_train.shape[1] + first.X_test.shape[1] == 569
    assert abs(first.Y_train.mean() - first.Y_test.mean()) < 1 / 143
    columns = {column.tobytes() for column in first.X_train.T}
    assert not columns & {column.tobytes() for column in np.ascontiguousarray(first.X_test.T)}


def test_scaling_is_fitted_on_the_training_part():
    data = prepare(config(source="bundled"), "float64")
    np.testing.assert_allclose(data.X_train.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(data.X_train.std(axis=1), 1, rtol=1e-12)
    assert np.abs(data.X_test.mean(axis=1)).max() > 1e-3


def test_without_scaling_the_numbers_are_the_files(tmp_path):
    data = prepare(
        file_config(tmp_path, ROWS, LABELS, standardise=False, test_fraction=0), "float64"
    )
    np.testing.assert_array_equal(data.X_train, ROWS.T)
    assert data.X_test is None and data.Y_test is None
    assert data.classes == ("no", "yes")
    np.testing.assert_array_equal(data.Y_train[0], LABELS == "yes")


def test_pictures_are_divided_by_255(tmp_path, rng):
    pictures = rng.integers(0, 256, (12, 2, 2, 3), dtype=np.uint8)
    data = prepare(
        file_config(tmp_path, pictures, LABELS, standardise=False, test_fraction=0), "float32"
    )
    np.testing.assert_array_equal(data.X_train, (pictures.reshape(12, -1).T / 255).astype("f4"))


def test_a_constant_feature_is_zero(tmp_path):
    rows = np.hstack([ROWS, np.full((12, 1), 0.1)])
    data = prepare(file_config(tmp_path, rows, LABELS, test_fraction=0), "float64")
    np.testing.assert_array_equal(data.X_train[3], 0)


def test_scaling_in_blocks_is_scaling(rng):
    X = rng.standard_normal((50, 100_000)).astype("f4") * 3 + 100
    examples = Examples(X, None, tuple(map(str, range(50))), "")
    scaling = Scaling.fit(examples, standardise=True)
    np.testing.assert_allclose(scaling.mean, X.mean(axis=1, dtype="f8"), rtol=1e-12)
    np.testing.assert_allclose(scaling.scale, X.std(axis=1, dtype="f8"), rtol=1e-10)
    np.testing.assert_allclose(scaling.apply(X, "float32").std(axis=1), 1, rtol=1e-4)


def test_synthetic_is_seeded_and_can_be_learnt():
    first = prepare(config(source="synthetic", examples=5000, features=4), "float32")
    again = prepare(config(source="synthetic", examples=5000, features=4), "float32")
    np.testing.assert_array_equal(first.X_train, again.X_train)
    np.testing.assert_array_equal(first.Y_train, again.Y_train)
    assert 0.4 < first.Y_train.mean() < 0.6
    means = [first.X_train[:, first.Y_train[0] == y].mean(axis=1) for y in (0, 1)]
    assert np.linalg.norm(means[1] - means[0]) > 0.5


def test_synthetic_is_the_same_whatever_jax_computes_in():
    first = prepare(config(source="synthetic", examples=50), "float32")
    with jax.enable_x64(True):
        again = prepare(config(source="synthetic", examples=50), "float32")
    np.testing.assert_array_equal(first.Y_train, again.Y_train)


def test_embeddings_have_a_power_law_spectrum():
    keys = {"source": "embeddings", "features": 40, "classes": 5, "standardise": False}
    data = prepare(config(**keys, examples=8000, decay=1.5, distance=4.0), "float32")
    labels = data.Y_train.argmax(axis=0)
    means = np.stack([data.X_train[:, labels == c].mean(axis=1) for c in range(5)])
    within = np.cov(data.X_train - means[labels].T)
    variances = np.linalg.eigvalsh(within)[::-1]
    np.testing.assert_allclose(variances, np.arange(1, 41) ** -1.5, rtol=0.2)
    # Means stand apart by the distance, give or take the draw.
    whitened = np.linalg.solve(np.linalg.cholesky(within), means.T)
    apart = np.linalg.norm(whitened[:, :1] - whitened[:, 1:], axis=0)
    np.testing.assert_allclose(apart, 4, rtol=0.3)
    assert np.ptp(np.bincount(labels)) <= 1


def test_a_test_file_of_its_own(tmp_path):
    save_npz(tmp_path / "test.npz", ROWS[:4], LABELS[:4])
    data = prepare(file_config(tmp_path, ROWS, LABELS, test=str(tmp_path / "test.npz")), "float64")
    assert data.X_train.shape == (3, 12) and data.X_test.shape == (3, 4)
    np.testing.assert_array_equal(data.X_test, data.X_train[:, :4])


def test_openml_without_internet(monkeypatch):
    def fail(*args, **kwargs):
        warnings.warn("A network error occurred while downloading it. Retrying...", stacklevel=2)
        raise URLError("Name or service not known")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fail)
    with pytest.raises(InputError, match=r"OpenML's 'adult' could not be fetched.*internet") as e:
        prepare(config(source="openml", name="adult"), "float32")
    assert "\n" not in str(e.value)


def test_openml_with_internet(monkeypatch):
    from sklearn.utils import Bunch

    def fetch(name, *, version, target_column, as_frame, parser):
        assert (name, version, as_frame) == ("tiny", 2, False)
        return Bunch(data=ROWS, target=LABELS.astype(object), feature_names=["a", "b", "c"])

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    data = prepare(config(source="openml", name="tiny", version=2), "float32")
    assert data.features == ("a", "b", "c") and data.classes == ("no", "yes")


BAD = {
    "one class": (ROWS, np.zeros(12, int), {}, r"every label is 0: expected two classes"),
    "as many classes as examples": (
        ROWS,
        np.arange(12),
        {},
        r"12 classes, 0, 1, 2, 3, 4, \.\.\., for 12 examples: expected classes, each with several",
    ),
    "measurements": (
        ROWS,
        np.where(np.arange(12) == 5, 0.37, np.arange(12)),
        {},
        r"label of example 5 is 0\.37: expected classes, not measurements",
    ),
    "one example of one of many": (
        ROWS,
        np.minimum(np.arange(12) % 3 + np.arange(12) // 11 * 3, 3),
        {},
        r"with all 4 classes on either side: The least populated class",
    ),
    "fewer held out than classes": (
        ROWS,
        np.arange(12) % 4,
        {},
        r"data\.test_fraction is 0\.25, which cannot be held out of 12 .*all 4 classes",
    ),
    "positive unknown": (ROWS, LABELS, {"positive": "maybe"}, r"'maybe', no class.*no, yes"),
    "one example of a class": (
        ROWS,
        np.arange(12) == 0,
        {},
        r"data\.test_fraction is 0\.25, which cannot be held out",
    ),
    "too small a fraction": (ROWS, LABELS, {"test_fraction": 0.01}, r"test_fraction is 0\.01"),
    "positive misspelt": (
        ROWS,
        np.array([f"class {c}" for c in "abcdefghijkl"]),
        {"positive": "clas k"},
        r"class e, \.\.\.; did you mean 'class k'",
    ),
    "a label infinite": (
        ROWS,
        np.where(np.arange(12) == 5, np.inf, np.arange(12) % 2),
        {},
        r"label of example 5 is inf",
    ),
    "labels of dates": (
        ROWS,
        np.arange(12).astype("datetime64[D]"),
        {},
        r"labels of type datetime64\[D\]: expected text",
    ),
    "a label of two lines": (
        ROWS,
        np.array(["a\nb", "c", "d"] * 4),
        {"positive": "e"},
        r"'e', no class of .*: expected one of a\\nb, c, d",
    ),
    "a label NaN": (ROWS, np.where(np.arange(12) == 5, np.nan, 1.5), {}, r"label of example 5 is"),
    "too large for float32": (
        ROWS * 1e200,
        LABELS,
        {"standardise": False},
        r"feature 'x0' .*too large for float32: set fit\.dtype='float64'",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_one_line(case, tmp_path):
    rows, labels, keys, pattern = BAD[case]
    with pytest.raises(InputError) as caught:
        prepare(file_config(tmp_path, rows, labels, **keys), "float32")
    message = str(caught.value)
    assert message.isprintable() and re.search(pattern, message), message


def test_a_test_label_unseen_in_training(tmp_path):
    save_npz(tmp_path / "test.npz", ROWS[:2], np.array(["yes", "maybe"]))
    with pytest.raises(InputError, match="label of example 1 is maybe: expected a class of"):
        prepare(file_config(tmp_path, ROWS, LABELS, test=str(tmp_path / "test.npz")), "float32")


def test_a_test_file_of_other_features(tmp_path):
    save_npz(tmp_path / "test.npz", ROWS[:, :2], LABELS)
    with pytest.raises(InputError, match=r"test\.npz holds 12 examples of 2 features: expected"):
        prepare(file_config(tmp_path, ROWS, LABELS, test=str(tmp_path / "test.npz")), "float32")


def test_labels_of_dates_in_parquet(tmp_path):
    days = pyarrow.array(range(12), pyarrow.date32())
    parquet.write_table(pyarrow.table({"a": ROWS[:, 0], "label": days}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="labels of type object: expected text"):
        prepare(config(source="file", train=str(tmp_path / "a.parquet")), "float32")


def test_a_path_from_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    save_npz(tmp_path / "mine.npz", ROWS, LABELS)
    data = prepare(config(source="file", train="~/mine.npz", test_fraction=0), "float32")
    assert data.X_train.shape == (3, 12)


def test_the_training_file_is_missing_from_the_config():
    with pytest.raises(InputError, match=r"data\.train is missing.*--set data\.train=FILE"):
        prepare(config(source="file"), "float32")


def test_no_mend_is_set_already(tmp_path):
    """A test part far beyond the training part, which the scaling was made from."""
    save_npz(tmp_path / "test.npz", ROWS * 1e200, LABELS)
    given = file_config(tmp_path, ROWS, LABELS, test=str(tmp_path / "test.npz"))
    with pytest.raises(InputError, match=r"too large for float32: set fit\.dtype='float64'$"):
        prepare(given, "float32")
