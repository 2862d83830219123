import csv
import io

import h5py
import numpy as np
import pytest
from pyarrow import parquet

from jax_logreg.data import find_writer, write_csv
from jax_logreg.errors import InputError

P = np.array([0.25, 0.75], "float32")


@pytest.mark.parametrize("predicted", [np.array(["no, sir", "yes"]), np.array([0, 1])])
def test_every_format_holds_the_same(predicted, tmp_path):
    for suffix in (".csv", ".parquet", ".npy", ".npz", ".h5"):
        path = tmp_path / f"p{suffix}"
        find_writer(path)(path, P, predicted)
    with (tmp_path / "p.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["probability"]) for row in rows] == P.tolist()
    assert [row["predicted"] for row in rows] == [str(c) for c in predicted]
    columns = parquet.ParquetFile(tmp_path / "p.parquet").read().to_pydict()
    assert columns == {"probability": P.tolist(), "predicted": predicted.tolist()}
    np.testing.assert_array_equal(np.load(tmp_path / "p.npy"), P)
    with np.load(tmp_path / "p.npz", allow_pickle=False) as file:
        assert file["predicted"].tolist() == predicted.tolist()
    with h5py.File(tmp_path / "p.h5") as file:
        found = file["predicted"]
        found = found.asstr()[()] if predicted.dtype.kind == "U" else found[()]
        assert found.tolist() == predicted.tolist()


def test_csv_to_any_text_file():
    text = io.StringIO()
    write_csv(text, P, np.array(["a", "b"]))
    assert text.getvalue() == "probability,predicted\n0.25,a\n0.75,b\n"


def test_unknown_suffix(tmp_path):
    with pytest.raises(InputError, match=r"suffix '\.xls': expected \.csv"):
        find_writer(tmp_path / "p.xls")
