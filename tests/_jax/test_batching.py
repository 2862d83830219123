"""A branch under vmap: taken where any model wants it, and by those that do."""

import jax
import jax.numpy as jnp
import numpy as np

from jax_logreg._jax.batching import where_wanted

assert_array_equal = np.testing.assert_array_equal


def doubled(wanted, value):
    return where_wanted(wanted, lambda pair: (2 * pair[0], pair[1] + 1), value)


def test_one_model_takes_it_or_leaves_it():
    for wanted, expected in ((True, (6.0, 2)), (False, (3.0, 1))):
        assert jax.jit(doubled)(jnp.array(wanted), (3.0, 1)) == expected


def test_of_a_batch_those_that_want_it():
    wanted, values = jnp.array([True, False, True]), jnp.arange(6.0).reshape(3, 2)
    # An argument without a batch comes out with a value for each model.
    found, count = jax.vmap(doubled, in_axes=(0, (0, None)))(wanted, (values, 7))
    assert_array_equal(found, [[0, 2], [2, 3], [8, 10]])
    assert_array_equal(count, [8, 7, 8])
    found, count = jax.vmap(doubled, in_axes=(None, (0, None)))(jnp.array(True), (values, 7))
    assert_array_equal(found, 2 * values)
    assert_array_equal(count, [8, 8, 8])


def test_a_batch_of_batches():
    wanted = jnp.array([[True, False], [False, False]])
    values = jnp.arange(4.0).reshape(2, 2)
    nested = jax.vmap(jax.vmap(lambda wanted, value: where_wanted(wanted, lambda v: v + 10, value)))
    assert_array_equal(jax.jit(nested)(wanted, values), [[10, 1], [2, 3]])
    # The inner batch shares the flag, the outer one does not.
    nested = jax.vmap(
        jax.vmap(lambda wanted, value: where_wanted(wanted, lambda v: v + 10, value), (None, 0))
    )
    assert_array_equal(nested(jnp.array([True, False]), values), [[10, 11], [2, 3]])


def test_what_none_wants_is_not_computed():
    """The condition of the compiled branch is one flag: with none set, nothing counts."""
    seen = []

    def change(value):
        jax.debug.callback(seen.append, value)
        return value

    run = jax.jit(jax.vmap(lambda wanted, value: where_wanted(wanted, change, value)))
    run(jnp.zeros(3, bool), jnp.zeros(3)).block_until_ready()
    jax.effects_barrier()
    assert not seen
    run(jnp.array([False, True, False]), jnp.zeros(3)).block_until_ready()
    jax.effects_barrier()
    assert seen


def test_derivatives_go_through():
    def loss(x):
        return where_wanted(x > 1, lambda x: x**2, x)

    assert jax.grad(loss)(3.0) == 6 and jax.grad(loss)(0.5) == 1
    assert_array_equal(jax.vmap(jax.grad(loss))(jnp.array([3.0, 0.5])), [6, 1])
    assert_array_equal(
        jax.grad(lambda x: jnp.sum(jax.vmap(loss)(x)))(jnp.array([3.0, 0.5])), [6, 1]
    )
    assert jax.jvp(loss, (3.0,), (1.0,))[1] == 6
