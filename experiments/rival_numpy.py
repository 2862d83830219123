"""The rival: the lecture's vectorised iteration in NumPy, its cost by its own formula."""

import numpy as np


def step(w, b, X, Y, learning_rate):
    """One iteration: the updated w (n, 1) and b, and the cost before the update."""
    m = X.shape[1]
    A = 1 / (1 + np.exp(-(w.T @ X + b)))
    J = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    dZ = A - Y
    dw = X @ dZ.T / m
    db = np.sum(dZ) / m
    return w - learning_rate * dw, b - learning_rate * db, J


def descend(X, Y, learning_rate, steps):
    """The cost before the last of `steps` iterations from zeros, X (n, m), Y (1, m)."""
    w, b, J = np.zeros((len(X), 1), X.dtype), X.dtype.type(0), None
    learning_rate = X.dtype.type(learning_rate)
    for _ in range(steps):
        w, b, J = step(w, b, X, Y, learning_rate)
    return float(J)
