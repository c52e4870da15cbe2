# Makes the frozen R output beside this file: Rscript tests/oracle/make.R (from the root; after make_data.py).
# One JSON object a line; numbers with 17 significant digits; NaN and Infinity as Python's json reads them.
suppressMessages({library(survival); library(MatchIt)})
here <- "tests/oracle"
EPS <- coxph.control(eps = 1e-14, iter.max = 100, toler.chol = 1e-15, timefix = FALSE)
TIGHT <- glm.control(epsilon = 1e-15, maxit = 100)
RANK <- glm.control(epsilon = 1e-10, maxit = 100)  # glm looks for aliased columns at epsilon / 1000: TIGHT finds none

# ---- writing ----------------------------------------------------------------------------------------------------
number <- function(v) ifelse(is.nan(v) | is.na(v), "NaN", ifelse(is.infinite(v), ifelse(v > 0, "Infinity", "-Infinity"),
                      sprintf("%.17g", v)))
json <- function(v) {
  if (is.null(v)) return("null")
  if (is.list(v) && length(v) == 0) return("{}")
  if (is.list(v)) return(paste0("{", paste0('"', names(v), '":', vapply(v, json, ""), collapse = ","), "}"))
  text <- if (is.character(v)) paste0('"', v, '"') else number(v)
  if (length(v) == 1 && is.null(dim(v))) text else paste0("[", paste(text, collapse = ","), "]")
}
freeze <- function(name, rows) {
  file <- gzfile(file.path(here, "frozen", paste0(name, ".jsonl.gz")), "w", compression = 9)
  writeLines(vapply(rows, json, ""), file)
  close(file)
}
inf <- function(v) { v <- as.numeric(v); v[is.na(v)] <- Inf; v }  # a quantile that is not reached
data <- function(name) read.csv(gzfile(file.path(here, "data", paste0(name, ".csv.gz"))))
quietly <- function(call) {  # the value, and what R warned about
  said <- character()
  value <- withCallingHandlers(tryCatch(call, error = function(e) { said <<- c(said, paste("error:", conditionMessage(e))); NULL }),
                               warning = function(w) { said <<- c(said, conditionMessage(w)); invokeRestart("muffleWarning") })
  list(value = value, said = gsub("[^A-Za-z0-9 .,;:()-]", " ", paste(unique(said), collapse = "; ")))
}

# ---- survival ---------------------------------------------------------------------------------------------------
cox <- function(y, x, ties, weight = NULL, stratum = NULL, cluster = NULL, covariance = FALSE) {
  d <- list(y = y, x = x, w = if (is.null(weight)) rep(1, nrow(x)) else weight)
  d$s <- stratum
  d$id <- cluster
  f <- if (is.null(stratum)) y ~ x else y ~ x + strata(s)
  fit <- quietly(if (is.null(cluster)) coxph(f, d, weights = w, ties = ties, control = EPS, robust = FALSE)
                 else coxph(f, d, weights = w, ties = ties, control = EPS, robust = TRUE, cluster = id))
  said <- fit$said
  fit <- fit$value
  v <- if (is.null(cluster)) fit$var else fit$naive.var
  if (is.null(v)) return(list(said = paste("no fit", said)))
  out <- list(said = said, beta = coef(fit), se = sqrt(diag(as.matrix(v))), loglik = fit$loglik, score = fit$score,
              n = fit$n, events = fit$nevent)
  if (covariance) out$covariance <- as.matrix(v)
  if (!is.null(cluster)) out$robust_se <- sqrt(diag(as.matrix(fit$var)))
  out
}
printed <- function(curve, time, p) {  # what print(survfit) prints of the median: R's own code, with 1 - p in the place of 0.5
  text <- deparse(survival:::survmean)
  from <- grep("minmin <- function", text, fixed = TRUE)
  text <- text[from:(grep("!is.na(end.time)", text, fixed = TRUE) - 1)]
  stopifnot(sum(grepl("(0.5 + tolerance)", text, fixed = TRUE)) == 1, sum(grepl("y[1] - 0.5)", text, fixed = TRUE)) == 1)
  text <- sub("y[1] - 0.5)", "y[1] - (1 - p))", sub("(0.5 + tolerance)", "((1 - p) + tolerance)", text, fixed = TRUE), fixed = TRUE)
  eval(parse(text = text))(curve, time)
}
quantiles <- function(time, event, probs, types = c("log", "log-log", "plain"), level = 0.95) {
  out <- list()
  for (type in types) {
    fit <- survfit(Surv(time, event) ~ 1, conf.type = type, conf.int = level, timefix = FALSE)
    q <- sapply(probs, function(p) c(printed(fit$surv, fit$time, p), printed(fit$lower, fit$time, p), printed(fit$upper, fit$time, p)))
    median <- unname(summary(fit)$table[c("median", grep("LCL|UCL", names(summary(fit)$table), value = TRUE))])
    if (0.5 %in% probs) stopifnot(identical(as.numeric(q[, probs == 0.5]), as.numeric(median)))
    out[[type]] <- inf(q)
  }
  out
}
curve <- function(time, event) {
  s <- summary(survfit(Surv(time, event) ~ 1, timefix = FALSE), censored = TRUE)
  list(time = s$time, n_risk = s$n.risk, n_event = s$n.event, n_censor = s$n.censor, survival = s$surv,
       std_err = s$std.err, low = s$lower, high = s$upper)
}
km <- function(time, event) {
  fit <- survfit(Surv(time, event) ~ 1, timefix = FALSE)
  tau <- unname(quantile(time, 0.6, type = 1))
  s <- summary(fit, times = tau / 2, extend = TRUE)
  m <- summary(fit, rmean = tau)$table
  c(quantiles(time, event, c(0.25, 0.5, 0.75)),
    list(level90 = quantiles(time, event, 0.5, "log", 0.90)$log, reverse = quantiles(time, 1 - event, 0.5, "log")$log,
         tau = tau, at = c(s$surv, s$std.err, s$lower, s$upper), rmst = unname(c(m["rmean"], m["se(rmean)"]))))
}
lr <- function(time, event, group, stratum, rho) {
  f <- if (is.null(stratum)) Surv(time, event) ~ group else Surv(time, event) ~ group + strata(stratum)
  fit <- quietly(survdiff(f, rho = rho))$value  # timefix = FALSE is an error in 3.5-3; these times differ by 1/1024 or not at all
  if (is.null(fit) || length(fit$n) < 2) return(list())
  total <- function(v) if (is.matrix(v)) rowSums(v) else v
  list(rho = rho, chi2 = fit$chisq, p = pchisq(fit$chisq, 1, lower.tail = FALSE), observed = total(fit$obs), expected = total(fit$exp),
       variance = fit$var[1, 1])
}
random_survival <- function() {
  cases <- data("survival_cases"); rows <- split(data("survival"), data("survival")$case)
  out <- lapply(seq_len(nrow(cases)), function(k) {
    about <- cases[k, ]; d <- rows[[k]]; on <- function(flag) about[[flag]] == "True"
    x <- as.matrix(d[paste0("x", seq_len(about$p), "_16")]) / 16
    time <- d$time_1024 / 1024
    y <- if (on("delayed")) Surv(d$entry_1024 / 1024, time, d$event) else Surv(time, d$event)
    weight <- if (on("weighted")) d$weight_4 / 4; stratum <- if (on("stratified")) d$stratum
    cluster <- if (on("clustered")) d$cluster
    fit <- function(ties) cox(y, x, ties, weight, stratum, cluster)
    list(cox = list(case = about$case, efron = fit("efron"), breslow = fit("breslow")),
         km = c(list(case = about$case), km(time, d$event), if (k %% 8 == 1 && about$n < 150) list(curve = curve(time, d$event))),
         logrank = list(case = about$case, plain = lr(time, d$event, x[, 1], NULL, 0), half = lr(time, d$event, x[, 1], NULL, 0.5),
                        peto = lr(time, d$event, x[, 1], NULL, 1), stratified = lr(time, d$event, x[, 1], d$stratum, 0)))
  })
  for (name in c("cox", "km", "logrank")) freeze(name, lapply(out, `[[`, name))
}

# ---- treatment models -------------------------------------------------------------------------------------------
picked <- function(fit, terms) as.integer(terms %in% attr(terms(fit), "term.labels"))
selection <- function(d, terms, direction, k, start, control = TIGHT) {
  d <<- d  # step() looks for the data where the model was made
  upper <- reformulate(terms, "y")
  r <- quietly({
    first <- glm(if (start == "full") upper else y ~ 1, binomial, d, control = control)
    step(first, scope = list(lower = ~1, upper = upper), direction = direction, trace = 0, k = k)
  })
  beta <- setNames(numeric(ncol(model.matrix(upper, d))), colnames(model.matrix(upper, d)))
  beta[names(coef(r$value))] <- coef(r$value)
  beta[is.na(beta)] <- 0  # aliased
  list(said = r$said, selected = picked(r$value, terms), aic = AIC(r$value, k = k), beta = unname(beta))
}
random_treatment <- function() {
  cases <- data("treatment_cases"); rows <- split(data("treatment"), data("treatment")$case)
  out <- lapply(seq_len(nrow(cases)), function(k) {
    about <- cases[k, ]; kinds <- strsplit(about$kinds, " ")[[1]]; terms <- paste0("x", seq_along(kinds)); raw <- rows[[k]]
    d <- data.frame(y = raw$y)
    for (j in seq_along(kinds)) {
      d[[terms[j]]] <- raw[[paste0(terms[j], "_16")]] / 16
      if (grepl("f", kinds[j])) d[[terms[j]]] <- factor(d[[terms[j]]], 0:(as.integer(substr(kinds[j], 2, 2)) - 1))
    }
    f <- reformulate(terms, "y")
    control <- if (grepl("flat", about$exists)) RANK else TIGHT
    pick <- function(direction, k, start) selection(d, terms, direction, k, start, control)
    d$w <- raw$weight_4 / 4
    one <- function(weighted) {
      run <- function(start) if (weighted) glm(f, quasibinomial, d, weights = w, start = start, control = control)
                             else glm(f, binomial, d, start = start, control = control)
      again <- function(start) run(if (!anyNA(start)) start)
      r <- quietly(again(coef(run(NULL))))  # glm's standard errors are one iteration behind its coefficients: go once more
      fit <- r$value
      list(said = r$said, beta = coef(fit), se = sqrt(diag(summary(fit, dispersion = 1)$cov.scaled)), deviance = fit$deviance)
    }
    n <- nrow(d)
    list(logistic = list(case = about$case, plain = one(FALSE), weighted = one(TRUE)),
         step = list(case = about$case, both_full_aic = pick("both", 2, "full"), both_full_bic = pick("both", log(n), "full"),
                     backward_full_aic = pick("backward", 2, "full"), forward_empty_aic = pick("forward", 2, "empty"),
                     forward_empty_bic = pick("forward", log(n), "empty"), both_empty_aic = pick("both", 2, "empty")))
  })
  for (name in c("logistic", "step")) freeze(name, lapply(out, `[[`, name))
}

# ---- matching ---------------------------------------------------------------------------------------------------
pairs <- function(score, treated, caliper, unit, order, ratio, replacement) {
  d <- data.frame(t = treated, s = score)
  # 4.5.1 ignores a caliper on the distance unless the distance is also given as mahvars
  r <- quietly(matchit(t ~ s, d, distance = d$s, mahvars = ~s, caliper = if (caliper > 0) caliper, std.caliper = unit == "sd",
                       m.order = order, ratio = ratio, replace = replacement))
  if (is.null(r$value)) return(list(said = r$said))
  m <- matrix(as.integer(r$value$match.matrix), nrow(r$value$match.matrix))
  m <- cbind(m, matrix(NA, nrow(m), ratio - ncol(m)))  # all-empty columns are dropped by matchit
  m[is.na(m)] <- 0L
  list(controls = as.vector(t(m)) - 1L, weight = unname(r$value$weights), width = if (caliper > 0) unname(r$value$caliper) else Inf)
}
random_matching <- function() {
  cases <- data("matching_cases"); rows <- split(data("matching"), data("matching")$case)
  freeze("matching", lapply(seq_len(nrow(cases)), function(k) {
    a <- cases[k, ]; d <- rows[[k]]
    c(list(case = a$case), pairs(d$score, d$treated, a$caliper, a$unit, a$order, a$ratio, a$replacement == "True"))
  }))
}

# ---- two samples, tables ----------------------------------------------------------------------------------------
random_samples <- function() {
  rows <- split(data("samples"), data("samples")$case)
  freeze("samples", lapply(rows, function(d) {
    a <- d$value_16[d$group == 0] / 16; b <- d$value_16[d$group == 1] / 16
    pair <- function(call) { r <- quietly(call)$value; if (is.null(r)) c(NA_real_, NA_real_) else c(unname(r$statistic), r$p.value) }
    list(case = d$case[1], welch = pair(t.test(b, a)), student = pair(t.test(b, a, var.equal = TRUE)),
         mann_whitney = pair(wilcox.test(b, a)), shapiro = pair(shapiro.test(c(a, b))))
  }))
  counts <- data("counts")
  freeze("counts", lapply(seq_len(nrow(counts)), function(k) {
    m <- rbind(unlist(counts[k, paste0("a", seq_len(counts$levels[k]) - 1)]), unlist(counts[k, paste0("b", seq_len(counts$levels[k]) - 1)]))
    one <- function(correct) { r <- quietly(chisq.test(m, correct = correct))$value; c(unname(r$statistic), r$p.value) }
    list(case = counts$case[k], pearson = one(FALSE), yates = one(TRUE), fisher = fisher.test(m, workspace = 2e7)$p.value)
  }))
}

dir.create(file.path(here, "frozen"), showWarnings = FALSE)
parts <- list(survival = random_survival, treatment = random_treatment, matching = random_matching, samples = random_samples)
source(file.path(here, "classic.R"))
parts$classic <- classic
asked <- commandArgs(trailingOnly = TRUE)
for (name in if (length(asked)) asked else names(parts)) { cat(name, "\n"); parts[[name]]() }
