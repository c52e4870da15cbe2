"""A referee's report of one paper: what it claims, whether that could be bias, what is plausible, what it rests on.

Takes a world with published numbers; puts suspicions of a usual size into it without any effect (`suspicions`,
`biases`), judges by written rules (`verdict`), looks for the effects that go with the paper (`effects`), compares
analyses (`analyses`), weighs what was assumed (`grounds`), and gives one `Review` (`review`), which is told in plain
words (`told`) on a terminal and on a page (`page`).
"""
