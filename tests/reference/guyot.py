"""Guyot and colleagues' reconstruction, step by step as their paper has it (BMC Med Res Methodol 2012;12:9)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """Deaths and censorings by interval, the times of all, and the numbers at risk at the start of each interval."""

    deaths: list[int]
    censored: list[int]
    at_risk: list[int]
    patients: list[tuple[float, bool]]


def guyot(
    time: list[float], survival: list[float], risk_time: list[float], at_risk: list[int], total: int | None = None
) -> Counts:
    """All numbers known, or the total unknown; for curves and tables that fit each other.

    ``time`` starts at 0 with survival 1, and has each time once; every number at risk is at or before its last.
    """
    intervals = len(risk_time)
    lower = [next(k for k, t in enumerate(time) if t >= start) for start in risk_time]
    upper = [after - 1 for after in lower[1:]] + [len(time) - 1]
    deaths, censored, start_risk = [0] * len(time), [0] * intervals, list(at_risk)
    n, km = at_risk[0], 1.0
    for i in range(intervals):
        start_risk[i] = n
        end = risk_time[i + 1] if i + 1 < intervals else time[-1]

        def walk(count: int, i: int = i, n: int = n, km: float = km, end: float = end) -> tuple[int, float, int]:
            """Steps 2 to 4: censor evenly, count deaths, and see how many are left."""
            spread = [risk_time[i] + (end - risk_time[i]) * (one + 1) / (count + 1) for one in range(count)]
            died = 0
            for k in range(lower[i], upper[i] + 1):
                here = n - died - sum(t < time[k] for t in spread)
                deaths[k] = 0
                if here > 0 and km > 0:
                    deaths[k] = max(int(here * (1 - survival[k] / km) + 0.5), 0)
                    km *= 1 - deaths[k] / here
                died += deaths[k]
            return n - died - count, km, died

        if i + 1 < intervals:
            ratio = survival[lower[i + 1]] / survival[lower[i]] if survival[lower[i]] else 0.0
            count = max(round(n * ratio - at_risk[i + 1]), 0)
            seen = set()
            while count not in seen:  # step 4: adjust by what is left too many
                seen.add(count)
                left, level, _ = walk(count)
                if left == at_risk[i + 1]:
                    break
                count = max(count + left - at_risk[i + 1], 0)
            left, level, _ = walk(count)
        else:  # steps 5 to 8
            length = time[-1] - risk_time[i]
            rate = sum(censored[:i]) / (risk_time[i] - risk_time[0]) if i else 0.0
            count = min(round(rate * length), n)
            left, level, died = walk(count)
            while left < 0:
                count += left
                left, level, died = walk(count)
            before = sum(deaths[: lower[i]])
            for _ in range(n if total is not None else 0):
                if before + died == total or count + before + died - total < 0:
                    break
                count += before + died - total
                left, level, died = walk(count)
        censored[i], n, km = count, left, level
    patients = [(t, True) for t, d in zip(time, deaths, strict=True) for _ in range(d)]
    for i in range(intervals):
        end = risk_time[i + 1] if i + 1 < intervals else time[-1]
        patients += [
            (risk_time[i] + (end - risk_time[i]) * (one + 1) / (censored[i] + 1), False) for one in range(censored[i])
        ]
    patients += [(time[-1], False)] * n
    by_interval = [sum(deaths[a : b + 1]) for a, b in zip(lower, upper, strict=True)]
    return Counts(by_interval, censored, start_risk, sorted(patients, key=lambda one: (one[0], not one[1])))
