"""Terms and references of the pages; a page names those that it needs."""

TERMS = {
    "bias": "mean of the estimates minus the truth.",
    "estimand": "what an estimator is to find: a measure in a population, with its own truth.",
    "target": (
        "the one population, fixed at time zero, in which all estimators are judged side by side, each in its own "
        "marginal measure; an estimator of a conditional measure answers another question."
    ),
    "in direction": "share of replicates in which a test rejects on the side on which the target's truth lies.",
    "empirical SE, model SE": (
        "standard deviation of the estimates over replicates; root mean square of the estimated standard errors."
    ),
    "coverage; bias-eliminated coverage": (
        "share of intervals, of the level that the study states, that hold the truth; share of those that hold the "
        "mean estimate."
    ),
    "power, type-I error": (
        "share of replicates with p below the level of the test, 0.05 unless another is told, where the truth is not, "
        "or is, zero."
    ),
    "Monte Carlo SE (MCSE)": "standard error of a figure of this page that more replicates would shrink.",
    "replicate": "one virtual cohort; its random numbers are a function of the seed and its number alone.",
    "hazard ratio (HR)": "ratio of the hazards of the treated and the untreated; below 1 favours treatment.",
    "marginal, conditional": (
        "averaged over patients, or among patients alike; for a hazard ratio the two differ without any bias."
    ),
    "propensity score": "probability of treatment given the measured covariates, estimated by a logistic model.",
    "caliper": "largest distance between the scores of two patients who may be matched.",
    "SMD": (
        "standardised mean difference: of means or shares, treated minus untreated, over the root of the mean of both "
        "variances; 0.1 is the usual mark."
    ),
    "central 95 %": "from the 2.5th to the 97.5th percentile of the replicates.",
    "status": (
        "what became of a fit: OK, or why there is no finite answer and so no number: MONOTONE, its likelihood has no "
        "finite maximum; SINGULAR, covariates repeat one another; NO_EVENTS; NO_INFO, no event with a choice of "
        "patients; PS_SEPARATED, treatment is predicted perfectly; TOO_FEW, too few patients; BAD_INPUT, NaN or "
        "infinity; NOT_CONVERGED; WORKER_LOST, its computation killed its process; TIMEOUT, it took longer than it may."
    ),
    "NO_PAIRS": "the status of a matching that finds nobody within reach of another.",
    "z": "difference of two numbers over the standard error of the difference.",
    "pinned down": "share of a parameter's prior variance that the published numbers take away.",
    "severe, moderate, note": (
        "a finding that neither rounding nor another usual method explains; one that another method might explain; a "
        "matter of convention or carelessness."
    ),
}
EXPLAINED = {
    "hazard ratio": "the rate of events with the treatment divided by the rate without",
    "twin": "simulated patients built from the paper's numbers",
    "simulation error": "what more simulated studies would make smaller",
    "propensity score": "the chance of being treated, predicted from what was recorded",
    "unmeasured confounder": "something unrecorded that steers both treatment and outcome",
    "caliper": "how unlike two matched patients may be",
    "Cox model": "the usual regression for survival",
}
"""Terms that every page explains where they first stand, in at most twelve words."""
SCORES = {
    "matching": ("propensity score", "caliper", "NO_PAIRS"),
    "weighting": ("propensity score",),
    "stratification": ("propensity score",),
    "adjustment": ("propensity score",),
    "unadjusted": ("propensity score",),
}
"""The words that a page needs for what makes the arms comparable, by the primary analysis."""
BALANCE = {
    "matching": ("austin",),
    "weighting": ("austin_stuart",),
    "stratification": (),
    "adjustment": (),
    "unadjusted": (),
}
"""What a page cites on the balance of the arms, by the primary analysis."""
REFERENCES = {
    "morris": (
        "Morris TP, White IR, Crowther MJ. Using simulation studies to evaluate statistical methods. "
        "Statistics in Medicine 2019;38:2074–2102."
    ),
    "austin": (
        "Austin PC. Balance diagnostics for comparing the distribution of baseline covariates between treatment groups "
        "in propensity-score matched samples. Statistics in Medicine 2009;28:3083–3107."
    ),
    "austin_stuart": (
        "Austin PC, Stuart EA. Moving towards best practice when using inverse probability of treatment weighting "
        "(IPTW) using the propensity score to estimate causal treatment effects in observational studies. Statistics "
        "in Medicine 2015;34:3661–3679."
    ),
    "evalue": (
        "VanderWeele TJ, Ding P. Sensitivity analysis in observational research: introducing the E-value. "
        "Annals of Internal Medicine 2017;167:268–274."
    ),
    "wood": (
        "Wood SN. Statistical inference for noisy nonlinear ecological dynamic systems. Nature 2010;466:1102–1104."
    ),
    "simonsohn": (
        "Simonsohn U, Simmons JP, Nelson LD. Specification curve analysis. Nature Human Behaviour 2020;4:1208–1214."
    ),
    "schoenfeld": (
        "Schoenfeld DA. Sample-size formula for the proportional-hazards regression model. Biometrics 1983;39:499–503."
    ),
    "holm": "Holm S. A simple sequentially rejective multiple test procedure. Scandinavian J Statistics 1979;6:65–70.",
}
STUDY = (
    "target", "estimand", "bias", "empirical SE, model SE", "coverage; bias-eliminated coverage", "power, type-I error",
    "Monte Carlo SE (MCSE)", "replicate", "marginal, conditional", "SMD", "status",
)  # fmt: skip
