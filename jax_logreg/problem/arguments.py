"""The arguments of a fit: refused with one clear line, or placed on their device."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array
from jax.sharding import Mesh

from jax_logreg.errors import InputError, brief
from jax_logreg.errors.checks import check_flag
from jax_logreg.errors.describing import describe
from jax_logreg.errors.wording import names_within
from jax_logreg.hosts import agree, together
from jax_logreg.logistic import Batch, Params
from jax_logreg.matrix import arrange, is_array
from jax_logreg.objective import Objective
from jax_logreg.penalty import Penalty
from jax_logreg.placement.devices import (
    make_mesh,
    over_hosts,
    place_beside,
    replicate,
    shares_features,
    spread,
    spread_features,
)
from jax_logreg.problem.entries import FEW, check_entries, find_extremes
from jax_logreg.problem.labels import encode
from jax_logreg.problem.parts import agree_on_arguments, check_parts, encode_part, weigh_part
from jax_logreg.problem.penalty_arguments import check_penalty, real_numbers
from jax_logreg.problem.weights import rescaled, weigh

_EXTRAS = {"gpu": "cuda13", "cuda": "cuda13", "tpu": "tpu"}


def find_device(device: Any) -> jax.Device | None:
    """The device of that name, the first if there are several; None stands for JAX's own choice."""
    if device is None or isinstance(device, jax.Device):
        return device
    try:
        if isinstance(device, str) and device:
            return jax.devices(device)[0]
        raise TypeError
    except (RuntimeError, TypeError):
        seen = sorted({found.platform for found in jax.devices()})
        mend = "expected 'cpu', 'gpu', 'tpu' or a jax.Device"
        if isinstance(device, str) and device in _EXTRAS:
            mend = f"its JAX plugin comes with pip install 'jax_logreg[{_EXTRAS[device]}]'"
        raise InputError(
            f"device is {brief(device)}, but this JAX sees {', '.join(seen)} only: {mend}"
        ) from None


class Given(NamedTuple):
    """The arguments of a fit on the host, valid, before they are placed: X as it came, Y (k, m) and
    s (1, m) of the examples that are here, the penalty, and the start.
    """

    X: Any
    Y: np.ndarray
    s: np.ndarray
    penalty: Penalty | None
    start: tuple[np.ndarray, np.ndarray]


class Task(NamedTuple):
    """The arguments of a fit, placed: what to minimise, where to start, and the classes of Y.

    The objective's batch may have more than the m examples, of weight 0, where devices share them;
    or more than the n features, all 0, and so may the parameters. `names` are those of the
    features, where they have some.
    """

    objective: Objective
    params: Params
    classes: tuple[Any, ...]
    n: int
    m: int
    given: Given
    names: Sequence[str] | None = None

    @property
    def labels(self) -> np.ndarray:
        """Y (k, m) in NumPy."""
        return np.asarray(self.objective.batch.Y)[:, : self.m]

    def place_rows(self, rows: Any) -> Array:
        """Rows (r, m) of weights, of which only ratios count, placed as those of the batch."""
        return place_beside(rescaled(np.asarray(rows, np.float64)), self.objective.batch.s)


def place_arguments(
    X: Any,
    Y: Any,
    s: Any,
    params: Any,
    dtype: str,
    device: Any,
    family: str = "auto",
    penalty: Any = None,
    class_weight: Any = None,
    fit_intercept: bool = True,
    devices: Any = None,
    one_model: bool = False,
    names: Any = None,
) -> Task:
    """X, labels, weights, penalty and start, valid and on their devices in the dtype.

    `names` are those of the features, for messages; by default those that a data frame has.

    Raises:
        ValueError: the argument, what came, what was expected, and the likely mend.
    """
    names, target = names_within(X) if names is None else names, find_device(device)
    mesh = None if devices is None else make_mesh(devices, target)
    if mesh is not None and shares_features(mesh) and not one_model:
        raise InputError(
            f"devices is {devices!r}, but many models at once share the examples: pass "
            f"devices={devices['features']!r}, or fit them one by one"
        )
    over = mesh is not None and over_hosts(mesh)
    if over and not one_model:
        raise InputError(
            "devices is 'hosts', but many models at once are for one host: pass devices='all', or "
            "fit them one by one"
        )
    if over:
        X, (n, m) = together(lambda: _look_at(X, fewest=0))
        agree_on_arguments(X, n, family=family, dtype=dtype, class_weight=class_weight)
        Y, kind, classes = encode_part(Y, n, m, family)
        s = weigh_part(s, class_weight, Y, kind, classes)
    else:
        X, (n, m) = _look_at(X)
        Y, kind, classes = encode(Y, n, m, family)
        # A penalised fit without an intercept has an optimum even where a class has no example.
        bounded = penalty is not None and isinstance(fit_intercept, bool | np.bool_)
        s = weigh(s, class_weight, Y, kind, classes, may_lack=bounded and not fit_intercept)
    _check_names(names, n)
    penalty = check_penalty(penalty, n)
    check_flag("fit_intercept", fit_intercept)
    w, b = _start(params, n, len(Y))
    given = Given(X, Y, s, penalty, (np.asarray(w, dtype), np.asarray(b, dtype)))
    if over:
        same = {"penalty": penalty, "fit_intercept": fit_intercept, "params": given.start}
        agree(**{name: describe(value) for name, value in same.items()})
    Y, s = (np.asarray(rows, dtype) for rows in (Y, s))
    rest = (Y, s, _cast("penalty", penalty, dtype), *_cast("params", (w, b), dtype))
    if mesh is None:
        X, rest = _hand_over(X, rest, dtype, target, names)
    else:
        X, rest = _spread(X, rest, dtype, mesh, names)
    Y, s, penalty, w, b = rest
    objective = Objective(Batch(X, Y, s), penalty, kind, bool(fit_intercept))
    return Task(objective, Params(w, b), classes, n, m, given, names)


def _hand_over(X: Any, rest: Any, dtype: str, device: jax.Device | None, names: Any) -> Any:
    """X, whose entries are looked at, and the small arrays beside it, on the device.

    Without a name for it a compiled identity takes many small arrays over in the time that
    device_put takes for one, X among them if NumPy has it and it is small.
    """
    take = _identity if device is None else partial(jax.device_put, device=device)
    given, X = X, arrange(X, dtype, device)
    leaves = jax.tree.leaves(X)
    few = all(isinstance(a, np.ndarray) for a in leaves) and sum(a.size for a in leaves) <= FEW
    if few and device is None:
        X, rest = take((X, rest))
    else:
        X, rest = jax.device_put(X, device), take(rest)
    check_entries(given, find_extremes(given, X, dtype), dtype, names)
    return X, rest


def _spread(X: Any, rest: Any, dtype: str, mesh: Mesh, names: Any) -> tuple[Any, Any]:
    """As `_hand_over`, X and what goes with its examples, or features, in parts over the mesh."""
    if shares_features(mesh):
        Y, s, penalty, w, b = rest
        placed, penalty, w = spread_features(X, penalty, w, dtype, mesh)
        rest = (*replicate((Y, s), mesh), penalty, w, replicate(b, mesh))
    else:
        Y, s, *others = rest
        placed, Y, s = spread(X, Y, s, dtype, mesh)
        rest = (Y, s, *replicate(others, mesh))
    if over_hosts(mesh):
        check_parts(X, placed, dtype, names)
    else:
        check_entries(X, find_extremes(X, placed, dtype), dtype, names)
    return placed, rest


@jax.jit
def _identity(values: Any) -> Any:
    return values


def _cast(name: str, tree: Any, dtype: str) -> Any:
    """The numbers in the dtype; what is beyond it is an InputError."""
    with np.errstate(over="ignore"):
        cast = jax.tree.map(lambda value: np.asarray(value, dtype), tree)
    if not all(np.all(np.isfinite(part)) for part in jax.tree.leaves(cast)):
        raise InputError(
            f"{name} has a number that {dtype} cannot hold: expected smaller ones, or "
            "dtype='float64'"
        )
    return cast


def _look_at(X: Any, fewest: int = 1) -> tuple[Any, tuple[int, int]]:
    """X of numbers, and its shape."""
    if is_array(X) and not hasattr(X, "tocsr"):
        X = real_numbers("X", X)
    return X, _check_shape(X, fewest)


def _check_shape(X: Any, fewest: int) -> tuple[int, int]:
    if len(X.shape) != 2:
        mend = ": one feature is X.reshape(1, -1)" if len(X.shape) == 1 else ""
        raise InputError(
            f"X has shape {X.shape}: expected (n, m), features x examples in columns{mend}"
        )
    n, m = X.shape
    if n == 0 or m < fewest:
        empty = "no features" if n == 0 else "no examples"
        raise InputError(f"X has shape ({n}, {m}), {empty}: expected (n, m), both at least 1")
    return n, m


def _check_names(names: Any, n: int) -> None:
    if names is None:
        return
    if not _are_names(names):
        raise InputError(f"feature_names is {brief(names)}: expected a list of names")
    if len(names) != n:
        raise InputError(
            f"feature_names has {len(names)} names: expected {n}, one for each row of X"
        )


def _are_names(names: Any) -> bool:
    """Whether each entry of a list or an array stands for a name: a text or a number."""
    if isinstance(names, str | bytes) or getattr(names, "shape", (0,)) == ():
        return False
    if not isinstance(names, Sequence | np.ndarray) and not hasattr(names, "to_list"):
        return False
    return all(isinstance(one, str | int | float | np.integer) for one in names)


def _start(params: Any, n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    if params is None:
        return np.zeros((n, k)), np.zeros((k, 1))
    if not (isinstance(params, tuple) and len(params) == 2):
        raise InputError(
            f"params is {brief(params)}: expected Params(w, b) of shapes ({n}, {k}) and ({k}, 1)"
        )
    for name, part, shape in zip("wb", params, ((n, k), (k, 1)), strict=True):
        part = np.asarray(real_numbers(f"params.{name}", part))
        if part.shape != shape:
            raise InputError(f"params.{name} has shape {part.shape}: expected {shape}")
        if not np.all(np.isfinite(part)):
            raise InputError(f"params.{name} holds NaN or infinity: expected finite numbers")
    return params
