# Makes printed_medians.json: Rscript tests/oracle/printed_medians.R (from the root). Small random sets on which what
# print(survfit) prints of the median differs from quantile(survfit): limits that rise again, curves that end at a half.
# Weights are whole numbers, so that a set with weights is the same as one in which rows are repeated.
suppressMessages({library(survival); library(jsonlite)})
set.seed(20240)
types <- c("log", "log-log", "plain")
both <- function(time, event, weight, type) {
  fit <- survfit(Surv(time, event) ~ 1, weights = weight, conf.type = type, timefix = FALSE)
  table <- summary(fit)$table
  q <- quantile(fit, 0.5)
  list(printed = unname(table[c("median", "0.95LCL", "0.95UCL")]), quantile = unname(c(q$quantile, q$lower, q$upper)))
}
found <- list()
kept <- c("log" = 0, "log-log" = 0, "plain" = 0)
while (any(kept < 60)) {
  n <- sample(3:40, 1)
  time <- if (runif(1) < 0.5) sample(1:12, n, TRUE) else round(rexp(n, 0.1) * 8) / 8
  event <- as.integer(runif(n) < runif(1, 0.3, 1))
  weight <- if (runif(1) < 0.3) sample(1:3, n, TRUE) else rep(1L, n)
  for (type in types) if (kept[type] < 60) {
    made <- both(time, event, weight, type)
    if (!identical(made$printed, made$quantile)) {
      kept[type] <- kept[type] + 1
      found[[length(found) + 1]] <- list(type = type, time = time, event = event, weight = weight, printed = made$printed,
                                         quantile = made$quantile)
    }
  }
}
write_json(list(R = as.character(getRversion()), survival = as.character(packageVersion("survival")), cases = found),
           "tests/oracle/printed_medians.json", auto_unbox = TRUE, digits = I(17))
