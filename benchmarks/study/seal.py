"""The sealed digest of a run: one SHA-256 over all that makes and is its result, the same for any way of computing it.

It is over lines of a name and a SHA-256: the whole resolved study, the sources that it states, what it says otherwise
than its base, its manifest without what differs between two runs of one study, rows, truths, looks, performance and
failures. Left out are the command, the machine's name, paths and times; pages and documents are made from the rest.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from benchmarks.runs.records import FAILURES, PERFORMANCE, as_csv
from benchmarks.study.running import StudyResult
from benchmarks.truth.of_cells import Truths
from simulator.documents.loading import Document, digest

UNSEALED = ("host", "command", "files", "base", "sources")
"""Keys of a manifest that differ between two runs of one study, or are sealed by themselves."""
LEAST = 16
"""Hexadecimal digits that name a sealed digest."""


def seal(document: Document, manifest: Mapping[str, Any], result: StudyResult) -> str:
    """The sealed digest of a study, from its document, its manifest and what was found."""
    truths = Truths(result.truths, result.targets, result.directions)
    return _of(
        {
            **made_of(document, manifest),
            "rows": result.rows_sha256,
            "truths": _sha256(truths.records()),
            "looks": _sha256([asdict(one) for one in result.looks]),
            "performance": _text(as_csv(result.performance, PERFORMANCE)),
            "failures": _text(as_csv(result.rows.failures(), FAILURES)),
        }
    )


def seal_of_rows(document: Document, manifest: Mapping[str, Any], rows_sha256: str) -> str:
    """The sealed digest of the rows of a question."""
    return _of({**made_of(document, manifest), "rows": rows_sha256})


def made_of(document: Document, manifest: Mapping[str, Any]) -> dict[str, str]:
    """What went in, each by its digest."""
    base = manifest.get("base") or {}
    return {
        "study": digest(document.tree),
        "sources": _sha256(manifest["sources"]),
        "base": _sha256(base.get("rows")),
        "manifest": _sha256({key: value for key, value in manifest.items() if key not in UNSEALED}),
    }


def _of(parts: Mapping[str, str]) -> str:
    return _text("".join(f"{name} {one}\n" for name, one in sorted(parts.items())))


def _sha256(value: Any) -> str:
    return _text(json.dumps(value, sort_keys=True, ensure_ascii=False, default=dict))


def _text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
