"""The engine of the pages: colours that can be read, terms explained once, answers first, addresses, sentences."""

import itertools
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from analysis.figures.ranges import RangeRow, ranges_of
from analysis.figures.style import apart
from analysis.figures.swept import settings_of, swept_of
from analysis.tables.text_table import table
from benchmarks.report.breaking import sentences
from benchmarks.report.engine import (
    Beside,
    Code,
    Fold,
    HowMade,
    Items,
    Note,
    Page,
    PageBlock,
    QuickAnswer,
    Quote,
    Rests,
    Section,
    SettingsShown,
    Tabled,
    anchors_of,
    html,
    picture,
    values_of,
)
from benchmarks.report.glossary import EXPLAINED
from benchmarks.report.page_parts import walked
from benchmarks.report.paper_pages import scores_drawn
from benchmarks.report.terms_told import MOST_WORDS, TermsTold
from benchmarks.twin.fidelity import Fidelity, Score, Total
from benchmarks.words.key_words import PaperWords
from benchmarks.words.settings_named import path_label, setting_text

CSS = (Path(__file__).parents[1] / "benchmarks/report/templates/page.css").read_text("utf-8")
VARIABLES = dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6})", CSS))
HOW = HowMade("trialtwin tipping paper --seed 1", (("digest", "3f9c"),), "trialtwin tipping paper", {"trialtwin": "1"})


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.2."""
    plain = colour.lstrip("#")
    plain = "".join(2 * c for c in plain) if len(plain) == 3 else plain
    parts = [int(plain[k : k + 2], 16) / 255 for k in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def used(css: str, name: str) -> set[str]:
    """The colours of a property in a style sheet, variables resolved."""
    found = re.findall(rf"(?<![\w-]){name}: ([^;}}]+)", css)
    variables = dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6})", css))
    told = [variables.get(one[1], "") if one[1] else one[0] for text in found for one in COLOUR.findall(text)]
    return {one for one in told if len(one) in (4, 7)}


COLOUR = re.compile(r"(#[0-9a-f]{3,6})\b|var\(--(\w+)\)")


def pale_pairs(css: str) -> list[tuple[str, str]]:
    """Pairs of a text's colour and a row's or box's that nobody reads: under 4.5 to 1 (WCAG AA)."""
    texts, grounds = used(css, "color") - {"#fff"}, used(css, "background") - {"#fff"}
    dark = {one for one in grounds if luminance(one) < 0.2}
    pairs = [(text, ground) for text in texts for ground in (grounds - dark) | {"#ffffff"}]
    pairs += [("#ffffff", ground) for ground in dark]
    return [pair for pair in pairs if contrast(*pair) < 4.5]


def test_every_text_can_be_read_on_every_ground() -> None:
    assert len(used(CSS, "color")) >= 4
    assert len(used(CSS, "background")) >= 4
    assert pale_pairs(CSS) == []


@pytest.mark.parametrize("spoilt", ["--mut: #8a94a0", "--best: #8fa8c4", "--picked: #b89b2e", "--acc: #d47f7f"])
def test_a_pale_colour_is_noticed(spoilt: str) -> None:
    name = spoilt.split(":")[0]
    assert pale_pairs(re.sub(rf"{name}: #[0-9a-f]+", spoilt, CSS)) != []


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)  # WCAG's own example of the least grey


def whole() -> Page:
    """A page with every kind of block."""
    figure, small = (Figure(figsize=(width, 2)) for width in (4.6, 2.75))
    for one in (figure, small):
        one.subplots().plot([1, 2, 3], [0.1, 0.2, 0.3], label="matching")
    wide = table("Wide", ("analysis", "a", "b", "c", "d"), [("weighting", "1", "2", "3", "4"), ("crude", *"5678")])
    drawn = picture(figure, "Up: worse.", "A line", title="The figure", narrow=small, values=values_of(figure))
    return Page(
        "Could it be bias?",
        "Hardly by itself. The hazard ratio (HR) says little. A hazard ratio of 0.36 is large. A third sentence.",
        HOW,
        (
            Section(
                "How strong must it be?",
                "Stronger than what the twin knows.",
                (
                    Beside((drawn,), (Rests(("One trait.", "The twin is right.")),)),
                    Tabled(wide, best=frozenset({0})),
                    "A paragraph.",
                    Items((("matching", "pairs patients"),)),
                    Quote("We examined."),
                    Code("trialtwin review paper"),
                    Fold("How it was computed", ("36 strengths.", table("Small", ("a", "b"), [("1", "2")]))),
                    SettingsShown((Section("60 patients", "", ("one",)), Section("90 patients", "", ("two",)))),
                    Note("Small print."),
                ),
                anchor="bias",
                short="Could it be bias?",
            ),
            Section("How strong must it be?"),
        ),
        kicker="Referee's report",
        cite="On: a paper.",
        answers=(
            QuickAnswer("Could it be?", "Hardly <b>.", "7.8×", "needed", 2, "Fairly sure.", "Error 0.3.", "bias"),
        ),
        explained=(("trait", "what is recorded of a patient"),),
    )


def test_a_page_answers_first_and_has_its_parts_in_order() -> None:
    page = html(whole())
    order = [
        "Referee&#39;s report", "<h1>Could it be bias?", "On: a paper.", "<strong>Hardly by itself.</strong>",
        'class="more-told"', '<ol class="five">', "7.8×<small>needed", "●●○", "Fairly sure.", 'class="toc"',
        '<section id="bias"', 'class="ans"', '<div class="cols">', "<svg", 'class="rests"', 'class="stack"',
        '<tr class="best">', "<blockquote>", "<summary>How it was computed", 'class="settings"', 'id="repeat"',
    ]  # fmt: skip
    places = [page.index(one) for one in order]
    assert places == sorted(places)
    assert 'href="#bias"' in page
    assert "Section&nbsp;1&nbsp;›" in page
    assert "Hardly &lt;b&gt;." in page
    assert page.count("How to read it.") == 1
    assert page.count('class="spot"') == 3
    assert page.count("<svg") == 2
    assert 'data-l="c"' in page
    assert page.count('<section class="setting">') == 2
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    made = re.compile(r'<div class="made">.*?</div>', re.S)
    assert made.sub("", page) == made.sub("", html(whole()))


def test_no_block_of_an_unknown_kind_is_left_out_unseen() -> None:
    class Unknown(Note):
        """A block of which the page's template knows nothing."""

    with pytest.raises(TypeError, match="shows no Unknown"):
        html(Page("Q?", "A.", HOW, (Section("S", "", (Fold("more", (Unknown("x"),)),)),)))


def test_every_kind_of_block_is_shown_and_another_is_refused() -> None:
    """What a page is made of: nothing is left out without a word."""
    body = whole().sections[0].body
    kinds = {type(one) for one in walked(body)} | {type(table("", ("a",), ())), Section}
    assert kinds >= set(get_args(PageBlock))


@pytest.mark.parametrize(
    ("columns", "letters", "share", "shape"),
    [(4, 8, 1.0, ""), (11, 6, 1.0, ""), (16, 6, 1.0, "many"), (20, 9, 1.0, "vast"), (4, 8, 0.3, "many")],
)
def test_a_table_fits_the_paper(columns: int, letters: int, share: float, shape: str) -> None:
    heads = [f"{k}" for k in range(columns)]
    shown = Tabled(table("Wide", heads, [["9" * letters] * columns], 0))
    assert shown.on_paper(share) == shape
    told = Tabled(table("Words", heads[:4], [["w" * 200] * 4], 4))
    assert told.on_paper() == ""  # words may be broken
    assert Tabled(table("Number", heads[:1], [["9" * 200]], 0)).on_paper() == "vast"


def test_a_term_is_explained_once_where_it_first_stands_without_an_abbreviation() -> None:
    page = html(whole())
    assert page.count("<dfn>hazard ratio</dfn>") == 1
    assert page.index("hazard ratio (HR)") < page.index("<dfn>hazard ratio</dfn>")
    assert page.count("<dfn>twin</dfn>") == 1
    assert page.count("<dfn>trait</dfn>") == 1
    assert "(what is recorded of a patient)" in page


def test_the_text_may_explain_a_term_itself() -> None:
    told = TermsTold({"twin": "simulated patients"})
    assert told("The twin (patients whom we made) and a twin.") == (
        "The <dfn>twin</dfn> (patients whom we made) and a twin."
    )
    assert told("Another twin.") == "Another twin."
    bracketed = TermsTold({"twin": "simulated patients"})("It (in the twin) is so. A twin.")
    assert bracketed == 'It (in the twin) is so. A <dfn>twin</dfn> <span class="gl">(simulated patients)</span>.'
    assert "dfn" not in TermsTold({"caliper": "x y z"})("analysis.matching.caliper = 1")
    assert TermsTold({"twin": "a & b"})("twin <b>") == '<dfn>twin</dfn> <span class="gl">(a &amp; b)</span> &lt;b&gt;'


def test_explanations_are_short() -> None:
    assert all(len(gloss.split()) <= MOST_WORDS for gloss in EXPLAINED.values())


def test_sentences_end_where_they_end() -> None:
    text = "In the treated it finds 0.36 (truth 0.37). Cond. HR by Cox et al. Another one: 2.5 months.\nA line"
    assert sentences(text) == [
        "In the treated it finds 0.36 (truth 0.37).", "Cond. HR by Cox et al. Another one: 2.5 months.", "A line",
    ]  # fmt: skip
    assert sentences("A (b. C) d. E") == ["A (b. C) d.", "E"]
    assert sentences("It is total. He left.") == ["It is total.", "He left."]
    assert sentences("") == []


def test_addresses_differ() -> None:
    assert anchors_of(["What was found", "What was found", "main", "§"]) == [
        "what-was-found", "what-was-found--2", "main--2", "table",
    ]  # fmt: skip


def test_places_in_a_document_are_called_by_their_labels() -> None:
    tree = {
        "population": {"covariates": {"pvtt": {"label": "PVTT"}, "size>10": {"label": "-"}, "a.b": {"label": "AB"}}}
    }
    assert path_label("population.size") == "number of patients"
    assert path_label("analysis.matching.caliper") == "caliper"
    assert path_label("population.correlation.pvtt.size>10", tree) == "patients: correlation, PVTT, size>10"
    assert path_label("population.covariates.a.b.shares", tree) == "patients: AB, shares"
    assert path_label("entry.guarantee_months.HLP") == "months that must be survived to enter: HLP"
    assert setting_text({"population.size": 200, "analysis.matching.caliper": 0.05}) == "200 patients; caliper 0.05"
    assert setting_text({}) == "as stated"


def test_places_are_called_by_the_labels_of_arms_terms_and_events() -> None:
    tree = {
        "arms": {"control": "no", "treated": "arm-16-Gy", "treated_label": "16 Gy"},
        "population": {"covariates": {"age": {"label": "Age"}, "npcr": {"label": "nPCR"}}},
        "outcomes": {"adverse_events": {"events": {"rash": {"label": "Skin rash"}}}, "exposure": {"tki": {}}},
    }
    told = {
        "followup.dropout.arm-16-Gy.rate": "drop-out: 16 Gy, rate",
        "followup.dropout.no.rate": "drop-out: no, rate",
        "entry.accrual.shape": "more entering early or late",
        "treatment.log_odds.'npcr>0.784'": "log odds of treatment by nPCR (> 0.784)",
        "outcomes.transitions.death.log_hr.age>=50*treatment": "death, log HR of Age (≥ 50) × treatment",
        "outcomes.transitions.death.baseline.rates.0": "death, without treatment: rates (1)",
        "outcomes.adverse_events.events.rash.any": "share with Skin rash: any grade",
        "outcomes.exposure.tki.arms.arm-16-Gy.median": "tki, 16 Gy: median",
        "population.covariates.age.mean": "patients: Age, mean",
    }
    assert {path: path_label(path, tree) for path in told} == told
    swept = {"entry.guarantee_months": {"arm-16-Gy": 3, "no": 0}}
    assert setting_text(swept, tree) == "months that must be survived to enter: 16 Gy 3, no 0"


def test_the_figure_of_a_scorecard_counts_what_its_table_counts() -> None:
    scores = [
        Score(f"cohort.{k}", "5", "Table 1: row 2", 5.0, 4.0 if k else 5.0, 6.0 if k else 5.0, 50.0, True, 0.0, ())
        for k in range(3)
    ]
    scores.append(Score("cohort.doubted", "9", "Table 1", 5.0, 4.0, 6.0, 100.0, False, 0.0, ("sum",)))
    found = Fidelity(40, 1, tuple(scores), (Total("Table 1", 3, 3, 1), Total("all", 3, 3, 1)), (), ())
    (drawn,) = scores_drawn(found, PaperWords())
    assert drawn.narrow is not None
    assert all("Table 1 (3 of 3)" in one for one in (drawn.svg, drawn.narrow))  # two have a spread, and one is doubted


def test_ticks_whose_labels_would_touch_are_left_out() -> None:
    axes = Figure(figsize=(2.0, 1.0)).add_axes((0, 0, 1, 1))
    axes.set_xscale("log")
    axes.set_xlim(0.01, 10)
    ticks = [0.01, 0.03, 0.1, 0.12, 0.5, 0.9, 1.0, 4.0]
    kept = apart(axes, ticks)
    assert not {0.9, 0.12} & {*kept}
    assert {1.0, 4.0} <= {*kept}
    assert apart(Figure(figsize=(40.0, 1.0)).add_axes((0, 0, 1, 1)), [0.0, 0.5, 1.0]) == [0.0, 0.5, 1.0]


def test_numbers_of_a_table_have_a_true_minus() -> None:
    shown = Page("q", "v", HOW, (Section("s", "", (table("t", ("a-1", "b"), [("x-2", "-0.5 (-1.0 to 2)")]),)),))
    page = html(shown)
    assert "−0.5 (−1.0 to 2)" in page
    assert "x-2" in page


def test_a_sweep_is_drawn_against_what_was_swept() -> None:
    x, value, error = np.array([0.5, 0.05, 0.1]), np.array([0.3, 0.1, 0.2]), np.array([0.01, 0.02, 0.03])
    figure = swept_of(x, {"matching": (value, error)}, "caliper", "off by", 0.0)
    (axes,) = figure.axes
    assert axes.get_xlabel() == "caliper"
    (drawn,) = axes.containers
    assert isinstance(drawn, ErrorbarContainer)
    line = drawn.lines[0]
    assert np.allclose(line.get_xdata(), [0.05, 0.1, 0.5])
    assert np.allclose(line.get_ydata(), [0.1, 0.2, 0.3])
    bars = drawn.lines[2][0].get_segments()
    assert bars[1][1][1] - bars[1][0][1] == pytest.approx(2 * 1.96 * 0.03)
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0.05", "0.1", "0.5"]
    many = swept_of(np.array([1.0, 2.0, 900.0]), {"a": (value, error)}, "size", "off by", 0.0).axes[0]
    assert many.get_xscale() == "log"
    texts = [
        one.get_text()
        for one in settings_of(["caliper 0.1", "none"], {"a": (value[:2], error[:2])}, "l", 0.0).axes[0].texts
    ]
    assert texts == ["caliper 0.1", "none"]


def test_values_to_hover_lie_on_the_curve() -> None:
    figure = Figure(figsize=(4, 3))
    axes = figure.add_axes((0.25, 0.25, 0.5, 0.5))
    axes.set_xlim(0, 10)
    axes.set_ylim(0, 1)
    axes.set_xlabel("months")
    axes.plot([0, 5, 10], [0, 0.5, 1], label="HLP")
    axes.plot([0, 10], [0, 1], label="two points are no curve")
    drawn = picture(figure, "c", "d", values=values_of(figure))
    spots = re.findall(r'cx="([\d.]+)" cy="([\d.]+)" r="5"><title>([^<]+)', drawn.svg)
    assert [one[2] for one in spots] == ["HLP: 0 (months 0)", "HLP: 0.5 (months 5)", "HLP: 1 (months 10)"]
    assert [(float(x), float(y)) for x, y, _ in spots] == [(72.0, 162.0), (144.0, 108.0), (216.0, 54.0)]
    assert all(float(b[0]) > float(a[0]) for a, b in itertools.pairwise(spots))


def test_the_name_of_an_axis_is_whole_within_a_narrow_figure() -> None:
    rows = [RangeRow("matching", 0.3, 0.36, 0.4, "0.36 (0.30-0.40)")]
    for label in ("Hazard ratio that the paper's analysis finds in the twin", "True hazard ratio", "long " * 40):
        figure = ranges_of(rows, {}, None, label, 2.75)
        figure.canvas.draw()
        box = figure.axes[0].xaxis.label.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
