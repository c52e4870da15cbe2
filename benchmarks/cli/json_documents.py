"""What each command prints with ``--json``: one document, its keys and what they mean.

Numbers have full precision; null is a number that does not exist. `M` is ``{value, mcse}``: a number and its Monte
Carlo standard error; ``n``, where it is told, of how many replicates it is.
"""

from typing import Any

ANSWER = {
    "question": "what was asked",
    "verdict": "the answer in a sentence, with its error",
    "endpoint": "the endpoint asked about",
    "replicates": "replicates of each cell",
}
RAN = {
    "estimator": "the estimator that stands for the published analysis",
    "folder": "the run folder that the answer comes from",
}
STUDY = {
    "format": "trialtwin-study/2",
    "name": "the study's name",
    "question": "its question",
    "verdict": "what came out, with its error",
    "cells": "[{cell, settings}]: what the sweep set in each",
    "target": "{population, follow_up, words, members, screened, included}: in whom all are judged side by side; "
    "means over simulated studies of the first cell",
    "truths": "[{cell, endpoint, estimator, value, mcse, how, estimand}] of own estimands; ratios as logarithms",
    "targets": "[{cell, endpoint, estimator, value, mcse, how, estimand}] of the target in the estimator's marginal "
    "measure",
    "directions": "[{cell, endpoint, value, mcse, how, estimand}]: the target's log hazard ratio beside tests",
    "performance": "[{cell, endpoint, estimator, judged_by, measure, value, mcse}]: every measure of Morris et al. "
    "2019 by ``target`` and by ``own`` estimand; ``rejection_in_direction`` of tests; ``distance_of_truths`` (own "
    "minus target) of who answers another question, in place of bias and coverage",
    "rankings": "[{cell, endpoint, estimand, order: [{estimator, rmse, mcse, apart}]}]: within one measure, the least "
    "error against the target first; ``apart``: clearly more than the least",
    "failures": "[{cell, endpoint, estimator, status, count}]: replicates without an estimate",
    "looks": "[...]: what each look of a study with run.until found",
    "paired": "[{cell, endpoint, estimator, against, measures: {name: M}}]: differences on the same replicates",
    "provenance": "{replicates, seed, rows_sha256, sealed, pages, folder, digest, versions, command}: ``sealed`` is "
    "the digest that `trialtwin verify --digest` takes, ``pages`` that of the code that words reports",
}
DOCUMENTS: dict[str, dict[str, str]] = {
    "demo": STUDY,
    "run": STUDY,
    "report": STUDY,
    "merge": STUDY,
    "status": {
        "folder": "the run folder",
        "finished": "whether everything asked for is there",
        "in_use_by": "who is at work on it, or null",
        "cells": "[{cell, settings, done, asked}]: replicates",
        "failures": "[{cell, endpoint, estimator, status, count}]; of an unfinished run those that were lost",
        "command": "the command that goes on with it",
    },
    "verify": {
        "folder": "the run folder",
        "holds": "whether all agrees",
        "sealed": "the sealed digest, null where rows or truths are not whole",
        "findings": "[{kind, file, told, cell, replicate}]: what differs",
        "more_findings": "{kind: how many more}: of a kind of which there are many",
        "checked": "[text]: what was checked",
        "not_checked": "[text]: what was not",
        "damaged": "[file]: those that disagree with their checksums",
        "recomputed": "[{cell, replicate}]: those computed again",
        "different": "[{cell, replicate}]: those of them that differ",
    },
    "replay": {
        "cell": "the number of the cell",
        "replicate": "that of the replicate",
        "same": "whether it is the same bit for bit",
        "rows": "[{endpoint, estimator, value, se, low, high, p, n, events, status, same}]",
        "files": "[file]: its cohort and its analysis",
    },
    "tipping": {
        **ANSWER,
        **RAN,
        "population": "whose true effect is meant",
        "published": "the published hazard ratio",
        "bound": "its limit nearer to no effect",
        "prevalence": "of the confounder",
        "odds_ratios": "[A]: the confounder's odds ratios with treatment",
        "hazard_ratios": "[B]: its hazard ratios with the outcome",
        "surfaces": "[{log_hr, true [A][B], set_log_hr, mcse, misfit, interpolation}]: for the ratio, then for the "
        "bound; ``true`` is the target's true log HR under which it arises, null at a gap; ``misfit`` its error "
        "between effects, ``interpolation`` that between nodes",
        "equal_strength": "[{value, error, mcse, interpolation}]: of the ratio and of the bound, inf as null",
        "e_values": "{name: [of the ratio, of the bound]}",
        "benchmarks": "[{term, odds_ratio, hazard_ratio}]: measured covariates",
        "points": "[{odds_ratio, hazard_ratio, estimate, true_hr, set_hr, error, mcse, interpolation}]: those of --at",
    },
    "compatible": {
        **ANSWER,
        **RAN,
        "population": "whose true effect is meant",
        "published": "{hr, se_log}",
        "horizon": "of the restricted mean, in the world's time unit",
        "posteriors": "[{name, parameters, points, refusal, prior_quantiles, quantiles, quantiles_mcse, rmst, benefit, "
        "effective, distance_p, reach, emulator_error, warning, values, prior, density}], one for each suspicion; "
        "quantiles of the true log HR at 5, 25, 50, 75 and 95 %",
        "calibrations": "[{name, runs, ranks, uniform_p, covers_50, covers_90}]: on synthetic papers",
    },
    "decompose": {
        **ANSWER,
        **RAN,
        "measure": "in which it is taken apart; ratios as logarithms",
        "horizon": "of a restricted mean or of survival, in the world's time unit; else null",
        "asks_another": "whether the analysis is given covariates, and answers another question than the target's",
        "population": "the target's, whose truth the bias is told against",
        "dropped": "replicates left out because a cell of theirs has no estimate",
        "estimate": "M with everything on",
        "truth": "M: the target's with everything on, the fixed target",
        "bias": "M: the estimate with everything on, off the fixed target",
        "clean_estimate": "M with everything off",
        "clean_truth": "M: the target's with everything off",
        "residual": "M: the estimate with everything off, off the fixed target",
        "clean_bias": "M: the estimate with everything off, off the target's own truth there",
        "parts": "[{name, label, estimate, target, off_alone, on_alone: M}], one for each mechanism: what it moves of "
        "the estimate, which is of the bias, and of the target's own truth",
    },
    "power": {
        **ANSWER,
        **RAN,
        "search": "size or follow-up",
        "goal": "{power, width, alpha}",
        "population": "the target's, whose true effect is to be found",
        "true_hr": "its true marginal hazard ratio",
        "true_mcse": "the Monte Carlo SE of its logarithm",
        "treated": "share of the patients who are treated",
        "stated": "{at: M, events: M, points, coarse, misfit}: the answer of the stated analysis",
        "randomised": "the same of a crude analysis where nothing confounds, or null",
        "schoenfeld_events": "events by the formula",
        "schoenfeld_at": "patients or months by the formula",
        "analysed": "share of the patients whom the analysis keeps",
        "false_positive": "M: rejections with no effect",
        "false_favour": "M: those of them on the side of the true effect",
    },
    "multiverse": {
        **ANSWER,
        "direction": "-1 where the claim is a ratio below 1, else 1",
        "alpha": "the level of the claim",
        "replicate": "the cohort whose curve is given",
        "specifications": "[{name, choices}]",
        "claims": "[[M, ...], [M, ...]]: how often each reaches the claim, as stated and with no effect",
        "mean_share": "[M, M]: of specifications that reach the claim, as stated and with no effect",
        "any_share": "[M, M]: cohorts in which at least one does",
        "stated_share": "[M, M]: cohorts in which the study's own does",
        "failed": "[M, M]: specifications without an estimate",
        "spread": "[M, M]: log of the largest over the smallest ratio of a cohort",
        "levels": "[{axis, value, shift: M, claims: M}]",
        "curve": "[[log HR, low, high, p], ...] of one cohort, by specification",
        "interval_level": "the level of its intervals",
        "published": "the published log HR, or null",
        "folder": RAN["folder"],
    },
    "claims": {
        **ANSWER,
        "worlds": "[name]: three; every list of M below has one for each",
        "alpha": "the level",
        "screening_p": "the screen of the multivariable model, or null",
        "terms": "covariates that may be found",
        "subgroups": "how many",
        "factors": "{term: [M]}: found to be an independent factor",
        "any_factor": "[M]: any of them",
        "mean_factors": "[M]: how many",
        "benefit_share": "[M]: subgroups with a ratio below 1",
        "nearly_all": "[M]: benefit in nine of ten subgroups",
        "every": "[M]: benefit in every subgroup",
        "balanced": "[M]: every p of Table 1 above 0.05 after matching",
        "unbalanced_measured": "[M]: of these, a measured difference above 0.1 SD",
        "unbalanced_hidden": "[M]: of these, a hidden one",
    },
    "fidelity": {
        "replicates": "how many",
        "seed": "of all randomness",
        "scores": "[{key, printed, where, median, low, high, percentile, inside, absent, doubts}]"
        ": every printed number",
        "totals": "[{where, numbers, inside, doubtful}] by table, then all",
        "flow": "[[criterion, patients]]: means over replicates",
        "left_out": "[key]: printed numbers that no replicate has",
    },
    "published": {
        "world": "the world's name",
        "keys": "[{key, what, kind, example}]: every number that its paper could print; <time> stands for any time; "
        "kind is count, percent, p, ratio, share or amount",
    },
    "calibrate": {
        "values": "{parameter: fitted}",
        "parameters": "[{name, start, fitted, se, prior_mean, prior_sd, scale, pinned, at_bound}]",
        "targets": "[{key, printed, simulated, sd, z_start, z, doubtful}]; sd and z null where it could not be fitted",
        "starts": "[{name, at_first, at_last, taken}]: sums of squares where the search began and ended",
        "verdict": "{numbers, doubtful, outside: [{key, printed, median, low, high, distance}], unused: [{key, "
        "printed, why}], bad}: bad says why the fit is bad, or is empty",
        "losses": "[sum of squares]: at the stated start, at the end",
        "replicates": "of each step",
        "seed": "of all randomness",
    },
    "audit": {
        "numbers": "how many are printed",
        "findings": "[{keys, severity, check, arithmetic, consistent, where}]: severe, moderate, note",
        "tests": "[text]: which tests explain each table's p-values",
    },
    "analyze": {
        "format": "trialtwin-analysis/1; docs/tables.md describes what is inside each key",
        "arms": "{treated, control}: the labels",
        "cohort": "{n, treated, control}",
        "as_read": "{not_events, near_ties, timefix}: what reading the file decided",
        "plan": "the plan with every default filled in",
        "propensity": "{method, candidates, selected, coefficients, infinite, dropped, aic, scores, status, set_aside}",
        "matching": "{scale, caliper_spec, unit, caliper, ratio, replacement, order, pairs, n_pairs, n_treated, "
        "n_control, status, ties}",
        "table1": "{before, after}: [{variable, level, label, shows, treated, control, test, p, tests, smd, "
        "smd_status, status}]",
        "endpoints": "{name: {label, before, after}}, a side {km, follow_up, logrank, cox, cox_pair_robust, "
        "univariable, multivariable, subgroups, survival_difference, rmst_difference}",
        "binary": "{name: {label, before, after}}, a side {treated, control, test, p, tests, risk_difference, "
        "risk_ratio, odds_ratio, mcnemar}",
        "exposure": "{name: {before, after}}: amounts of a treatment; empty for a file",
        "modes": "{name: {before, after}}: modes of progression; empty for a file",
    },
    "validate": {
        "format": "trialtwin-validation/1",
        "set": "quick or full",
        "holds": "whether all do",
        "studies": "[{name, source}]",
        "checks": "[{study, what, ours: M, known: M, within, beyond, z, p_adjusted, holds}]",
    },
    "performance": {
        "format": "trialtwin-performance/1",
        "groups": "[{by, rows, failed, measures: {name: M}, reference, against_reference: {name: M}}]",
    },
    "diff": {
        "differs": "[{path, one, other}]",
        "moved": "[{cell, endpoint, estimator, one, other, change: M, truth, bias_change: M, rejection: M, paired, "
        "without}]; without: replicates of either run that have no estimate",
    },
    "gallery": {
        "page": "the file written",
        "studies": "[{group, name, question, verdict, link}]",
        "unfinished": "[{folder, why}]",
    },
    "show": {
        "name": "the scenario's name",
        "question": "its question",
        "source": "of the world",
        "arms": "{treated, control}",
        "patients": "how many",
        "target": "{population, follow_up, words, members, screened, included}",
        "estimators": "[name]",
        "cells": "[settings]",
        "replicates": "of each cell",
        "seed": "of all randomness",
        "replicate_timeout": "{own, compiled}: seconds that an estimator may take over one replicate, null for any",
        "digest": "of the resolved document",
        "sourced": "{path: source}",
        "assumed": "[path]: values without a source",
    },
    "check": {"checked": "[{name, cells, digest}], all valid; else exit code 2 and the problems on stderr"},
    "simulate": {"files": "[file]: those written"},
    "new": {"files": "[file]: the one written"},
    "warm-up": {"folder": "where compiled code lies", "seconds": "that it took, null where nothing was to do"},
}
"""Of each command the keys of its document; `list` prints an array."""


def described(command: str) -> dict[str, Any]:
    """The JSON Schema of what a command prints."""
    keys = DOCUMENTS[command]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"What `trialtwin {command} --json` prints",
        "description": "null: a number that does not exist. M: {value, mcse}, a number and its Monte Carlo SE.",
        "type": "object",
        "properties": {key: {"description": text} for key, text in keys.items()},
        "required": list(keys),
        "additionalProperties": False,
    }
