"""What a reader calls an analysis: a label made from its options, or the name that the user gave it.

Machine outputs (JSON, parquet, CSV) keep the names; `analysis_label` is for everything that a person reads.
"""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.asked.blocks import Cell
from benchmarks.asked.primary import primary_estimator
from benchmarks.asked.scenario import Scenario
from benchmarks.words.sizes import first_up

TARGETS = {"att": "the treated", "ate": "all patients", "atc": "the untreated"}
MEASURED = {
    "rmst": "restricted mean survival",
    "rmst_difference": "restricted mean survival",
    "survival": "survival at a time",
    "survival_difference": "survival at a time",
    "subdistribution_hr": "Fine and Gray's model",
    "incidence": "cumulative incidence",
    "incidence_difference": "cumulative incidence",
    "incidence_ratio": "ratio of cumulative incidences",
    "log_incidence_ratio": "ratio of cumulative incidences",
    "rmtl": "restricted mean time lost",
    "rmtl_difference": "restricted mean time lost",
}
RISKS = {"risk_difference": "risk difference", "log_risk_ratio": "risk ratio", "log_odds_ratio": "odds ratio"}
HOUSE_NAMES = frozenset(
    {"matched-naive", "ipw", *(f"ipw-{one}" for one in ("att", "ate", "atc", "overlap", "matching"))}
)
"""Names that a study has from us, besides the default of each kind, ``<kind>-primary`` and ``<kind>-<target>``."""


def analysis_label(one: Any, full: bool = False) -> str:
    """The label of an analysis, from its spec; its own name where the user named it.

    ``full`` adds what stands behind the short term where it is first used: which standard error matching has.
    """
    kind = str(one.kind)
    house = {type(one).model_fields["name"].default, kind, f"{kind}-primary", *HOUSE_NAMES}
    own = one.name not in house | {f"{kind}-{getattr(one, 'target', '')}"}
    made = LABELS.get(kind)
    return str(one.name) if own or made is None else made(one, full)


def labels_of(cell: Cell) -> dict[str, str]:
    """The labels of a cell's analyses by name; where two would read alike, each with its name in brackets."""
    labels = {one.name: analysis_label(one) for _, one in cell.scenario.judged()}
    taken = list(labels.values())
    return {name: text if taken.count(text) == 1 else f"{text} ({name})" for name, text in labels.items()}


def endpoint_label(scenario: Scenario, name: str) -> str:
    """What an endpoint is called where it stands alone: its label, else its name."""
    one = scenario.endpoints.get(name)
    return first_up(one.label) if one is not None and one.label else name.replace("_", " ")


def label_in(scenario: Scenario, endpoint: str, name: str) -> str:
    """The label of an analysis of a study by its name: one of its own, or the one that stands for the paper's."""
    found = next((one for one in scenario.estimators if one.name == name), None)
    if found is None and endpoint in scenario.endpoints:
        found = primary_estimator(scenario, endpoint)
    return name if found is None or found.name != name else analysis_label(found)


def _matched(one: Any, full: bool) -> str:
    parts = ["matching"]
    if one.measure in MEASURED:
        parts.append(_at(MEASURED[one.measure], one.horizon))
    if one.model == "stratified":
        parts.append("stratified by matched set")
    if one.se == "naive":
        parts.append("pairs ignored in the standard error")
    elif one.se == "bootstrap":
        parts.append("standard error by bootstrap of pairs")
    elif full and one.model != "stratified":
        parts.append("standard error clustered by matched pair")
    changed = "other rules of matching" if one.matching is not None else ""
    changed = changed or ("another propensity model" if one.propensity is not None else "")
    return ", ".join([*parts, *([changed] if changed else [])])


def _weighted(one: Any, full: bool) -> str:  # noqa: ARG001
    named = {"overlap": "overlap weighting", "matching": "matching weights"}
    text = named.get(one.target) or f"weighting to {_whom(one)}"
    return _varied(text, one)


def _balanced(one: Any, full: bool) -> str:  # noqa: ARG001
    return _varied(f"entropy balancing to {_whom(one)}", one)


def _whom(one: Any) -> str:
    return TARGETS.get(one.target, str(one.target))


def _varied(text: str, one: Any) -> str:
    """Weighting with what is not usual of it."""
    parts = [text, *([_at(MEASURED[one.measure], one.horizon)] if one.measure in MEASURED else [])]
    errors = {
        "naive": "weights taken for patients in the standard error",
        "estimated": "standard error that knows the weights are estimated",
        "bootstrap": "standard error by bootstrap",
    }
    parts += [errors[one.se]] if one.se in errors else []
    parts += ["stabilised weights"] if getattr(one, "stabilised", False) else []
    parts += ["truncated weights"] if getattr(one, "truncate", None) else []
    parts += ["trimmed scores"] if getattr(one, "trim", None) else []
    return ", ".join(parts)


def _at(text: str, horizon: float | None) -> str:
    text = text.replace(" at a time", "")
    return text if horizon is None else f"{text} {'to' if 'restricted' in text else 'at'} {horizon:g}"


def _contrast(text: str) -> Callable[[Any, bool], str]:
    def made(one: Any, full: bool) -> str:  # noqa: ARG001
        return f"{text}, {_at(MEASURED[one.measure], one.horizon)}" if one.measure in MEASURED else text

    return made


def _plain(text: str) -> Callable[[Any, bool], str]:
    def made(one: Any, full: bool) -> str:  # noqa: ARG001
        return f"{text}, adjusted" if getattr(one, "adjusted", False) else text

    return made


def _log_rank(one: Any, full: bool) -> str:  # noqa: ARG001
    text = "weighted log-rank test" if one.rho or one.gamma else "log-rank test"
    return _tested(text, one)


def _tested(text: str, one: Any) -> str:
    return f"{text} in the matched" if one.population == "matched" else text


def _binary(one: Any, full: bool) -> str:  # noqa: ARG001
    how = {"crude": "no adjustment", "matched": "matching", "weighted": "weighting"}[one.method]
    return f"{RISKS.get(one.measure, one.measure.replace('_', ' '))}, {how}"


LABELS: Mapping[str, Callable[[Any, bool], str]] = {
    "crude": _plain("no adjustment"),
    "adjusted": _plain("Cox model with all covariates"),
    "stratified": _plain("Cox model within strata"),
    "ps-covariate": _plain("Cox model with the propensity score"),
    "ps-strata": _plain("strata of the propensity score"),
    "matched": _matched,
    "ipw": _weighted,
    "entropy-balance": _balanced,
    "g-computation": _contrast("standardisation by a Cox model"),
    "aipw": _contrast("doubly robust estimation"),
    "ipcw": _contrast("weighting for drop-out"),
    "exponential": _plain("exponential model"),
    "landmark": lambda one, full: f"landmark at {one.at:g}" + (", adjusted" if one.adjusted else ""),  # noqa: ARG005
    "delayed-entry": _plain("delayed entry"),
    "time-dependent": _plain("treatment as it starts"),
    "clone-censor-weight": _plain("cloning, censoring and weighting"),
    "logrank": _log_rank,
    "maxcombo": lambda one, full: _tested("MaxCombo test", one),  # noqa: ARG005
    "rmst": lambda one, full: _at("restricted mean survival", one.horizon),  # noqa: ARG005
    "milestone": lambda one, full: f"survival at {one.at:g}",  # noqa: ARG005
    "median": _plain("median survival"),
    "incidence": lambda one, full: _at(MEASURED[one.measure], one.horizon),  # noqa: ARG005
    "fine-gray": _plain("Fine and Gray's model"),
    "several-tests": _plain("several tests together"),
    "binary": _binary,
}
"""By kind of analysis; a user's own function has no label but its name."""
