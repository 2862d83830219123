"""The course's figures, from the course's two files, where they are at hand."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from cli.command import CONFIGS, command

ROOT = Path(__file__).parents[2]
CATS = Path(os.environ.get("JAX_LOGREG_CATS", ROOT.parent / "shared" / "data" / "cats"))
COSTS = [
    0.693147, 0.584508, 0.466949, 0.376007, 0.331463, 0.303273, 0.279880, 0.260042, 0.242941,
    0.228004, 0.214820, 0.203078, 0.192544, 0.183033, 0.174399, 0.166521, 0.159305, 0.152667,
    0.146542, 0.140872,
]  # fmt: skip


@pytest.mark.skipif(
    not (CATS / "train_catvnoncat.h5").is_file(),
    reason="the course's pictures are not here: JAX_LOGREG_CATS names their folder",
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_courses_figures(dtype, tmp_path):
    done = command(
        "run", CONFIGS / "cats.toml", "--out", tmp_path / "run",
        "--set", f"data.train={CATS / 'train_catvnoncat.h5'}",
        "--set", f"data.test={CATS / 'test_catvnoncat.h5'}",
        "--set", f"fit.dtype={dtype}",
    )  # fmt: skip
    assert done.code == 0, done
    with (tmp_path / "run" / "history.csv").open() as file:
        costs = [float(row["cost"]) for row in csv.DictReader(file)]
    np.testing.assert_allclose(costs[::100], COSTS, rtol=0, atol=2e-6)
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert round(result["train_accuracy"] * 209) == 207
    assert round(result["test_accuracy"] * 50) == 35
    assert result["gradient_check"]["passed"]
