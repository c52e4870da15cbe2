"""What a review says, of reviews planted by hand: every headline and sentence, no key in any, none too long."""

import re
from collections.abc import Iterator
from dataclasses import replace
from math import exp, inf, log, nan

import numpy as np
import pytest

from analysis.audit.paper import Finding
from benchmarks.asked.whom import whom_of
from benchmarks.performance.measures import Measure
from benchmarks.questions.multiverse import Level, Multiverse, Specification
from benchmarks.review.checklist import ANSWERED, checklist
from benchmarks.review.labels import gain_text, often_text, reached_text, signed_text, span_text, time_text
from benchmarks.review.methods import MethodsWords
from benchmarks.review.page import first_screen, review_page
from benchmarks.review.told import ReviewWords
from benchmarks.words.key_words import words_of_paper
from tests.small_reviews import (
    absolute,
    by_chance,
    planted,
    recommendation,
    small_scenario,
    unprinted,
    with_review,
)

METHODS = MethodsWords("trialtwin review small --reps 200 --seed 11", 11, "0123456789abcdef", {"trialtwin": "9.9"})
LOT = {"treatment": {"kind": "blocks", "share": 0.5, "block": 4}}
RELAPSE = {
    "outcomes": {
        "states": ["well", "ill", "dead"],
        "transitions": {
            "relapse": {"from": "well", "to": "ill", "baseline": {"kind": "exponential", "rate": 0.08}},
            "death": {"from": ["well", "ill"], "to": "dead", "baseline": {"kind": "exponential", "rate": 0.02}},
        },
    },
    "endpoints": {"freedom": {"label": "Freedom from relapse", "event": ["ill", "dead"]}},
    "published": {},
}
RIVALS = {**RELAPSE, "endpoints": {"relapse": {"label": "Relapse", "event": "ill", "competing": "dead"}}}
SEVERE = Finding(
    ("endpoints.survival.before.multivariable[treatment].hr",), "severe", "interval", "1 + 1 = 3", "2", "Table 2",
    "the interval{of} is too narrow for 30 and 20 {events}", 4.0,
)  # fmt: skip
NOTE = Finding(("table1.before.stage.p",), "note", "p", "p 0.05", "0.06", "Table 1", "the p-value is rounded oddly")


def choices(direction: float = -1.0) -> Multiverse:
    """Four analyses of 40 studies."""
    share = Measure(0.9, 0.01), Measure(0.06, 0.01)
    curve = np.array([[at, at - 0.4, at + 0.4, 0.01] for at in (-1.0, -0.9, -0.8, 0.1)])
    levels = (Level("matching.caliper", "0.1", Measure(0, 0), share[1]),
              Level("matching.caliper", "0.3", Measure(-0.04, 0.01), share[1]))  # fmt: skip
    names = tuple(Specification(f"s{k}", {}) for k in range(4))
    return Multiverse(
        "survival", direction, 0.05, 40, 0, names, (), share, share, share, share,
        (Measure(log(1.3), 0.01), Measure(0.2, 0.01)), levels, curve, 0.95, 0.36, "",
    )  # fmt: skip


def variants() -> dict[str, ReviewWords]:
    """A review of each kind."""
    worst = {"survivors": -1.4}
    plain = planted()
    found = {
        "hardly": plain,
        "not alone": planted(pairs={("unmeasured", "waiting"): -0.9}),
        "could be": planted(means=worst),
        "wait": planted(means={"waiting": -1.4}),
        "leaving": planted(means={"leaving": -1.4}),
        "trait": planted(means={"unmeasured": -1.4}),
        "chance": planted(chance=by_chance(-0.9)),
        "cannot tell": planted(doubt="of 20 printed numbers the twin does not reproduce 9"),
        "harm": planted(hr="1.60", limits=("1.20", "2.13"), twin=absolute((0.2, 0.05), median=5.0, mean=7.0),
                        ends=(absolute((0.3, 0.08)), absolute((0.2, 0.02)))),
        "small": planted(hr="0.90", limits=("0.82", "0.99"), twin=absolute((0.42, 0.132)), usual=0.02, sd=0.03),
        "moderate": planted(hr="0.70", limits=("0.60", "0.82"), sd=0.03),
        "not reached": planted(twin=absolute((0.9, 0.8), median=inf), medians=("12.5", "NR")),
        "by lot": planted(small_scenario(**LOT)),
        "relapse": planted(small_scenario(**RELAPSE)),
        "refused": planted(refused=True, medians=("", ""), fit=None),
        "no strength": planted(needed=(inf, inf)),
        "no need": planted(needed=(0.0, 0.0)),
        "not told": planted(needed=(nan, nan)),
        "best": planted(best="ipw-ate"),
        "all far": planted(made=recommendation("adjusted", near=False)),
        "findings": planted(findings=(SEVERE, NOTE)),
        "notes": planted(findings=(NOTE,)),
    }  # fmt: skip
    rivals = planted(small_scenario(**RIVALS))
    found |= {
        "unprinted": unprinted(plain),
        "unprinted, best": unprinted(found["best"]),
        "unprinted, no medians": unprinted(found["refused"]),
        "unprinted, by lot": unprinted(found["by lot"]),
        "adjusted": with_review(plain, claim=replace(plain.review.claim, kind="adjusted")),
        "competing": with_review(rivals, claim=replace(rivals.review.claim, kind="fine-gray")),
    }
    several = with_review(plain, analyses=replace(plain.review.analyses, choices=choices()))
    return {**found, "choices": several}


VARIANTS = variants()
SAID = (
    "headline", "verdict", "claims", "adds_up", "claim_section", "bias", "bias_section", "effect",
    "gained_caption", "effect_section", "analysis", "analysis_section", "rests", "fit_words",
)  # fmt: skip


def sentences(told: ReviewWords) -> Iterator[str]:
    """All that is said in prose."""
    for name in SAID:
        yield getattr(told, name)
    for one in first_screen(told):
        yield from (one.question, one.answer, one.caption, one.sure, one.why)
    yield told.analysis_number[1]
    yield told.claim_number[1]
    yield from told.claim_rests
    yield from (text for row in told.plausible_rows() for text in row)
    yield METHODS.paragraph(told)
    yield from (text for row in told.suspicion_rows() for text in row)
    yield from (text for row in told.pair_rows() for text in row)
    yield from (text for row in told.absolute_rows() for text in row)
    yield from (text for row in told.analysis_rows()[0] for text in row)
    yield from (text for one in checklist(told) for text in (one.item, one.answer))


def faults(text: str) -> list[str]:
    """What no sentence may have: a key, an option, a class, what is no number, a double space or stop."""
    wrong = re.findall(r"\b(?:None(?!:| as)|nan|inf|True|False)\b", text)
    wrong += re.findall(r"\w*_\w*", text)
    wrong += re.findall(r"\b[a-z]\w+\.[a-z]\w+(?:\.\w+)*", text)
    wrong += re.findall(r"--\w+|\{|\}|\[|\]|  |\.\.(?!\.)|\bonly only\b|  +", text)
    long = [one for one in re.split(r"(?<=[.:;?])\s", text) if len(one.split()) > 45]
    return wrong + long


@pytest.mark.parametrize("name", VARIANTS)
def test_no_sentence_has_a_key_or_is_too_long(name: str) -> None:
    for text in sentences(VARIANTS[name]):
        assert faults(text) == [], text


@pytest.mark.parametrize(
    "text",
    [
        "the log_hr is",
        "see outcomes.death.rate",
        "None of",
        "is nan",
        "use --reps",
        "a  gap",
        "end..",
        " ".join("a" * 46),
    ],
)
def test_a_planted_fault_of_a_sentence_is_noticed(text: str) -> None:
    assert faults(text)
    assert not faults("In 47 of 100 patients, 0.36 on average; who dies waiting is counted as untreated.")


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("hardly", "Hardly bias by itself: the printed numbers speak for a large effect"),
        ("moderate", "Hardly bias by itself: the printed numbers speak for a moderate effect"),
        ("small", "Hardly bias by itself: the printed numbers speak for a small effect"),
        ("leaving", "It could be bias: loss of the sick could"),
        ("not alone", "Hardly one bias alone; but two"),
        ("could be", "It could be bias: selection of survivors could make it"),
        ("wait", "It could be bias: waiting counted as survival could"),
        ("trait", "It could be bias: an unrecorded trait could"),
        ("chance", "It could be chance: nothing but luck"),
        ("cannot tell", "The twin cannot tell: of 20 printed numbers the twin does not reproduce 9."),
    ],
)
def test_headlines(name: str, start: str) -> None:
    assert VARIANTS[name].headline.startswith(start)


def test_verdicts_carry_their_assumption_and_how_often() -> None:
    assert "If only patients with drug had to live 3 months" in VARIANTS["could be"].verdict
    assert (
        "a ratio as extreme as 0.36 appears out of nothing in 97 of 100 studies (simulation error 0.2)"
        in VARIANTS["could be"].verdict
    )
    both = "an unrecorded trait and waiting counted as survival together would, in 27 of 100 studies"
    assert f"{both} (simulation error 0.7)" in VARIANTS["not alone"].verdict
    assert (
        "Without any effect or bias, 27 of 100 such studies (simulation error 0.7) find a ratio as far from 1 as 0.36"
        in (VARIANTS["chance"].verdict)
    )
    assert "the paper's analysis finds 0.35 on average where 0.36 is true" in VARIANTS["hardly"].verdict


def test_harm_is_told_as_harm() -> None:
    told = VARIANTS["harm"]
    assert told.claims.startswith("That drug, compared with care, raises the rate of dying by 60\u00a0%")
    assert "multiply the rate of dying by 7.7" in told.bias
    assert "5 rather than 13 are alive at 24 months, having lived 2.5 months shorter" in told.effect
    assert told.gained == "8 fewer"
    assert "only patients with care had to live" in " ".join(row[1] for row in told.suspicion_rows()).lower()
    whom = told.absolute_rows()[-1]
    assert whom[0] == "To treat for one fewer alive at 24 months"
    assert whom[3:] == ("12", "9 to 20")  # 1 / 0.08; 1 / 0.11 and 1 / 0.05


def test_benefit_in_absolute_terms_by_hand() -> None:
    rows = {row[0]: row[1:] for row in VARIANTS["hardly"].absolute_rows()}
    assert rows["Alive at 12 months, %"] == ("70", "40", "+30", "+20 to +35")
    assert rows["Alive at 24 months, %"] == ("47", "13", "+34", "+17 to +42")
    assert rows["Months until half have died"][:3] == ("18.0", "9.0", "+9.0")
    assert rows["Months lived, of the first 24"][:3] == ("14.0", "9.5", "+4.5")
    assert rows["To treat for one more alive at 24 months"] == ("–", "–", "3", "2 to 6")
    assert VARIANTS["hardly"].gained_caption == "of 100 alive at 24 months; range +17 to +42"


def test_medians_that_are_not_reached() -> None:
    told = VARIANTS["not reached"]
    assert told.absolute_rows()[2][1:4] == ("not reached", "9.0", "–")
    assert told.claims.endswith("cuts the rate of dying by 64\u00a0%.")  # NR is no number of months


def test_an_event_that_is_no_death_is_not_called_one() -> None:
    told = VARIANTS["relapse"]
    text = " ".join(sentences(told))
    assert "rate of the event (freedom from relapse)" in told.claims
    assert not re.search(r"\b(?:died|dying|alive|lived|survived)\b", re.sub("and who dies waiting", "", told.effect))
    assert "are without the event at 24 months, having stayed without it" in told.effect
    assert "rate of dying" not in text
    assert told.absolute_rows()[0][0].startswith("Without the event at")


def test_arms_are_called_by_their_labels() -> None:
    arms = {"control": "care", "treated": "drug", "control_label": "usual care", "treated_label": "drug 24 h/day"}
    told = with_review(planted(small_scenario(arms=arms)))
    assert (told.control, told.treatment) == ("usual care", "drug 24 h/day")
    assert words_of_paper(told.scenario).arms == ("usual care", "drug 24 h/day")
    assert (
        "patients who start drug 24 h/day"
        in whom_of(small_scenario(arms=arms, target={"population": "treated"})).phrase
    )


def test_an_endpoint_called_after_its_events_has_their_rate() -> None:
    label = "Relapse or second tumour or death"
    named = {**RELAPSE, "endpoints": {"freedom": {"label": label, "event": ["ill", "dead"]}}}
    told = with_review(planted(small_scenario(**named)))
    assert told.rate == "the rate of relapse, second tumour or death"


def test_a_trial_by_lot_has_no_unrecorded_trait() -> None:
    told = VARIANTS["by lot"]
    assert "Treatment was drawn by lot, so no trait of the patients steers it." in told.bias
    assert "unrecorded trait" not in " ".join(row[1] for row in told.suspicion_rows())
    items = {one.item for one in checklist(told)}
    assert "Confounding" not in items
    assert {one.answer for one in checklist(told) if one.item == "How treatment was assigned"} == {"by lot"}


def test_no_range_is_told_as_an_answer() -> None:
    told = VARIANTS["refused"]
    assert told.effect.endswith("No plausible range: no true effect gives what the paper printed.")
    assert told.effect_section.startswith("No true effect gives what the paper printed")
    assert told.fit_words == "The paper prints no number that the twin could be compared with."
    assert all(row[2].startswith("none: ") for row in told.plausible_rows())
    assert {row[4] for row in told.absolute_rows()} == {"–"}


def test_strengths_that_are_needed() -> None:
    assert "7.7 times likelier and divide the rate of dying by 7.7; the strongest recorded one, Stage" in (
        VARIANTS["hardly"].bias
    )
    assert VARIANTS["hardly"].bias.endswith("has 2.0 and 1.6.")  # exp(0.7) and exp(0.5)
    assert "Even an unrecorded trait that makes treatment 10 times likelier would not explain" in (
        VARIANTS["no strength"].bias
    )
    assert "No unrecorded trait is needed" in VARIANTS["no need"].bias
    assert "simulation does not tell" in VARIANTS["not told"].bias
    last = {name: VARIANTS[name].suspicion_rows()[0][4] for name in ("hardly", "no strength", "no need", "not told")}
    assert last["hardly"] == "7.7× (simulation error 0.09)"
    ends = VARIANTS["no strength"].curve("unmeasured").mean[-1]
    assert last["no strength"] == f"not reached: 10.0× makes {exp(ends):.2f}"
    assert (last["no need"], last["not told"].startswith("not told")) == ("nothing", True)


def test_which_analysis() -> None:
    assert VARIANTS["best"].analysis == (
        "Weighting to all patients rather than Cox model with all covariates: it misses the truth by 1\u00a0% rather "
        "than 7\u00a0%. It would have given about 0.40."
    )
    assert VARIANTS["all far"].analysis == "None as it stands: all miss the truth by more than is harmless."
    assert VARIANTS["hardly"].analysis.startswith("The paper's own, Cox model with all covariates")
    told = VARIANTS["choices"]
    assert told.analysis.endswith(
        "Of one simulated study 75\u00a0% of 4 defensible analyses find a benefit, the highest 1.30 times the lowest."
    )
    assert told.analysis_section.startswith("In patients of the study the paper's analysis finds 0.35 where 0.36 is")


def test_what_the_arithmetic_says() -> None:
    assert VARIANTS["hardly"].adds_up == "Yes: the arithmetic contradicts none of 711 printed numbers."
    told = VARIANTS["findings"]
    assert told.adds_up.startswith("No. The contradiction that matters most: the interval of the main result")
    assert "too narrow for 30 and 20 deaths" in told.adds_up
    assert (told.serious, told.main_stands) == (1, False)
    assert list(told.findings_by_table()) == ["Table 2"]  # remarks are not told there
    assert VARIANTS["notes"].adds_up.startswith("Yes. What is to be remarked: ")


def test_what_it_rests_on_names_the_weightiest() -> None:
    assert "moves the answer most: by 4.9\u00a0%" in VARIANTS["hardly"].rests  # exp(-0.05) - 1
    assert "reproduces 118 of the 120 printed numbers" in VARIANTS["hardly"].rests


def test_small_words() -> None:
    assert [often_text(x) for x in (0.0, 0.0009, 0.004, 0.03, 0.5, nan)] == [
        "fewer than 1 of 1,000", "fewer than 1 of 1,000", "4 of 1,000", "3 of 100", "50 of 100", "an unknown share of",
    ]  # fmt: skip
    assert [time_text(x, "months") for x in (1.0, 1.77, 24.0)] == ["1 month", "1.8 months", "24 months"]
    assert [time_text(x, "years") for x in (0.5, 1.0, 2.5)] == ["6 months", "1 year", "2.5 years"]
    assert [signed_text(x, 1) for x in (0.04, -0.04, 1.25, -3.0, nan)] == ["+0.0", "+0.0", "+1.2", "−3.0", "–"]
    assert span_text([3.0, -1.0], 0) == "−1 to +3"
    assert span_text([3.0, nan], 0) == "–"
    assert reached_text(inf) == "not reached"


# --- The page


def test_a_page_has_five_answers_six_sections_and_says_all_of_it() -> None:
    told = VARIANTS["choices"]
    page = review_page(told, METHODS)
    assert page == review_page(told, METHODS)  # the same bytes
    assert len(re.findall(r"<section\b", page)) >= 6
    for one in ("claim", "bias", "effect", "analysis", "rests", "methods"):
        assert re.search(rf'id="{one}"', page), one
    assert len(first_screen(told)) == 5
    for each in first_screen(told):
        assert each.number in page
        assert each.anchor in ("claim", "bias", "effect", "analysis")
    text = re.sub(r"<[^>]+>", "", page)
    assert told.headline in text
    assert METHODS.command in text.replace("\u200b", "")
    assert not re.search(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d", page)
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )


@pytest.mark.parametrize("name", ["harm", "refused", "by lot", "findings"])
def test_pages_of_every_kind_are_made(name: str) -> None:
    page = review_page(VARIANTS[name], METHODS)
    assert page.count("<section") == page.count("</section>")
    text = re.sub(r"<(style|script|svg)\b.*?</\1>|<[^>]+>", " ", page, flags=re.S)
    assert not re.search(r"\b(?:nan|None(?!:| as)|inf)\b", text)


def test_hostile_labels_are_escaped() -> None:
    bad = "<script>alert(1)</script>"
    scenario = small_scenario(population__covariates__stage__label=bad, source=bad, endpoints__survival__label=bad)
    page = review_page(planted(scenario), METHODS)
    assert bad not in page
    assert "&lt;script&gt;alert(1)" in page.replace("<wbr>", "")


def test_the_checklist_says_what_is_stated_and_what_is_not() -> None:
    told = VARIANTS["hardly"]
    states = {one.item: one.state for one in checklist(told)}
    assert set(states.values()) <= set(ANSWERED)
    assert states["Setting and dates"] == "not"  # no source is told of the accrual
    sourced = replace(told, sources=("entry.accrual.start", "followup.cut_off"))
    there = {one.item: one.state for one in checklist(sourced)}
    assert (there["Setting and dates"], there["End of follow-up"]) == ("stated", "stated")
    assert states["Main result with its interval"] == "stated"
    assert states["Harms"] == "not"
    assert states["Events by arm"] == "stated"
    assert states["How large biases could be"] == "here"
    answers = {one.item: one.answer for one in checklist(told)}
    assert answers["Main result with its interval"] == "0.36 (0.28 to 0.46)"
    assert answers["Events by arm"] == "30 (care) and 20 (drug)"


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (6.72, "months", "6.7 months"),
        (-0.9, "years", "10.8 months"),
        (1.2, "years", "1.2 years"),
        (0.04, "years", "2.1 weeks"),
        (0.3, "months", "1.3 weeks"),
        (0.01, "months", "less than half a day"),
        (0.1, "weeks", "0.7 days"),
        (3.0, "days", "3 days"),
        (0.0, "years", "less than half a day"),
    ],
)
def test_a_gain_is_told_in_a_unit_of_which_it_has_half_a_one(value: float, unit: str, told: str) -> None:
    assert gain_text(value, unit) == told
