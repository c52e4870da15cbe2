"""When the endpoints of a world happen in a course, and what is seen of them under a follow-up."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from simulator.cohort.cohorts import Endpoint
from simulator.mechanisms.followup import observe
from simulator.mechanisms.graph import Course, TimeTo, competing_time, event_time, lost_time
from simulator.numerics.arrays import Floats


@dataclass(frozen=True)
class EndpointTimes:
    """By endpoint the times ``(R, N)`` at which it happens, nobody being censored (``latent``), at which a competing
    state makes it impossible (``competing``, where there are such states), and at which the course ends otherwise
    (``over``, likewise); +inf for never, in the world's time unit.
    """

    latent: Mapping[str, Floats]
    competing: Mapping[str, Floats]
    over: Mapping[str, Floats]

    @staticmethod
    def of(endpoints: Mapping[str, TimeTo], seen: Course) -> "EndpointTimes":
        """The times of a course as it is seen."""

        def there(time: Callable[[TimeTo, Course], Floats | None]) -> dict[str, Floats]:
            found = {name: time(spec, seen) for name, spec in endpoints.items()}
            return {name: one for name, one in found.items() if one is not None}

        return EndpointTimes(there(event_time), there(competing_time), there(lost_time))

    def with_other(self, other: "EndpointTimes", pick: Callable[[Floats, Floats], Floats]) -> "EndpointTimes":
        """The times that ``pick`` makes of these and of another course's."""

        def both(one: Mapping[str, Floats], two: Mapping[str, Floats]) -> dict[str, Floats]:
            return {name: pick(time, two[name]) for name, time in one.items()}

        return EndpointTimes(
            both(self.latent, other.latent), both(self.competing, other.competing), both(self.over, other.over)
        )

    def observed(self, until: Floats) -> dict[str, Endpoint]:
        """What is seen of each endpoint under follow-up that ends at the times ``until (R, N)``."""
        return {
            name: observe(time, self._end(name, until), self.competing.get(name)) for name, time in self.latent.items()
        }

    def ends(self, until: Floats) -> dict[str, Floats]:
        """When follow-up that ends at the times ``until (R, N)`` ends for each endpoint with competing states."""
        return {name: self._end(name, until) for name in self.competing}

    def _end(self, name: str, until: Floats) -> Floats:
        return np.minimum(until, self.over[name]) if name in self.over else until
