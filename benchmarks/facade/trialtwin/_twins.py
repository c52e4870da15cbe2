"""A paper and its twin: pasted tables read, the printed numbers audited, the world fitted and scored against them."""

from typing import TYPE_CHECKING

from ._call import Values, Where, answer
from ._study import StudyLike, of_study

if TYPE_CHECKING:
    from benchmarks.words.answer import Answer


def audit(study: StudyLike, *, set: Values | None = None) -> "Answer":
    """What the published numbers of a world contradict, recomputed within the rounding of what is printed.

    A dict or file with nothing but ``published`` will do.

        audit("hcc-lung-metastasis").to_frame()
    """
    return answer("audit", of_study(locals()))


def calibrate(study: StudyLike, *, out: Where, jobs: int | None = None, set: Values | None = None) -> "Answer":
    """The free parameters of a world fitted to its published numbers; the fitted world is written to ``out``, a .yaml.

    ``.holds`` where it prints its paper. The study must lie in a file, which the fitted world extends.

        calibrate("hcc-lung-metastasis-stated", out="fitted.yaml").holds
    """
    return answer("calibrate", of_study(locals()))


def fidelity(
    study: StudyLike, *, reps: int = 2000, seed: int | None = None, jobs: int | None = None, set: Values | None = None
) -> "Answer":
    """The scorecard of a world: every published number against the same number of every replicate.

    fidelity("hcc-lung-metastasis", reps=200)
    """
    return answer("fidelity", of_study(locals()))


def published(study: StudyLike, *, set: Values | None = None) -> "Answer":
    """Every number that the paper of a world could print, by its key, with what it means and how it is typed in.

    published("imbrave150").data["keys"]
    """
    return answer("published", of_study(locals()))


def read_paper(folder: Where, *, keys: bool = False) -> "Answer":
    """How every cell and line of a pasted paper is read; ``.holds`` where no question is open.

    The folder has a paper.yaml beside the paper's tables. ``keys`` lists every number in place of the columns.

        read_paper("my-paper").to_frame()
    """
    return answer("paper read", locals(), "read_paper")


def review(
    study: StudyLike,
    *,
    endpoint: str | None = None,
    reps: int = 200,
    seed: int | None = None,
    jobs: int | None = None,
    out: Where | None = None,
    docx: Where | None = None,
    pdf: Where | None = None,
    set: Values | None = None,
) -> "Answer":
    """The referee's report of a paper: what it claims, whether that could be bias, which effect is plausible.

    The study is a world with published numbers, or the folder of a pasted paper. The page, its numbers and the world
    are written to ``out``, a folder in runs/ unless given; `verify` computes every number of it again.

        review("hcc-lung-metastasis", reps=200).save("report.html")
    """
    return answer("review", of_study(locals()))


def twin(
    folder: Where, *, out: Where | None = None, stop_after: str = "score", reps: int = 2000, jobs: int | None = None
) -> "Answer":
    """The twin of a pasted paper: read, audited, derived, fitted to its numbers and scored; ``.holds`` where it fits.

    Its worlds and pages are written to ``out``, FOLDER/twin unless given.

        twin("my-paper", stop_after="derive").data["not_stated"]
    """
    return answer("twin", locals())
