"""What a review says of its paper's claim, of its arithmetic, and of bias."""

from dataclasses import dataclass
from math import exp, isfinite, isnan

from benchmarks.review.biases import BiasCurve
from benchmarks.review.labels import (
    HEADS,
    SHORT,
    ReviewLabels,
    chance_text,
    error_told,
    is_number,
    often_text,
    time_text,
    within_a_year,
)
from benchmarks.review.suspicions import LEAVES, SuspicionName, strongest
from benchmarks.review.verdict import POSSIBLE
from benchmarks.twin.audit_shown import by_place, by_weight, finding_sentence
from benchmarks.words.key_words import row_words
from benchmarks.words.sizes import first_up, percent_text


@dataclass(frozen=True)
class BiasWords(ReviewLabels):
    """The claim, its arithmetic and the suspicions, in sentences and rows."""

    @property
    def claims(self) -> str:
        """What the paper says of its main result."""
        claim = self.review.claim
        control, treated = claim.arms
        if not claim.known:
            return self._claims_without_ratio
        if claim.value < 1:
            does = f"cuts {self.rate} by {percent_text(100 * (1 - claim.value), 1)}"
        else:
            does = f"raises {self.rate} by {percent_text(100 * (claim.value - 1), 1)}"
        said = f"That {self.treatment}, compared with {self.control}, {does}"
        if treated.median and control.median and is_number(treated.median) and is_number(control.median):
            half = "half of the patients lived" if self.deaths else "half of the patients had no event for"
            return f"{said}: {half} {treated.median} {self.unit} or more, against {control.median} with {self.control}."
        return f"{said}."

    @property
    def lesser_remarks(self) -> tuple[str, ...]:
        """How many remarks the audit alone tells, where there are any."""
        count = sum(one.severity == "note" for one in self.review.claim.findings)
        several = "1 remark of less weight stands" if count == 1 else f"{count} remarks of less weight stand"
        return (f"{several} in the audit only.",) if count else ()

    @property
    def _claims_without_ratio(self) -> str:
        claim = self.review.claim
        control, treated = claim.arms
        test = f" (p {claim.p if claim.p.startswith(('<', '>')) else f'= {claim.p}'})" if claim.p else ""
        if is_number(treated.median) and is_number(control.median):
            half = "half of the patients lived" if self.deaths else "half of the patients had no event for"
            return (
                f"That with {self.treatment} {half} {treated.median} {self.unit} or more, against {control.median} "
                f"with {self.control}{test}. It prints no hazard ratio with its interval."
            )
        return (
            f"It compares {self.treatment} with {self.control}{test} and prints no hazard ratio with its interval for "
            f"{self.endpoint}."
        )

    @property
    def claim_number(self) -> tuple[str, str]:
        """The number of the first screen beside the claim, and what stands below it."""
        claim = self.review.claim
        if claim.known:
            return claim.hr, f"{self.ratio}; {self._level} interval {claim.low} to {claim.high}"
        control, treated = claim.arms
        if is_number(treated.median) and is_number(control.median):
            return (
                f"{treated.median} vs {control.median}",
                f"{self.unit} until half have {'died' if self.deaths else 'had the event'}",
            )
        return "–", "no hazard ratio with its interval"

    @property
    def claim_rests(self) -> tuple[str, ...]:
        """What is to be known of the reviewed ratio; nothing where it is that of the paper's main analysis."""
        claim = self.review.claim
        said = []
        if claim.kind == "adjusted":
            said.append(
                "The paper prints no hazard ratio of its main analysis; this is about the adjusted one, which the twin "
                "gets by a Cox model of all patients."
            )
        elif claim.kind:
            said.append("The paper prints no hazard ratio of its main analysis; this is about the one that it prints.")
        if self.competes:
            said.append(
                "Other events compete with this one: who has one of them first never has this one, and counts as "
                "without it."
            )
        return tuple(said)

    @property
    def _level(self) -> str:
        return percent_text(100 * self.scenario.analysis.survival.level, 1)

    @property
    def serious(self) -> int:
        """How many contradictions are serious."""
        return sum(one.severity == "severe" for one in self.review.claim.findings)

    @property
    def main_stands(self) -> bool:
        """Whether the audit has nothing serious against the main result itself."""
        places = self.paper.primary
        return not any(
            one.severity == "severe" and one.keys[0].startswith(f"{place}.")
            for one in self.review.claim.findings
            for place in places
        )

    @property
    def adds_up(self) -> str:
        """Whether the paper's own numbers allow its claim, in two sentences."""
        words, findings = self.paper, self.review.claim.findings
        if not findings:
            return f"Yes: the arithmetic contradicts none of {self.review.claim.numbers:,} printed numbers."
        most = finding_sentence(by_weight(findings, words)[0], words).rstrip(".")
        start = "Mostly." if self.main_stands and self.serious else "Yes." if self.main_stands else "No."
        told = f"{start} {'The contradiction that matters most' if self.serious else 'What is to be remarked'}: {most}."
        return f"{told} The main result itself adds up." if self.main_stands and self.serious else told

    @property
    def claim_section(self) -> str:
        """The sentence above section 1."""
        claim = self.review.claim
        what = f"The {self.ratio} of {claim.hr}" if claim.known else "The main result"
        stands = (
            f"{what} stands as far as it can be checked"
            if self.main_stands
            else f"{what} contradicts other printed numbers"
        )
        if not self.serious:
            return f"{stands}, and no printed number seriously contradicts another."
        places = "one place" if self.serious == 1 else f"{self.serious} places"
        joined = "; but" if self.main_stands else ", and"
        return f"{stands}{joined} in {places} printed numbers contradict each other beyond rounding."

    def findings_by_table(self) -> dict[str, list[str]]:
        """The findings in words by where they are printed, what matters most first."""
        words = self.paper
        found = by_place(self.review.claim.findings, words)
        return {
            place: [f"{first_up(finding_sentence(one, words).rstrip('.'))}." for one in own if one.severity != "note"]
            for place, own in found.items()
            if any(one.severity != "note" for one in own)
        }

    def curve(self, name: str) -> BiasCurve:
        """What a suspicion makes out of nothing; StopIteration where it is not raised."""
        return next(one for one in self.review.biases.curves if one.suspicion.name == name)

    def has(self, name: SuspicionName) -> bool:
        """Whether a suspicion is raised against this study."""
        return any(one.suspicion.name == name for one in self.review.biases.curves)

    @property
    def bias(self) -> str:
        """Could it be bias, with the strength that is needed and its yardstick."""
        word = self.review.judged.word
        start = {
            "no-ratio": "It cannot be told without a printed hazard ratio and its interval.",
            "hardly": "Hardly by itself.",
            "not-alone": "Not one alone, two together perhaps.",
            "could-be": "It could be.",
            "chance": "Chance alone could make it.",
            "cannot-tell": "The twin cannot tell.",
        }[word]
        if not self.review.claim.known:
            return f"{start} {self._farthest}".strip()
        if not self.has("unmeasured"):
            return f"{start} Treatment was drawn by lot, so no trait of the patients steers it. {self._farthest}"
        curve = self.curve("unmeasured")
        needed, measured = curve.ratio, strongest(self.scenario)
        does = "divide" if self.review.claim.value < 1 else "multiply"
        if isnan(needed.value):
            told = "How strong an unrecorded trait would have to be, simulation does not tell"
        elif not isfinite(needed.value):
            most = curve.sizes[-1]
            told = (
                f"Even an unrecorded trait that makes treatment {most:.0f} times likelier would not explain all of it"
            )
        elif needed.value == 0:
            told = "No unrecorded trait is needed"
        else:
            x = f"{needed.value:.1f}"
            told = (
                f"An unrecorded trait would have to make {self.treatment} {x} times likelier and {does} {self.rate} by "
                f"{x}"
            )
        if measured is None:
            return f"{start} {told}."
        own = max(measured.hazard_ratio, 1 / measured.hazard_ratio), max(measured.odds_ratio, 1 / measured.odds_ratio)
        label = self.label_of(measured.term)
        return f"{start} {told}; the strongest recorded one, {label}, has {own[1]:.1f} and {own[0]:.1f}."

    def label_of(self, term: str) -> str:
        """A term in words."""

        return row_words(term, self.paper)

    @property
    def _farthest(self) -> str:
        """How far the strongest of the other suspicions gets at its usual size."""
        curves = self.review.biases.curves
        if not curves:
            return ""
        most = max(curves, key=lambda one: self.review.biases.sign * one.at_usual.mean)
        return f"If {self._assumes(most)}, {exp(most.at_usual.mean):.2f} appears out of nothing on average."

    def _assumes(self, curve: BiasCurve, size: float | None = None) -> str:
        """What a suspicion of a size, its usual one unless given, assumes, as a clause after 'if'."""
        one = curve.suspicion
        x = one.usual if size is None else size
        favoured = self.treatment if self.benefit else self.control
        match one.name:
            case "unmeasured":
                does = "divides" if self.benefit else "multiplies"
                return (
                    f"an unrecorded trait of half of the patients makes {self.treatment} {x:.1f} times likelier and "
                    f"{does} {self.rate} by {x:.1f}"
                )
            case "survivors":
                return f"only patients with {favoured} had to live {time_text(x, self.unit)} to enter the study"
            case "waiting":
                return (
                    f"the wait for {self.treatment}, {time_text(x, self.unit)} on average, is counted as survival "
                    "with it, "
                    "and who dies waiting as untreated"
                )
            case _:
                return (
                    f"{percent_text(100 * x, 1)} of the patients with {favoured} leave, the sicker half "
                    f"{LEAVES:.0f} times as often as the others"
                )

    def suspicion_heads(self) -> tuple[str, ...]:
        """The heads of `suspicion_rows`."""
        heads = ("suspicion", "if only ...", "makes on average")
        hr = self.review.claim.hr
        more = (f"as extreme as {hr} in (simulation error)", f"needed for {hr}")
        return (*heads, *more) if self.review.claim.known else heads

    def suspicion_rows(self) -> list[tuple[str, ...]]:
        """By suspicion: what is assumed at its usual size and what that makes out of nothing; what it would take.

        The last is left out where no ratio is printed.
        """
        rows: list[tuple[str, ...]] = []
        for curve in self.review.biases.curves:
            rows.append(
                (
                    HEADS[curve.suspicion.name],
                    first_up(self._assumes(curve)),
                    f"{exp(curve.at_usual.mean):.2f}",
                    chance_text(self.review.biases.single(curve.suspicion.name)),
                    self.needed_text(curve),
                )[: 5 if self.review.claim.known else 3]
            )
        return rows

    def needed_text(self, curve: BiasCurve) -> str:
        """The size that would make the published ratio out of nothing, with its simulation error."""
        needed = curve.ratio
        if needed.value == 0:
            return "nothing"
        if isnan(needed.value):
            return "not told: simulation is too uncertain there"
        if not isfinite(needed.value):
            last = self._sized(curve, float(curve.sizes[-1]))
            return f"not reached: {last} makes {exp(float(curve.mean[-1])):.2f}"
        months = (
            curve.suspicion.unit not in ("fold", "share") and within_a_year(needed.value, self.unit)[1] != self.unit
        )
        told = f"{12 * needed.error if months else needed.error:.2g}"
        size = percent_text(100 * needed.error) if curve.suspicion.unit == "share" else told
        error = f" (simulation error {size})" if isfinite(needed.error) else ""
        return f"{self._sized(curve, needed.value)}{error}"

    def _sized(self, curve: BiasCurve, size: float) -> str:
        match curve.suspicion.unit:
            case "fold":
                return f"{size:.1f}×"
            case "share":
                return f"{percent_text(100 * size, 1)} lost"
        return time_text(size, self.unit)

    @property
    def bias_section(self) -> str:
        """The sentence above section 2."""
        judged, biases = self.review.judged, self.review.biases
        hr = self.review.claim.hr
        if judged.word == "no-ratio":
            return f"Without a printed ratio nobody can say whether bias explains the result. {self._farthest}".strip()
        if judged.word == "cannot-tell":
            return f"The twin cannot tell, because {judged.why}."
        if judged.word == "chance":
            often = often_text(judged.chance.value)
            error = error_told(judged.chance)
            said = f"Chance alone could: {often} studies without any effect{error} find a ratio as far from 1 as {hr}."
            return f"{said}{self._unsure}"
        alone = {one.suspicion.name: biases.single(one.suspicion.name) for one in biases.curves}
        most = max(alone, key=lambda name: alone[name].value, default=None)
        if most is None:
            return "No suspicion fits this study."
        return (
            f"The suspicion that explains most is {SHORT[most]}: at a usual size it makes "
            f"{exp(self.curve(most).at_usual.mean):.2f} out of nothing, and a ratio as extreme as {hr} in "
            f"{often_text(alone[most].value)} studies{error_told(alone[most])}.{self._unsure}"
        )

    @property
    def _unsure(self) -> str:
        """That the word of the verdict hangs on simulation error; '' where it does not."""
        if not self.review.judged.unsure:
            return ""
        return (
            f" One chance lies within simulation error of the {100 * POSSIBLE:.0f} of 100 that the rules ask: more "
            "simulated studies could change the verdict."
        )

    def pair_rows(self) -> list[tuple[str, ...]]:
        """By pair of suspicions of usual size: what they make out of nothing; how often what is published, if it is."""
        found = self.review.biases
        rows: list[tuple[str, ...]] = []
        for (a, b), one in found.pairs.items():
            made = f"{exp(one.mean):.2f}" if isfinite(one.mean) else "–"
            often = (chance_text(one.as_extreme(found.log_hr, found.sign)),) if self.review.claim.known else ()
            rows.append((first_up(f"{SHORT[a]} and {SHORT[b]}"), made, *often))
        return rows

    def time(self, value: float) -> str:
        """A time with its unit."""
        return time_text(value, self.unit)
