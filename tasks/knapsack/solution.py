"""One row of best values by weight, rewritten once for each item."""

import sys


def main():
    numbers = list(map(int, sys.stdin.read().split()))
    count, room = numbers[:2]
    items = list(zip(numbers[2::2], numbers[3::2]))[:count]
    best = [0] * (room + 1)
    for weight, value in items:
        if weight > room:
            continue
        with_item = [old + value for old in best[: room + 1 - weight]]
        best[weight:] = map(max, best[weight:], with_item)
    print(best[room])


main()
