"""svmlight files: what is wrong is said by line, and what is merged is said at all."""

import numpy as np
import pytest
from data.test_columns import config

from jax_logreg.data import Reading, prepare, read
from jax_logreg.errors import InputError

GOOD = "# a comment\n1 qid:3 1:2 3:4 # another\n0 qid:4 2:5\n\n"


def text(folder, content):
    (folder / "a.svm").write_text(content)
    return folder / "a.svm"


def test_qid_and_comments_are_no_features(tmp_path):
    examples = read(text(tmp_path, GOOD), Reading())
    assert examples.X.tolist() == [[2, 0], [0, 5], [4, 0]] and examples.labels.tolist() == [1, 0]


WRONG = {
    "no label": ("1:2 3:4", r"line 5 begins with '1:2': expected a label, then pairs"),
    "two labels": ("1,3 1:2", r"line 5 has several labels, '1,3': expected one"),
    "a word": ("yes 1:2", r"line 5 has the label 'yes': expected a number"),
    "no pair": ("1 2", r"line 5 has '2': expected a pair of numbers, feature:value"),
    "a word for a feature": ("1 a:2", r"line 5 has 'a:2': expected a pair"),
    "a word for a value": ("1 2:a", r"line 5 has '2:a': expected a pair"),
    "from 0": ("1 0:2", r"line 5 has a feature 0: .*data\.zero_based=true"),
    "below 0": ("1 -2:2", r"line 5 has a feature -2: expected 1 or more"),
    "twice": ("1 2:1 2:1", r"line 5 has feature 2 after feature 2: expected them in ascending"),
    "turned round": ("1 3:1 2:1", r"line 5 has feature 2 after feature 3"),
    "a feature more": ("1 4:1", r"line 5 has feature 4: expected at most the 3 features that were"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_by_line(case, tmp_path):
    line, message = WRONG[case]
    path = text(tmp_path, GOOD + line + "\n")
    with pytest.raises(InputError, match=message):
        read(path, Reading(), features=["a", "b", "c"])


def test_features_that_the_test_file_lacks_are_zeros(tmp_path):
    examples = read(text(tmp_path, "1 1:2\n"), Reading(), features=list("abc"))
    assert examples.X.tolist() == [[2], [0], [0]]


def test_a_number_beyond_squares_is_refused_by_feature(tmp_path):
    content = "1 1:1 2:1.79769313486e+308\n" + "0 1:2\n1 1:3 2:1\n0 1:1\n" * 3
    with pytest.raises(InputError, match="feature 'x1'"):
        prepare(config(text(tmp_path, content), standardise=False), "float32")
    # Over its own deviation it is a number like any other.
    standardised = prepare(config(text(tmp_path, content), standardise=True), "float32")
    assert np.all(np.isfinite(np.asarray(standardised.X_train @ np.eye(10, dtype="float32"))))


def test_nan_is_refused_by_line(tmp_path):
    with pytest.raises(InputError, match=r"feature 'x0' of example 1 \(line 2\) is nan"):
        prepare(config(text(tmp_path, "1 1:1\n0 1:nan\n")), "float32")


def test_labels_that_are_one_number_are_said_to_be_merged(tmp_path):
    examples = read(text(tmp_path, "1.1 1:1\n1.10 1:2\n2 1:3\n+2 1:3\n-1 1:2\n"), Reading())
    assert np.unique(examples.labels).tolist() == [-1, 1.1, 2]
    assert [note.partition("labels ")[2] for note in examples.notes] == [
        "1.1, 1.10 are one number, and count as one class.",
        "2, +2 are one number, and count as one class.",
    ]
