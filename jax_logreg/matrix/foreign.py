"""Sparse matrices of SciPy, known by their methods: SciPy need not be imported to recognise one."""

from typing import Protocol, TypeAlias

import numpy as np

from jax_logreg.errors import InputError
from jax_logreg.shapes import Matrix, NDArray, TypeIs


class SciPySparse(Protocol):
    """A sparse matrix or array of SciPy (n, m), in any format."""

    shape: tuple[int, int]
    dtype: np.dtype
    format: str
    T: "SciPySparse"

    def astype(self, dtype: object) -> "SciPySparse":
        """The matrix in the dtype."""

    def multiply(self, other: np.ndarray) -> "SciPySparse":
        """The products of entries."""

    def tocsr(self) -> "SciPyCompressed":
        """The matrix by rows."""

    def tocsc(self) -> "SciPyCompressed":
        """The matrix by columns."""


class SciPyCompressed(SciPySparse, Protocol):
    """A sparse matrix or array of SciPy by rows, CSR, or by columns, CSC."""

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    nnz: int
    has_canonical_format: bool

    def __init__(
        self, parts: tuple[np.ndarray, np.ndarray, np.ndarray], shape: tuple[int, int]
    ) -> None:
        """Take data, indices and indptr as they are."""

    def __getitem__(self, index: object) -> "SciPyCompressed":
        """Some rows or columns."""

    def astype(self, dtype: object) -> "SciPyCompressed":
        """The matrix in the dtype."""

    def copy(self) -> "SciPyCompressed":
        """A matrix with arrays of its own."""

    def resize(self, *shape: int) -> None:
        """Change the shape in place: new entries are 0."""

    def sum_duplicates(self) -> None:
        """Add up entries of one place, in place."""

    def eliminate_zeros(self) -> None:
        """Drop stored zeros, in place."""

    def toarray(self) -> np.ndarray:
        """The matrix as an array."""


# An X as a user gives it: what may stand where X stands once it is placed.
GivenX: TypeAlias = Matrix | NDArray | SciPySparse


def is_scipy(X: object) -> TypeIs[SciPySparse]:
    """Return whether X is a sparse matrix or array of SciPy."""
    return hasattr(X, "tocsr")


def check_sparse(X: SciPySparse) -> SciPySparse:
    """X, a sparse matrix of real numbers; other entries are an InputError."""
    if X.dtype.kind not in "biuf":
        raise InputError(
            f"X is a sparse matrix of dtype {X.dtype}: expected real numbers: pass "
            "X.astype('float64')"
        )
    return X
