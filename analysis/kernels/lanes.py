"""Sums in lanes: vector code whose order of additions, and so every digit, is that of any machine.

A compiler may not reorder a sum, and so leaves a plain loop one addition at a time.
"""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from simulator.numerics.numba_private import code as _tools

_LANES = 4  # of four numbers each
_NUMBER, _VECTOR = ir.DoubleType(), ir.VectorType(ir.DoubleType(), 4)
_pack: Any = types.UniTuple
_Terms = Callable[[Any, Sequence[Any]], Sequence[Any]]


def _in_lanes(builder: Any, rows: Sequence[Any], size: Any, count: int, terms: _Terms) -> list[Any]:
    """``count`` sums over the first places of contiguous rows, of what ``terms`` makes of the numbers of one place."""
    whole = builder.and_(size, ir.Constant(size.type, -4 * _LANES))
    lanes = [
        [_tools.alloca_once_value(builder, ir.Constant(_VECTOR, [0.0] * 4)) for _ in range(_LANES)]
        for _ in range(count)
    ]

    def made(kind: Any, place: Any) -> Sequence[Any]:
        found = []
        for row in rows:
            value = builder.load(builder.bitcast(builder.gep(row, [place]), kind.as_pointer()))
            value.align = 8
            found.append(value)
        return terms(kind, found)

    step = ir.Constant(size.type, 4 * _LANES)
    with _tools.for_range_slice(builder, ir.Constant(size.type, 0), whole, step) as (start, _):
        for k in range(_LANES):
            for sums, term in zip(lanes, made(_VECTOR, builder.add(start, ir.Constant(size.type, 4 * k))), strict=True):
                builder.store(builder.fadd(builder.load(sums[k]), term), sums[k])
    rests = [_tools.alloca_once_value(builder, ir.Constant(_NUMBER, 0.0)) for _ in range(count)]
    with _tools.for_range_slice(builder, whole, size, ir.Constant(size.type, 1)) as (place, _):
        for rest, term in zip(rests, made(_NUMBER, place), strict=True):
            builder.store(builder.fadd(builder.load(rest), term), rest)
    totals = []
    for sums, rest in zip(lanes, rests, strict=True):
        four = [builder.load(one) for one in sums]
        both = builder.fadd(builder.fadd(four[0], four[1]), builder.fadd(four[2], four[3]))
        each = [builder.extract_element(both, ir.Constant(ir.IntType(32), k)) for k in range(4)]
        total = builder.fadd(builder.fadd(each[0], each[1]), builder.fadd(each[2], each[3]))
        totals.append(builder.fadd(total, builder.load(rest)))
    return totals


def _data(context: Any, builder: Any, kinds: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """Where the numbers of contiguous arrays lie."""
    return [context.make_array(kind)(context, builder, value).data for kind, value in zip(kinds, values, strict=True)]


def _sum_of_products(typing_context: Any, a: Any, b: Any, c: Any, n: Any) -> Any:  # noqa: ARG001
    """The sum of a[i] * b[i] * c[i] over the first n places of contiguous rows."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = _data(context, builder, signature.args[:3], arguments[:3])
        size = context.cast(builder, arguments[3], signature.args[3], types.intp)

        def product(_: Any, found: Sequence[Any]) -> Sequence[Any]:
            return [builder.fmul(builder.fmul(found[0], found[1]), found[2])]

        return _in_lanes(builder, rows, size, 1, product)[0]

    return types.float64(a, b, c, n), codegen


def _share_moments(typing_context: Any, first: Any, both: Any, theta: Any, n: Any) -> Any:  # noqa: ARG001
    """Four sums over n terms u = first theta / (first theta + both - first), v = u (1 - u): of u, v, u v and v v."""
    made = _pack(types.float64, 4)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = _data(context, builder, signature.args[:2], arguments[:2])
        size = context.cast(builder, arguments[3], signature.args[3], types.intp)
        many = ir.Constant(_VECTOR, ir.Undefined)
        for k in range(4):
            many = builder.insert_element(many, arguments[2], ir.Constant(ir.IntType(32), k))

        def moments(kind: Any, found: Sequence[Any]) -> Sequence[Any]:
            scale, one = (many, [1.0] * 4) if kind is _VECTOR else (arguments[2], 1.0)
            risk = builder.fmul(found[0], scale)
            share = builder.fdiv(risk, builder.fadd(risk, builder.fsub(found[1], found[0])))
            spread = builder.fmul(share, builder.fsub(ir.Constant(kind, one), share))
            return share, spread, builder.fmul(spread, share), builder.fmul(spread, spread)

        return context.make_tuple(builder, made, _in_lanes(builder, rows, size, 4, moments))

    return made(first, both, types.float64, n), codegen


sum_of_products: Any = intrinsic(_sum_of_products)
share_moments: Any = intrinsic(_share_moments)


def _cross_sums(above: int, across: int) -> Any:
    """Rows of one table by rows of another, whose numbers are loaded once for all: sums of each two, in eight lanes."""

    def sums(typing_context: Any, a: Any, first_a: Any, b: Any, first_b: Any, n: Any) -> Any:  # noqa: ARG001
        """The sums of a[first_a + j, i] * b[first_b + k, i] over the first n places i, in the order of j, then k.

        A row beyond the last one of its table is the last one once more.
        """

        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            size = context.cast(builder, arguments[4], signature.args[4], types.intp)
            number, vector = ir.DoubleType(), ir.VectorType(ir.DoubleType(), 4)
            rows = []
            for place, count in ((0, above), (2, across)):
                table = context.make_array(signature.args[place])(context, builder, arguments[place])
                start = context.cast(builder, arguments[place + 1], signature.args[place + 1], types.intp)
                last = builder.sub(builder.extract_value(table.shape, 0), ir.Constant(size.type, 1))
                width = builder.extract_value(table.shape, 1)
                for k in range(count):
                    row = builder.add(start, ir.Constant(size.type, k))
                    row = builder.select(builder.icmp_signed("<", row, last), row, last)
                    rows.append(builder.gep(table.data, [builder.mul(row, width)]))

            def add(lanes: Any, kind: Any, place: Any) -> None:
                found = []
                for row in rows:
                    value = builder.load(builder.bitcast(builder.gep(row, [place]), kind.as_pointer()))
                    value.align = 8
                    found.append(value)
                for j in range(above):
                    for k in range(across):
                        lane, product = lanes[j * across + k], builder.fmul(found[j], found[above + k])
                        builder.store(builder.fadd(builder.load(lane), product), lane)

            def zeros(kind: Any, value: Any) -> Any:
                return [_tools.alloca_once_value(builder, ir.Constant(kind, value)) for _ in range(above * across)]

            one, two, rest = zeros(vector, [0.0] * 4), zeros(vector, [0.0] * 4), zeros(number, 0.0)
            whole = builder.and_(size, ir.Constant(size.type, -8))
            step = ir.Constant(size.type, 8)
            with _tools.for_range_slice(builder, ir.Constant(size.type, 0), whole, step) as (start, _):
                add(one, vector, start)
                add(two, vector, builder.add(start, ir.Constant(size.type, 4)))
            with _tools.for_range_slice(builder, whole, size, ir.Constant(size.type, 1)) as (place, _):
                add(rest, number, place)
            totals = []
            for lane, other, last in zip(one, two, rest, strict=True):
                both = builder.fadd(builder.load(lane), builder.load(other))
                each = [builder.extract_element(both, ir.Constant(ir.IntType(32), k)) for k in range(4)]
                total = builder.fadd(builder.fadd(each[0], each[1]), builder.fadd(each[2], each[3]))
                totals.append(builder.fadd(total, builder.load(last)))
            return context.make_tuple(builder, signature.return_type, totals)

        made: Any = types.UniTuple
        return made(types.float64, above * across)(a, first_a, b, first_b, n), codegen

    return sums


one_by_four: Any = intrinsic(_cross_sums(1, 4))
two_by_two: Any = intrinsic(_cross_sums(2, 2))
