"""`jax-logreg new`: the configs that come with the package, listed and copied."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import jax_logreg
from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs
from jax_logreg.errors.nearest import closest

with needs("run"):
    import typer

_PACKAGE = Path(jax_logreg.__file__).parent
# The first is that of a wheel, the second that of a clone.
_PLACES = (_PACKAGE / "configs", _PACKAGE.parent / "configs")


def new(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="The config; without a name all are listed."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write, or its folder; by default NAME.toml.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a config to start from; without a name, list the configs."""
    from jax_logreg.cli.output import write_content

    found = find_configs()
    if not found:
        raise InputError(f"{_PLACES[0]} holds no configs: install jax_logreg again")
    if name is None:
        if out is not None:
            raise InputError(
                f"--out is {out}, but no config is named: expected NAME, {_names(found)}"
            )
        for known, path in found.items():
            print(f"{known:<14} {describe_config(path.read_text())}")
        print("\njax-logreg new NAME writes one of them to NAME.toml")
        return
    path = choose_config(name, found)
    target = Path(path.name) if out is None else out / path.name if out.is_dir() else out
    write_content(target, path.read_bytes(), force)
    print(f"written to {target}: jax-logreg run {target}")


def find_configs() -> Mapping[str, Path]:
    """Return the configs that come with the package, by name; empty where they were removed."""
    for place in _PLACES:
        found = {path.stem: path for path in sorted(place.glob("*.toml"))}
        if found:
            return found
    return {}


def choose_config(name: str, found: Mapping[str, Path]) -> Path:
    """Return the path of a config by its name, with or without folder and ".toml".

    Raises:
        InputError: no config has this name; the message has the nearest name, or all.
    """
    asked = Path(name).name.removesuffix(".toml")
    if asked in found:
        return found[asked]
    near = closest(asked, found)
    mend = f"did you mean {near!r}?" if near else f"expected {_names(found)}"
    raise InputError(f"there is no config {name[:60]!r}: {mend}")


def offer(path: Path) -> str:
    """Return the command that writes a config of this name, or nothing where there is no such."""
    known = path.stem in find_configs()
    return f": jax-logreg new {path.stem} --out {path} writes it" if known else ""


def describe_config(text: str) -> str:
    """Return the first sentence of the first lines of a config, which say what it shows."""
    comment = re.match(r"(?:#.*\n)*", text)
    words = " ".join(comment[0].replace("#", " ").split()) if comment else ""
    shows = words.removeprefix("Shows: ").partition(" Takes: ")[0]
    return re.split(r"(?<=[.:;]) ", shows)[0].rstrip(".:;")


def _names(found: Mapping[str, Path]) -> str:
    return f"one of {', '.join(found)}"
