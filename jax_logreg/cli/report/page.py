"""The page of one run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from jax_logreg.cli.measures import measures, number
from jax_logreg.cli.report import as_csv, words
from jax_logreg.cli.report.pictures import SECTIONS
from jax_logreg.cli.summary import Summary
from jax_logreg.errors.extras import needs

if TYPE_CHECKING:
    import jinja2


def render(folder: Mapping[str, bytes]) -> str:
    """Return the page of a run, from the files of its folder by name; missing ones are left out."""
    summary = Summary.read(folder["result.json"])
    tables = {name: as_csv.read(content) for name, content in folder.items() if name in _TABLES}
    sections = {
        heading: draw(tables, summary)
        for heading, (needed, draw) in SECTIONS.items()
        if all(name in tables for name in needed)
    }
    return (
        templates()
        .get_template("page.html")
        .render(
            summary=summary,
            end=words.ENDS[summary.status],
            lines=words.lines(summary),
            figures=words.figures(summary),
            whose=words.whose(summary),
            certificate=words.certificate(summary),
            measures=measures(summary, _unsaid(summary)) if summary.certificate else {},
            sections={heading: pictures for heading, pictures in sections.items() if pictures},
            config=folder["config.toml"].decode(),
        )
    )


def _unsaid(summary: Summary) -> list[str]:
    """Return the notes that are not part of the message: that is shown above."""
    return [note for note in summary.notes if note not in summary.message]


def templates() -> "jinja2.Environment":
    """Return the templates of the pages, which escape all that is put into them."""
    with needs("run"):
        import jinja2
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    return environment


_TABLES = {name for needed, _ in SECTIONS.values() for name in needed}
