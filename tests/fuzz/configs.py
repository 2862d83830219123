"""Configs made wrong by a seed: their text, their tree, or what --set says."""

import random
import tomllib
from pathlib import Path

import tomli_w

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.toml"))
BASES = [path.read_text() for path in CONFIGS] + [
    '[data]\nsource = "synthetic"\nexamples = 40\nfeatures = 3\n[fit]\nsteps = 3\n',
    '[data]\nsource = "embeddings"\nexamples = 60\nfeatures = 4\nclasses = 3\n'
    '[penalty]\nkind = "elastic_net"\nstrength = 0.1\nl1_ratio = 0.5\nunpenalised = ["x0", 2]\n',
    '[data]\nsource = "file"\ntrain = "{folder}/a.csv"\ntest = "{folder}/a.csv"\nlabel = "label"\n'
    'exclude = ["x1*"]\n',
    '[data]\nsource = "file"\ntrain = "{folder}/a.csv"\nstream = true\nstandardise = false\n',
    '[data]\nsource = "file"\ntrain = "{folder}/a.npz"\nx = "X"\ny = "Y"\n[fit.class_weight]\n'
    "no = 2\nyes = 1.0\n[checkpoint]\nseconds = 1\nsteps = 5\n",
    '[data]\nsource = "synthetic"\n[penalty]\nkind = "l1"\n[sweep]\nstrengths = [0.1, 0.01]\n'
    'folds = 3\nscoring = "brier"\n[solver]\nmethod = "lbfgs"\nmemory = 5\n',
]
TEXTS = [
    *("", " ", "\0", "\n", "a\nb", "é", "\u202e", "\U0001f408", "x" * 5000, "nan", "inf", "-", "~"),
    *("~nobody_of_this_name/a.csv", "/dev/zero", "/dev/null", "/dev/full", "/proc", "/", ".", ".."),
    *("{folder}", "{folder}/a.csv", "{folder}/fifo.csv", "{folder}/zero.npy", "{folder}/no.npz"),
    *("{folder}/loop.csv", "{folder}/a.npz", "a" * 300 + ".csv", "/dev/null/a.csv", "*", "[", "?"),
    *(
        "__import__('os').system('touch {folder}/executed')",
        "${HOME}",
        "$(touch {folder}/executed)",
    ),
    *("{0}", "%s", "l1", "l2", "file", "lbfgs", "auto", "balanced", "file:///a"),
]
NEAR = {
    "data": ["seed", "test_fraction", "standardise", "positive", "examples", "features", "exclude"],
    "fit": ["steps", "tolerance", "dtype", "gradient_check", "devices", "family", "class_weight"],
    "penalty": ["kind", "strength", "l1_ratio", "unpenalised"],
    "solver": ["method", "learning_rate", "memory", "working_set"],
    "sweep": ["strengths", "folds", "scoring", "smallest", "memory", "seed"],
    "checkpoint": ["seconds", "steps"],
}
NUMBERS = [
    *(0, 1, 2, 3, -1, -3, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, -(2**63), 10**12),
    *(10**18, 10**40, 10**400, -(10**30), 0.0, -0.0, 0.5, 1.0, -1.5, 1e-320, 1e308, -1e308),
    *(float("inf"), -float("inf"), float("nan"), True, False),
]
KEYS = [
    *("data", "source", "name", "examples", "features", "classes", "train", "test", "label", "x"),
    *(
        "y",
        "labels",
        "weights",
        "exclude",
        "categorical",
        "pixels",
        "positive",
        "seed",
        "test_fraction",
        "standardise",
    ),
    *("penalty", "kind", "strength", "l1_ratio", "unpenalised", "solver", "method", "memory"),
    *("learning_rate", "momentum", "working_set", "fit", "steps", "tolerance", "dtype", "device"),
    *("devices", "gradient_check", "class_weight", "sweep", "strengths", "smallest", "folds"),
    *("scoring", "choose", "checkpoint", "seconds", "decay", "distance", "signal", "__class__"),
    *("model_config", "__init__", "", "a.b", "a b", "é", "k\nk", "\0", "K" * 3000),
]


def value(rng, depth=0):
    kind = rng.randrange(12)
    if kind > 8:
        return rng.choice([1, 2, 3, 40, 0.1, 0.5, 0.25, True, False, "l2", "auto", [0.1, 1.0]])
    if kind < 4:
        return rng.choice(NUMBERS)
    if kind < 7:
        return rng.choice(TEXTS)
    if kind == 7 or depth > 2:
        nested = [value(rng, depth + 1) for _ in range(rng.randrange(4))] if depth < 3 else []
        for _ in range(rng.choice([0, 0, 1, 40])):
            nested = [nested]
        return nested
    return {rng.choice(KEYS): value(rng, depth + 1) for _ in range(rng.randrange(4))}


def tables(tree):
    """The tree and all tables within it."""
    found = [tree]
    for inner in tree.values():
        if isinstance(inner, dict):
            found += tables(inner)
    return found


def of_tree(rng, text):
    tree = tomllib.loads(text)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        table = rng.choice(tables(tree))
        key = rng.choice([*table, rng.choice(KEYS)])
        how = rng.randrange(6)
        if how == 0:
            table.pop(key, None)
        elif how == 1 and key in table:
            table[rng.choice(KEYS)] = table[key]
        elif how == 2 and key in table:
            table[key] = [table[key]]
        elif how == 3 and rng.random() < 0.1:
            table |= {f"k{i}": value(rng, 3) for i in range(3000)}
        else:
            table[key] = value(rng)
    return tomli_w.dumps(tree)


PIECES = [
    *("[", "]", "[[", "=", '"', "'''", '"""', "#", "\n", "\r", "\0", "\ufeff", "{", "}", ",", "."),
    *("1e999", "9" * 5000, "0x" + "f" * 5000, "1979-05-27T07:32:00Z", "0b2", "nan", "-inf", "1_0"),
    *("\\u0000", "\\ud800", "\\U00110000", "a.b.c.d = 1\n", "[data]\n", "[data.x]\n", "[[data]]\n"),
    *("[" * 2000, "x = " + "[" * 5000 + "]" * 5000 + "\n", "x = " + "{a=" * 900 + "\n"),
    *("a" + ".a" * 3000 + " = 1\n", "[" + "a." * 3000 + "a]\n", "[fit]\nsteps = 1\n", "\udcff"),
    "".join(f"k{i} = {i}\n" for i in range(3000)),
]


def of_text(rng, text):
    for _ in range(rng.choice([1, 1, 2, 4])):
        at, to = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        how = rng.randrange(6)
        if how == 0:
            text = text[:at]
        elif how == 1:
            text = text[:at] + text[min(to, at + 9) :]
        elif how == 2:
            text = text[:at] + text[at:to] * 2 + text[to:]
        elif how == 3:
            text = text[:at] + chr(rng.choice([10, 34, 61, rng.randrange(256)])) + text[at + 1 :]
        else:
            at = rng.choice([at, text.rfind("\n", 0, at) + 1])
            text = text[:at] + rng.choice(PIECES) + text[at:]
    return text


def override(rng):
    """Return a text for --set, where a surrogate stands for a byte that is no UTF-8."""
    if rng.random() < 0.1:
        return rng.choice([*PIECES, *TEXTS])
    table = rng.choice(list(NEAR))
    key = rng.choice(NEAR[table] if rng.random() < 0.8 else KEYS)
    key = rng.choice([f"{table}.{key}"] * 8 + [key, f"{table}.{key}.{rng.choice(KEYS)}"])
    if rng.random() < 0.7:
        text = tomli_w.dumps({"v": value(rng)})[4:].strip()
    else:
        text = rng.choice([*TEXTS, *PIECES, *map(str, NUMBERS[:17])])
    return f"{key}={text}"


def make(seed):
    """The text of a config, or the path of one, and overrides; '{folder}' stands in them."""
    rng = random.Random(f"config {seed}")
    text = rng.choice(BASES)
    kind = rng.randrange(10)
    if kind == 0:
        # A pipe is waited for: it is how a shell hands over what a command prints.
        return Path(rng.choice([text for text in TEXTS if "fifo" not in text])), []
    if kind < 4:
        return of_tree(rng, text), [override(rng) for _ in range(rng.choice([0, 0, 0, 1, 3]))]
    if kind < 7:
        return of_text(rng, text), []
    return text, [override(rng) for _ in range(rng.choice([1, 1, 2]))]


BINOMIAL = "[data]\nsource = 'synthetic'\nexamples = 40\n[penalty]\nkind = 'l2'\nstrength = 0.1\n"
MULTINOMIAL = "[data]\nsource = 'embeddings'\nexamples = 60\nfeatures = 4\nclasses = 3\n"
SWEPT = BINOMIAL.replace("strength = 0.1", "[sweep]\nstrengths = 2")
# Settings that validation lets pass, and where a fit of three steps has to end well or in a line.
ODD_NUMBERS = {
    BINOMIAL: [
        *(f"data.signal={x}" for x in (0, 1e-320, 1e38, 1e308)),
        *(f"data.examples={m}" for m in (4, 5, 10**9, 10**12, 2**62)),
        *(f"data.features={n}" for n in (1, 10**9, 10**12)),
        *(f"data.test_fraction={x}" for x in (0, 1e-300, 0.9999999)),
        *(f"fit.tolerance={x}" for x in (0, 1e-320, 1e308)),
        *(f"fit.gradient_check={n}" for n in (1, 2**31 - 1)),
        *(f"fit.devices={n}" for n in (10**12, "all")),
        *(f"fit.class_weight={{'0'={x}, '1'=1}}" for x in (1e-320, 1e38, 1e308)),
        *(f"penalty.strength={x}" for x in (0, 1e-320, 1e38, 1e308)),
        *(f"penalty.unpenalised={x}" for x in ("[0, 0]", "[-1]", [2**62], "['x0']", "['']")),
        *(f"solver={{method='lbfgs', memory={n}}}" for n in (1, 1000, 10**9, 10**12, 2**62)),
        *(f"solver={{method='optax_lbfgs', memory={n}}}" for n in (1, 10**9, 10**12, 2**62)),
        *(f"solver={{method='proximal', working_set={n}}}" for n in (1, 10**12)),
        *(f"solver={{method='momentum', learning_rate={x}}}" for x in (1e-320, 1e38, 1e308)),
        *(f"solver={{method='adam', learning_rate={x}}}" for x in (1e-320, 1e38, 1e308)),
        *(f"checkpoint.seconds={x}" for x in (1e-320, 1e308)),
        *(f"checkpoint.steps={n}" for n in (1, 2**62)),
    ],
    MULTINOMIAL: [
        *(f"data.classes={n}" for n in (2, 60, 61, 10**9, 2**62)),
        *(f"data.distance={x}" for x in (0, 1e-320, 1e38, 1e308)),
        *(f"data.features={n}" for n in (2, 300_000, 10**9)),
        *(f"solver={{method='gradient_descent', learning_rate={x}}}" for x in (1e-320, 1e308)),
        *(f"solver={{method='newton'}}\nfit.dtype={x}" for x in ("float32", "float64")),
        "fit.family=binomial",
    ],
    SWEPT: [
        *(f"sweep.strengths={n}" for n in (1, 10**6, 10**12, 2**62)),
        *(f"sweep.strengths={x}" for x in ([0.0], [1e308, 1e-320], [0.1, 0.1])),
        *(f"sweep.folds={x}" for x in (2, 29, 30, 31, 10**12, 1e-300, 0.9999999)),
        *(f"sweep.smallest={x}" for x in (1e-320, 0.9999999)),
        *(f"sweep.memory={x}" for x in (1e-320, 1e308, 2**62)),
        *(f"sweep.scoring={x}" for x in ("roc_auc", "brier")),
    ],
}
TRAINED = [(text, one.split("\n")) for text, odd in ODD_NUMBERS.items() for one in odd]
