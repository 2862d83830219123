"""Every command of the documentation that runs in a clone runs as printed."""

import pytest
from clone import make_clone, shell
from pages import PAGES, README, SETUP, commands

TRAIN = SETUP.sub("", next(line for line in commands(README) if SETUP.match(line)))
COMMANDS = [line for page in PAGES for line in commands(page) if line.startswith(".venv/bin/")]
COMMANDS = [line for line in COMMANDS if "/pip install" not in line]
CATS = next(line for line in COMMANDS if "run configs/cats.toml" in line)
PREDICT = next(line for line in COMMANDS if "jax-logreg predict" in line)
# These take 10 to 20 seconds; what they call is tested beside them, and the others are like them.
LONG = ("sweep.py", "many.py", "linear_probe.py", "hosts.py", "scaling.py", "report.py")
LONG += (
    "first_call.py",
    "first_search.py",
    "standard_errors.py",
    "default_tolerance.py",
    "held_out.py",
)
# Commands that look at runs need these.
NEEDED = {"runs/cats": CATS, "runs/quickstart": TRAIN, "runs runs": CATS}


def script(line):
    """The file's name of the script that a command runs."""
    return next((word.split("/")[-1] for word in line.split() if word.endswith(".py")), None)


def measured(line):
    """The name of the results that an experiment's command writes."""
    words = line.split()
    if "--name" in words:
        return words[words.index("--name") + 1]
    return (script(line) or "").removesuffix(".py")


class Clone:
    """A clone, and the commands that were run in it."""

    def __init__(self, folder):
        self.folder, self.done = make_clone(folder), set()

    def run(self, command):
        """Run a command once, and before it the runs that it looks at."""
        if command in self.done:
            return
        self.done.add(command)
        for words, first in NEEDED.items():
            if f" {words}" in command:
                self.run(first)
        if "experiments/" in command:
            command = f"{command} --quick --out quick"
        shell(command, self.folder)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return Clone(tmp_path_factory.mktemp("clone"))


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(line, marks=[pytest.mark.slow] if script(line) in LONG else [])
        for line in COMMANDS
    ],
)
def test_every_command(command, clone):
    clone.run(command)


def test_what_predict_leaves(clone):
    clone.run(PREDICT)
    assert len((clone.folder / "probabilities.csv").read_text().splitlines()) == 7


@pytest.mark.slow
@pytest.mark.parametrize("command", [line for line in COMMANDS if "experiments/" in line])
def test_every_experiment_in_full(command, clone):
    shell(command, clone.folder)


def test_every_measured_table_stands_below_its_command():
    page = next(page for page in PAGES if page.name == "benchmarks.md")
    shown = {measured(line) for line in commands(page)}
    included = set()
    for line in page.read_text().splitlines():
        if line.startswith("```{include}"):
            path = page.parent / line.split()[-1]
            assert path.exists(), line
            included.add(path.stem)
    results = {path.stem for path in (page.parents[1] / "experiments" / "results").glob("*.md")}
    # These stand on the page on choosing.
    elsewhere = {"standard_errors", "default_tolerance"}
    assert results - elsewhere <= included
    assert results - {"optimum"} <= shown
