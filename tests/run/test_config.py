import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run.command import CONFIGS, QUICKSTART, command, refused

from jax_logreg.errors import InputError
from jax_logreg.run.config import load_config

OVERRIDES = {
    "fit.stps=3": r"fit\.stps is no known key: did you mean fit\.steps\?",
    "fit.learning_rate=3": r"no known key: did you mean solver\.learning_rate\?",
    "solver.lerning_rate=3": r"no known key: did you mean solver\.learning_rate\?",
    "date.name=iris": r"date is no known key: did you mean data\?",
    "colour=red": r"colour is no known key: expected one of data, solver, fit",
    "solver.learning_rate=-3": r"solver\.learning_rate is -3: expected a value greater than 0",
    "solver.learning_rate=fast": r"solver\.learning_rate is 'fast': expected a valid number",
    "solver.learning_rate=inf": r"solver\.learning_rate is inf: expected a finite number",
    "solver.method=gradient": r"solver\.method is 'gradient': .*did you mean 'gradient_descent'\?",
    "solver={}": r"solver\.method is missing: expected one of 'gradient_descent', .*'lbfgs'",
    "solver=3": r"solver is 3: expected a table, \[solver\]",
    "solver.method=momentum": None,
    "fit.steps=many": r"fit\.steps is 'many': expected a valid integer",
    "fit.steps=-1": r"fit\.steps is -1: expected a value greater than or equal to 0",
    "fit.steps=1.5": r"fit\.steps is 1\.5: expected a valid integer",
    "fit.tolerance=nan": r"fit\.tolerance is nan: expected a finite number",
    "fit.gradient_check=evry": r"is 'evry': .*or a valid integer; did you mean 'every'\?",
    "fit.gradient_check=0": r"fit\.gradient_check is 0: expected .*greater than or equal to 1",
    "fit.gradient_check=true": r"fit\.gradient_check is True: expected",
    "fit.dtype=float16": r"fit\.dtype is 'float16': expected one of 'float32', 'float64'",
    "fit.device=gpuu": r"fit\.device is 'gpuu': .*did you mean 'gpu'\?",
    "data.name=brest_cancer": r"data\.name is 'brest_cancer': .*did you mean 'breast_cancer'\?",
    "data.source=csv": r"data\.source is 'csv': expected one of 'bundled', 'file'",
    "data.test_fraction=1": r"data\.test_fraction is 1: expected a value less than 1",
    "data.standardise=yes": r"data\.standardise is 'yes': expected a valid boolean",
    "fit.steps.x=3": r"fit\.steps is no table",
    "steps": r"expected key\.path=value, for example fit\.steps=100",
    "=3": r"expected key\.path=value",
}


@pytest.mark.parametrize("override", OVERRIDES)
def test_an_override_goes_through_the_same_validation(override):
    pattern = OVERRIDES[override]
    if pattern is None:
        assert load_config(QUICKSTART, [override]).solver.method == "momentum"
        return
    with pytest.raises(InputError) as caught:
        load_config(QUICKSTART, [override])
    message = str(caught.value)
    assert "\n" not in message and message.startswith(f"--set {override}: "), message
    assert re.search(pattern, message), message


FILES = {
    "not TOML": ("fit = [\n= 3", r"c\.toml is not TOML: .*line 2"),
    "a picture": (b"\x89PNG\r\n", r"c\.toml is not TOML"),
    "empty": ("", r"c\.toml: data is missing: it has no default"),
    "unknown table": (
        '[data]\nsource="bundled"\n[slover]\nmethod="lbfgs"',
        r"c\.toml: slover is no known key: did you mean solver\?",
    ),
    "unknown key": (
        '[data]\nsource="synthetic"\nexample=5',
        r"c\.toml: data\.example is no known key: did you mean data\.examples\?",
    ),
    "missing rate": (
        '[data]\nsource="bundled"\n[solver]\nmethod="adam"',
        r"c\.toml: solver\.learning_rate is missing",
    ),
    "missing source": (
        '[data]\nname="iris"',
        r"c\.toml: data\.source is missing: expected one of 'bundled', 'file', 'synthetic'",
    ),
    "wrong type": (
        '[data]\nsource="bundled"\nseed="1"',
        r"c\.toml: data\.seed is '1': expected a valid integer",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_a_bad_file_is_named_with_its_key(case, tmp_path):
    content, pattern = FILES[case]
    path = tmp_path / "c.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    line = refused("run", path, "--out", tmp_path / "run")
    assert re.search(pattern, line), line
    assert [p.name for p in tmp_path.iterdir()] == ["c.toml"]


def test_every_fault_has_its_line(tmp_path):
    done = command("run", QUICKSTART, "--set", "fit.steps=x", "--set", "data.sed=1")
    assert done.code == 2 and len(done.err.splitlines()) == 2


def test_a_file_that_is_not_there():
    line = refused("run", CONFIGS / "qickstart.toml")
    assert re.search(r"does not exist: did you mean .*configs/quickstart\.toml\?", line)
    assert "cannot be read" in refused("run", CONFIGS)


def test_overrides_of_every_type():
    config = load_config(
        QUICKSTART,
        ["fit.tolerance=0", "data.positive=benign", "fit.dtype='float64'", "data.seed = 7"],
    )
    assert (config.fit.tolerance, config.data.positive, config.data.seed) == (0, "benign", 7)


def test_cats_without_its_files(tmp_path):
    line = refused("run", CONFIGS / "cats.toml", "--out", tmp_path / "run")
    assert line == "data.train is missing: name the file to learn from: --set data.train=FILE"
    line = refused(
        "run", CONFIGS / "cats.toml", "--out", tmp_path / "run", "--set", "data.train=no.h5"
    )
    assert line.startswith("no.h5 does not exist")
    assert list(tmp_path.iterdir()) == []


def test_a_device_that_is_not_there(tmp_path):
    line = refused("run", QUICKSTART, "--out", tmp_path / "run", "--set", "fit.device=tpu")
    assert "jax_logreg[tpu]" in line
    assert list(tmp_path.iterdir()) == []


def test_the_schema_is_one_that_editors_use():
    schema = json.loads(command("schema").out)
    assert set(schema["properties"]) == {"data", "solver", "fit"}
    assert schema["additionalProperties"] is False
    assert schema["properties"]["data"]["discriminator"]["propertyName"] == "source"
    assert "description" in schema["$defs"]["FitConfig"]["properties"]["tolerance"]


KEYS = st.sampled_from(
    [
        *("data", "data.source", "data.name", "data.train", "data.seed", "data.test_fraction"),
        *("solver", "solver.method", "solver.learning_rate", "solver.memory", "nothing"),
        *("fit", "fit.steps", "fit.tolerance", "fit.gradient_check", "fit.dtype", "fit.device"),
    ]
)
VALUES = st.one_of(
    st.text("abcxyz_ \"'[]{}=.#\n", max_size=8),
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str),
    st.sampled_from(["true", "[1, 2]", "{a = 1}", "1979-05-27", "file", "lbfgs", "adam", "''"]),
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(st.tuples(KEYS, VALUES), min_size=1, max_size=3))
def test_hundreds_of_overrides_are_taken_or_refused_in_lines(overrides):
    try:
        config = load_config(QUICKSTART, [f"{key}={value}" for key, value in overrides])
    except InputError as error:
        assert str(error)
    else:
        assert config.to_toml()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=60), st.integers(0, 500))
def test_hundreds_of_damaged_configs_are_taken_or_refused(tmp_path_factory, noise, at):
    good = QUICKSTART.read_bytes()
    path = tmp_path_factory.mktemp("noise") / "c.toml"
    path.write_bytes(good[:at] + noise + good[at:])
    try:
        load_config(path, [])
    except InputError as error:
        assert "c.toml" in str(error)
