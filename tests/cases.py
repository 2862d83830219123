"""The tables that every solver and matrix is put through."""

from itertools import combinations, cycle, product
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import scipy.sparse
from scipy.optimize import minimize

from jax_logreg import (
    L1,
    L2,
    LBFGS,
    Batch,
    ElasticNet,
    GradientDescent,
    MiniBatch,
    Newton,
    Optax,
    Params,
    Proximal,
)
from jax_logreg.matrix import (
    Standardised,
    Transposed,
    compress,
    from_codes,
    from_scipy,
    stack,
    stream,
)

DTYPES = ("float32", "float64")


def _problem(n, m, weights, seed=0):
    rng = np.random.default_rng([seed, n, m])
    X = rng.standard_normal((n, m))
    w = rng.standard_normal((n, 1)) / np.sqrt(n)
    Y = (rng.random((1, m)) < 1 / (1 + np.exp(-(w.T @ X + 0.3)))).astype(float)
    Y[0, :2] = 0, 1
    return X, Y, weights(rng, m)


def _ones(rng, m):
    return np.ones((1, m))


def _integers(rng, m):
    s = rng.integers(0, 4, (1, m)).astype(float)
    s[0, :2] = 1
    return s


def _fractions(rng, m):
    return rng.random((1, m)) + 0.01


# name: X (n, m), Y (1, m), s (1, m), float64. None of them is separable but "wide".
PROBLEMS = {
    "tall": _problem(5, 200, _ones),
    "one feature": _problem(1, 50, _ones),
    "integer weights": _problem(4, 120, _integers),
    "fractional weights": _problem(4, 120, _fractions),
    "wide": _problem(40, 8, _ones),
    "shifted and scaled": (lambda X, Y, s: (1000 + 50 * X, Y, s))(*_problem(3, 150, _ones)),
}

SOLVERS = {
    "gradient descent": GradientDescent(0.5),
    "momentum": Optax(optax.sgd(0.2, momentum=0.9, nesterov=True)),
    "adam": Optax(optax.adam(0.05)),
    "scheduled": Optax(optax.adam(optax.cosine_decay_schedule(0.1, 2000))),
    "backtracking": Optax(optax.chain(optax.sgd(1.0), optax.scale_by_backtracking_linesearch(20))),
    "lbfgs": "auto",
}

MATRICES = {
    "array": jnp.asarray,
    "transposed": lambda X: Transposed(jnp.asarray(X).T),
}


def batch(name, dtype, matrix="array"):
    """The problem as a Batch; call it under `precision(dtype)`."""
    X, Y, s = (np.asarray(a, dtype) for a in PROBLEMS[name])
    return Batch(MATRICES[matrix](X), jnp.asarray(Y), jnp.asarray(s))


def params(n, dtype, seed=0, k=1):
    rng = np.random.default_rng([seed, n, k])
    return Params(
        jnp.asarray(rng.standard_normal((n, k)), dtype),
        jnp.asarray(rng.standard_normal((k, 1)), dtype),
    )


def precision(dtype):
    return jax.enable_x64(dtype == "float64")


def close(dtype):
    """Tolerances of `np.testing.assert_allclose` for a sum of a few hundred terms of order 1."""
    eps = np.finfo(dtype).eps
    return {"rtol": 50 * eps, "atol": 50 * eps}


def _counts(n=6, m=60, k=3):
    """Integers of 0 to 3, half of them 0; labels (k, m) of each family; weights, some of them 0."""
    rng = np.random.default_rng([n, m, k])
    X = rng.integers(1, 4, (n, m)) * rng.integers(0, 2, (n, m)).astype("float64")
    Z = rng.standard_normal((k, n)) @ (X - 1) / 2 + rng.logistic(size=(k, m))
    Z[0] -= np.median(Z[0])
    one_hot = (np.arange(k)[:, None] == Z.argmax(axis=0)).astype(float)
    labels = {
        "binomial": (Z[:1] > 0).astype(float),
        "multinomial": one_hot,
        "independent": (Z > 0).astype(float),
    }
    s = rng.random((1, m)) * (rng.random((1, m)) < 0.9)
    return X, labels, {"none": np.ones((1, m)), "some 0": s}


class Pieces:
    """X (n, m) as a source of pieces of some lengths, by rows or columns, that keeps count of them.

    `asked` lists where each pass started; `broken` is raised in place of the first piece after it.
    """

    def __init__(self, X, by_rows=False, lengths=(7, 1, 16, 5)):
        self.X, self.by_rows, self.lengths = np.asarray(X), by_rows, lengths
        self.asked, self.broken = [], None

    @property
    def shape(self):
        return self.X.shape

    @property
    def dtype(self):
        return self.X.dtype

    def pieces(self, first, size):
        self.asked.append(first)
        lengths = cycle(self.lengths)
        while first < self.X.shape[1]:
            if self.broken is not None:
                raise self.broken
            end = first + min(next(lengths), size)
            piece = self.X[:, first:end]
            yield np.array(piece.T if self.by_rows else piece, order="C")
            first = end


COUNTS, FAMILIES, WEIGHTS = _counts()
_MEAN, _SCALE = COUNTS.mean(axis=1, keepdims=True), COUNTS.std(axis=1, keepdims=True)
# Three features of numbers, and a column of 3 levels, or of none.
_CODES = np.arange(COUNTS.shape[1]) % 4
_ONE_HOT = np.vstack([COUNTS[:3], np.arange(3)[:, None] == _CODES])
PENALTY_FACTORS = np.array([1, 0, 2, 0.5, 1, 3.0])

# The values of each factor of the table of agreement; its rows hold every pair that is possible.
FACTORS = {
    "solver": {
        "Newton": Newton(),
        "LBFGS": LBFGS(),
        "LBFGS, diagonal": LBFGS(largest_gram=0),
        "Proximal": Proximal(),
        "Proximal, 4": Proximal(working_set=4),
        "GradientDescent": GradientDescent(0.3),
        "Optax": Optax(optax.sgd(0.1, momentum=0.9, nesterov=True)),
        "MiniBatch": MiniBatch(optax.sgd(0.1, momentum=0.9, nesterov=True)),
    },
    "penalty": {
        "none": lambda factors: None,
        "L2": lambda factors: L2(0.05, factors),
        "L1": lambda factors: L1(0.02, factors),
        "ElasticNet": lambda factors: ElasticNet(0.04, 0.7, factors),
    },
    "factors": {"alike": None, "one 0": PENALTY_FACTORS},
    "family": FAMILIES,
    "matrix": {
        "array": (lambda X, case: jnp.asarray(X, case.dtype), COUNTS),
        "transposed": (lambda X, case: Transposed(jnp.asarray(X.T, case.dtype)), COUNTS),
        "sparse": (lambda X, case: from_scipy(scipy.sparse.csr_array(X), case.dtype), COUNTS),
        "compressed": (
            lambda X, case: compress(X, "uint8" if case.intercept else "float32", case.dtype),
            COUNTS,
        ),
        "streamed": (lambda X, case: stream(Pieces(X.astype(case.dtype)), 16), COUNTS),
        "standardised sparse": (
            lambda X, case: Standardised(
                from_scipy(scipy.sparse.csr_array(X), case.dtype),
                jnp.asarray(_MEAN, case.dtype),
                jnp.asarray(_SCALE, case.dtype),
            ),
            (COUNTS - _MEAN) / _SCALE,
        ),
        "categorical": (
            lambda X, case: stack(
                [jnp.asarray(X[:3], case.dtype), from_codes([_CODES], [3], dtype=case.dtype)]
            ),
            _ONE_HOT,
        ),
    },
    "dtype": dict.fromkeys(DTYPES),
    "intercept": {True: None, False: None},
    "weights": WEIGHTS,
}


class Case(NamedTuple):
    """A level of each factor."""

    solver: str
    penalty: str
    factors: str
    family: str
    matrix: str
    dtype: str
    intercept: bool
    weights: str

    @property
    def possible(self):
        nonsmooth = self.penalty in ("L1", "ElasticNet")
        without = self.penalty == "none" and self.factors != "alike"
        # Updates from several blocks, as streamed, circle round the optimum.
        batches = self.solver == "MiniBatch" and self.matrix != "compressed"
        return not (without or batches) and (not nonsmooth or self.solver.startswith("Proximal"))


def covering():
    """Few cases that hold every pair of levels: each is the one with the most pairs still new."""
    cases = [case for case in map(Case._make, product(*FACTORS.values())) if case.possible]
    pairs = [[(i, a, j, b) for (i, a), (j, b) in _pairs(case)] for case in cases]
    number = {
        pair: i for i, pair in enumerate(dict.fromkeys(pair for row in pairs for pair in row))
    }
    holds = np.array([[number[pair] for pair in row] for row in pairs])
    rng, new, chosen = np.random.default_rng(0), np.ones(len(number), bool), []
    while new.any():
        best = int((new[holds].sum(axis=1) + rng.random(len(cases))).argmax())
        new[holds[best]] = False
        chosen.append(cases[best])
    return chosen


def _pairs(case):
    return combinations(enumerate(case), 2)


class Optimum(NamedTuple):
    """A float64 optimum in NumPy: its cost, and the smallest eigenvalue of the Hessian of J.

    Of the Hessian of classes, that among directions whose entries sum to 0 over the classes.
    """

    w: Any
    b: Any
    cost: float
    curvature: float


class Plain:
    """Cross-entropy plus penalty in NumPy, of theta = [w; b] (N, k); it knows nothing of JAX."""

    def __init__(self, X, Y, s=None, l1=0.0, l2=0.0, *, classes=False, intercept=True):
        n, m = X.shape
        self.X = np.vstack([X, np.ones((1, m))]) if intercept else np.asarray(X, float)
        self.Y, self.classes, self.intercept = np.asarray(Y, float), classes, intercept
        self.s = np.ones((1, m)) if s is None else np.asarray(s, float).reshape(1, m)
        self.s = self.s / self.s.sum()
        self.l1, self.l2 = (self._column(a, n) for a in (l1, l2))
        self.shape = len(self.X), len(self.Y)

    def _column(self, values, n):
        column = np.broadcast_to(np.asarray(values, float).reshape(-1, 1), (n, 1))
        return np.vstack([column, np.zeros((int(self.intercept), 1))])

    def pack(self, w, b):
        return np.vstack([w, np.asarray(b).T]) if self.intercept else np.asarray(w, float)

    def activation(self, theta):
        Z = theta.T @ self.X
        if not self.classes:
            return np.exp(-np.logaddexp(0, -Z)), np.logaddexp(0, Z).sum(axis=0), Z
        top = np.logaddexp.reduce(Z, axis=0)
        return np.exp(Z - top), top, Z

    def smooth(self, theta):
        """The smooth part of the cost, and its gradient."""
        A, top, Z = self.activation(theta)
        J = (self.s * (top - (self.Y * Z).sum(axis=0))).sum() + (self.l2 / 2 * theta**2).sum()
        return J, self.X @ (self.s * (A - self.Y)).T + self.l2 * theta

    def cost(self, theta):
        return float(self.smooth(theta)[0] + (self.l1 * np.abs(theta)).sum())

    def subgradient(self, theta):
        g, l1 = self.smooth(theta)[1], np.broadcast_to(self.l1, self.shape)
        at_zero = np.sign(g) * np.maximum(np.abs(g) - l1, 0)
        return np.where((theta == 0) & (l1 > 0), at_zero, g + l1 * np.sign(theta))

    def hessian(self, theta):
        """Of the cross-entropy alone, (k·N, k·N), output by output."""
        A = self.activation(theta)[0]
        eye = np.eye(self.shape[1])[:, :, None]
        spread = eye * A[:, None] - (
            A[:, None] * A[None] if self.classes else eye * A[:, None] ** 2
        )
        size = self.shape[0] * self.shape[1]
        return np.einsum("abm,im,jm->aibj", self.s * spread, self.X, self.X).reshape(size, size)

    def polish(self, theta):
        """Newton's method on the entries that are not 0."""
        free = ((theta != 0) | (self.l1 == 0)).T.ravel()
        ridge = np.diag(np.tile(self.l2[:, 0], self.shape[1]))
        for _ in range(6):
            g = self.subgradient(theta).T.ravel()[free]
            step = np.zeros(free.size)
            H = (self.hessian(theta) + ridge)[np.ix_(free, free)]
            step[free] = np.linalg.lstsq(H, g, rcond=1e-12)[0]
            theta = theta - np.clip(step, -1e3, 1e3).reshape(self.shape[::-1]).T
        return theta

    def distance(self, theta):
        """The largest entry of the smallest subgradient: 0 at the optimum."""
        return np.abs(self.subgradient(theta)).max()

    def minimise(self, tries=(100, 1000, 5000)):
        """Theta at the optimum: SciPy's L-BFGS-B on theta = u - v, u and v not negative."""

        def split(x):
            u, v = x.reshape(2, *self.shape)
            J, g = self.smooth(u - v)
            nonsmooth = self.l1 * (u + v)
            return J + nonsmooth.sum(), np.stack([g + self.l1, self.l1 - g]).ravel()

        x = np.zeros(2 * self.shape[0] * self.shape[1])
        bounds = [(0, None)] * len(x)
        for most in tries:
            options = {"maxiter": most, "maxfun": 2 * most, "ftol": 0, "gtol": 1e-12, "maxcor": 30}
            x = minimize(split, x, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
            u, v = x.reshape(2, *self.shape)
            rough = np.where((np.abs(u - v) < 1e-6) & (self.l1 > 0), 0, u - v)
            best = min((u - v, rough, self.polish(rough)), key=self.distance)
            if self.distance(best) < 1e-11:
                break
        return best

    def optimum(self):
        theta = self.minimise()
        assert self.distance(theta) < 1e-10
        values = np.linalg.eigvalsh(self.hessian(theta))
        w, b = (theta[:-1], theta[-1:].T) if self.intercept else (theta, np.zeros((len(self.Y), 1)))
        curvature = values[self.shape[0] if self.classes else 0]
        return Optimum(w, b, self.cost(theta), float(curvature))


def centred(theta):
    """Theta (N, k) without what all classes share, of which predictions know nothing."""
    return theta - theta.mean(axis=1, keepdims=True)
