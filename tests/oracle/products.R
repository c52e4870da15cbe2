# Products and powers of terms as R has them, for tests/test_term_products.py. Run in this folder: Rscript products.R
# Made with R 4.2.2, survival 3.5-3, jsonlite, from workflow_pbc.csv. A product with a factor is a matrix of columns.
suppressMessages({library(survival); library(jsonlite)})
d <- read.csv("workflow_pbc.csv"); d$arm <- as.integer(d$trt == 1); d$dead <- as.integer(d$status == 2)
d$female <- as.integer(d$sex == "f"); d$edema <- factor(d$edema)
d$edema_by_hepato <- cbind((d$edema == 0.5) * d$hepato, (d$edema == 1) * d$hepato)
terms <- c("age" = "age", "age^2" = "I(age^2)", "bili" = "bili", "bili^3" = "I(bili^3)", "sex" = "female",
           "age*sex" = "I(age * female)", "age>60*hepato" = "I((age > 60) * hepato)", "edema*hepato" = "edema_by_hepato",
           "age^2*bili" = "I(age^2 * bili)", "bili>1*bili<5" = "I(bili > 1 & bili < 5)")
model <- function(y) as.formula(paste(y, "~", paste(terms, collapse = " + ")))
tight <- glm.control(epsilon = 1e-15, maxit = 100)
full <- glm(model("arm"), binomial, d, control = tight)
kept <- step(full, trace = 0)
cox <- function(f) { f <- coxph(f, d, control = coxph.control(eps = 1e-14, iter.max = 100, toler.chol = 1e-15, timefix = FALSE))
  list(beta = unname(coef(f)), se = unname(sqrt(diag(vcov(f))))) }
write_json(list(coefficients = unname(coef(full)), aic = AIC(full),
                selected = names(terms)[terms %in% attr(terms(kept), "term.labels")], kept = unname(coef(kept)),
                cox = cox(update(model("Surv(time, dead)"), . ~ . + arm)),
                alone = lapply(terms, function(x) cox(as.formula(paste("Surv(time, dead) ~", x))))),
           "products.json", digits = 17, auto_unbox = TRUE)
