# Weighted matched samples in R, frozen for tests/test_weighted_samples.py. Run in this folder: Rscript weighted.R
# Made with R 4.2.2, survival 3.5-3, survey 4.1-1, jsonlite. Weights are MatchIt's: 1 for the treated, controls 1 / k in
# a set of k, then scaled to a mean of 1. svyranktest depends on the order of tied rows where their weights differ, hence
# `midrank`; svyquantile's rule hf7 too, hence the rows in order of value and weight.
suppressMessages({library(survival); library(survey); library(jsonlite)})
tight <- coxph.control(eps = 1e-14, iter.max = 100, toler.chol = 1e-15, timefix = FALSE)
sample_of <- function(seed, sizes, reuse = FALSE) {
  set.seed(seed)
  sets <- length(sizes); control <- rep(seq_len(sets), sizes)
  d <- data.frame(trt = c(rep(1, sets), rep(0, length(control))), set = c(seq_len(sets), control),
                  w = c(rep(1, sets), 1 / sizes[control]))
  if (reuse) {  # controls serve several sets: one row each, the weights added
    d$id <- c(seq_len(sets), sets + sample(ceiling(length(control) / 2), length(control), TRUE))
    d$w <- ave(d$w, d$id, FUN = sum); d <- d[!duplicated(d$id), ]; d$set <- d$id
  }
  k <- d$trt == 0; d$w[k] <- d$w[k] / mean(d$w[k])
  n <- nrow(d); d$id <- seq_len(n)
  d$x <- round(rnorm(n, 50 + 2 * d$trt, 9), 5); d$skew <- round(rexp(n, 1 / (3 + d$trt)), 5)
  d$tied <- sample(c(0:6), n, TRUE); d$g <- sample(0:3, n, TRUE, c(.4, .3, .2, .1)); d$h <- rbinom(n, 1, .4 + .1 * d$trt)
  d$rare <- ifelse(d$trt == 0 & runif(n) < .1, 2, rbinom(n, 1, .5)); d$yes <- rbinom(n, 1, .3 + .2 * d$trt)
  true <- rexp(n, exp(-.5 * d$trt + .4 * d$h) / 8); end <- runif(n, 2, 25)
  d$t <- ceiling(pmin(true, end) * 4) / 4; d$e <- as.integer(true <= end)
  later <- rexp(n, 1 / 6); d$t2 <- ceiling(pmin(later, end)); d$e2 <- as.integer(later <= end)
  d[sample(n), ]
}
test <- function(r) unname(c(r$statistic, r$parameter, r$p.value))
numbers <- function(d, v) {
  D <- svydesign(ids = ~set, weights = ~w, data = d); f <- as.formula(paste0("~", v))
  midrank <- sapply(d[[v]], function(a) sum(d$w[d[[v]] < a]) + sum(d$w[d[[v]] == a]) / 2) / sum(d$w)
  R <- svydesign(ids = ~set, weights = ~w, data = cbind(d, midrank = midrank))
  arms <- lapply(0:1, function(a) {
    own <- d[d$trt == a, ]; own <- own[order(own[[v]], own$w), ]
    s <- svydesign(ids = ~id, weights = ~w, data = own)
    c(nrow(own), svymean(f, s), sqrt(svyvar(f, s)), svyquantile(f, s, c(.25, .5, .75), qrule = "hf7", ci = FALSE)[[1]])
  })
  list(arms = arms, t = test(svyttest(as.formula(paste(v, "~ trt")), D)),
       rank = test(svyranktest(as.formula(paste(v, "~ trt")), D)), midrank = test(svyttest(midrank ~ trt, R)))
}
shares <- function(d, v) {
  d$f <- factor(d[[v]]); d$arm <- factor(d$trt); D <- svydesign(ids = ~set, weights = ~w, data = d)
  r <- suppressWarnings(svychisq(~arm + f, D))
  list(share = unclass(prop.table(svytable(~arm + f, D), 1)), f = unname(c(r$statistic, r$parameter, r$p.value)))
}
curves <- function(d, time, event, type) {
  f <- survfit(as.formula(sprintf("Surv(%s, %s) ~ trt", time, event)), d, weights = w, cluster = set, robust = TRUE,
               conf.type = type, timefix = FALSE)
  lapply(1:2, function(a) {
    s <- f[a]; list(curve = cbind(s$time, s$surv, s$std.err, s$lower, s$upper)[s$n.event > 0, , drop = FALSE],
                    median = unname(summary(f)$table[a, c("median", "0.95LCL", "0.95UCL")]))
  })
}
cox <- function(d, rhs, time, event, ties) coxph(as.formula(sprintf("Surv(%s, %s) ~ %s", time, event, rhs)), d, weights = w,
                                                 cluster = set, ties = ties, control = tight)
survive <- function(d, time, event) {
  names <- c("log", "plain", "log-log")
  whole <- function(d, ties) { f <- cox(d, "trt", time, event, ties); c(unname(coef(f)), sqrt(vcov(f)[1]), f$rscore) }
  d$censored <- 1 - d[[event]]
  list(cox = lapply(list(efron = "efron", breslow = "breslow"), function(t) whole(d, t)),
       km = lapply(setNames(names, names), function(type) curves(d, time, event, type)),
       follow_up = lapply(curves(d, time, "censored", "log"), function(a) a$median),
       subgroups = lapply(split(d, d$h), function(s) whole(s, "efron")),
       interaction = lapply(list(h = "h", g = "g"), function(v) {
         d$f <- factor(d[[v]]); f <- cox(d, "trt * f", time, event, "efron"); k <- grep(":", names(coef(f)))
         q <- c(coef(f)[k] %*% solve(vcov(f)[k, k], coef(f)[k])); pchisq(q, length(k), lower.tail = FALSE)
       }))
}
cases <- list(`1:2` = sample_of(11, rep(2, 45)), variable = sample_of(12, rep(1:3, 18)), reused = sample_of(13, rep(2, 50), TRUE),
              `1:1` = sample_of(14, rep(1, 60)))
write.csv(do.call(rbind, lapply(names(cases), function(k) cbind(case = k, cases[[k]]))), "weighted.csv", row.names = FALSE, quote = FALSE)
cases <- split(read.csv("weighted.csv"), read.csv("weighted.csv")$case)  # R and Python hold the same numbers
write_json(lapply(cases, function(d) list(
  numbers = lapply(list(x = "x", skew = "skew", tied = "tied"), function(v) numbers(d, v)),
  shares = lapply(list(g = "g", h = "h", rare = "rare", yes = "yes"), function(v) shares(d, v)),
  survival = list(OS = survive(d, "t", "e"), PFS = survive(d, "t2", "e2")))), "weighted.json", digits = 17, auto_unbox = TRUE, na = "null")
