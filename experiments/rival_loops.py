"""The rivals that the lecture does away with: explicit loops over examples and features."""

from math import exp, log

import numpy as np


def two_loops(X, Y, learning_rate, steps):
    """Over the examples, and for each over the features, in Python numbers."""
    rows, labels = X.T.tolist(), Y[0].tolist()
    n, m = X.shape
    w, b, J = [0.0] * n, 0.0, None
    for _ in range(steps):
        J, dw, db = 0.0, [0.0] * n, 0.0
        for x, y in zip(rows, labels, strict=True):
            z = b
            for j in range(n):
                z += w[j] * x[j]
            a = 1 / (1 + exp(-z))
            J -= y * log(a) + (1 - y) * log(1 - a)
            dz = a - y
            for j in range(n):
                dw[j] += x[j] * dz
            db += dz
        w = [w[j] - learning_rate * dw[j] / m for j in range(n)]
        b -= learning_rate * db / m
    return J / m


def one_loop(X, Y, learning_rate, steps):
    """Over the examples; features as NumPy vectors."""
    rows, labels = np.ascontiguousarray(X.T), Y[0].tolist()
    n, m = X.shape
    w, b, J = np.zeros(n, X.dtype), 0.0, None
    for _ in range(steps):
        J, dw, db = 0.0, np.zeros(n, X.dtype), 0.0
        for x, y in zip(rows, labels, strict=True):
            a = 1 / (1 + exp(-(float(w @ x) + b)))
            J -= y * log(a) + (1 - y) * log(1 - a)
            dz = a - y
            dw += x * X.dtype.type(dz)
            db += dz
        w = w - X.dtype.type(learning_rate / m) * dw
        b -= learning_rate * db / m
    return J / m
