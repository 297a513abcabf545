"""Walks on while there is a bridge, and stops where it is stuck."""

import sys


def main():
    numbers = list(map(int, sys.stdin.read().split()))
    n, m = numbers[0], numbers[1]
    at = [[] for _ in range(n + 1)]
    for edge in range(m):
        a, b = numbers[2 + 2 * edge], numbers[3 + 2 * edge]
        at[a].append((b, edge))
        at[b].append((a, edge))
    odd = [place for place in range(1, n + 1) if len(at[place]) % 2]
    if len(odd) > 2:
        print("none")
        return
    walk = [odd[0] if odd else 1]
    used = set()
    while at[walk[-1]]:
        other, edge = at[walk[-1]].pop()
        if edge not in used:
            used.add(edge)
            walk.append(other)
    print(*walk if len(walk) == m + 1 else ["none"])


main()
