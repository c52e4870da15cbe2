"""What is shipped, each with its question: read off the heads of the documents, since a list must come at once."""

from pathlib import Path

from benchmarks.words.answer import Answer
from simulator.documents.loading import pasted_papers, shipped
from simulator.documents.yaml12 import top_texts

MOST_CITED = 100


def listing() -> Answer:
    """The shipped scenarios by group, each with its question, or with the paper's citation where it asks none."""
    found = [{"group": path.parent.name, "name": name, "question": _question(path)} for name, path in shipped().items()]
    found += [
        {"group": "papers", "name": name, "question": _question(folder / "paper.yaml")}
        for name, folder in pasted_papers().items()
    ]
    width = max(len(entry["name"]) for entry in found)
    lines: list[str] = []
    for group in dict.fromkeys(entry["group"] for entry in found):
        lines += ["", f"{group}:"]
        own = (entry for entry in found if entry["group"] == group)
        lines += [f"  {entry['name']:{width}}  {entry['question']}" for entry in own]
    return Answer(found, lines=tuple(lines[1:]))


def _question(path: Path) -> str:
    """The question of a shipped document or of what it extends, else the citation of its paper, cut short."""
    said = _said(path)
    if "question" in said:
        return said["question"]
    text = said.get("source", "")
    return text if len(text) <= MOST_CITED else f"{text[: MOST_CITED - 3].rstrip()}..."


def _said(path: Path) -> dict[str, str]:
    """The texts of a document over those of what it extends."""
    own = top_texts(path.read_bytes(), str(path))
    if "question" in own or "extends" not in own:
        return own
    return {**_said(shipped().get(own["extends"], path.parent / own["extends"])), **own}
