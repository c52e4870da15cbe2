# Writes exact_ranks.json: wilcox.test, all left as it is, of samples without ties about the size where it stops being
# exact (50). The values are (k * step) mod 1009, k = 1, 2, ...; the first `first` of them are the first group.
# Run from the root of the project: Rscript tests/oracle/exact_ranks.R (R 4.2.2)
sizes <- list(c(1, 1), c(1, 5), c(5, 1), c(2, 3), c(5, 7), c(10, 12), c(20, 45), c(45, 20), c(30, 3), c(2, 49), c(48, 49),
              c(49, 49), c(49, 50), c(50, 49), c(50, 50), c(3, 50), c(120, 4))
rows <- list()
for (size in sizes) for (step in c(37, 101, 222, 555, 1)) {
  x <- (seq_len(sum(size)) * step) %% 1009
  a <- head(x, size[1]); b <- tail(x, size[2])
  r <- suppressWarnings(wilcox.test(b, a))
  rows[[length(rows) + 1]] <- sprintf('{"first": %d, "second": %d, "step": %d, "w": %.17g, "p": %.17g}',
                                      size[1], size[2], step, r$statistic, r$p.value)
}
writeLines(paste0("[\n", paste(unlist(rows), collapse = ",\n"), "\n]"), "tests/oracle/exact_ranks.json")
