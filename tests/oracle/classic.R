# Data sets that ship with the R package survival, and what R makes of them; sourced by make.R, whose functions it uses.

arms <- function(d, group) lapply(setNames(c(0, 1), c("arm0", "arm1")), function(g) c(
  quantiles(d$time[group == g], d$event[group == g], c(0.25, 0.5, 0.75)), curve = list(curve(d$time[group == g], d$event[group == g]))))

# ---- the data as the tests read them: time, event, entry, stratum, cluster where used; the other columns are covariates
classic_data <- function() {
  dummy <- function(f, level) as.numeric(f == level)
  v <- veteran; co <- subset(colon, !is.na(nodes)); h <- heart; cg <- cgd; p <- subset(pbc, !is.na(trt))
  list(
    lung = with(lung, data.frame(time, event = status - 1, male = 2 - sex, age, ph_ecog = ph.ecog, ph_karno = ph.karno, wt_loss = wt.loss)),
    ovarian = with(ovarian, data.frame(time = futime, event = fustat, rx = rx - 1, age, resid_ds = resid.ds, ecog_ps = ecog.ps)),
    veteran = with(v, data.frame(time, event = status, trt = trt - 1, small = dummy(celltype, "smallcell"), adeno = dummy(celltype, "adeno"),
                                 large = dummy(celltype, "large"), karno, diagtime, age, prior)),
    veteran_strata = with(v, data.frame(time, event = status, stratum = as.integer(celltype), trt = trt - 1, karno, age)),
    pbc = with(p, data.frame(time, event = as.numeric(status == 2), trt = trt - 1, age, edema, bili, albumin, protime)),
    gbsg = with(gbsg, data.frame(time = rfstime, event = status, hormon, age, meno, size, grade, nodes, pgr, er)),
    colon = with(co, data.frame(time, event = status, stratum = etype, cluster = id, sex, lev = dummy(rx, "Lev"), lev5fu = dummy(rx, "Lev+5FU"),
                                age, obstruct, nodes, extent, surg)),
    heart = with(h, data.frame(time = stop, event, entry = start, cluster = id, surgery, transplant = as.integer(transplant) - 1, age, year)),
    cgd = with(cg, data.frame(time = tstop, event = status, entry = tstart, cluster = id, treat = as.integer(treat) - 1, age, steroids, propylac)))
}
keep <- function(name, d) {
  file <- gzfile(file.path(here, "data", paste0(name, ".csv.gz")), "w", compression = 9)
  d[] <- lapply(d, function(v) { t <- sprintf("%.17g", v); t[is.na(v)] <- ""; t })
  write.csv(d, file, row.names = FALSE, quote = FALSE)
  close(file)
}
classic_fit <- function(name, d) {
  keep(paste0("classic_", name), d)
  d <- d[complete.cases(d), ]
  roles <- c("time", "event", "entry", "stratum", "cluster")
  x <- as.matrix(d[setdiff(names(d), roles)])
  y <- if (is.null(d$entry)) Surv(d$time, d$event) else Surv(d$entry, d$time, d$event)
  fit <- function(ties) cox(y, x, ties, NULL, d$stratum, d$cluster, covariance = TRUE)
  out <- list(name = name, n = nrow(d), efron = fit("efron"), breslow = fit("breslow"))
  if (is.null(d$entry)) out <- c(out, list(arms = arms(d, x[, 1]), plain = lr(d$time, d$event, x[, 1], NULL, 0), peto = lr(d$time, d$event, x[, 1], NULL, 1)))
  out
}

# ---- one observational cohort from end to end: does hormonal treatment go with longer survival? --------------------
TERMS <- c("year", "age", "meno", "size", "grade", "nodes", "pgr", "er", "chemo")
smd <- function(v, g) (mean(v[g == 1]) - mean(v[g == 0])) / sqrt((var(v[g == 1]) + var(v[g == 0])) / 2)
analysis <- function(d) {
  endpoint <- function(time, event) {
    e <- data.frame(time = time, event = event); y <- Surv(time, event)
    x <- as.matrix(d["hormon"])
    list(cox = cox(y, x, "efron"), pair = if (!is.null(d$pair)) cox(y, x, "efron", cluster = d$pair),
         by_pair = if (!is.null(d$pair)) cox(y, x, "efron", stratum = d$pair),
         arms = lapply(arms(e, d$hormon), function(a) { a$curve <- NULL; a }), logrank = lr(time, event, d$hormon, NULL, 0))
  }
  table <- function(v) rbind(base::table(factor(v)[d$hormon == 0]), base::table(factor(v)[d$hormon == 1]))
  categorical <- function(v) { m <- table(v); list(counts = as.vector(t(m)), pearson = chisq.test(m, correct = FALSE)$p.value,
                                                   fisher = fisher.test(m, workspace = 2e8)$p.value) }
  continuous <- function(v) { a <- v[d$hormon == 1]; b <- v[d$hormon == 0]
    list(welch = t.test(a, b)$p.value, mann_whitney = wilcox.test(a, b, exact = FALSE)$p.value, smd = smd(v, d$hormon)) }
  list(n = nrow(d), death = endpoint(d$dtime, d$death), recur = endpoint(d$rtime, d$recur),
       categorical = lapply(d[c("meno", "size", "grade", "chemo")], categorical), continuous = lapply(d[c("age", "nodes", "pgr", "er")], continuous))
}
cohort <- function() {
  d <- with(rotterdam, data.frame(hormon, year, age, meno, size = as.integer(size) - 1, grade, nodes, pgr, er, chemo, rtime, recur, dtime, death))
  keep("classic_rotterdam", d)
  d <- as.data.frame(lapply(d, as.numeric))
  m <- data.frame(y = d$hormon, d[TERMS]); m$size <- factor(m$size)
  picks <- list(aic = selection(m, TERMS, "both", 2, "full"), bic = selection(m, TERMS, "both", log(nrow(m)), "full"))
  chosen <- glm(reformulate(TERMS[picks$aic$selected == 1], "y"), binomial, m, control = TIGHT)
  logit <- unname(predict(chosen)); ps <- unname(fitted(chosen))
  match <- pairs(logit, d$hormon, 0.2, "sd", "largest", 1, FALSE)
  treated <- which(d$hormon == 1)
  hit <- match$controls >= 0
  pair <- rep(NA_integer_, nrow(d)); pair[treated[hit]] <- seq_len(sum(hit)); pair[match$controls[hit] + 1] <- seq_len(sum(hit))
  matched <- d[!is.na(pair), ]; matched$pair <- pair[!is.na(pair)]
  x <- cbind(hormon = d$hormon, model.matrix(~ size, m)[, -1], as.matrix(d[c("age", "meno", "grade", "nodes", "pgr", "er", "chemo")]))
  att <- ifelse(d$hormon == 1, 1, ps / (1 - ps))
  os <- Surv(d$dtime, d$death)
  list(list(step = picks, logit = logit, match = match, match_ps = pairs(ps, d$hormon, 0.01, "raw", "smallest", 1, FALSE),
            match_two = pairs(logit, d$hormon, 0.1, "sd", "largest", 2, FALSE), before = analysis(d), after = analysis(matched),
            adjusted = cox(os, x, "efron"), weighted = cox(os, as.matrix(d["hormon"]), "efron", weight = att, cluster = seq_len(nrow(d)))))
}
classic <- function() {
  sets <- classic_data()
  freeze("classic", lapply(names(sets), function(name) classic_fit(name, sets[[name]])))
  freeze("cohort", cohort())
}
