# How a contender in R takes its turns: names of cohort files on stdin, one JSON line back for each.
# A contender defines prepare(d), stepwise(d), matching(d, fit), and table1, kmlr, cox, subgroups(d, pairs).
LEAST <- as.numeric(tail(commandArgs(TRUE), 1))  # a stage is repeated for so many seconds: R's clock shows whole milliseconds

cpu <- function() sum(proc.time()[1:2])
measured <- function(work) {
  count <- 0
  start <- cpu()
  repeat {
    value <- work()
    count <- count + 1
    spent <- cpu() - start
    if (spent >= LEAST) return(list(value = value, seconds = spent / count))
  }
}

number <- function(v) ifelse(is.na(v), "NaN", ifelse(is.infinite(v), ifelse(v > 0, "Infinity", "-Infinity"), sprintf("%.17g", v)))
object <- function(fields) paste0("{", paste0('"', names(fields), '":', fields, collapse = ","), "}")
array <- function(v) paste0("[", paste(number(as.numeric(v)), collapse = ","), "]")

turn <- function(file) {
  cohort <- prepare(read.csv(file))
  step <- measured(function() stepwise(cohort))
  match <- measured(function() matching(cohort, step$value))
  pairs <- match$value
  rest <- lapply(list(table1 = table1, kmlr = kmlr, cox = cox, subgroups = subgroups),
                 function(stage) measured(function() stage(cohort, pairs)))
  done <- c(list(stepwise = step, matching = match), rest)
  answers <- c(list(stepwise.selected = step$value$selected, stepwise.aic = step$value$aic, matching.control = pairs),
               do.call(c, unname(lapply(rest, `[[`, "value"))))
  object(list(seconds = object(lapply(done, function(one) number(one$seconds))), answers = object(lapply(answers, array))))
}

serve <- function() {
  for (name in ls(globalenv())) {  # compiled now, not while the first cohorts are timed
    if (is.function(get(name))) assign(name, compiler::cmpfun(get(name)), globalenv())
  }
  input <- file("stdin", "r")
  cat(object(list(R = shQuote(as.character(getRversion()), "cmd"), survival = shQuote(as.character(packageVersion("survival")), "cmd"),
                  blas = shQuote(basename(extSoftVersion()[["BLAS"]]), "cmd"))), "\n", sep = "")
  while (length(file <- readLines(input, 1))) cat(turn(file), "\n", sep = "")
}
