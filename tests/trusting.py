"""Files that tests trust, as a user does with ``--trust``."""

from pathlib import Path

from analysis.estimators import trust
from analysis.estimators.own_code import Source


def trusted(file: Path, text: str | None = None) -> Path:
    """The file, written first where its text is given, its content trusted from now on."""
    if text is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    trust.remember([Source(str(file), file.read_bytes())])
    return file
