"""The plan of analysis of a derived world: what `design` and `methods` of paper.yaml say, in the words of `Plan`.

What they do not say, or say is 'not stated', is listed: `multiverse` opens these choices by itself.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from analysis.audit.published import parse_element
from analysis.plan.analysis_plan import TREATMENT, Plan, subgroup_factors
from benchmarks.derived.covariates import Covariates, tuples
from benchmarks.derived.paper_numbers import DeriveError, PaperNumbers
from benchmarks.derived.parts import Tree, bare, sourced
from simulator.cohort.terms import parse_term

PRIMARY = {
    "matched": "matching", "weighted": "weighting", "adjusted": "adjustment", "randomised": "unadjusted",
    "randomized": "unadjusted", "crude": "unadjusted", "stratified": "stratification",
}  # fmt: skip
UNSAID = ("", "not stated", "not reported", "unknown", "unclear", "-")
KNOWN = (
    "propensity", "candidates", "matching", "caliper", "caliper_scale", "order", "replacement", "ties", "exact",
    "weighting", "strata", "cox", "cox_ties", "conf_type", "table1", "se", "survival_p", "randomisation",
    "randomization", "allocation", "missing", "subgroups",
)  # fmt: skip


@dataclass
class Saying:
    """What of the plan is said, each by its place, and the places of what is not."""

    methods: Mapping[str, str]
    tree: Tree = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def text(self, *keys: str) -> str:
        """What methods say under the first of the keys that says something, in lower case; '' for nothing."""
        texts = (self.methods.get(key, "").strip().casefold() for key in keys)
        return next((text for text in texts if text not in UNSAID), "")

    def set(self, place: str, value: Any, source: str = "Methods") -> None:
        """A value of the plan at its dotted place."""
        here = self.tree
        *above, last = place.split(".")
        for step in above:
            here = here.setdefault(step, {})
        here[last] = sourced(value, source) if source else value

    def unsaid(self, *places: str) -> None:
        """Choices that nothing says."""
        self.open.extend(place for place in places if place not in self.open)


@dataclass(frozen=True)
class DerivedPlan:
    """The section ``analysis``; places of the choices that the paper does not state; what is told of it."""

    tree: Tree
    not_stated: tuple[str, ...]
    told: tuple[str, ...]


def plan_of(numbers: PaperNumbers, covariates: Covariates) -> DerivedPlan:
    """The plan of a paper's analysis; DeriveError where what is said makes none."""
    paper = numbers.reading.paper
    said = Saying(paper.methods)
    for key in paper.methods:
        near = get_close_matches(key, KNOWN, 1, 0.75)
        if key not in KNOWN and near:
            raise DeriveError(f"paper.yaml: methods.{key}: not known; did you mean '{near[0]}'?")
        if key not in KNOWN:
            said.told.append(f"methods.{key} has no part in the analysis ({', '.join(KNOWN)} have)")
    primary = PRIMARY.get(paper.design.strip().casefold())
    if primary is None:
        raise DeriveError(f"paper.yaml: design: '{paper.design}' is none of {', '.join(PRIMARY)}")
    if primary != "matching":
        said.set("primary", primary, "the design")
    summaries(numbers, said)
    cox = cox_covariates(numbers, covariates, said)
    if primary in ("matching", "weighting", "stratification"):
        propensity(covariates, cox, said)
    if primary == "matching":
        matching(numbers, said)
    if primary == "weighting":
        weighting(said)
    cox_plan(numbers, covariates, cox, primary, said)
    survival(numbers, covariates, said)
    subgroups(numbers, covariates, said)
    valid(said, covariates)
    return DerivedPlan(said.tree, tuple(said.open), tuple(said.told))


def valid(said: Saying, covariates: Covariates) -> Plan:
    """The plan; DeriveError in one line where it is none, or does not fit the covariates."""
    try:
        plan = Plan.model_validate(tuples(bare(said.tree)))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise DeriveError(f"paper.yaml: methods ({place}): {first['msg'].removeprefix('Value error, ')}") from None
    for where, message in plan.problems(covariates.variables):
        raise DeriveError(f"paper.yaml: methods ({'.'.join(map(str, where))}): {message}")
    return plan


def summaries(numbers: PaperNumbers, said: Saying) -> None:
    """Whether Table 1 has means or medians of numbers: as printed; left to a test where it has both."""
    seen = {key.rsplit(".", 1)[1] for key in numbers.published if key.startswith("table1.")} & {"mean", "median"}
    if len(seen) == 1:
        key = next(key for key in numbers.published if key.startswith("table1.") and key.rsplit(".", 1)[1] in seen)
        said.set("table1.continuous", min(seen), numbers.where(key))
    text = said.text("table1")
    for word, place, value in (
        ("student", "t_test", "student"), ("yates", "categorical", "yates"), ("continuity", "categorical", "yates"),
        ("fisher", "categorical", "auto"),
    ):  # fmt: skip
        if word in text:
            said.set(f"table1.{place}", value)


def cox_covariates(numbers: PaperNumbers, covariates: Covariates, said: Saying) -> tuple[str, ...]:
    """The terms of the rows of the Cox tables, without treatment, in the order of the print."""
    found: dict[str, None] = {}
    for key in numbers.simulated:
        model = re.match(r"endpoints\.[^.]+\.[^.]+\.(?:uni|multi)variable\[(.*)\]\.[^\]]*$", key)
        if model and model[1] != TREATMENT and model[1] not in found:
            try:
                parse_term(model[1], covariates.variables)
            except ValueError as error:
                said.told.append(f"a row of the Cox models is left out: {error}")
                continue
            found[model[1]] = None
    return with_factors(tuple(found), covariates.levels)


def with_factors(terms: Sequence[str], levels: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The terms, those of each level of three or more but the first as one factor: each is compared with the first."""
    made = list(terms)
    for name, own in levels.items():
        parts = [f"{name}={level}" for level in own[1:]]
        if len(parts) > 1 and set(parts) <= set(made):
            made[made.index(next(one for one in made if one in parts))] = name
            made = [one for one in made if one not in parts]
    return tuple(made)


def propensity(covariates: Covariates, cox: Sequence[str], said: Saying) -> None:
    """How the propensity score is found, and from what."""
    text = said.text("propensity")
    if not text:
        said.set("propensity.method", "all", "not stated: logistic regression on all candidates")
        said.unsaid("propensity.method")
    for words, method in (
        (("stepwise", "step-wise", "forward", "backward"), "stepwise"), (("lasso",), "lasso"),
        (("boost", "gbm", "twang"), "boosting"), (("logistic", "multivaria", "regression", "probit"), "all"),
    ):  # fmt: skip
        if any(word in text for word in words):
            said.set("propensity.method", method)
            break
    else:
        if text:
            said.told.append(
                f"methods.propensity: '{text}' is none of logistic, stepwise, lasso and boosting: logistic"
            )
            said.set("propensity.method", "all", "not understood: logistic regression on all candidates")
            said.unsaid("propensity.method")
    if "stepwise" in str(bare(said.tree)["propensity"].get("method")):
        steps(text, said)
    listed = said.text("candidates")
    if listed and listed not in ("all", "all baseline", "table 1"):
        names = {text.casefold(): name for name, one in covariates.variables.items() for text in (one.label, name)}
        wanted = [one.strip() for one in re.split(r"\s*[,;]\s*(?:and\s+)?|\s+and\s+", listed) if one.strip()]
        terms = [names.get(one, one) for one in wanted]
        for one in terms:
            try:
                parse_term(one, covariates.variables)
            except ValueError as error:
                raise DeriveError(f"paper.yaml: methods.candidates: {error}") from None
        said.set("propensity.candidates", terms)
        return
    said.set("propensity.candidates", candidates(covariates, cox), "" if not listed else "Methods")
    if not listed:
        said.unsaid("propensity.candidates")


def steps(text: str, said: Saying) -> None:
    """The criterion and the direction of a stepwise regression."""
    threshold = re.search(r"p\s*[<≤=]\s*(0?\.\d+)", text)
    if threshold:
        said.set("propensity.criterion", "p")
        said.set("propensity.alpha", float(threshold[1]))
    elif "bic" in text:
        said.set("propensity.criterion", "bic")
    for word, start in (("forward", "empty"), ("backward", "full")):
        if word in text:
            said.set("propensity.direction", word)
            said.set("propensity.start", start)


def candidates(covariates: Covariates, cox: Sequence[str]) -> list[str]:
    """Every covariate, one with ordered levels by the comparison that the Cox models make of it."""
    variables = covariates.variables
    compared: dict[str, list[str]] = {}
    for text in cox:
        alone = parse_term(text, variables).alone
        if alone and alone.operator and variables[alone.variable].kind == "ordinal":
            compared.setdefault(alone.variable, []).append(text)
    return [term for name in variables for term in compared.get(name, [name])]


def matching(numbers: PaperNumbers, said: Saying) -> None:
    """Algorithm, ratio, caliper and its scale, order, replacement."""
    text = said.text("matching")
    if "optimal" in text:
        said.set("matching.method", "optimal")
    elif not re.search(r"nearest|greedy", text):
        said.unsaid("matching.method")
    ratio = re.search(r"1\s*:\s*(\d+)|(\d+)\s*:\s*1", text)
    if ratio:
        said.set("matching.ratio", int(ratio[1] or ratio[2]))
    else:
        controls, treated = numbers.size("control", "after"), numbers.size("treated", "after")
        many = max(round(controls / treated), 1) if controls and treated else 1
        if many > 1:
            said.set("matching.ratio", many, f"{controls} controls of {treated} treated")
        said.unsaid(*([] if controls and controls == treated else ["matching.ratio"]))
    caliper(said)
    exact = said.text("exact")
    if exact:
        said.set("matching.exact", [one.strip() for one in re.split(r"[,;]|\s+and\s+", exact) if one.strip()])
    order = said.text("order") or next((w for w in ("random order", "largest", "smallest", "closest") if w in text), "")
    for word, value in (("random", "random"), ("larg", "largest"), ("descend", "largest"), ("small", "smallest"),
                        ("ascend", "smallest"), ("clos", "closest"), ("data", "data")):  # fmt: skip
        if word in order:
            said.set("matching.order", value)
            break
    else:
        said.unsaid("matching.order")
    replacement = said.text("replacement")
    if "without replacement" in text or replacement.startswith(("no", "without", "false")):
        said.set("matching.replacement", False)
    elif "with replacement" in text or replacement.startswith(("yes", "with", "true")):
        said.set("matching.replacement", True)
    else:
        said.unsaid("matching.replacement")
    if not said.text("se"):
        said.unsaid("se")
    elif not re.search(r"robust|cluster|pair|naive|model|unadjusted|bootstrap", said.text("se")):
        said.told.append(f"methods.se: '{said.text('se')}' is none of pair, robust, naive and bootstrap")
        said.unsaid("se")


def caliper(said: Saying) -> None:
    """The caliper with its unit and scale, each open where nothing says it."""
    text = f"{said.text('caliper')} {said.text('caliper_scale')}".strip()
    if not said.text("caliper"):
        said.unsaid("matching.caliper", "matching.scale")
        return
    if re.match(r"none|no\b|without", text):
        said.set("matching.caliper", None)
        return
    number = re.search(r"(\d*\.?\d+)\s*(%?)", text)
    if number is None:
        raise DeriveError(f"paper.yaml: methods.caliper: '{text}' has no number; write 0.2 SD of logit, or none")
    value = float(number[1]) / (100 if number[2] else 1)
    said.set("matching.caliper", value)
    sds = re.search(r"\bsds?\b|standard dev|σ", text)
    if "pooled" in text and sds:
        said.set("matching.unit", "pooled_sd")
    elif not sds and re.search(r"\b(?:raw|absolute|units?)\b", text):
        said.set("matching.unit", "raw")
    elif not sds:
        if value < 0.1:
            said.set("matching.unit", "raw", "no unit is stated: under 0.1 it is taken to be of the score itself")
        said.unsaid("matching.unit")
    if re.search(r"logit|log odds|linear predictor", text):
        said.set("matching.scale", "logit")
    elif re.search(r"\b(?:ps|propensity|score|probability)\b", text):
        said.set("matching.scale", "ps")
    else:
        if not sds and value < 0.1:
            said.set("matching.scale", "ps", "no scale is stated: under 0.1 it is taken to be of the score itself")
        said.unsaid("matching.scale")


def weighting(said: Saying) -> None:
    """Whom the weighted stand for, and what is done about great weights."""
    text = said.text("weighting")
    found = re.search(r"\b(ate|att|atc|overlap|matching)\b", text)
    said.set("weighting.target", found[1] if found else "ate", "Methods" if found else "not stated: the usual one")
    if not found:
        said.unsaid("weighting.target")
    if re.search(r"stabili[sz]ed", text) and not re.search(r"un-?stabili[sz]ed|not stabili", text):
        said.set("weighting.stabilised", True)
    elif not text:
        said.unsaid("weighting.stabilised")
    for word, place in (("trim", "trim"), ("truncat", "truncate")):
        ends = re.search(rf"{word}\w*\D*?(\d*\.?\d+)\s*(%|th|st)?\D+?(\d*\.?\d+)\s*(%|th|st)?", text)
        if ends:
            low, high = (float(ends[k]) for k in (1, 3))
            parts = 100.0 if high > 1 else 1.0
            said.set(f"weighting.{place}", [low / parts, high / parts])
        elif re.search(word, text):
            said.unsaid(f"weighting.{place}")


def cox_plan(numbers: PaperNumbers, covariates: Covariates, cox: Sequence[str], primary: str, said: Saying) -> None:
    """The covariates of the Cox models, and what lets them into the multivariable one."""
    if cox:
        first = next(key for key in numbers.simulated if f"variable[{cox[0]}]" in key)
        said.set("cox.covariates", list(cox), numbers.where(first))
    text = said.text("cox")
    threshold = re.search(r"p(?:[- ]values?)?\s*[<≤]\s*(0?\.\d+)", text)
    if threshold:
        said.set("cox.screening_p", float(threshold[1]))
    elif re.search(r"\ball\b|enter", text):
        said.set("cox.screening_p", None)
    elif cox and primary != "adjustment":
        rows = {
            model: {k for k in numbers.published if f".{model}[" in k and k.endswith("].hr") and "[treatment]" not in k}
            for model in ("univariable", "multivariable")
        }
        alike = {key.replace("multivariable", "univariable") for key in rows["multivariable"]}
        if rows["multivariable"] and alike >= rows["univariable"]:
            said.set("cox.screening_p", None, "all rows have a multivariable ratio")
        elif rows["multivariable"]:
            said.told.append("cox.screening_p is not stated: 0.1")
    adjusted = [k for k in numbers.published if re.search(r"\.multivariable\[.*\]\.hr$", k)]
    screened = primary != "adjustment" and not re.search(r"\ball\b|enter", text)
    if primary != "unadjusted" and not cox and any(".before.multivariable[treatment]" in key for key in adjusted):
        said.set("cox.covariates", candidates(covariates, ()), "not stated: all of the baseline table")
        said.set("cox.screening_p", None, "not stated: all are kept")
    elif screened and adjusted and not cox and all(f"[{TREATMENT}]" in k for k in adjusted):
        said.set("cox.keep_treatment", True, f"its adjusted ratio is printed, {numbers.where(adjusted[0])}")
    if re.search(r"treatment (?:is |was )?(?:kept|forced|always)", text) and threshold:
        said.set("cox.keep_treatment", True)


def survival(numbers: PaperNumbers, covariates: Covariates, said: Saying) -> None:
    """Ties, the limits of the median, and the strata of stratified ratios."""
    for key, place, words in (
        ("cox_ties", "survival.ties", ("efron", "breslow")),
        ("conf_type", "survival.conf_type", ("log-log", "plain", "log")),
    ):
        text = said.text(key)
        word = next((one for one in words if one in text), "")
        if text and not word:
            raise DeriveError(f"paper.yaml: methods.{key}: '{text}' is none of {', '.join(words)}")
        if word:
            said.set(place, word)
        else:
            said.told.append(f"analysis.{place} is not stated: {words[0] if key == 'cox_ties' else 'log'}")
    strata = said.methods.get("strata", "").strip()
    if strata.casefold() not in UNSAID:
        said.set("survival.strata", [one.strip() for one in re.split(r"[,;]|\s+and\s+", strata) if one.strip()])
    elif any("_stratified." in key for key in numbers.published):
        levels = [name for name, levels in covariates.levels.items() if levels]
        raise DeriveError(
            "paper.yaml: methods.strata: a stratified hazard ratio is printed: write the strata, as in "
            f"'strata: {', '.join(levels[:2])}'"
        )


def subgroups(numbers: PaperNumbers, covariates: Covariates, said: Saying) -> None:
    """The rows of subgroups that are printed, where they are not among the levels and cut-points of Table 1."""
    rows: Iterable[str] = dict.fromkeys(
        found[1] for key in numbers.simulated if (found := re.search(r"\.subgroups\[(.*?)\]\.", key))
    )
    usual = {term for factor in subgroup_factors(Plan(), covariates.variables) for row in factor.rows for term in row}
    more = [row for row in rows if row != "all" and row not in usual]
    if not more:
        return
    kept = []
    for row in more:
        try:
            parse_term(row, covariates.variables)
        except ValueError as error:
            said.told.append(f"a subgroup is left out: {error}")
            continue
        kept.append(row)
    named = {parse_element(row).variable for row in rows}
    listed = [name for name, one in covariates.variables.items() if name in named and (one.levels or one.cuts)]
    if kept:
        said.set("subgroups", [*listed, *kept], numbers.where(*(k for k in numbers.published if f"[{kept[0]}]" in k)))
