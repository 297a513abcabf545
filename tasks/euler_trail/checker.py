"""Accepts every walk that crosses each bridge once. `expected` says only whether there is one."""

import sys


def refuse(why):
    print(why)
    sys.exit(1)


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        numbers = list(map(int, file.read().split()))
    with open(sys.argv[2], encoding="ascii") as file:
        possible = file.read().split() != ["none"]
    with open(sys.argv[3], "rb") as file:
        words = file.read().split()

    n, m = numbers[0], numbers[1]
    if words == [b"none"]:
        if possible:
            refuse("there is a walk, and the answer is `none`")
        return
    if len(words) != m + 1:
        refuse(f"a walk over {m} bridges visits {m + 1} places, not {len(words)}")
    walk = []
    for word in words:
        # Its length first: a number of thousands of digits takes Python long, or is an error.
        if len(word) > 9 or not word.isdigit() or not 1 <= int(word) <= n:
            refuse("one of the words is not a place")
        walk.append(int(word))
    left = {}
    for edge in range(m):
        pair = tuple(sorted(numbers[2 + 2 * edge : 4 + 2 * edge]))
        left[pair] = left.get(pair, 0) + 1
    for step, pair in enumerate(zip(walk, walk[1:]), 1):
        pair = tuple(sorted(pair))
        if not left.get(pair):
            refuse(f"step {step}: no bridge from {walk[step - 1]} to {walk[step]} is left")
        left[pair] -= 1


main()
