"""The command line: what is typed, and what is answered.

Takes words from the terminal. Gives text, JSON, pages and files, exit code 2 and one line for a user's mistake.
`commands` names the commands and imports nothing heavy; the modules whose names end in ``verbs`` do what they say.
"""
