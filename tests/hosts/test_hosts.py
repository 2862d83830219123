"""Several processes as hosts, over the loopback interface: the answer of one, and how they end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli.command import QUICKSTART, command, refused
from hosts_worker import OFTEN, REFUSED, TABLE, compute, numbers_of
from numpy.testing import assert_allclose, assert_array_equal

from jax_logreg.errors import InputError
from jax_logreg.hosts import connect

TESTS = Path(__file__).parents[1]
# Seconds after which hosts that hang are ended.
LONGEST = 180
LOST = (
    "jax-logreg: another host was lost: start all hosts again, with --resume to continue from the "
    "last saved state"
)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def launch(count, command):
    """Exit code, stdout and stderr of each host; none outlives this."""
    path = os.pathsep.join([str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": "1", "PYTHONPATH": path}
    hosts = [
        subprocess.Popen(
            [sys.executable, *command(host)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for host in range(count)
    ]
    try:
        said = [host.communicate(timeout=LONGEST) for host in hosts]
    finally:
        for host in hosts:
            host.kill()
            host.wait()
    return [(host.returncode, *texts) for host, texts in zip(hosts, said, strict=True)]


def work(act, count, folder):
    """The workers of tests/hosts_worker.py, and what each of them found."""
    address, worker = f"127.0.0.1:{free_port()}", TESTS / "hosts_worker.py"
    ended = launch(count, lambda host: map(str, (worker, act, folder, count, address, host)))
    files = (folder / f"{act}{host}.npz" for host in range(count))
    return ended, [dict(np.load(file)) if file.exists() else {} for file in files]


def done(ended):
    for code, out, err in ended:
        assert (code, out, err) == (0, "", "")


def same(found, expected):
    for name, value in expected.items():
        if value.dtype.kind == "U":
            assert found[name] == value, name
        else:
            assert_allclose(found[name], value, rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize(
    ("act", "names"), [("often", OFTEN), pytest.param("table", TABLE, marks=pytest.mark.slow)]
)
def test_two_hosts_have_the_answer_of_one(act, names, tmp_path):
    ended, everyone = work(act, 2, tmp_path)
    done(ended)
    for name in names:
        expected = numbers_of(name, compute(name))
        for found in everyone:
            same(found, expected)
    for name, (_, line) in REFUSED.items():
        for found in everyone:
            assert re.match(line, str(found[f"refused {name}"])), found
    assert "many models at once run on one host" in str(everyone[0]["refused many"])


@pytest.mark.slow
def test_four_hosts_of_which_one_has_no_example(tmp_path):
    ended, everyone = work("few", 4, tmp_path)
    done(ended)
    for found in everyone:
        same(found, numbers_of("few", compute("few")))


def train(count, config, out, *options):
    """The command line on each host."""
    address = f"127.0.0.1:{free_port()}"

    def command(host):
        hosts = ("--hosts", count, "--host-id", host, "--coordinator", address)
        return map(str, ("-m", "jax_logreg", "run", config, "--out", out, *hosts, *options))

    return launch(count, command)


CONFIG = """
[data]
source = "file"
train = '{}'
weights = "times"
[penalty]
kind = "l2"
strength = 0.01
[solver]
method = "gradient_descent"
learning_rate = 0.3
[fit]
dtype = "float64"
steps = 30
tolerance = 1e-4
gradient_check = "off"
"""
# Numbers that depend on the order of sums, and on the machine.
OWN = ("seconds", "devices", "hosts", "gradient_check")


def table(folder):
    """A Parquet file whose row groups are no host's part, and a config that learns from it."""
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rng = np.random.default_rng(2)
    columns = {name: rng.standard_normal(101) for name in "abc"}
    columns["label"] = np.where(columns["a"] + rng.standard_normal(101) > 0, "x", "y")
    columns["times"] = rng.integers(1, 4, 101)
    parquet.write_table(pa.table(columns), folder / "data.parquet", row_group_size=17)
    config = folder / "config.toml"
    config.write_text(CONFIG.format(folder / "data.parquet"))
    return config


def test_the_command_line(tmp_path):
    config = table(tmp_path)
    (first, *others) = train(2, config, tmp_path / "two")
    assert command("run", config, "--out", tmp_path / "one").code == 0
    code, out, err = first
    assert (code, err) == (0, "") and "75 examples, 3 features; 26 held out, on 2 hosts" in out
    assert others == [(0, "", "")]
    one, two = (
        json.loads((tmp_path / name / "result.json").read_text()) for name in ("one", "two")
    )
    assert (one["hosts"], two["hosts"]) == (1, 2)
    # Sums over examples round by their order.
    measures = [found["evaluation"].pop("measures") for found in (one, two)]
    assert measures[1] == pytest.approx(measures[0], rel=1e-12)
    for name in one.keys() - set(OWN):
        if isinstance(one[name], float):
            assert_allclose(two[name], one[name], rtol=1e-12, err_msg=name)
        elif name != "certificate":
            assert two[name] == one[name], name
    assert {p.name for p in (tmp_path / "two").iterdir()} == {
        p.name for p in (tmp_path / "one").iterdir()
    }
    assert not (tmp_path / "two.partial").exists()


WRONG = {
    "no address": (["--hosts", 2], "--coordinator is missing: expected --coordinator ADDRESS:PORT"),
    "no number": (["--host-id", 0, "--coordinator", "a:1"], "--hosts is missing"),
    "no port": (["--hosts", 2, "--host-id", 0, "--coordinator", "a"], "--coordinator is 'a': exp"),
    "out of range": (["--hosts", 2, "--host-id", 2, "--coordinator", "a:1"], "--host-id is 2 and"),
    "none of them": (["--hosts", 0, "--host-id", 0, "--coordinator", "a:1"], "--host-id is 0 and"),
    "not a number": (["--hosts", "two"], "--hosts is 'two': expected auto, or the number"),
    "both": (["--hosts", "auto", "--host-id", 0], "--hosts auto asks the cluster for the addr"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_options_are_refused_in_one_line(wrong, tmp_path):
    options, line = WRONG[wrong]
    assert refused("run", QUICKSTART, "--out", tmp_path / "run", *options).startswith(line)
    assert not any(tmp_path.iterdir())


def test_a_port_in_use_and_a_host_that_does_not_come():
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"names port {port}, but .* in use: name another"):
            connect(f"127.0.0.1:{port}", 2, 0)
    with pytest.raises(InputError, match=r"host 0 does not answer at 127.0.0.1:\d+ within 0 s"):
        connect(f"127.0.0.1:{free_port()}", 2, 1, patience=0)


def test_a_killed_host_ends_the_other_and_a_relaunch_goes_on(tmp_path):
    ended, undisturbed = work("killed", 2, tmp_path)
    assert ended[0] == (75, "", f"{LOST}\n")
    code, _, err = ended[1]
    assert code == 128 + signal.SIGKILL and err.startswith("jax-logreg: this host's process was k")
    ended, resumed = work("resumed", 2, tmp_path)
    done(ended)
    for found, expected in zip(resumed, undisturbed, strict=True):
        assert re.match(r"resuming from step 1\d\d, ", *found["notice"])
        for name, value in expected.items():
            assert_array_equal(found[name], value, err_msg=name)
