"""One small config with an odd number in it, trained for a few steps."""

import shutil

from cli.command import command
from fuzz.configs import BINOMIAL, TRAINED

from jax_logreg.errors import InputError


def prepare_once(folder):
    # The libraries of the report as well.
    assert run(None, folder) == "success"


def run(seed, folder):
    text, overrides = (BINOMIAL, []) if seed is None else TRAINED[seed]
    (folder / "c.toml").write_text(text)
    arguments = [part for one in ("fit.steps=3", *overrides) for part in ("--set", one)]
    done = command("run", folder / "c.toml", "--out", folder / "run", *arguments)
    trained = (folder / "run").exists()
    shutil.rmtree(folder / "run", ignore_errors=True)
    assert done.code in (0, 1, 2), done
    assert trained or not (folder / "run.partial").exists()
    if done.code == 2:
        raise InputError("\n".join(line for line in done.err.splitlines()))
    return "success"
