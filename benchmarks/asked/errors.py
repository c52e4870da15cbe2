"""What cannot be done as asked."""


class RunError(Exception):
    """A run folder that cannot be used as asked; one line that says why and what to do."""
