"""report.html, the page of a run: one file that needs no network."""

from jax_logreg.cli.report.page import render

__all__ = ["render"]
