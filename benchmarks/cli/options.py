"""Options that several commands have."""

import os
from pathlib import Path

import click

TABLES = "A folder for .html, .md, .csv and .tex files, or one .docx file of all tables."

overrides = click.option("-S", "--set", "settings", multiple=True, metavar="PATH=VALUE", help="Override one value.")
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
jobs = click.option("--jobs", type=click.IntRange(1, 1024), default=None, help="Threads; all cores unless given.")
page = click.option("--report", "report_out", type=click.Path(path_type=Path), help="An .html file: the page of it.")
trust = click.option(
    "--trust", is_flag=True, help="Let the Python code of its own estimators run, from now on; read it first."
)


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
