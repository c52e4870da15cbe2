# The workflow as a good applied user of R writes it: formulas, data frames, the usual functions.
# Run by benchmarks.speed: Rscript competent.R SECONDS < names of cohort files
suppressMessages(library(survival))
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))), "protocol.R"))

BINARY <- c("age50", "sex", "ecog1", "etiol", "lesion", "size10", "lung", "pvtt", "afp", "albi2", "cp")
ROWS <- c("age50", "sex", "ecog", "etiol", "lesion", "size10", "lung", "pvtt", "afp", "albi", "cp")
ENDPOINTS <- c("OS", "PFS")
model <- function(endpoint, terms) reformulate(terms, sprintf("Surv(%s_t, %s_e)", tolower(endpoint), tolower(endpoint)))

prepare <- function(d) {
  d$age50 <- as.integer(d$age > 50)
  d$size10 <- as.integer(d$size > 10)
  d$ecog1 <- as.integer(d$ecog >= 1)
  d$albi2 <- as.integer(d$albi >= 2)
  d
}
matched <- function(d, pairs) d[sort(c(which(pairs >= 0), pairs[pairs >= 0] + 1)), ]
sets <- function(d, pairs) list(before = d, after = matched(d, pairs))

# ---- table 1 ----------------------------------------------------------------------------------------------------
describe <- function(x) c(length(x), mean(x), sd(x), quantile(x, c(0.5, 0.25, 0.75)))
continuous <- function(v, d) {
  f <- reformulate("treat", v)
  x <- d[[v]][d$treat == 1]
  y <- d[[v]][d$treat == 0]
  c(describe(x), describe(y), t.test(f, data = d)$p.value, wilcox.test(f, data = d, exact = FALSE)$p.value,
    (mean(x) - mean(y)) / sqrt((var(x) + var(y)) / 2))
}
categorical <- function(v, d) {
  levels <- switch(v, ecog = 0:2, albi = 1:3, 0:1)
  counts <- table(factor(d$treat, 1:0), factor(d[[v]], levels))
  used <- counts[, colSums(counts) > 0, drop = FALSE]
  p <- c(NA, NA)
  if (ncol(used) > 1) {
    test <- suppressWarnings(chisq.test(used, correct = FALSE))
    p <- c(test$p.value, if (any(test$expected < 5)) fisher.test(used)$p.value else NA)
  }
  share <- prop.table(counts, 1)
  smd <- (share[1, ] - share[2, ]) / sqrt(colMeans(share * (1 - share)))
  smd[colSums(share * (1 - share)) == 0 & share[1, ] == share[2, ]] <- 0
  list(counts = as.vector(counts), p = p, smd = if (length(levels) == 2) smd[2] else smd)
}
table1 <- function(d, pairs) {
  parts <- lapply(sets(d, pairs), function(s) {
    rows <- lapply(ROWS, categorical, s)
    list(continuous = sapply(c("age", "size"), continuous, s), categorical = sapply(rows, `[[`, "p"),
         counts = unlist(lapply(rows, `[[`, "counts")), smd = unlist(lapply(rows, `[[`, "smd")))
  })
  setNames(do.call(c, unname(parts)), paste0("table1.", rep(names(parts), each = 4), ".", names(parts[[1]])))
}

# ---- propensity score -------------------------------------------------------------------------------------------
CANDIDATES <- c("age", "sex", "ecog1", "etiol", "lesion", "size", "lung", "pvtt", "afp", "albi2", "cp")
stepwise <- function(d) {
  full <- glm(treat ~ age + sex + ecog1 + etiol + lesion + size + lung + pvtt + afp + albi2 + cp, family = binomial, data = d)
  fit <- step(full, direction = "both", trace = 0)
  list(selected = CANDIDATES %in% attr(terms(fit), "term.labels"), aic = AIC(fit), score = unname(fitted(fit)))
}
matching <- function(d, fit) {
  score <- signif(fit$score, 12)  # patients alike have the same score, to the last digit
  caliper <- 0.2 * sd(score)
  control <- which(d$treat == 0)
  free <- score[control]
  pairs <- rep(-1, nrow(d))
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
each <- function(stage, f) setNames(lapply(ENDPOINTS, f), paste0(stage, ".", ENDPOINTS))
kmlr <- function(d, pairs) {
  do.call(c, each("kmlr", function(endpoint) lapply(sets(d, pairs), function(s) {
    curves <- summary(survfit(model(endpoint, "treat"), data = s))$table[, c("median", "0.95LCL", "0.95UCL")]
    curves[is.na(curves)] <- Inf
    test <- survdiff(model(endpoint, "treat"), data = s)
    c(curves["treat=1", ], curves["treat=0", ], test$chisq, pchisq(test$chisq, 1, lower.tail = FALSE))
  })))
}
fitted_cox <- function(endpoint, terms, d) {
  fit <- summary(suppressWarnings(coxph(model(endpoint, terms), data = d)))
  rows <- cbind(fit$coefficients[, c(1, 3), drop = FALSE], fit$conf.int[, c(1, 3, 4), drop = FALSE], fit$coefficients[, 5])
  rows[abs(rows[, 1]) > 10, ] <- NA  # an infinite estimate: no finite one of a 0/1 variable is so large
  rows
}
cox <- function(d, pairs) {
  do.call(c, each("cox", function(endpoint) {
    of_arm <- lapply(sets(d, pairs), function(s) fitted_cox(endpoint, "treat", s)[1, ])
    after <- matched(d, pairs)
    variables <- c(BINARY, "treat")
    one <- sapply(variables, function(v) fitted_cox(endpoint, v, after)[1, c(1, 2, 6)])
    all <- one * NA
    chosen <- variables[which(one[3, ] < 0.1)]
    if (length(chosen)) all[, chosen] <- t(fitted_cox(endpoint, chosen, after)[, c(1, 2, 6), drop = FALSE])
    c(of_arm, list(univariable = one, multivariable = all))
  }))
}
subgroup <- function(endpoint, s) {
  event <- s[[paste0(tolower(endpoint), "_e")]]
  row <- c(nrow(s), sum(event), NA, NA, NA, NA)
  if (length(unique(s$treat)) == 2 && any(event == 1)) {
    test <- survdiff(model(endpoint, "treat"), data = s)
    if (test$var[1, 1] > 0) {  # else no event has both arms at risk
      row[3:6] <- c(fitted_cox(endpoint, "treat", s)[1, 3:5], pchisq(test$chisq, 1, lower.tail = FALSE))
    }
  }
  row
}
subgroups <- function(d, pairs) {
  after <- matched(d, pairs)
  groups <- c(list(after), do.call(c, lapply(setdiff(BINARY, "albi2"), function(v) lapply(0:1, function(k) after[after[[v]] == k, ]))),
              lapply(1:3, function(k) after[after$albi == k, ]))
  each("subgroups", function(endpoint) sapply(groups, function(s) subgroup(endpoint, s)))
}

serve()
