"""Several processes as hosts, over the loopback interface: the answer of one, and how they end."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hosts_worker import REFUSED, TABLE, compute, numbers_of
from numpy.testing import assert_allclose, assert_array_equal

TESTS = Path(__file__).parent
# Seconds after which hosts that hang are ended.
LONGEST = 180
LOST = (
    "jax-logreg: another host was lost: relaunch all hosts, with --resume to go on from what was "
    "saved"
)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def launch(count, command):
    """Exit code, stdout and stderr of each host; none outlives this."""
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": "1", "PYTHONPATH": str(TESTS.parent)}
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
    ended = launch(
        count, lambda host: map(str, (worker, act, folder, count, address, host))
    )
    return ended, [dict(np.load(folder / f"{act}{host}.npz")) for host in range(count)]


def done(ended):
    for code, out, err in ended:
        assert (code, out, err) == (0, "", "")


def same(found, expected):
    for name, value in expected.items():
        if value.dtype.kind == "U":
            assert found[name] == value, name
        else:
            assert_allclose(found[name], value, rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.usefixtures("quick")
def test_two_hosts_have_the_answer_of_one(tmp_path):
    ended, everyone = work("table", 2, tmp_path)
    done(ended)
    for name in TABLE:
        expected = numbers_of(name, compute(name))
        for found in everyone:
            same(found, expected)
    for name, (_, line) in REFUSED.items():
        for found in everyone:
            assert re.match(line, str(found[f"refused {name}"])), found


@pytest.mark.usefixtures("quick")
def test_four_hosts_of_which_one_has_no_example(tmp_path):
    ended, everyone = work("few", 4, tmp_path)
    done(ended)
    for found in everyone:
        same(found, numbers_of("descent", compute("descent")))


def test_a_killed_host_ends_the_other_and_a_relaunch_goes_on(tmp_path):
    ended, undisturbed = work("killed", 2, tmp_path)
    assert ended[0] == (75, "", f"{LOST}\n")
    code, _, err = ended[1]
    assert code == 128 + signal.SIGKILL and err.startswith("jax-logreg: this host's process was k")
    assert len(list((tmp_path / "saved").glob("main_host1of2-*"))) == 2
    ended, resumed = work("resumed", 2, tmp_path)
    done(ended)
    for found, expected in zip(resumed, undisturbed, strict=True):
        for name, value in expected.items():
            assert_array_equal(found[name], value, err_msg=name)
