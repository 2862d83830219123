"""One small config with an odd number in it, trained for a few steps."""

import shutil

from fuzz.configs import TRAINED, make_trained
from run.command import command

from jax_logreg.errors import InputError


def prepare_once(folder):
    # The libraries of the report as well.
    assert run(None, folder) == "success"


def run(seed, folder):
    text, overrides = (TRAINED[0], []) if seed is None else make_trained(seed)
    (folder / "c.toml").write_text(text)
    arguments = [part for one in overrides for part in ("--set", one)]
    done = command("run", folder / "c.toml", "--out", folder / "run", *arguments)
    trained = (folder / "run").exists()
    shutil.rmtree(folder / "run", ignore_errors=True)
    assert done.code in (0, 1, 2), done
    assert trained or not (folder / "run.partial").exists()
    if done.code == 2:
        raise InputError("\n".join(line for line in done.err.splitlines()))
    return "success"
