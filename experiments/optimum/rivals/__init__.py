"""One file a rival. Adding one is a file and a row here.

Each file has `refuses(case, variant)`, why it cannot do a case or None, and
`fit(case, variant, tolerance)`, which returns w (k, n) and b (k,), along a path w (p, k, n) and
b (p, k), as NumPy arrays; it starts from nothing but the rows and labels of the case. Optional are
SETTINGS, the tolerances it understands if not the usual ones, and `note`, a few words on its last
fit. The time that counts is that of `fit` and of the import of its file.
"""

# The file and the ways of using it that are compared.
RIVALS = {
    "jax_logreg": ("",),
    "sklearn": (
        "lbfgs",
        "lbfgs float32",
        "newton-cholesky",
        "newton-cholesky float32",
        "newton-cg",
        "liblinear",
        "saga",
    ),
    "liblinear": ("primal", "dual"),
    "glum": ("irls", "lbfgs"),
    "skglm": ("",),
    "celer": ("",),
    "adelie": ("",),
    "snapml": ("primal", "dual"),
    "statsmodels": ("",),
    "optax": ("lbfgs",),
    "scipy": ("L-BFGS-B",),
}


def label(name, variant):
    """Return how a rival is called in tables."""
    return f"{name} {variant}".strip()


def refuses_classes_and_dual_l1(case, variant):
    """Why a coordinate-descent library for two classes cannot do the case, or None."""
    if case.k > 1:
        return "no multinomial, only one against the rest"
    if case.penalty == "l1" and variant == "dual":
        return "no L1 in the dual solver"
    return None
