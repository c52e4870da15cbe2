"""What a shell is told when a name is completed: shipped worlds, studies and papers; files where none begins so."""

import click
from click.shell_completion import CompletionItem

COMPLETION = """\
Names are completed by your shell once it has run (in ~/.bashrc, ~/.zshrc or config.fish):

\b
  eval "$(_TRIALTWIN_COMPLETE=bash_source trialtwin)"
  eval "$(_TRIALTWIN_COMPLETE=zsh_source trialtwin)"
  _TRIALTWIN_COMPLETE=fish_source trialtwin | source
"""


def studies(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Worlds and studies that begin so, or files."""
    from simulator.documents.loading import shipped

    return _or_files({name: path.parent.name for name, path in shipped().items()}, begun)


def papers(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Shipped papers that begin so, or files."""
    from simulator.documents.loading import pasted_papers

    return _or_files(dict.fromkeys(pasted_papers(), "papers"), begun)


def _or_files(names: dict[str, str], begun: str) -> list[CompletionItem]:
    """Names that begin so, each with its group; a shell that is given both keeps the files alone."""
    found = [CompletionItem(name, help=group) for name, group in names.items() if name.startswith(begun)]
    return found or [CompletionItem(begun, type="file")]
