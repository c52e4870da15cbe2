"""Runs: a study computed in a folder, reported, and checked."""

from typing import TYPE_CHECKING

from ._call import Values, Where, answer
from ._study import StudyLike, of_study

if TYPE_CHECKING:
    from benchmarks.words.answer import Answer


def run(
    study: StudyLike,
    *,
    reps: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    block: int | None = None,
    backend: str = "auto",
    dask_tls: str | None = None,
    out: Where | None = None,
    force_new: bool = False,
    no_retry: bool = False,
    trust: bool = False,
    dry_run: bool = False,
    set: Values | None = None,
) -> "Answer":
    """A study run: cells x replicates x estimators, judged against the truth, its folder and report written.

    The same call goes on where one was stopped. ``jobs`` threads or processes, all cores unless given; ``backend`` is
    serial, threads, processes, dask or the address of a Dask scheduler; ``trust`` lets the Python code of the study's
    own estimators run; ``dry_run`` tells time, memory and disk that it would take, and stops.

        run("selected-survivors", reps=100, out="runs/first").to_frame()
    """
    return answer("run", of_study(locals()))


def report(folder: Where) -> "Answer":
    """The answer of a finished run again, its report written anew, from its folder.

    report("runs/first").save("report.html")
    """
    return answer("report", locals())


def verify(
    folder: Where,
    *,
    sample: int = 20,
    all: bool = False,
    digest: str | None = None,
    jobs: int | None = None,
    trust: bool = False,
) -> "Answer":
    """A run that may come from anybody checked, every layer against the one below it; ``.holds`` if all agree.

    ``sample`` replicates are computed again, or ``all``; ``digest`` is the sealed one that `run` told.

        verify("runs/first").holds
    """
    return answer("verify", locals())
