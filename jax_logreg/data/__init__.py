"""The sources of X and Y that a config names, and files in every common format."""

from jax_logreg.data.categories import Levels
from jax_logreg.data.examples import Examples, Scaling
from jax_logreg.data.prepare import Prepared, make_features, prepare
from jax_logreg.data.reading import Reading, read
from jax_logreg.data.section import Section
from jax_logreg.data.sources import DataConfig
from jax_logreg.data.stream import Stream, open_stream
from jax_logreg.data.writing import Predictions, find_writer, write_csv

__all__ = [
    "DataConfig",
    "Examples",
    "Levels",
    "Predictions",
    "Prepared",
    "Reading",
    "Scaling",
    "Section",
    "Stream",
    "find_writer",
    "make_features",
    "open_stream",
    "prepare",
    "read",
    "write_csv",
]
