"""Names and numbers of features in the sentences of messages."""

from collections.abc import Sequence


def name_features(
    numbers: Sequence[int], names: Sequence[object] | None = None, most: int = 10
) -> str:
    """Return the words for some features: "feature 3", "features 0, 2 and 15 more".

    Args:
        numbers: of the features, at least one.
        names: of all features; by default they are called by their numbers.
        most: the largest number of features that are written out.
    """
    shown = [str(j if names is None else names[j]) for j in numbers[:most]]
    left = len(numbers) - len(shown)
    parts = [*shown, f"{left} more"] if left else shown
    listed = " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]
    return f"feature{'s' * (len(numbers) > 1)} {listed}"


def sentence(text: str) -> str:
    """Return the text with a capital letter and a full stop."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith(".") else f"{text}."
