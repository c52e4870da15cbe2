"""A whole world: its sections checked against each other, and cohorts drawn from it.

Takes the sections of a document. Gives a `World`; `resolve`, which prepares it once; `generate`, which draws a block
of cohorts with both potential outcomes; courses under strategies of starting treatment; and the files that a cohort is
exported to.

This is the top of the room: analysis and benchmarks ask it for cohorts.
"""
