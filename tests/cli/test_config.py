import json
import re
from pathlib import Path

import jax
import pytest
from cli.command import CONFIGS, DESCENT, command, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from jax_logreg import (
    L1,
    L2,
    LBFGS,
    ElasticNet,
    GradientDescent,
    Newton,
    Optax,
    Proximal,
)
from jax_logreg.cli.config import load_config
from jax_logreg.errors import InputError

OVERRIDES = {
    "fit.stps=3": r"fit\.stps is no known key: did you mean fit\.steps\?",
    "fit.learning_rate=3": r"no known key: did you mean solver\.learning_rate\?",
    "solver.lerning_rate=3": r"no known key: did you mean solver\.learning_rate\?",
    "date.name=iris": r"date is no known key: did you mean data\?",
    "colour=red": r"colour is no known key: expected one of data, penalty, solver, fit, sweep",
    "solver.learning_rate=-3": r"solver\.learning_rate is -3: expected a value greater than 0",
    "solver.learning_rate=fast": r"solver\.learning_rate is 'fast': expected a valid number",
    "solver.learning_rate=inf": r"solver\.learning_rate is inf: expected a finite number",
    "solver.method=gradient": r"solver\.method is 'gradient': .*did you mean 'gradient_descent'\?",
    "solver={}": r"solver\.method is missing: expected one of 'auto', .*'gradient_descent', .*",
    "solver.method=lbfsg": r"solver\.method is 'lbfsg': .*did you mean 'lbfgs'\?",
    "solver={method='newton', memory=3}": r"memory is no known key: it belongs to method='lbfgs'",
    "solver={method='newton', damping=3}": r"damping is no known key: expected one of method",
    "solver={method='lbfgs', memory=0}": r"solver\.memory is 0: expected .*equal to 1",
    "solver={method='proximal', working_set=0}": r"solver\.working_set is 0: expected .*equal to 1",
    "solver={method='proximal', working_sett=5}": r"did you mean solver\.working_set\?",
    "penalty=3": r"penalty is 3: expected a table, \[penalty\]",
    "penalty={}": r"penalty\.kind is missing: expected one of 'none', 'l2', 'l1', 'elastic_net'",
    "penalty.kind=l3": r"penalty\.kind is 'l3': expected one of 'none', 'l2', 'l1', 'elastic_net'",
    "penalty.kind=elasticnet": r"did you mean 'elastic_net'\?",
    "penalty.strength=1": r"penalty\.kind is missing: expected one of 'none', 'l2'",
    "penalty.kind=l2": r"penalty\.strength is missing: set it, or add a \[sweep\]",
    "sweep={}": r"\[sweep\] tries strengths, but there is no penalty: set penalty\.kind='l2'",
    "sweep.strengths=0": r"sweep\.strengths is 0: expected a value greater than or equal to 1",
    "sweep.strengths=[]": r"sweep\.strengths is \[\]: expected",
    "sweep.strengths=[-1.0]": r"strengths is \[-1\.0\]: .* a value greater than or equal",
    "sweep.folds=1": r"sweep\.folds is 1: expected a value greater than or equal to 2",
    "sweep.folds=1.5": r"sweep\.folds is 1\.5: expected",
    "sweep.scoring=acuracy": r"sweep\.scoring is 'acuracy': .*did you mean 'accuracy'\?",
    "sweep.choose=first": r"sweep\.choose is 'first': expected one of 'best', 'one_standard_error'",
    "penalty={kind='l2'}": r"penalty\.strength is missing",
    "penalty={kind='l2', strength=-1}": r"penalty\.strength is -1: expected .*equal to 0",
    "penalty={kind='l1', strength=inf}": r"penalty\.strength is inf: expected a finite number",
    "penalty={kind='l1', strength='1'}": r"penalty\.strength is '1': expected a valid number",
    "penalty={kind='l1', strength=1, l1_ratio=1}": r"penalty\.l1_ratio is no known key",
    "penalty={kind='elastic_net', strength=1}": r"penalty\.l1_ratio is missing",
    "penalty={kind='elastic_net', strength=1, l1_ratio=1.5}": r"l1_ratio is 1\.5: .*equal to 1",
    "penalty={kind='elastic_net', strength=1, l1_ratio=-1}": r"l1_ratio is -1: .*equal to 0",
    "penalty={kind='l2', strength=1, unpenalised='a'}": r"unpenalised is 'a': .*valid list",
    "penalty={kind='l2', strength=1, unpenalised=[1.5]}": r"penalty\.unpenalised is 1\.5: expected",
    "fit.family=multinominal": r"is 'multinominal': .*did you mean 'multinomial'\?",
    "fit.fit_intercept=1": r"fit\.fit_intercept is 1: expected a valid boolean",
    "fit.refine=yes": r"fit\.refine is 'yes': expected a valid boolean",
    "fit.class_weight=balance": r"is 'balance': .*or a table; did you mean 'balanced'\?",
    "fit.class_weight=2": r"fit\.class_weight is 2: expected one of 'balanced', or a table",
    "fit.class_weight={benign=0}": r"fit\.class_weight\.benign is 0: expected .*greater than 0",
    "fit.class_weight={benign='2'}": r"fit\.class_weight\.benign is '2': expected a valid number",
    "fit.gradient_check={every=3}": r"fit\.gradient_check is a table: expected",
    "data.weights=w": r"data\.weights is no known key",
    "solver=3": r"solver is 3: expected a table, \[solver\]",
    "solver.method=momentum": None,
    "fit.steps=many": r"fit\.steps is 'many': expected a valid integer",
    "fit.steps=-1": r"fit\.steps is -1: expected a value greater than or equal to 0",
    "fit.steps=1.5": r"fit\.steps is 1\.5: expected a valid integer",
    "fit.tolerance=nan": r"fit\.tolerance is nan: expected one of 'auto', or a finite number",
    "fit.gradient_check=evry": r"is 'evry': .*or a valid integer; did you mean 'every'\?",
    "fit.gradient_check=0": r"fit\.gradient_check is 0: expected .*greater than or equal to 1",
    "fit.gradient_check=true": r"fit\.gradient_check is True: expected",
    "fit.dtype=float16": r"fit\.dtype is 'float16': expected one of 'float32', 'float64'",
    "fit.device=gpuu": r"fit\.device is 'gpuu': .*did you mean 'gpu'\?",
    "fit.devices=0": r"fit\.devices is 0: expected .*greater than or equal to 1",
    "fit.devices=al": r"fit\.devices is 'al': expected one of 'all', or .*did you mean 'all'\?",
    "fit.devices={rows=2}": r"fit\.devices\.rows is 'rows': expected one of 'features'",
    "data.name=brest_cancer": r"data\.name is 'brest_cancer': .*did you mean 'breast_cancer'\?",
    "data.source=csv": r"data\.source is 'csv': expected one of 'bundled', 'file'",
    "data.test_fraction=1": r"data\.test_fraction is 1: expected a value less than 1",
    "data.standardise=yes": r"data\.standardise is 'yes': expected a valid boolean",
    "fit.steps.x=3": r"fit\.steps is no table",
    "fit.steps=" + "9" * 5000: r"Exceeds the limit .* digits",
    "fit.steps=0x" + "f" * 5000: r"an integer is beyond 64 bits",
    "fit.tolerance=9223372036854775808": r"an integer is beyond 64 bits: expected a smaller one",
    "fit.class_weight=" + "[" * 5000 + "]" * 5000: r"maximum recursion depth",
    "fit.class_weight=" + "[" * 60 + "]" * 60: r"over 50 tables or lists in one another",
    "fit" + ".a" * 3000 + "=1": r"over 50 tables or lists in one another",
    "data.name=caf\udce9": r"expected UTF-8, as in a config",
    "solver={method='lbfgs', memory=1000000000}": r"solver\.memory is 10{9}: .*equal to 1000",
    "sweep.strengths=1000000000": r"sweep\.strengths is 10{9}: .*equal to 10000",
    "steps": r"expected key\.path=value, for example fit\.steps=100",
    "=3": r"expected key\.path=value",
}


@pytest.mark.parametrize("override", OVERRIDES)
def test_an_override_goes_through_the_same_validation(override):
    pattern = OVERRIDES[override]
    if pattern is None:
        assert load_config(DESCENT, [override]).solver.method == "momentum"
        return
    with pytest.raises(InputError) as caught:
        load_config(DESCENT, [override])
    message = str(caught.value)
    assert message.isprintable() and len(message) <= 800, message
    if override.isprintable() and len(override) < 100:
        assert message.startswith(f"--set {override}: ")
    assert re.search(pattern, message), message


FILES = {
    "not TOML": ("fit = [\n= 3", r"c\.toml is not TOML: .*line 2"),
    "a picture": (b"\x89PNG\r\n", r"c\.toml is not TOML"),
    "empty": ("", r"c\.toml: data is missing: it has no default"),
    "integer of 5,000 digits": ("a = " + "9" * 5000, r"c\.toml is not TOML: Exceeds the limit"),
    "nest of 5,000 lists": ("a = " + "[" * 5000, r"c\.toml is not TOML: .*recursion"),
    "nest of 3,000 tables": ("a" + ".a" * 3000 + " = 1", r"over 50 tables or lists in one anoth"),
    "a megabyte": ("#" * 1_000_001, r"c\.toml is longer than 1000000 bytes: expected a config"),
    "line break in a key": ('"da\\nta" = 1\n[data]\nsource="bundled"', r"da\\nta is no known key"),
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


def test_of_hundreds_of_faults_ten_have_a_line(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text("".join(f"k{i} = {i}\n" for i in range(3000)) + "[data]\nsource='bundled'")
    done = command("run", path, "--out", tmp_path / "run")
    assert len(done.err.splitlines()) == 11 and done.err.endswith("and more such faults\n")


def test_a_config_without_an_end():
    with pytest.raises(InputError, match="/dev/zero is longer than 1000000 bytes"):
        load_config(Path("/dev/zero"), [])


MEMORY = {
    "data.examples=1000000000000": r"data of 10{12} examples and 20 features would take .* GB",
    "data.features=1000000000000": r"data of 10000 examples and 10{12} features would take",
    "data={source='embeddings', classes=1000000000000}": r"would take .* GB of memory",
    "data={source='embeddings', examples=400000, features=2, classes=100000}": "labels of 100000",
    "data={source='file', train='~nobody_of_this_name/a.csv'}": r"~nobody.*a\.csv does not exist",
}


@pytest.mark.parametrize("override", MEMORY)
def test_what_cannot_be_is_refused_before_it_is_made(override, tmp_path, monkeypatch):
    monkeypatch.setattr("jax_logreg.placement.memory.machine_memory", lambda: 2e9)
    overrides = [override] if "{" in override else ["data={source='synthetic'}", override]
    sets = [part for one in overrides for part in ("--set", one)]
    assert re.search(MEMORY[override], refused("run", DESCENT, "--out", tmp_path / "run", *sets))


@pytest.mark.parametrize(
    "error",
    [MemoryError("Unable to allocate 7 TiB"), jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: 7")],
)
def test_memory_that_runs_out_is_a_line(error, tmp_path, monkeypatch):
    def fit(*_, **__):
        raise error

    monkeypatch.setattr("jax_logreg.cli.experiment.fit", fit)
    line = refused("run", DESCENT, "--out", tmp_path / "run")
    assert line.startswith(f"out of memory: {error}: take fewer")


def test_every_fault_has_its_line(tmp_path):
    done = command("run", DESCENT, "--set", "fit.steps=x", "--set", "data.sed=1")
    assert done.code == 2 and len(done.err.splitlines()) == 2


def test_a_file_that_is_not_there():
    line = refused("run", CONFIGS / "qickstart.toml")
    assert re.search(r"does not exist: did you mean .*configs/quickstart\.toml\?", line)
    assert "cannot be read" in refused("run", CONFIGS)


def test_overrides_of_every_type():
    config = load_config(
        DESCENT,
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
    line = refused("run", DESCENT, "--out", tmp_path / "run", "--set", "fit.device=tpu")
    assert "jax_logreg[tpu]" in line
    assert list(tmp_path.iterdir()) == []


def test_more_devices_than_there_are(tmp_path):
    line = refused("run", DESCENT, "--out", tmp_path / "run", "--set", "fit.devices=99")
    assert line.startswith("devices is 99, but this machine has 8 cpu devices: expected")
    assert list(tmp_path.iterdir()) == []


def test_the_schema_is_one_that_editors_use():
    schema = json.loads(command("schema").out)
    assert set(schema["properties"]) == {
        *("data", "penalty", "solver", "fit", "sweep", "checkpoint", "tracking"),
    }
    assert schema["additionalProperties"] is False
    assert schema["properties"]["data"]["discriminator"]["propertyName"] == "source"
    assert "description" in schema["$defs"]["FitConfig"]["properties"]["tolerance"]


SOLVERS = {
    "{method='auto'}": "auto",
    "{method='newton'}": Newton(),
    "{method='lbfgs', memory=5}": LBFGS(5),
    "{method='proximal', working_set=7}": Proximal(7),
    "{method='gradient_descent', learning_rate=0.1}": GradientDescent(0.1),
}


@pytest.mark.parametrize("table", SOLVERS)
def test_a_solver_by_name(table):
    assert load_config(DESCENT, [f"solver={table}"]).solver.solver() == SOLVERS[table]


@pytest.mark.parametrize("method", ["momentum", "adam", "optax_lbfgs"])
def test_an_optax_solver_by_name(method):
    rate = "" if method == "optax_lbfgs" else ", learning_rate=0.1"
    config = load_config(DESCENT, [f"solver={{method='{method}'{rate}}}"])
    assert isinstance(config.solver.solver(), Optax)


def test_without_tables_fit_decides(tmp_path):
    (tmp_path / "c.toml").write_text('[data]\nsource = "bundled"\n')
    config = load_config(tmp_path / "c.toml", [])
    assert config.solver.solver() == "auto" and config.penalty.penalty(["a"]) is None


PENALTIES = {
    "{kind='none'}": None,
    "{kind='l2', strength=0.5}": L2(0.5),
    "{kind='l1', strength=1}": L1(1.0),
    "{kind='elastic_net', strength=2.0, l1_ratio=0.3}": ElasticNet(2.0, 0.3),
}


@pytest.mark.parametrize("table", PENALTIES)
def test_a_penalty_by_name(table):
    config = load_config(DESCENT, [f"penalty={table}"])
    assert config.penalty.penalty(["a", "b"]) == PENALTIES[table]


@pytest.mark.parametrize("kind", ["l2", "l1", "elastic_net"])
def test_unpenalised_features_by_name_and_number(kind):
    ratio = ", l1_ratio=0.5" if kind == "elastic_net" else ""
    table = f"{{kind='{kind}', strength=1{ratio}, unpenalised=['b', 3]}}"
    config = load_config(DESCENT, [f"penalty={table}"])
    assert config.penalty.penalty(list("abcd")).factors.tolist() == [1, 0, 1, 0]


def test_every_resolved_config_is_taken_again(tmp_path):
    tables = (
        *(f"penalty={table}" for table in PENALTIES),
        *(f"solver={table}" for table in SOLVERS),
        "penalty={kind='l2', strength=1, unpenalised=['mean radius', 3]}",
        "fit.class_weight={benign=2, malignant=0.5}",
        "fit.class_weight=balanced",
    )
    for table in tables:
        config = load_config(DESCENT, [table])
        (tmp_path / "c.toml").write_text(config.to_toml())
        assert load_config(tmp_path / "c.toml", []) == config, table


KEYS = st.sampled_from(
    [
        *("data", "data.source", "data.name", "data.train", "data.seed", "data.test_fraction"),
        *("solver", "solver.method", "solver.learning_rate", "solver.memory", "nothing"),
        *("penalty", "penalty.kind", "penalty.strength", "penalty.l1_ratio", "fit.class_weight"),
        *("sweep", "sweep.strengths", "sweep.folds", "sweep.scoring", "sweep.memory"),
        *("penalty.unpenalised", "fit.family", "fit.class_weight.benign", "fit.refine"),
        *("fit", "fit.steps", "fit.tolerance", "fit.gradient_check", "fit.dtype", "fit.device"),
        *("fit.devices",),
    ]
)
VALUES = st.one_of(
    st.text("abcxyz_ \"'[]{}=.#\n", max_size=8),
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str),
    st.sampled_from(
        ["true", "[1, 2]", "{a = 1}", "1979-05-27", "file", "lbfgs", "adam", "l1", "''"]
    ),
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(st.tuples(KEYS, VALUES), min_size=1, max_size=3))
def test_hundreds_of_overrides_are_taken_or_refused_in_lines(overrides):
    try:
        config = load_config(DESCENT, [f"{key}={value}" for key, value in overrides])
    except InputError as error:
        assert str(error)
    else:
        assert config.to_toml()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=60), st.integers(0, 500))
def test_hundreds_of_damaged_configs_are_taken_or_refused(tmp_path_factory, noise, at):
    good = DESCENT.read_bytes()
    path = tmp_path_factory.mktemp("noise") / "c.toml"
    path.write_bytes(good[:at] + noise + good[at:])
    try:
        load_config(path, [])
    except InputError as error:
        assert "c.toml" in str(error)
