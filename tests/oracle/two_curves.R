# Makes two_curves.json: Rscript tests/oracle/two_curves.R (from the root). Tests and differences of two curves by R's survival.
suppressMessages({library(survival); library(jsonlite)})
here <- "tests/oracle"
sets <- list(lung = list(arm = "male", at = 365), veteran = list(arm = "trt", at = 90), gbsg = list(arm = "hormon", at = 1000),
             ovarian = list(arm = "rx", at = 400))
one <- function(name) {
  asked <- sets[[name]]
  d <- read.csv(gzfile(file.path(here, "data", paste0("classic_", name, ".csv.gz"))))
  d <- d[complete.cases(d), ]
  d$arm <- d[[asked$arm]]
  d$old <- as.numeric(d$age > 60)
  z <- function(fit) {
    o <- if (is.matrix(fit$obs)) rowSums(fit$obs) else fit$obs
    e <- if (is.matrix(fit$exp)) rowSums(fit$exp) else fit$exp
    unname((o[2] - e[2]) / sqrt(fit$var[2, 2]))
  }
  curves <- lapply(0:1, function(a) survfit(Surv(time, event) ~ 1, d[d$arm == a, ], timefix = FALSE))
  point <- lapply(curves, function(f) summary(f, times = asked$at))
  mean <- lapply(curves, function(f) summary(f, rmean = asked$at)$table[c("rmean", "se(rmean)")])
  list(name = name, arm = asked$arm, at = asked$at,
       plain = z(survdiff(Surv(time, event) ~ arm, d)), half = z(survdiff(Surv(time, event) ~ arm, d, rho = 0.5)),
       peto = z(survdiff(Surv(time, event) ~ arm, d, rho = 1)), stratified = z(survdiff(Surv(time, event) ~ arm + strata(old), d)),
       survival = c(point[[2]]$surv - point[[1]]$surv, sqrt(point[[1]]$std.err^2 + point[[2]]$std.err^2)),
       rmst = c(unname(mean[[2]][1] - mean[[1]][1]), sqrt(unname(mean[[1]][2]^2 + mean[[2]][2]^2))),
       medians = sapply(curves, function(f) unname(quantile(f, 0.5)$quantile)))
}
rows <- lapply(names(sets), one)
write_json(list(R = as.character(getRversion()), survival = as.character(packageVersion("survival")), cases = rows),
           file.path(here, "two_curves.json"), auto_unbox = TRUE, digits = I(17), pretty = TRUE)
