"""A user's own function loaded where its code is trusted, and called on one cohort: its answer, or its mistake."""

import re
import reprlib
import sysconfig
import threading
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from analysis.estimators import own_code, trust
from analysis.estimators.own_code import OwnFunctionError, Source, said
from simulator.documents.problems import printable

MISTAKES = (
    TypeError, LookupError, NameError, AttributeError, ImportError, AssertionError, OSError, SyntaxError,
    NotImplementedError, RecursionError,
)  # fmt: skip
"""What a function raises that is wrong in every cohort, and not one that cannot be fitted."""
NUMBERS = ("value", "se", "low", "high", "p")
MOST_NAMES = 50
MOST_OF_A_LINE = 100
_STDLIB = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
_INSTALLED = re.compile(r"[/\\](site|dist)-packages[/\\]")


class Watched:
    """A block of a user's code, which may raise anything: ``error`` is what it raised, None for nothing."""

    error: Exception | None = None

    def __enter__(self) -> "Watched":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, MemoryError) or not isinstance(error, Exception):
            return False
        self.error = error
        return True

    def told(self) -> str:
        """The error in a line."""
        lines = str(self.error).strip().splitlines()
        return f"{type(self.error).__name__}: {lines[0] if lines else 'no message'}"


def answer_of(
    name: str, function: Callable[..., Any], columns: Mapping[str, Any], replicate: int, level: float,
    code: Source | None = None, explain: bool = False,
) -> list[float]:  # fmt: skip
    """Value, SE, limits and p of one cohort, NaN for no estimate; OwnFunctionError names a mistake.

    ``code`` is the function's file, a line of which is told; ``explain`` tells why there is no estimate, too.
    """
    import pandas as pd

    answer: Any = None
    cohort = pd.DataFrame(columns)
    with Watched() as call:
        answer = function(cohort)
    if isinstance(call.error, MISTAKES) or (explain and call.error is not None):
        at = line_of(call.error, code)
        raise OwnFunctionError(f"{name} failed in replicate {replicate} at {at}: {call.told()}")
    if answer is None:
        if explain:
            raise OwnFunctionError(f"{name} returns None in replicate {replicate}")
        return [np.nan] * 5
    given = _numbers(name, answer, replicate)
    value, se = given["value"], given["se"]
    if explain and not np.isfinite([value, se]).all():
        raise OwnFunctionError(f"{name} returns {_shown(answer)} in replicate {replicate}")
    half = ndtri(0.5 + level / 2) * se
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * ndtr(-np.abs(np.divide(value, se)))
    usual = {"value": value, "se": se, "low": value - half, "high": value + half, "p": p}
    return [float(given.get(number, usual[number])) for number in NUMBERS]


def line_of(error: Exception, code: Source | None) -> str:
    """Where an error arose: the innermost line of the function's own file, as it was read, with its text.

    Where it arose beyond that file, the innermost line that is of no library; else the last one there is.
    """
    frames = traceback.extract_tb(error.__traceback__)[1:] or traceback.extract_tb(error.__traceback__)
    places = () if code is None else (code.path, own_code.loaded_from(code))
    in_file = [one for one in frames if one.filename in places]
    others = [
        one for one in frames if not (one.filename.startswith(("<", *_STDLIB)) or _INSTALLED.search(one.filename))
    ]
    last = (in_file or others or frames)[-1]
    text = last.line or ""
    if in_file and code is not None:
        lines = code.content.decode("utf-8", "replace").splitlines()
        text = lines[last.lineno - 1] if last.lineno and last.lineno <= len(lines) else ""
    shown = f" `{printable(text.strip(), MOST_OF_A_LINE)}`" if text.strip() else ""
    return f"{Path(last.filename).name}:{last.lineno}{shown}"


def _of_a_library(file: str) -> bool:
    """Whether a file is Python's own, or of what is installed."""
    return file.startswith(("<", *_STDLIB)) or bool(_INSTALLED.search(file))


def _numbers(name: str, answer: Any, replicate: int) -> dict[str, float]:
    """The numbers of an answer by name; OwnFunctionError where it is none, or one that cannot be."""
    wanted = "it must give value and se, and may give low, high, p"
    given: dict[str, float] = {}
    with Watched() as reading:
        many = isinstance(answer, Mapping) and len(answer) > MOST_NAMES
        pairs = answer if isinstance(answer, Mapping) else dict(zip(("value", "se"), answer, strict=True))
        given = {} if many else {str(key): np.nan if one is None else float(one) for key, one in pairs.items()}
    what = f"{name} returns {_shown(answer)} in replicate {replicate}"
    if reading.error is not None:
        raise OwnFunctionError(f"{what}; {wanted}, all numbers")
    if set(given) - set(NUMBERS) or "value" not in given or "se" not in given:
        names = f"{len(answer):,} numbers" if many else ", ".join(given)[:200]
        raise OwnFunctionError(f"{name} returns {names}; {wanted}")
    low, high, p = (given.get(number, np.nan) for number in NUMBERS[2:])
    if given["se"] < 0 or p < 0 or p > 1 or low > high:
        raise OwnFunctionError(f"{what}; se is not below 0, p from 0 to 1 and low not above high")
    return given


def _shown(answer: Any) -> str:
    """The beginning of an answer, however long it is; its type where it cannot be shown."""
    brief = reprlib.Repr()
    brief.maxstring = brief.maxother = brief.maxlong = 80
    with Watched():
        return " ".join(brief.repr(answer).split())[:80]
    return f"a {type(answer).__name__}"


_LOADING = threading.RLock()


def found(function: str) -> Callable[..., Any]:
    """The function of that name; OwnFunctionError says what is not there, or that its code is not trusted.

    No code of a user's is run but through here.
    """
    with _LOADING:
        return _found(own_code.pinned(function))


@cache
def _found(function: str) -> Callable[..., Any]:
    code, name = own_code.source(function), function.rpartition(":")[2]
    trust.demand([code])
    made = getattr(_module(function.rpartition(":")[0]), name, None)
    if not callable(made):
        raise OwnFunctionError(f"{said(function)}: {code} has no function '{name}'")
    return made  # type: ignore[no-any-return]


@cache
def _module(place: str) -> ModuleType:
    """The module of trusted code that is named by its content: one for all functions in it."""
    module, code = None, own_code.source(f"{place}:_")
    with Watched() as loading:
        try:
            module = own_code.loaded(f"{place}:_")
        except SystemExit as error:
            raise ImportError(f"it ends Python with SystemExit({error.code!r})") from None
    if module is None:
        told = str(loading.error) if isinstance(loading.error, ImportError) else loading.told()
        raise OwnFunctionError(f"{code} cannot be loaded: {told}")
    return module
