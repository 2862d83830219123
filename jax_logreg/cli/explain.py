"""The errors that pydantic found in a config, in one line each."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from jax_logreg.errors.nearest import closest
from jax_logreg.errors.one_line import printable

# Faults that are looked at, and those that get a line.
_LOOKED_AT, _SHOWN = 100, 10


def explain(
    error: ValidationError,
    model: type[BaseModel],
    tree: dict[str, object],
    source: str,
    origins: dict[str, str],
) -> str:
    """One line for each of the first ten keys at fault: where it stands, what came, what was
    expected.

    `origins` says of keys that were overridden where they come from; all others are the source's.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for problem in error.errors()[:_LOOKED_AT]:
        found.setdefault(_key(dict(problem), tree), []).append(dict(problem))
    lines = []
    for key, problems in found.items():
        # Of a union, only the member that came near is worth a line.
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
    """The override that set the key, or something within it, or around; else the source."""
    named = [origins[k] for k in origins if _within(k, key) or _within(key, k)]
    return named[0] if named else source


def _within(key: str, table: str) -> bool:
    return f"{key}.".startswith(f"{table}.")


def _key(problem: dict[str, Any], tree: Any) -> str:
    """The dotted key at fault, without the names pydantic adds for the members of a union."""
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
    key: str, problems: list[dict[str, Any]], model: type[BaseModel], tree: dict[str, Any]
) -> str:
    kind, value = problems[0]["type"], problems[0]["input"]
    if kind == "extra_forbidden":
        return f"{key} is no known key: {_nearest_key(key, model, tree)}"
    if kind == "missing":
        return f"{key} is missing: it has no default"
    if kind == "union_tag_not_found":
        field = model.model_fields[key.partition(".")[0]]
        tags = [_tag(member, field.discriminator) for member in get_args(field.annotation)]
        return f"{key} is missing: expected one of {', '.join(map(repr, tags))}"
    if kind.startswith("model_"):
        return f"{key} is {_brief(value)}: expected a table, [{key}]"
    if kind == "union_tag_invalid":
        value = problems[0]["ctx"]["tag"]
    return f"{key} is {_brief(value)}: {_expected(problems, value)}"


def _expected(problems: list[dict[str, Any]], value: Any = None) -> str:
    options = []
    for problem in problems:
        tags = problem.get("ctx", {}).get("expected_tags") or problem.get("ctx", {}).get("expected")
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
    """The key that was likely meant: a similar one of the same table, or one elsewhere."""
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
    """The members of the table's union that have a key of this name; empty if none has."""
    field = model.model_fields.get(table)
    if field is None or not isinstance(field.discriminator, str):
        return ""
    members = [m for m in _models(field.annotation, None, None) if name in m.model_fields]
    return " or ".join(f"{field.discriminator}={_tag(m, field.discriminator)!r}" for m in members)


def _keys(model: type[BaseModel], tree: object, prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        inner = tree.get(name) if isinstance(tree, dict) else None
        for member in _models(field.annotation, field.discriminator, inner):
            yield from _keys(member, inner, f"{prefix}{name}.")


def _models(annotation: object, discriminator: object, tree: object) -> list[type[BaseModel]]:
    """The table that a field stands for; of several, the one its discriminator names, else all."""
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, BaseModel) else []
    members = [m for m in get_args(annotation) if isinstance(m, type) and issubclass(m, BaseModel)]
    if discriminator is None or not isinstance(tree, dict):
        return members
    tag = tree.get(discriminator)
    return [member for member in members if _tag(member, discriminator) == tag] or members


def _tag(member: type[BaseModel], discriminator: Any) -> str:
    (tag,) = get_args(member.model_fields[discriminator].annotation)
    return str(tag)
