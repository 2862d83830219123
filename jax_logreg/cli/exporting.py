"""`jax-logreg export`: the model of a run as a file that other programs compute from."""

from pathlib import Path
from typing import Annotated

from jax_logreg.errors import InputError
from jax_logreg.errors.extras import needs

with needs("run"):
    import typer


def export(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="The folder of a run.")],
    to: Annotated[
        str, typer.Option(metavar="KIND", help="The kind: onnx, stablehlo, sklearn or json.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write; by default model.SUFFIX in the folder of the run."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier file.")] = False,
) -> None:
    """Write the model for other programs: onnx, stablehlo, sklearn (a file of skops) or json.

    The file takes raw features, examples in rows. Before it is written, it is loaded again and
    compared with predict.
    """
    from jax_logreg.cli.output import write_content
    from jax_logreg.export import SUFFIXES
    from jax_logreg.export import export as make
    from jax_logreg.model import Model

    path = out or run_dir / f"model{SUFFIXES.get(to, '')}"
    if path.exists() and not force:
        raise InputError(f"{path} exists already: name another file with --out, or pass --force")
    exported = make(Model.load(run_dir / "model.safetensors"), to)
    write_content(path, exported.content, force)
    checked = "its predictions are those of predict"
    if exported.unchecked is not None:
        checked = f"not checked: {exported.unchecked}"
    print(f"written to {path}: {checked}")
