"""Writes what `make slow` measured into the pages that state it: docs/validation.md, and the race of docs/speed.md."""

import json
import re
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
RACE = re.compile(r"<!-- the race -->\n.*?<!-- end of the race -->\n", re.S)


def validated(page: str, measured: str) -> str:
    """The page with the rows of figures that were measured: what was found, and the day. The last of each name counts.

    ``measured`` has lines ``day<tab>name<tab>value``. A figure that failed keeps what the page says.
    """
    last = {
        parts[1]: (parts[2], parts[0])
        for parts in (line.split("\t") for line in measured.splitlines())
        if len(parts) == 3
    }

    def row(found: re.Match[str]) -> str:
        value, day = last.get(found[1], (found[2], found[3]))
        return found[0] if value.endswith("(failed)") else f"| {found[1]} | {value} | {day} | {found[4]} |"

    return re.sub(r"^\| ([^|]+) \| ([^|]+) \| (20\d\d-\d\d-\d\d) \| (`[^|]+) \|$", row, page, flags=re.M)


def raced(page: str, told: dict[str, object]) -> str:
    """The page with the table of the race as ``speed.json`` has it."""
    sections = told["sections"]
    assert isinstance(sections, dict)
    rows = [one for one in sections["workflow"][0]["rows"] if one["stage"] == "all stages"]
    lines = ["| | ms per cohort | times ours |", "|---|---|---|"]
    lines += [f"| {one['contender']} | {digits(one['ms'])} | {one['times ours']:,.0f} |" for one in rows]
    table = "\n".join(lines)
    return RACE.sub(lambda _: f"<!-- the race -->\n{table}\n<!-- end of the race -->\n", page)


def digits(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    """Rewrite the pages of which there are measurements in runs/."""
    found = HOME / "runs" / "measured.tsv", HOME / "runs" / "speed" / "speed.json"
    pages = HOME / "docs" / "validation.md", HOME / "docs" / "speed.md"
    if found[0].exists():
        pages[0].write_text(validated(pages[0].read_text("utf-8"), found[0].read_text("utf-8")), "utf-8")
    if found[1].exists():
        pages[1].write_text(raced(pages[1].read_text("utf-8"), json.loads(found[1].read_text("utf-8"))), "utf-8")
    print("\n".join(f"{place.relative_to(HOME)}: {'read' if place.exists() else 'not there'}" for place in found))


if __name__ == "__main__":
    sys.exit(main())
