"""Sums of the numbers as they were at the beginning."""

import itertools
import sys


def main():
    lines = sys.stdin.read().split("\n")
    n, q = map(int, lines[0].split())
    sums = [0, *itertools.accumulate(map(int, lines[1].split()))]
    for line in lines[2 : 2 + q]:
        what, first, second = line.split()
        if what == "sum":
            print(sums[int(second)] - sums[int(first) - 1])


main()
