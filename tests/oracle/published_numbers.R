# The numbers of tests/test_published_numbers.py. R 4.2.2, survival 3.5-3: Rscript tests/oracle/published_numbers.R
library(survival)
y <- c(15, 30)
n <- c(100, 120)
arm <- c(1, 0)
for (link in c("identity", "log", "logit")) {
  fit <- suppressWarnings(glm(cbind(y, n - y) ~ arm, binomial(link), control = glm.control(epsilon = 1e-15, maxit = 100)))
  se <- sqrt(vcov(fit)[2, 2])
  found <- coef(fit)[2] + c(0, -1, 1) * qnorm(0.975) * se
  print(if (link == "identity") found else exp(found), digits = 12)
}
pairs <- matrix(c(40, 5, 12, 60), 2)
found <- mcnemar.test(pairs, correct = FALSE)
print(c(found$statistic, found$p.value, binom.test(5, 17)$p.value), digits = 12)
at <- c(10, 20, 30)
curve <- survfit(Surv(time, status) ~ x, aml)
s <- summary(curve, times = at)
print(cbind(s$time, s$n.risk, s$surv, s$std.err, s$lower, s$upper), digits = 10)
print(summary(curve, rmean = 30)$table, digits = 10)
print(survfit(Surv(time, 1 - status) ~ 1, aml))
weight <- rep(c(1, 2, 0.5), length.out = 23)
id <- rep(1:6, length.out = 23)
s <- summary(survfit(Surv(time, status) ~ x, aml, weights = weight, cluster = id), times = at)
print(cbind(s$time, s$surv, s$std.err, s$lower, s$upper), digits = 10)
