"""Levels of which there are two: the one that is not printed beside the one that is."""

OPPOSITES = (
    ("No", "Yes"), ("Female", "Male"), ("Women", "Men"), ("Woman", "Man"), ("Absence", "Presence"),
    ("Absent", "Present"), ("Negative", "Positive"), ("Unmarried", "Married"), ("Never", "Ever"),
    ("Single", "Multiple"), ("Low", "High"), ("Normal", "Abnormal"), ("Alive", "Dead"), ("Rural", "Urban"),
    ("-", "+"), ("N", "Y"), ("F", "M"),
)  # fmt: skip


def complement(level: str) -> tuple[str, bool]:
    """The other level, and whether the stated one is the reference: 'Yes' has 'No' before it, 'Female' 'Male' after."""
    for sign, opposite in (("≥", "<"), (">=", "<"), ("≤", ">"), ("<=", ">"), (">", "≤"), ("<", "≥")):
        if level.startswith(sign):
            return opposite + level.removeprefix(sign), sign in ("≤", "<=", "<")
    for low, high in OPPOSITES:
        for own, other, first in ((low, high, True), (high, low, False)):
            if level.casefold() == own.casefold():
                return other.lower() if level.islower() else other, first
    return f"Not {level}", False


def is_second_of_two(level: str) -> bool:
    """Whether a level is the second of two that are known: "Yes", "Present", "Male"."""
    return any(level.casefold() == high.casefold() for _, high in OPPOSITES)
