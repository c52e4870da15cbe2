"""The data-generating process patient by patient, in plain Python, from its formulas. Slow and readable.

Random numbers come from `numpy.random.Philox` at the stated addresses. Two things are taken from the world as resolved
and have proofs of their own: the quantile tables of continuous covariates, and what is solved for the propensity.
"""

import hashlib
import math
from collections.abc import Mapping
from datetime import date
from statistics import NormalDist
from typing import Any

import numpy as np

from simulator.mechanisms.hazards import Exponential, Transition
from simulator.mechanisms.margins import Exponentials, Quantiles
from simulator.world.generate import ResolvedWorld
from simulator.world.sections import World
from tests.reference.hazards import cumulative, gamma_quantile, reached, time_of

NORMAL = NormalDist()
MONTH = 365.25 / 12
NO_DROPOUT = Exponential(kind="exponential", rate=0.0)


def words(seed: int, stream: str, replicate: int, quad: int, draw: int = 0) -> list[int]:
    """The four 64-bit words at an address: key from seed and stream, counter (quad, draw, replicate, 0)."""
    digest = hashlib.sha256(f"trialtwin/{seed}/{stream}".encode()).digest()
    key = np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64)
    return philox((quad, draw, replicate, 0), (int(key[0]), int(key[1])))


def philox(counter: tuple[int, int, int, int], key: tuple[int, int]) -> list[int]:
    """Philox4x64-10 of a counter; numpy adds one to its counter before it uses it."""
    address = sum(word << (64 * place) for place, word in enumerate(counter))
    generator = np.random.Philox(counter=(address - 1) % 2**256, key=key[0] + (key[1] << 64))
    return [int(word) for word in generator.random_raw(4)]


def uniform(seed: int, stream: str, replicate: int, patient: int, draw: int = 0) -> float:
    """A uniform in (0, 1): the upper 52 bits of a patient's word, and half a step."""
    word = words(seed, stream, replicate, patient // 4, draw)[patient % 4]
    return ((word >> 12) + 0.5) / 2**52


def value(margin: Any, share_below: list[float], z: float) -> float:
    """A covariate's value: the position of its level, or a linear interpolation in its quantile table."""
    if isinstance(margin, Exponentials):
        return math.exp(value(margin.logs, share_below, z))
    if not isinstance(margin, Quantiles):
        return float(sum(NORMAL.cdf(z) > share for share in share_below))
    j = max(k for k in range(len(margin.knots) - 1) if k == 0 or z > margin.knots[k])
    steps = margin.table.shape[1] - 1
    place = (z - margin.knots[j]) / (margin.knots[j + 1] - margin.knots[j]) * steps
    step = min(int(place), steps - 1)
    low, high = margin.table[j, step], margin.table[j, step + 1]
    return float(low + (place - step) * (high - low))


def counted(mean: float, sd: float | None) -> list[float]:
    """The shares of patients with at most 0, 1, 2, ...: Poisson, or a Poisson the mean of which is gamma."""
    size = math.inf if sd is None else mean**2 / (sd**2 - mean)
    here = math.exp(-mean) if sd is None else (size / (size + mean)) ** size
    shares = [here]
    while shares[-1] < 1 - 1e-13:
        k = len(shares)
        here *= mean / k if sd is None else (size + k - 1) / k * mean / (mean + size)
        shares.append(shares[-1] + here)
    return shares


def covariates(resolved: ResolvedWorld, seed: int, replicate: int, patient: int) -> dict[str, float]:
    """Measured and hidden covariates: own normals, joined by the Cholesky factor of the latent correlations."""
    population = resolved.world.population
    specs = population.all_covariates()
    factor = cholesky(population.correlation_matrix().tolist())
    own = [NORMAL.inv_cdf(uniform(seed, f"covariate/{name}", replicate, patient)) for name in specs]
    values = {}
    for k, (name, spec) in enumerate(specs.items()):
        shares = list(spec.shares.values()) if hasattr(spec, "shares") else []
        below = [sum(shares[: i + 1]) / sum(shares) for i in range(len(shares) - 1)]
        below = counted(spec.mean, spec.sd) if spec.kind == "count" else below
        z = sum(factor[k][j] * own[j] for j in range(k + 1))
        values[name] = value(resolved.baseline.margins[k], below, z)
    return values


def cholesky(matrix: list[list[float]]) -> list[list[float]]:
    """The lower factor, row by row."""
    factor = [[0.0] * len(matrix) for _ in matrix]
    for i in range(len(matrix)):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(factor[i][k] * factor[j][k] for k in range(j))
            factor[i][j] = math.sqrt(rest) if i == j else rest / factor[j][j]
    return factor


def holds(term: str, values: dict[str, float], world: World) -> float:
    """The value of a term in a patient; a product is that of its factors, and no level here has a star."""
    if "*" in term:
        return math.prod(holds(factor, values, world) for factor in term.split("*"))
    if "^" in term:
        name, power = term.split("^")
        return values[name.strip()] ** int(power)
    for sign in (">=", "<=", ">", "<", "="):
        if sign in term:
            name, operand = (part.strip() for part in term.split(sign, 1))
            spec = world.population.all_covariates()[name]
            right = float(list(spec.shares).index(operand)) if hasattr(spec, "shares") else float(operand)
            left = values[name]
            return float(
                {">=": left >= right, "<=": left <= right, ">": left > right, "<": left < right, "=": left == right}[
                    sign
                ]
            )
    return values[term.strip()]


def linear(coefficients: dict[str, float], values: dict[str, float], world: World) -> float:
    """The sum of coefficient x term."""
    return sum(coefficient * holds(term, values, world) for term, coefficient in coefficients.items())


def parting(resolved: ResolvedWorld, values: dict[str, float]) -> float:
    """The log odds of treatment that part the arms where means and SDs are stated by arm."""
    total, share = 0.0, getattr(resolved.world.treatment, "share", 0.0)
    for tilt, (name, arms) in zip(resolved.allocation.tilts, resolved.world.population.by_arm().items(), strict=True):
        one, zero = arms.treated, arms.control
        mean = share * one.mean + (1 - share) * zero.mean
        second = share * (one.sd**2 + one.mean**2) + (1 - share) * (zero.sd**2 + zero.mean**2)
        u = (values[name] - mean) / math.sqrt(second - mean**2)
        total += tilt.linear * u + tilt.quadratic * u**2
    return total


def wait_of(world: World, seed: int, replicate: int, patient: int) -> float:
    """Months to the start of treatment in whoever lives to see it: 0 where nothing delays it."""
    spec = world.treatment.start
    return time_of(spec.wait, None, -math.log(uniform(seed, "treatment start", replicate, patient))) if spec else 0.0


def multiplier(world: World, seed: int, replicate: int, patient: int) -> float:
    """The frailty: gamma or lognormal with mean 1."""
    spec = world.outcomes.frailty
    if spec is None:
        return 1.0
    luck = uniform(seed, "frailty", replicate, patient)
    if spec.kind == "gamma":
        return gamma_quantile(luck, 1 / spec.variance) * spec.variance
    sigma = math.sqrt(math.log(1 + spec.variance))
    return math.exp(sigma * NORMAL.inv_cdf(luck) - sigma**2 / 2)


def trend(world: World, place: str, entry: float) -> float:
    """What the year of entry adds: the mean entry of accrual with density growing as t^shape is (a+1)/(a+2) of it."""
    if world.calendar is None:
        return 0.0
    accrual = world.entry.accrual
    mean = months(accrual.start, accrual.end) * (accrual.shape + 1) / (accrual.shape + 2)
    return world.calendar.per_year.get(place, 0.0) * (entry - mean) / 12


def label_of(world: World, arm: int) -> str:
    """The arm whose shares hold."""
    return world.arms.names()[arm if world.outcomes.treatment_effect == "as_stated" else 0]


def is_cured(world: World, seed: int, replicate: int, patient: int, arm: int) -> bool:
    """Whether the disease never progresses nor kills."""
    spec = world.outcomes.cure
    return spec is not None and uniform(seed, "cure", replicate, patient) < spec.shares[label_of(world, arm)]


def later_log_hr(world: World, seed: int, replicate: int, patient: int, arm: int) -> float:
    """What therapy after progression adds to the log hazard of death."""
    spec = world.outcomes.subsequent
    if spec is None:
        return 0.0
    gets = uniform(seed, "subsequent therapy", replicate, patient) < spec.shares[label_of(world, arm)]
    return spec.log_hr * gets


def on_hazard(resolved: ResolvedWorld, place: str, coefficients: dict[str, float], values: dict[str, float]) -> float:
    """What terms add to a log hazard; around the average patient where the baselines are of that patient."""
    return linear(coefficients, values, resolved.world) - resolved.averages.get(place, 0.0)


def dropout_risk(
    world: World, seed: int, replicate: int, patient: int, values: dict[str, float], averages: Mapping[str, float]
) -> float:
    """What multiplies the hazard of drop-out."""
    spec = world.followup.informative
    if spec is None:
        return 1.0
    own = multiplier(world, seed, replicate, patient) ** spec.frailty
    average = averages.get("followup.informative.log_hr", 0.0)
    return math.exp(linear(spec.log_hr, values, world) - average) * own


def course(
    resolved: ResolvedWorld, seed: int, replicate: int, patient: int, values: dict[str, float], arm: int, entry: float
) -> tuple[float, float]:
    """PFS and OS without censoring in one arm."""
    world = resolved.world
    if is_cured(world, seed, replicate, patient, arm):
        return math.inf, math.inf
    times = {}
    transitions: dict[str, Transition] = world.outcomes.by_transition()
    for name, spec in transitions.items():
        works = arm == 1 and world.outcomes.treatment_effect == "as_stated"
        place = f"outcomes.{name}"
        log_multiplier = on_hazard(resolved, f"{place}.log_hr", spec.log_hr, values) + trend(world, name, entry)
        if name == "death_after_progression":
            log_multiplier += later_log_hr(world, seed, replicate, patient, arm)
            log_multiplier += modes_log_hr(world, modes(world, seed, replicate, patient, arm), arm)
        if works:
            log_multiplier += on_hazard(resolved, f"{place}.treatment.modifiers", spec.treatment.modifiers, values)
        exposure = -math.log(uniform(seed, f"transition/{name}", replicate, patient))
        exposure /= multiplier(world, seed, replicate, patient) * math.exp(log_multiplier)
        times[name] = time_of(spec.baseline, spec.treatment if works else None, exposure)
    if times["progression"] < times["death"]:
        return times["progression"], times["progression"] + times["death_after_progression"]
    return times["death"], times["death"]


def late_course(
    resolved: ResolvedWorld,
    seed: int,
    replicate: int,
    patient: int,
    values: dict[str, float],
    wait: float,
    entry: float,
) -> tuple[float, float, int]:
    """PFS and OS in the treated arm when treatment starts after a wait, and the arm in which progression comes.

    Until the start the hazards are those of the untreated; the wait is over sooner on the clock that progression sets.
    """
    world = resolved.world

    def time(name: str, start: float, modes_arm: int) -> float:
        spec = world.outcomes.by_transition()[name]
        works = world.outcomes.treatment_effect == "as_stated"
        place = f"outcomes.{name}"
        base = on_hazard(resolved, f"{place}.log_hr", spec.log_hr, values) + trend(world, name, entry)
        later = [0.0, 0.0]
        if name == "death_after_progression":
            later = [later_log_hr(world, seed, replicate, patient, arm) for arm in (0, 1)]
            base += modes_log_hr(world, modes(world, seed, replicate, patient, modes_arm), modes_arm)
        more = on_hazard(resolved, f"{place}.treatment.modifiers", spec.treatment.modifiers, values) if works else 0.0
        effect = spec.treatment if works else None

        def total(t: float) -> float:
            before = math.exp(base + later[0]) * cumulative(spec.baseline, None, min(t, start))
            if t <= start:
                return before
            gained = cumulative(spec.baseline, effect, t) - cumulative(spec.baseline, effect, start)
            return before + math.exp(base + later[1] + more) * gained

        luck = -math.log(uniform(seed, f"transition/{name}", replicate, patient))
        return reached(total, luck / multiplier(world, seed, replicate, patient))

    if is_cured(world, seed, replicate, patient, 1):
        return math.inf, math.inf, 1
    progression, death = time("progression", wait, 1), time("death", wait, 1)
    if progression >= death:
        return death, death, int(wait < death)
    arm, left = (1, 0.0) if wait < progression else (0, wait - progression)
    if arm == 0 and world.treatment.start and "progressed" in world.treatment.start.prevented_by:
        left = math.inf
    return progression, progression + time("death_after_progression", left, arm), arm


def modes(world: World, seed: int, replicate: int, patient: int, arm: int) -> dict[str, bool]:
    """The modes that a progression would show: independent latent ones, given that there is one at least.

    The probability D of at least one solves 1 - prod(1 - share D) = D; the rest is Bayes' rule, mode by mode.
    """
    spec = world.outcomes.progression_modes
    if spec is None:
        return {}
    name = world.arms.names()[arm if world.outcomes.treatment_effect == "as_stated" else 0]
    shares = [mode.share[name] for mode in spec.modes.values()]
    low, high = 1e-9, 1.0
    while low < (some := (low + high) / 2) < high:
        rest = 1.0
        for share in shares:
            rest *= 1 - share * some
        low, high = (some, high) if 1 - rest > some else (low, some)
    latent = [share * some for share in shares]
    shown: dict[str, bool] = {}
    for k, mode in enumerate(spec.modes):
        later = 1 - math.prod(1 - chance for chance in latent[k:])
        chance = latent[k] if any(shown.values()) else latent[k] / later
        shown[mode] = uniform(seed, f"progression_mode/{mode}", replicate, patient) < chance
    return shown


def modes_log_hr(world: World, shown: dict[str, bool], arm: int) -> float:
    """What the modes add to the log hazard of death after progression: effect x (shown - share)."""
    spec = world.outcomes.progression_modes
    if spec is None:
        return 0.0
    name = world.arms.names()[arm if world.outcomes.treatment_effect == "as_stated" else 0]
    return sum(mode.log_hr * (shown[key] - mode.share[name]) for key, mode in spec.modes.items())


def amount(
    world: World, name: str, seed: int, replicate: int, patient: int, arm: int, os: float, wait: float = 0.0
) -> float:
    """What is received of a treatment: lognormal, capped, rounded where whole, and no more than fits into life.

    What the treated alone get begins after the wait.
    """
    spec = world.outcomes.exposure[name]
    label = world.arms.names()[arm]
    if label not in spec.arms:
        return math.nan
    own = spec.arms[label]
    os -= wait if world.arms.names()[0] not in spec.arms else 0.0
    late = -NORMAL.inv_cdf(uniform(seed, "transition/progression", replicate, patient))
    z = spec.link * late + math.sqrt(1 - spec.link**2) * NORMAL.inv_cdf(
        uniform(seed, f"exposure/{name}", replicate, patient)
    )
    received = min(own.median * math.exp(own.spread * z), own.most)
    if not spec.whole:
        return min(received, os / spec.months_per_unit)
    return min(max(math.floor(received + 0.5), 1), math.floor(os / spec.months_per_unit) + 1)


def response(world: World, seed: int, replicate: int, patient: int, arm: int) -> int:
    """The position of best response: a latent normal correlated with the luck of late progression, cut at shares."""
    spec = world.outcomes.response
    assert spec is not None
    name = world.arms.names()[arm if world.outcomes.treatment_effect == "as_stated" else 0]
    late = -NORMAL.inv_cdf(uniform(seed, "transition/progression", replicate, patient))
    own = NORMAL.inv_cdf(uniform(seed, "response", replicate, patient))
    share = NORMAL.cdf(spec.link * late + math.sqrt(1 - spec.link**2) * own)
    shares = spec.shares[name]
    return sum(share >= sum(shares[: k + 1]) / sum(shares) for k in range(len(shares) - 1))


def months(first: str, last: str) -> float:
    """Months between two dates."""
    return (date.fromisoformat(last) - date.fromisoformat(first)).days / MONTH


def patient_of(resolved: ResolvedWorld, seed: int, replicate: int, patient: int) -> dict[str, Any]:
    """Everything about a patient but the arm."""
    world = resolved.world
    accrual = world.entry.accrual
    values = covariates(resolved, seed, replicate, patient)
    shape = 1 / (1 + accrual.shape)
    entry = months(accrual.start, accrual.end) * uniform(seed, "entry", replicate, patient) ** shape
    made: dict[str, Any] = {
        "values": values,
        "entry": entry,
        "predictor": linear(world.treatment.log_odds, values, world)
        + trend(world, "treatment", entry)
        + parting(resolved, values),
    }
    made["propensity"] = 1 / (1 + math.exp(-resolved.allocation.intercept - made["predictor"]))
    made["luck"] = uniform(seed, "treatment", replicate, patient)
    made["start"] = math.inf
    for arm, name in enumerate(world.arms.names()):
        if arm == 1 and world.treatment.start:
            late = treated_after_wait(resolved, seed, replicate, patient, values, entry)
            made["start"] = late.pop("start")
            made[1] = late if late else made[0]
            continue
        administrative = months(accrual.start, world.followup.cut_off) - entry
        censoring = lost = administrative
        if name in world.followup.dropout:
            exposure, hazard = -math.log(uniform(seed, "dropout", replicate, patient)), world.followup.dropout[name]
            censoring = min(censoring, time_of(hazard, None, exposure))
            risk = dropout_risk(world, seed, replicate, patient, values, resolved.averages)
            lost = min(lost, time_of(hazard, None, exposure / risk))
        pfs, os = course(resolved, seed, replicate, patient, values, arm, entry)
        received = {key: amount(world, key, seed, replicate, patient, arm, os) for key in world.outcomes.exposure}
        met = os >= world.entry.guarantee_months.get(name, 0.0)
        met = met and administrative >= world.entry.potential_follow_up_months
        met = met and not any(received[key] < least for key, least in world.entry.requires.items())
        met = met and (name not in world.entry.complete_follow_up or lost >= min(os, administrative))
        every = world.followup.visit_months.get(name)
        if every and pfs < os:
            pfs = min(math.ceil(pfs / every) * every, os)
        made[arm] = {
            "seen PFS": (min(pfs, lost), pfs <= lost),
            "seen OS": (min(os, lost), os <= lost),
            "PFS": (min(pfs, censoring), pfs <= censoring),
            "OS": (min(os, censoring), os <= censoring),
            "eligible": met,
            "exposure": received,
            "modes": modes(world, seed, replicate, patient, arm) if pfs < os and pfs <= lost else {},
            "died first": pfs == os and pfs <= lost,
        }
        if world.outcomes.response:
            made[arm]["response"] = response(world, seed, replicate, patient, arm)
    return made


def treated_after_wait(
    resolved: ResolvedWorld, seed: int, replicate: int, patient: int, values: dict[str, float], entry: float
) -> dict[str, Any]:
    """What becomes of a patient assigned to treatment that starts late; the start alone, +inf, if it never comes."""
    world = resolved.world
    spec, names, followup = world.treatment.start, world.arms.names(), world.followup
    assert spec is not None
    wait = wait_of(world, seed, replicate, patient)
    administrative = months(world.entry.accrual.start, followup.cut_off) - entry

    def left(t: float) -> float:
        zero, one = (followup.dropout.get(name, NO_DROPOUT) for name in names)
        before = cumulative(zero, None, min(t, wait))
        return before + (cumulative(one, None, t) - cumulative(one, None, wait) if t > wait else 0.0)

    luck = -math.log(uniform(seed, "dropout", replicate, patient))
    censoring = min(administrative, reached(left, luck))
    risk = dropout_risk(world, seed, replicate, patient, values, resolved.averages)
    lost = min(administrative, reached(left, luck / risk))
    pfs, os, at = late_course(resolved, seed, replicate, patient, values, wait, entry)
    if wait >= min(os, lost) or ("progressed" in spec.prevented_by and wait >= pfs):
        return {"start": math.inf}
    received = {key: amount(world, key, seed, replicate, patient, 1, os, wait) for key in world.outcomes.exposure}
    met = os >= world.entry.guarantee_months.get(names[1], 0.0)
    met = met and administrative >= world.entry.potential_follow_up_months
    met = met and not any(received[key] < least for key, least in world.entry.requires.items())
    met = met and (names[1] not in world.entry.complete_follow_up or lost >= min(os, administrative))
    every = followup.visit_months.get(names[at])
    if every and pfs < os:
        pfs = min(math.ceil(pfs / every) * every, os)
    made = {
        "start": wait,
        "seen PFS": (min(pfs, lost), pfs <= lost),
        "seen OS": (min(os, lost), os <= lost),
        "PFS": (min(pfs, censoring), pfs <= censoring),
        "OS": (min(os, censoring), os <= censoring),
        "eligible": met,
        "exposure": received,
        "modes": modes(world, seed, replicate, patient, at) if pfs < os and pfs <= lost else {},
        "died first": pfs == os and pfs <= lost,
    }
    if world.outcomes.response:
        made["response"] = response(world, seed, replicate, patient, 1)
    return made


def cohort(resolved: ResolvedWorld, seed: int, replicate: int, patients: int) -> list[dict[str, Any]]:
    """The patients of a cohort, each with the arm received under ``treated``."""
    screened = math.ceil(patients * resolved.world.entry.screened - 1e-9)
    made = [patient_of(resolved, seed, replicate, patient) for patient in range(screened)]
    spec = resolved.world.treatment
    if spec.kind != "fixed":
        for one in made:
            one["assigned"] = one["luck"] < one["propensity"]
            one["treated"] = one["assigned"] and started(one, resolved.world)
        return included(made, resolved.world, patients)
    noisy = [one["predictor"] + math.log((1 - one["luck"]) / one["luck"]) for one in made]
    chosen = sorted(range(screened), key=lambda i: -noisy[i])[: round(spec.share * screened)]
    for i, one in enumerate(made):
        one["assigned"] = i in chosen
        one["treated"] = one["assigned"] and started(one, resolved.world)
    return included(made, resolved.world, patients)


def started(one: dict[str, Any], world: World) -> bool:
    """Whether a patient assigned to treatment gets it."""
    return world.treatment.start is None or one["start"] < math.inf


def included(made: list[dict[str, Any]], world: World, size: int) -> list[dict[str, Any]]:
    """The patients with who is in the study under ``present``: the first who qualify, by arm if arm sizes are fixed."""
    taken, fixed = [0, 0], world.treatment.kind == "fixed"
    treated = round(world.treatment.share * size) if fixed else 0
    for one in made:
        arm = int(one["treated"])
        room = taken[arm] < (size - treated, treated)[arm] if fixed else sum(taken) < size
        one["present"] = one[arm]["eligible"] and room
        taken[arm] += one["present"]
    return made
