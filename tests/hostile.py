"""Strings that would break a careless page, table or figure, and a cohort and a study that are full of them."""

import csv
import json
from pathlib import Path
from typing import Any

from analysis.cohort_files.cohort_spec import CohortSpec
from simulator.documents.loading import load
from tests.commands import printed

STRINGS = (
    '<script>document.title="taken over"</script>',
    '"><img src=x onerror=alert(1)>',
    "$\\frac{$ {{ 7 * 7 }} {% raw %} &amp; \\input{x}",
    "=cmd()|'/C calc'!A1",
    "@SUM(A1) +1+cmd()",
    "\u202eflipped \u2066\u0622\u0628 עברית",
    "🧬👩‍⚕️ ½ ﷽ ] | * _ ~ # `",
    "W" * 280,
    "</style></title></svg><!-- ]]>",
)


def text(place: int) -> str:
    """A hostile string, each with an ending of its own."""
    return f"{STRINGS[place % len(STRINGS)]} {place}"


def cohort(folder: Path) -> tuple[Path, Path]:
    """A cohort file and its SPEC with hostile strings in every place that takes free text."""
    data, spec_file = folder / "hostile.csv", folder / "hostile.spec.yaml"
    printed(["simulate", "paper", "--out", str(data)])
    spec: dict[str, Any] = load(str(data.with_suffix(".spec.yaml")), spec=CohortSpec).tree
    told = iter(range(1000))
    spec["title"] = text(next(told))
    own = spec["data"]
    own["time_unit"] = text(next(told))
    renamed, values = {}, {}
    for name, covariate in own["covariates"].items():
        covariate |= {"label": text(next(told)), "column": text(next(told))[-200:]}
        renamed[name] = covariate["column"]
        if "levels" in covariate:
            levels = [text(next(told))[-200:] for _ in covariate["levels"]]
            values[covariate["column"]] = dict(zip(covariate["levels"], levels, strict=True))
            covariate["levels"] = levels
        else:
            covariate["unit"] = text(next(told))
    for one in (*own["endpoints"].values(), *own["binary"].values()):
        one["label"] = text(next(told))
    names = [text(next(told))[-200:] for _ in range(2)]
    values["arm"] = dict(zip((own["treatment"]["treated"], own["treatment"]["control"]), names, strict=True))
    own["treatment"] |= dict(zip(("treated", "control"), names, strict=True))
    own["treatment"] |= {"treated_label": text(next(told)), "control_label": text(next(told))}
    spec["analysis"] = {"cox": {"screening_p": None}, "table1": {"categorical": "pearson"}}
    with data.open(newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    heads = [renamed.get(name, name) for name in header]
    made = [[values.get(head, {}).get(cell, cell) for head, cell in zip(heads, row, strict=True)] for row in rows]
    with data.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([heads, *made])
    spec_file.write_text(json.dumps(spec, ensure_ascii=False), "utf-8")
    return data, spec_file


def settings() -> list[str]:
    """Overrides of a study that put hostile strings where free text goes, a sweep over one of them among them."""
    quoted = [json.dumps(text(k), ensure_ascii=False) for k in range(len(STRINGS) + 4)]
    words = [f"question={quoted[0]}", f"source={quoted[2]}"]
    labels = ", ".join(quoted[1:4])
    words += [
        f"population.covariates.sex.label={quoted[6]}",
        f"population.covariates.ecog.label={quoted[7]}",
        f"sweep={{grid: {{population.covariates.sex.label: [{labels}]}}}}",
    ]
    return [word for setting in words for word in ("-S", setting)]
