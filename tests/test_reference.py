"""The references of the site: generated from the code, complete, and of names that exist."""

import importlib
import re

import pytest
import typer
from pages import ROOT

import jax_logreg
from jax_logreg.cli.app import app
from jax_logreg.cli.config import Config

API = "\n".join(page.read_text() for page in (ROOT / "docs" / "reference" / "api").glob("*.md"))


@pytest.fixture
def generated(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs" / "_ext")
    return importlib.import_module("generated")


def test_every_key_of_a_config_has_a_row(generated):
    schema = Config.model_json_schema()
    lines = generated.config_reference(schema)
    tags = {"source", "kind", "method"}
    for table in schema["properties"]:
        assert f"## [{table}]" in lines
    for name, section in schema["$defs"].items():
        for key, declared in section["properties"].items():
            named = any(line.split(" · ")[0] == f"`{key}`" for line in lines)
            assert named or key in tags or name == "Config", (name, key)
            text = " ".join(declared.get("description", "").split())
            assert any(text in line for line in lines), (name, key)


def test_every_kind_of_a_table_has_a_heading(generated):
    text = "\n".join(generated.config_reference(Config.model_json_schema()))
    kinds = set(re.findall(r"^### `(.*)`$", text, re.MULTILINE))
    assert {'source = "file"', 'kind = "l1"', 'method = "newton"', 'kind = "mlflow"'} <= kinds


def test_values_and_defaults_are_those_of_the_declaration(generated):
    lines = generated.config_reference(Config.model_json_schema())
    assert "`learning_rate` · number > 0 · required" in lines
    assert "`fit_intercept` · `true`, `false` · default `true`" in lines
    scoring = next(line for line in lines if line.startswith("`scoring` · "))
    assert '`"log_loss"`, `"accuracy"`' in scoring and scoring.endswith('default `"log_loss"`')


def test_every_command_and_option_has_a_row(generated):
    group = typer.main.get_command(app)
    lines = generated.command_reference(group)
    for name, command in group.commands.items():
        assert f"## {name}" in lines
        section = lines[lines.index(f"## {name}") :]
        for part in command.params:
            if part.param_type_name == "option" and part.name != "help":
                assert any(part.opts[0] in line for line in section if line.startswith("`")), part


def test_every_name_of_the_api_reference_exists():
    found = re.findall(r"^\.\. auto(\w+):: (\S+)\n((?:   :.*\n)*)", API, re.MULTILINE)
    assert len(found) >= 10
    for kind, name, options in found:
        if kind != "module":
            name, _, last = name.rpartition(".")
            assert hasattr(importlib.import_module(name), last), last
            continue
        module = importlib.import_module(name)
        members = re.search(r":members: (.*)", options)
        listed = members[1].split(", ") if members else module.__all__
        for member in listed:
            assert hasattr(module, member), (name, member)


def test_every_name_at_the_top_is_in_the_api_reference():
    named = set(re.findall(r"auto(?:class|function):: jax_logreg\.(\w+)$", API, re.MULTILINE))
    assert set(jax_logreg.__all__) <= named
