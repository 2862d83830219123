"""One mutated file, read as a run or a prediction reads it."""

import random
import shutil

import numpy as np
from cases import COUNTS, FAMILIES
from data.files import table
from fuzz import files

from jax_logreg import LBFGS, Params, fit
from jax_logreg.checkpoint import Checkpoint
from jax_logreg.checkpoint.saved import digest
from jax_logreg.data import Examples, Reading, Scaling, open_stream, prepare, read
from jax_logreg.data.sources import FileData
from jax_logreg.data.stream import in_pieces
from jax_logreg.model import Model

STATE = {}


class Watching(Checkpoint):
    def restore(self, like):
        STATE["like"] = like
        return super().restore(like)


def prepare_once(folder):
    import os

    os.mkfifo(folder / "fifo.csv")
    (folder / "saved").mkdir()
    X, Y = (COUNTS - 1) / 1.2, FAMILIES["binomial"]
    for _ in range(2):
        fit(X, Y, solver=LBFGS(), steps=3, checkpoint=Watching(folder / "saved", name="a"))
    (path,) = (folder / "saved").iterdir()
    STATE["checkpoint"] = path.read_bytes()
    params = Params(np.ones((3, 1), np.float32), np.zeros((1, 1), np.float32))
    scaling = Scaling(np.zeros(3), np.ones(3))
    model = Model(params, ("no", "yes"), ("x0", "x1", "x2"), scaling, Reading())
    STATE["model"] = model.save()
    model.predict(_new())
    # Every library maps and starts what it needs at its first file.
    for i, (suffix, content) in enumerate(files.WHOLE + files.ARROW):
        for seed in range(4):
            _read(folder / f"whole{i}_{seed}", suffix, content, random.Random(seed))


def _new():
    return Examples(table()[0].T, None, ("x0", "x1", "x2"), "new")


def run(seed, folder):
    rng = random.Random(f"file {seed}")
    kind = rng.randrange(10)
    if kind == 0:
        return _model(rng, folder / "model.safetensors")
    if kind == 1:
        return _checkpoint(rng, folder / "saved")
    where = folder / "case"
    where.mkdir()
    try:
        return _read(where, *files.make(rng, folder), rng)
    finally:
        shutil.rmtree(where)


def _read(where, suffix, content, rng):
    where.mkdir(exist_ok=True)
    path = where / f"a{suffix}"
    if suffix in (".npy", "_labels.npy"):
        (where / "a.npy").write_bytes(files.npy(files.ROWS))
        (where / "a_labels.npy").write_bytes(files.npy(files.LABELS))
        path.write_bytes(content)
        path = where / "a.npy"
    elif suffix in (".png", ".jpg", ".gif", ".tif", ".bmp", ".webp"):
        for name in ("cat", "dog"):
            (where / "p" / name).mkdir(parents=True)
            for i in range(2):
                (where / "p" / name / f"{i}{suffix}").write_bytes(content)
        path = where / "p"
    else:
        path.write_bytes(content)
    pattern = "*X" if suffix == ".h5" else "X"
    pixels = rng.choice([None, None, 4])
    if path.suffix in in_pieces() and rng.random() < 0.5:
        return _stream(path, pattern, rng)
    if rng.random() < 0.25:
        features = None if path.is_dir() else rng.choice([None, ("x0", "x1", "x2")])
        reading = Reading(x=pattern, pixels=pixels)
        read(path, reading, features=features, labelled=False)
    else:
        source = FileData(source="file", train=path, x=pattern, pixels=pixels, test_fraction=0.5)
        prepare(source, rng.choice(["float32", "float64"]))


def _stream(path, pattern, rng):
    """The passes over a file, with nothing computed between them."""
    dtype = np.dtype(rng.choice(["float32", "float64"]))
    if rng.random() < 0.5:
        X = open_stream(path, x=pattern, block=rng.choice([None, 8])).X
    else:
        source = FileData(
            source="file", train=path, x=pattern, test_fraction=0.5, stream=True, standardise=False
        )
        X = prepare(source, dtype.name).X_train
        # Pictures are a view over them.
        X = getattr(X, "X", X)
    last = X.ahead.count - 1
    for block in [*range(min(last, 9)), last, 0]:
        X.ahead.block(block, dtype)


def _spoilt(rng, content):
    how = rng.choice([files.odd_tensors, files.retyped, files.spoil])
    return how(rng, content)


def _model(rng, path):
    path.write_bytes(_spoilt(rng, STATE["model"]))
    model = Model.load(path)
    if len(model.features) == 3:
        model.predict(_new())


def _checkpoint(rng, folder):
    for old in folder.iterdir():
        old.unlink()
    content = _spoilt(rng, STATE["checkpoint"])
    # Anyone can compute a digest.
    named = digest(content if rng.random() < 0.8 else b"")
    (folder / f"main-000001-{named}.safetensors").write_bytes(content)
    said = []
    checkpoint = Checkpoint(folder, name="a", notice=said.append)
    if checkpoint.find(over_hosts=False):
        checkpoint.restore(STATE["like"])
    assert said and all(line.isprintable() and len(line) <= 2000 for line in said), said
    return "passed over" if "is damaged" in said[0] else "success"
