"""Makes the notebooks of docs/notebooks from the tutorials, executed: `make notebooks`. One source, two forms.

Of a tutorial's blocks those of bash become cells of the shell, those of YAML with a title cells that write that file,
those of Python cells of Python; all else stays prose, blocks of text among it. Progress (stderr) is left out; long
outputs are cut.
"""

import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parent.parent
TUTORIALS, NOTEBOOKS = HOME / "docs" / "tutorials", HOME / "docs" / "notebooks"
MOST_LINES = 60
BLOCK = re.compile(r"^```(bash|python|yaml)(?: title=\"([^\"]+)\")?\n(.*?)^```\n", re.M | re.S)
LATER = re.compile(r"<!-- quick start: (\w+) -->\n(.*?)<!-- end of quick start -->\n", re.S)


def known() -> set[str]:
    """The names of the commands."""
    from benchmarks.cli.commands import cli

    return set(cli.commands)


def cells(tutorial: str, commands: set[str]) -> list[tuple[str, str]]:
    """The cells, ``markdown`` or ``code`` with their text; a marked part is left out if its command is not there."""
    text = LATER.sub(lambda part: part[2] if part[1] in commands else "", tutorial)
    text = re.sub(r"\]\((?!https?:|#)([^)]*)\)", lambda link: f"]({_from_here(link[1])})", text)
    found: list[tuple[str, str]] = []
    end = 0
    for block in BLOCK.finditer(text):
        found += [("markdown", text[end : block.start()].strip()), ("code", _code(block[1], block[2], block[3]))]
        end = block.end()
    found.append(("markdown", text[end:].strip()))
    return [(kind, source) for kind, source in found if source]


def _from_here(link: str) -> str:
    return link if link.startswith("../") else f"../tutorials/{link}"


def _code(language: str, title: str | None, body: str) -> str:
    if language == "python":
        return body.strip()
    if language == "yaml":
        return f"%%writefile {title}\n{body.strip()}"
    return f"%%bash\n{body.strip()}"


def executed(found: list[tuple[str, str]]) -> dict[str, Any]:
    """The notebook, run in an empty folder."""
    import nbformat
    from nbclient import NotebookClient

    made = nbformat.v4.new_notebook()
    made.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    for number, (kind, source) in enumerate(found):
        cell = nbformat.v4.new_markdown_cell(source) if kind == "markdown" else nbformat.v4.new_code_cell(source)
        cell["id"] = f"cell-{number}"
        made.cells.append(cell)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["COLUMNS"] = "100"
    with tempfile.TemporaryDirectory() as folder:
        place = {"metadata": {"path": folder}}
        NotebookClient(made, timeout=900, startup_timeout=300, kernel_name="python3", resources=place).execute()
        return tidy(json.loads(nbformat.writes(made).replace(folder, ".")))


def tidy(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook without what differs from run to run: times, progress; its outputs cut to so many lines."""
    notebook["metadata"] = {"kernelspec": notebook["metadata"]["kernelspec"], "language_info": {"name": "python"}}
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        outputs = list[dict[str, Any]]()
        for one in cell.get("outputs", []):
            if one.get("name") == "stdout" and outputs and outputs[-1].get("name") == "stdout":
                outputs[-1]["text"] = "".join(outputs[-1]["text"]) + "".join(one["text"])  # it arrives in pieces
            elif one.get("name") != "stderr":
                outputs.append(one)
        for one in outputs:
            if "text" in one:
                one["text"] = cut(one["text"])
            one.get("data", {}).pop("image/svg+xml", None)
        if "outputs" in cell:
            cell["outputs"] = outputs
    return notebook


def cut(text: str | list[str]) -> list[str]:
    """The text's lines without those of progress, at most so many."""
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", "".join(text).replace("\r\n", "\n"))
    lines = plain.splitlines(keepends=True)
    kept = [line for line in lines if not re.match(r"(blocks of replicates|truths|compiling)\b", line)]
    return kept if len(kept) <= MOST_LINES else [*kept[:MOST_LINES], "...\n"]


def failed(notebook: dict[str, Any]) -> list[str]:
    """What went wrong in cells of the shell, which stop nothing."""
    told = ["".join(one.get("text", "")) for cell in notebook["cells"] for one in cell.get("outputs", [])]
    return [text for text in told if re.search(r"^(trialtwin: |Usage: |.*not found$)", text, re.M)]


def main(out: Path, names: list[str]) -> int:
    """Write every notebook, or those named, into the folder; 1 where a command of one failed."""
    sys.path.insert(0, str(HOME))
    commands, wrong = known(), list[str]()
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(TUTORIALS.glob("*.md")):
        if names and path.stem not in names:
            continue
        notebook = executed(cells(path.read_text("utf-8"), commands))
        wrong += failed(notebook)
        (out / f"{path.stem}.ipynb").write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print("\n".join(wrong), end="")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else NOTEBOOKS, sys.argv[2:]))
