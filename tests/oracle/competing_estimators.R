# Estimators of an endpoint with competing events in R, frozen for tests/test_competing_estimators.py. Run in this
# folder: Rscript competing_estimators.R. Made with R 4.2.2, survival 3.5-3, MatchIt 4.5.1, jsonlite. Four cohorts of
# 160: a logistic propensity model, ATT weights or 1:1 matching, then cumulative incidences of survfit with pair or
# patient clusters of its influence, and coxph on the rows of finegray, with weights and clusters. The version of
# MatchIt ignores calipers unless the distance is given as mahvars too.
suppressMessages({library(survival); library(MatchIt); library(jsonlite)})
tight <- coxph.control(eps = 1e-14, iter.max = 100, toler.chol = 1e-15, timefix = FALSE)
at <- .75
cohort <- function(k) {
  set.seed(70 + k); n <- 160
  x <- round(rnorm(n) * 1024); s <- rbinom(n, 1, .5)
  arm <- rbinom(n, 1, plogis(-.8 + .0005 * x + .7 * s))
  one <- rexp(n, .5 * exp(-.5 * arm + .0003 * x + .4 * s)); two <- rexp(n, .4 * exp(-.2 * arm + .3 * s)); end <- runif(n, .4, 3)
  t <- pmin(one, two, end); grain <- c(1, 64)[k %% 2 + 1]
  data.frame(cohort = k, t = ceiling(t * 1024 / grain) * grain, cause = ifelse(end == t, 0, ifelse(one == t, 1, 2)), arm = arm, x = x, s = s)
}
write.csv(do.call(rbind, lapply(1:4, cohort)), "competing_estimators.csv", row.names = FALSE, quote = FALSE)
arms_of <- function(d) lapply(0:1, function(a) {
  s <- d[d$arm == a, ]
  f <- survfit(Surv(t, f) ~ 1, s, id = id, weights = w, influence = TRUE, timefix = FALSE)
  times <- c(0, f$time); p <- rbind(f$p0, f$pstate)[, 2]; i <- f$influence.pstate[, , 2]  # by weight
  row <- sum(times <= at); width <- pmax(pmin(c(times[-1], Inf), at) - times, 0)
  list(p = p[row], g = i[, row], lost = sum(width * p), lg = as.vector(i %*% width), w = s$w, who = s$by)
})
contrasts_of <- function(d) {
  a <- arms_of(d)
  se <- function(g) { v <- c(g[[2]] * a[[2]]$w, -g[[1]] * a[[1]]$w); sqrt(sum(rowsum(v, c(a[[2]]$who, a[[1]]$who))^2)) }
  naive <- function(g) sqrt(sum(a[[2]]$w * g[[2]]^2) + sum(a[[1]]$w * g[[1]]^2))
  told <- function(value, g) list(value = value, se = se(g), naive = naive(g))
  list(incidence = told(a[[2]]$p - a[[1]]$p, lapply(a, function(o) o$g)),
       incidence_ratio = told(log(a[[2]]$p / a[[1]]$p), lapply(a, function(o) o$g / o$p)),
       rmtl = told(a[[2]]$lost - a[[1]]$lost, lapply(a, function(o) o$lg)))
}
model_of <- function(d, formula = Surv(fgstart, fgstop, fgstatus) ~ arm) {
  g <- finegray(Surv(t, f) ~ ., d, etype = "1", id = id, timefix = FALSE)
  g$own <- g$fgwt * g$w
  m <- coxph(formula, g, weights = own, cluster = by, control = tight)
  list(value = unname(coef(m)[1]), se = sqrt(diag(m$var))[1], naive = sqrt(diag(m$naive.var))[1])
}
all_of <- function(d) c(contrasts_of(d), list(subdistribution_hr = model_of(d)))
one <- function(d) {
  d$t <- d$t / 1024; d$x <- d$x / 1024; d$id <- d$by <- seq_len(nrow(d)); d$f <- factor(d$cause, 0:2); d$w <- 1
  e <- glm(arm ~ x + s, binomial, d, control = glm.control(epsilon = 1e-15, maxit = 100)); p <- fitted(e); d$score <- predict(e)
  weighted <- d; weighted$w <- ifelse(d$arm == 1, 1, p / (1 - p))
  m <- matchit(arm ~ x + s, d, distance = d$score, mahvars = ~score, caliper = .2, m.order = "largest")
  kept <- d[!is.na(m$subclass), ]; kept$by <- as.integer(m$subclass[!is.na(m$subclass)])
  list(cohort = d$cohort[1], pairs = nrow(kept) / 2, crude = all_of(d), weighted = all_of(weighted), matched = all_of(kept),
       alone = all_of(transform(kept, by = id)), adjusted = model_of(d, Surv(fgstart, fgstop, fgstatus) ~ arm + x + s))
}
all <- read.csv("competing_estimators.csv")
write(toJSON(lapply(split(all, all$cohort), one), digits = I(12), auto_unbox = TRUE), "competing_estimators.json")
