"""Whether a run folder holds the files of a run and no others, each as its checksum says."""

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from typing import Any

from analysis.estimators.own_code import FOLDER
from benchmarks.asked.base import base_of
from benchmarks.asked.errors import RunError
from benchmarks.asked.own_files import own_functions, pinned_digests
from benchmarks.asked.scenario import Scenario
from benchmarks.cli.findings import Findings
from benchmarks.runs.manifest import MANIFEST, SCENARIO, SHAPE, STUDY, identity, versions, world_identity
from benchmarks.runs.store import SUM, RunFolder
from benchmarks.words.sizes import counted
from simulator.documents.loading import Document, resolved_yaml, shipped
from simulator.documents.safe_files import STUMP, kind_of

SEALED = ("results.parquet", "results.json")
JUDGED = ("truth.json", "performance.parquet", "failures.parquet")
PLAIN = ("scenario.yaml", "manifest.json")
SHOWN = ("performance.csv", "result.json", "report.html")
KEPT = re.compile(
    r"parts/[0-9a-f]{16}/[0-9a-f]{16}/(judged\.json|r\d{9}-\d{9}\.parquet)|truths/[0-9a-f]{24}\.json|own/[0-9a-f]{64}\.py"
    r"|posterior-[0-9a-f]{24}\.json"
)
READ_OFF = "posterior-"
"""Begins the files of what was worked out from rows and kept, so that nobody computes it twice."""
BESIDE = re.compile(
    r"log|lock|lock-\d+-of-\d+|replay/c\d{5}-r\d{9}/(cohort(-hidden)?\.csv|cohort\.spec\.yaml|analysis\.(json|html))"
)


def check_files(folder: RunFolder, kind: str, looking: bool, found: Findings) -> set[str]:
    """The names of all files; findings for what does not belong, is absent or disagrees with its checksum."""
    names, beside, stumps = _walked(folder, found), 0, 0
    summed = {*SEALED, *(JUDGED if kind == STUDY else ()), *(["looks.json"] if looking else [])}
    wanted = {*PLAIN, *summed, *(SHOWN if kind == STUDY else ())}
    for name in sorted(wanted - names):
        found.add("missing", name, "is not there")
    for name in sorted(names):
        plain = name.removesuffix(SUM)
        if name in wanted or plain in summed or KEPT.fullmatch(plain):
            continue
        if os.path.basename(name).startswith(".") and name.endswith(STUMP):
            stumps += 1
        elif BESIDE.fullmatch(name):
            beside += 1
        else:
            found.add("foreign", name, "is no file of a run of this kind")
    checked = sorted(name for name in names if name in summed or KEPT.fullmatch(name))
    checked += sorted(name.removesuffix(SUM) for name in names if name.endswith(SUM) and name[: -len(SUM)] not in names)
    for name in checked:
        if not folder.whole(name):
            absent = "has no checksum" if f"{name}{SUM}" not in names else "is not what its checksum is of"
            found.add("checksum", name, absent if name in names else "is not there, its checksum is")
        elif name.startswith(f"{FOLDER}/") and _sha256(folder, name) != os.path.basename(name)[:64]:
            found.add("code", name, "is not the code that its name says")
    found.checked.append(f"{len(names)} files: those of a run and no others, {len(checked)} of them by their checksums")
    read_off = sum(name.startswith(READ_OFF) and name.endswith(".json") for name in names)
    if read_off:
        found.unchecked.append(
            f"{counted(read_off, 'file')} with results found from the rows; delete them to have them found again"
        )
    if beside:
        found.unchecked.append(f"{beside} files beside the results: log, locks, replayed cohorts")
    if stumps:
        found.unchecked.append(f"{stumps} files that an interrupted process left behind")
    return names


def _sha256(folder: RunFolder, name: str) -> str:
    return hashlib.sha256(folder.read_checked(name) or b"").hexdigest()


def _walked(folder: RunFolder, found: Findings) -> set[str]:
    """The names of all regular files; a finding for everything else that is no folder."""
    names: set[str] = set()
    waiting = [""]
    while waiting:
        here = waiting.pop()
        try:
            entries = sorted(os.scandir(folder.path / here), key=lambda one: one.name)
        except OSError as error:
            raise RunError(f"{folder.path / here}: cannot be read ({error.strerror})") from None
        for entry in entries:
            name = f"{here}/{entry.name}" if here else entry.name
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                waiting.append(name)
            elif stat.S_ISREG(mode):
                names.add(name)
            else:
                found.add("foreign", name, f"is {kind_of(mode)}")
    return names


def check_manifest(
    manifest: Mapping[str, Any], document: Document, scenario: Scenario, machine: str, found: Findings
) -> None:
    """Findings where the manifest is not that of the scenario, or of other versions than these."""
    seed, study = scenario.run.seed, manifest.get("kind", STUDY) == STUDY
    for key, value in (
        ("seed", seed),
        ("digest", identity(document, seed)),
        ("world", world_identity(document, seed)),
        ("own", own_functions(scenario) if study else {}),
    ):
        if manifest.get(key, value) != value:
            found.add("manifest", MANIFEST, f"'{key}' is {manifest[key]}, that of scenario.yaml is {value}")
    for key in manifest.keys() - SHAPE.keys():
        found.add("manifest", MANIFEST, f"'{key}' is no key of a manifest")
    held, now = manifest["versions"], versions()
    names = dict.fromkeys([*now, *held])
    other = [f"{name} {held.get(name)}, now {now.get(name)}" for name in names if held.get(name) != now.get(name)]
    other += [] if manifest["machine"] == machine else [f"machine {manifest['machine']}, now {machine}"]
    if other:
        told = f"made by other versions than these ({'; '.join(other)}): what differs below may come of that"
        found.add("version", "manifest.json", f"{told}; verify with the version that made it")
    _check_base(manifest, document, found)
    found.checked.append("manifest.json against scenario.yaml, and its versions against these")


def check_written(folder: RunFolder, document: Document, manifest: Mapping[str, Any], found: Findings) -> None:
    """Findings where the study and its manifest say more, or twice, to who reads the files, or lack the code."""
    for name, right in (
        (SCENARIO, resolved_yaml(document.tree).encode()),
        (MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode()),
    ):
        if folder.read_bytes(name) != right:
            found.add("manifest", name, "is not written as a run writes it")
    for digest in pinned_digests(document):
        if folder.read_checked(name := f"{FOLDER}/{digest}.py") is None:
            found.add("code", name, "is not there whole: the code of a function that the study names")


def _check_base(manifest: Mapping[str, Any], document: Document, found: Findings) -> None:
    """A finding where what is said to differ from a shipped base does not."""
    if "base" not in manifest:
        return
    base = manifest["base"]
    now = base_of(document, shipped_only=True)
    if base["name"] not in shipped() or now.rows is None:
        if base["files"]:
            found.unchecked.append(f"what differs from {base['name']}, which the folder does not hold")
    elif base["name"] != now.name or base["rows"] != [list(row) for row in now.rows]:
        found.add("manifest", "manifest.json", f"what differs from {base['name']} is not what it says")
