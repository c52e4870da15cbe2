# Competing risks in R, frozen for tests/test_against_r_competing.py. Run in this folder: Rscript competing.R
# Made with R 4.2.2, survival 3.5-3, cmprsk 2.2-11, jsonlite. 300 sets of 12 to 90 patients; times, covariates and
# weights are whole numbers of 1/1024, 1/16 and 1/16, so that R and Python hold the same doubles. In one set of four no
# times are tied; sets 1, 21, 41, ... have no competing events. Fine-Gray by arm uses rows expanded by hand, for
# finegray(~ strata()) of this version leaves out rows that an unstratified model needs (survival's issue 329).
suppressMessages({library(survival); library(cmprsk); library(jsonlite)})
tight <- coxph.control(eps = 1e-14, iter.max = 100, toler.chol = 1e-15, timefix = FALSE)
set_of <- function(k) {
  set.seed(1000 + k)
  n <- 2 * sample(6:45, 1); arm <- rep(0:1, n / 2); pair <- rep(seq_len(n / 2), each = 2)
  x <- round(rnorm(n) * 16); rates <- runif(3, .3, 1.2) * c(1, 1, .4)
  if (k %% 20 == 1) rates[2:3] <- 0
  if (k %% 3 > 0) rates[3] <- 0
  first <- sapply(1:3, function(c) if (rates[c] > 0) rexp(n, rates[c] * exp((c == 1) * (.4 * arm + .02 * x))) else rep(Inf, n))
  end <- runif(n, .2, 3); when <- pmin(apply(first, 1, min), end)
  cause <- ifelse(end <= apply(first, 1, min), 0, apply(first, 1, which.min))
  grain <- c(1, 64, 256, 512)[k %% 4 + 1]
  t <- ceiling(when * 1024 / grain) * grain
  while (grain == 1 && anyDuplicated(t)) t[duplicated(t)] <- t[duplicated(t)] + 1
  d <- data.frame(set = k, t = t, cause = cause, arm = arm, x = x, w = sample(4:48, n, TRUE), pair = pair)
  d[sample(n), ]
}
write.csv(do.call(rbind, lapply(1:300, set_of)), gzfile("competing.csv.gz"), row.names = FALSE, quote = FALSE)
all <- read.csv(gzfile("competing.csv.gz"))
ask <- c(.25, .5, 1)
curves <- function(d, weighted, clustered) lapply(0:1, function(a) {
  s <- d[d$arm == a, ]; s$one <- if (weighted) s$w / 16 else rep(1, nrow(s))
  f <- survfit(Surv(t, f) ~ 1, s, id = id, weights = one, influence = TRUE, timefix = FALSE)
  times <- c(0, f$time); p <- rbind(f$p0, f$pstate); i <- f$influence.pstate * s$one  # R gives them by weight
  row <- sapply(ask, function(u) sum(times <= u)); until <- min(1, max(f$time))
  width <- pmax(pmin(c(times[-1], Inf), 1) - times, 0)
  list(p = p[row, -1], i = i[, row, -1, drop = FALSE], lost = colSums(width * p[, -1]), who = s$pair, until = max(f$time), free = p[nrow(p), 1],
       li = apply(i[, , -1, drop = FALSE], c(1, 3), function(v) sum(v * width)), se = rbind(0, f$std.err)[row, -1])
})
summed <- function(v, by) { s <- rowsum(v, by); sqrt(sum(s^2)) }
incidence <- function(d, weighted) {
  arms <- curves(d, weighted)
  causes <- dim(arms[[1]]$i)[3]
  pairs <- function(get) { v <- lapply(arms, get); summed(c(v[[2]], -v[[1]]), c(arms[[2]]$who, arms[[1]]$who)) }
  list(value = lapply(arms, function(a) a$p), se = lapply(arms, function(a) a$se), lost = lapply(arms, function(a) a$lost),
       lost_se = lapply(arms, function(a) sqrt(colSums(a$li^2))), until = sapply(arms, function(a) a$until), free = sapply(arms, function(a) a$free),
       pair_se = sapply(seq_along(ask), function(k) pairs(function(a) a$i[, k, 1])),
       ratio_se = sapply(seq_along(ask), function(k) pairs(function(a) a$i[, k, 1] / matrix(a$p, length(ask))[k, 1])),
       lost_pair_se = pairs(function(a) a$li[, 1]))
}
limits <- function(d) lapply(c(log = "log", plain = "plain", `log-log` = "log-log"), function(type) {
  f <- summary(survfit(Surv(t, f) ~ 1, d, id = id, conf.type = type, timefix = FALSE), times = .5, extend = TRUE); rbind(f$lower, f$upper)[, 2]
})
fit <- function(formula, g, by) {
  g$by <- by
  f <- tryCatch(withCallingHandlers(coxph(formula, g, weights = fgwt, cluster = by, control = tight),
                warning = function(w) stop("warned")), error = function(e) NULL)
  if (is.null(f)) NULL else list(beta = unname(coef(f)), se = sqrt(diag(f$naive.var)), robust = sqrt(diag(f$var)), loglik = f$loglik)
}
before <- function(s) {  # the Kaplan-Meier estimate of not being censored before a time, events first; 0 after the last time
  u <- sort(unique(s$t)); g <- survfit(Surv(match(t, u) - .2 * (cause > 0), cause == 0) ~ 1, s)
  drop <- g$n.event > 0; at <- u[g$time[drop]]; left <- c(1, g$surv[drop])
  function(v) ifelse(v > max(u), 0, left[1 + findInterval(v, at, left.open = TRUE)])
}
by_arm <- function(d) {
  G <- lapply(0:1, function(a) before(d[d$arm == a, ])); ends <- sort(unique(d$t))
  g <- do.call(rbind, lapply(seq_len(nrow(d)), function(j) {
    later <- if (d$cause[j] > 1) ends[ends > d$t[j]] else numeric(0); own <- G[[d$arm[j] + 1]]; stop <- c(d$t[j], later)
    data.frame(id = j, arm = d$arm[j], fgstart = c(0, stop[-length(stop)]), fgstop = stop,
               fgstatus = c(d$cause[j] == 1, rep(FALSE, length(later))), fgwt = c(1, own(later) / own(d$t[j])))
  }))
  g[g$fgwt > 0, ]
}
one <- function(d) {
  d$t <- d$t / 1024; d$x <- d$x / 16; d$id <- seq_len(nrow(d)); causes <- sort(unique(c(0, 1, 2, d$cause)))
  d$f <- factor(d$cause, causes)
  tied <- anyDuplicated(d$t) > 0
  g <- if (any(d$cause == 0) && any(d$cause > 1)) finegray(Surv(t, f) ~ ., d, etype = "1", id = id, timefix = FALSE) else
    data.frame(d, fgstart = 0, fgstop = ifelse(d$cause > 1, max(d$t), d$t), fgstatus = d$cause == 1, fgwt = 1)
  gw <- g; gw$fgwt <- gw$fgwt * gw$w / 16; y <- Surv(t, cause == 1) ~ arm
  u <- cuminc(d$t, d$cause, d$arm); p <- if (any(d$cause == 1)) timepoints(u[setdiff(names(u), "Tests")], ask) else NULL
  ours <- paste(0:1, 1); k <- suppressWarnings(crr(d$t, d$cause, cbind(d$arm, d$x), gtol = 1e-11, maxiter = 50)); alone <- suppressWarnings(crr(d$t, d$cause, d$arm, gtol = 1e-11, maxiter = 50))
  d$fgwt <- d$w / 16
  Y <- Surv(fgstart, fgstop, fgstatus) ~ arm
  list(set = d$set[1], tied = tied, plain = incidence(d, FALSE), weighted = incidence(d, TRUE), limits = limits(d),
       cuminc = if (is.null(p)) NULL else list(est = p$est[ours, ], var = p$var[ours, ]), gray = unname(u$Tests["1", 1:2]),
       fg = fit(Y, g, g$id), fg2 = fit(update(Y, . ~ . + x), g, g$id), fgw = fit(update(Y, . ~ . + x), gw, gw$pair),
       arm = { h <- by_arm(d); fit(Y, h, h$id) }, crr = list(beta = unname(k$coef), se = sqrt(diag(k$var)), converged = k$converged),
       crr1 = list(beta = unname(alone$coef), se = sqrt(alone$var[1]), converged = alone$converged), specific = fit(update(y, . ~ . + x), d, d$pair))
}
out <- gzfile("competing.jsonl.gz", "w")
for (d in split(all, all$set)) writeLines(toJSON(one(d), digits = I(12), auto_unbox = TRUE, na = "null", null = "null"), out)
close(out)
