"""What paper.yaml says of the design, as numbers of the paper: dates, and limits of who was eligible."""

import re

from benchmarks.pasted.labels import identify, read_label
from benchmarks.pasted.paper_file import PaperFile, Places
from benchmarks.pasted.paper_rules import NOT_STATED, accrual_of
from benchmarks.pasted.reading import Ledger, Spot

_NUMBER = r"(\d+(?:\.\d+)?)"
_WITHIN = re.compile(rf"(?:from )?{_NUMBER}\s*(?:to|[-–—]|and)\s*{_NUMBER}(?: ?[A-Za-z]+)?", re.ASCII)


def read_facts(paper: PaperFile, places: Places, ledger: Ledger) -> None:
    """Write down the dates and the limits of baseline variables that paper.yaml states.

    A fact stands where the remark at the end of its line says, as in ``accrual: 2019-01 to 2024-01  # Methods``; who
    was eligible and when they were entered stand at one place where only one of the two says it.
    """
    entered, enrolled = places.where("accrual"), places.where("eligibility")
    for label, text in paper.eligibility.items():
        name = identify(read_label(label), paper)
        found = _WITHIN.fullmatch(text.strip())
        if found and name in ledger.variables:
            where = places.where("eligibility", label) or enrolled or entered or places.file
            spot = Spot(places.file, places.line("eligibility", label))
            for k in (0, 1):
                ledger.put(f"world.population.covariates.{name}.bounds.{k}", found[k + 1], where, spot, text)
    if accrual := accrual_of(paper.accrual):
        spot = Spot(places.file, places.line("accrual"))
        for part, date in zip(("start", "end"), accrual, strict=True):
            ledger.put(f"world.entry.accrual.{part}", date, entered or enrolled or places.file, spot, paper.accrual)
    if paper.cut_off and paper.cut_off.casefold() != NOT_STATED:
        spot = Spot(places.file, places.line("cut_off"))
        ledger.put("world.followup.cut_off", paper.cut_off, places.where("cut_off") or places.file, spot, paper.cut_off)
