"""The files around the package: versions, groups, constraints, workflows, the citation."""

import re

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pages import PROJECT, PYPROJECT, ROOT

import jax_logreg

EXTRAS, GROUPS = PROJECT["optional-dependencies"], PYPROJECT["dependency-groups"]
# Their wheels are no part of the tested versions.
ACCELERATORS = {"cuda12", "cuda13", "tpu"}
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
EVERY_WORKFLOW = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def constraints():
    """The tested version of each package."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def load(name):
    return yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())


def commands(job):
    """The lines that a job runs."""
    scripts = (step.get("run", "") for step in job["steps"])
    return [line for script in scripts for line in script.strip().splitlines()]


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert PROJECT["version"] == jax_logreg.__version__ == citation["version"]
    assert citation["license"] == PROJECT["license"]
    assert citation["authors"] == [{"name": "The authors of jax_logreg"}]


def test_groups_are_the_extras():
    own = {name: sorted(list_) for name, list_ in GROUPS.items() if name != "dev"}
    extra = [one for one in EXTRAS["dev"] if not one.startswith("jax_logreg[")]
    assert sorted(own["test"] + own["lint"]) == sorted(extra)
    assert own["docs"] == sorted(EXTRAS["docs"][1:])
    assert GROUPS["dev"] == [{"include-group": name} for name in own]


def test_constraints_hold_a_version_that_fits_for_all_that_is_needed():
    found = constraints()
    listed = [one for extra in set(EXTRAS) - ACCELERATORS for one in EXTRAS[extra]]
    needed = map(Requirement, [*PROJECT["dependencies"], *listed])
    for one in needed:
        name = canonicalize_name(one.name)
        if name != "jax-logreg":
            assert name in found and one.specifier.contains(found[name]), one
    assert found["jax"] == found["jaxlib"]


def test_constraints_are_names_and_versions_alone():
    for line in (ROOT / "constraints.txt").read_text().splitlines()[1:]:
        assert re.fullmatch(r"[\w.-]+==[\w.+]+", line), line


def test_hooks_lint_with_the_tested_version():
    revisions = {repo["repo"].rpartition("/")[2]: repo.get("rev") for repo in HOOKS["repos"]}
    assert revisions["ruff-pre-commit"] == f"v{constraints()['ruff']}"


@EVERY_WORKFLOW
def test_workflows_pin_what_they_use_and_may_do_nothing_by_default(path):
    workflow = load(path.stem)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 60
        assert set(job["permissions"].items()) <= {("contents", "read"), ("id-token", "write")}
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"] == {"persist-credentials": False}
            # A value from outside would become part of the script.
            assert "${{" not in step.get("run", "")


def test_tests_run_at_both_ends():
    matrix = load("tests")["jobs"]["test"]["strategy"]["matrix"]["include"]
    oldest, tested, newest = matrix
    assert PROJECT["requires-python"] == f">={oldest['python']}"
    (jax,) = (Requirement(one) for one in oldest["versions"].split() if one.startswith("jax="))
    (declared,) = (one for one in map(Requirement, PROJECT["dependencies"]) if one.name == "jax")
    assert str(jax) == "jax==0.10.2" and declared.specifier.contains("0.10.2")
    assert tested["versions"] == "-c constraints.txt"
    assert newest["versions"].startswith("--upgrade ") and "=" not in newest["versions"]
    minors = [int(one["python"].removeprefix("3.")) for one in matrix]
    assert minors == sorted(set(minors))


def test_workflows_check_as_ci_does():
    script = (ROOT / ".ci" / "run").read_text().splitlines()
    jobs = load("tests")["jobs"]
    for command in ("ruff format --check .", "mypy"):
        assert f".venv/bin/{command}" in script and command in commands(jobs["lint"])
    (site,) = (line.removeprefix(".venv/bin/") for line in script if "sphinx" in line)
    assert site in commands(jobs["docs"])
    assert site == PYPROJECT["tool"]["hatch"]["envs"]["default"]["scripts"]["site"]
    assert "python -m pytest --quiet" in commands(jobs["test"])


def test_a_release_is_published_without_a_stored_token():
    publish = load("release")["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["if"] == "github.event_name == 'release'" and publish["needs"] == "build"
    (step,) = (s for s in publish["steps"] if "gh-action-pypi-publish" in s["uses"])
    assert "with" not in step
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    assert "secrets." not in text and "password" not in text


def test_issue_forms_ask_for_what_doctor_prints():
    forms = ROOT / ".github" / "ISSUE_TEMPLATE"
    bug = yaml.safe_load((forms / "bug.yml").read_text())
    assert any("jax-logreg doctor" in part["attributes"]["label"] for part in bug["body"])
    for path in forms.glob("*.yml"):
        parts = yaml.safe_load(path.read_text()).get("body", [])
        names = [part["id"] for part in parts]
        assert len(names) == len(set(names))
