"""The verbs about a paper that is pasted, `paper new`, `paper read` and `twin`: each returns its `Answer`."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.asked.errors import RunError
from benchmarks.pasted.read import read_paper
from benchmarks.pasted.skeleton import write_skeleton
from benchmarks.twin.reading_shown import reading_answer
from benchmarks.words.answer import Answer, plain
from simulator.documents.loading import digest, pasted_papers
from simulator.documents.safe_files import read_whole

if TYPE_CHECKING:
    from benchmarks.twin.twin_shown import TwinMade

FIT = "fit.json"
FIT_KEYS = {"parameters", "targets", "verdict"}
MOST_KEPT = 50_000_000


def new(folder: Path) -> Answer:
    """A commented paper.yaml, written."""
    place = write_skeleton(folder)
    said = f"wrote {place}; paste the paper's tables beside it, then: trialtwin paper read {folder}"
    return Answer({"files": [place]}, lines=(said,))


def _found(folder: Path) -> Path:
    """The folder, or the shipped paper of that name where no such folder is here."""
    return folder if folder.exists() else pasted_papers().get(str(folder), folder)


def read(folder: Path, keys: bool) -> Answer:
    """How a pasted paper was read."""
    reading = read_paper(_found(folder))

    def page() -> str:
        from benchmarks.report import reading_report

        return reading_report(reading)

    return replace(reading_answer(reading, keys), page=page)


def twin(folder: Path, out: Path | None, stop_after: str, reps: int, jobs: int) -> Answer:
    """The twin of a pasted paper, up to a step; RunError where a question about the paper is open."""
    from benchmarks.twin.twin_shown import PAGE, READING, TwinMade, twin_answer

    beside = Path(f"{folder}-twin") if not folder.exists() else (folder if folder.is_dir() else folder.parent) / "twin"
    made = TwinMade(read_paper(_found(folder)), out or beside)
    questions = made.reading.questions
    if questions:
        more = f", and {len(questions) - 1} more" if len(questions) > 1 else ""
        raise RunError(f"{questions[0]}{more}; `trialtwin paper read {folder}` shows all that is open")
    from benchmarks.report import reading_report

    made.write(READING, reading_report(made.reading))
    if stop_after == "read":
        return twin_answer(made)
    _derive(made)
    if stop_after in ("audit", "derive"):
        return twin_answer(made)
    _fit(made, jobs)
    if stop_after == "calibrate":
        return twin_answer(made)
    _score(made, reps, jobs)
    from benchmarks.report import twin_report

    made.write(PAGE, twin_report(made))
    return twin_answer(made)


def _derive(made: "TwinMade") -> None:
    """The starting world, written and checked as any world is, and what the audit says of the paper's numbers."""
    from benchmarks.asked.load_study import load_study
    from benchmarks.cli import twin_verbs
    from benchmarks.derived.document import as_yaml, derive
    from benchmarks.derived.paper_numbers import DeriveError
    from benchmarks.twin.twin_shown import WORLD

    with made.step("derive"):
        try:
            made.derived = derive(made.reading)
        except DeriveError as error:
            raise RunError(f"{made.reading.folder}: {error}") from None
        if made.derived.questions:
            first, *more = made.derived.questions
            told = f", and {len(more)} more" if more else ""
            raise RunError(f"{first.text}. Write  {first.settle}  into paper.yaml{told}")
        place = made.write(WORLD, as_yaml(made.derived))
        made.asked = load_study(str(place))
    with made.step("audit"):
        made.audit = twin_verbs.audit(str(place), ())


def _fit(made: "TwinMade", jobs: int) -> None:
    """The world fitted to the paper; that of an earlier call where nothing has changed since."""
    from benchmarks.cli import twin_verbs
    from benchmarks.runs.code import code_digest, pages_digest
    from benchmarks.twin.twin_shown import FITTED

    asked, out = made.world(), made.folder / FITTED
    stamp = {"world": digest(asked.document.tree), "code": f"{code_digest()} {pages_digest()}"}
    with made.step("calibrate"):
        kept = _kept(made.folder / FIT, {**stamp, "fitted": _sha256(out)})
        if kept is None:
            answer = twin_verbs.calibrate(asked, (), out, jobs)
            kept = {**stamp, "fitted": _sha256(out), "holds": answer.holds, "verdict": answer.verdict}
            kept["fit"] = plain(answer.data)
            made.write(FIT, json.dumps(kept, allow_nan=False))
        made.files.append(out)
        made.fit = kept


def _kept(place: Path, stamp: dict[str, str]) -> dict[str, Any] | None:
    """The fit of an earlier call of the same world by the same code; None where there is none."""
    try:
        kept = json.loads(read_whole(place.parent, place.name, MOST_KEPT))
    except (OSError, ValueError):
        return None
    if not isinstance(kept, dict) or {name: kept.get(name) for name in stamp} != stamp:
        return None
    fit = kept.get("fit")
    whole = isinstance(fit, dict) and fit.keys() >= FIT_KEYS and isinstance(kept.get("verdict"), str)
    return kept if whole else None


def _sha256(place: Path) -> str:
    """The digest of a file; '' where there is none."""
    try:
        return hashlib.sha256(read_whole(place.parent, place.name, MOST_KEPT)).hexdigest()
    except OSError:
        return ""


def _score(made: "TwinMade", reps: int, jobs: int) -> None:
    """The scorecard of the fitted world, and how much each assumption matters."""
    from benchmarks.asked.load_study import load_study
    from benchmarks.asked.published_keys import ratio_places
    from benchmarks.cli import twin_verbs
    from benchmarks.twin.assumptions import weighed
    from benchmarks.twin.twin_shown import FITTED
    from benchmarks.workers.progress import Progress

    fitted = load_study(str(made.folder / FITTED), (), reps)
    with made.step("score"):
        made.score = twin_verbs.fidelity(fitted, jobs)
    with made.step("assumptions"):
        progress = Progress()
        made.weighed = weighed(
            fitted.document.tree,
            made.all_assumed(),
            ratio_places(fitted.scenario, next(iter(fitted.scenario.endpoints)))[0],
            fitted.scenario.run.seed,
            jobs,
            lambda done, total: progress("assumptions moved", done, total),
        )
