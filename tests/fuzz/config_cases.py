"""One mutated config, up to the start of its fit."""

import os
from functools import cache
from pathlib import Path

from data.files import save_csv, save_npz, table
from fuzz.configs import make
from sklearn import datasets

from jax_logreg.cli.arguments import fit_arguments
from jax_logreg.cli.config import load_config
from jax_logreg.data import prepare

# Examples x features that are still made: a refusal for want of memory lies far beyond.
LARGE = 10**6


def prepare_once(folder):
    rows, labels = table()
    save_csv(folder / "a.csv", rows, labels)
    save_npz(folder / "a.npz", rows, labels)
    os.mkfifo(folder / "fifo.csv")
    (folder / "zero.npy").symlink_to("/dev/zero")
    (folder / "loop.csv").symlink_to(folder / "loop.csv")
    for name in ("breast_cancer", "digits", "iris", "wine"):
        setattr(datasets, f"load_{name}", cache(getattr(datasets, f"load_{name}")))
    for config in ("quickstart", "synthetic"):
        path = Path(__file__).parents[2] / "configs" / f"{config}.toml"
        loaded = load_config(path, [])
        prepare(loaded.data, loaded.fit.dtype)


def run(seed, folder):
    source, overrides = make(seed)
    overrides = [one.replace("{folder}", str(folder)) for one in overrides]
    if isinstance(source, Path):
        path = Path(str(source).replace("{folder}", str(folder)))
    else:
        path = folder / "config.toml"
        text = source.replace("{folder}", str(folder))
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    config = load_config(path, overrides)
    resolved = folder / "resolved.toml"
    resolved.write_bytes(config.to_toml().encode())
    assert load_config(resolved, []).to_toml() == config.to_toml()
    return _prepare(config)


def _prepare(config):
    data = config.data
    if data.source == "openml":
        return "not fetched"
    size = getattr(data, "examples", 0) * getattr(data, "features", 0)
    if LARGE < size < 10**9:
        return "not made"
    fit_arguments(config, prepare(data, config.fit.dtype))
    return "success"
