"""Every matrix is a `Matrix` to the type checker, which a wrong one is not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from jax_logreg import matrix

ROOT = Path(__file__).parents[2]
SOURCE = (ROOT / "jax_logreg" / "matrix" / "__init__.py").read_text()
# The matrices that the package compares with the protocol in every run of mypy.
KINDS = re.findall(r"\w+", re.search(r"_Kinds = ([^=]*?)\n\n", SOURCE)[1])
WRONG = """
class Wrong(Transposed):
    def gram(self, d: str) -> str:
        return d
"""


def test_the_package_compares_every_kind():
    offer = {name for name in matrix.__all__ if hasattr(getattr(matrix, name), "__rmatmul__")}
    assert offer - {"Matrix"} == set(KINDS)


@pytest.mark.slow
def test_mypy_takes_every_kind_and_not_a_wrong_one(tmp_path):
    lines = [f"from jax_logreg.matrix import Matrix, {', '.join(KINDS)}", WRONG]
    lines += [f"def of_{kind}(X: {kind}) -> Matrix:\n    return X\n" for kind in (*KINDS, "Wrong")]
    (tmp_path / "kinds.py").write_text("\n".join(lines))
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"]
    command += ["--cache-dir", str(ROOT / ".mypy_cache"), str(tmp_path / "kinds.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.count(" error: ") == 1, done.stdout + done.stderr
    assert 'got "Wrong", expected "Matrix"' in done.stdout
