"""The references of configs and commands, as Markdown made of the code's own declarations.

The page of configs comes from their JSON schema, which `jax-logreg schema` prints. The page of
commands comes from the declarations that `--help` shows.
"""

import typing

Schema = dict[str, typing.Any]


def config_reference(schema: Schema) -> list[str]:
    """Return Markdown with a heading for each table of a config, and one for each of its kinds."""
    lines = []
    for table, declared in schema["properties"].items():
        lines += [f"## [{table}]", "", declared["description"], ""]
        kinds = [kind for kind in alternatives(schema, declared) if "properties" in kind]
        tag = declared.get("discriminator", {}).get("propertyName")
        if tag is None and any("discriminator" in one for one in declared.get("anyOf", [])):
            tag = next(one for one in declared["anyOf"] if "discriminator" in one)
            tag = tag["discriminator"]["propertyName"]
        for kind in kinds:
            if tag is not None:
                lines += [f"### `{tag} = {toml(kind['properties'][tag]['const'])}`", ""]
            described = kind.get("description", "").splitlines()
            lines += [*(described if described[:1] != [declared["description"]] else []), ""]
            lines += keys(schema, kind, tag)
    return lines


def keys(schema: Schema, kind: Schema, tag: str | None) -> list[str]:
    """Return a definition of each key of a section, of all but its tag."""
    lines = []
    for name, key in kind["properties"].items():
        if name != tag:
            facts = [f"`{name}`", values(schema, key), default(kind, name, key)]
            lines += definition(" · ".join(filter(None, facts)), key.get("description", ""))
    return lines or ["No other keys.", ""]


def definition(term: str, text: str) -> list[str]:
    """Return an entry of a Markdown definition list: on a phone it reads better than a table."""
    return [term, f": {' '.join(text.split()) or '&nbsp;'}", ""]


def alternatives(schema: Schema, declared: Schema) -> list[Schema]:
    """Return all that a declaration can be, references followed, unions flattened."""
    if "$ref" in declared:
        return alternatives(schema, schema["$defs"][declared["$ref"].rpartition("/")[2]])
    union = declared.get("oneOf") or declared.get("anyOf")
    if not union:
        return [declared]
    return [found for one in union for found in alternatives(schema, one)]


def values(schema: Schema, key: Schema) -> str:
    """Return the values that a key takes, in words."""
    found = [value(schema, one) for one in alternatives(schema, key) if one.get("type") != "null"]
    return ", or ".join(dict.fromkeys(found))


def value(schema: Schema, one: Schema) -> str:
    """Return one kind of value in words, with its bounds."""
    if "const" in one or "enum" in one:
        return ", ".join(f"`{toml(text)}`" for text in one.get("enum", [one.get("const")]))
    if one["type"] == "array":
        return f"a list of: {values(schema, one['items'])}" if one.get("items") else "a list"
    if one["type"] == "object":
        each = one.get("additionalProperties")
        return f"a table of: {values(schema, each)}" if isinstance(each, dict) else "a table"
    name = {
        "integer": "integer",
        "number": "number",
        "string": "text",
        "boolean": "`true`, `false`",
    }
    marks = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{mark} {one[bound]:,}" for bound, mark in marks.items() if bound in one]
    return " ".join([name[one["type"]], ", ".join(bounds)]).strip()


def default(kind: Schema, name: str, key: Schema) -> str:
    """Return the default of a key as a config would have it."""
    if name in kind.get("required", []):
        return "required"
    return "" if key.get("default") is None else f"default `{toml(key['default'])}`"


def toml(value: typing.Any) -> str:
    """Return a value as TOML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def command_reference(group: typing.Any) -> list[str]:
    """Return Markdown with a heading for each command: its usage, text, arguments and options."""
    lines = []
    for name, command in group.commands.items():
        shown = [part for part in command.params if not getattr(part, "hidden", False)]
        named = [part for part in shown if part.param_type_name == "argument"]
        usage = " ".join([f"jax-logreg {name}", *map(metavar, named), "[OPTIONS]"])
        lines += [
            f"## {name}",
            "",
            "```text",
            usage,
            "```",
            "",
            *plain(command.help).splitlines(),
            "",
        ]
        for part in shown:
            if part.name != "help":
                lines += definition(f"`{title(part)}`", plain(part.help or ""))
    return lines


def metavar(part: typing.Any) -> str:
    """Return an argument as its usage shows it."""
    name = metavar_of(part)
    return name if part.required or name.startswith("[") else f"[{name}]"


def metavar_of(part: typing.Any) -> str:
    """Return the word that stands for a value."""
    return part.metavar or part.name.upper()


def title(part: typing.Any) -> str:
    """Return an argument, or an option with its value."""
    if part.param_type_name == "argument":
        return metavar(part)
    names = ", ".join([*part.opts, *part.secondary_opts])
    return names if part.is_flag else f"{names} {metavar_of(part)}"


def plain(text: str) -> str:
    """Return a text as Markdown: angle brackets and asterisks are no markup."""
    return text.replace("<", "&lt;").replace("*", "\\*")
