"""A problem: the arguments of a fit checked and encoded once, and placed in a dtype."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypedDict, Unpack

import jax
import numpy as np
from jax import Array

from jax_logreg.arrays import is_numpy
from jax_logreg.errors.checks import check_flag
from jax_logreg.errors.describing import describe
from jax_logreg.hosts import agree, together
from jax_logreg.logistic import Batch, Family, Params
from jax_logreg.objective import Objective
from jax_logreg.penalty import Penalty
from jax_logreg.placement.devices import place_beside
from jax_logreg.problem.arguments import (
    check_names,
    check_start,
    look_at,
    names_within,
)
from jax_logreg.problem.executor import computes_in_numpy
from jax_logreg.problem.labels import encode
from jax_logreg.problem.options import Options
from jax_logreg.problem.parts import encode_part, name_type, weigh_part
from jax_logreg.problem.penalty_arguments import check_penalty
from jax_logreg.problem.placing import Place, cast, find_place, hand_over, keep, spread_out
from jax_logreg.problem.weights import rescaled, weigh


class Given(NamedTuple):
    """The arguments of a fit on the host, valid, before they are placed: X as it came, Y (k, m) and
    s (1, m) of the examples that are here, the penalty, and the start.

    `names` are those of the n features.
    """

    X: Any
    Y: np.ndarray
    s: np.ndarray
    penalty: Penalty | None
    start: tuple[np.ndarray, np.ndarray]
    family: Family
    intercept: bool
    classes: tuple[object, ...]
    n: int
    m: int
    names: Sequence[str] | None


class Problem(NamedTuple):
    """The arguments of a fit, placed: what to minimise, where to start, and the classes of Y.

    The objective's batch may have more than the m examples, of weight 0, where devices share them;
    or more than the n features, all 0, and so may the parameters. `names` are those of the
    features, where they have some.
    """

    objective: Objective
    params: Params
    classes: tuple[object, ...]
    n: int
    m: int
    given: Given
    place: Place
    names: Sequence[str] | None = None

    @property
    def labels(self) -> np.ndarray:
        """Y (k, m) in NumPy."""
        return np.asarray(self.objective.batch.Y)[:, : self.m]

    @property
    def dtype(self) -> str:
        """The dtype that all is placed in."""
        return str(self.objective.batch.s.dtype)

    @property
    def executor(self) -> str:
        """The library that computes: "numpy" or "xla"."""
        return "numpy" if is_numpy(self.objective.batch.s) else "xla"

    def at(self, dtype: str, params: Params) -> "Problem":
        """The same in a dtype, from other parameters; X stays where it is in that dtype already."""
        if dtype == self.dtype and self.place.mesh is None:
            return self._replace(params=params)
        w, b = (np.asarray(part) for part in params)
        with jax.enable_x64(dtype == "float64"):
            return put(self.given._replace(start=(w, b)), self.place, dtype)

    def place_rows(self, rows: object) -> Array:
        """Rows (r, m) of weights, of which only ratios count, placed as those of the batch."""
        return place_beside(rescaled(np.asarray(rows, np.float64)), self.objective.batch.s)


class Own(TypedDict, total=False):
    """Arguments that fits of some kinds have beside X, Y and the options of all.

    `names` are those of the features, for messages; by default those that a data frame has.
    `one_model` says that devices may share the features, and hosts the examples. `executor` is
    "numpy", "auto", or "xla", the default.
    """

    penalty: Any
    params: Any
    names: Any
    one_model: bool
    executor: str


def prepare(
    X: Any,
    Y: Any,
    options: Options,
    **own: Unpack[Own],
) -> Problem:
    """Return X, labels, weights, penalty and start, valid and on their devices in the dtype.

    Raises:
        ValueError: the argument, what came, what was expected, and the likely mend.
    """
    with jax.enable_x64(options["dtype"] == "float64"):
        alone, executor = own.get("one_model", False), own.get("executor", "xla")
        place = find_place(options["devices"], options["device"], alone, executor)
        return put(check(X, Y, options, place, **own), place, options["dtype"])


def check(
    X: Any,
    Y: Any,
    options: Options,
    place: Place,
    **own: Unpack[Own],
) -> Given:
    """Return the arguments as `prepare` places them: valid, labels and weights encoded."""
    penalty, params, names = own.get("penalty"), own.get("params"), own.get("names")
    names = names_within(X) if names is None else names
    over = place.over_hosts
    s, class_weight, fit_intercept = (
        options[name] for name in ("s", "class_weight", "fit_intercept")
    )
    family, dtype = options["family"], options["dtype"]

    def look(X: Any = X) -> Any:
        # Its type first: what reads a list makes an array of it.
        return name_type(X) if over else "", look_at(X, fewest=0 if over else 1)

    type_name, (X, (n, m)) = together(look) if over else look()
    if over:
        same = {"the type of X": type_name, "the number of features": n}
        agree(**same, family=family, dtype=dtype, class_weight=class_weight)
        Y, kind, classes = encode_part(Y, n, m, family)
        s = weigh_part(s, class_weight, Y, kind, classes)
    else:
        Y, kind, classes = encode(Y, n, m, family)
        # A penalised fit without an intercept has an optimum even where a class has no example.
        bounded = penalty is not None and isinstance(fit_intercept, bool | np.bool_)
        s = weigh(s, class_weight, Y, kind, classes, may_lack=bounded and not fit_intercept)
    check_names(names, n)
    penalty = check_penalty(penalty, n)
    check_flag("fit_intercept", fit_intercept)
    w, b = check_start(params, n, len(Y))
    start = np.asarray(w), np.asarray(b)
    if over:
        same = {"penalty": penalty, "fit_intercept": fit_intercept}
        same["params"] = tuple(np.asarray(part, dtype) for part in start)
        agree(**{name: describe(value) for name, value in same.items()})
    intercept = bool(fit_intercept)
    return Given(X, Y, s, penalty, start, kind, intercept, classes, n, m, names)


def put(given: Given, place: Place, dtype: str) -> Problem:
    """Return valid arguments on their devices in the dtype.

    Raises:
        ValueError: a number that the dtype cannot hold, an entry of X that it cannot compute with.
    """
    Y, s = (np.asarray(rows, dtype) for rows in (given.Y, given.s))
    penalty, start = cast("penalty", given.penalty, dtype), cast("params", given.start, dtype)
    rest = (Y, s, penalty, *start)
    labels = given.m * len(given.Y)
    if computes_in_numpy(given.X, labels, given.family, given.penalty, place):
        X, rest = keep(given.X, rest, dtype, given.names)
    elif place.mesh is None:
        X, rest = hand_over(given.X, rest, dtype, place.device, given.names)
    else:
        X, rest = spread_out(given.X, rest, dtype, place.mesh, given.names)
    Y, s, penalty, w, b = rest
    objective = Objective(Batch(X, Y, s), penalty, given.family, given.intercept)
    own = given._replace(start=start)
    return Problem(
        objective, Params(w, b), given.classes, given.n, given.m, own, place, given.names
    )
