"""TrialTwin in a notebook: twin a published observational trial, analyse it as its authors did, judge every estimate.

    import trialtwin

    trialtwin.tipping("paper", reps=20)        # an Answer: .to_frame(), .plot(), .save("page.html"), .data
    trialtwin.load("paper").with_({"population.size": 300})

A study is the name of a shipped scenario, the path of a YAML file, a dict (with ``extends`` and what differs, or
whole), or what `load` returned. Every function takes the options of the command of its name, as keywords. A mistake
raises `TrialTwinError`, which tells all that is wrong. Progress is told on a terminal only.
"""

import sys
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any


def _find_ours() -> None:
    """Let our packages be found where the distribution lies, `simulator` first; ImportError where another is loaded."""
    here = Path(__file__).resolve().parent
    homes = [place for place in (here.parent, here.parents[2]) if (place / "simulator" / "siblings.py").is_file()]
    spec = PathFinder.find_spec("simulator", [str(place) for place in homes])
    if "simulator" not in sys.modules and spec is not None and spec.loader is not None:
        sys.modules["simulator"] = simulator = module_from_spec(spec)
        spec.loader.exec_module(simulator)
    try:
        siblings = import_module("simulator.siblings")
    except ModuleNotFoundError:
        other = getattr(sys.modules.get("simulator"), "__file__", None) or "an unknown place"
        raise ImportError(
            f"a package 'simulator' that is not TrialTwin's is imported already, from {other}; import trialtwin "
            "before it in a new interpreter, or rename it"
        ) from None
    siblings.find_ours()


try:
    _find_ours()
except ImportError as error:
    if Path(sys.argv[0] if sys.argv else "").name not in ("trialtwin", "-m"):
        raise
    print(f"trialtwin: {error}", file=sys.stderr)  # the command, which tells mistakes on one line
    raise SystemExit(2) from None

from ._call import TrialTwinError  # noqa: E402  our packages are found from here on
from ._files import analyse, ipd, performance  # noqa: E402
from ._questions import claims, compatible, decompose, multiverse, power, tipping  # noqa: E402
from ._runs import report, run, verify  # noqa: E402
from ._study import Study, load, simulate  # noqa: E402
from ._twins import audit, calibrate, fidelity, published, read_paper, review, twin  # noqa: E402

if TYPE_CHECKING:
    from benchmarks.words.answer import Answer

    __version__: str

__all__ = [
    "Answer",
    "Study",
    "TrialTwinError",
    "__version__",
    "analyse",
    "audit",
    "calibrate",
    "claims",
    "compatible",
    "decompose",
    "fidelity",
    "ipd",
    "load",
    "multiverse",
    "performance",
    "power",
    "published",
    "read_paper",
    "report",
    "review",
    "run",
    "simulate",
    "tipping",
    "twin",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name == "Answer":
        return import_module("benchmarks.words.answer").Answer
    if name == "__version__":
        return import_module("importlib.metadata").version("trialtwin")
    raise AttributeError(f"module 'trialtwin' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
