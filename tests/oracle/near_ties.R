# Makes near_ties.json: Rscript tests/oracle/near_ties.R (from the root). What R's timefix does to times that differ by
# rounding only: aeqSurv on vectors, and every statistic of near_ties.csv (months as 0.1 * k and as a running sum) with
# and without. survdiff cannot leave timefix out; the ranks of the times have the same ties as the times themselves.
suppressMessages({library(survival); library(jsonlite)})
set.seed(76)
eps <- sqrt(.Machine$double.eps)
chain <- function(n, step) 5 + cumsum(rep(step, n))
vectors <- c(list(
  0.7, c(0, 0), c(0, eps), c(0, eps * (1 + 1e-9)), c(1, 1 + eps), c(1, 1 + 1.01 * eps), c(0.01, 0.01 + eps), c(100, 100 + 99 * eps),
  c(100, 100 + 101 * eps), c(1e6, 1e6 + 0.01, 1e6 + 0.02), c(1e-10, 5e-9, 2), chain(6, 4.9 * eps), chain(6, 5.1 * eps),
  c(0.1 * 3, 0.3, 0.1 * 7, 0.7, 1.2, 0.1 * 12), c(3, 1, 2, 1 + 1e-12, 3 - 1e-12, 0)),
  lapply(1:60, function(k) {
    base <- sample(c(0.1, 1 / 7, 30.4375, 1000), 1) * sample(0:15, 25, TRUE)
    pmax(0, base + sample(c(0, 1, -1), 25, TRUE) * max(1, mean(base)) * eps * 10^runif(25, -7, 0.6))
  }))
fixed <- lapply(vectors, function(t) aeqSurv(Surv(t, rep(1, length(t))))[, 1])
d <- read.csv("tests/oracle/near_ties.csv")
tight <- function(fix) coxph.control(eps = 1e-14, iter.max = 100, toler.chol = 1e-15, timefix = fix)
numbers <- function(fix) {
  fit <- coxph(Surv(t, e) ~ trt, d, control = tight(fix))
  when <- if (fix) aeqSurv(Surv(d$t, d$e))[, 1] else d$t
  test <- survdiff(Surv(match(when, sort(unique(when))), e) ~ trt, d)
  if (fix) stopifnot(abs(test$chisq - survdiff(Surv(t, e) ~ trt, d)$chisq) < 1e-12)
  medians <- function(f) unname(t(summary(survfit(f, d, timefix = fix))$table[, c("median", "0.95LCL", "0.95UCL")]))
  part <- subset(d, x > 0)
  list(log_hr = unname(coef(fit)), se = sqrt(vcov(fit))[1, 1], chi2 = test$chisq, medians = medians(Surv(t, e) ~ trt),
       follow_up = medians(Surv(t, 1 - e) ~ trt),
       subgroup = unname(coef(coxph(Surv(t, e) ~ trt, part, control = tight(fix)))))
}
digits <- function(v) rapply(v, function(x) sprintf("%.17g", x), "numeric", how = "replace")  # jsonlite ends at 15 of them
write_json(list(R = as.character(getRversion()), survival = as.character(packageVersion("survival")), times = digits(vectors),
                fixed = digits(fixed), true = digits(numbers(TRUE)), false = digits(numbers(FALSE))), "tests/oracle/near_ties.json")
