"""The command that makes a page again: what was given, without what changes no result."""

import ast
import shlex

PLACES = ("--out", "--report", "--figure", "--tables", "--jobs", "--block", "--backend", "--dask-tls", "--shard")
UNSEEN = ("--json", "--force-new", "--dry-run")
MOST_CALLED = 20_000
"""Letters of a call from Python; a longer one was not made by us."""


def repeated(command: str) -> str:
    """A command without what changes no result: the places to which it wrote, and how it was computed."""
    if command.startswith("trialtwin."):
        return _repeated_call(command)
    try:
        words, kept = iter(shlex.split(command)), []
    except ValueError:  # a folder of another's making may say anything
        return command
    for word in words:
        if word in UNSEEN:
            continue
        if word in PLACES:
            next(words, None)
        elif not word.startswith(tuple(f"{place}=" for place in PLACES)):
            kept.append(word)
    return shlex.join(kept)


def _repeated_call(call: str) -> str:
    """The same of a call from Python."""
    try:
        tree = ast.parse(call[:MOST_CALLED], mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return call
    if not isinstance(tree, ast.Call):
        return call
    options = [(f"--{one.arg}".replace("_", "-"), one) for one in tree.keywords]
    tree.keywords = [one for name, one in options if name not in UNSEEN and name not in PLACES]
    return ast.unparse(tree)
