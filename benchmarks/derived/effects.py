"""Effects of covariates on hazards from univariable and multivariable tables, and of treatment in subgroups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log

from benchmarks.derived.parts import Tree, sourced
from benchmarks.derived.printed import SIDES, PrintedNumbers, PrintedRatio
from benchmarks.derived.shape import Shape
from simulator.cohort.terms import Variable, parse_term

TAU = 0.5  # SD of prognostic log hazard ratios over covariates: a crude one is drawn towards 0 by it
TAU_INTERACTION = 0.3
UNSURE = 0.3  # standard error where no limits are printed
OF_SUBGROUP, OF_DEATH = 0.3, 0.5  # what is added to the effect in a subgroup of which only HR > 1 is printed
NOTED = 1.96
FARTHEST = 2.0


@dataclass(frozen=True)
class Prognostic:
    """The log hazard ratio of a term on an endpoint, and its formula."""

    endpoint: str
    term: str
    log_hr: float
    source: str


@dataclass(frozen=True)
class Modifier:
    """What is added to the log hazard ratio of treatment in patients with a term, its prior SD, and its formula."""

    endpoint: str
    term: str
    log_hr: float
    sd: float
    source: str


def variables_of(terms: Mapping[str, Sequence[str]]) -> dict[str, Variable]:
    """The covariates of the world as terms know them."""
    return {
        name: Variable(name, "continuous" if not levels else "binary" if len(levels) == 2 else "ordinal", tuple(levels))
        for name, levels in terms.items()
    }


def usable(term: str, variables: Mapping[str, Variable]) -> bool:
    """Whether a term is one column of these covariates."""
    try:
        parsed = parse_term(term, variables)
    except ValueError:
        return False
    return not parsed.factors(variables)


def prognostic(numbers: PrintedNumbers, shape: Shape, variables: Mapping[str, Variable]) -> list[Prognostic]:
    """By endpoint and term, multivariable log hazard ratios, else univariable ones drawn towards zero."""
    found = []
    for endpoint in shape.endpoints:
        terms = dict.fromkeys(
            element
            for side in SIDES
            for model in ("univariable", "multivariable")
            for element in elements(numbers, f"endpoints.{endpoint}.{side}.{model}")
        )
        for term in terms:
            if term == "treatment" or not usable(term, variables):
                continue
            many = _ratio(numbers, endpoint, "multivariable", term)
            one = _ratio(numbers, endpoint, "univariable", term)
            if many:
                text = f"log of the multivariable hazard ratio, {endpoint}, {many.where}"
                found.append(Prognostic(endpoint, term, _within(many.log_hr), text))
            elif one:
                kept = shrunk(one, TAU)
                text = f"{kept / one.log_hr if one.log_hr else 1:.2f} x log of the univariable hazard ratio"
                found.append(Prognostic(endpoint, term, _within(kept), f"{text}, {endpoint}, {one.where}"))
    return found


def elements(numbers: PrintedNumbers, start: str) -> list[str]:
    """What stands in brackets after the start of keys, in their order."""
    inside = (key[len(start) + 1 :].rpartition("]")[0] for key in numbers.numbers if key.startswith(f"{start}["))
    return list(dict.fromkeys(one for one in inside if one))


def _ratio(numbers: PrintedNumbers, endpoint: str, model: str, term: str) -> PrintedRatio | None:
    found = (numbers.ratio(f"endpoints.{endpoint}.{side}.{model}[{term}]") for side in SIDES[::-1])
    return next((one for one in found if one is not None), None)


def shrunk(one: PrintedRatio, tau: float) -> float:
    """A log hazard ratio drawn towards zero by its standard error: x tau^2 / (tau^2 + se^2)."""
    se = one.se if isfinite(one.se) else UNSURE
    return one.log_hr * tau**2 / (tau**2 + se**2)


def _within(value: float) -> float:
    return round(min(max(value, -FARTHEST), FARTHEST), 4)


def by_transition(found: Sequence[Prognostic], shape: Shape) -> tuple[dict[str, dict[str, Prognostic]], list[str]]:
    """By transition and term the effect that its endpoint tells, and the transitions whose terms another one lends.

    Death at once and death after another event share those of death. Where an endpoint that tells of a transition has
    no table, its terms are half those of the other endpoint.
    """
    made: dict[str, dict[str, Prognostic]] = {name: {} for name in shape.ways}
    for endpoint in shape.endpoints:
        for name in shape.behind(endpoint):
            for one in found:
                if one.endpoint == endpoint:
                    made[name].setdefault(one.term, one)
    lent = []
    giver = next((made[name] for name in shape.of_kind("after", "death", "to") if made[name]), {})
    for name in shape.ways:
        if not made[name] and giver and shape.form in ("illness-death", "graph"):
            lent.append(name)
            made[name] = {
                term: Prognostic(
                    one.endpoint, term, round(one.log_hr / 2, 4), f"assumed: half that on {one.endpoint} ({one.source})"
                )
                for term, one in giver.items()
            }
    return made, lent


def log_hr_tree(effects: Mapping[str, Prognostic]) -> Tree:
    """The coefficients of a transition."""
    return {term: sourced(one.log_hr, one.source) for term, one in effects.items()}


def modifiers(numbers: PrintedNumbers, shape: Shape, variables: Mapping[str, Variable]) -> list[Modifier]:
    """What subgroups add to the effect of treatment: where only a side is printed, or where they differ clearly."""
    found: list[Modifier] = []
    for endpoint in shape.endpoints:
        for side in SIDES[::-1]:
            found += _of_side(numbers, endpoint, side, variables, {(one.endpoint, one.term) for one in found})
    return found


def _of_side(
    numbers: PrintedNumbers,
    endpoint: str,
    side: str,
    variables: Mapping[str, Variable],
    known: set[tuple[str, str]],
) -> list[Modifier]:
    start = f"endpoints.{endpoint}.{side}.subgroups"
    groups: dict[str, list[str]] = {}
    for element in elements(numbers, start):
        if element != "all" and usable(element, variables):
            groups.setdefault(parse_term(element, variables).variables[0], []).append(element)
    found = []
    for name, group in groups.items():
        for element in group:
            key = f"{start}[{element}].hr"
            stands = numbers.stands(key)
            term = _short(element, variables)
            if stands is None or isfinite(stands.low) == isfinite(stands.high) or (endpoint, term) in known:
                continue
            bound, up = (stands.low, True) if isfinite(stands.low) else (stands.high, False)
            sign = 1 if up else -1
            overall = numbers.treatment_ratio(endpoint)
            least = log(bound) - overall.log_hr if bound > 0 and overall else 0.0
            value = sign * min(max(0.5 * sign * least, OF_SUBGROUP), 1.0)
            text = f"assumed: half the way from the effect in all to the printed HR {'>' if up else '<'} {bound:g}"
            found.append(Modifier(endpoint, term, round(value, 3), 0.5, f"{text}, {numbers.where(key)}"))
        known_here = {one.term for one in found}
        if len(group) == 2 and not known_here.intersection(_short(element, variables) for element in group):
            found += _difference(numbers, endpoint, start, name, group, variables, known)
    return found


def _difference(
    numbers: PrintedNumbers,
    endpoint: str,
    start: str,
    name: str,
    group: Sequence[str],
    variables: Mapping[str, Variable],
    known: set[tuple[str, str]],
) -> list[Modifier]:
    """The difference of two subgroups' log hazard ratios, drawn towards zero, where it is clear."""
    one, two = (numbers.ratio(f"{start}[{element}]") for element in group)
    term = _short(group[1], variables)
    if one is None or two is None or not isfinite(one.se) or not isfinite(two.se) or (endpoint, term) in known:
        return []
    apart, se = two.log_hr - one.log_hr, (one.se**2 + two.se**2) ** 0.5
    p = [numbers.value(f"{start}[{element}].interaction_p") for element in (*group, name)]
    if abs(apart) < NOTED * se and not any(one is not None and one < 0.05 for one in p):
        return []
    kept = apart * TAU_INTERACTION**2 / (TAU_INTERACTION**2 + se**2)
    text = f"{kept / apart:.2f} x log ({group[1]} HR / {group[0]} HR), {endpoint}, {two.where}"
    return [Modifier(endpoint, term, _within(kept), TAU_INTERACTION, text)]


def _short(element: str, variables: Mapping[str, Variable]) -> str:
    """A level of a binary covariate by the covariate's name where it is the second."""
    part = parse_term(element, variables).alone
    if part is not None and part.operator == "=" and variables[part.variable].kind == "binary" and part.operand == 1:
        return part.variable
    return element


def lean_of_controls(
    numbers: PrintedNumbers, effects: Mapping[str, Prognostic], variables: Mapping[str, Variable]
) -> float:
    """How much higher the controls' mean linear predictor is than that of all patients, by Table 1 before matching."""
    sizes = [numbers.size("before", role) for role in ("control", "treated")]
    if not sizes[0] or not sizes[1]:
        return 0.0
    treated = sizes[1] / (sizes[0] + sizes[1])
    found = 0.0
    for term, one in effects.items():
        means = [mean_in_arm(numbers, term, role, variables) for role in ("control", "treated")]
        if means[0] is not None and means[1] is not None:
            found += one.log_hr * treated * (means[0] - means[1])
    return found


def mean_in_arm(numbers: PrintedNumbers, term: str, role: str, variables: Mapping[str, Variable]) -> float | None:
    """The mean of a term in an arm by Table 1 before matching: a share or a mean; None where it is not printed."""
    part = parse_term(term, variables).alone
    if part is None:
        return None
    variable = variables[part.variable]
    if variable.kind == "continuous":
        if not part.operator:
            return numbers.value(f"table1.before[{part.variable}].{role}.mean")
        percent = numbers.value(f"table1.before[{term}].{role}.percent")
        return None if percent is None else percent / 100
    tests = {
        "": lambda k: k == 1,
        "=": lambda k: k == part.operand,
        ">=": lambda k: k >= part.operand,
        ">": lambda k: k > part.operand,
        "<=": lambda k: k <= part.operand,
        "<": lambda k: k < part.operand,
    }
    inside = [level for k, level in enumerate(variable.levels) if tests[part.operator](k)]
    found = [numbers.value(f"table1.before[{part.variable}={level}].{role}.percent") for level in inside]
    return sum(one or 0.0 for one in found) / 100 if any(one is not None for one in found) else None
