"""How a parent and the child that calls a user's functions speak: numbers before bytes, over pipes."""

import os
import struct

HEADER = struct.Struct("<IBI")
"""Of an answer: the number of the question, what it is, and the bytes that follow."""
SIZE = struct.Struct("<II")
"""Of a question: its number, and the bytes that follow."""
LOADED, NUMBERS, MISTAKE, LONGEST = 1, 2, 3, 4096


def read_exactly(end: int, count: int) -> bytes:
    """So many bytes of a pipe; fewer only where it has ended."""
    pieces: list[bytes] = []
    while count and (piece := os.read(end, min(count, 1 << 20))):
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


def write_all(end: int, content: bytes) -> None:
    """Write all of it."""
    left = memoryview(content)
    while left:
        left = left[os.write(end, left) :]
