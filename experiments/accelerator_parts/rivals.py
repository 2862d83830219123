"""PyTorch and CuPy at the same step and the same objective, where they are installed.

X is handed over where JAX has it, without a copy where the library can take it so.
"""

import importlib
import time
from functools import partial

import numpy as np


class TooLateError(Exception):
    """The seconds of a fit are over."""


def step(name, X, Y):
    """One gradient step by the library of that name, as a function that waits for its result.

    X (n, m) is a jax array of float32. Y, in NumPy, is (1, m) of 0 and 1, or labels (m,) of as
    many classes as the largest says. The function gives dw (n, k) and db (k, 1) at zeros.

    Raises:
        ImportError: the library is not installed.
    """
    return STEPS[name](X, np.array(Y))


def _by_torch(X, Y):
    torch = _torch()
    X = _in_torch(torch, X)
    on_device = {"device": X.device}
    Y = torch.as_tensor(Y, **on_device)
    each = torch.arange(X.shape[1], **on_device)
    gradient = _gradient(torch, X, Y, each, torch.zeros((X.shape[0], _outputs(Y)), **on_device))

    def run():
        with torch.no_grad():
            found = gradient()
        _wait_torch(torch)
        return found

    return run


def _by_cupy(X, Y):
    cupy = importlib.import_module("cupy")
    X = _shared(cupy.from_dlpack, cupy.asarray, X)
    Y, each = cupy.asarray(Y), cupy.arange(X.shape[1])
    gradient = _gradient(cupy, X, Y, each, cupy.zeros((X.shape[0], _outputs(Y)), "float32"))

    def run():
        found = gradient()
        cupy.cuda.get_current_stream().synchronize()
        return found

    return run


def _by_numpy(X, Y):
    X = np.asarray(X)
    w = np.zeros((X.shape[0], _outputs(Y)), np.float32)
    return _gradient(np, X, Y, np.arange(X.shape[1]), w)


STEPS = {"PyTorch": _by_torch, "CuPy": _by_cupy, "NumPy": _by_numpy}


def names(work):
    """The libraries to set beside this project; NumPy, on the host, in a rehearsal only."""
    return tuple(STEPS) if work.dry else ("PyTorch", "CuPy")


def _shared(take, copy, X):
    """X in another library, where it lies if it takes it so, else copied by way of the host."""
    try:
        return take(X)
    except (RuntimeError, TypeError, ValueError, BufferError):
        return copy(np.array(X))


def _in_torch(torch, X):
    # Where JAX has a GPU, PyTorch is to have it too, or to say that it has none.
    device = "cpu" if X.devices().pop().platform == "cpu" else "cuda"
    return _shared(torch.from_dlpack, partial(torch.as_tensor, device=device), X)


def _outputs(Y):
    return 1 if Y.ndim == 2 else int(Y.max()) + 1


def _gradient(xp, X, Y, each, w):
    """The lecture's lines in a library that spells them as NumPy does."""
    m, b = X.shape[1], 0 * w[:1].T

    def gradient():
        Z = w.T @ X + b
        if Y.ndim == 2:
            dZ = 1 / (1 + xp.exp(-Z)) - Y
        else:
            E = xp.exp(Z - xp.amax(Z, 0))
            dZ = E / xp.sum(E, 0)
            dZ[Y, each] -= 1
        return X @ dZ.T / m, xp.sum(dZ, 1)[:, None] / m

    return gradient


def to_numpy(a):
    """An array of any of the libraries in NumPy."""
    if hasattr(a, "detach"):
        a = a.detach().cpu()
    return a.get() if hasattr(a, "get") else np.asarray(a)


def free():
    """Give back what the libraries keep of the device's memory."""
    for name, release in (("torch", _free_torch), ("cupy", _free_cupy)):
        try:
            release(importlib.import_module(name))
        except ImportError:
            continue


def _free_torch(torch):
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _free_cupy(cupy):
    cupy.get_default_memory_pool().free_all_blocks()


def _torch():
    torch = importlib.import_module("torch")
    # As the heart asks for it: float32 in full.
    torch.backends.cuda.matmul.allow_tf32 = False
    return torch


def _wait_torch(torch):
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def fit(X, y, k, strength, tolerance, seconds):
    """PyTorch's L-BFGS with strong Wolfe on X (n, m), a jax array, and labels y (m,) in NumPy.

    It ends where no entry of the gradient is above the tolerance, or PyTorch sees no change.

    Returns:
        w (n, k) and b (k, 1) in NumPy, and the number of evaluations.

    Raises:
        ImportError: there is no PyTorch.
        TooLateError: after so many seconds.
    """
    torch = _torch()
    X = _in_torch(torch, X)
    y = torch.as_tensor(np.array(y, np.int64), device=X.device)
    w = torch.zeros((X.shape[0], k), device=X.device, requires_grad=True)
    b = torch.zeros((k, 1), device=X.device, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [w, b],
        max_iter=2_000,
        history_size=10,
        tolerance_grad=tolerance,
        line_search_fn="strong_wolfe",
    )
    until, evaluations = time.perf_counter() + seconds, 0
    binary = torch.nn.functional.binary_cross_entropy_with_logits
    several = torch.nn.functional.cross_entropy

    def closure():
        nonlocal evaluations
        if time.perf_counter() > until:
            raise TooLateError(f"more than {seconds:.0f} s")
        evaluations += 1
        optimiser.zero_grad()
        Z = w.T @ X + b
        loss = binary(Z[0], y.to(Z.dtype)) if k == 1 else several(Z.T, y)
        J = loss + strength / 2 * (w * w).sum()
        J.backward()
        return J

    optimiser.step(closure)
    _wait_torch(torch)
    return to_numpy(w), to_numpy(b), evaluations
