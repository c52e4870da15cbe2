"""The plan of a matching, and what well-known tools do when nothing is said."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from simulator.documents.spec import Positive, Spec

Tool = Literal["matchit", "spss", "sas", "psmpy", "cohortmethod"]

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "matchit": {"scale": "ps", "caliper": None, "order": "largest", "ties": "data"},
    "spss": {"scale": "ps", "caliper": 0.02, "unit": "raw", "order": "data", "choice": "random", "ties": "data"},
    "sas": {"scale": "logit", "caliper": 0.25, "unit": "pooled_sd", "method": "optimal"},
    "psmpy": {"scale": "logit", "caliper": None, "order": "data", "ties": "data"},
    "cohortmethod": {"scale": "logit", "caliper": 0.2, "unit": "sd", "order": "closest", "ties": "data"},
}


def no_repeats(terms: tuple[str, ...] | None, where: str) -> None:
    """Refuse a list of terms in which one stands twice."""
    seen: set[str] = set()
    for text in terms or ():
        plain = "".join(text.split())
        if plain in seen:
            raise ValueError(f"{where} lists '{text}' twice")
        seen.add(plain)


class MatchingPlan(Spec):
    """Matching of treated patients with controls by the propensity score.

    ``caliper`` is the largest difference of the scale, in ``unit``: ``sd`` over all patients, ``pooled_sd`` (the root
    of the mean of both arms' variances) or raw; null for none. ``distance: mahalanobis`` takes, within the caliper, who
    is nearest in ``covariates`` (null: the candidates of the propensity model), as MatchIt's ``mahvars``. ``exact``
    lists terms of which the matched have equal values.

    ``method: greedy`` lets treated patients choose in turn in this ``order``; with ``choice: random`` one takes any
    control within the caliper (one at distance zero if there is any), not the nearest. ``optimal`` has as many treated
    patients matched as can be, then as many pairs, then the smallest total distance. ``ratio`` is the most controls
    that one gets, given out in rounds: who has fewer within reach keeps those, so above 1 the ratio is variable.

    Who is taken of several equally near controls, and who chooses first of several equally scored treated, is left to
    chance (``ties: random``), so that nothing depends on where a row stands; ``data`` takes the first in the data, as
    R's MatchIt does. ``order: data`` goes by the rows as they come: a file's in the order of a hash of the ids or, with
    ``ties: data``, as they stand.

    ``seed`` (the study's own unless given) feeds whatever is 'random'. ``preset`` stands for what a tool does by
    default, see `preset`, and excludes other options.
    """

    method: Literal["greedy", "optimal"] = "greedy"
    scale: Literal["logit", "ps"] = "logit"
    caliper: Positive | None = 0.2
    unit: Literal["sd", "pooled_sd", "raw"] = "sd"
    distance: Literal["score", "mahalanobis"] = "score"
    covariates: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    exact: tuple[str, ...] = ()
    order: Literal["largest", "smallest", "random", "data", "closest"] = "largest"
    choice: Literal["nearest", "random"] = "nearest"
    ties: Literal["random", "data"] = "random"
    ratio: Annotated[int, Field(ge=1, le=20)] = 1
    replacement: bool = False
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    preset: Tool | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_the_tool(cls, given: Any) -> Any:
        """The options that a preset stands for; another option is refused unless it says the same."""
        if not isinstance(given, Mapping):
            return given
        given = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        if given.get("preset") not in PRESETS:
            return given
        defaults = {name: field.default for name, field in cls.model_fields.items() if name != "preset"}
        meant = {**defaults, **PRESETS[given["preset"]]}
        for name, value in given.items():
            if name in meant and value != meant[name]:
                raise ValueError(f"'preset: {given['preset']}' excludes '{name}'; write all options out instead")
        return {**given, **PRESETS[given["preset"]]}

    @property
    def draws(self) -> bool:
        """Whether chance has a part in it."""
        return "random" in (self.order, self.choice, self.ties)

    @property
    def compares_all(self) -> bool:
        """Whether it looks at all pairs of a treated patient and a control at once."""
        return self.method == "optimal" or self.distance == "mahalanobis" or bool(self.exact) or self.choice == "random"

    @property
    def simple(self) -> bool:
        """Whether it is 1:1 without replacement, so that all weights are 1."""
        return self.ratio == 1 and not self.replacement

    @model_validator(mode="after")
    def _consistent(self) -> "MatchingPlan":
        no_repeats(self.covariates, "covariates")
        no_repeats(self.exact, "exact")
        if self.seed is not None and not self.draws:
            raise ValueError("'seed' belongs to 'ties', 'order' and 'choice: random'; with 'ties: data' nothing draws")
        if self.caliper is None and self.unit != "sd":
            raise ValueError(f"'unit: {self.unit}' needs a caliper")
        if self.covariates is not None and self.distance == "score":
            raise ValueError("'covariates' belongs to 'distance: mahalanobis'; the score has its own candidates")
        if self.method == "optimal":
            if self.replacement:
                raise ValueError("'method: optimal' is without replacement; with it, greedy is optimal")
            if self.order != "largest" or self.choice != "nearest":
                raise ValueError("'order' and 'choice' belong to 'method: greedy'; optimal matching takes no turns")
        if self.choice == "random":
            if self.distance != "score" or self.order == "closest":
                raise ValueError("'choice: random' takes anyone within the caliper, so it has no use for a distance")
            if self.caliper is None:
                raise ValueError("'choice: random' needs a caliper")
        return self


def preset(name: Tool) -> MatchingPlan:
    """The matching that a tool does unless told otherwise. It takes our propensity score, not the tool's own.

    ``matchit`` R MatchIt 4: ``matchit(method = "nearest", distance = "glm", link = "logit", replace = FALSE, m.order =
    NULL, caliper = NULL, ratio = 1)``: on the probability itself, which with a propensity score means the largest
    first (reference manual, matchit and method_nearest). Of equals it takes the first row, and so does ``ties: data``.

    ``spss`` IBM SPSS Statistics, Data > Propensity Score Matching, that is FUZZY on the saved probability: any control
    within the tolerance at random, exact matches first (EXACTPRIORITY TRUE), cases in their order (SHUFFLE FALSE),
    without replacement (FUZZY /HELP). The tolerance has no default; 0.02 is ours. FUZZY 2.0 (March 2023) takes
    the nearest instead: ``choice: nearest``.

    ``sas`` SAS/STAT PROC PSMATCH, MATCH statement: CALIPER=0.25, by the pooled estimate of the standard deviation of
    the logit (SAS/STAT User's Guide, PSMATCH, MATCH statement). METHOD=OPTIMAL and DISTANCE=LPS are taken for its
    defaults, the mean of the arms' variances for the pooled one (Rosenbaum & Rubin 1985). Not followed:
    REGION=TREATED, which first drops controls outside the treated patients' range of scores. Its guide does not say
    which of several optimal matchings it gives: ``ties: random``.

    ``psmpy`` Python psmpy 0.3: ``knn_matched(matcher="propensity_logit", replacement=False, caliper=None)``, cases in
    their order (its source, psmpy.py), of equals the first row (``ties: data``). Not followed: where treated outnumber
    controls the controls choose, and its scores are averages of penalised fits to balanced folds.

    ``cohortmethod`` OHDSI CohortMethod 5: ``matchOnPs(caliper = 0.2, caliperScale = "standardized logit", maxRatio =
    1)``, the closest pair of all first (reference manual, matchOnPs; its source, Match.cpp), of equals the first row
    (``ties: data``). It asks for a distance below the caliper where we allow one equal to it.
    """
    return MatchingPlan.model_validate({"preset": name})
