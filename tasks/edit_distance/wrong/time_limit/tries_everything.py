"""Tries every step anew, again and again."""

import sys

sys.setrecursionlimit(5000)
lines = sys.stdin.buffer.read().decode("utf-8").split("\n") + [""]
first, second = lines[:2]


def distance(i, j):
    if i == 0 or j == 0:
        return i + j
    if first[i - 1] == second[j - 1]:
        return distance(i - 1, j - 1)
    return 1 + min(distance(i - 1, j), distance(i, j - 1), distance(i - 1, j - 1))


print(distance(len(first), len(second)))
