"""Sums of products in lanes: vector code whose order of additions, and so every digit, is that of any machine.

A compiler may not reorder a sum, and so leaves a plain loop one addition at a time.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from simulator.numerics.numba_private import code as _tools

_LANES = 4  # of four numbers each


def _sum_of_products(typing_context: Any, a: Any, b: Any, c: Any, n: Any) -> Any:  # noqa: ARG001
    """The sum of a[i] * b[i] * c[i] over the first n places of contiguous rows."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = [
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(signature.args[:3], arguments[:3], strict=True)
        ]
        size = context.cast(builder, arguments[3], signature.args[3], types.intp)
        number, vector = ir.DoubleType(), ir.VectorType(ir.DoubleType(), 4)
        whole = builder.and_(size, ir.Constant(size.type, -4 * _LANES))
        lanes = [_tools.alloca_once_value(builder, ir.Constant(vector, [0.0] * 4)) for _ in range(_LANES)]

        def product(kind: Any, place: Any) -> Any:
            found = []
            for row in rows:
                value = builder.load(builder.bitcast(builder.gep(row, [place]), kind.as_pointer()))
                value.align = 8
                found.append(value)
            return builder.fmul(builder.fmul(found[0], found[1]), found[2])

        step = ir.Constant(size.type, 4 * _LANES)
        with _tools.for_range_slice(builder, ir.Constant(size.type, 0), whole, step) as (start, _):
            for k, lane in enumerate(lanes):
                place = builder.add(start, ir.Constant(size.type, 4 * k))
                builder.store(builder.fadd(builder.load(lane), product(vector, place)), lane)
        rest = _tools.alloca_once_value(builder, ir.Constant(number, 0.0))
        with _tools.for_range_slice(builder, whole, size, ir.Constant(size.type, 1)) as (place, _):
            builder.store(builder.fadd(builder.load(rest), product(number, place)), rest)
        sums = [builder.load(lane) for lane in lanes]
        both = builder.fadd(builder.fadd(sums[0], sums[1]), builder.fadd(sums[2], sums[3]))
        each = [builder.extract_element(both, ir.Constant(ir.IntType(32), k)) for k in range(4)]
        total = builder.fadd(builder.fadd(each[0], each[1]), builder.fadd(each[2], each[3]))
        return builder.fadd(total, builder.load(rest))

    return types.float64(a, b, c, n), codegen


sum_of_products: Any = intrinsic(_sum_of_products)


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
