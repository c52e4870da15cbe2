"""`trialtwin review`: the referee's report of a paper, written to a folder, and computed again to be verified."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmarks.asked.asked_by import as_asked
from benchmarks.asked.errors import RunError
from benchmarks.asked.load_study import Asked, load_study
from benchmarks.asked.sizes import check_sizes
from benchmarks.words.answer import Answer, Wanted, keep, write_page
from simulator.documents.canonical import resolved_yaml
from simulator.documents.loading import Written, digest, pasted_papers, shipped
from simulator.documents.safe_files import read_whole

if TYPE_CHECKING:
    from benchmarks.review.methods import MethodsWords
    from benchmarks.review.told import ReviewWords

PAGE, DATA, WORLD = "review.html", "review.json", "world.yaml"
MOST_BYTES = 2**24
SAME = 1e-9
"""Two computations of a number may differ by this part of it: of other versions of libraries, in the last digits."""


@dataclass(frozen=True)
class Asking:
    """What the command line says of a review."""

    name: str | Written
    settings: tuple[str, ...]
    endpoint: str | None
    reps: int
    seed: int | None
    jobs: int
    out: Path | None


def review(asking: Asking, docx: Path | None, pdf: Path | None) -> Answer:
    """The review, its page and its data written to the folder; the same call goes on where it was stopped."""
    for place, ending in ((docx, ".docx"), (pdf, ".pdf")):
        if place is not None and place.suffix != ending:
            raise RunError(f"{place}: end the name in {ending}")
    asked = _asked(asking)
    folder = asking.out or Path("runs") / f"review-{asked.scenario.name}-{digest(asked.document.tree)[:10]}"
    told, methods = _made(asked, asking.endpoint, asking.jobs, folder, _again(asking, asked))
    from benchmarks.review.data import review_data
    from benchmarks.review.page import review_page
    from benchmarks.review.terminal import as_answer

    data = review_data(told, methods)
    page = review_page(told, methods)
    written = [folder / PAGE, folder / DATA, folder / WORLD]
    for place, text in zip(written, (page, _as_json(data), resolved_yaml(asked.document.tree)), strict=True):
        write_page(place, text)
    answer = as_answer(told, data, page, written)
    if docx is not None:
        keep(answer, Wanted(tables=docx))
    if pdf is not None:
        from benchmarks.cli.opened import printed

        printed(folder / PAGE, pdf)
    return answer


def _as_json(data: Any) -> str:
    return json.dumps(data, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _again(asking: Asking, asked: Asked) -> str:
    """The command that makes the review again."""
    if not isinstance(asking.name, str):
        return as_asked()
    parts = ["trialtwin review", Path(asking.name).name if Path(asking.name).exists() else asking.name]
    parts += [f"-S '{one}'" for one in asking.settings]
    parts += [f"--endpoint {asking.endpoint}"] if asking.endpoint else []
    return " ".join([*parts, f"--reps {asking.reps}", f"--seed {asked.scenario.run.seed}"])


def _asked(asking: Asking) -> Asked:
    """The study of a world, a study, or the fitted twin of a pasted paper, which is made first where it is not yet."""
    place = _pasted(asking.name)
    if place is None:
        asked = load_study(asking.name, asking.settings, asking.reps, asking.seed)
    else:
        from benchmarks.cli import paper_verbs
        from benchmarks.twin.twin_shown import FITTED

        made = paper_verbs.twin(place, None, "calibrate", 2000, asking.jobs)
        asked = load_study(str(Path(made.found.folder) / FITTED), asking.settings, asking.reps, asking.seed)
    check_sizes((asked.scenario,), asking.jobs)
    return asked


def _pasted(name: str | Written) -> Path | None:
    """The folder of a pasted paper of that name; None where it is a world or a study."""
    if not isinstance(name, str):
        return None
    place = Path(name)
    if place.name == "paper.yaml":
        return place.parent
    if name in shipped():
        return place if (place / "paper.yaml").is_file() else None
    return place if place.is_dir() or name in pasted_papers() else None


def _made(
    asked: Asked, endpoint: str | None, jobs: int, folder: Path, command: str
) -> "tuple[ReviewWords, MethodsWords]":
    """The review of a study, computed in a folder, and what identifies it."""
    from benchmarks.cli.twin_verbs import doubts
    from benchmarks.review import review as found
    from benchmarks.review.methods import MethodsWords
    from benchmarks.review.told import ReviewWords
    from benchmarks.runs.manifest import versions

    made = found.find(asked, endpoint or next(iter(asked.scenario.endpoints)), doubts(asked), jobs, folder)
    methods = MethodsWords(command, asked.scenario.run.seed, digest(asked.document.tree), versions())
    return ReviewWords(made, asked.scenario, tuple(asked.document.sources)), methods


def is_review(folder: Path) -> bool:
    """Whether a folder holds a review."""
    return (folder / DATA).is_file() and (folder / WORLD).is_file()


def verify_review(folder: Path, jobs: int) -> Answer:
    """Whether every number of a review comes out again from the world that it keeps; it holds if all do."""
    try:
        held = json.loads(read_whole(folder, DATA, MOST_BYTES))
        command, endpoint = str(held["methods"]["command"]), str(held["claim"]["endpoint"])
    except (OSError, ValueError, KeyError, TypeError):
        raise RunError(f"{folder / DATA}: is no review of ours; make it again") from None
    asked = load_study(str(folder / WORLD))
    check_sizes((asked.scenario,), jobs)
    from benchmarks.review.data import review_data

    with TemporaryDirectory() as place:
        told, methods = _made(asked, endpoint, jobs, Path(place), command)
        now = json.loads(_as_json(review_data(told, methods)))
    wrong = list(differing(held, now))
    count = sum(1 for _ in leaves(now))
    said = (
        f"All {count:,} numbers and words of the review come out again."
        if not wrong
        else f"{len(wrong)} of {count:,} numbers and words of the review do not come out again."
    )
    lines = tuple(f"{path}: {one!r} in the folder, {other!r} computed again" for path, one, other in wrong[:50])
    data = {
        "folder": str(folder),
        "holds": not wrong,
        "sealed": None,
        "findings": [
            {"kind": "number", "file": DATA, "told": f"{path}: {one!r} held, {other!r} computed again", "cell": None,
             "replicate": None}
            for path, one, other in wrong
        ],
        "more_findings": {},
        "checked": [f"{count} numbers and words of the review"],
        "not_checked": [],
        "damaged": [],
        "recomputed": [],
        "different": [],
    }  # fmt: skip
    return Answer(data, said, lines=lines, holds=not wrong)


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a document with its dotted path."""
    if isinstance(tree, dict):
        for key, one in tree.items():
            yield from leaves(one, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, list):
        for place, one in enumerate(tree):
            yield from leaves(one, f"{path}.{place}")
    else:
        yield path, tree


def differing(one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """Paths at which two documents differ, with both values; the versions of libraries aside."""
    first, second = (dict(leaves(tree)) for tree in (one, other))
    for path in [*first, *(path for path in second if path not in first)]:
        if path.startswith("methods.versions."):
            continue
        a, b = first.get(path), second.get(path)
        if not _same(a, b):
            yield path, a, b


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same, numbers to within the last digits."""
    if all(isinstance(x, int | float) and not isinstance(x, bool) for x in (one, other)):
        return isclose(one, other, rel_tol=SAME, abs_tol=1e-12)
    return type(one) is type(other) and bool(one == other)
