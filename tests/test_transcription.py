"""The paper's printed numbers were transcribed twice, the second time by a reader who had not seen the first."""

import csv
from pathlib import Path

from benchmarks.asked.scenario import Scenario
from simulator.documents.loading import load, parse

SECOND = Path(__file__).parent / "transcription" / "hcc_lung_metastasis_psm.csv"


def first() -> dict[str, str]:
    """What the shipped world says is printed, by key."""
    world = parse(load("hcc-lung-metastasis-stated"), Scenario)
    return {key: str(number.printed) for key, number in world.published.items() if number.printed != "not_printed"}


def second() -> dict[str, str]:
    """What the second reader found printed, by key."""
    with SECOND.open(encoding="utf-8", newline="") as file:
        return {row["key"]: row["printed"] for row in csv.DictReader(file)}


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """The keys on which two transcriptions disagree."""
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


def test_both_transcriptions_agree_on_every_number() -> None:
    assert len(second()) > 700
    assert differences(first(), second()) == []


def test_a_wrong_digit_and_a_missing_number_are_noticed() -> None:
    wrong = {**second(), "endpoints.OS.before.cox.hr": "0.63"}
    missing = wrong.pop("cohort.n")
    assert missing == "422"
    assert differences(first(), wrong) == ["cohort.n", "endpoints.OS.before.cox.hr"]
