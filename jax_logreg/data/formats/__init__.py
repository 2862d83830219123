"""The formats of files: one a module, each read whole and in pieces by the same class.

A new format is a subclass of `DataFile`, `TableFile` or `ArrayFile`, and a row of `FORMATS`.
"""

from jax_logreg.data.formats.arrow_table import ArrowTable
from jax_logreg.data.formats.csv_table import CSVTable
from jax_logreg.data.formats.data_file import DataFile, Names
from jax_logreg.data.formats.hdf5_array import HDF5Array
from jax_logreg.data.formats.npy_array import NpyArray, NpzArray
from jax_logreg.data.formats.parquet_table import ParquetTable
from jax_logreg.data.formats.pictures import PictureFolder
from jax_logreg.data.formats.svmlight import SvmlightFile

__all__ = ["FORMATS", "DataFile", "Names", "PictureFolder"]

FORMATS: dict[str, type[DataFile]] = {
    ".npz": NpzArray,
    ".npy": NpyArray,
    ".h5": HDF5Array,
    ".csv": CSVTable,
    ".parquet": ParquetTable,
    ".arrow": ArrowTable,
    ".svmlight": SvmlightFile,
    ".feather": ArrowTable,
    ".hdf5": HDF5Array,
    ".libsvm": SvmlightFile,
    ".svm": SvmlightFile,
}
