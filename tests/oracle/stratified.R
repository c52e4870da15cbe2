# The numbers of tests/test_stratified.py. R 4.2.2, survival 3.5-3: Rscript tests/oracle/stratified.R > tests/oracle/stratified.json
# Times are whole, so that there are many ties; weights, clusters that cross the strata, and clusters of a patient.
library(survival)
library(jsonlite)
strict <- coxph.control(eps = 1e-14, iter.max = 100, toler.chol = 1e-15)
one <- function(seed, n) {
  set.seed(seed)
  d <- data.frame(stage = rbinom(n, 1, 0.4), grade = sample(0:2, n, TRUE), site = sample(0:7, n, TRUE))
  d$arm <- rbinom(n, 1, plogis(-0.3 + 0.7 * d$stage))
  d$age <- round(rnorm(n), 2)
  d$time <- ceiling(rexp(n, 0.08 * exp(0.6 * d$stage - 0.5 * d$arm + 0.2 * (d$site %% 3))))
  d$event <- as.integer(runif(n) < 0.75)
  d$weight <- round(runif(n, 0.3, 3), 2)
  d$id <- seq_len(n)
  of <- function(fit, k = 1) list(beta = unname(coef(fit)[k]), se = unname(sqrt(diag(fit$var))[k]))
  strata <- coxph(Surv(time, event) ~ arm + strata(stage, grade), d, control = strict)
  test <- survdiff(Surv(time, event) ~ arm + strata(stage, grade), d)
  breslow <- coxph(Surv(time, event) ~ arm + strata(stage, grade), d, ties = "breslow", control = strict)
  weighted <- coxph(Surv(time, event) ~ arm + strata(stage, grade), d, weights = weight, cluster = id, control = strict)
  sets <- coxph(Surv(time, event) ~ arm + strata(stage, grade), d, weights = weight, cluster = site, control = strict)
  crude <- coxph(Surv(time, event) ~ arm, d, cluster = site, control = strict)
  adjusted <- coxph(Surv(time, event) ~ arm + age + stage, d, cluster = site, control = strict)
  model <- glm(arm ~ stage + age, binomial, d, control = glm.control(epsilon = 1e-15, maxit = 100))
  e <- fitted(model)
  d$ipw <- ifelse(d$arm == 1, 1, e / (1 - e))
  ipw <- coxph(Surv(time, event) ~ arm, d, weights = ipw, cluster = site, control = strict)
  # quintiles of the propensity score: those at a boundary belong below it
  group <- findInterval(e, quantile(e, 1:4 / 5, type = 7), left.open = TRUE)
  quintiles <- coxph(Surv(time, event) ~ arm + strata(group), d, control = strict)
  list(
    data = as.list(d[c("stage", "grade", "site", "arm", "age", "time", "event", "weight")]),
    strata = of(strata), breslow = of(breslow), chi2 = test$chisq,
    weighted = c(of(weighted), chi2 = unname(weighted$rscore)), sets = c(of(sets), chi2 = unname(sets$rscore)),
    crude = of(crude), adjusted = of(adjusted), ipw = of(ipw),
    quintiles = c(of(quintiles), chi2 = survdiff(Surv(time, event) ~ arm + strata(group), d)$chisq)
  )
}
cat(toJSON(lapply(1:4, function(k) one(k, c(60, 80, 120, 90)[k])), digits = NA, auto_unbox = TRUE), "\n")
