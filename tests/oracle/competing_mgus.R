# Makes competing_mgus.csv and competing_mgus.json (600 patients of mgus2, R's survival, LGPL >= 2): Rscript competing_mgus.R
# in this folder. Made with R 4.2.2, survival 3.5-3, cmprsk 2.2-11.
suppressMessages({library(survival); library(cmprsk); library(jsonlite)})
d <- mgus2[complete.cases(mgus2), ]
d$etime <- with(d, ifelse(pstat == 0, futime, ptime)); d$event <- with(d, ifelse(pstat == 0, 2 * death, 1))
d$status <- c("alive", "pcm", "dead")[d$event + 1]; d <- d[1:600, ]; d$id <- seq_len(nrow(d)); d$hgb <- round(d$hgb, 1)
write.csv(d[, c("id", "age", "sex", "hgb", "creat", "etime", "status")], "competing_mgus.csv", row.names = FALSE, quote = FALSE)
at <- c(60, 120, 240); d$man <- as.numeric(d$sex == "M"); d$f <- factor(d$event, 0:2, c("alive", "pcm", "dead"))
tight <- coxph.control(eps = 1e-14, iter.max = 100, toler.chol = 1e-15)
arms <- lapply(c(treated = 1, control = 0), function(a) {
  s <- summary(survfit(Surv(etime, f) ~ 1, d[d$man == a, ], id = id), times = at)
  list(pcm = s$pstate[, 2], se = s$std.err[, 2], low = s$lower[, 2], high = s$upper[, 2], dead = s$pstate[, 3])
})
g <- finegray(Surv(etime, f) ~ ., d, etype = "pcm", id = id)
one <- function(f, se) unname(c(coef(f), se))
fg <- coxph(Surv(fgstart, fgstop, fgstatus) ~ man, g, weights = fgwt, cluster = id, control = tight)
cs <- coxph(Surv(etime, event == 1) ~ man, d, control = tight); other <- coxph(Surv(etime, event == 2) ~ man, d, control = tight)
write_json(list(arms = arms, gray = unname(cuminc(d$etime, d$event, d$man)$Tests["1", 1:2]), fg = one(fg, sqrt(vcov(fg)[1])),
                specific = one(cs, sqrt(vcov(cs)[1])), other = one(other, sqrt(vcov(other)[1]))),
           "competing_mgus.json", digits = I(12), auto_unbox = TRUE)
