"""The pages of docs/: their programs run, their commands, links and files exist."""

import re
import shlex

import jax
import pytest
import typer
from cli.command import command
from pages import PAGES, PROJECT, ROOT, blocks, commands, dead_links

from jax_logreg.cli.app import app
from jax_logreg.cli.config import load_config

# Commands of a clone are run by test_commands.py.
COMMANDS = [line for page in PAGES for line in commands(page) if not line.startswith(".venv/")]
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@pytest.fixture
def as_it_was():
    """A page may turn JAX's float64 on, as a program does."""
    before = jax.config.jax_enable_x64
    yield
    jax.config.update("jax_enable_x64", before)


@EVERY_PAGE
def test_a_page_is_one_program(page, tmp_path, monkeypatch, as_it_was):
    monkeypatch.chdir(tmp_path)
    program = {"__name__": page.stem, "call": call}
    text = page.read_text()
    for block in blocks(page, "python"):
        # Errors are to name the line of the page.
        above = text[: text.index(block)].count("\n")
        # A cell of a notebook may call a command.
        source = re.sub(r"^!jax-logreg (.*)$", r"call('\1')", block, flags=re.MULTILINE)
        exec(compile("\n" * above + source, page, "exec"), program)


def call(line):
    """Run `jax-logreg` with these arguments in this process."""
    assert command(*shlex.split(line)).code == 0


@EVERY_PAGE
def test_configs_are_configs(page, tmp_path):
    for block in blocks(page, "toml"):
        (tmp_path / "config.toml").write_text(block)
        load_config(tmp_path / "config.toml", [])


@EVERY_PAGE
def test_links_lead_somewhere(page):
    assert dead_links(page) == []


@EVERY_PAGE
def test_files_and_functions_that_are_named_exist(page):
    text = page.read_text()
    named = set(re.findall(r"`((?:\w+/)*\w+\.(?:py|toml))`", text))
    for name in named - {"config.toml"}:
        assert (ROOT / name).exists() or (ROOT / "jax_logreg" / name).exists(), name
    for name, functions in re.findall(r"`((?:\w+/)*\w+\.py)`: ((?:`\w+`(?:, )?)+)", text):
        source = (ROOT / "jax_logreg" / name).read_text()
        for function in re.findall(r"\w+", functions):
            assert re.search(rf"\b(def {function}\(|{function} = )", source), (name, function)


def calls(line):
    """The arguments of each jax-logreg in a line of a shell, also of one that it quotes."""
    lexer = shlex.shlex(re.sub(r"\$\w+", "1", line), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found = None
    for word in [*lexer, ";"]:
        if "jax-logreg " in word:
            yield from calls(word[word.index("jax-logreg ") :])
        elif word == "jax-logreg":
            found = []
        elif found is not None and set(word) <= set(";&|()<>"):
            yield found
            found = None
        elif found is not None:
            found.append(word)


def test_each_call_of_a_line_is_found():
    line = (
        "until A=1 jax-logreg run x --set 'a=b c'; do bash -c 'jax-logreg runs --n $N' && f; done"
    )
    assert list(calls(line)) == [["run", "x", "--set", "a=b c"], ["runs", "--n", "1"]]


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_and_options_exist(line):
    found = list(calls(line))
    for name, *arguments in found:
        declared = typer.main.get_command(app).commands[name]
        given = declared.make_context(name, arguments).params
        if name == "run":
            load_config(ROOT / given["config"], given["set_"] or [])
    extras = re.findall(r"pip install (?:-c constraints\.txt )?'\.\[(\w+)\]'", line)
    assert set(extras) <= set(PROJECT["optional-dependencies"])
    assert found or extras
