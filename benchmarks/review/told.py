"""A review in plain words: the verdict, and what is plausible, which analysis should have been used, what it rests on.

The sentences are chosen from what was found: how large the effect is, what explains it most easily, what the paper
contradicts itself in, how far the analyses are apart.
"""

from dataclasses import dataclass
from math import exp, inf, isfinite

from benchmarks.review import analyses
from benchmarks.review.effects import ALL, AS_STATED, as_ratios
from benchmarks.review.labels import (
    HEADS,
    NB,
    SHORT,
    error_told,
    gain_text,
    more_of_100,
    often_text,
    reached_text,
    signed_text,
    span_text,
    time_text,
    to_treat_text,
)
from benchmarks.review.told_bias import BiasWords
from benchmarks.review.verdict import UNADJUSTED, Word
from benchmarks.words.key_words import key_words
from benchmarks.words.settings_named import path_label
from benchmarks.words.sizes import first_up, listed, percent_text


@dataclass(frozen=True)
class ReviewWords(BiasWords):
    """All words of a review; every property is a sentence or two."""

    @property
    def headline(self) -> str:
        """The verdict in a few words."""
        judged = self.review.judged
        words: dict[Word, str] = {
            "no-ratio": f"Whether it could be bias cannot be told: the paper prints no hazard ratio with its interval "
            f"for {self.endpoint}.",
            "hardly": f"Hardly bias by itself: the printed numbers speak for a {self.size} effect; "
            "its exact size is not known.",
            "not-alone": "Hardly one bias alone; but two of a usual size together could make it.",
            "could-be": f"It could be bias: {self._because(judged.because)} could make it without any effect.",
            "chance": "It could be chance: nothing but luck is needed to make it without any effect.",
            "cannot-tell": f"The twin cannot tell: {judged.why}.",
        }
        return words[judged.word]

    def _because(self, names: tuple[str, ...]) -> str:
        return listed([SHORT.get(name, name) for name in names])

    @property
    def verdict(self) -> str:
        """Two sentences after the headline."""
        return f"{self._by_bias} {self._twin_finds}"

    @property
    def _by_bias(self) -> str:
        judged, claim = self.review.judged, self.review.claim
        ratio = f"the published hazard ratio of {claim.hr}"
        often, error = often_text(judged.chance.value), error_told(judged.chance)
        match judged.word:
            case "hardly":
                return f"No single bias of a usual size, nor any two together, could make {ratio} out of nothing."
            case "not-alone":
                both = self._because(judged.because)
                alone = f"No single one could make {ratio} out of nothing"
                return f"{alone}; {both} together would, in {often} studies{error}."
            case "could-be" if judged.because == UNADJUSTED:
                return (
                    "Treatment was not drawn by lot, and the analysis adjusts for nothing: the arms may have differed "
                    "from the start in whatever decides the outcome."
                )
            case "could-be":
                return (
                    f"If {self._assumes(self.curve(judged.because[0]))}, a ratio as extreme as {claim.hr} appears "
                    f"out of nothing in {often} studies{error}."
                )
            case "chance":
                return (
                    f"Without any effect or bias, {often} such studies{error} find a ratio as far from 1 as {claim.hr}."
                )
        if judged.word == "no-ratio":
            return (
                "Which bias could make the result, and which effects are plausible, can only be told from such a ratio."
            )
        return "What follows is told with that reservation."

    @property
    def _twin_finds(self) -> str:
        finds, true = self.simulated
        return (
            f"In simulated {self.people}, the paper's analysis finds {finds:.2f} on average where {true:.2f} is true."
        )

    @property
    def effect(self) -> str:
        """What happens to patients, then the ratio with its range."""
        found = self.review.effects
        twin, mark = found.twin, found.marks[-1]
        treated, control = (f"{100 * arm.free[-1]:.0f}" for arm in (twin.treated, twin.untreated))
        gained = twin.treated.mean - twin.untreated.mean
        how = "longer" if gained >= 0 else "shorter"
        lived = "lived" if self.deaths else "stayed without it"
        longer = "" if self.competes else f", having {lived} {gain_text(gained, self.unit)} {how} by then"
        said = (
            f"Of 100 {self.people}, {treated} rather than {control} are {self.free} at {time_text(mark, self.unit)}"
            f"{longer}: a {'hazard ratio' if self.review.claim.kind == 'adjusted' else self.ratio} of {found.true:.2f}"
        )
        if found.compatible is None:
            return f"{said}. No plausible range: that needs a printed hazard ratio with its interval."
        if not isfinite(found.low):
            return f"{said}. No plausible range: no true effect gives what the paper printed."
        return f"{said}, under any one suspicion {found.low:.2f} to {found.high:.2f}."

    @property
    def gained(self) -> str:
        """How many more of 100 are free of the event at the last mark, and its range."""
        return more_of_100(self.review.effects.twin)

    @property
    def gained_caption(self) -> str:
        """What stands below that."""
        found = self.review.effects
        mark = time_text(found.marks[-1], self.unit)
        said = f"of 100 {self.free} at {mark}"
        if found.at_low is None or found.at_high is None:
            return said
        ends = sorted(100 * one.gained for one in (found.at_low, found.at_high))
        return f"{said}; range {signed_text(ends[0])} to {signed_text(ends[1])}"

    @property
    def effect_section(self) -> str:
        """The sentence above section 3."""
        found, ratios = self.review.effects, self._ratios
        if found.compatible is None:
            return (
                "What follows is true of the twin, whose numbers are those of the paper; to tell which other effects "
                "are plausible, a printed hazard ratio with its interval is needed."
            )
        stated = ratios.get(AS_STATED)
        if not isinstance(stated, tuple):
            return "No true effect gives what the paper printed, if its patients differ only in what it recorded."
        said = (
            f"If the paper's patients differ only in what it recorded, the true hazard ratio is {stated[0]:.2f} to "
            f"{stated[2]:.2f} nine times in ten"
        )
        weakest = found.high if self.review.claim.value < 1 else found.low
        own = stated[2] if self.review.claim.value < 1 else stated[0]
        if f"{own:.2f}" == f"{weakest:.2f}":
            said += "; no single suspicion below makes it weaker"
        else:
            said += f"; under one of the suspicions below it may be as weak as {weakest:.2f}"
        whole = ratios.get(ALL)
        if isinstance(whole, tuple):
            end = whole[2] if self.review.claim.value < 1 else whole[0]
            weaker = end > weakest if self.review.claim.value < 1 else end < weakest
            said += f", and as {end:.2f} if all hold at once" if weaker else ", and hardly weaker if all hold at once"
        needed = to_treat_text(found.twin, self.free, time_text(found.marks[-1], self.unit))
        return f"{said}. {needed}" if needed else f"{said}."

    @property
    def _ratios(self) -> dict[str, tuple[float, float, float] | str]:
        return dict(as_ratios(self.review.effects.compatible))

    def plausible_rows(self) -> list[tuple[str, str, str]]:
        """By suspicion: its name, what it assumes, the plausible ratio."""
        rows = []
        for name, ratio in self._ratios.items():
            head = HEADS.get(name, name.replace("-", " "))
            told = f"{ratio[0]:.2f}–{ratio[2]:.2f}" if isinstance(ratio, tuple) else f"none: {ratio}"
            rows.append((head, self._up_to(name), told))
        return rows

    def _up_to(self, name: str) -> str:
        if name == AS_STATED:
            return "patients differ only in what the paper recorded"
        if name == ALL:
            return "all of the above, each up to the size told"
        known = [one for one in self.review.biases.curves if one.suspicion.name == name]
        return f"at most: {self._assumes(known[0])}" if known else "as the study states"

    def absolute_rows(self) -> list[tuple[str, str, str, str, str]]:
        """What, with treatment, without, difference, range."""
        found = self.review.effects
        ends = [one for one in (found.at_low, found.at_high) if one is not None]
        rows = []
        for k, mark in enumerate(found.marks):
            pick = [100 * (one.treated.free[k] - one.untreated.free[k]) for one in (found.twin, *ends)]
            arms = (100 * found.twin.treated.free[k], 100 * found.twin.untreated.free[k])
            what = f"{first_up(self.free)} at {time_text(mark, self.unit)}, %"
            treated, control = (f"{x:.0f}" for x in arms)
            rows.append((what, treated, control, signed_text(pick[0]), span_text(pick[1:], 0)))
        half = f"{first_up(self.unit)} until half have {'died' if self.deaths else 'the event'}"
        medians = [(one.treated.median, one.untreated.median) for one in (found.twin, *ends)]
        apart = [a - b for a, b in medians]
        digits = 2 if self.unit == "years" else 1
        treated, control = (reached_text(x, digits) for x in medians[0])
        rows.append((half, treated, control, signed_text(apart[0], digits), span_text(apart[1:], digits)))
        if not self.competes:  # who has a competing event lives without this one, and not longer
            means = [(one.treated.mean, one.untreated.mean) for one in (found.twin, *ends)]
            apart = [a - b for a, b in means]
            what = f"{first_up(self.unit)} {'lived' if self.deaths else 'without it'}, of the first {found.marks[-1]:g}"
            treated, control = (f"{x:.{digits}f}" for x in means[0])
            rows.append((what, treated, control, signed_text(apart[0], digits), span_text(apart[1:], digits)))
        gains = [one.gained for one in (found.twin, *ends)]
        treat = [1 / abs(x) if abs(x) > 0.005 else inf for x in gains]
        at = time_text(found.marks[-1], self.unit)
        whom = f"To treat for one {'more' if gains[0] >= 0 else 'fewer'} {self.free} at {at}"
        same = all(x > 0.005 for x in gains) or all(x < -0.005 for x in gains)
        span = f"{min(treat[1:]):.0f} to {max(treat[1:]):.0f}" if len(treat) == 3 and same else "–"
        rows.append((whom, "–", "–", f"{treat[0]:.0f}" if isfinite(treat[0]) else "–", span))
        return rows

    @property
    def analysis(self) -> str:
        """Which analysis should have been used, and what it would have given."""
        found = self.review.analyses
        labels = {one.name: one.label for one in found.found}
        own = labels[found.primary]
        if found.best is None:
            made = found.recommendation
            if made is not None and not made.near:
                return f"None as it stands: all miss the truth by more than is harmless. {self._choices}".strip()
            return f"The paper's own, {own}: simulation does not tell it from the best. {self._choices}".strip()
        by = {one.name: one for one in found.found}
        best, paper = by[found.best], by[found.primary]
        missed = [f"{abs(100 * (exp(one.bias) - 1)):.0f}{NB}%" for one in (best, paper)]
        closer = f"it misses the truth by {missed[0]} rather than {missed[1]}"
        precise = f"its standard error is {100 * (1 - best.se / paper.se):.0f}{NB}% smaller"
        other = "that asks another question, of patients alike in all covariates"
        by_bias = found.recommendation is not None and found.recommendation.by == "bias"
        why = other if paper.another else closer if by_bias else precise
        would = f" It would have given about {found.would[0]:.2f}." if isfinite(found.would[0]) else ""
        return f"{first_up(best.label)} rather than {labels[found.primary]}: {why}.{would} {self._choices}".strip()

    @property
    def _choices(self) -> str:
        choices = self.review.analyses.choices
        if choices is None:
            return ""
        span, agree = analyses.span_of(choices), analyses.agreeing(choices)
        count = sum(isfinite(float(one)) for one in choices.curve[:, 0])
        all_of = f"all of {count}" if agree == 1 else f"{percent_text(100 * agree, 1)} of {count}"
        side = "a benefit" if choices.direction < 0 else "harm"
        return (
            f"Of one simulated study {all_of} defensible analyses find {side}, the highest {span:.2f} times the lowest."
        )

    @property
    def analysis_number(self) -> tuple[str, str]:
        """The number of the first screen, and its caption."""
        found = self.review.analyses
        finds, true = self.simulated
        if found.best is None:
            return f"{finds:.2f}", f"by the paper's analysis, where {true:.2f} is true"
        best = next(one for one in found.found if one.name == found.best)
        return f"{exp(best.mean):.2f}", f"by {best.label}, {finds:.2f} by the paper's, where {true:.2f} is true"

    @property
    def analysis_section(self) -> str:
        """The sentence above section 4."""
        finds, true = self.simulated
        off = 100 * (finds / true - 1)
        how = (
            "as close as simulation can tell"
            if abs(off) < 1
            else f"{percent_text(abs(off), 1)} too {'low' if off < 0 else 'high'}"
        )
        said = f"In {self.people} the paper's analysis finds {finds:.2f} where {true:.2f} is true: {how}."
        return f"{said} {self._choices}".strip()

    def analysis_rows(self) -> tuple[list[tuple[str, str, str, str, str]], frozenset[int]]:
        """Each analysis: what it finds, how far off, its SE, how often its interval holds the truth; which is best."""
        found = self.review.analyses
        rows, best = [], set[int]()
        for k, one in enumerate(found.found):
            own = f"{first_up(one.label)}{' (the paper’s)' if one.name == found.primary else ''}"
            off = "another question" if one.another else signed_text(one.bias, 2)
            cover = "–" if one.another or not isfinite(one.coverage) else f"{100 * one.coverage:.0f}"
            rows.append((own, f"{exp(one.mean):.2f}" if isfinite(one.mean) else "–", off, f"{one.se:.2f}", cover))
            if one.name == (found.best or ""):
                best.add(k)
        return rows, frozenset(best)

    @property
    def rests(self) -> str:
        """What moves the answer most, and how well the twin fits."""
        grounds = self.review.grounds
        known = [one for one in grounds.weighed if isfinite(one.moves)]
        moved = [one for one in known if abs(one.moves) > 2 * one.mcse]
        if moved:
            most = moved[0]
            said = (
                f"Of what the paper does not say, {self.place_words(most.assumption.path)} moves the answer most: by "
                f"{percent_text(abs(100 * (exp(most.moves) - 1)), 100 * most.mcse)}. "
            )
        else:
            said = (
                "No assumption moves the answer beyond simulation error. " if known else "No assumption can be moved. "
            )
        return f"{said}{self.fit_words}"

    @property
    def fit_words(self) -> str:
        """How many printed numbers the twin reproduces."""
        fit = self.review.grounds.fit
        if fit is None:
            return "The paper prints no number that the twin could be compared with."
        whole = fit.totals[-1]
        return f"The twin reproduces {whole.inside} of the {whole.numbers} printed numbers that are not in doubt."

    def number_words(self, key: str, where: str) -> str:
        """A printed number in words, with where it stands."""
        return key_words(key, self.paper, where).text

    def place_words(self, path: str) -> str:
        """A place of the world in words, by the labels of its covariates and arms."""
        label: str = path_label(path, self.scenario.model_dump(mode="json"))
        return label
