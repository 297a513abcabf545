"""Counts in floating-point numbers, which have 53 bits only."""

import sys


def main():
    lines = sys.stdin.read().split("\n")
    n, q = map(int, lines[0].split())
    tree = [0.0] * (n + 1)

    def add(place, value):
        while place <= n:
            tree[place] += value
            place += place & -place

    def up_to(place):
        total = 0.0
        while place:
            total += tree[place]
            place &= place - 1
        return total

    for place, value in enumerate(map(float, lines[1].split()), 1):
        add(place, value)
    for line in lines[2 : 2 + q]:
        what, first, second = line.split()
        if what == "add":
            add(int(first), float(second))
        else:
            print(int(up_to(int(second)) - up_to(int(first) - 1)))


main()
