"""Pytrees of two classes are never taken for one another."""

from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import jax_logreg
from jax_logreg.pytree import pytree


def twin():
    @pytree
    @dataclass(frozen=True)
    class Twin:
        leaf: Any
        name: str = field(default="a", metadata={"static": True})

    return Twin


ONE, OTHER = twin(), twin()


def test_structures_tell_the_classes_apart():
    assert jax.tree.structure(ONE(1.0)) == jax.tree.structure(ONE(2.0))
    assert jax.tree.structure(ONE(1.0)) != jax.tree.structure(OTHER(1.0))
    assert jax.tree.structure(ONE(1.0)) != jax.tree.structure(ONE(1.0, "b"))


def test_leaves_have_their_names_and_the_rest_is_kept():
    (path, leaf), *rest = jax.tree.leaves_with_path(ONE(3.0, "b"))
    assert (jax.tree_util.keystr(path), leaf, rest) == (".leaf", 3.0, [])
    assert jax.tree.map(lambda a: 2 * a, ONE(3.0, "b")) == ONE(6.0, "b")


NODES = [
    jax_logreg.L1(1.0),
    jax_logreg.L2(1.0),
    jax_logreg.Newton(),
    jax_logreg.LBFGS(),
    jax_logreg.Proximal(10),
    jax_logreg.GradientDescent(1.0),
]


@pytest.mark.parametrize(("one", "other"), list(combinations(NODES, 2)))
def test_penalties_and_solvers_differ_by_class(one, other):
    assert jax.tree.structure(one) != jax.tree.structure(other)


def test_jit_traces_each_class():
    traced = []

    @jax.jit
    def trace(node):
        traced.append(type(node))
        return node.leaf

    for cls in (ONE, OTHER, ONE, OTHER):
        trace(cls(jnp.ones(3)))
    assert traced == [ONE, OTHER]


def test_no_module_registers_another_way():
    package = Path(jax_logreg.__file__).parent
    for path in package.rglob("*.py"):
        if path.name != "pytree.py":
            assert "register_dataclass" not in path.read_text(), path.name
