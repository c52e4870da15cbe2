"""`PaperFile`: what paper.yaml says, every scalar as text."""

from pydantic import Field

from simulator.documents.spec import Spec


class PaperArms(Spec):
    """The words by which the heads of the tables name the arms."""

    control: str
    treated: str


class PaperFile(Spec):
    """What paper.yaml says; every scalar is text, so that 0.050, 1:1, No and 026 keep their print.

    ``tables`` has for each file its ``kind`` and what else settles it (columns by letter, rows by label, ``rows``,
    ``where``, ``n``), a kind alone being ``{kind: ...}``; ``curves`` the endpoint and side of each digitised curve.
    """

    name: str
    source: str
    question: str = ""
    design: str
    arms: PaperArms
    time_unit: str = "months"
    endpoints: dict[str, str]
    accrual: str = ""
    cut_off: str = ""
    follow_up: dict[str, str] = Field(default_factory=dict)
    eligibility: dict[str, str] = Field(default_factory=dict)
    exposure: dict[str, str] = Field(default_factory=dict)
    response: dict[str, str] = Field(default_factory=dict)
    methods: dict[str, str] = Field(default_factory=dict)
    tables: dict[str, dict[str, str | dict[str, str]]] = Field(default_factory=dict)
    curves: dict[str, str] = Field(default_factory=dict)
    text: str = ""
    ignore: tuple[str, ...] = ()
    names: dict[str, str] = Field(default_factory=dict)
    assumed: dict[str, object] = Field(default_factory=dict)
    results: str = ""
