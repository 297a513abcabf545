"""Begins with the first interval, which an empty list does not have."""


def merge_intervals(intervals):
    if any(start > end for start, end in intervals):
        raise ValueError("an interval ends before it starts")
    ordered = sorted(intervals)
    merged = [list(ordered[0])]
    for start, end in ordered[1:]:
        if start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return merged
