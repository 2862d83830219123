"""Cases of one kind in a process of their own, whose memory and time are bounded.

A case that ends in success or an InputError writes a line of what it ended in; any other writes its
traceback, or ends the process, whose last line is then the case it started.
"""

import importlib
import json
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

# Of one case: what it may map beyond what the libraries do; seconds it may compute, more where it
# compiles, and times as many that it may wait, on a machine that others use too.
BYTES = 2**31
SECONDS = {"config": 10, "file": 10, "trained": 60}
WAITING = 3


def mapped():
    """Bytes of address space of this process."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def main(kind, seeds):
    from jax_logreg.errors import InputError
    from jax_logreg.placement.memory import within_memory

    cases = importlib.import_module(f"fuzz.{kind}_cases")
    # A warning is no line of ours, and no fault of what is read either.
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        cases.prepare_once(Path(folder))
        limit = mapped() + BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        for seed in seeds:
            print(json.dumps({"began": seed}), flush=True)
            began = time.perf_counter()
            # Nobody handles these signals: they end what hangs in a library too.
            signal.setitimer(signal.ITIMER_PROF, SECONDS[kind])
            signal.setitimer(signal.ITIMER_REAL, WAITING * SECONDS[kind])
            try:
                # As around every command.
                with within_memory():
                    end = cases.run(seed, Path(folder)) or "success"
            except InputError as error:
                end = f"refused: {error}"
            except BaseException:
                end = traceback.format_exc()
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            if (Path(folder) / "executed").exists():
                end = "code was executed"
            seconds = time.perf_counter() - began
            print(json.dumps({"ended": seed, "in": end, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], map(int, sys.argv[2:]))
