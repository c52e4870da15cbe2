classic <- function() NULL
