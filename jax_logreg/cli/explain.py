"""The errors that pydantic found in a config, in one line each."""

from collections.abc import Iterator, Mapping
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from jax_logreg.errors.nearest import closest
from jax_logreg.errors.one_line import printable

# Faults that are read, and those that get a line.
_READ, _SHOWN = 100, 10


def explain(
    error: ValidationError,
    model: type[BaseModel],
    tree: dict[str, object],
    source: str,
    origins: dict[str, str],
) -> str:
    """Return a line for each of the first ten wrong keys: its place, its value, what was expected.

    `origins` has the override of each key that was overridden; all others come from the source.
    """
    found: dict[str, list[ErrorDetails]] = {}
    for problem in error.errors()[:_READ]:
        found.setdefault(_key(problem, tree), []).append(problem)
    lines = []
    for key, problems in found.items():
        # A union has errors of each member: those of the nearest lie deepest.
        if any(_within(other, key) and other != key for other in found):
            continue
        origin = find_origin(key, origins, source)
        if origin == source and problems[0]["type"] in ("missing", "union_tag_not_found"):
            # The key that made it necessary stands in the same table.
            table = key.rpartition(".")[0]
            origin = find_origin(table, origins, source) if table else source
        lines.append(printable(f"{origin}: {_describe(key, problems, model, tree)}"))
    return "\n".join([*lines[:_SHOWN], *(["and more such faults"] if len(lines) > _SHOWN else [])])


def find_origin(key: str, origins: dict[str, str], source: str) -> str:
    """Return the override that set the key, a key within it, or its table; else the source."""
    named = [origins[k] for k in origins if _within(k, key) or _within(key, k)]
    return named[0] if named else source


def _within(key: str, table: str) -> bool:
    return f"{key}.".startswith(f"{table}.")


def _key(problem: ErrorDetails, tree: object) -> str:
    """Return the dotted key at fault, without pydantic's names for the members of a union."""
    names = []
    *parents, last = problem["loc"]
    for name in parents:
        if isinstance(tree, dict) and name in tree:
            names.append(str(name))
            tree = tree[name]
    if isinstance(tree, dict) and (last in tree or problem["type"] == "missing"):
        names.append(str(last))
    if problem["type"].startswith("union_tag"):
        names.append(problem["ctx"]["discriminator"].strip("'"))
    return ".".join(names)


def _describe(
    key: str, problems: list[ErrorDetails], model: type[BaseModel], tree: dict[str, object]
) -> str:
    kind, value = problems[0]["type"], problems[0]["input"]
    if kind == "extra_forbidden":
        return f"{key} is no known key: {_nearest_key(key, model, tree)}"
    if kind == "missing":
        return f"{key} is missing: it has no default"
    if kind == "union_tag_not_found":
        field = model.model_fields[key.partition(".")[0]]
        tags = [_tag(member, str(field.discriminator)) for member in get_args(field.annotation)]
        return f"{key} is missing: expected one of {', '.join(map(repr, tags))}"
    if kind.startswith("model_"):
        return f"{key} is {_brief(value)}: expected a table, [{key}]"
    if kind == "union_tag_invalid":
        value = problems[0]["ctx"]["tag"]
    return f"{key} is {_brief(value)}: {_expected(problems, value)}"


def _expected(problems: list[ErrorDetails], value: object = None) -> str:
    """Return what the members of a union expect, and the text that was likely meant."""
    options = []
    for problem in problems:
        context: Mapping[str, object] = problem.get("ctx", {})
        tags = context.get("expected_tags") or context.get("expected")
        if tags:
            options.append(f"one of {tags}".replace(" or ", ", "))
        else:
            text = problem["msg"].removeprefix("Input should be ")
            text = text.replace("valid dictionary", "table")
            options.append(f"a value {text}" if text.startswith(("greater", "less")) else text)
    names = ", ".join(options).replace("one of ", "").replace("'", "").split(", ")
    near = closest(value, names) if isinstance(value, str) else None
    expected = "expected " + ", or ".join(dict.fromkeys(options))
    return f"{expected}; did you mean '{near}'?" if near else expected


def _brief(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    return repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:57]}..."


def _nearest_key(key: str, model: type[BaseModel], tree: dict[str, object]) -> str:
    """Return the key that was likely meant: a similar one of the same table, or one elsewhere."""
    table, _, name = key.rpartition(".")
    keys = list(dict.fromkeys(_keys(model, tree)))
    here = [k.rpartition(".")[2] for k in keys if k.rpartition(".")[0] == table]
    near = closest(name, here)
    if near:
        return f"did you mean {table + '.' if table else ''}{near}?"
    owners = _owners(name, table, model)
    if owners:
        return f"it belongs to {owners}"
    elsewhere = [k for k in keys if closest(name, [k.rpartition(".")[2]], 0.8)]
    if elsewhere:
        return f"did you mean {elsewhere[0]}?"
    return f"expected one of {', '.join(here)}" if here else "expected no table of that name"


def _owners(name: str, table: str, model: type[BaseModel]) -> str:
    """Return the members of the table's union that have a key of this name; empty for no such."""
    field = model.model_fields.get(table)
    if field is None or not isinstance(field.discriminator, str):
        return ""
    members = [m for m in _models(field.annotation, None, None) if name in m.model_fields]
    return " or ".join(f"{field.discriminator}={_tag(m, field.discriminator)!r}" for m in members)


def _keys(model: type[BaseModel], tree: object, prefix: str = "") -> Iterator[str]:
    """Yield the dotted keys that a tree may have, of all tables."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        inner = tree.get(name) if isinstance(tree, dict) else None
        for member in _models(field.annotation, field.discriminator, inner):
            yield from _keys(member, inner, f"{prefix}{name}.")


def _models(annotation: object, discriminator: object, tree: object) -> list[type[BaseModel]]:
    """Return the table of a field; of several, the one that its discriminator names, else all."""
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, BaseModel) else []
    members = [m for m in get_args(annotation) if isinstance(m, type) and issubclass(m, BaseModel)]
    if not isinstance(discriminator, str) or not isinstance(tree, dict):
        return members
    tag = tree.get(discriminator)
    return [member for member in members if _tag(member, discriminator) == tag] or members


def _tag(member: type[BaseModel], discriminator: str) -> str:
    """Return the value of the key by which a member of a union is chosen."""
    (tag,) = get_args(member.model_fields[discriminator].annotation)
    return str(tag)
