"""The child in which a user's own functions are called: questions in, plain numbers or one line out."""

import contextlib
import io
import os
import pickle
import struct
import sys
from typing import Any, NoReturn

from analysis.estimators.own_call import answer_of, found
from analysis.estimators.own_code import OwnFunctionError, said, source
from analysis.estimators.own_wire import HEADER, LOADED, LONGEST, MISTAKE, NUMBERS, SIZE, read_exactly, write_all
from analysis.estimators.trust import unpacked


def serve(question: int, answer: int, streams: tuple[int, int, int]) -> NoReturn:
    """Answer questions until there are no more; a function that leaves Python ends this process.

    A function that has closed its input, its output or stderr finds ``streams`` there the next time.
    """
    import numpy

    for end in (question, answer, *streams):
        os.set_inheritable(end, False)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)  # what it has printed is seen when it hangs, too
    getattr(numpy, "random").seed()  # noqa: B009  as in a new process: another child has had what this one would draw
    while True:
        header = read_exactly(question, SIZE.size)
        if len(header) < SIZE.size:
            os._exit(0)
        number, size = SIZE.unpack(header)
        for to, end in enumerate(streams):
            try:
                os.fstat(to)
            except OSError:
                os.dup2(end, to)
        kind, content = _answered(pickle.loads(read_exactly(question, size)), number, answer)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        write_all(answer, HEADER.pack(number, kind, len(content)) + content)


def _answered(asked: dict[str, Any], number: int, answer: int) -> tuple[int, bytes]:
    """What there is to say: five numbers, or the line that ends the run."""
    try:
        sys.path[:] = asked["path"]
        os.chdir(asked["folder"])
        function = unpacked(asked["parcel"])
        called = found(function)
        write_all(answer, HEADER.pack(number, LOADED, 0))
        words = (asked["columns"], asked["replicate"], asked["level"], source(function), asked["explain"])
        numbers = answer_of(said(function), called, *words)
    except OwnFunctionError as error:
        return MISTAKE, str(error).encode("utf-8", "replace")[:LONGEST]
    return NUMBERS, struct.pack("<5d", *numbers)
