"""`jax-logreg doctor`: versions, devices and settings of this installation, and a certified fit."""

import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

import jax
import numpy as np

import jax_logreg
from jax_logreg import L2, Status, fit
from jax_logreg._jax import cache_files, cache_folder
from jax_logreg._jax.flags import count_cores
from jax_logreg.display import shorten
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs
from jax_logreg.placement.memory import machine_memory
from jax_logreg.proof.goal import SHARE, in_words

with needs("run"):
    import typer
    from packaging.requirements import InvalidRequirement, Requirement

_NAME = "jax_logreg"
_CORE = ("jax", "jaxlib", "numpy", "optax")
# JAX finds a cluster by these variables.
_CLUSTER = (
    *("SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID"),
    *("OMPI_MCA_orte_hnp_uri", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    *("KUBERNETES_SERVICE_HOST", "JOB_COMPLETION_INDEX", "TPU_WORKER_ID", "TPU_WORKER_HOSTNAMES"),
)
# JAX is configured by these variables, and by those that start with JAX_ or XLA_.
_SETTINGS = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "OMP_NUM_THREADS", "TPU_CHIPS_PER_HOST")
# Characters of a variable's value, and of an error.
_LONGEST = 120
_EXAMPLES, _FEATURES = 2000, 20


def look_around() -> None:
    """Print the state of the installation; exit with code 1 if a fit is not certified."""
    for name, look in _LOOKS.items():
        lines = _looked(look)
        for line in lines:
            print(f"{name:<12} {line}")
            name = ""
    certified, line = check_fit()
    print(f"{'fit':<12} {line}")
    if not certified:
        print(f"jax-logreg: the fit is not certified: {line}", file=sys.stderr)
        raise typer.Exit(1)


def check_fit() -> tuple[bool, str]:
    """Return whether a small fit has its proof and its gradient check, and a line about it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(_FEATURES, _EXAMPLES)).astype(np.float32)
    Y = X.sum(axis=0) + 4 * rng.normal(size=_EXAMPLES) > 0
    began = time.perf_counter()
    try:
        result = fit(X, Y, penalty=L2(1e-3))
        error = float(result.certificate.error_in_std_errs)
        check = result.gradient_check
        certified = result.status is Status.CONVERGED and error <= SHARE
        certified = certified and check is not None and bool(check.passed)
        message = result.message
    # A broken installation may raise any exception.
    except Exception as broken:
        return False, _failed(broken)
    seconds = time.perf_counter() - began
    if not certified:
        return False, shorten(message, 3 * _LONGEST)
    return True, (
        f"certified in {seconds:.1f} s, compilation included, on {result.params.w.device}: "
        f"cost {float(result.certificate.cost):.4f}, error {in_words(error)}"
    )


def _versions() -> Iterator[str]:
    yield f"{_NAME} {jax_logreg.__version__} in {Path(jax_logreg.__file__).parent}"
    yield f"Python {platform.python_version()}, {platform.platform()}"
    yield ", ".join(f"{name} {_version(name)}" for name in _CORE)


def _devices() -> Iterator[str]:
    try:
        found = jax.local_devices()
    except Exception as error:
        yield _failed(error)
        asked = os.environ.get("JAX_PLATFORMS")
        # JAX may raise an assertion without a message.
        if asked:
            yield f"JAX_PLATFORMS={shorten(asked, _LONGEST)} asks for a device of each platform"
        return
    for device in found:
        held = (device.memory_stats() or {}).get("bytes_limit")
        of = "" if held is None else f", {held / 1e9:.1f} GB"
        kind = "" if device.device_kind == device.platform else f": {device.device_kind}"
        yield f"{device}{kind}{of}"
    cores = count_cores()
    yield f"{cores} core{'s' * (cores > 1)}"


def _memory() -> Iterator[str]:
    there = machine_memory()
    known = np.isfinite(there)
    yield f"{there / 1e9:.1f} GB for this process" if known else "unknown: no limit was found"


def _extras() -> Iterator[str]:
    try:
        extras = metadata.metadata(_NAME).get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        yield f"unknown: {_NAME} is imported from a folder, not installed"
        return
    for extra in extras:
        lacking = sorted(set(_lacking(_NAME, extra, set())))
        yield f"[{extra}] " + (f"missing: {', '.join(lacking)}" if lacking else "present")


def _lacking(package: str, extra: str, seen: set[tuple[str, str]]) -> Iterator[str]:
    """Yield the requirements of an extra, of any depth, without an installed version that fits."""
    seen.add((package, extra))
    for text in metadata.requires(package) or ():
        try:
            needed = Requirement(text)
        except InvalidRequirement:
            continue
        marker = needed.marker
        # A requirement without an extra belongs to no extra.
        if (
            marker is None
            or marker.evaluate({"extra": ""})
            or not marker.evaluate({"extra": extra})
        ):
            continue
        found = _version(needed.name)
        if found == _ABSENT or not needed.specifier.contains(found, prereleases=True):
            yield f"{needed.name}{needed.specifier}"
            continue
        for inner in needed.extras - {one for name, one in seen if name == needed.name}:
            yield from _lacking(needed.name, inner, seen)


def clear_programs() -> None:
    """Remove the programs that are kept, and print how many these were.

    Raises:
        InputError: the folder may be somebody else's.
    """
    try:
        number, size = cache_files.clear()
    except (cache_folder.Refused, OSError) as error:
        raise InputError(str(error)) from error
    print(f"{cache_folder.folder() or 'off'}: {number} programs removed, {size / 1e6:.1f} MB")


def _programs() -> Iterator[str]:
    path = cache_folder.folder()
    if path is None:
        yield f"off: {cache_folder.VARIABLE}={os.environ.get(cache_folder.VARIABLE, '')}"
        return
    try:
        number, size = cache_files.usage()
    except cache_folder.Refused as refused:
        yield f"refused: {refused}"
        return
    most = cache_files.LARGEST / 2**20
    yield f"{path}: {number} compiled programs, {size / 1e6:.1f} MB, at most {most:.0f} MiB"


def _cache() -> Iterator[str]:
    # The type checker knows no settings of JAX, and `jax.config.read` refuses this one.
    folder = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    if not folder:
        yield "off: JAX_COMPILATION_CACHE_DIR is not set"
        return
    if "://" in folder:
        yield folder
        return
    files = [path for path in Path(folder).glob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    yield f"{folder}: {len(files)} files, {size / 1e6:.1f} MB"


def _cluster() -> Iterator[str]:
    found = {name: os.environ[name] for name in _CLUSTER if name in os.environ}
    yield from _variables(found) or ["no variables of Slurm, Open MPI, Kubernetes or TPU pods"]


def _settings() -> Iterator[str]:
    wanted = [name for name in sorted(os.environ) if name.startswith(("JAX_", "XLA_"))]
    found = {name: os.environ[name] for name in [*wanted, *_SETTINGS] if name in os.environ}
    yield from _variables(found) or ["none in the environment"]


def _variables(found: Mapping[str, str]) -> list[str]:
    return [f"{name}={shorten(value, _LONGEST)}" for name, value in found.items()]


_LOOKS: Mapping[str, Callable[[], Iterator[str]]] = {
    "versions": _versions,
    "devices": _devices,
    "memory": _memory,
    "extras": _extras,
    "programs": _programs,
    "JAX's cache": _cache,
    "cluster": _cluster,
    "settings": _settings,
}
_ABSENT = "not installed"


def _looked(look: Callable[[], Iterator[str]]) -> list[str]:
    """Return the lines of one look, or its error in a line: other looks are still shown."""
    try:
        return list(look())
    except Exception as error:
        return [_failed(error)]


def _failed(error: Exception) -> str:
    reason = str(error)
    if not reason and error.__traceback__ is not None:
        *_, place = traceback.extract_tb(error.__traceback__)
        reason = f"in {place.name} of {place.filename}"
    return shorten(f"failed: {type(error).__name__}: {reason}", 3 * _LONGEST)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return _ABSENT
