"""The folder of a run: its parts, rows and manifest, whole or not at all.

Takes rows of blocks as they are computed. Gives a `RunFolder` that can be locked, continued and checked, its parts
with their checksums, the rows of a study read a piece at a time, and the stamp of what the numbers were made from: a
folder made by other code, another world or another seed is refused.
"""
