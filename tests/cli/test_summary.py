"""result.json as a typed summary."""

import json

import pytest

from jax_logreg.cli.report import render
from jax_logreg.cli.summary import Summary

UNFINISHED = {"name": "n", "steps": 3, "status": "unfinished", "message": "it runs still."}
WHOLE = {
    **UNFINISHED,
    "status": "converged",
    "classes": ["no", 1, True, 2.5],
    "penalty": {"kind": "l2", "strength": 0.1, "factors": {"a": 2.0}},
    "solver": "newton: chosen",
    "notes": [],
    "cost": 0.25,
    "gradient_norm": 1e-9,
    "certificate": {"gap": None, "relative_gap": None, "error_in_std_errs": 1e-3},
    "weights": 1,
    "nonzero_weights": 1,
    "gradient_check": {"passed": None, "max_relative_error": None},
    "data": {
        "source": "s",
        "features": 1,
        "train": 2,
        "test": 0,
        "classes": [["a", 1], ["b", 1.5]],
    },
}


@pytest.mark.parametrize("content", [UNFINISHED, WHOLE])
def test_what_is_read_is_written_again(content):
    written = Summary.read(json.dumps(content).encode()).to_json()
    # As text, because to Python True is 1.
    assert json.dumps(json.loads(written), sort_keys=True) == json.dumps(content, sort_keys=True)


@pytest.mark.parametrize("lacking", sorted(set(WHOLE) - {"status"}))
def test_a_page_is_made_without_what_an_earlier_version_did_not_say(lacking):
    kept = {key: value for key, value in WHOLE.items() if key != lacking}
    page = render({"config.toml": b"", "result.json": json.dumps(kept).encode()})
    assert "Converged" in page


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "Expecting property name"),
        (b"[]", "it is no table of entries"),
        (b"{}", "it names no status"),
        (b'{"status": 3}', "'status': 3 is given"),
        (b'{"status": "converged", "steps": "many"}', "'steps': .* integer"),
        (b'{"status": "converged", "penalty": {}}', "'penalty.kind': "),
        (b'{"status": "converged", "data": {"source": 1}}', "'data.source': "),
        (b'{"status": "asleep"}', "'status': 'asleep'"),
    ],
)
def test_what_is_no_summary_is_one_line(content, message):
    with pytest.raises(ValueError, match=message) as found:
        Summary.read(content)
    assert "\n" not in str(found.value)
