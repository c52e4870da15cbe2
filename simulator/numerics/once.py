"""A property that is worked out when it is first asked for, and kept with its object.

As `functools.cached_property`, which until Python 3.12 lets one thread at a time work out a property, be it of one
object or of several: of threads with blocks of their own all but one would wait. Two threads that ask the same object
at the same time may both work it out, and both have what is right.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from functools import cached_property

    once = cached_property
else:

    class once:
        """The property of a function of the object."""

        def __init__(self, function: Any) -> None:
            self.function, self.__doc__ = function, function.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self.name = name

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            if instance is None:
                return self
            made = instance.__dict__[self.name] = self.function(instance)
            return made
