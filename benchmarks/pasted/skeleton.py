"""A paper.yaml to begin with: every line teaches by example, and nothing is asked that a table says."""

import re
from pathlib import Path

from benchmarks.pasted.paper_file import FILE
from simulator.documents.problems import DocumentError, Problem
from simulator.documents.safe_files import write_whole

PASTED = (".tsv", ".csv", ".md", ".html", ".htm", ".txt")
"""The ends of the names of files that may be tables."""
_SKELETON = """\
# Every value is taken as it is written. Paste each table into a file beside this one: tabs, commas, Markdown or HTML.
name: {name}
source: Author A, et al. Journal 2024;1:1-10
design: matched                                    # randomised | matched | weighted | adjusted | crude | stratified
arms: {{control: Drug A, treated: Drug B}}           # the words by which the heads of the tables name the arms
time_unit: months                                  # days | weeks | months | years
endpoints: {{death: death, relapse: relapse or death}}  # where other events compete:  relapse: relapse; competing death
# a fact with its place in the paper behind it:  accrual: 2019-01 to 2024-01   # Methods, Patients
accrual: not stated
cut_off: not stated
# eligibility: {{age: 18 to 75, follow_up: at least 12}}
methods: {{propensity: not stated, matching: not stated, caliper: not stated, survival_p: not stated}}
tables:  # baseline | response | adverse events | cox | subgroups | events; behind it before, after or weighted
{tables}
  # table3.tsv: {{kind: cox death after, E-G: after, "Score (1)": score>=1}}  # columns and rows that a question names
# text: text.txt                                   # the results as prose: each of its numbers must be claimed
# ignore: ["0.05", "a 5-year plan"]                # numbers and pieces of that text that are no results
results: |
  # [Results, Survival]                            # where the lines below it stand in the paper
  # death before events: Drug B 68 (40.2%) vs Drug A 194 (76.7%)
  # death after: Drug B 26.0 (18.4-NA) vs Drug A 8.6 (7.9-10.0); HR 0.36 (0.28-0.46); P < 0.001
  # death after at 12: Drug B 70.1% (62.0-76.8) vs Drug A 38.9%
"""


def write_skeleton(folder: Path) -> Path:
    """The paper.yaml that was written into a folder, which is made; DocumentError where there is one already.

    Files that lie there are named under ``tables``, for their kind to be written.
    """
    path = folder / FILE
    if path.exists() or path.is_symlink():
        mend = f"edit it, or name another folder; `trialtwin paper read {folder}` reads it"
        raise DocumentError([Problem(str(path), 0, 0, "", "is there already", mend)])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, _skeleton(folder).encode("utf-8"))
    except OSError as error:
        said = f"cannot be written ({error.strerror})"
        raise DocumentError([Problem(str(path), 0, 0, "", said, "name a folder of your own")]) from None
    return path


def _skeleton(folder: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.casefold()).strip("-") or "my-paper"
    there = [one.name for one in folder.iterdir() if one.is_file() and one.suffix.casefold() in PASTED]
    files = [one for one in sorted(there) if re.fullmatch(r"[\w. -]+", one) and one.casefold() != "text.txt"]
    lines = [f'  "{file}":   # the kind of this table' for file in files] or ["  # table1.tsv: baseline"]
    return _SKELETON.format(name=name, tables="\n".join(lines))
