"""A Fenwick tree: both kinds of lines cost the logarithm of `n`."""

import sys


def main():
    lines = sys.stdin.read().split("\n")
    n, q = map(int, lines[0].split())
    tree = [0] + list(map(int, lines[1].split()))
    for place in range(1, n + 1):
        above = place + (place & -place)
        if above <= n:
            tree[above] += tree[place]

    def up_to(place):
        total = 0
        while place:
            total += tree[place]
            place &= place - 1
        return total

    answers = []
    for line in lines[2 : 2 + q]:
        what, first, second = line.split()
        if what == "add":
            place, value = int(first), int(second)
            while place <= n:
                tree[place] += value
                place += place & -place
        else:
            answers.append(up_to(int(second)) - up_to(int(first) - 1))
    print("\n".join(map(str, answers)))


main()
