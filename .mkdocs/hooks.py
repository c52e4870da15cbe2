"""What the site takes from outside docs/: the README as its first page, pictures, what every project has at its top."""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

HOME = Path(__file__).resolve().parent.parent
TOP = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "report-a-weakness.md",
    "LICENSE": "licence.txt",
    "CITATION.cff": "citation.txt",
}
"""Files at the top of the project, and the names that they have in the site."""

LINK = re.compile(r"(\]\()([^)#\s]+)([)#])")
STUDIES = HOME / "build" / "studies"


def on_files(files: Files, config: Any) -> Files:
    """The site's files, with those from outside docs/ among them."""
    for name, page in TOP.items():
        files.append(File.generated(config, page, abs_src_path=str(HOME / name)))
    for picture in sorted((HOME / ".pictures").glob("*.png")):
        files.append(File.generated(config, f"pictures/{picture.name}", abs_src_path=str(picture)))
    for name in sorted(path.name for path in (HOME / "scenarios").glob("*.yaml")):
        files.append(File.generated(config, f"scenarios/{name}", abs_src_path=str(HOME / "scenarios" / name)))
    for page in sorted(STUDIES.rglob("*.html")):
        files.append(File.generated(config, f"studies/{page.relative_to(STUDIES).as_posix()}", abs_src_path=str(page)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The page with links as the site needs them, seen from where the page lies in the project."""
    outside = {there: here for here, there in TOP.items()}
    here = page.file.src_uri
    folder = posixpath.dirname(outside.get(here, f"docs/{here}"))

    def moved(found: re.Match[str]) -> str:
        link = found[2]
        if ":" in link:
            return found[0]
        place = posixpath.normpath(posixpath.join(folder, link))
        target = TOP.get(place) or place.removeprefix("docs/").replace(".pictures/", "pictures/")
        if place == "docs/notebooks":
            target = "notebooks/statistician.ipynb"
        start = posixpath.dirname(here) or "."
        return f"{found[1]}{posixpath.relpath(target, start)}{found[3]}"

    if here == "gallery.md":
        markdown = re.sub(r"^\| `([\w-]+)` \|", with_page, markdown, flags=re.M)
    return LINK.sub(moved, markdown)


def with_page(found: re.Match[str]) -> str:
    """The study's name with a link to its page, where `make gallery` made one."""
    made = (STUDIES / found[1] / "report.html").exists()
    return f"| [`{found[1]}`](studies/{found[1]}/report.html) |" if made else found[0]
