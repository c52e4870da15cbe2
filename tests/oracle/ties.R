# The matched hazard ratio where whole groups of controls are equally near, over random choices among them.
# One binary covariate, rows sorted by survival time: any matching within the levels of x is as good as any other.
# Rscript ties.R, in this folder: ties.json (R's version and survival's inside it).
suppressMessages(library(survival))
library(jsonlite)
set.seed(20260101)
d <- read.csv("ties_sorted.csv")
once <- function(take) {
  rows <- unlist(lapply(0:1, function(x) {
    treated <- which(d$trt == 1 & d$x == x)
    controls <- which(d$trt == 0 & d$x == x)
    c(treated, take(controls, length(treated)))
  }))
  exp(coef(coxph(Surv(t, e) ~ trt, d[rows, ], control = coxph.control(eps = 1e-14, iter.max = 100))))[[1]]
}
sampled <- replicate(20000, once(function(from, n) from[sample.int(length(from), n)]))
writeLines(toJSON(list(
  version = paste(R.version.string, "survival", packageVersion("survival")),
  matchings = length(sampled), median = median(sampled), mean_log = mean(log(sampled)), sd_log = sd(log(sampled)),
  low = quantile(sampled, 0.025, names = FALSE), high = quantile(sampled, 0.975, names = FALSE),
  first_rows = once(function(from, n) from[seq_len(n)]),
  last_rows = once(function(from, n) rev(from)[seq_len(n)])
), auto_unbox = TRUE, digits = NA, pretty = TRUE), "ties.json")
