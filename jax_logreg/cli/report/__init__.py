"""report.html: what a person looks at first, in one file that needs no network."""

from jax_logreg.cli.report.page import render

__all__ = ["render"]
