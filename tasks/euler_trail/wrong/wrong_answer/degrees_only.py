"""Looks at the degrees and not at whether the graph hangs together, then walks in one go."""

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
    stack, walk = [start], []
    while stack:
        place = stack[-1]
        while at[place] and used[at[place][-1][1]]:
            at[place].pop()
        if at[place]:
            other, edge = at[place].pop()
            used[edge] = True
            stack.append(other)
        else:
            walk.append(stack.pop())
    print(*walk)


main()
