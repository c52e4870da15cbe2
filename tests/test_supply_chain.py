"""What the project is installed with: used, declared, licensed; nothing besides."""

import ast
import re
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata, packages_distributions, requires
from importlib.util import find_spec
from pathlib import Path

import pytest

HOME = Path(__file__).parent.parent
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text("utf-8"))
OURS = {"simulator", "analysis", "benchmarks"}
COMES_WITH = {"pydantic-core": "pydantic", "llvmlite": "numba", "markupsafe": "jinja2", "dask": "distributed"}
"""Distributions that a declared one cannot be without, and shares its objects with."""

FAMILIES = {
    "MIT License": "MIT",
    "BSD License": "BSD-",
    "Python Software Foundation License": "PSF-",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Apache Software License": "Apache-2.0",
}
FREE = re.compile(r"(MIT-CMU|MIT|BSD-[23]-Clause|0BSD|Zlib|CC0-1\.0|Apache-2\.0|PSF-2\.0|MPL-2\.0|WITH LLVM-exception)")


def plain(requirement: str) -> str:
    """The distribution's name as lock files spell it."""
    return re.split(r"[<>=!~;\[\s(]", requirement.strip(), maxsplit=1)[0].lower().replace("_", "-")


@cache
def imported(folders: tuple[Path, ...]) -> dict[str, str]:
    """The modules of other projects that the files import, anywhere in them, each with one of the files."""
    found: dict[str, str] = {}
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in names:
                top = name.partition(".")[0]
                if top and top not in OURS and top not in sys.stdlib_module_names:
                    found.setdefault(top, str(path))
    return found


def declared() -> dict[str, set[str]]:
    """The distributions that pyproject.toml names: those always needed, and all with the extras."""
    needed = {plain(one) for one in PROJECT["project"]["dependencies"]}
    extras = PROJECT["project"]["optional-dependencies"].values()
    return {"needed": needed, "all": needed | {plain(one) for extra in extras for one in extra}}


@cache
def installed() -> Mapping[str, list[str]]:
    """The distributions of each module that is installed."""
    return packages_distributions()


@cache
def distribution_of(module: str) -> str:
    """The distribution that a module comes from."""
    known = {"yaml": "pyyaml", "sklearn": "scikit-learn"}
    return known.get(module) or plain((installed().get(module) or [module])[0])


def undeclared(modules: dict[str, str]) -> dict[str, str]:
    """The modules whose distribution pyproject.toml does not name, and that come with none that it names."""
    known = declared()["all"]
    found = {module: distribution_of(module) for module in modules}
    return {module: modules[module] for module, name in found.items() if name not in known and name not in COMES_WITH}


def pins() -> list[str]:
    """The distributions that the lock file pins."""
    lines = (HOME / "requirements.txt").read_text("utf-8").splitlines()
    return sorted({plain(line) for line in lines if re.match(r"[a-z0-9]", line, re.IGNORECASE)})


def licences() -> dict[str, str]:
    """What the page of licences says of each distribution."""
    part = (HOME / "docs" / "licences.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", part, re.MULTILINE)
    return {name: told for told, names in rows if told != "SPDX" for name in names.split(", ")}


def test_every_dependency_is_imported() -> None:
    used = {distribution_of(module) for module in imported(tuple(HOME / name for name in OURS))}
    assert len(used) > 8
    assert declared()["needed"] <= used


def test_every_import_is_declared() -> None:
    assert not undeclared(imported(tuple(HOME / name for name in OURS)))


def test_what_comes_with_another_does(tmp_path: Path) -> None:
    assert set(COMES_WITH.values()) <= declared()["all"]
    for name, holder in COMES_WITH.items():
        if holder in declared()["needed"] or find_spec(holder):
            assert name in {plain(one) for one in requires(holder) or ()}, name
    (tmp_path / "x.py").write_text(
        "def f():\n    import hypothesis_of_ours.deep\n    from tomlkit.items import X\n", "utf-8"
    )
    assert undeclared(imported((tmp_path,))).keys() == {"hypothesis_of_ours", "tomlkit"}


def test_every_pin_has_its_licence_listed() -> None:
    assert len(pins()) > 20
    assert sorted(licences()) == pins()
    for name, told in licences().items():
        assert not re.sub(r"AND|OR|\s", "", FREE.sub("", told)), (name, told)


@pytest.mark.parametrize("name", pins())
def test_the_licence_is_the_one_that_the_distribution_states(name: str) -> None:
    try:
        about = metadata(name)
    except PackageNotFoundError:
        pytest.skip("not installed here: pinned for another platform or Python")
    told = licences()[name]
    if about.get("License-Expression"):
        assert told == about["License-Expression"]
        return
    classes = [one.rpartition(":: ")[2] for one in about.get_all("Classifier") or () if one.startswith("License")]
    stated = [FAMILIES[one] for one in classes if one in FAMILIES] or [(about.get("License") or "").strip()]
    assert stated != [""], name
    assert any(told.startswith(family) for family in stated), (told, stated)
