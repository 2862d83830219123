"""The errors that are the input's fault rather than ours."""


class InputError(ValueError):
    """Bad input: one line that says what came, what was expected, and how to mend it."""
