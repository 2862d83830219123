import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from cases import PROBLEMS
from scipy.sparse import csr_matrix

from jax_logreg import L1, L2, ElasticNet, GradientDescent, Optax, Params, fit
from jax_logreg.pytree import pytree

X, Y, S = PROBLEMS["tall"]
NAN = np.where(np.arange(X.size).reshape(X.shape) == 403, np.nan, X)
INF = np.where(np.arange(X.size).reshape(X.shape) == 203, -np.inf, X)


def scaled(factor):
    """X with one feature in another unit."""
    return X * np.array([1, factor, 1, 1, 1])[:, None]


@pytree
@dataclass(frozen=True)
class Other:
    """A penalty from outside of the package."""

    l1: Any
    l2: Any
    smooth: ClassVar[bool] = False


class Leaf(Other):
    pass


@pytree
class Nonsmooth(Other):
    smooth = True


@pytree
@dataclass(frozen=True)
class Shapeless:
    """A matrix from outside of the package, which lacks more than its product."""

    X: Any

    def __rmatmul__(self, left):
        return left @ self.X


class Sparse:
    """As a scipy.sparse matrix looks to NumPy."""

    def toarray(self):
        return X


BAD = {
    "X the wrong way round": (dict(X=X.T), r"Y has shape \(1, 200\).*did you mean X\.T\?"),
    "X of one dimension": (dict(X=X[0]), r"X has shape \(200,\).*X\.reshape\(1, -1\)"),
    "a matrix without a shape": (
        dict(X=Shapeless(X)),
        r"X is a Shapeless, which has no shape: expected .*: give its class a `shape`",
    ),
    "X of three dimensions": (dict(X=X[None]), r"X has shape \(1, 5, 200\): expected \(n, m\)"),
    "no examples": (dict(X=X[:, :0], Y=[]), r"X has shape \(5, 0\), no examples"),
    "no features": (dict(X=X[:0]), r"X has shape \(0, 200\), no features"),
    "X of text": (dict(X=X.astype(str)), r"X is .* dtype <U.*expected real numbers"),
    "X complex": (dict(X=X + 1j), r"X is .* dtype complex128: expected real numbers"),
    "X sparse": (dict(X=Sparse()), r"X is a Sparse .*pass X\.toarray\(\)"),
    "NaN": (dict(X=NAN), r"X\[2, 3\] is nan \(feature 2, example 3\)"),
    "infinity": (dict(X=INF), r"X\[1, 3\] is -inf \(feature 1, example 3\)"),
    "NaN in a jax array": (dict(X=jnp.asarray(NAN, "float32")), r"X\[2, 3\] is nan"),
    "NaN where n > m": (dict(X=NAN[:, :4].repeat(2, axis=0), Y=[0, 1, 0, 1]), r"X\[4, 3\] is nan"),
    "scale 1e30": (dict(X=scaled(1e30)), r"X\[1\] has entries of at most .*: scale feature 1, or"),
    "scale 1e-30": (dict(X=scaled(1e-30)), r"X\[1\] has entries of .*, or pass dtype='float64'"),
    "sparse scale": (dict(X=csr_matrix(scaled(1e30))), r"X\[1\] has entries of at most"),
    "wide scale": (dict(X=scaled(1e30)[:, :2], Y=[0, 1]), r"X\[1\] has entries of at most"),
    "float64 scale": (dict(X=scaled(1e200), dtype="float64"), r"X\[1\] .*: scale feature 1$"),
    "too large for float32": (dict(X=X * 1e300), r"X\[0, 0\] is .*e\+.*pass dtype='float64'"),
    "Y too short": (dict(Y=Y[:, :-1]), r"Y has shape \(1, 199\): expected \(200,\), \(1, 200\)"),
    "Y upright": (dict(Y=Y.T), r"Y has shape \(200, 1\).*did you mean Y\.T\?"),
    "rows not one-hot": (dict(Y=np.vstack([Y, Y])), r"Y\[:, 0\] sums to 0: .*family='binomial'"),
    "labels 1 and 2 in a row": (dict(Y=Y + 1), r"Y\[0, 0\] is 1|Y\[0, 1\] is 2: .*shape \(200,\)"),
    "measurements": (dict(Y=Y[0] + 0.5), r"Y\[0\] is 0\.5: expected classes.*Y > 0\.5"),
    "a class an example": (
        dict(Y=np.arange(200)),
        r"Y holds 200 different values, 0, 1, 2, 3, 4, ",
    ),
    "three classes, binomial": (
        dict(Y=np.arange(200) % 3, family="binomial"),
        r"Y holds 3 classes, 0, 1, 2: .*pass family='multinomial'",
    ),
    "labels of two kinds": (dict(Y=np.array(["a", 1] * 100, object)), r"Y mixes labels"),
    "labels missing": (dict(Y=np.array(["a", None] * 100, object)), r"Y\[1\] is None"),
    "labels complex": (dict(Y=Y[0] + 1j), r"Y has dtype complex128: expected labels"),
    "text in rows": (
        dict(Y=Y.astype(str)),
        r"Y has 1 rows of <U.*: expected rows of 0 and 1, or .*\(200,\)",
    ),
    "a label NaN": (dict(Y=np.where(np.arange(200) == 9, np.nan, Y[0])), r"Y\[9\] is nan"),
    "one class": (dict(Y=Y[0] * 0), r"Y is 0\.0 for every example: expected at least two"),
    "one class in a row": (dict(Y=Y * 0), r"class 1 has no examples: "),
    "one class weighted": (dict(s=1 - Y), r"class 1 has no examples where s > 0"),
    "an empty class": (
        dict(Y=np.eye(3)[:, np.arange(200) % 2]),
        r"class 2 has no examples: .*some of 0, 1",
    ),
    "a target alike": (
        dict(Y=np.vstack([Y, 0 * Y]), family="binomial"),
        r"Y\[1\] is the same for every example",
    ),
    "family": (dict(family="poisson"), r"family is 'poisson': expected 'auto', 'binomial'"),
    "penalty a word": (dict(penalty="l2"), r"penalty is 'l2': expected None, L2\(strength\)"),
    "penalty a class": (dict(penalty=L2), r"penalty is a L2 class: expected None, L2\(strength\)"),
    "penalty negative": (dict(penalty=L1(-0.1)), r"L1\.strength is -0\.1: expected a finite"),
    "penalty NaN": (dict(penalty=L2(float("nan"))), r"L2\.strength is nan: expected a finite"),
    "penalty text": (dict(penalty=L2("big")), r"L2\.strength is 'big': expected a number"),
    "l1_ratio": (dict(penalty=ElasticNet(1, 1.5)), r"ElasticNet\.l1_ratio is 1\.5: .*from 0 to 1"),
    "factors": (dict(penalty=L2(1, [1, 2])), r"L2\.factors has shape \(2,\): expected \(5,\)"),
    "factors negative": (
        dict(penalty=L2(1, [1, 1, -2, 1, 1])),
        r"L2\.factors\[2\] is -2: expected finite numbers, 0 \(unpenalised\) or larger",
    ),
    "penalty no pytree": (
        dict(penalty=Leaf(0.0, 1.0)),
        r"penalty is a Leaf, a class .*: expected a pytree: decorate it with jax_logreg\.pytree",
    ),
    "coefficient negative": (
        dict(penalty=Other(-1.0, 1.0)),
        r"Other\.l1 is from -1.*expected a finite",
    ),
    "coefficients of a shape": (dict(penalty=Other(0.0, np.ones(5))), r"Other\.l2 is .*\(5, 1\)"),
    "a nonsmooth penalty that is smooth": (
        dict(penalty=Nonsmooth(1.0, 1.0)),
        r"Nonsmooth\.l1 is .*needs smooth = False",
    ),
    "L1 by Newton": (
        dict(penalty=L1(0.1), solver="newton"),
        r"solver Newton cannot take the penalty L1.*Proximal\(\) or 'auto'",
    ),
    "L1 by gradient descent": (
        dict(penalty=L1(0.1), solver=GradientDescent(0.1)),
        r"solver GradientDescent cannot take the penalty L1",
    ),
    "class_weight": (dict(class_weight="equal"), r"class_weight is 'equal': expected 'balanced'"),
    "class_weight of no class": (dict(class_weight={7: 2.0}), r"class_weight names 7, which is no"),
    "class_weight negative": (dict(class_weight={0: -2.0}), r"class_weight is .*positive finite"),
    "class_weight of targets": (
        dict(Y=np.vstack([Y, 1 - Y]), family="binomial", class_weight="balanced"),
        r"class_weight is ambiguous with several targets.*: expected None: pass s",
    ),
    "fit_intercept": (dict(fit_intercept="no"), r"fit_intercept is 'no': expected True or False"),
    "refine": (dict(refine=2), r"refine is 2: expected True or False"),
    "sharpen": (dict(sharpen="yes"), r"sharpen is 'yes': expected True or False"),
    "sparse NaN": (dict(X=csr_matrix(NAN)), r"X\[2, 3\] is nan \(feature 2, example 3\)"),
    "no weight": (dict(s=0 * Y), r"s is 0 everywhere"),
    "negative weight": (dict(s=np.where(np.arange(200) == 4, -1, 1)), r"s\[0, 4\] is -1"),
    "weights NaN": (dict(s=np.full(200, np.nan)), r"s\[0, 0\] is nan"),
    "weights too short": (dict(s=[1, 2]), r"s has shape \(2,\): expected \(200,\)"),
    "steps negative": (dict(steps=-1), r"steps is -1: expected an integer"),
    "steps a fraction": (dict(steps=1.5), r"steps is 1\.5: expected an integer"),
    "steps a bool": (dict(steps=True), r"steps is True: expected an integer"),
    "tolerance negative": (dict(tolerance=-1e-3), r"tolerance is -0\.001: expected"),
    "tolerance NaN": (dict(tolerance=float("nan")), r"tolerance is nan: expected"),
    "tolerance text": (dict(tolerance="low"), r"tolerance is 'low': expected"),
    "gradient_check unknown": (dict(gradient_check="end"), r"gradient_check is 'end': .*'ends'"),
    "gradient_check zero": (dict(gradient_check=0), r"gradient_check is 0: expected"),
    "dtype": (dict(dtype="float16"), r"dtype is 'float16': expected 'float32' or 'float64'"),
    "dtype nonsense": (dict(dtype="single please"), r"dtype is 'single please'"),
    "device": (dict(device="abacus"), r"device is 'abacus', but this JAX sees cpu only"),
    "device of another kind": (dict(device=[0]), r"device is \[0\], but .*or a jax\.Device"),
    "tpu": (dict(device="tpu"), r"device is 'tpu', .*jax_logreg\[tpu\]"),
    "gpu": (dict(device="gpu"), r"device is 'gpu', .*jax_logreg\[cuda13\]"),
    "optax bare": (dict(solver=optax.adam(0.1)), r"solver is a .*goes into Optax\(\.\.\.\)"),
    "solver unknown": (dict(solver="sag"), r"solver is 'sag': expected 'auto'"),
    "solver a class": (dict(solver=GradientDescent), r"solver is a GradientDescent class"),
    "params shape": (
        dict(params=Params(np.zeros((4, 1)), np.zeros((1, 1)))),
        r"params\.w .*\(4, 1",
    ),
    "params NaN": (dict(params=Params(np.zeros((5, 1)), np.array([[np.nan]]))), r"params\.b holds"),
    "params a dict": (dict(params={"w": 0}), r"params is {'w': 0}: expected Params\(w, b\)"),
}


@pytest.mark.parametrize("case", BAD)
def test_one_line_says_what_came_and_what_was_expected(case, compilations):
    arguments, pattern = BAD[case]
    arguments = {"X": X, "Y": Y, **arguments}
    with pytest.raises(ValueError) as caught:
        fit(**arguments)
    message = str(caught.value)
    assert "\n" not in message
    assert re.search(pattern, message), message


@pytest.mark.parametrize("rate", [0, -1.0, float("nan"), float("inf"), "fast", True])
def test_a_learning_rate_is_a_positive_number(rate):
    with pytest.raises(ValueError, match=r"learning_rate is .*GradientDescent\(0\.1\)"):
        GradientDescent(rate)


def test_optax_wants_a_transformation():
    with pytest.raises(ValueError, match=r"Optax\(0\.1\): expected an optax transformation"):
        Optax(0.1)


@pytest.mark.parametrize("asked", ["cuda", "abacus"])
def test_a_platform_that_is_not_there_is_named(asked, tmp_path):
    """Whatever JAX raises, an assertion without a word among it."""
    code = (
        "from jax_logreg import fit\n"
        "try: fit([[1.0, 2.0, 3.0]], [0, 1, 0])\n"
        "except ValueError as error: print(error)\n"
        "from jax_logreg.cli.app import app\n"
        "app(prog_name='jax-logreg')\n"
    )
    config = Path(__file__).parents[2] / "configs" / "quickstart.toml"
    done = subprocess.run(
        [sys.executable, "-c", code, "run", config],
        cwd=tmp_path,
        env={**os.environ, "JAX_PLATFORMS": asked},
        capture_output=True,
        text=True,
    )
    line = f"JAX_PLATFORMS is '{asked}', but JAX finds no such device: unset it, or set it to 'cpu'"
    assert line in done.stdout and line in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr and done.returncode == 2
