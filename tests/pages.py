"""The content of the project's pages: README.md and docs/."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
README = ROOT / "README.md"
PAGES = sorted(page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts)


# A one-line command that makes the virtual environment, and the extra that it installs.
SETUP = re.compile(
    r"^python3 -m venv \.venv && \.venv/bin/pip install --quiet -e '\.\[(\w+)\]' && "
)


def blocks(page, language):
    """The code blocks of a page in that language; of Python, a notebook's cells too."""
    language = r"(?:python|\{code-cell\} ipython3)" if language == "python" else language
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def commands(page):
    """The lines of a page's sh blocks."""
    return [line for block in blocks(page, "sh") for line in block.strip().splitlines()]


def dead_links(page):
    """The links of a page that lead to no file, or to no heading of theirs."""
    text = without_code(page)
    dead = []
    for link in re.findall(r"\]\((?!https)([^)]+)\)", text):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in headings(target)):
            dead.append(link)
    return dead


def without_code(page):
    """The text of a page."""
    return re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)


def headings(page):
    """The headings of a page as links name them."""
    lines = re.findall(r"^#+ (.*)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}
