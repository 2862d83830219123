"""Measurements of the package on an accelerator, in one command of less than 12 minutes.

    python experiments/accelerator.py [--parts 1,2] [--dry] [--lower PLATFORM] [--out FOLDER]

Six parts, each in a process of its own and within a limit of its own: the machine, the tests, the
lecture's step, a thousand classes, fits and sweeps to the optimum, a probe as large as ImageNet's.
Every row is written as it is measured, so that what is cut leaves what it had. --dry rehearses
all on small data, by default on the CPU. --lower lowers the same programs for another platform,
which need not be there. Needed are Python, JAX, NumPy, optax, SciPy, scikit-learn and pytest;
PyTorch and CuPy are set beside if they are installed. Results: accelerator.json and .md.
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from experiments.accelerator_parts import CLOCK, LOWER, PARTS  # noqa: E402
from experiments.accelerator_parts.conduct import conduct  # noqa: E402
from experiments.accelerator_parts.tables import page  # noqa: E402

# A rehearsal may take so many times longer.
_PATIENCE = 10


class Record:
    """The rows of all parts in <name>.json and <name>.md, written whenever one is added."""

    def __init__(self, folder, name, dry):
        self._json, self._page = folder / f"{name}.json", folder / f"{name}.md"
        self.dry, self.parts = dry, {}
        if self._json.exists():
            kept = json.loads(self._json.read_text())
            # The rows of a part that is not run again stay: parts may be run in two commands.
            self.parts = {} if kept["dry"] != dry else {p["name"]: p for p in kept["parts"]}

    def begin(self, part):
        """Forget what the part had left before."""
        self.parts[part.name] = {"name": part.name, "title": part.title, "rows": []}

    def add(self, part, row):
        """Keep a row of the part."""
        self.parts[part.name]["rows"].append(row)
        self.write()

    def end(self, part, how):
        """Keep how the part ended."""
        self.parts[part.name] |= how
        self.write()

    def write(self):
        """Write both files, each whole or not at all."""
        parts = [self.parts[name] for name in sorted(self.parts)]
        text = json.dumps({"dry": self.dry, "parts": parts}, indent=2) + "\n"
        for file, content in ((self._json, text), (self._page, page(parts, self.dry))):
            new = file.with_suffix(f"{file.suffix}.new")
            new.write_text(content)
            new.replace(file)


def arguments():
    """The parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default="1,2,3,4,5", help="which, by number; 0 always runs")
    parser.add_argument("--dry", action="store_true", help="small data, by default on the CPU")
    parser.add_argument("--lower", metavar="PLATFORM", help="tpu or cuda: lower, run nothing")
    parser.add_argument("--seconds", type=float, help="of all parts together")
    parser.add_argument("--out", type=Path, help="folder of the results")
    return parser


def chosen(text):
    """The parts that the numbers name, part 0 always among them."""
    names = {name.strip() for name in text.split(",")}
    unknown = names - {part.name for part in PARTS}
    if unknown:
        known = ", ".join(part.name for part in PARTS)
        raise SystemExit(f"no part {', '.join(sorted(unknown))}: expected some of {known}")
    return [part for part in PARTS if part.name in names | {"0"}]


def main(argv=None):
    """Run the parts, and write what they find; the exit code is 1 where one did not complete."""
    # The part under way is ended with this process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    given = arguments().parse_args(argv)
    parts, options, name = chosen(given.parts), [], "accelerator"
    if given.lower:
        parts, options, name = [LOWER], ["--lower", given.lower], f"lowered_{given.lower}"
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
    seconds = CLOCK
    if given.dry:
        options.append("--dry")
        # Nothing is measured: a busy CPU may take its time.
        parts = [part._replace(limit=_PATIENCE * part.limit) for part in parts]
        seconds *= _PATIENCE
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
    measured = not (given.dry or given.lower)
    folder = given.out or (ROOT / "experiments" / "results" if measured else ROOT / "runs" / name)
    folder.mkdir(parents=True, exist_ok=True)
    record, ends = Record(folder, name, given.dry), []

    def keep(part, row):
        record.add(part, row)
        words = {key: value for key, value in row.items() if key != "table"}
        print(f"{part.name} {row['table']}: {json.dumps(words)}", flush=True)

    for part in parts:
        record.begin(part)
    for part, how in conduct(parts, options, folder, keep, seconds=given.seconds or seconds):
        record.end(part, how)
        ends.append(how["end"])
        print(f"part {part.name}, {part.title}: {how['end']}, {how['seconds']:g} s", flush=True)
        if "NoAcceleratorError" in how["end"]:
            return 2
    print(f"written to {folder / name}.json and .md")
    return 0 if set(ends) == {"complete"} else 1


if __name__ == "__main__":
    sys.exit(main())
