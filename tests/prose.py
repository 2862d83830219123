"""The prose of the project: docstrings, comments, messages and pages, each with its line."""

import ast
import io
import re
import tokenize
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
FOLDERS = ("jax_logreg", "tests", "experiments", "configs", "docs", ".github", ".ci")
KINDS = (".py", ".md", ".toml", ".html", ".yml")
# Made by programs from other prose, or no text of the project.
LEFT_OUT = ("docs/_build/", "experiments/results/", "docs/jupyter_execute/")
_FENCE = re.compile(r"(`{3,}|~{3,}|:{3,})")
_ITEM = re.compile(r"(?:[-*+]|\d+\.|#+|>) ")
_TAGS = re.compile(r"{[{%#].*?[}%#]}|<style.*?</style>|<script.*?</script>|<[^>]*>", re.DOTALL)


class Prose(NamedTuple):
    """A piece of prose: its file from the root, its first line there, its kind and its text.

    The kinds are "docstring", "comment", "message", "page", and "table" and "code" of pages.
    """

    path: str
    line: int
    kind: str
    text: str


def files():
    """The files that hold prose, relative to the root."""
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    paths += [path for path in ROOT.glob("*") if path.suffix in KINDS]
    names = (path.relative_to(ROOT).as_posix() for path in paths)
    return sorted(
        name
        for name in names
        if (name.endswith(KINDS) or name == ".ci/run") and not name.startswith(LEFT_OUT)
    )


@cache
def prose(name):
    """The pieces of prose of a file, in its order."""
    text = (ROOT / name).read_text(encoding="utf-8")
    if name.endswith(".py"):
        found = [*_strings(text), *_comments(text)]
    elif name.endswith(".md"):
        found = [*paragraphs(text)]
    elif name.endswith(".html"):
        found = [(1, "page", _TAGS.sub(" ", text))]
    else:
        found = [*_marked(text)]
    return [Prose(name, *one) for one in sorted(found)]


def names(name):
    """The names that a Python file defines, with their lines: of itself, functions, arguments."""
    path = ROOT / name
    yield 1, path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


def paragraphs(text):
    """The paragraphs, items, headings, rows and lines of code of a page, with line and kind."""
    start, lines, fence = 1, [], None
    for number, line in enumerate([*text.splitlines(), ""], 1):
        stripped = line.strip()
        mark = _FENCE.match(stripped)
        if fence is not None:
            if mark and stripped == fence:
                fence = None
            else:
                yield number, "code", stripped
            continue
        if line.startswith("    ") and not lines:
            yield number, "code", stripped
            continue
        ends = not stripped or stripped.startswith("|") or mark
        if lines and (ends or _ITEM.match(stripped)):
            yield start, "page", " ".join(lines)
            lines = []
        if mark:
            fence = mark[0]
        elif stripped.startswith("|"):
            yield number, "table", stripped
        elif stripped:
            start = start if lines else number
            lines.append(_ITEM.sub("", stripped, count=1) if _ITEM.match(stripped) else stripped)


def sentences(text):
    """The sentences of a page, a code span or a link being one word; a colon ends one too."""
    for pattern, word in ((r"(`+).+?\1", "Code"), (r"!?\[[^\]]*\]\([^)]*\)", "Link")):
        text = re.sub(pattern, word, text, flags=re.DOTALL)
    return [one for one in re.split(r"(?<=[.!?:])[)\"'*]*\s+", text.strip()) if one]


def words(sentence):
    """The words of a sentence: no numbers, and no symbols of formulas."""
    return [
        one for one in sentence.split() if re.fullmatch(r"[^\w\s]*[A-Za-z][\w'/-]+[^\w\s]*", one)
    ]


def _strings(text):
    tree = ast.parse(text)
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (
                str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values
            )
            yield node.lineno, "message", "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) in docstrings:
                yield node.lineno, "docstring", node.value
            elif id(node) not in inside and " " in node.value:
                yield node.lineno, "message", node.value


def _comments(text):
    start, lines = 0, []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            if lines and token.start[0] != start + len(lines):
                yield start, "comment", " ".join(lines)
                lines = []
            start = start if lines else token.start[0]
            lines.append(token.string.lstrip("# "))
    if lines:
        yield start, "comment", " ".join(lines)


def _marked(text):
    """The comments of a file whose comments open with #."""
    for number, line in enumerate(text.splitlines(), 1):
        found = re.search(r"(?:^|\s)# ?(.*)", line)
        if found:
            yield number, "comment", found[1]
