"""Compiled programs in a folder: the same bits, no compilation, and nobody else's code."""

import errno
import itertools
import os
import stat
import subprocess
import sys
import warnings
from pathlib import Path

import cases
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.sparse
from jax.experimental.compilation_cache.compilation_cache import reset_cache

import jax_logreg
from jax_logreg import L1, L2, LBFGS, Batch, Newton, Optax, Params, fit
from jax_logreg._jax import cache_files, cache_folder, cache_key, executables, programs
from jax_logreg._jax.calls import Function
from jax_logreg._jax.programs import program
from jax_logreg.arrays import stop_gradient
from jax_logreg.logistic import BINOMIAL, Family, forward, linear
from jax_logreg.matrix import compress, standardise, stream
from jax_logreg.sweep import cross_validate

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def without_jax_cache():
    """JAX's own cache hands over executables that it cannot write again."""
    before = jax.config.jax_enable_compilation_cache
    jax.config.update("jax_enable_compilation_cache", False)
    yield
    jax.config.update("jax_enable_compilation_cache", before)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of programs, empty, and none in this process."""
    path = tmp_path / "programs"
    monkeypatch.setenv("JAX_LOGREG_CACHE", str(path))
    new_process()
    yield path
    new_process()


def new_process():
    """Forget all programs, as a process knows of none at its start."""
    programs._found.cache_clear()
    cache_key._process.cache_clear()
    cache_folder._warned.clear()


def kept(path):
    return sorted(path.glob("*.program"))


def params(n=3):
    """Of NumPy: JAX would compile a program to make them."""
    return Params(np.ones((n, 1), "float32"), np.zeros((1, 1), "float32"))


of_linear = program(linear)
of_forward = program(forward, static_argnames="family")


def Z():
    return np.asarray(of_linear(params(), TWELVE))


TWELVE = np.arange(12, dtype="float32").reshape(3, 4)
EXPECTED = TWELVE.sum(axis=0, keepdims=True)


# Fits whose answers must not depend on where their programs come from. Each has a solver, a matrix
# or a number of models that makes other programs.
X, Y, S = (np.asarray(one) for one in cases.PROBLEMS["fractional weights"])
COMMON = {"s": S[0], "executor": "xla", "steps": 30}


def _fitted(result):
    return [result.params, result.certificate, result.history]


FITS = {
    "newton, standardised": lambda: _fitted(
        fit(standardise(X, S), Y, penalty=L2(1e-2), solver=Newton(), **COMMON)
    ),
    "lbfgs, in blocks, float64": lambda: _fitted(
        fit(compress(X, "float32"), Y, penalty=L2(1e-2), solver=LBFGS(), dtype="float64", **COMMON)
    ),
    "l1, sparse": lambda: _fitted(fit(scipy.sparse.csr_array(X), Y, penalty=L1(1e-2), **COMMON)),
    "many": lambda: [
        cross_validate(X, Y, strengths=[1e-1, 1e-2], folds=2, steps=30, executor="xla").scores
    ],
}


def bits(name):
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(FITS[name]())]


@pytest.mark.parametrize("name", FITS)
def test_a_loaded_program_gives_the_bits_of_a_compiled_one(name, cache, compilations, monkeypatch):
    first = bits(name)
    assert kept(cache)
    new_process()
    written = {path: path.stat().st_ino for path in kept(cache)}
    compilations.clear()
    assert bits(name) == first
    # None is compiled again, nor written again.
    assert {path: path.stat().st_ino for path in kept(cache)} == written
    again = len(compilations)
    monkeypatch.setenv("JAX_LOGREG_CACHE", "off")
    jax.clear_caches()
    compilations.clear()
    assert bits(name) == first
    assert len(compilations) - again >= len(written)


def test_a_second_process_compiles_none_of_the_programs_of_a_fit(cache):
    code = (
        "import sys, jax, numpy as np\n"
        "seen = []\n"
        "jax.monitoring.register_event_duration_secs_listener(\n"
        "    lambda name, _, **of: name.endswith('jaxpr_trace_duration') and seen.append(of))\n"
        "from jax_logreg import L2, fit\n"
        "rng = np.random.default_rng(0)\n"
        "X = rng.normal(size=(3, 40)); Y = X[0] + rng.normal(size=40) > 0\n"
        "found = fit(X, Y, penalty=L2(1e-2), executor='xla')\n"
        "print(len(seen), np.asarray(found.params.w).tobytes().hex())\n"
    )
    first, second = (run(code).split() for _ in range(2))
    assert first[1] == second[1]
    assert int(first[0]) > 0
    assert int(second[0]) == 0


def run(code):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "JAX_ENABLE_COMPILATION_CACHE": "false"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


SMALL = (
    "import numpy as np, jax.numpy as jnp\n"
    "from jax_logreg._jax.programs import program\n"
    "from jax_logreg.logistic import Params, linear\n"
    "X = jnp.arange(12.0).reshape(3, 4)\n"
    "params = Params(jnp.ones((3, 1)), jnp.zeros((1, 1)))\n"
    "print(np.asarray(program(linear)(params, X)).tolist())\n"
)


def test_two_processes_at_once_write_one_program(cache):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "JAX_ENABLE_COMPILATION_CACHE": "false"}
    started = [
        subprocess.Popen([sys.executable, "-c", SMALL], stdout=subprocess.PIPE, env=environment)
        for _ in range(2)
    ]
    said = {one.communicate()[0] for one in started}
    assert said == {f"{EXPECTED.tolist()}\n".encode()}
    (file,) = kept(cache)
    assert {one.name for one in cache.iterdir()} == {file.name}
    before = file.stat().st_ino
    assert run(SMALL).encode() in said
    assert file.stat().st_ino == before


def test_a_program_is_compiled_once_and_then_loaded(cache, compilations):
    for _ in range(3):
        np.testing.assert_array_equal(Z(), EXPECTED)
    assert len(compilations) == len(kept(cache)) == 1
    new_process()
    np.testing.assert_array_equal(Z(), EXPECTED)
    assert len(compilations) == 1


def test_arrays_are_donated_by_a_loaded_program(cache):
    for _ in range(2):
        new_process()
        w, given = jnp.ones((3, 1)), jnp.ones((3, 4))
        of_donor = program(linear, donate_argnames="params")
        with warnings.catch_warnings():
            # Nothing of these shapes is given back: that they are gone is what shows.
            warnings.simplefilter("ignore")
            of_donor(Params(w, jnp.zeros((1, 1))), given)
        assert not given.is_deleted()
    carry = jnp.ones((3, 4))
    for _ in range(2):
        new_process()
        carry = jnp.ones((3, 4))
        donated = program(stop_gradient, donate_argnames="a")
        donated(carry)
        assert carry.is_deleted()


class TestKeys:
    """All that a program depends on is in its key: each change finds nothing."""

    BASE = (params(), TWELVE)

    def key(self, arguments=BASE, f=linear, **options):
        given = {"static": (), "donated": (), "options": None, **options}
        called = Function(f, **given).called(arguments, {})
        return called.key

    def test_arguments_and_options(self):
        w, b = params()
        x = jnp.ones((3, 4))
        keys = [
            self.key(),
            self.key((params(), jnp.ones((3, 5)))),
            self.key((params(), jnp.ones((3, 4), "int32"))),
            self.key((params(), np.float32(2))),
            self.key((params(), 2.0)),
            self.key((params(), 2)),
            self.key(((w, b), x)),
            self.key(([w, b], x)),
            self.key((params(), jax.device_put(x, jax.local_devices()[0]))),
            self.key((params(), jax.device_put(x, jax.local_devices()[-1]))),
            self.key(donated=("params",)),
            self.key(donated=("X",)),
            self.key(options={"xla_backend_optimization_level": 0}),
            self.key(f=forward, static=("family",)),
        ]
        assert None not in keys
        assert len(set(keys)) == len(keys) - (len(jax.local_devices()) == 1)

    def test_parts_over_devices(self):
        if len(jax.local_devices()) < 2:
            pytest.skip("one device")
        devices = np.array(jax.local_devices()[:2])
        keys = []
        for order, spec in itertools.product((devices, devices[::-1]), ((None, "a"), (None, None))):
            mesh = jax.sharding.Mesh(order, ("a",), axis_types=(jax.sharding.AxisType.Auto,))
            place = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*spec))
            keys.append(self.key((params(), jax.device_put(jnp.ones((3, 4)), place))))
        assert None not in keys and len(set(keys)) == 4

    @pytest.mark.parametrize(
        "context",
        [
            lambda: jax.enable_x64(True),
            lambda: jax.default_matmul_precision("highest"),
            lambda: jax.numpy_dtype_promotion("standard"),
            lambda: jax.numpy_rank_promotion("allow"),
            lambda: jax.default_device(jax.local_devices()[-1]),
        ],
        ids=["x64", "precision", "dtypes", "ranks", "device"],
    )
    def test_settings_of_jax(self, context):
        before = self.key()
        with context():
            inside = self.key()
        assert inside not in (before, None) and self.key() == before

    def test_settings_of_the_process(self, monkeypatch):
        before = self.key()
        assert before is not None
        for name in ("XLA_FLAGS", "PJRT_NPROC"):
            with monkeypatch.context() as changed:
                changed.setenv(name, "--xla_cpu_enable_fast_math=true")
                cache_key._process.cache_clear()
                assert self.key() not in (before, None)
        for name, value in {
            "_sources": lambda: "another text",
            "_flags": lambda: "others",
            "_jaxlib": lambda: "0.0.1",
            "_cpu": lambda devices: ("another",),
            "_affinity": lambda: 1000,
        }.items():
            with monkeypatch.context() as changed:
                changed.setattr(cache_key, name, value)
                cache_key._process.cache_clear()
                assert self.key() not in (before, None)
        for module in (jax, np):
            with monkeypatch.context() as changed:
                changed.setattr(module, "__version__", "0.0.1")
                cache_key._process.cache_clear()
                assert self.key() not in (before, None)
        cache_key._process.cache_clear()
        assert self.key() == before

    def test_the_text_of_the_package(self, monkeypatch, tmp_path):
        for number, text in enumerate(("a = 1\n", "a = 2\n")):
            room = tmp_path / str(number) / "_jax"
            room.mkdir(parents=True)
            (room / "cache_key.py").write_text(text)
            os.utime(room / "cache_key.py", (0, 0))
        monkeypatch.setattr(jax_logreg, "_imported", np.inf)
        found = []
        for number in range(2):
            path = tmp_path / str(number) / "_jax" / "cache_key.py"
            monkeypatch.setattr(cache_key, "__file__", str(path))
            found.append(cache_key._sources())
        assert None not in found and found[0] != found[1]

    def test_a_package_that_changed_since_it_was_imported_keeps_nothing(self, cache, monkeypatch):
        monkeypatch.setattr(jax_logreg, "_imported", 0.0)
        np.testing.assert_array_equal(Z(), EXPECTED)
        assert not cache.exists()


def _of_user(params, X):
    return params.w.T @ X + params.b


class TestNotKept:
    """Code that is not the package's, and calls to the host."""

    @pytest.mark.parametrize(
        "make",
        [
            lambda: program(_of_user),
            lambda: program(lambda params, X: params.w.T @ X + params.b),
        ],
        ids=["function", "lambda"],
    )
    def test_functions(self, cache, make):
        given = make()(params(), TWELVE)
        np.testing.assert_array_equal(given, EXPECTED)
        assert not cache.exists()

    def test_static_functions(self, cache):
        mine = Family("mine", lambda Z: 2 * Z, *BINOMIAL[2:])
        given = of_forward(params(), TWELVE, mine)
        np.testing.assert_array_equal(given, 2 * EXPECTED)
        assert not cache.exists()

    def test_a_matrix_of_the_users(self, cache):
        mine = cases.MATRICES["transposed"](TWELVE)
        own = type("Mine", (type(mine),), {})
        assert Function(linear, (), (), None).called((params(), mine), {}).key
        jax.tree_util.register_pytree_node(
            own, lambda one: ((one.rows,), None), lambda _, rows: own(*rows)
        )
        np.testing.assert_array_equal(of_linear(params(), own(mine.rows)), EXPECTED)
        assert not cache.exists()

    def test_optax_transformations(self, cache):
        batch = Batch(jnp.asarray(X, "float32"), jnp.asarray(Y, "float32"), jnp.ones_like(S[:1]))
        solver = Optax(optax.sgd(0.1))
        assert Function(linear, (), (), None).called((solver, batch), {}).key is None

    def test_programs_that_call_back(self, cache):
        X = stream(cases.Pieces(np.arange(12, dtype="float32").reshape(3, 4)), 16)
        assert Function(linear, (), (), None).called((params(), X), {}).key
        np.testing.assert_array_equal(of_linear(params(), X), EXPECTED)
        assert not kept(cache)

    def test_inside_a_trace(self, cache):
        given = jax.jit(of_linear)(params(), TWELVE)
        np.testing.assert_array_equal(given, EXPECTED)
        assert not cache.exists()

    def test_several_hosts(self, cache, monkeypatch):
        monkeypatch.setattr(jax, "process_count", lambda: 2)
        np.testing.assert_array_equal(Z(), EXPECTED)
        assert not cache.exists()

    def test_who_dumps_what_xla_does(self, cache, monkeypatch):
        monkeypatch.setenv("XLA_FLAGS", f"--xla_dump_to={cache}")
        assert TestKeys().key() is None


DAMAGES = {
    "empty": lambda content: b"",
    "cut short": lambda content: content[:-1],
    "without its content": lambda content: content[:100],
    "one bit": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "another format": lambda content: content.replace(b"program 1", b"program 0", 1),
    "longer": lambda content: content + b"x",
}


class TestDamage:
    """Whatever is wrong with a file, the program is compiled."""

    @pytest.mark.parametrize("name", DAMAGES)
    def test_a_damaged_file_is_replaced(self, name, cache, monkeypatch):
        Z()
        (file,) = kept(cache)
        content = file.read_bytes()
        file.write_bytes(DAMAGES[name](content))
        with monkeypatch.context() as never:
            never.setattr(executables.pickle, "loads", lambda _: pytest.fail("it is unpickled"))
            new_process()
            np.testing.assert_array_equal(Z(), EXPECTED)
        (file,) = kept(cache)
        assert file.read_bytes()[:86] == content[:86]
        new_process()
        assert cache_files.read(file.stem)

    def test_a_file_of_another_key_is_not_read(self, cache, monkeypatch):
        """As one of another jaxlib under the name of this one's."""
        Z()
        (file,) = kept(cache)
        monkeypatch.setattr(cache_key, "_jaxlib", lambda: "0.0.1")
        new_process()
        Z()
        other = next(one for one in kept(cache) if one != file)
        other.write_bytes(file.read_bytes())
        monkeypatch.setattr(executables.pickle, "loads", lambda _: pytest.fail("it is unpickled"))
        new_process()
        np.testing.assert_array_equal(Z(), EXPECTED)
        assert other.read_bytes() != file.read_bytes()

    def test_a_program_that_does_not_load_here_is_not_tried_twice(self, cache, monkeypatch):
        Z()
        (file,) = kept(cache)
        cache_files.write(file.stem, b"no pickle")
        new_process()
        np.testing.assert_array_equal(Z(), EXPECTED)
        monkeypatch.setattr(programs, "from_bytes", lambda *_: pytest.fail("it is tried again"))
        for _ in range(2):
            new_process()
            np.testing.assert_array_equal(Z(), EXPECTED)

    def test_a_program_that_loads_and_does_not_run_is_not_tried_twice(self, cache, monkeypatch):
        Z()
        new_process()

        def fail(*_):
            raise jax.errors.JaxRuntimeError("INTERNAL: Function not found")

        real = executables.deserialize
        monkeypatch.setattr(executables, "deserialize", lambda *_, **__: fail)
        np.testing.assert_array_equal(Z(), EXPECTED)
        monkeypatch.setattr(executables, "deserialize", real)
        monkeypatch.setattr(programs, "from_bytes", lambda *_: pytest.fail("it is tried again"))
        for _ in range(2):
            new_process()
            np.testing.assert_array_equal(Z(), EXPECTED)

    def test_an_executable_of_jaxs_own_cache_is_not_kept(self, cache, tmp_path):
        """Its bytes lack functions."""
        names = {
            "jax_compilation_cache_dir": str(tmp_path / "of_jax"),
            "jax_enable_compilation_cache": True,
            "jax_persistent_cache_min_compile_time_secs": 0,
            "jax_persistent_cache_min_entry_size_bytes": -1,
        }
        before = {name: getattr(jax.config, name) for name in names}
        try:
            for name, value in names.items():
                jax.config.update(name, value)
            reset_cache()
            numbers = []
            for _ in range(3):
                jax.clear_caches()
                new_process()
                np.testing.assert_array_equal(Z(), EXPECTED)
                numbers.append(len(kept(cache)))
                for file in kept(cache):
                    file.unlink()
        finally:
            for name, value in before.items():
                jax.config.update(name, value)
            reset_cache()
        assert numbers == [1, 0, 0]

    def test_memory_that_runs_out_while_loading_says_nothing_of_the_program(
        self, cache, monkeypatch
    ):
        Z()
        (file,) = kept(cache)
        content = file.read_bytes()
        with monkeypatch.context() as full:

            def fail(*_):
                raise MemoryError

            full.setattr(programs, "from_bytes", fail)
            new_process()
            np.testing.assert_array_equal(Z(), EXPECTED)
        assert file.read_bytes() == content

    @pytest.mark.parametrize("call", ["open", "fsync", "replace"])
    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
    def test_a_disk_that_is_full_or_read_only(self, cache, monkeypatch, call, code):
        cache.mkdir(mode=0o700)
        real = getattr(os, call)

        def fail(*given, **named):
            if call == "open" and not given[1] & os.O_CREAT:
                return real(*given, **named)
            raise OSError(code, os.strerror(code))

        with monkeypatch.context() as broken:
            broken.setattr(os, call, fail)
            np.testing.assert_array_equal(Z(), EXPECTED)
        assert list(cache.iterdir()) == []

    def test_a_folder_that_cannot_be_made(self, monkeypatch, cache):
        cache.write_text("a file")
        monkeypatch.setenv("JAX_LOGREG_CACHE", str(cache / "below"))
        with pytest.warns(RuntimeWarning, match="is no folder"):
            np.testing.assert_array_equal(Z(), EXPECTED)


def refused(cache):
    """The one warning of two calls, which compile."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for n in (3, 4):
            found = of_linear(params(n), jnp.ones((n, 2)))
            np.testing.assert_array_equal(found, np.full((1, 2), n))
    (one,) = said
    assert one.category is RuntimeWarning
    line = str(one.message)
    assert "\n" not in line and line.startswith(str(cache)) and "JAX_LOGREG_CACHE" in line
    return line


class TestFolder:
    """Whoever could have written a program is this user."""

    def test_it_and_its_files_are_this_users_alone(self, cache):
        Z()
        (file,) = kept(cache)
        assert stat.S_IMODE(cache.stat().st_mode) == 0o700
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.stat().st_uid == os.geteuid()

    @pytest.mark.parametrize("mode", [0o770, 0o702, 0o777, 0o1777])
    def test_one_that_others_can_write_is_refused(self, cache, mode):
        Z()
        cache.chmod(mode)
        new_process()
        line = refused(cache)
        assert f"(mode {mode:04o})" in line and f"chmod go-w {cache}" in line
        assert len(kept(cache)) == 1

    @pytest.mark.parametrize("mode", [0o755, 0o700, 0o500])
    def test_one_that_others_can_read_is_not(self, cache, mode):
        Z()
        cache.chmod(mode)
        new_process()
        np.testing.assert_array_equal(Z(), EXPECTED)
        cache.chmod(0o700)

    def test_one_of_another_user_is_refused(self, cache, monkeypatch):
        Z()
        new_process()
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        line = refused(cache)
        assert f"belongs to user {os.getuid()}, not to user {os.getuid() + 1}" in line

    def test_a_link_is_refused(self, cache, tmp_path):
        Z()
        cache.rename(tmp_path / "elsewhere")
        cache.symlink_to(tmp_path / "elsewhere")
        new_process()
        assert "is a symbolic link" in refused(cache)

    def test_a_file_in_its_place_is_refused(self, cache):
        cache.write_text("")
        assert "is no folder" in refused(cache)

    @pytest.mark.parametrize("mode", [0o620, 0o602])
    def test_a_file_that_others_can_write_is_refused(self, cache, mode, monkeypatch):
        Z()
        (file,) = kept(cache)
        file.chmod(mode)
        new_process()
        monkeypatch.setattr(executables.pickle, "loads", lambda _: pytest.fail("it is unpickled"))
        with pytest.warns(RuntimeWarning, match="can be written by others"):
            np.testing.assert_array_equal(Z(), EXPECTED)

    @pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
    def test_what_is_no_file_is_refused(self, cache, kind, tmp_path):
        Z()
        (file,) = kept(cache)
        if kind == "link":
            file.rename(tmp_path / "elsewhere")
            file.symlink_to(tmp_path / "elsewhere")
        else:
            file.unlink()
            os.mkfifo(file) if kind == "pipe" else file.mkdir()
        new_process()
        with pytest.warns(
            RuntimeWarning, match="is a symbolic link" if kind == "link" else "is no file"
        ):
            np.testing.assert_array_equal(Z(), EXPECTED)

    def test_it_keeps_what_was_used_last(self, cache, monkeypatch):
        monkeypatch.setattr(cache_files, "LARGEST", 3500)
        names = [str(number) * 64 for number in range(4)]
        for age, name in enumerate(names[:3]):
            cache_files.write(name, bytes(900))
            os.utime(cache / f"{name}.program", (age, age))
        mine = cache / "mine.txt"
        mine.write_bytes(bytes(10_000))
        assert cache_files.read(names[0])
        cache_files.write(names[3], bytes(900))
        assert [cache_files.read(name) is not None for name in names] == [True, False, True, True]
        assert mine.exists()

    def test_unfinished_files_go_after_an_hour(self, cache):
        cache_files.write("0" * 64, b"")
        old, new = (cache / f".{'1' * 64}.{number}{number}.unfinished" for number in range(2))
        for path in (old, new):
            path.write_bytes(b"")
        os.utime(old, (0, 0))
        cache_files.write("2" * 64, b"")
        assert new.exists() and not old.exists()


class TestPlace:
    """Where the folder is."""

    @pytest.fixture(autouse=True)
    def home(self, monkeypatch, tmp_path):
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.delenv("JAX_LOGREG_CACHE")
        monkeypatch.setattr(sys, "platform", "linux")
        self.monkeypatch, self.path = monkeypatch, tmp_path

    def test_by_the_xdg_rules(self):
        assert cache_folder.folder() == self.path / ".cache" / "jax_logreg"
        self.monkeypatch.setenv("XDG_CACHE_HOME", str(self.path / "mine"))
        assert cache_folder.folder() == self.path / "mine" / "jax_logreg"
        for ignored in ("", "relative/path"):
            self.monkeypatch.setenv("XDG_CACHE_HOME", ignored)
            assert cache_folder.folder() == self.path / ".cache" / "jax_logreg"

    def test_on_a_mac(self):
        self.monkeypatch.setattr(sys, "platform", "darwin")
        assert cache_folder.folder() == self.path / "Library" / "Caches" / "jax_logreg"

    def test_by_a_variable(self):
        for given, path in {
            "/there": Path("/there"),
            "~/there": self.path / "there",
            "there": Path.cwd() / "there",
            " ": self.path / ".cache" / "jax_logreg",
            "off": None,
            "OFF": None,
        }.items():
            self.monkeypatch.setenv("JAX_LOGREG_CACHE", given)
            assert cache_folder.folder() == path

    def test_nowhere_on_a_system_without_owners(self):
        self.monkeypatch.setattr(cache_folder, "_CHECKABLE", False)
        assert cache_folder.folder() is None
