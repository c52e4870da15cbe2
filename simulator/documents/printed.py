"""A published number as a document states it: exactly as printed, with where it stands."""

from simulator.documents.spec import Label, Spec


class Quoted(Spec):
    """The same number as it is printed in another place."""

    printed: str
    where: Label


class Printed(Spec):
    """A published number exactly as printed, and where it stands. It is never used by the simulation.

    ``not_printed`` stands where a number is announced but is not in the text; ``also`` for other places that print it.
    ``audit_only`` marks a number that the world does not simulate: the audit reads it, nothing is compared with it.
    ``of_known`` marks a count among the patients whose value is known, where some of the arm miss it.
    """

    printed: str
    where: Label
    note: str = ""
    also: tuple[Quoted, ...] = ()
    audit_only: bool = False
    of_known: bool = False
