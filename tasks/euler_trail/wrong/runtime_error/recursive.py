"""The same algorithm by recursion, which is too deep for a long walk."""

import sys


def main():
    numbers = list(map(int, sys.stdin.read().split()))
    n, m = numbers[0], numbers[1]
    at = [[] for _ in range(n + 1)]
    degree = [0] * (n + 1)
    for edge in range(m):
        a, b = numbers[2 + 2 * edge], numbers[3 + 2 * edge]
        at[a].append((b, edge))
        at[b].append((a, edge))
        degree[a] += 1
        degree[b] += 1
    odd = [place for place in range(1, n + 1) if degree[place] % 2]
    if len(odd) > 2:
        print("none")
        return
    start = odd[0] if odd else next((place for place in range(1, n + 1) if degree[place]), 1)
    used = [False] * m
    walk = []

    def visit(place):
        while at[place]:
            other, edge = at[place].pop()
            if not used[edge]:
                used[edge] = True
                visit(other)
        walk.append(place)

    visit(start)
    print(*walk if len(walk) == m + 1 else ["none"])


main()
