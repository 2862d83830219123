"""The output of `jax-logreg doctor`, and when it ends with exit code 1."""

from dataclasses import replace
from functools import partial
from importlib import metadata

import jax
import numpy as np
import optax
import pytest
from cli.command import command, refused

import jax_logreg
from jax_logreg._jax import cache_files
from jax_logreg.cli import doctor

HEADINGS = [
    "versions",
    "devices",
    "memory",
    "extras",
    "programs",
    "JAX's cache",
    "cluster",
    "settings",
    "fit",
]


@pytest.fixture
def without_fit(monkeypatch):
    """All that is shown beside the fit, which takes longest."""
    monkeypatch.setattr(doctor, "check_fit", lambda: (True, "certified"))


@pytest.fixture
def jax_folder():
    """Sets JAX's own folder of compiled programs, until the test ends."""
    before = jax.config.jax_compilation_cache_dir
    yield lambda folder: jax.config.update(
        "jax_compilation_cache_dir", None if folder is None else str(folder)
    )
    jax.config.update("jax_compilation_cache_dir", before)


def rows(done):
    """The lines below each heading."""
    found, name = {}, None
    for line in done.out.splitlines():
        heading, text = line[:12].strip(), line[13:]
        name = heading or name
        found.setdefault(name, []).append(text)
    return found


def test_all_is_shown_and_a_fit_is_certified():
    done = command("doctor")
    assert (done.code, done.err) == (0, "")
    found = rows(done)
    assert list(found) == HEADINGS
    assert "failed" not in done.out
    versions = " ".join(found["versions"])
    for module in (jax_logreg, jax, np, optax):
        assert f"{module.__name__} {module.__version__}" in versions
    assert len(found["devices"]) == len(jax.local_devices()) + 1
    assert found["memory"][0].endswith("GB for this process")
    assert found["fit"][0].startswith("certified in ") and "standard errors" in found["fit"][0]


def fewer_steps(**_):
    return partial(jax_logreg.fit, steps=1)


def wrong_gradient(**_):
    def fit(*arguments, **named):
        result = jax_logreg.fit(*arguments, **named)
        return replace(result, gradient_check=result.gradient_check._replace(passed=False))

    return fit


def unproven(**_):
    def fit(*arguments, **named):
        result = jax_logreg.fit(*arguments, **named)
        nan = result.certificate._replace(error_in_std_errs=np.float32("nan"))
        return replace(result, certificate=nan)

    return fit


def broken(**_):
    def fit(*_, **__):
        raise RuntimeError("no backend\nat all")

    return fit


@pytest.mark.parametrize("make", [fewer_steps, wrong_gradient, unproven, broken])
def test_a_fit_that_is_not_certified_ends_with_1(monkeypatch, make):
    monkeypatch.setattr(doctor, "fit", make())
    done = command("doctor")
    assert done.code == 1
    (line,) = done.err.splitlines()
    assert line.startswith("jax-logreg: the fit is not certified: ")
    assert list(rows(done)) == HEADINGS
    if make is broken:
        assert line.endswith("failed: RuntimeError: no backend at all")


@pytest.mark.usefixtures("without_fit")
class TestShown:
    def test_what_cannot_be_looked_at_is_one_line(self, monkeypatch):
        def fail(*_, **__):
            raise RuntimeError("Unable to initialize backend\n'cuda'")

        monkeypatch.setattr(jax, "local_devices", fail)
        found = rows(command("doctor"))
        assert found["devices"][0] == "failed: RuntimeError: Unable to initialize backend 'cuda'"
        assert list(found) == HEADINGS

    def test_an_error_without_words_names_its_place_and_the_setting(self, monkeypatch):
        def fail(*_, **__):
            raise AssertionError

        monkeypatch.setattr(jax, "local_devices", fail)
        monkeypatch.setenv("JAX_PLATFORMS", "cuda")
        words, setting = rows(command("doctor"))["devices"]
        assert words.startswith("failed: AssertionError: in fail of ")
        assert setting == "JAX_PLATFORMS=cuda asks for a device of each platform"

    def test_extras_are_those_of_the_package(self):
        found = rows(command("doctor"))["extras"]
        names = metadata.metadata("jax_logreg").get_all("Provides-Extra")
        assert [line.partition(" ")[0] for line in found] == [f"[{name}]" for name in names]
        assert "[run] present" in found

    @pytest.mark.parametrize("version", [None, "0.1"])
    def test_extras_that_are_missing_or_too_old_are_named(self, monkeypatch, version):
        real = metadata.version

        def pretended(name):
            if name.lower() != "pydantic":
                return real(name)
            if version is None:
                raise metadata.PackageNotFoundError(name)
            return version

        monkeypatch.setattr(metadata, "version", pretended)
        found = rows(command("doctor"))["extras"]
        assert "[run] missing: pydantic>=2.10" in found
        # Of extras that need it in turn, too.
        assert any(line.startswith("[onnx] missing: pydantic>=2.10") for line in found)
        assert "[sklearn] present" in found

    def test_a_package_that_is_not_installed_has_unknown_extras(self, monkeypatch):
        def missing(name):
            raise metadata.PackageNotFoundError(name)

        monkeypatch.setattr(metadata, "metadata", missing)
        (line,) = rows(command("doctor"))["extras"]
        assert line.startswith("unknown: ")

    def test_variables_of_clusters_and_settings(self, monkeypatch):
        for name in doctor._CLUSTER:
            monkeypatch.delenv(name, raising=False)
        assert rows(command("doctor"))["cluster"][0].startswith("no variables")
        monkeypatch.setenv("SLURM_NTASKS", "4")
        monkeypatch.setenv("SECRET_TOKEN", "never shown")
        monkeypatch.setenv("JAX_TRACEBACK_FILTERING", "off\n" + "x" * 1000)
        done = command("doctor")
        assert rows(done)["cluster"] == ["SLURM_NTASKS=4"]
        (shown,) = (s for s in rows(done)["settings"] if s.startswith("JAX_TRACEBACK_FILTERING="))
        assert shown.startswith("JAX_TRACEBACK_FILTERING=off x") and len(shown) < 160
        assert "never shown" not in done.out

    def test_the_cache_is_counted(self, jax_folder, tmp_path):
        jax_folder(None)
        off = "off: JAX_COMPILATION_CACHE_DIR is not set"
        assert rows(command("doctor"))["JAX's cache"] == [off]
        (tmp_path / "program").write_bytes(bytes(2_000_000))
        jax_folder(tmp_path)
        assert rows(command("doctor"))["JAX's cache"] == [f"{tmp_path}: 1 files, 2.0 MB"]
        jax_folder("gs://bucket/cache")
        assert rows(command("doctor"))["JAX's cache"] == ["gs://bucket/cache"]

    def test_compiled_programs_are_counted_and_cleared(self, monkeypatch, tmp_path):
        assert rows(command("doctor"))["programs"] == ["off: JAX_LOGREG_CACHE=off"]
        path = tmp_path / "programs"
        monkeypatch.setenv("JAX_LOGREG_CACHE", str(path))
        empty = f"{path}: 0 compiled programs, 0.0 MB, at most 512 MiB"
        assert rows(command("doctor"))["programs"] == [empty]
        cache_files.write("0" * 64, bytes(2_000_000))
        (path / "of somebody else").write_bytes(b"")
        (line,) = rows(command("doctor"))["programs"]
        assert line == f"{path}: 1 compiled programs, 2.0 MB, at most 512 MiB"
        done = command("doctor", "--clear-cache")
        assert done == (0, f"{path}: 1 programs removed, 2.0 MB\n", "")
        assert [one.name for one in path.iterdir()] == ["of somebody else"]

    def test_a_folder_that_others_can_write_is_one_line(self, monkeypatch, tmp_path):
        monkeypatch.setenv("JAX_LOGREG_CACHE", str(tmp_path))
        tmp_path.chmod(0o777)
        (line,) = rows(command("doctor"))["programs"]
        assert line.startswith(f"refused: {tmp_path} can be written by others (mode 0777)")
        assert f"chmod go-w {tmp_path}" in refused("doctor", "--clear-cache")
