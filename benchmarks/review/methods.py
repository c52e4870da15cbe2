"""What a methods section may say of a review: a paragraph of what was done, versions, seed, digest, the command."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.review.labels import SHORT
from benchmarks.review.suspicions import NAMES
from benchmarks.review.told import ReviewWords
from benchmarks.words.sizes import counted, listed


@dataclass(frozen=True)
class MethodsWords:
    """What identifies a review and repeats it."""

    command: str
    seed: int
    digest: str
    versions: Mapping[str, str]

    @property
    def version(self) -> str:
        """The versions of the parts that bear on numbers."""
        return ", ".join(f"{name} {value}" for name, value in self.versions.items())

    def paragraph(self, told: ReviewWords) -> str:
        """The paragraph, from what was done."""
        review, scenario = told.review, told.scenario
        fit = review.grounds.fit
        label = next(one.label for one in review.analyses.found if one.name == review.analyses.primary)
        said = [
            f"We examined the published study with TrialTwin {self.versions.get('trialtwin', '')}.".replace("  ", " "),
            f"Its {review.claim.numbers:,} printed numbers were checked against each other within their rounding.",
        ]
        if fit is not None:
            said.append(
                f"A twin was compared with the {fit.totals[-1].numbers} of them that are not in doubt and reproduces "
                f"{fit.totals[-1].inside}."
            )
        raised = [SHORT[name] for name in NAMES if told.has(name)]
        said.append(
            f"In simulated cohorts of {scenario.population.size:,} patients we made the published analysis ({label}) "
            "of "
            f"{counted(review.biases.replicates, 'study', 'studies')} for each setting, without a treatment effect "
            "and with "
            f"it, and under {counted(len(raised), 'named suspicion')} of bias: {listed(raised)}."
            if raised
            else f"In simulated cohorts of {scenario.population.size:,} patients we made the published analysis "
            f"({label})."
        )
        reported = (
            "the size of each bias that would produce the published ratio without any effect, and the true ratios "
            "compatible with it under each suspicion up to a usual size"
            if review.claim.known
            else "what each bias of a usual size makes without any effect; the study prints no hazard ratio with its "
            "interval, without which the size needed and the compatible true ratios cannot be told"
        )
        choices = review.analyses.choices
        spread = "" if choices is None else f", and the spread of the ratio over {len(choices.specifications)} analyses"
        said.append(f"The target was the effect in {told.people}. We report {reported}{spread}.")
        return " ".join(said)
