"""Every damaged or unfit file ends in one clear line."""

import os
import re
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pyarrow
import pytest
from data.files import SAVERS, save_pictures, table
from PIL import Image
from pyarrow import parquet

from jax_logreg.data import Reading, read
from jax_logreg.errors import InputError

ROWS, LABELS = table()


def text(content, name="a.csv"):
    return raw(content.encode(), name)


def raw(content, name):
    def make(folder):
        (folder / name).write_bytes(content)
        return folder / name

    return make


def npz(**arrays):
    def make(folder):
        np.savez(folder / "a.npz", **arrays)
        return folder / "a.npz"

    return make


def truncated(suffix, keep):
    def make(folder):
        path = folder / f"a{suffix}"
        SAVERS[suffix](path, ROWS, LABELS)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * keep)])
        return path

    return make


def parquet_of(**columns):
    def make(folder):
        parquet.write_table(pyarrow.table(columns), folder / "a.parquet")
        return folder / "a.parquet"

    return make


def pickled_npy(folder):
    np.save(folder / "a.npz", np.array([{}], object))
    (folder / "a.npz.npy").rename(folder / "a.npy")
    return folder / "a.npy"


def pictures_of_two_sizes(folder):
    for name, size in (("cat", 4), ("dog", 5)):
        save_pictures(folder / "p", np.zeros((1, size, size, 3), np.uint8), [name])
    return folder / "p"


def broken_picture(folder):
    save_pictures(
        folder / "p", np.arange(600, dtype=np.uint8).reshape(2, 10, 10, 3), ["cat", "dog"]
    )
    path = folder / "p" / "dog" / "001.png"
    path.write_bytes(path.read_bytes()[:60])
    return folder / "p"


def lying(name, shape, dtype="<f8"):
    """An array whose header declares more than it holds, in a .npy or within a .npz."""

    def make(folder):
        header = {"descr": dtype, "fortran_order": False, "shape": shape}
        with (folder / "X.npy").open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            file.write(bytes(64))
        np.save(folder / "X_labels.npy", LABELS)
        if name == "a.npz":
            with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.write(folder / "X.npy", "X.npy")
                archive.write(folder / "X_labels.npy", "Y.npy")
        return folder / name

    return make


def packed(method):
    def make(folder):
        np.savez(folder / "b.npz", X=ROWS, Y=LABELS)
        with (
            zipfile.ZipFile(folder / "b.npz") as whole,
            zipfile.ZipFile(folder / "a.npz", "w", method) as other,
        ):
            for name in whole.namelist():
                other.writestr(name, whole.read(name))
        return folder / "a.npz"

    return make


def hdf5(fill):
    def make(folder):
        with h5py.File(folder / "a.h5", "w") as file:
            fill(file)
            if "Y" not in file:
                file["Y"] = np.arange(12) % 2
        return folder / "a.h5"

    return make


def elsewhere(file):
    layout = h5py.VirtualLayout((12, 3), "f8")
    layout[:] = h5py.VirtualSource("b.h5", "X", (12, 3))
    file.create_virtual_dataset("X", layout)


def pipe(folder):
    os.mkfifo(folder / "a.csv")
    return folder / "a.csv"


def device(folder):
    (folder / "a.npy").symlink_to("/dev/zero")
    return folder / "a.npy"


def postscript(folder):
    save_pictures(folder / "p", np.zeros((1, 2, 2, 3), np.uint8), ["cat"])
    content = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 7\n%%EndComments\nshowpage\n"
    (folder / "p" / "cat" / "000.png").write_bytes(content)
    return folder / "p"


NAN = ROWS.copy()
NAN[7, 1] = np.nan
INF = ROWS.copy()
INF[0, 2] = np.inf

BAD = {
    "no such file": (lambda folder: folder / "a.csv", r"a\.csv does not exist"),
    "unknown suffix": (text("1", "a.xlsx"), r"suffix '\.xlsx': expected \.npz, .*\.parquet"),
    "empty CSV": (text(" "), r"a\.csv"),
    "CSV of a header only": (text("a,label\n"), r"a\.csv holds no examples"),
    "CSV of labels only": (text("label\n1\n0\n"), r"a\.csv holds no features"),
    "ragged CSV": (
        text("a,b,label\n1,2,x\n1,2\n3,4,y\n"),
        r"a\.csv is no CSV table: Row #3: Expected 3 columns, got 2",
    ),
    "missing label column": (
        text("a,lable\n1,0\n2,1\n"),
        r"no column 'label': did you mean 'lable",
    ),
    "text where numbers belong": (
        text("a,b,label\n1,2,x\n1,two,y\n"),
        r"column 'b' is 'two' in example 1 \(line 3\): expected numbers",
    ),
    "empty cell": (
        text("a,b,label\n1,2,x\n1,,y\n"),
        r"feature 'b' of example 1 \(line 3\) is missing",
    ),
    "empty column": (
        text("a,b,label\n1,,x\n1,,y\n"),
        r"feature 'b' of example 0 \(line 2\) is missing",
    ),
    "infinite cell": (text("a,label\n1,x\ninf,y\n"), r"feature 'a' of example 1 \(line 3\) is inf"),
    "empty label": (
        lambda folder: parquet_of(a=[1, 2], label=["x", None])(folder),
        r"label 'label' of example 1 is missing",
    ),
    "empty text label": (
        text("a,label\n1,x\n2,\n"),
        r"label 'label' of example 1 \(line 3\) is mis",
    ),
    "NaN among text labels": (text("a,label\n1,x\n2,nan\n"), r"of example 1 \(line 3\) is missing"),
    "line that a blank one shifts": (
        text("a,label\n1,x\n\ninf,y\n"),
        r"'a' of example 1 \(line 4\) is inf",
    ),
    "line before trailing blank ones": (text("a,label\ninf,x\n\n\n"), r"0 \(line 2\) is inf"),
    "line break in a name": (parquet_of(**{"la\nbel": [1, 2]}), r"did you mean 'la\\nbel'"),
    "two columns of one name": (text("a,a,label\n1,2,x\n"), r"2 columns named 'a'"),
    "CSV not in UTF-8": (raw(b"a,label\n1,caf\xe9\n2,b\n", "a.csv"), r"a\.csv"),
    "date column": (
        parquet_of(a=pyarrow.array([1, 2], pyarrow.date32()), label=[0, 1]),
        r"column 'a' is '1970-01-02' in example 0, of type date32\[day\]: .*; write it as a number",
    ),
    "numbers stored as text": (
        parquet_of(a=["1", "2"], label=[0, 1]),
        r"column 'a' is '1' in example 0: expected numbers",
    ),
    "null in Parquet": (parquet_of(a=[1.0, None], label=[0, 1]), r"'a' of example 1 is missing"),
    "truncated npz": (truncated(".npz", 0.6), r"a\.npz is damaged"),
    "truncated h5": (truncated(".h5", 0.6), r"a\.h5 (is damaged|cannot be read)"),
    "truncated parquet": (truncated(".parquet", 0.6), r"a\.parquet is damaged"),
    "empty npz": (raw(b"", "a.npz"), r"a\.npz"),
    "pickled npz": (npz(X=np.array([{}, {}], object), Y=np.zeros(2)), r"pickled objects.*never"),
    "pickled labels": (npz(X=ROWS, Y=np.array([None] * 12)), r"pickled objects.*never loaded"),
    "npy with labels wanted": (
        pickled_npy,
        r"a\.npy has no file of labels a_labels\.npy beside it: name that file with data\.labels",
    ),
    "no array of the name": (npz(features=ROWS, Y=LABELS), r"no array named 'X': .*features, Y"),
    "hundreds of arrays": (
        npz(**{f"a rather long name of layer {i}": ROWS for i in range(300)}),
        r"no array named 'X': name one of .{,600} \.\.\. .{,200}with data\.x$",
    ),
    "text array": (npz(X=ROWS.astype(str), Y=LABELS), r"array 'X' has dtype <U.*real numbers"),
    "one-dimensional array": (npz(X=ROWS[:, 0], Y=LABELS), r"shape \(12,\): expected a row"),
    "array the wrong way round": (npz(X=ROWS.T, Y=LABELS), r"did you mean its transpose\?"),
    "labels too few": (npz(X=ROWS, Y=LABELS[:5]), r"labels of shape \(5,\): expected \(12,\)"),
    "empty array": (npz(X=ROWS[:0], Y=LABELS[:0]), r"holds no examples"),
    "NaN in an array": (npz(X=NAN, Y=LABELS), r"feature 'x1' of example 7 is nan"),
    "infinity in an array": (npz(X=INF, Y=LABELS), r"feature 'x2' of example 0 is inf"),
    "svmlight of nonsense": (text("not a number\n", "a.svm"), r"a\.svm"),
    "svmlight from 0": (text("1 0:3\n", "a.svm"), r"data\.zero_based=true"),
    "folder without pictures": (lambda folder: folder, r"holds no pictures"),
    "pictures of two sizes": (pictures_of_two_sizes, r"5 x 5 pixels.*data\.pixels=64"),
    "truncated picture": (broken_picture, r"001\.png is damaged"),
    "npy that declares too much": (
        lying("X.npy", (10**9, 3)),
        r"float64 of shape .*, and has 192 bytes",
    ),
    "npz that declares too much": (
        lying("a.npz", (10**9, 3)),
        r"float64 of shape .*, and has 192 bytes",
    ),
    "npy of negative size": (lying("X.npy", (-1, 3)), r"X\.npy is damaged: .*\(-1, 3\)"),
    "no examples of endless features": (lying("X.npy", (0, 10**12)), r"of 10{12} features"),
    "npz packed by bzip2": (packed(zipfile.ZIP_BZIP2), r"packed by method 12: .* of np\.savez"),
    "npz packed by LZMA": (packed(zipfile.ZIP_LZMA), r"packed by method 14: .* of np\.savez"),
    "HDF5 that declares too much": (
        hdf5(lambda file: file.create_dataset("X", (10**12, 3), "f8", chunks=(9, 3))),
        r"'X' of shape .* would take 2\.4e\+04 GB of memory: expected at most half of the",
    ),
    "HDF5 of numbers in a raw file": (
        hdf5(lambda file: file.create_dataset("X", (12, 3), "f8", external=[("b", 0, 288)])),
        r"the numbers of 'X' are in other files",
    ),
    "HDF5 of numbers in another HDF5": (hdf5(elsewhere), r"the numbers of 'X' are in other files"),
    "pipe": (pipe, r"a\.csv is a device or a pipe"),
    "device": (device, r"a\.npy is a device or a pipe"),
    "PostScript named as a picture": (postscript, r"000\.png is damaged, or no picture"),
    "feature beyond memory": (text("1 2147483647:1\n0 1:2\n", "a.svm"), r"of 2147483647 features"),
    "label of a page": (
        text("a,label\n1," + "y" * 1001 + "\n2,n\n"),
        r"a label has 1001 characters: expected a class, of at most 1000",
    ),
    "label that is no text": (
        npz(X=ROWS, Y=np.full(12, 0x110000, np.uint32).view("U1")),
        r"a label is no Unicode text",
    ),
    "a folder that is named as a file": (
        lambda folder: (folder / "a.csv").mkdir() or folder / "a.csv",
        r"a\.csv holds no pictures",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_one_line(case, tmp_path):
    make, pattern = BAD[case]
    with pytest.raises(InputError) as caught:
        read(make(tmp_path), Reading())
    message = str(caught.value)
    assert message.isprintable() and re.search(pattern, message), message


WEIGHTS = {
    "no column": (text("a,label,w\n1,0,1\n2,1,1\n"), r"no column 'weight': .*with data\.weights"),
    "near column": (text("a,label,weights\n1,0,1\n2,1,1\n"), r"did you mean 'weights'\?"),
    "text": (text("a,label,weight\n1,0,x\n2,1,1\n"), r"column 'weight' is 'x' in example 0 \(line"),
    "negative": (
        text("a,label,weight\n1,0,1\n2,1,-1\n"),
        r"the weight 'weight' of example 1 \(line 3\) is -1: expected a finite number, 0 or larger",
    ),
    "missing": (text("a,label,weight\n1,0,1\n2,1,\n"), r"example 1 \(line 3\) is nan: expected"),
    "no array": (npz(X=ROWS, Y=LABELS), r"no array named 'weight': .* with data\.weights"),
    "too few": (
        npz(X=ROWS, Y=LABELS, weight=np.ones(5)),
        r"weights 'weight' are float64 of shape \(5,\): expected a number for each of the 12",
    ),
    "array of text": (npz(X=ROWS, Y=LABELS, weight=LABELS), r"weights 'weight' are <U3 of shape"),
    "infinite": (
        npz(X=ROWS, Y=LABELS, weight=np.where(np.arange(12) == 3, np.inf, 1)),
        r"weight 'weight' of example 3 is inf",
    ),
    "svmlight": (
        text("1 1:3\n0 1:2\n", "a.svm"),
        r"can hold no weights: data\.weights names a col",
    ),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_unfit_weights(case, tmp_path):
    make, pattern = WEIGHTS[case]
    with pytest.raises(InputError) as caught:
        read(make(tmp_path), Reading(weights="weight"))
    message = str(caught.value)
    assert message.isprintable() and re.search(pattern, message), message


def test_pickled_npy_is_not_loaded(tmp_path):
    with pytest.raises(InputError, match="never loaded"):
        read(pickled_npy(tmp_path), Reading(), labelled=False)


def test_a_long_label_kept_once_and_named_often(tmp_path):
    """20 GB where each of its examples were to hold it."""
    codes = pyarrow.array(np.arange(20_000) % 2, pyarrow.int8())
    labels = pyarrow.DictionaryArray.from_arrays(codes, pyarrow.array(["y" * 10**6, "n"]))
    path = parquet_of(a=np.arange(20_000.0), label=labels)(tmp_path)
    with pytest.raises(InputError, match="a label has 1000000 characters"):
        read(path, Reading())


def test_labels_kept_as_a_dictionary(tmp_path):
    labels = pyarrow.array(["no", "yes", "no"]).dictionary_encode()
    examples = read(parquet_of(a=[1.0, 2.0, 3.0], label=labels)(tmp_path), Reading())
    assert examples.labels.tolist() == ["no", "yes", "no"]


def test_memory_of_a_machine_that_has_little(tmp_path, monkeypatch):
    monkeypatch.setattr("jax_logreg.placement.memory.machine_memory", lambda: 500.0)
    # A machine of today is not asked for so little.
    monkeypatch.setattr("jax_logreg.placement.memory._NOTHING", 0)
    for suffix in (".npz", ".h5", ".csv", ".parquet", ".svmlight"):
        path = tmp_path / f"a{suffix}"
        SAVERS[suffix](path, ROWS, LABELS)
        with pytest.raises(InputError, match=r"GB of memory: expected at most half of the 5e-07"):
            read(path, Reading())
    save_pictures(tmp_path / "p", np.zeros((1, 20, 20, 3), np.uint8), ["cat"])
    with pytest.raises(InputError, match="1 pictures of 1200 numbers would take"):
        read(tmp_path / "p", Reading())
    with pytest.raises(InputError, match="pictures of 9999 x 9999 pixels would take"):
        read(tmp_path / "p", Reading(pixels=9999))


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    path = npz(X=ROWS, Y=LABELS)(tmp_path)
    save_pictures(tmp_path / "p", np.zeros((1, 2, 2, 3), np.uint8), ["cat"])
    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Image, "open", refuse)
    for unreadable, name in ((path, "a.npz"), (tmp_path / "p", "000.png")):
        with pytest.raises(InputError, match=f"{name} cannot be read: Permission denied"):
            read(unreadable, Reading())


@pytest.mark.filterwarnings("default")
def test_a_picture_that_claims_to_be_huge(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    save_pictures(tmp_path / "p", np.zeros((1, 4, 4, 3), np.uint8), ["cat"])
    with pytest.raises(InputError, match=r"000\.png is damaged, or no picture: Image size"):
        read(tmp_path / "p", Reading())


@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root reads every file")
def test_unreadable_file(tmp_path):
    path = text("a,label\n1,0\n2,1\n")(tmp_path)
    path.chmod(0)
    with pytest.raises(InputError, match=r"a\.csv cannot be read: Permission denied"):
        read(path, Reading())


def test_other_features_than_trained_on(tmp_path):
    path = npz(X=ROWS, Y=LABELS)(tmp_path)
    with pytest.raises(InputError, match="12 examples of 3 features: expected the 2 features"):
        read(path, Reading(), features=["a", "b"])
    with pytest.raises(InputError, match="did you mean its transpose"):
        read(path, Reading(), features=[str(i) for i in range(12)])
    path = text("a,label\n1,0\n2,1\n")(tmp_path)
    with pytest.raises(InputError, match="no column 'b': it has a, label"):
        read(path, Reading(), features=["a", "b"])
    path = text("1 7:3\n", "a.svm")(tmp_path)
    with pytest.raises(InputError, match="at most the 2 features"):
        read(path, Reading(), features=["a", "b"])


@pytest.mark.parametrize("suffix", [*SAVERS, ".npy", ".png"])
def test_a_hundred_damaged_files(suffix, tmp_path, rng):
    folder = tmp_path / "pictures" / "class"
    folder.mkdir(parents=True)
    path = tmp_path / f"a{suffix}" if suffix != ".png" else folder / "a.png"
    if suffix == ".png":
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)
    elif suffix == ".npy":
        np.save(path, ROWS)
    else:
        SAVERS[suffix](path, ROWS, LABELS)
    good = path.read_bytes()
    refused = 0
    for i in range(100):
        content = bytearray(good)
        if i % 2:
            content = content[: rng.integers(len(content))]
        for _ in range(rng.integers(1, 9)):
            if content:
                # Line breaks, which are to stay out of messages, more often than by chance.
                content[rng.integers(len(content))] = rng.choice([10, rng.integers(256)])
        path.write_bytes(content)
        try:
            where = folder.parent if suffix == ".png" else path
            read(where, Reading(), labelled=suffix != ".npy")
        except InputError as error:
            assert str(error).isprintable() and len(str(error)) <= 800
            refused += 1
    assert refused >= 30
