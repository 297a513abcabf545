"""The table of distances between beginnings, one row at a time (Wagner and Fischer)."""

import sys


def distance(first, second):
    row = list(range(len(second) + 1))
    for index, char in enumerate(first, start=1):
        diagonal, row[0] = row[0], index
        for place, other in enumerate(second, start=1):
            step = diagonal if char == other else 1 + min(diagonal, row[place], row[place - 1])
            diagonal, row[place] = row[place], step
    return row[-1]


lines = sys.stdin.buffer.read().decode("utf-8").split("\n") + [""]
print(distance(lines[0], lines[1]))
