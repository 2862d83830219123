"""Settings of the documentation site: `sphinx-build -W --keep-going docs docs/_build/html`."""

import os
import re
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
sys.path.insert(0, str(HERE / "_ext"))
# Imported first, so that signatures show the shapes of arrays.
import jaxtyping  # noqa: E402, F401

import jax_logreg  # noqa: E402

# Notebooks run on the CPU, call `jax-logreg` of this environment, and print as to a file.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
os.environ |= {"NO_COLOR": "1", "TTY_COMPATIBLE": "0", "COLUMNS": "80"}

project = PROJECT["name"]
author = "the authors of jax_logreg"
release = version = PROJECT["version"]
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "reference",
]
exclude_patterns = ["_build"]

# A quote or a dash of a text may be one of code, as in --resume.
smartquotes = False

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
# Sources are Markdown, shown by whatever hosts the project.
html_copy_source = html_show_sourcelink = False
html_show_copyright = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
nb_execution_mode = "force"
nb_execution_timeout = 120
# A failure is a warning, and warnings are errors.
nb_execution_show_tb = True
nb_execution_in_temp = True
nb_merge_streams = True

python_use_unqualified_type_names = True
# Trackers' libraries are large, and only their names are shown.
autodoc_mock_imports = ["mlflow", "tensorboardX"]
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True}
napoleon_include_init_with_doc = True
napoleon_custom_sections = [
    ("Differences", "params_style"),
    ("Attributes beyond scikit-learn's", "params_style"),
]
# Types of Args are in the signature's words: no links to guess.
napoleon_use_param = napoleon_use_rtype = False


def as_markup(lines):
    """Rewrite plain text with backticks, such as |w|, a*b, coef_, as reStructuredText.

    Text in backticks is code; public names become links.
    """
    for number, line in enumerate(lines):
        parts = re.split(r"`([^`]*)`", line)
        parts[::2] = [re.sub(r"([|*]|_(?!\w))", r"\\\1", part) for part in parts[::2]]
        parts[1::2] = [link_or_code(part) for part in parts[1::2]]
        lines[number] = "".join(parts)


def link_or_code(text):
    """Return a public name as a link, another text as code."""
    name = text.removeprefix("jax_logreg.")
    return f":py:obj:`~jax_logreg.{name}`" if name in jax_logreg.__all__ else f"``{text}``"


def setup(app):
    """Connect hooks before and after napoleon, which adds markup.

    It would take a property's words before a colon for its type.
    """
    before = {}

    def prepare(app, what, name, obj, options, lines):
        as_markup(lines)
        before[name] = list(lines)

    def restore(app, what, name, obj, options, lines):
        if what in ("attribute", "property"):
            lines[:] = before[name]

    def skip(app, what, name, obj, skipped, options):
        """Leave out fields of named tuples that have no words of their own."""
        return True if str(obj.__doc__).startswith("Alias for field number") else None

    def shorten(app, what, name, obj, options, signature, returns):
        """Show a family, a tuple of functions, by its name."""
        if signature is None:
            return None
        return re.sub(r"\('(\w+)', <.*>, (?:True|False)\)", r"'\1'", signature), returns

    app.connect("autodoc-process-signature", shorten)
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-docstring", prepare, priority=400)
    app.connect("autodoc-process-docstring", restore, priority=600)
