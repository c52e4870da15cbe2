# The workflow in R tuned by hand: matrices made beforehand, cumulative sums written out, the Cox models of one 0/1 variable
# from their risk sets, coxph.fit for the others; no formulas, no data frames. Logistic models by glm.fit, started where the
# quadratic approximation has its maximum; with the option newton also by Newton's steps written out.
# Run by benchmarks.speed: Rscript tuned.R glm.fit|newton SECONDS < names of cohort files
suppressMessages(library(survival))
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))), "protocol.R"))

Z <- qnorm(0.975)
LEVELS <- c(2L, 2L, 3L, 2L, 2L, 2L, 2L, 2L, 2L, 3L, 2L)
ENDPOINTS <- c("OS", "PFS")

prepare <- function(d) {
  binary <- cbind(d$age > 50, d$sex, d$ecog >= 1, d$etiol, d$lesion, d$size > 10, d$lung, d$pvtt, d$afp, d$albi >= 2, d$cp, d$treat)
  storage.mode(binary) <- "double"
  rows <- cbind(binary[, 1:2], d$ecog, binary[, 4:9], d$albi - 1, binary[, 11]) + 1
  storage.mode(rows) <- "integer"
  levels <- lapply(c(1:9, 11), function(k) list(binary[, k] == 0, binary[, k] == 1))
  list(n = nrow(d), treat = as.double(d$treat), numbers = list(age = d$age, size = d$size), rows = rows, binary = binary,
       x = cbind(1, d$age, binary[, c(2:5)], d$size, binary[, 7:11]),
       courses = list(OS = list(time = d$os_t, event = as.double(d$os_e)), PFS = list(time = d$pfs_t, event = as.double(d$pfs_e))),
       groups = c(list(rep(TRUE, nrow(d))), do.call(c, levels), lapply(1:3, function(k) d$albi == k)))
}
kept <- function(d, pairs) {
  inside <- logical(d$n)
  inside[pairs >= 0] <- TRUE
  inside[pairs[pairs >= 0] + 1] <- TRUE
  which(inside)
}

# ---- table 1 ----------------------------------------------------------------------------------------------------
describe <- function(sorted) {
  n <- length(sorted)
  mean <- sum(sorted) / n
  place <- (n - 1) * c(0.5, 0.25, 0.75) + 1
  low <- floor(place)
  c(n, mean, sqrt(sum((sorted - mean)^2) / (n - 1)), sorted[low] + (place - low) * (sorted[pmin(low + 1, n)] - sorted[low]))
}
continuous <- function(x, treat) {
  n <- length(x)
  order <- order(x)
  x <- x[order]
  inside <- treat[order] == 1
  one <- describe(x[inside])
  zero <- describe(x[!inside])
  ends <- which(c(x[-1] != x[-n], TRUE))
  size <- diff(c(0, ends))
  rank <- rep(ends - (size - 1) / 2, size)
  n1 <- one[1]
  n0 <- zero[1]
  w <- sum(rank[inside]) - n1 * (n1 + 1) / 2 - n1 * n0 / 2
  sigma <- sqrt(n1 * n0 / 12 * (n + 1 - sum(size^3 - size) / (n * (n - 1))))
  a <- one[3]^2 / n1
  b <- zero[3]^2 / n0
  difference <- one[2] - zero[2]
  c(one, zero, 2 * pt(-abs(difference) / sqrt(a + b), (a + b)^2 / (a^2 / (n1 - 1) + b^2 / (n0 - 1))),
    2 * pnorm(-abs(w - sign(w) * 0.5) / sigma), difference / sqrt((one[3]^2 + zero[3]^2) / 2))
}
fisher <- function(one, zero) {  # counts of both arms by level, two or three
  total <- one + zero
  n1 <- sum(one)
  if (length(total) == 2) {
    p <- dhyper(max(0, n1 - total[2]):min(n1, total[1]), total[1], total[2], n1)
    seen <- dhyper(one[1], total[1], total[2], n1)
  } else {
    total <- total[o <- order(total)]
    one <- one[o]
    choose <- lapply(total, function(k) lchoose(k, 0:k))
    first <- rep(0:total[1], total[2] + 1)
    second <- rep(0:total[2], each = total[1] + 1)
    third <- n1 - first - second
    possible <- third >= 0 & third <= total[3]
    log_p <- choose[[1]][first[possible] + 1] + choose[[2]][second[possible] + 1] + choose[[3]][third[possible] + 1]
    all <- lchoose(sum(total), n1)
    p <- exp(log_p - all)
    seen <- exp(choose[[1]][one[1] + 1] + choose[[2]][one[2] + 1] + choose[[3]][one[3] + 1] - all)
  }
  min(1, sum(p[p <= seen * (1 + 1e-7)]))
}
categorical <- function(code, treat, levels) {
  counts <- tabulate(code + levels * (treat == 0), 2 * levels)
  one <- counts[1:levels]
  zero <- counts[levels + 1:levels]
  a <- one / sum(one)
  b <- zero / sum(zero)
  smd <- (a - b) / sqrt((a * (1 - a) + b * (1 - b)) / 2)
  smd[is.nan(smd)] <- 0
  used <- one + zero > 0
  p <- c(NA, NA)
  if (sum(used) > 1) {
    o <- c(one[used], zero[used])
    expected <- c((one + zero)[used] * sum(one), (one + zero)[used] * sum(zero)) / sum(o)
    p[1] <- pchisq(sum((o - expected)^2 / expected), sum(used) - 1, lower.tail = FALSE)
    if (min(expected) < 5) p[2] <- fisher(one[used], zero[used])
  }
  list(p = p, counts = rbind(one, zero), smd = if (levels == 2) smd[2] else smd)
}
baseline <- function(d, who) {
  treat <- d$treat[who]
  rows <- lapply(1:11, function(k) categorical(d$rows[who, k], treat, LEVELS[k]))
  list(continuous = c(continuous(d$numbers$age[who], treat), continuous(d$numbers$size[who], treat)),
       categorical = unlist(lapply(rows, `[[`, "p")), counts = unlist(lapply(rows, `[[`, "counts")),
       smd = unlist(lapply(rows, `[[`, "smd")))
}
table1 <- function(d, pairs) {
  parts <- c(baseline(d, seq_len(d$n)), baseline(d, kept(d, pairs)))
  setNames(parts, paste0("table1.", rep(c("before.", "after."), each = 4), names(parts)))
}

# ---- propensity score -------------------------------------------------------------------------------------------
# Newton's steps until the next would gain less than `gain` of log-likelihood; taking that one leaves an error of its square.
by_newton <- function(x, y, beta, gain = 1e-6) {
  sign <- 1 - 2 * y
  for (iteration in 1:25) {
    p <- 1 / (1 + exp(-drop(x %*% beta)))
    root <- chol(crossprod(x * sqrt(p * (1 - p))))
    step <- backsolve(root, score <- backsolve(root, crossprod(x, y - p), transpose = TRUE))
    beta <- beta + drop(step)
    if (sum(score^2) < 2 * gain) break
  }
  linear <- drop(x %*% beta)
  list(beta = beta, linear = linear, root = root, aic = 2 * sum(log1p(exp(sign * linear))) + 2 * length(beta))
}
BINOMIAL <- binomial()
by_glm_fit <- function(x, y, beta, gain = 1e-6) {
  control <- list(epsilon = if (gain < 1e-9) 1e-14 else 1e-8, maxit = 50, trace = FALSE)
  fit <- glm.fit(x, y, start = beta, family = BINOMIAL, control = control)
  list(beta = fit$coefficients, linear = fit$linear.predictors, root = qr.R(fit$qr), aic = fit$aic)
}
logistic <- if ("newton" %in% commandArgs(TRUE)) by_newton else by_glm_fit
stepwise <- function(d) {
  x <- d$x
  y <- d$treat
  inside <- rep(TRUE, ncol(x))
  fit <- logistic(x, y, c(log(mean(y) / (1 - mean(y))), rep(0, ncol(x) - 1)))
  left <- NA  # the term just moved: moving it back is no gain
  repeat {
    best <- fit
    moved <- NA
    covariance <- chol2inv(fit$root)
    columns <- which(inside)
    for (k in setdiff(2:ncol(x), left)) {
      others <- inside
      others[k] <- !inside[k]
      if (inside[k]) {  # drop it; start where the quadratic approximation has its maximum
        place <- which(columns == k)
        start <- (fit$beta - covariance[, place] * fit$beta[place] / covariance[place, place])[-place]
      } else {
        start <- numeric(ncol(x))
        start[columns] <- fit$beta
        start <- start[others]
      }
      one <- logistic(x[, others, drop = FALSE], y, start)
      if (one$aic < best$aic - 1e-9) {
        best <- one
        moved <- k
      }
    }
    if (is.na(moved)) break
    inside[moved] <- !inside[moved]
    left <- moved
    fit <- best
  }
  fit <- logistic(x[, inside, drop = FALSE], y, fit$beta, 1e-12)
  list(selected = inside[-1], aic = fit$aic, score = 1 / (1 + exp(-fit$linear)))
}
matching <- function(d, fit) {
  score <- signif(fit$score, 12)  # patients alike have the same score, to the last digit
  caliper <- 0.2 * sd(score)
  control <- which(d$treat == 0)
  free <- score[control]
  pairs <- rep(-1, d$n)
  treated <- which(d$treat == 1)
  for (i in treated[order(-score[treated])]) {
    distance <- abs(free - score[i])
    nearest <- which.min(distance)
    if (length(nearest) && distance[nearest] <= caliper) {
      pairs[i] <- control[nearest] - 1
      free[nearest] <- NA
    }
  }
  pairs
}

# ---- survival ---------------------------------------------------------------------------------------------------
# Of patients sorted by time: where each distinct time with an event begins and ends, and how many die at it.
event_table <- function(time, event) {
  n <- length(time)
  ends <- which(c(time[-1] != time[-n], TRUE))
  begins <- c(1, ends[-length(ends)] + 1)
  died <- diff(c(0, cumsum(event)[ends]))
  some <- died > 0
  list(time = time[begins[some]], begins = begins[some], ends = ends[some], died = died[some], n = n)
}
at_risk <- function(x, table) (sum(x) - cumsum(x) + x)[table$begins]
died_among <- function(x, event, table) {
  total <- c(0, cumsum(x * event))
  total[table$ends + 1] - total[table$begins]
}
crossing <- function(time, curve) {  # where R says that a curve reaches 0.5
  under <- which(curve < 0.5 + 1.4901161193847656e-08)
  if (!length(under)) return(Inf)
  first <- under[1]
  later <- under[curve[under] < curve[first]]
  if (abs(curve[first] - 0.5) < 1.4901161193847656e-08 && length(later)) (time[first] + time[later[1]]) / 2 else time[first]
}
median_of <- function(time, event) {
  table <- event_table(time, event)
  n <- table$n - table$begins + 1
  survival <- cumprod(1 - table$died / n)
  spread <- Z * sqrt(cumsum(table$died / (n * (n - table$died))))
  some <- survival > 0
  c(crossing(table$time, survival), crossing(table$time[some], (survival * exp(-spread))[some]),
    crossing(table$time[some], pmin(1, survival * exp(spread))[some]))
}
logrank <- function(treat, event, table) {
  n <- table$n - table$begins + 1
  share <- at_risk(treat, table) / n
  variance <- sum(table$died * share * (1 - share) * (n - table$died) / pmax(n - 1, 1))
  chi2 <- (sum(treat * event) - sum(table$died * share))^2 / variance
  c(chi2, pchisq(chi2, 1, lower.tail = FALSE))
}
# Cox model of one 0/1 variable, Efron's ties: a term a / (a + b) for every event, of those at risk with x = 1 and 0.
cox_binary <- function(x, event, table) {
  n1 <- at_risk(x, table)
  n0 <- table$n - table$begins + 1 - n1
  d1 <- died_among(x, event, table)
  mixed <- n1 > 0 & n0 > 0
  died <- table$died[mixed]
  d1 <- d1[mixed]
  total <- sum(d1)
  if (total == 0 || total == sum(died)) return(c(NA, NA))  # no finite maximum
  a <- n1[mixed]
  b <- n0[mixed]
  if (any(died > 1)) {
    k <- rep(seq_along(died), died)
    gone <- (sequence(died) - 1) / died[k]
    a <- a[k] - gone * d1[k]
    b <- b[k] - gone * (died - d1)[k]
  }
  beta <- 0
  for (iteration in 1:50) {
    p <- a / (a + b * exp(-beta))
    information <- sum(p * (1 - p))
    step <- (total - sum(p)) / information
    beta <- beta + max(-2, min(2, step))
    if (abs(step) < 1e-8) break
  }
  c(beta, 1 / sqrt(information))
}
wald <- function(beta, se) 2 * pnorm(-abs(beta / se))
course <- function(d, endpoint, who) {
  time <- d$courses[[endpoint]]$time[who]
  order <- order(time)
  event <- d$courses[[endpoint]]$event[who][order]
  list(who = who[order], time = time[order], event = event, table = event_table(time[order], event))
}
compare_curves <- function(d, one) {
  treat <- d$treat[one$who]
  in1 <- treat == 1
  c(median_of(one$time[in1], one$event[in1]), median_of(one$time[!in1], one$event[!in1]), logrank(treat, one$event, one$table))
}
kmlr <- function(d, pairs) {
  sets <- list(before = seq_len(d$n), after = kept(d, pairs))
  found <- lapply(ENDPOINTS, function(e) lapply(sets, function(who) compare_curves(d, course(d, e, who))))
  setNames(do.call(c, found), paste0("kmlr.", rep(ENDPOINTS, each = 2), ".", names(sets)))
}
arm_model <- function(d, one) {
  fit <- cox_binary(d$treat[one$who], one$event, one$table)
  c(fit, exp(fit[1]), exp(fit[1] - Z * fit[2]), exp(fit[1] + Z * fit[2]), wald(fit[1], fit[2]))
}
CONTROL <- coxph.control(timefix = FALSE)
several <- function(x, one) {
  y <- cbind(one$time, one$event)
  fit <- suppressWarnings(coxph.fit(x, y, NULL, NULL, NULL, CONTROL, NULL, "efron", NULL, resid = FALSE))
  se <- sqrt(diag(fit$var))
  found <- rbind(fit$coefficients, se, wald(fit$coefficients, se))
  found[, abs(fit$coefficients) > 10] <- NA
  found
}
cox <- function(d, pairs) {
  after <- kept(d, pairs)
  found <- lapply(ENDPOINTS, function(e) {
    one <- course(d, e, after)
    x <- d$binary[one$who, ]
    each <- apply(x, 2, cox_binary, one$event, one$table)
    each <- rbind(each, wald(each[1, ], each[2, ]))
    all <- each * NA
    chosen <- which(each[3, ] < 0.1)
    if (length(chosen)) all[, chosen] <- several(x[, chosen, drop = FALSE], one)
    list(before = arm_model(d, course(d, e, seq_len(d$n))), after = arm_model(d, one), univariable = each, multivariable = all)
  })
  setNames(do.call(c, found), paste0("cox.", rep(ENDPOINTS, each = 4), ".", names(found[[1]])))
}
subgroup <- function(inside, one, treat) {
  event <- one$event[inside]
  treat <- treat[inside]
  counted <- c(length(event), sum(event))
  if (counted[2] == 0 || sum(treat) == 0 || sum(treat) == counted[1]) return(c(counted, NA, NA, NA, NA))
  table <- event_table(one$time[inside], event)
  fit <- cox_binary(treat, event, table)
  c(counted, exp(fit[1] + c(0, -Z, Z) * fit[2]), logrank(treat, event, table)[2])
}
subgroups <- function(d, pairs) {
  after <- kept(d, pairs)
  setNames(lapply(ENDPOINTS, function(e) {
    one <- course(d, e, after)
    treat <- d$treat[one$who]
    vapply(d$groups, function(group) subgroup(group[one$who], one, treat), numeric(6))
  }), paste0("subgroups.", ENDPOINTS))
}

serve()
