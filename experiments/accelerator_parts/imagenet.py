"""Part 5: a linear probe as large as ImageNet's, 96 penalties, on seeded embeddings."""

import gc
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.accelerator_parts.machine import refuse_cpu
from experiments.accelerator_parts.measuring import compilation, peak_memory
from experiments.accelerator_parts.programs import draw_normal
from jax_logreg import L2, Params, Status
from jax_logreg.logistic import linear
from jax_logreg.sweep import path

# A tenth of the examples first.
EXAMPLES, N, K, PENALTIES = (128_116, 1_281_167), 2_048, 1_000, 96
_DRY = (120,), 8, 4, 6
DECADES, HELD_OUT = (-6, 6), 0.1
# Of the embeddings: direction i has a variance of 1 / i, and two means are so far apart.
_DISTANCE = 5.0
# Steps of the fits that price a step, and the strengths by which two of them differ.
_STEPS, _MORE = 5, 2
# Of the seconds left, the share that a sweep is planned with: of the first, and of the last.
_FIRST, _LAST = 0.4, 0.8
# Steps a penalty, where none was measured yet.
_ASSUMED = 20.0


def run(work):
    """The sweep on a tenth; on the whole if it fits into the seconds left, else priced."""
    refuse_cpu(work)
    sizes, n, k, penalties = _DRY if work.dry else (EXAMPLES, N, K, PENALTIES)
    before = Measured(None, None, None)
    for m in sizes:
        found = None
        if work.has(10, "probe", examples=m):
            with work.attempt("probe", examples=m):
                share = _LAST if m == sizes[-1] else _FIRST
                found = Probe(work, n, m, k, penalties).run(before, share)
        if found is None and before.step is not None:
            scaled = before.step * m / before.examples
            price = penalties * before.steps * scaled
            figures = {"step": scaled, "steps": before.steps, "penalties": penalties}
            work.row("priced", examples=m, of=before.examples, price=price, **figures)
        before = found or before
        gc.collect()


def embeddings(n, m, k):
    """X (n, m) float32 on the device, and labels (m,) in NumPy: normal in each class.

    As `data.source = "embeddings"` makes them, without the turn of the axes, which no fit sees.
    """
    labels = np.random.default_rng(0).permutation(np.arange(m) % k)
    means = draw_normal(1, (n, k)) * np.float32(_DISTANCE / (2 * n) ** 0.5)
    spread = jnp.arange(1, n + 1, dtype=jnp.float32)[:, None] ** -0.5

    def placed(X, labels):
        return spread * (X + means[:, labels])

    X = jax.jit(placed, donate_argnums=0)(draw_normal(0, (n, m)), jnp.asarray(labels))
    return jax.block_until_ready(X), labels


class Measured(NamedTuple):
    """The findings of a probe: examples, seconds of a step, and mean steps of a penalty."""

    examples: int | None
    step: float | None
    steps: float | None


class Probe:
    """The sweep on so many examples, a tenth of them held out."""

    def __init__(self, work, n, m, k, penalties):
        self.work, self.m, self.k = work, m, k
        began = time.perf_counter()
        self.X, self.labels = embeddings(n, m, k)
        self.out = np.zeros(m, bool)
        self.out[np.random.default_rng(1).permutation(m)[: round(HELD_OUT * m)]] = True
        self.C = np.logspace(*DECADES, penalties)
        self.made = time.perf_counter() - began

    def path(self, C, **settings):
        """Fits at C, strongest first, each from the one before; and the seconds they took."""
        began = time.perf_counter()
        strengths = 1 / (np.asarray(C) * (~self.out).sum())
        s = (~self.out).astype(np.float32)
        given = {"strengths": strengths, "penalty": L2, "s": s, "family": "multinomial"}
        found = path(self.X, self.labels, **given, **settings)
        return found, time.perf_counter() - began

    def run(self, before, share):
        """Price a step, then run as many penalties as that share of the seconds left allows.

        `before` is what a smaller probe found, whose steps of a penalty are taken to be alike.
        """
        middle = self.C[len(self.C) // 2 :]
        with compilation() as taken:
            _, first = self.path(middle[:1], steps=_STEPS)
        one, seconds = self.path(middle[:1], steps=_STEPS)
        more, longer = self.path(middle[: 1 + _MORE], steps=_STEPS)
        a_step = max(longer - seconds, 0) / max(more.steps.sum() - one.steps.sum(), 1)
        start = max(seconds - a_step * one.steps.sum(), 0)
        figures = {
            "examples": self.m,
            "of": self.m,
            "made": self.made,
            "step": a_step,
            "start": start,
        }
        figures |= {"first": first, "compile": sum(taken), "peak": peak_memory()}
        steps = before.steps or _ASSUMED
        price = start + len(self.C) * steps * a_step
        self.work.row("priced", **figures, price=price, steps=steps, penalties=len(self.C))
        room = share * self.work.left - start
        count = min(len(self.C), int(room / max(steps * a_step, 1e-9)))
        if count < 2:
            self.work.row("probe", examples=self.m, failed="no time for it: priced from a step")
            return Measured(self.m, a_step, steps)
        return Measured(self.m, a_step, self.swept(count))

    def swept(self, count):
        """Run `count` penalties, evenly spaced, and judge them; return their mean steps."""
        chosen = np.unique(np.linspace(0, len(self.C) - 1, count).round().astype(int))
        found, seconds = self.path(self.C[chosen])
        right = self.right(found)
        status = [Status(one).name.lower() for one in found.status]
        self.work.row(
            "probe",
            examples=self.m,
            penalties=len(chosen),
            seconds=seconds,
            steps=float(found.steps.mean()),
            converged=status.count("converged"),
            floored=status.count("precision_floor"),
            gap=float(found.relative_gap.max()),
            best=float(self.C[chosen][int(np.argmax(right))]),
            right=float(np.max(right)),
            peak=peak_memory(),
        )
        return float(found.steps.mean())

    def right(self, found):
        """The share of the held-out examples put into the right class, by each model."""
        held = np.flatnonzero(self.out)
        X, labels = self.X[:, held], self.labels[held]
        models = map(Params, found.w, found.b)
        return [
            float(np.mean(np.asarray(jnp.argmax(linear(model, X), axis=0)) == labels))
            for model in (jax.tree.map(jnp.asarray, one) for one in models)
        ]
