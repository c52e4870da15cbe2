"""From YAML that a person wrote to a frozen Spec, or to one line for each thing that is wrong with it.

Takes the name or path of a document, overrides, and the Spec that it is to be. Gives a `Document` (its tree, where
each value stands, its sources), the parsed Spec, its digest, its resolved YAML, its JSON Schema, and where two
documents differ. Whatever is wrong is a `DocumentError` that lists every problem with file, line, and what would be
right.

Knows no section of any document: a room brings its own Spec.
"""
