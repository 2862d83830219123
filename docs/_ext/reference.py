"""Directives that write the reference of configs and commands where they stand."""

import typing

from docutils import nodes
from docutils.statemachine import StringList
from generated import command_reference, config_reference
from sphinx.util.docutils import SphinxDirective


class Generated(SphinxDirective):
    """Markdown that is generated where the directive stands."""

    def lines(self) -> list[str]:
        """Return the Markdown."""
        raise NotImplementedError

    def run(self) -> list[typing.Any]:
        """Parse it, headings included."""
        source, line = self.get_source_info()
        content = StringList(self.lines(), source=source)
        node = nodes.Element()
        self.state.nested_parse(content, line, node, match_titles=True)
        return node.children


class ConfigReference(Generated):
    """The tables of a config."""

    def lines(self) -> list[str]:
        """Return the Markdown."""
        from jax_logreg.cli.config import Config

        return config_reference(Config.model_json_schema())


class CommandReference(Generated):
    """The commands of `jax-logreg`."""

    def lines(self) -> list[str]:
        """Return the Markdown."""
        import typer

        from jax_logreg.cli.app import app

        return command_reference(typer.main.get_command(app))


def setup(app: typing.Any) -> dict[str, bool]:
    """Add the directives."""
    app.add_directive("config-reference", ConfigReference)
    app.add_directive("command-reference", CommandReference)
    return {"parallel_read_safe": True}
