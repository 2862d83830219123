"""Keys of compiled programs: all that a program depends on, in one digest, without tracing it.

A value that has no name in every process has no key, and its program is not kept. These are
functions made while a program runs, and code of others, whose text the key does not hold.
"""

import enum
import hashlib
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from types import NoneType
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

import jax_logreg

_PACKAGE = "jax_logreg"
# Kinds of devices whose executables were loaded again, to the same bits.
_PLATFORMS = ("cpu",)
_NODES = (tuple, list, dict, NoneType)
_PLAIN = (NoneType, bool, int, float, complex, str, bytes)
# Settings of JAX that change no program: where files lie, and what is logged.
_ASIDE = (
    *("jax_compilation_cache", "jax_enable_compilation_cache", "jax_persistent_cache"),
    *("jax_raise_persistent_cache", "jax_log_compiles", "jax_logging_level", "jax_traceback"),
    *("jax_explain_cache_misses", "jax_test_with_persistent"),
)
# Variables that XLA reads beside its flags.
_VARIABLES = ("XLA_", "TF_XLA_FLAGS", "PJRT_", "NPROC", "LIBTPU_")
# Lines of /proc/cpuinfo that say what the compiler may use, on x86 and on ARM, and bytes of it that
# hold those of one core: the kernel takes long to write those of all.
_OF_CPU = ("vendor_id", "cpu family", "model", "stepping", "flags", "Features", "CPU ")
_ONE_CORE = 2**14


class Unnamed(Exception):
    """A value that has no name, or not the same one in every process."""


try:
    from jax._src.config import trace_context
except ImportError:
    trace_context = None


def context() -> tuple[object, ...]:
    """Return the settings that JAX looks its own compiled functions up by.

    Raises:
        Unnamed: a JAX that has them elsewhere.
    """
    if trace_context is None:
        raise Unnamed("the settings of JAX")
    found: tuple[object, ...] = trace_context()
    return found


def digest_of(parts: Mapping[str, object]) -> str:
    """Return the digest of a program's parts and of the process that it is compiled in.

    Raises:
        Unnamed: a part without a name, or a process whose programs are not to be kept.
    """
    process = _process()
    if process is None:
        raise Unnamed("this process")
    lines = [process, *_settings(), *(f"{key}: {name_of(one)}" for key, one in parts.items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def name_of(value: object) -> str:
    """Return a line that is the same in every process, and another for another value.

    Raises:
        Unnamed: a value without such a line.
    """
    kind = type(value)
    if kind in _PLAIN:
        return repr(value)
    if isinstance(value, enum.Enum):
        return f"{_owned(kind)}.{value.name}"
    if kind in (tuple, list) or (isinstance(value, tuple) and hasattr(value, "_fields")):
        name = kind.__name__ if kind in (tuple, list) else _owned(kind)
        return f"{name}({', '.join(map(name_of, value))})"  # type: ignore[call-overload]
    if isinstance(value, dict) and kind is dict:
        return f"dict({', '.join(f'{name_of(k)}: {name_of(v)}' for k, v in value.items())})"
    if isinstance(value, partial) and kind is partial:
        return f"partial{name_of((value.func, value.args, value.keywords))}"
    if is_dataclass(value) and not isinstance(value, type):
        parts = (name_of(getattr(value, one.name)) for one in fields(value))
        return f"{_owned(kind)}({', '.join(parts)})"
    if isinstance(value, np.dtype):
        return value.str
    if isinstance(value, jax.tree_util.PyTreeDef):
        return _tree(value)
    if isinstance(value, Mesh | PartitionSpec | NamedSharding | SingleDeviceSharding | jax.Device):
        return _place(value)
    if isinstance(value, jax.core.ShapedArray):
        weak = " weak" if value.weak_type else ""
        return f"{value.dtype}{value.shape}{weak}"
    return _owned(value)


def _tree(tree: Any) -> str:
    """Return the line of a pytree's structure; each node is a builtin's or this package's."""
    found = tree.node_data()
    if found is None:
        return "*"
    kind, data = found
    name = kind.__name__ if kind in _NODES else _owned(kind)
    # Of a NamedTuple JAX gives the class once more.
    held = "" if data is None or data is kind else name_of(data)
    return f"{name}[{held}]({', '.join(map(_tree, tree.children()))})"


def _place(value: Any) -> str:
    """Return the line of a device, or of an array's places on several."""
    if isinstance(value, jax.Device):
        return f"{value.platform} {value.id} {value.device_kind}"
    if isinstance(value, PartitionSpec):
        return f"spec{name_of(tuple(value))}"
    if isinstance(value, SingleDeviceSharding):
        (device,) = value.device_set
        return f"{name_of(device)} {value.memory_kind}"
    if isinstance(value, NamedSharding):
        return f"{name_of(value.mesh)} {name_of(value.spec)} {value.memory_kind}"
    if not isinstance(value, Mesh) or any(one != AxisType.Auto for one in value.axis_types):
        raise Unnamed(value)
    devices = ", ".join(map(name_of, value.devices.flat))
    return f"mesh {value.axis_names} {value.devices.shape} {devices}"


def _owned(value: Any) -> str:
    """Return the full name of a function or class of this package, where it leads to the value."""
    module = getattr(value, "__module__", None) or ""
    name = getattr(value, "__qualname__", None) or ""
    if module.partition(".")[0] != _PACKAGE or not name:
        raise Unnamed(value)
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    while found is not None and found is not value:
        # A decorator may stand around the function.
        found = getattr(found, "__wrapped__", None)
    if found is None:
        raise Unnamed(value)
    return f"{module}.{name}"


def _settings() -> Iterator[str]:
    """The settings of JAX as they are now, contexts of this thread included."""
    for name, value in sorted(jax.config.values.items()):
        if not name.startswith(_ASIDE):
            yield f"{name}={_settled(value)}"
    yield ", ".join(map(_settled, context()))


def _settled(value: object) -> str:
    """Return the line of a setting; of an object of JAX's only one that says nothing has one."""
    line = repr(value)
    if " at 0x" not in line:
        return line
    kind = type(value)
    if kind.__module__.partition(".")[0] == "jax" and value == kind():
        return kind.__qualname__
    raise Unnamed(value)


@cache
def _process() -> str | None:
    """The line of what stays while a process runs; None where programs are not to be kept."""
    sources = _sources()
    devices = jax.devices()
    known = devices[0].platform in _PLATFORMS
    # Who dumps what XLA does wants it to be done.
    asked = "xla_dump" in os.environ.get("XLA_FLAGS", "")
    if sources is None or not known or asked or jax.process_count() > 1:
        return None
    variables = {key: os.environ[key] for key in os.environ if key.startswith(_VARIABLES)}
    parts = {
        "sources": sources,
        "versions": (sys.version, jax.__version__, _jaxlib(), np.__version__),
        "platform": (devices[0].platform, devices[0].client.platform_version),
        "devices": tuple(map(name_of, devices)),
        "variables": tuple(sorted(variables.items())),
        "flags": _flags(),
        "cpu": _cpu(devices),
        # XLA cuts loops for the threads that it has.
        "cores": (os.cpu_count(), _affinity()),
    }
    return "\n".join(f"{key}: {value!r}" for key, value in parts.items())


def _sources() -> str | None:
    """The digest of this package's text; None where it changed since it was imported."""
    root, content = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        found = path.stat()
        # The time of change too: installers keep that of modification.
        if max(found.st_mtime, found.st_ctime) > jax_logreg._imported:
            return None
        text = path.read_bytes()
        content.update(f"{path.relative_to(root)} {len(text)}\n".encode() + text)
    return content.hexdigest()


def _flags() -> str:
    """The digest of the flags that XLA goes by, wherever it read them."""
    from jax._src.lib import xla_client  # type: ignore[attr-defined]

    return hashlib.sha256(xla_client.CompileOptions().SerializeAsString()).hexdigest()


def _jaxlib() -> str:
    from jaxlib.version import __version__

    return str(__version__)


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0


def _cpu(devices: list[jax.Device]) -> tuple[str, ...]:
    """The lines on the processor that the compiler goes by."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        with cpuinfo.open("rb") as file:
            text = file.read(_ONE_CORE).decode(errors="replace").partition("\n\n")[0]
        return tuple(line for line in text.splitlines() if line.startswith(_OF_CPU))
    from jax._src.lib import xla_client  # type: ignore[attr-defined]

    mark = xla_client.get_topology_for_devices(devices).fingerprint()
    return platform.machine(), platform.processor(), platform.release(), str(mark)
