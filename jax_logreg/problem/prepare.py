"""A problem: the arguments of a fit checked and encoded once, and placed in a dtype."""

from collections.abc import Sequence
from typing import NamedTuple, TypedDict, Unpack

import jax
import numpy as np

from jax_logreg.arrays import as_array, is_numpy
from jax_logreg.errors.checks import check_flag
from jax_logreg.errors.describing import describe
from jax_logreg.hosts import agree, together
from jax_logreg.logistic import Batch, Family, Params
from jax_logreg.matrix import GivenX, arrange_for_numpy
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
from jax_logreg.problem.parts import check_placed, encode_part, name_type, weigh_part
from jax_logreg.problem.penalty_arguments import check_penalty
from jax_logreg.problem.placing import Beside, Place, cast, find_place, hand_over, spread_out
from jax_logreg.problem.weights import rescaled, weigh
from jax_logreg.shapes import Array, Float, Shaped


class Given(NamedTuple):
    """The valid arguments of a fit in NumPy, before they are placed; X is as it came.

    Of several hosts Y (k, m) and s (1, m) are those of the examples here. The start holds
    w (n, k) and b (k, 1), `names` are those of the n features, and `models` are fitted.
    """

    X: GivenX
    Y: Shaped[np.ndarray, "k m"]
    s: Float[np.ndarray, "1 m"]
    penalty: Penalty | None
    start: tuple[Float[Array, "n k"], Float[Array, "k 1"]]
    family: Family
    intercept: bool
    classes: tuple[object, ...]
    n: int
    m: int
    names: Sequence[str] | None
    models: int


class Problem(NamedTuple):
    """The arguments of a fit, placed: the objective, the start, and the classes of Y.

    Where devices share the examples, the batch may have more than m of them, of weight 0. Where
    devices share the features, batch and parameters may have more than n of them, all 0. `names`
    are those of the features, if they have any.
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
    def labels(self) -> Float[np.ndarray, "k m"]:
        """Y (k, m) in NumPy."""
        return np.asarray(self.objective.batch.Y)[:, : self.m]

    @property
    def dtype(self) -> str:
        """The dtype of all arrays."""
        return str(self.objective.batch.s.dtype)

    @property
    def executor(self) -> str:
        """The library that computes: "numpy" or "xla"."""
        return "numpy" if is_numpy(self.objective.batch.s) else "xla"

    def at(self, dtype: str, params: Params) -> "Problem":
        """Return the problem in a dtype, from other parameters; X is not moved without need."""
        if dtype == self.dtype and self.place.mesh is None:
            return self._replace(params=params)
        w, b = (as_array(np.asarray(part)) for part in params)
        with jax.enable_x64(dtype == "float64"):
            return put(self.given._replace(start=(w, b)), self.place, dtype)

    def place_rows(self, rows: object) -> Float[Array, "r m"]:
        """Return rows (r, m) of weights, rescaled and placed as those of the batch."""
        return place_beside(rescaled(np.asarray(rows, np.float64)), self.objective.batch.s)


class Own(TypedDict, total=False):
    """Arguments that fits of some kinds have beside X, Y and the options of all.

    `names` are those of the features in messages, by default those of a data frame. `one_model`
    allows devices to share the features, and hosts to share the examples. `executor` is "numpy",
    "auto", or "xla", the default. `models` is the number of fits, by default 1.
    """

    penalty: object
    params: object
    names: object
    one_model: bool
    executor: str
    models: int


def prepare(
    X: object,
    Y: object,
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
    X: object,
    Y: object,
    options: Options,
    place: Place,
    **own: Unpack[Own],
) -> Given:
    """Return the arguments as `prepare` places them: valid, labels and weights encoded."""
    names = names_within(X) if own.get("names") is None else own.get("names")
    over = place.over_hosts
    s, class_weight, fit_intercept = options["s"], options["class_weight"], options["fit_intercept"]
    family, dtype = options["family"], options["dtype"]

    def look() -> tuple[str, GivenX]:
        # Its type first: what reads a list makes an array of it.
        return name_type(X) if over else "", look_at(X, fewest=0 if over else 1)

    seen: tuple[str, GivenX] = together(look) if over else look()
    type_name, features = seen
    n, m = features.shape
    if over:
        same: dict[str, object] = {"the type of X": type_name, "the number of features": n}
        agree(**same, family=family, dtype=dtype, class_weight=class_weight)
        rows, kind, classes = encode_part(Y, n, m, family)
        weights = weigh_part(s, class_weight, rows, kind, classes)
    else:
        rows, kind, classes = encode(Y, n, m, family)
        # A penalised fit without an intercept has an optimum even where a class has no example.
        bounded = own.get("penalty") is not None and isinstance(fit_intercept, bool | np.bool_)
        may_lack = bounded and not fit_intercept
        weights = weigh(s, class_weight, rows, kind, classes, may_lack=may_lack)
    names = check_names(names, n)
    penalty = check_penalty(own.get("penalty"), n)
    check_flag("fit_intercept", fit_intercept)
    start = check_start(own.get("params"), n, len(rows))
    if over:
        same = {"penalty": penalty, "fit_intercept": fit_intercept}
        same["params"] = tuple(np.asarray(part, dtype) for part in start)
        agree(**{name: describe(value) for name, value in same.items()})
    intercept = bool(fit_intercept)
    models = own.get("models", 1)
    found = (features, rows, weights, penalty, start, kind, intercept, classes, n, m, names)
    return Given(*found, models)


def put(given: Given, place: Place, dtype: str) -> Problem:
    """Return valid arguments on their devices in the dtype.

    Raises:
        ValueError: a number that the dtype cannot hold, or an entry of X that it cannot compute
            with.
    """
    Y, s = (as_array(np.asarray(rows, dtype)) for rows in (given.Y, given.s))
    penalty, start = cast("penalty", given.penalty, dtype), cast("params", given.start, dtype)
    rest = Beside(Y, s, penalty, *start)
    shape = given.n, given.m, len(given.Y)
    smooth = given.penalty is None or given.penalty.smooth
    if computes_in_numpy(given.X, shape, given.family, place, given.models, smooth):
        X = arrange_for_numpy(given.X, dtype)
    elif place.mesh is None:
        X, rest = hand_over(given.X, rest, dtype, place.device)
    else:
        X, rest = spread_out(given.X, rest, dtype, place.mesh)
    check_placed(given.X, X, dtype, given.names, place.over_hosts)
    batch, params = Batch(X, rest.Y, rest.s), Params(rest.w, rest.b)
    objective = Objective(batch, rest.penalty, given.family, given.intercept)
    own = given._replace(start=start)
    return Problem(objective, params, given.classes, given.n, given.m, own, place, given.names)
