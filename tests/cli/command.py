"""`jax-logreg`, called in this process."""

from pathlib import Path
from typing import NamedTuple

from typer.testing import CliRunner

from jax_logreg.cli.app import app

CONFIGS = Path(__file__).parents[2] / "configs"
QUICKSTART = CONFIGS / "quickstart.toml"
# The quickstart's data by the lecture's update, many steps without an optimum.
DESCENT = Path(__file__).with_name("descent.toml")


class Done(NamedTuple):
    code: int
    out: str
    err: str


def command(*arguments):
    """Exit code, stdout and stderr; an exception that is no exit comes through."""
    done = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    return Done(done.exit_code, done.stdout, done.stderr)


def refused(*arguments, code=2):
    """The one line on stderr of a command that ends with this exit code."""
    done = command(*arguments)
    assert done.code == code, done
    (line,) = done.err.splitlines()
    assert line.startswith("jax-logreg: ")
    return line.removeprefix("jax-logreg: ")
