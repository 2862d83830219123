"""One line for each argument of a run: numbers as they are, arrays and functions by a digest."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType

import jax
import numpy as np

# Numbers that are shown one by one; more are shown by their digest.
_FEW = 10
# Characters of a line that a person reads; a longer one is shown by its digest.
_LONG = 90
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_PLAIN = (bool, int, float, complex, str, bytes, np.generic, np.ndarray, jax.Array)


def digest(content: bytes | memoryview) -> str:
    """The BLAKE2 digest of bytes, in hexadecimal."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def describe(value: object) -> str:
    """Return one line that is the same in every process, and another for another value.

    A function is described by its bytecode, constants, defaults and closures. The plain numbers and
    texts of its module that it reads count too. So an Optax transformation with another number has
    another line. A class is described by its name; what functions read elsewhere is not seen.
    """
    line = _Describer().line(value)
    if len(line) <= _LONG:
        return line
    return f"{type(value).__name__} of digest {digest(line.encode())}"


class _Describer:
    """The lines of one value; each object within it is described once, so that cycles end."""

    def __init__(self) -> None:
        self._seen: dict[int, object] = {}

    def line(self, value: object) -> str:
        """Return the whole line, however long."""
        if value is None or isinstance(value, bool | str | bytes | complex | np.bool_):
            return repr(value.item() if isinstance(value, np.generic) else value)
        if isinstance(value, int | float | np.integer | np.floating):
            return _number(value)
        if isinstance(value, type | ModuleType):
            return value.__name__
        if hasattr(value, "__array__"):
            return _array(value)
        if id(value) in self._seen:
            return f"#{list(self._seen).index(id(value))}"
        self._seen[id(value)] = value
        return self._parts(value)

    def _parts(self, value: object) -> str:
        """Return the line of something that holds others."""
        name = type(value).__name__
        if isinstance(value, Mapping):
            pairs = sorted((self.line(key), value[key]) for key in value)
            return f"{{{', '.join(f'{key}: {self.line(one)}' for key, one in pairs)}}}"
        if isinstance(value, set | frozenset):
            return f"{name}({', '.join(sorted(map(self.line, value)))})"
        if isinstance(value, list | tuple):
            array = _as_array(value)
            if array is not None:
                return _array(array)
            return f"{name}({', '.join(map(self.line, value))})"
        if is_dataclass(value):
            return self._named(name, {f.name: getattr(value, f.name) for f in fields(value)})
        if isinstance(value, CodeType):
            return self._code(value)
        return self._function(value) if callable(value) else self._object(value)

    def _function(self, f: Callable[..., object]) -> str:
        if isinstance(f, partial):
            return f"partial({self.line(f.func)}, {self.line(f.args)}, {self.line(f.keywords)})"
        if isinstance(f, MethodType):
            return f"{self.line(f.__func__)} of {self.line(f.__self__)}"
        if isinstance(f, BuiltinFunctionType | np.ufunc):
            return getattr(f, "__qualname__", f.__name__)
        if not isinstance(f, FunctionType):
            wrapped = getattr(f, "__wrapped__", None)
            return self._object(f) if wrapped is None else self.line(wrapped)
        own = {"code": f.__code__, "defaults": f.__defaults__, "named": f.__kwdefaults__}
        held = {**own, **_closure(f), **_globals(f)}
        return self._named(f"{f.__module__}.{f.__qualname__}", held)

    def _code(self, code: CodeType) -> str:
        """Return names and constants with the digest of the bytecode."""
        constants = ", ".join(map(self.line, code.co_consts))
        return f"{digest(code.co_code)} {code.co_names} {constants}"

    def _object(self, value: object) -> str:
        leaves, kind = jax.tree.flatten(value)
        if not (len(leaves) == 1 and leaves[0] is value):
            return f"{_ADDRESS.sub('', str(kind))} of {', '.join(map(self.line, leaves))}"
        held = getattr(value, "__dict__", None)
        if held is None:
            return _ADDRESS.sub("", repr(value))
        return self._named(f"{type(value).__module__}.{type(value).__qualname__}", held)

    def _named(self, name: str, held: Mapping[str, object]) -> str:
        return f"{name}({', '.join(f'{key}={self.line(one)}' for key, one in held.items())})"


def _number(value: object) -> str:
    """Return a number as Python writes it; 1 and 1.0 are alike."""
    number = value.item() if isinstance(value, np.generic) else value
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    return repr(number)


def _array(value: object) -> str:
    array = np.asarray(value)
    if array.shape == ():
        return _number(array[()]) if array.dtype.kind in "iuf" else repr(array.item())
    if array.size <= _FEW:
        return str(array.tolist())
    if array.dtype.kind == "O":
        content = "\n".join(map(repr, array.ravel())).encode()
    else:
        content = np.ascontiguousarray(array).tobytes()
    return f"{array.dtype} of shape {array.shape} and digest {digest(content)}"


def _as_array(values: Sequence[object]) -> np.ndarray | None:
    """Return a list or tuple of many plain numbers or texts as an array."""
    if len(values) <= _FEW or not all(isinstance(one, int | float | str) for one in values):
        return None
    return np.asarray(values)


def _closure(f: FunctionType) -> dict[str, object]:
    held: dict[str, object] = {}
    for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
        try:
            held[name] = cell.cell_contents
        # A function that is not defined yet.
        except ValueError:
            continue
    return held


def _globals(f: FunctionType) -> dict[str, object]:
    """Return the numbers and texts of its module that a function reads."""
    names = (name for name in f.__code__.co_names if name in f.__globals__)
    return {name: f.__globals__[name] for name in names if isinstance(f.__globals__[name], _PLAIN)}
