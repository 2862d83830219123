"""The printed form of results: short, without arrays, safe in HTML, possible in a trace."""

import re
from html.parser import HTMLParser

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import tree_util

import jax_logreg
from jax_logreg import (
    L2,
    Batch,
    GradientDescent,
    Newton,
    Params,
    Progress,
    Status,
    evaluation,
    fit,
    solve,
    sweep,
)
from jax_logreg.data import Reading, Scaling
from jax_logreg.display import count, shorten, show
from jax_logreg.evaluation import calibration, roc
from jax_logreg.model import Model
from jax_logreg.sweep import Bootstrap, Interval, cross_validate, fit_many, path

N, M = 300, 60
LONGEST = 420
# Nothing that comes from data may act in a page.
EVIL = "<script>alert(1)</script>&\"'\n\x1b[2J"


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, M)).astype(np.float32)
    return X, np.where(X[0] + rng.normal(size=M) > 0, EVIL, "no")


@pytest.fixture(scope="module")
def everything(problem):
    X, Y = problem
    result = fit(X, Y, penalty=L2(0.1))
    lecture = fit(X, Y, penalty=L2(0.1), solver=GradientDescent(0.1), steps=200, tolerance=0)
    chosen = cross_validate(X, Y, strengths=np.geomspace(1, 1e-2, 30), folds=3)
    found = {
        "result": result,
        "certificate": result.certificate,
        "history": lecture.history,
        "fits": fit_many(X, Y, penalty=L2(np.geomspace(1, 0.1, 40))),
        "cross_validation": chosen,
        "path": path(X, Y, strengths=4, penalty=L2),
        "progress": Progress(3, 10, 0.5, 0.1, lecture.history, result.params),
        "model": Model(
            result.params,
            result.classes,
            tuple(f"{EVIL} {i}" for i in range(N)),
            Scaling(np.zeros(N), np.ones(N)),
            Reading(),
        ),
    }
    models = found["fits"]
    ends = Interval(*(Params(*(part[i] for part in models.params)) for i in (0, 1)))
    found["bootstrap"] = Bootstrap(result, models, ends, Interval(X, X))
    found["interval"], found["many_certificates"] = ends, models.certificate
    found["check"] = result.gradient_check
    A, truth = X[:1] / 20 + 0.5, Y == "no"
    found["roc"], found["calibration"] = roc(truth, A[0]), calibration(truth, A[0])
    return found


NAMES = ["result", "certificate", "history", "fits", "cross_validation", "path", "bootstrap"]
NAMES += ["progress", "model", "many_certificates", "interval", "check", "roc", "calibration"]


class Cells(HTMLParser):
    """The tags of a page, and the text of its cells."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


@pytest.mark.parametrize("name", NAMES)
def test_repr_is_a_short_line_without_arrays(everything, name):
    line = repr(everything[name])
    assert len(line) <= LONGEST and line.isprintable()
    assert line.startswith(type(everything[name]).__name__ + "(") and line.endswith(")")
    assert "rray(" not in line and line.count(".") < 40
    assert str(everything[name]) == line


# Small ones, and those that callers compute with.
AS_THEY_ARE = {"Params", "Batch", "Measures", "Threshold", "Intervals"}


@pytest.mark.parametrize("module", [jax_logreg, sweep, evaluation], ids=lambda m: m.__name__)
def test_every_public_record_of_arrays_is_displayed(module):
    public = (getattr(module, name) for name in module.__all__)
    records = [one for one in public if isinstance(one, type) and hasattr(one, "_fields")]
    assert records
    plain = {one.__name__ for one in records if not hasattr(one, "_repr_html_")}
    assert plain <= AS_THEY_ARE


@pytest.mark.parametrize("name", NAMES)
def test_html_is_one_small_escaped_table(everything, name):
    page = everything[name]._repr_html_()
    assert len(page) < 8000 and "rray(" not in page
    cells = Cells(page)
    assert set(cells.tags) <= {"table", "caption", "tr", "th", "td"}
    assert cells.tags.count("table") == 1 and cells.tags.count("tr") >= 2
    assert all(text.replace("\n", "").isprintable() for text in cells.texts)


def test_names_of_classes_and_features_are_seen_escaped(everything):
    for name in ("result", "model"):
        page = everything[name]._repr_html_()
        assert "<script" not in page and "&lt;script" in page


def test_lines_say_what_matters(everything):
    result = repr(everything["result"])
    assert "status=converged" in result and f"w=float32[{N}, 1]" in result
    assert re.search(r"cost=0\.\d{1,4},", result) and "steps=" in result
    assert "status=40 converged" in repr(everything["fits"])
    chosen = everything["cross_validation"]
    assert f"best={chosen.mean[chosen.best]:.4g} ±" in repr(chosen)
    assert "fold_models=90 converged" in repr(chosen)
    page = Cells(chosen._repr_html_())
    assert page.texts.count(f"mean score of number {chosen.best}") == 1
    assert sum(text.startswith("mean score") for text in page.texts) == 20
    assert "features=('<script>" in repr(everything["model"])
    assert f"{N - 3} more" in everything["model"]._repr_html_()


def test_tables_of_sweeps_grow_with_no_model(everything):
    fits = everything["fits"]
    many = fits.part(np.arange(40).repeat(50))
    assert len(many.steps) == 2000
    assert len(repr(many)) <= len(repr(fits)) + 20
    assert len(many._repr_html_()) <= len(fits._repr_html_()) + 100


def small_batch():
    X = jnp.asarray(np.random.default_rng(1).normal(size=(3, 20)), jnp.float32)
    return Batch(X, (X[:1] > 0).astype(jnp.float32), jnp.ones((1, 20), jnp.float32))


START = Params(jnp.zeros((3, 1)), jnp.zeros((1, 1)))


def test_in_a_trace_shapes_are_shown():
    seen = []

    @jax.jit
    def train(strength):
        found = solve(START, small_batch(), solver=Newton(), steps=5, penalty=L2(strength))
        seen.extend([repr(found), found._repr_html_(), repr(found.certificate)])
        return found

    with jax.checking_leaks():
        concrete = train(0.1)
    assert "status=int32[]" in seen[0] and "cost=float32[]" in seen[0]
    assert "w=float32[3, 1]" in seen[0] and "int32[]" in seen[1]
    assert "gap=float32[]" in seen[2]
    assert "status=converged" in repr(concrete) or "status=steps exhausted" in repr(concrete)
    outlined = jax.eval_shape(train, 0.1)
    assert "cost=float32[]" in repr(outlined)


def test_of_many_models_ranges_are_shown():
    solver = GradientDescent(0.1)

    def train(strength):
        return solve(START, small_batch(), solver=solver, steps=4, penalty=L2(strength))

    many = jax.jit(jax.vmap(train))(jnp.array([0.1, 1.0, 10.0]))
    line = repr(many)
    assert "status=3 steps exhausted" in line and "w=float32[3, 3, 1]" in line
    assert re.search(r"cost=float32\[3\] 0\.\d+ to 0\.\d+", line)
    assert len(line) <= LONGEST and "table" in many._repr_html_()


def test_trees_filled_with_anything_are_printed(everything):
    for name in NAMES:
        for filling in (None, object(), "x" * 10_000, jnp.array([1, 2])[:0]):
            tree = tree_util.tree_map(lambda _, leaf=filling: leaf, everything[name])
            assert len(repr(tree)) <= LONGEST
            if hasattr(tree, "_repr_html_"):
                assert len(tree._repr_html_()) < 20_000


def test_given_away_arrays_are_outlined(everything):
    certificate = everything["certificate"]._replace(cost=jnp.ones(3) * 2)
    certificate.cost.delete()
    assert "cost=float32[3]" in repr(certificate)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "nan"),
        (np.float32("inf"), "inf"),
        (jnp.float32(0.05727), "0.05727"),
        (jnp.int32(7), "7"),
        (10**5000, "a very long integer"),
        (True, "True"),
        (np.array([1.0, np.nan, 3.0]), "float64[3] 1 to 3 1 nan"),
        (np.full(3, np.nan), "float64[3] 3 nan"),
        (np.full((2, 2), 5), "int64[2, 2] 5"),
        (np.array([-np.inf, 1]), "float64[2] -inf to 1"),
        (np.array([True, False]), "bool[2] 1 true"),
        (np.array([]), "float64[0]"),
        (np.array(["a", "b"]), "<U1[2]"),
        (jnp.arange(3, dtype=jnp.bfloat16), "bfloat16[3] 0 to 2"),
        (np.zeros(2**17), "float64[131072]"),
        ((), "()"),
        ((0, 1, 2, 3, 4), "(0, 1, 2, 2 more)"),
        (("a", None), "('a', None)"),
        (Status.PRECISION_FLOOR, "precision floor"),
        (((((1,),),),), "(((a tuple)))"),
        ({"x": 1}, "a dict"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_in_words(value, words):
    assert show(value) == words


def test_texts_are_cut_and_made_printable():
    assert shorten("a\n\tb\x00", 10) == "a b\\x00"
    assert shorten("x" * 100, 10) == "xxxxxxx..."
    assert shorten("\x00" * 100, 10) == "\\x00\\x0..."
    assert count([Status.CONVERGED] * 2 + [Status.DIVERGED]) == "2 converged, 1 diverged"
    assert count(range(9)).endswith(", ...")
