"""A study as asked for: its document, and the valid scenario of every cell."""

from dataclasses import dataclass

from benchmarks.asked.inherited_times import UNIT, check_inherited
from benchmarks.asked.own_files import beside
from benchmarks.asked.published_keys import check_published
from benchmarks.asked.scenario import Scenario, Settings, cells
from simulator.documents.loading import Document, Written, load, parse, with_values


@dataclass(frozen=True)
class Asked:
    """A study as asked for: the document and the valid scenario of every cell.

    ``trust``: the user's command says that the code of its own functions may run.
    """

    document: Document
    scenario: Scenario
    cells: list[tuple[Settings, Scenario]]
    trust: bool = False


def load_study(
    name: str | Written, settings: tuple[str, ...] = (), replicates: int | None = None, seed: int | None = None
) -> Asked:
    """The study of that name or path, or written as it stands; DocumentError lists everything that is wrong with it."""
    asked = started(name, settings, replicates, seed)
    check_published(asked.document, asked.scenario)
    check_inherited(asked.document, asked.scenario)
    for settings_of_cell, cell in asked.cells:
        if UNIT in settings_of_cell:
            check_inherited(with_values(asked.document, settings_of_cell), cell)
    return asked


def started(
    name: str | Written, settings: tuple[str, ...] = (), replicates: int | None = None, seed: int | None = None
) -> Asked:
    """The study of a run folder's own document, whose published numbers were checked before it started."""
    document = load(name, settings, spec=Scenario)
    scenario = parse(document, Scenario)
    given = {"run.replicates": replicates, "run.seed": seed}
    given = {path: value for path, value in given.items() if value is not None}
    full = beside(document)
    full = with_values(full, given) if given else full
    if full is not document:
        document, scenario = full, parse(full, Scenario)
    return Asked(document, scenario, cells(document, scenario))
