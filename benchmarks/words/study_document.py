"""A study's whole result as one JSON document."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.asked.scenario import Scenario
from benchmarks.runs.code import pages_digest
from benchmarks.study import paired
from benchmarks.study.ranking import Ranking, every_ranking
from benchmarks.study.running import StudyResult
from benchmarks.truth.counted import Truth
from benchmarks.words.answer import plain
from benchmarks.words.verdicts import verdict


def study_json(
    result: StudyResult, scenario: Scenario, held: dict[str, Any], folder: Path, sealed: str = ""
) -> dict[str, Any]:
    """The whole result of a study as JSON: no NaN and no infinity, null instead."""
    made: dict[str, Any] = plain(
        {
            "format": "trialtwin-study/2",
            "name": scenario.name,
            "question": scenario.question,
            "verdict": verdict(result),
            "target": {**result.whom.as_json(), "words": result.people},
            "cells": [{"cell": cell.number, "settings": cell.settings} for cell in result.cells],
            "truths": _truths(result.truths),
            "targets": _truths(result.targets),
            "directions": [
                {**dict(zip(("cell", "endpoint"), key, strict=True)), **_truth(truth)}
                for key, truth in result.directions.items()
            ],
            "performance": result.performance,
            "rankings": [_ranking(one) for one in every_ranking(result)],
            "failures": result.rows.failures(),
            "looks": result.looks,
            "paired": [
                *(pair for cell in result.cells for pair in paired.methods(result, cell)),
                *paired.cells(result),
            ],
            "provenance": {
                "replicates": max(result.rows.layout.replicates.values()),
                "seed": scenario.run.seed,
                "rows_sha256": result.rows_sha256,
                "sealed": sealed,
                "pages": pages_digest(),
                "folder": str(folder),
                **{key: held.get(key) for key in ("digest", "versions", "command")},
            },
        }
    )
    return made


def _truths(truths: Mapping[tuple[int, str, str], Truth]) -> list[dict[str, Any]]:
    keys = ("cell", "endpoint", "estimator")
    return [{**dict(zip(keys, key, strict=True)), **_truth(truth)} for key, truth in truths.items()]


def _truth(truth: Truth) -> dict[str, Any]:
    return {
        "value": truth.value,
        "mcse": truth.mcse,
        "how": truth.how,
        "estimand": truth.estimand.model_dump(mode="json"),
    }


def _ranking(one: Ranking) -> dict[str, Any]:
    return {
        "cell": one.cell,
        "endpoint": one.endpoint,
        "estimand": one.estimand.model_dump(mode="json"),
        "order": [
            {"estimator": own.estimator, "rmse": own.rmse.value, "mcse": own.rmse.mcse, "apart": own.apart}
            for own in one.order
        ],
    }
