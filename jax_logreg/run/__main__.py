"""`python -m jax_logreg.run` is `jax-logreg`."""

from jax_logreg.run import main

main()
