"""What is used of click that is not its public interface, and the version with which that was tried.

pyproject.toml admits no minor version beyond it: what is private may change with any.
"""

from collections.abc import Callable
from typing import Any

from click import Parameter

TRIED = "8.5"

_NAME = "__click_params__"


def taken(function: Callable[..., Any]) -> list[Parameter]:
    """The options and arguments that decorators have given a function, last first; it has none afterwards."""
    own: list[Parameter] = getattr(function, _NAME, [])
    setattr(function, _NAME, [])
    return own


def given(function: Callable[..., Any], more: list[Parameter]) -> None:
    """Give a function options after those that it has."""
    setattr(function, _NAME, [*getattr(function, _NAME, []), *more])
