"""Wrong arguments by the thousand: every public function, argument by argument, value by value."""

import datetime
import decimal
import fractions
import inspect
from functools import wraps
from pathlib import Path

import jax
import numpy as np
import optax
import scipy.sparse

import jax_logreg
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
    Status,
)
from jax_logreg.checkpoint import Checkpoint
from jax_logreg.data import open_stream
from jax_logreg.evaluation import (
    bootstrap_intervals,
    calibration,
    choose_threshold,
    confusion,
    fit_temperature,
    measure,
    precision_recall,
    roc,
)
from jax_logreg.export import export
from jax_logreg.export import load as load_export
from jax_logreg.logistic import BINOMIAL
from jax_logreg.matrix import compress, encode, from_codes, from_scipy, stack, standardise
from jax_logreg.model import Model
from jax_logreg.proof.certificate import Certificate
from jax_logreg.sweep import Fits, bootstrap, cross_validate, fit_many, path
from jax_logreg.tracking import track

RNG = np.random.default_rng(2)
N, M = 3, 24
X = RNG.integers(0, 9, (N, M)).astype(float)
Y = np.arange(M) % 2
P = RNG.random(M)


def nothing(*_):
    pass


class Odd:
    """An object with nothing that is asked of it."""

    def __repr__(self):
        return "odd\nlines"


class Raising:
    """An object that cannot be turned into an array."""

    def __array__(self, *_, **__):
        raise TypeError("no array\nof mine")


# By name, so that a failing case can be found again.
VALUES = {
    "None": None,
    "no text": "",
    "text": "word",
    "lines": "many\nlines\nof text " * 9,
    "bytes": b"bytes",
    "True": True,
    "False": False,
    "-1": -1,
    "0": 0,
    "1": 1,
    "3": 3,
    "1.5": 1.5,
    "0.5": 0.5,
    "-0.5": -0.5,
    "2**70": 2**70,
    "-2**70": -(2**70),
    "10**400": 10**400,
    "2**31": 2**31,
    "1e300": 1e300,
    "nan": float("nan"),
    "inf": float("inf"),
    "-inf": float("-inf"),
    "complex": 1j,
    "decimal": decimal.Decimal("0.1"),
    "fraction": fractions.Fraction(1, 3),
    "date": datetime.date(2026, 1, 1),
    "NumPy date": np.datetime64("2026-01-01"),
    "NumPy text": np.str_("word"),
    "NumPy nan": np.float32("nan"),
    "object": Odd(),
    "raising": Raising(),
    "list": [],
    "list of 0": [0],
    "list of text": ["a", "b"],
    "ragged": [[1, 2], [3]],
    "nested": [[[1]]],
    "list of None": [None] * M,
    "list of objects": [Odd(), Odd()],
    "list of lists": [[1.0] * M] * 40,
    "dict": {},
    "dict of text": {"a": 1},
    "dict of None": {None: None},
    "tuple": (),
    "pair": (1, 2),
    "triple": (1, 2, 3),
    "set": {1, 2},
    "range": range(5),
    "iterator": iter(()),
    "empty": np.zeros(0),
    "array of 3": np.array([1.0, -2.0, 3.0]),
    "array of text": np.array(["a", "b", "c"] * 400),
    "array of objects": np.array([Odd(), None], object),
    "array of nan": np.full((N, M), np.nan),
    "array of dates": np.full(M, np.datetime64("2026-01-01")),
    "cube": np.ones((2, 2, 2)),
    "long": -np.arange(1e5),
    "scalar array": np.array(-3.0),
    "text array": np.array("x"),
    "structured": np.zeros(3, [("a", "f4"), ("b", "i4")]),
    "sparse": scipy.sparse.csr_array(-np.eye(2)),
    "jax array": jax.numpy.zeros((2, 5)),
    "type": int,
    "class": L2,
    "solver class": LBFGS,
    "instance": L2(-1.0),
    "solver": GradientDescent(0.1),
    "transformation": optax.adam(0.1),
    "function": len,
    "lambda": lambda: None,
    "module": np,
    "path": Path("nowhere/at/all"),
    "exception": ValueError("a\nb"),
    "Ellipsis": ...,
    "Status": Status.CONVERGED,
}

FIT = {"X": X, "Y": Y}
W = Params(np.zeros((N, 1)), np.zeros((1, 1)))
BATCH = Batch(X, Y[None], np.ones((1, M)))


def solved_by(solver):
    """A fit by a solver of these numbers."""

    @wraps(solver)
    def call(**given):
        return jax_logreg.fit(**FIT, solver=solver(**given))

    return call


def penalised_by(penalty):
    """A fit with a penalty of these numbers."""

    @wraps(penalty)
    def call(**given):
        return jax_logreg.fit(**FIT, penalty=penalty(**given))

    return call


@wraps(track)
def tracked(**given):
    with track(**given):
        pass


def several():
    """The models of a sweep, at zero."""
    zeros = Params(np.zeros((2, N, 1)), np.zeros((2, 1, 1)))
    found, status = Certificate(*np.zeros((5, 2))), (Status.CONVERGED,) * 2
    return Fits(zeros, found, status, np.zeros(2, int), (0, 1), "none", ((), ()))


# name: (function, valid arguments)
FUNCTIONS = {
    "fit": (jax_logreg.fit, FIT),
    "fit_many": (fit_many, FIT),
    "cross_validate": (cross_validate, FIT),
    "bootstrap": (bootstrap, FIT),
    "path": (path, FIT),
    "Fits.result": (several().result, {"i": 0}),
    "predict": (several().result(0).predict, {"X": X}),
    "predict_proba": (several().result(0).predict_proba, {"X": X}),
    "decision_function": (several().result(0).decision_function, {"X": X}),
    "solve": (jax_logreg.solve, {"params": W, "batch": BATCH, "solver": Newton(), "steps": 2}),
    "check_gradients": (jax_logreg.check_gradients, {"params": W, "batch": BATCH}),
    "GradientDescent": (solved_by(GradientDescent), {"learning_rate": 0.1}),
    "LBFGS": (solved_by(LBFGS), {}),
    "Proximal": (solved_by(Proximal), {}),
    "Optax": (Optax, {"tx": optax.adam(0.1)}),
    "MiniBatch": (MiniBatch, {"tx": optax.adam(0.1)}),
    "L2": (penalised_by(L2), {"strength": 1.0}),
    "L1": (penalised_by(L1), {"strength": 1.0}),
    "ElasticNet": (penalised_by(ElasticNet), {"strength": 1.0, "l1_ratio": 0.5}),
    "compress": (compress, {"X": X, "storage": "uint8"}),
    "from_codes": (from_codes, {"codes": [Y], "levels": [2]}),
    "from_scipy": (from_scipy, {"S": scipy.sparse.csr_array(X), "dtype": "float32"}),
    "stack": (stack, {"matrices": [jax.numpy.asarray(X)]}),
    "standardise": (standardise, {"X": X, "s": np.ones((1, M))}),
    "encode": (encode, {"values": Y}),
    "Checkpoint": (Checkpoint, {"folder": "saved"}),
    "track": (tracked, {"tracker": None}),
    "open_stream": (open_stream, {"path": "nowhere.csv"}),
    "measure": (measure, {"truth": Y, "A": P}),
    "bootstrap_intervals": (bootstrap_intervals, {"truth": Y, "A": P}),
    "calibration": (calibration, {"truth": Y, "A": P}),
    "confusion": (confusion, {"truth": Y, "predicted": Y, "k": 2}),
    "roc": (roc, {"truth": Y, "p": P}),
    "precision_recall": (precision_recall, {"truth": Y, "p": P}),
    "choose_threshold": (choose_threshold, {"truth": Y, "p": P}),
    "fit_temperature": (
        fit_temperature,
        {"Z": P[None], "Y": Y[None], "s": np.ones((1, M)), "family": BINOMIAL},
    ),
    "Model.load": (Model.load, {"path": Path("nowhere")}),
    "export": (export, {"model": None, "to": "json"}),
    "load_export": (load_export, {"content": b"", "kind": "json"}),
}


def arguments(name):
    """The arguments of a function, by its signature."""
    return list(inspect.signature(FUNCTIONS[name][0]).parameters)


_NUMBERS = ["0", "1", "3", "1.5", "0.5", "2**31", "Status"]
_COUNTS = ["1", "3", "Status"]
_FLAGS = ["True", "False"]
_CALLED = ["None", "function", "lambda"]
_LISTS = ["list", "list of 0", "list of text", "list of None", "tuple", "pair", "triple"]
_LISTS += ["range", "empty", "array of 3", "array of text", "long"]
_SEEDS = ["0", "1", "3", "2**70", "10**400", "2**31", "Status"]
_STRENGTHS = ["1", "3", "list of 0", "pair", "triple", "range", "Status"]
# Right values, or right for some function that takes them: by argument, or function and argument.
LEGAL = {
    "X": ["list of lists"],
    "s": ["None"],
    "fit_many s": ["None", "list of lists"],
    "penalty": ["None"],
    "class_weight": ["None", "dict"],
    "fit_intercept": _FLAGS,
    "solver": ["solver"],
    "steps": ["0", *_COUNTS],
    "tolerance": [*_NUMBERS, "2**70", "1e300"],
    "params": ["None"],
    "solve params": [],
    "check_gradients params": [],
    "solve steps": ["0", *_COUNTS],
    "solve tolerance": list(VALUES),
    "solve penalty": list(VALUES),
    "gradient_check": _COUNTS,
    "device": ["None"],
    "devices": ["None", *_COUNTS],
    "refine": _FLAGS,
    "sharpen": _FLAGS,
    "feature_names": ["None", "triple", "array of 3"],
    "callback": _CALLED,
    "checkpoint": ["None"],
    "memory": [*_NUMBERS, "2**70", "1e300", "inf"],
    "strengths": _STRENGTHS,
    "smallest": ["0.5"],
    "folds": ["3", "0.5"],
    "groups": ["None"],
    "seed": _SEEDS,
    "standardise": _FLAGS,
    "resamples": _COUNTS,
    "confidence": ["0.5"],
    "at": ["None"],
    "cross_validate penalty": ["class", "instance"],
    "path penalty": ["class", "instance"],
    "learning_rate": [*_NUMBERS, "1e300"],
    "LBFGS memory": _COUNTS,
    "largest_gram": ["0", *_COUNTS, "2**70", "10**400", "2**31"],
    "basis": ["None"],
    "working_set": [*_COUNTS, "2**70", "10**400", "2**31"],
    "tx": ["transformation"],
    "strength": _NUMBERS,
    "l1_ratio": ["0", "1", "0.5", "Status"],
    "factors": ["None", "triple"],
    "standardise X": ["list of lists", "array of nan"],
    "standardise s": [],
    "compress X": ["list of lists", "jax array"],
    "drop_first": _FLAGS,
    "S": ["sparse"],
    "i": ["-1", "0", "1", "Status"],
    "values": _LISTS,
    "levels": ["None", *_LISTS, "list of objects", "array of objects", "transformation"],
    "from_codes levels": [],
    "folder": ["text", "lines", "NumPy text", "path"],
    "seconds": [*_NUMBERS, "2**70", "1e300", "inf"],
    "Checkpoint steps": ["None", *_COUNTS, "2**70", "10**400", "2**31"],
    "name": ["no text", "text", "lines", "NumPy text"],
    "notice": _CALLED,
    "tracker": ["None"],
    "config": ["None", "dict", "dict of text", "dict of None"],
    "resumed": _FLAGS,
    "exclude": ["list", "list of text", "tuple"],
    "A": ["list of lists"],
    "threshold": ["0", "1", "0.5", "Status"],
    "bins": _COUNTS,
    "losses": ["None"],
    "counts": ["None", *_FLAGS],
    "k": ["3"],
    "false_positive": [*_NUMBERS, "2**70", "1e300"],
    "false_negative": [*_NUMBERS, "2**70", "1e300"],
}


def wrong(name, argument):
    """The values that are wrong for an argument of a function, by name."""
    legal = LEGAL.get(f"{name} {argument}", LEGAL.get(argument, []))
    return {key: value for key, value in VALUES.items() if key not in legal}
