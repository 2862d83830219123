"""The language of the project, docs/development/style.md: words, openings, length of sentences."""

import re

from prose import ROOT, Prose, files, names, prose, sentences, words

FILES = files()
# A pattern, and what to write in place of it.
BANNED = {
    r"\banew\b|\bafresh\b": "again, recomputed",
    r"\blikewise\b|\bbesides\b": "also, too",
    r"\bof late\b": "lately",
    r"\bin \w+ stead\b": "in place of",
    r"\bbut for\b": "except for",
    r"\b(is|are|was|were) (?-i:none)\b": "no",
    r"\btold\b|\btell(s|ing)?\b": "classified, logged, reported",
    r"\bby lot\b": "than chance",
    r"\bkeeper\b": "checkpoint",
    r"\b(go|goes|going|gone|went) on\b": "resume, continue",
    r"\bkink(s|ed)?\b": "nonsmooth",
    r"\bbeg(in|ins|an|un|inning) again\b": "start, resume",
}
# Of the solvers and of their mathematics: elsewhere a metric is a measure.
OF_SOLVERS = {r"\bmetric\b": "preconditioner", r"\bdivid\w+ by the (metric|Hessian)": "solve"}
SOLVING = ("jax_logreg/solver/", "jax_logreg/loop/", "jax_logreg/sweep/", "docs/concepts/")
PRIVATE_NAMES = re.compile(
    r"(^|_)(anew|afresh|keeper|kinks?|kinked|told|telling|mending|likewise|besides|beginning)(_|$)"
)
# As libraries or the standard library have it.
NAMES_OF_OTHERS = {"beginning"}
OPENINGS = re.compile(r"(What|Whether there (is|are)|Those that)\b")
# The words of a sentence on a page, or in a docstring of the package.
LONGEST = 20
PAGES = ("docs/", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
DOCSTRINGS = re.compile(r"(What|Whether|How|Which|Those|That|Who|There|It|They|This)\b")


def found(pieces, patterns):
    """Return each banned word with its place and its mend."""
    return [
        f"{one.path}:{one.line}: {match[0]!r}: write {mend}"
        for one in pieces
        for pattern, mend in patterns.items()
        for match in re.finditer(pattern, re.sub(r"\s+", " ", one.text), re.IGNORECASE)
    ]


def checked(name):
    """The prose of a file, except for the lists of banned words: here, and in a table of a page."""
    if name == "tests/test_words.py":
        return [one for one in prose(name) if one.kind != "message"]
    tables = name == "docs/development/style.md"
    return [one for one in prose(name) if not (tables and one.kind == "table")]


def test_banned_and_private_words():
    wrong = []
    for name in FILES:
        patterns = BANNED | (OF_SOLVERS if name.startswith(SOLVING) else {})
        wrong += found(checked(name), patterns)
    assert wrong == []


def test_names_are_words_of_the_field():
    wrong = [
        f"{name}:{line}: {one}"
        for name in FILES
        if name.endswith(".py")
        for line, one in names(name)
        if PRIVATE_NAMES.search(one.lower()) and one not in NAMES_OF_OTHERS
    ]
    assert wrong == []


def test_openings():
    wrong = []
    for one in (piece for name in FILES for piece in checked(name)):
        if one.kind in ("docstring", "comment", "page"):
            parts = re.split(r"(?<=[.!?])\s+|\n\s*\n", one.text.strip())
            wrong += [f"{one.path}:{one.line}: {part}" for part in parts if OPENINGS.match(part)]
        if one.kind == "docstring" and DOCSTRINGS.match(one.text.strip()):
            wrong.append(f"{one.path}:{one.line}: {one.text.strip()}")
    assert wrong == []


def too_long(pieces):
    """Return each sentence that has too many words, with its place; a paragraph ends one."""
    return [
        f"{one.path}:{one.line}: {len(words(sentence))} words: {' '.join(sentence.split())}"
        for one in pieces
        for part in re.split(r"\n\s*\n|\n\s*- ", one.text)
        for sentence in sentences(part)
        if len(words(sentence)) > LONGEST
    ]


def test_sentences_of_pages_are_short():
    pieces = [one for name in FILES if name.startswith(PAGES) for one in checked(name)]
    kinds = {"docs/": ("page", "docstring")}
    assert too_long(p for p in pieces if p.kind in kinds.get(p.path[:5], ("page",))) == []


def test_sentences_of_docstrings_are_short():
    package = (f for f in FILES if f.startswith("jax_logreg/"))
    docstrings = [p for f in package for p in checked(f) if p.kind == "docstring"]
    assert len(docstrings) > 500
    assert too_long(docstrings) == []


def test_a_long_sentence_is_seen():
    (one,) = sentences(
        "It " + "is very " * 10 + "long, [as one sees](https://here.now), `a b c` = 2."
    )
    assert len(words(one)) == 24
    piece = Prose("a.py", 1, "docstring", f"Return it.\n\n{one} And this.")
    assert len(too_long([piece, piece._replace(text="It is so.\n\n- " + "so " * 20)])) == 1
    assert [len(words(s)) for s in sentences("As here: x = y + 1. It is so.")] == [2, 0, 3]


def test_a_word_of_the_glossary_has_one_sentence():
    text = (ROOT / "docs" / "concepts" / "glossary.md").read_text()
    entries = dict(re.findall(r"^(\S.*)\n: (.*)$", text, re.MULTILINE))
    assert len(entries) == text.count("\n: ") > 50
    for word, meaning in entries.items():
        assert len(sentences(meaning)) <= 2 and meaning.count(". ") == 0, word
        assert (
            meaning.endswith(".") and word[0].isupper() and word.lower() not in meaning.lower()
        ), word


def test_each_ban_is_able_to_fail():
    text = (
        "Anew and likewise; of late, in their stead, nothing but for it is none. He told by lot. "
        "A keeper goes on at a kink, and began again."
    )
    piece = Prose("a.py", 1, "comment", text)
    assert len(found([piece], BANNED)) == len(BANNED)
    assert found([piece._replace(text="divided by the metric")], OF_SOLVERS)
    assert found([piece._replace(text="x is None, to go\nonwards")], BANNED) == []
