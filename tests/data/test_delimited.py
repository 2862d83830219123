"""CSV files without names or with other separators; and what streams say, as memory does."""

import re

import numpy as np
import pytest
from data.test_columns import config

from jax_logreg.data import Reading, open_stream, prepare, read
from jax_logreg.errors import InputError

ADULT = """\
39, State-gov, 77516, Bachelors, 13, Never-married, 2174, 0, 40, United-States, <=50K
50, Self-emp-not-inc, 83311, Bachelors, 13, Married, 0, 0, 13, United-States, <=50K
38, Private, 215646, HS-grad, 9, Divorced, 0, 0, 40, United-States, >50K
53, Private, 234721, 11th, 7, Married, 0, 0, 40, United-States, >50K
28, ?, 338409, Bachelors, 13, Married, 0, 0, 40, Cuba, <=50K
37, Private, 284582, Masters, 14, Married, 0, 0, 40, ?, >50K
"""
NAMES = "age, work, weight, degree, years, family, gain, loss, hours, land, income\n"
IRIS = "5.1,3.5,1.4,0.2,setosa\n4.9,3.0,1.4,0.2,setosa\n6.3,3.3,6.0,2.5,virginica\n"


def text(folder, content):
    (folder / "a.csv").write_text(content)
    return folder / "a.csv"


WITHOUT_NAMES = {
    "Adult": (ADULT, " <=50K"),
    "Adult, a name that is there nowhere": (ADULT, "income"),
    "iris": (IRIS, "setosa"),
    "duplicates": ("0,0,1,a\n1,0,1,b\n0,1,0,a\n", "a"),
    "text alone": ("p,x,n\ne,x,s\np,b,n\ne,x,n\n", "p"),
    "one number": ("3.5,red\n2.5,blue\n4.5,red\n", "red"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", WITHOUT_NAMES)
def test_a_first_example_is_not_taken_for_names(case, stream, tmp_path):
    content, label = WITHOUT_NAMES[case]
    path = text(tmp_path, content)
    with pytest.raises(
        InputError,
        match=r"begins with a line like an example, .*: expected the names of columns: add",
    ):
        prepare(config(path, label=label, stream=stream), "float64")


WITH_NAMES = {
    "of pandas": "0,1,2,label\n0.5,1,7,a\n1.5,2,8,b\n",
    "from 1": "1,2,label\n1,2,a\n2,1,b\n",
    "years": "2019,2020,label\n5,6,a\n7,8,b\n",
    "wavelengths": "900.5,902.5,905.0,label\n0.1,0.2,0.3,a\n0.4,0.5,0.6,b\n",
    "one number": "a,1,label\n1,2,a\n2,1,b\n",
    "a class as the name of its column": "a,spam,label\n1,2,spam\n2,1,label\n",
    "no rows of numbers": "a,label\n1,label\n2,other\n",
    "quoted": '"a b","c;d",label\n1,2,"x;y"\n3,4,"x;z"\n',
    "decimals in quotes": 'a,b,label\n1,2,"1,5"\n3,4,"2,5"\n',
}


@pytest.mark.parametrize("case", WITH_NAMES)
def test_names_that_are_odd_are_names(case, tmp_path):
    path = text(tmp_path, WITH_NAMES[case])
    header = WITH_NAMES[case].splitlines()[0].replace('"', "").split(",")[:-1]
    assert read(path, Reading()).features == tuple(header)
    assert open_stream(path).features == tuple(header)


def test_adult_with_names(tmp_path):
    path = text(tmp_path, NAMES + ADULT)
    keys = {"label": " income", "categorical": "auto", "exclude": [" weight"]}
    data = prepare(config(path, **keys), "float64")
    assert data.classes == (" <=50K", " >50K")
    assert [note.partition(": ")[2] for note in data.notes] == [
        "column ' work' is ' ?' in 1 of 6 examples, which counts as a category like others.",
        "column ' land' is ' ?' in 1 of 6 examples, which counts as a category like others.",
    ]
    (tmp_path / "test.csv").write_text(NAMES + ADULT.replace("50K", "50K."))
    with pytest.raises(InputError, match=r"is ' <=50K\.': expected a class .*; did you mean '"):
        prepare(config(path, **keys, test=str(tmp_path / "test.csv")), "float64")
    banner = text(tmp_path, "|1x3 Cross validator\n" + ADULT)
    with pytest.raises(InputError, match=r"Row #2: Expected 1 columns, got 11"):
        read(banner, Reading())


SEPARATED = {
    "semicolons": ('"age";"balance";"y"\n58;2143;"no"\n44;29;"yes"\n', "';'"),
    "semicolons and text with commas": ("a;b;y\n1;x, y;no\n2;z;yes\n", "';'"),
    "tabs, decimal commas, no names": (
        "3,6216\t8,6661\t-2,8073\t-0,44699\t0\n4,5459\t8,1674\t-2,4586\t-1,4621\t0\n",
        "tabs, with decimal commas such as 3,6216",
    ),
    "tabs": ("a\tb\ty\n1\t2\t3\n", "tabs"),
    "semicolons and decimal commas": ("a;b;y\n1,5;2;0\n2,5;1,25;1\n", "such as 1,5"),
    "blanks": ("a b y\n1 2  0\n2 3 1\n", "blanks"),
    "bars": ("a|b|y\n1|2|0\n", "'|'"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", SEPARATED)
def test_another_separator_is_named(case, stream, tmp_path):
    content, said = SEPARATED[case]
    with pytest.raises(InputError, match=f"is separated by .*{re.escape(said)}"):
        prepare(config(text(tmp_path, content), label="y", stream=stream), "float64")


def test_a_decimal_comma_between_quotes_is_named(tmp_path):
    with pytest.raises(InputError, match=r"'1,5' in example 0 \(line 2\).*write it with a decimal"):
        read(text(tmp_path, 'a,b,label\n"1,5",2,x\n"2,5",3,y\n'), Reading())


# The fault of row 7 of 12, and its message where all is read at once.
WRONG = {
    "text": ("A", r"column 'a' is 'A' in example 7 \(line 9\): expected numbers"),
    "text like a number": ("1_000", r"column 'a' is '1_000' in example 7 \(line 9\)"),
    "a question mark": ("?", r"column 'a' is '\?' in example 7 \(line 9\)"),
    "a blank": (
        " ",
        r"column 'a' is ' ' in example 7 \(line 9\)",
    ),
    "a date": ("2020-01-01", r"column 'a' is '2020-01-01' in example 7 \(line 9\)"),
    "infinity": ("inf", r"feature 'a' of example 7 \(line 9\) is inf"),
    "NA": ("NA", r"feature 'a' of example 7 \(line 9\) is (nan|missing)"),
    "quotes around nothing": ('""', r"feature 'a' of example 7 \(line 9\) is (nan|missing)"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_by_column_and_line(case, stream, tmp_path):
    value, pattern = WRONG[case]
    rows = [f'"{i}",{i % 3},{value if i == 7 else i / 2},{i % 2}' for i in range(12)]
    path = text(tmp_path, "\n".join(["b,c,a,label", *rows]) + "\n")
    with pytest.raises(InputError, match=pattern):
        prepare(config(path, stream=stream), "float64")


def test_the_line_of_a_stream_where_lines_are_no_rows(tmp_path):
    path = text(tmp_path, 'a,"b\nc",label\n\n1,2,x\n\n3,inf,y\n')
    with pytest.raises(InputError, match=r"of example 1 \(line 6\) is inf"):
        open_stream(path)


def test_the_file_of_a_streams_label_and_weight(tmp_path):
    (tmp_path / "a.csv").write_text("a,w,label\n1,1,x\n2,1,y\n")
    (tmp_path / "b.csv").write_text("a,w,label\n1,1,x\n2,-1,z\n")
    with pytest.raises(InputError, match=r"b\.csv: the weight 'w' of example 1 \(line 3\) is -1:"):
        prepare(config(tmp_path, weights="w", stream=True), "float64")
    (tmp_path / "train.csv").write_text("a,w,label\n1,1,x\n2,1,y\n")
    keys = {"train": str(tmp_path / "train.csv"), "test": str(tmp_path / "[ab].csv")}
    with pytest.raises(InputError, match=r"label of example 1 \(line 3\) of .*b\.csv is z"):
        prepare(config(stream=True, exclude=["w"], path="", **keys), "float64")


@pytest.mark.parametrize("last", ["4.5", "1E+05", "A"])
def test_a_type_that_changes_late(last, tmp_path, monkeypatch):
    """Beyond what a reader of pieces looks at before it decides."""
    monkeypatch.setattr("jax_logreg.data.formats.csv_table.BLOCK", 2**12)
    values = [*map(str, range(2000)), "1.5", "1E+05", last]
    lines = [f"{value},{i % 7},{i % 2}" for i, value in enumerate(values)]
    path = text(tmp_path, "\n".join(["a,b,label", *lines]) + "\n")
    if last == "A":
        for stream in (False, True):
            with pytest.raises(InputError, match=r"'a' is 'A' in example 2002 \(line 2004\)"):
                prepare(config(path, stream=stream), "float64")
        return
    memory = read(path, Reading())
    X = open_stream(path).X
    np.testing.assert_array_equal(memory.X[0, -3:], [1.5, 1e5, float(last)])
    np.testing.assert_array_equal(X.examples(np.arange(2003)), memory.X.astype("float32"))


@pytest.mark.parametrize("categorical", ["auto", ["age"]])
@pytest.mark.parametrize("spoilt", ["?", " ", "n/k"])
def test_a_column_of_numbers_that_one_cell_spoils(spoilt, categorical, tmp_path):
    rows = [f"{spoilt if i == 4 else 20 + i},{i % 2}" for i in range(30)]
    path = text(tmp_path, "\n".join(["age,label", *rows]) + "\n")
    said = rf"'age' .*is '{re.escape(spoilt)}' in example 4 \(line 6\), and a number in 29 of 30"
    if categorical == "auto":
        with pytest.raises(InputError, match=said):
            read(path, Reading(categorical=categorical))
    else:
        # Somebody wants it so, and hears of it.
        assert re.search(said, read(path, Reading(categorical=categorical)).notes[0])


def test_numbers_as_text_are_said_to_be_categories(tmp_path):
    import pandas as pd

    frame = pd.DataFrame({"a": ["1", "2", "3"], "b": ["x", "y", "?"], "label": [0, 1, 0]})
    frame.to_parquet(tmp_path / "a.parquet", index=False)
    numbers, missing = read(tmp_path / "a.parquet", Reading(categorical="auto")).notes
    assert "column 'a' holds numbers as text" in numbers and "column 'b' is '?'" in missing


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://example.org/a.csv", "https://example.org/a.csv is an address"),
        ("s3://bucket/part-*.parquet", "s3://bucket/part-*.parquet is an address"),
        ("http://example.org/a.csv?x=[1]", "http://example.org/a.csv?x=[1] is an address"),
        ("file:///data/a.csv", "write /data/a.csv"),
    ],
)
def test_an_address_is_no_missing_file(address, said, stream):
    with pytest.raises(InputError, match=re.escape(said)):
        prepare(config(address, stream=stream), "float64")
    if not stream:
        with pytest.raises(InputError, match=re.escape(said)):
            prepare(config("a.csv", test=address), "float64")
