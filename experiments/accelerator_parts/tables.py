"""The page of a run in Markdown: the goals beside what was found, and each part's tables."""

from experiments.accelerator_parts.columns import TABLES, count

# Of one reading of X at the speed of a copy; seconds of the ImageNet sweep.
READING, PROBE = 0.9, 600
_MOST_NOTES = 40


def page(parts, dry):
    """Markdown of the parts, as they stand in the JSON: name, title, end, seconds, rows."""
    text = ["# On an accelerator"]
    if dry:
        text.append("**A rehearsal on small data: no figure here says anything of a device.**")
    machine = next((r for p in parts for r in p["rows"] if r["table"] == "machine"), None)
    if machine is not None:
        text.append(_origin(machine))
    if not any(part["name"] == "lower" for part in parts):
        text += ["## Goals", _in_markdown(*_goals(parts))]
    for part in parts:
        end = f"{part['end']}, {part['seconds']:g} s" if "end" in part else "running"
        text += [f"## {part['name']}. {part['title']}", f"Part {part['name']}: {end}."]
        text += _tables(part["rows"])
    return "\n\n".join(text) + "\n"


def _origin(row):
    libraries = ", ".join(f"{name} {version}" for name, version in row["libraries"].items())
    return (
        f"{row['kind']} ({row['platform']}), host {row['processor']}, {row['device']}; Python "
        f"{row['python']}, NumPy {row['numpy']}, optax {row['optax']}, {libraries}; "
        f"commit {row['commit']}."
    )


def _tables(rows):
    """Each table of the rows in turn, then what could not be measured and why."""
    found = []
    for name in dict.fromkeys(row["table"] for row in rows):
        mine = [row for row in rows if row["table"] == name]
        if name == "clocks":
            found += [_clocks(row) for row in mine]
        elif name in TABLES:
            found += _table(TABLES[name], [row for row in mine if "failed" not in row])
            notes = [_note(TABLES[name], row) for row in mine if "failed" in row]
            found += ["\n".join(notes[:_MOST_NOTES])] if notes else []
    return found


def _table(table, rows):
    # A column that no row has anything for is left out.
    columns = [c for c in table.columns if any(row.get(c[1]) is not None for row in rows)]
    if not rows or not columns:
        return []
    head = [heading for heading, _, _ in columns]
    body = [[_cell(row.get(key), shown) for _, key, shown in columns] for row in rows]
    return [f"{table.caption}:", _in_markdown(head, body)]


def _cell(value, shown):
    return "" if value is None else shown(value).replace("|", "\\|")


def _note(table, row):
    keys = [key for _, key, shown in table.columns if shown in (str, count) and key in row]
    named = ", ".join(str(row[key]) for key in keys)
    return f"- {named or table.caption}: not measured: {row['failed']}"


def _clocks(row):
    values = {key: value for key, value in row.items() if key not in ("table", "when")}
    listed = ", ".join(f"{key} {value}" for key, value in values.items())
    return f"Clocks {row['when']}: {listed}."


def _in_markdown(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _goals(parts):
    rows = [row for part in parts for row in part["rows"] if "failed" not in row]

    def of(table, **names):
        return [
            row
            for row in rows
            if row["table"] == table and all(row.get(k) == v for k, v in names.items())
        ]

    steps = [row for row in of("steps") if row["storage"].startswith("float32")]
    best = max(steps, key=lambda row: row["share"], default=None)
    reading = "not measured"
    if best is not None:
        verdict = _verdict(best["share"] >= READING)
        reading = f"{best['share']:.0%}, {best['storage']}: {verdict}"
    body = [[f"float32, k = 1: a step takes one reading of X, to {READING:.0%}", reading]]
    body.append([f"ImageNet's sweep in less than {PROBE // 60} minutes", _probe(of)])
    ours = of("fits", method="this project"), of("sweeps", method="this project")
    done = sum(row["status"] == "converged" for row in ours[0])
    done += sum(row["converged"] for row in ours[1])
    total = len(ours[0]) + sum(row["models"] for row in ours[1])
    certified = f"{done} of {total}: {_verdict(done == total)}" if total else "not measured"
    body.append(["every certificate in float32 at the default tolerance", certified])
    return ["goal", "found"], body


def _verdict(reached):
    return "reached" if reached else "missed"


def _probe(of):
    whole = max((row["examples"] for row in of("priced")), default=0)
    priced = of("priced", examples=whole)
    swept = of("probe", examples=whole)
    if not priced or whole < 10**6:
        return "not measured at full size"
    asked = priced[0]["penalties"]
    if swept and swept[0]["penalties"] == asked:
        return f"{swept[0]['seconds']:.0f} s: {_verdict(swept[0]['seconds'] < PROBE)}"
    measured = priced[0].get("of", whole)
    return f"priced at {priced[0]['price']:.0f} s by a step on {measured:,} examples: not measured"
