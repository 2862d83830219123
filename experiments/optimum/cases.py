"""The problems: seeded, features correlated as measured ones are, labels drawn from the model."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import logsumexp


@dataclass(frozen=True)
class Spec:
    """The sizes of a case: m examples, n features, and 1/(C m) as the strength."""

    m: int
    n: int
    classes: int = 2
    penalty: str = "l2"
    C: float = 1.0
    density: float = 1.0
    # Penalties on the path, geometric from the first that leaves nothing to a hundredth of it.
    path: int = 0
    bundled: bool = False


CASES = {
    "l2_100000x100": Spec(100_000, 100),
    "l2_20000x1000": Spec(20_000, 1_000),
    "l2_2000x5000": Spec(2_000, 5_000),
    "multinomial_20000x256x50": Spec(20_000, 256, classes=50),
    "l1_path_20000x500": Spec(20_000, 500, penalty="l1", path=100),
    "l1_path_2000x5000": Spec(2_000, 5_000, penalty="l1", path=100),
    "sparse_l2_20000x50000": Spec(20_000, 50_000, density=0.001),
    "tiny_569x30": Spec(569, 30, bundled=True),
}


@dataclass(frozen=True)
class Case:
    """The problem of a rival: float64 rows X (m, n), labels y (m,), the penalty's strengths."""

    X: Any
    y: np.ndarray
    penalty: str
    strengths: np.ndarray
    # 1 output for two classes, else one a class.
    k: int
    # Whether a fit means all the strengths, largest first, or there is only one.
    path: bool

    @property
    def strength(self):
        """The only strength."""
        (strength,) = self.strengths
        return float(strength)

    @property
    def sparse(self):
        """Return whether X is a scipy matrix in CSR."""
        return sparse.issparse(self.X)


def make(spec):
    """The case that a spec describes; the same one each time."""
    rng = np.random.default_rng([spec.m, spec.n, spec.classes])
    k = 1 if spec.classes == 2 else spec.classes
    if spec.bundled:
        X, y = _breast_cancer()
    else:
        X = _dense(rng, spec) if spec.density == 1 else _sparse(rng, spec)
        y = _labels(rng, X, spec, k)
    strengths = np.array([1 / (spec.C * spec.m)])
    if spec.path:
        # Where all of w is zero the intercept makes the residuals' mean zero.
        largest = np.abs(X.T @ (y - y.mean())).max() / spec.m
        strengths = largest * np.geomspace(1, 1e-2, spec.path)
    return Case(X, y, spec.penalty, strengths, k, bool(spec.path))


def _dense(rng, spec):
    """Ten latent factors and noise, means and scales that differ by feature."""
    factors = rng.standard_normal((spec.m, 10)) @ rng.standard_normal((10, spec.n)) / 10**0.5
    X = (0.7 * factors + 0.7 * rng.standard_normal((spec.m, spec.n))) * np.exp(
        0.3 * rng.standard_normal(spec.n)
    )
    return X + 0.3 * rng.standard_normal(spec.n)


def _sparse(rng, spec):
    """Counts with common and rare features, as of words in texts; logarithms, rows of length 1."""
    frequency = 1 / np.arange(10, spec.n + 10) ** 0.7
    drawn = int(spec.m * spec.n * spec.density)
    columns = rng.choice(spec.n, drawn, p=frequency / frequency.sum())
    rows = rng.integers(spec.m, size=drawn)
    X = sparse.csr_matrix((np.ones(drawn), (rows, columns)), shape=(spec.m, spec.n))
    X.sum_duplicates()
    X.data = np.log1p(X.data)
    lengths = np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel())
    return sparse.csr_matrix(sparse.diags(1 / np.maximum(lengths, 1e-12)) @ X)


def _labels(rng, X, spec, k):
    """Drawn from a logistic model of 50 features at most a class, so that they overlap."""
    w = np.zeros((k, spec.n))
    for row in w:
        chosen = rng.choice(spec.n, min(50, spec.n), replace=False)
        row[chosen] = rng.standard_normal(len(chosen))
    Z = np.asarray(X @ w.T)
    Z = 1.5 * (Z - Z.mean(axis=0)) / Z.std(axis=0) + 0.5 * rng.standard_normal(k)
    if k == 1:
        return (rng.random(spec.m) < 1 / (1 + np.exp(-Z[:, 0]))).astype(np.int64)
    P = np.exp(Z - logsumexp(Z, axis=1, keepdims=True))
    return (P.cumsum(axis=1) < rng.random((spec.m, 1))).sum(axis=1).clip(max=k - 1)


def _breast_cancer():
    """scikit-learn's 569 tumours, standardised."""
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y.astype(np.int64)


def save(case, folder):
    """Write a case where another interpreter can read it."""
    if case.sparse:
        sparse.save_npz(folder / "X.npz", case.X, compressed=False)
    else:
        np.save(folder / "X.npy", case.X)
    np.savez(folder / "rest.npz", y=case.y, strengths=case.strengths)
    about = {"penalty": case.penalty, "k": case.k, "path": case.path}
    (folder / "case.json").write_text(json.dumps(about))


def load(folder):
    """The case that `save` wrote."""
    folder = Path(folder)
    dense = (folder / "X.npy").exists()
    X = np.load(folder / "X.npy") if dense else sparse.load_npz(folder / "X.npz")
    rest = np.load(folder / "rest.npz")
    about = json.loads((folder / "case.json").read_text())
    return Case(X=X, y=rest["y"], strengths=rest["strengths"], **about)
