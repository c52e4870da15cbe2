# The whole workflow of one cohort in R, frozen for tests/test_workflow.py. Run in this folder: Rscript workflow.R
# Made with R 4.2.2, survival 3.5.3, MatchIt 4.5.1, jsonlite. That MatchIt ignores the caliper unless the score is also
# given as mahvars, hence that call. Cohorts: survival::colon (deaths, Lev+5FU against observation, complete rows; many
# tied scores) and survival::pbc (randomised patients, complete rows; skewed covariates, factors, two kinds of event).
suppressMessages({library(survival); library(MatchIt); library(jsonlite)})
tight <- coxph.control(eps = 1e-14, iter.max = 100, toler.chol = 1e-15, timefix = FALSE)
model <- function(y, x) as.formula(paste(y, "~", paste(x, collapse = " + ")))

medians <- function(formula, d) {
  t <- summary(survfit(formula, data = d, timefix = FALSE))$table
  lapply(c(control = "arm=0", treated = "arm=1"), function(k) as.list(unname(t[k, c("records", "events", "median", "0.95LCL", "0.95UCL")])))
}
cox <- function(y, x, d) {
  f <- suppressWarnings(coxph(model(y, x), data = d, control = tight))
  list(beta = as.list(unname(coef(f))), se = as.list(unname(sqrt(diag(vcov(f))))))
}
joint_p <- function(y, x, d) {
  f <- suppressWarnings(coxph(model(y, x), data = d, control = tight))
  pchisq(drop(coef(f) %*% solve(vcov(f), coef(f))), length(coef(f)), lower.tail = FALSE)
}
subgroup <- function(y, event, d) {
  both <- length(unique(d$arm)) == 2
  test <- if (both) survdiff(model(y, "arm"), data = d)
  c(list(n = nrow(d), events = sum(d[[event]])), if (both) cox(y, "arm", d),
    list(p_logrank = if (both) pchisq(test$chisq, 1, lower.tail = FALSE)))
}
compare <- function(d, time, event, terms, groups, paired) {
  y <- sprintf("Surv(%s, %s)", time, event); censored <- sprintf("Surv(%s, 1 - %s)", time, event)
  test <- survdiff(model(y, "arm"), data = d)
  p <- sapply(c(terms, "arm"), function(x) joint_p(y, x, d))
  list(km = medians(model(y, "arm"), d), follow_up = medians(model(censored, "arm"), d),
       chi2 = test$chisq, p = pchisq(test$chisq, 1, lower.tail = FALSE), cox = cox(y, "arm", d),
       robust_se = if (paired) sqrt(vcov(coxph(model(y, c("arm", "cluster(pair)")), data = d, control = tight))[1, 1]),
       univariable = lapply(setNames(nm = c(terms, "arm")), function(x) cox(y, x, d)), p_term = as.list(p),
       entered = names(p)[p < 0.1], multivariable = cox(y, names(p)[p < 0.1], d),
       subgroups = lapply(groups, function(g) lapply(split(d, g(d), drop = TRUE), function(s) subgroup(y, event, s))),
       interaction = lapply(groups, function(g) {
         d$g <- factor(g(d))
         fits <- suppressWarnings(lapply(c("arm + g", "arm * g"), function(x) coxph(model(y, x), data = d, control = tight)))
         df <- sum(rowSums(table(d$g, d$arm) > 0) == 2) - 1
         pchisq(2 * (fits[[2]]$loglik[2] - fits[[1]]$loglik[2]), df, lower.tail = FALSE)
       }))
}
baseline <- function(d, continuous, groups) {
  numbers <- function(x) as.list(unname(c(length(x), mean(x), sd(x), quantile(x, c(.5, .25, .75)))))
  tests <- function(x) {
    a <- x[d$arm == 1]; b <- x[d$arm == 0]
    list(treated = numbers(a), control = numbers(b), welch = t.test(a, b)$p.value,
         student = t.test(a, b, var.equal = TRUE)$p.value, mann_whitney = wilcox.test(a, b, exact = FALSE)$p.value,
         shapiro_treated = shapiro.test(a)$p.value, shapiro_control = shapiro.test(b)$p.value,
         smd = (mean(a) - mean(b)) / sqrt((var(a) + var(b)) / 2))
  }
  counts <- function(g) {
    t <- table(factor(g(d)), factor(d$arm, 0:1)); chi <- suppressWarnings(chisq.test(t, correct = FALSE))
    small <- any(chi$expected < 5)
    list(levels = as.list(rownames(t)), control = as.list(unname(t[, 1])), treated = as.list(unname(t[, 2])),
         pearson = chi$p.value, p = if (small) fisher.test(t, workspace = 2e7)$p.value else chi$p.value, fisher = small)
  }
  list(continuous = lapply(setNames(nm = continuous), function(v) tests(d[[v]])), groups = lapply(groups, counts))
}
binary <- function(d, v) {
  t <- table(factor(d$arm, 1:0), factor(d[[v]], 1:0)); share <- t[, 1] / rowSums(t); log_or <- log(t[1, 1] * t[2, 2] / t[1, 2] / t[2, 1])
  list(p = chisq.test(t, correct = FALSE)$p.value, fisher = fisher.test(t)$p.value, yates = chisq.test(t)$p.value,
       risk_difference = as.list(c(share[[1]] - share[[2]], prop.test(t, correct = FALSE)$conf.int)),
       odds_ratio = as.list(exp(log_or + c(0, -1, 1) * qnorm(.975) * sqrt(sum(1 / t)))))
}
workflow <- function(d, candidates, terms, endpoints, groups, continuous, yes) {
  full <- glm(model("arm", candidates), binomial, d, control = glm.control(epsilon = 1e-15, maxit = 100))
  fit <- step(full, direction = "both", trace = 0)
  d$score <- predict(fit)
  m <- matchit(arm ~ score, data = d, distance = d$score, mahvars = ~score, caliper = 0.2, m.order = "largest")$match.matrix
  i <- as.integer(rownames(m)[!is.na(m)]); j <- as.integer(m[!is.na(m)]); i <- i[o <- order(i)]; j <- j[o]
  d$pair <- NA; d$pair[i] <- d$pair[j] <- seq_along(i)
  sets <- list(before = d, after = d[!is.na(d$pair), ])
  mc <- table(factor(d[[yes]][i], 1:0), factor(d[[yes]][j], 1:0))
  list(selected = as.list(attr(terms(fit), "term.labels")), coefficients = as.list(unname(coef(fit))), aic = AIC(fit),
       scores = unname(fitted(fit)), caliper = 0.2 * sd(d$score), pairs = cbind(d$id[i], d$id[j]),
       endpoints = lapply(endpoints, function(e) lapply(setNames(nm = names(sets)), function(s)
         compare(sets[[s]], e[1], e[2], terms, groups, s == "after"))),
       table1 = lapply(sets, function(s) suppressWarnings(baseline(s, continuous, groups))),
       binary = lapply(sets, function(s) binary(s, yes)),
       mcnemar = list(p = mcnemar.test(mc, correct = FALSE)$p.value, p_exact = binom.test(mc[1, 2], mc[1, 2] + mc[2, 1])$p.value))
}
freeze <- function(name, d, columns, ...) {
  row.names(d) <- NULL
  write.csv(d[columns], paste0("workflow_", name, ".csv"), row.names = FALSE, quote = FALSE)
  write_json(workflow(d, ...), paste0("workflow_", name, ".json"), digits = 17, auto_unbox = TRUE, na = "null")
}

d <- subset(colon, etype == 2 & rx != "Lev"); d <- d[complete.cases(d), ]
again <- subset(colon, etype == 1); k <- match(d$id, again$id); d$rtime <- again$time[k]; d$rstatus <- again$status[k]
d$arm <- as.integer(d$rx == "Lev+5FU"); d$old <- as.integer(d$age > 60); d$differ <- factor(d$differ); d$extent <- factor(d$extent)
d$early <- as.integer(d$rstatus == 1 & d$rtime < 365)
freeze("colon", d, c("id", "rx", "sex", "age", "obstruct", "perfor", "adhere", "nodes", "differ", "extent", "surg", "node4", "time", "status", "rtime", "rstatus", "early"),
       c("age", "sex", "obstruct", "perfor", "adhere", "nodes", "differ", "extent", "surg", "node4"),
       c("old", "sex", "obstruct", "perfor", "adhere", "nodes", "differ", "extent", "surg", "node4"),
       list(OS = c("time", "status"), RFS = c("rtime", "rstatus")),
       list(age = function(d) d$old, sex = function(d) d$sex, obstruct = function(d) d$obstruct, perfor = function(d) d$perfor,
            adhere = function(d) d$adhere, differ = function(d) as.integer(d$differ), extent = function(d) as.integer(d$extent),
            surg = function(d) d$surg, node4 = function(d) d$node4), c("age", "nodes"), "early")

d <- subset(pbc, !is.na(trt))
kept <- c("id", "trt", "age", "sex", "ascites", "hepato", "spiders", "edema", "bili", "albumin", "platelet", "protime", "stage", "time", "status")
d <- d[complete.cases(d[kept]), kept]; d$arm <- as.integer(d$trt == 1); d$early <- as.integer(d$status == 2 & d$time < 1461)
d$dead <- as.integer(d$status == 2); d$failed <- as.integer(d$status > 0); d$female <- as.integer(d$sex == "f")
d$a <- as.integer(d$age > 45); d$b <- as.integer(d$age > 60); d$edema <- factor(d$edema); d$stage <- factor(d$stage)
levels_of <- function(v) function(d) as.integer(d[[v]])
freeze("pbc", d, c(kept, "early"),
       c("age", "female", "ascites", "hepato", "spiders", "edema", "bili", "albumin", "platelet", "protime", "stage"),
       c("a", "b", "female", "ascites", "hepato", "spiders", "edema", "bili", "albumin", "platelet", "protime", "stage"),
       list(OS = c("time", "dead"), TFS = c("time", "failed")),
       list(age = function(d) 1 + d$a + d$b, sex = levels_of("female"), ascites = levels_of("ascites"), hepato = levels_of("hepato"),
            spiders = levels_of("spiders"), edema = levels_of("edema"), stage = levels_of("stage")),
       c("age", "bili", "albumin", "platelet", "protime"), "early")
