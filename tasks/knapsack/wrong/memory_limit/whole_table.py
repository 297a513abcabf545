"""Keeps the row of every item, as one does to find out which items were taken."""

import sys

numbers = list(map(int, sys.stdin.read().split()))
count, room = numbers[:2]
rows = [[0] * (room + 1)]
for weight, value in zip(numbers[2::2], numbers[3::2]):
    row = rows[-1][:]
    if weight <= room:
        row[weight:] = map(max, row[weight:], [old + value for old in row[: room + 1 - weight]])
    rows.append(row)
print(rows[-1][room])
