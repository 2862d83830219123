"""`python -m jax_logreg` is `jax-logreg`."""

from jax_logreg.cli import main

main()
