"""A resolved document as text and as a digest."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import yaml

from simulator.documents.spec import Spec
from simulator.documents.yaml12 import plain_value


def digest(spec_or_tree: Spec | Mapping[str, Any]) -> str:
    """SHA-256 (hex) of the resolved document as canonical JSON.

    The order of the sections does not count; the order within them does, because levels and covariates stand in
    order. A float that is a whole number counts as that number: 1.0 and 1 are one value. Floats are written by repr.
    """
    tree = _plain_tree(spec_or_tree)
    canonical = {name: _canonical(tree[name]) for name in sorted(tree)}
    return hashlib.sha256(json.dumps(canonical, separators=(",", ":"), allow_nan=False).encode()).hexdigest()


def resolved_yaml(spec_or_tree: Spec | Mapping[str, Any]) -> str:
    """YAML text that loads back to the same tree: no ``extends``, no sources, texts quoted where YAML needs it."""
    return yaml.dump(
        _plain_tree(spec_or_tree),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=120,
        default_flow_style=None,
    )


_SafeDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_SafeDumper):  # type: ignore[misc]
    """Writes what ``yaml12`` reads, without anchors."""

    def ignore_aliases(self, _: Any) -> bool:
        """Nothing is shared between two places."""
        return True

    def represent_text(self, data: str) -> Any:
        """Text, in quotes whenever YAML 1.2 or 1.1 would read it as something else."""
        try:
            ambiguous = not isinstance(plain_value(data), str)
        except ValueError:
            ambiguous = True
        plain_style = not ambiguous and data.isprintable()
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=None if plain_style else '"')


_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_representer(tuple, yaml.SafeDumper.represent_list)


def _plain_tree(spec_or_tree: Spec | Mapping[str, Any]) -> dict[str, Any]:
    return spec_or_tree.model_dump() if isinstance(spec_or_tree, Spec) else dict(spec_or_tree)


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _canonical(child) for name, child in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value
