"""Tricks that lean on JAX's insides or on the compiler's flags."""
