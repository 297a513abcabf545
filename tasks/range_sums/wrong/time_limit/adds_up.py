"""Adds up the numbers for every question."""

import sys


def main():
    lines = sys.stdin.read().split("\n")
    n, q = map(int, lines[0].split())
    numbers = list(map(int, lines[1].split()))
    for line in lines[2 : 2 + q]:
        what, first, second = line.split()
        if what == "add":
            numbers[int(first) - 1] += int(second)
        else:
            print(sum(numbers[int(first) - 1 : int(second)]))


main()
