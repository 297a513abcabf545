"""Depth first by recursion, which a long chain exhausts."""

import sys

numbers = list(map(int, sys.stdin.buffer.read().split()))
parts, rules = numbers[:2]
before = [set() for _ in range(parts + 1)]
for index in range(2, 2 + 2 * rules, 2):
    before[numbers[index + 1]].add(numbers[index])
depth = {}


def longest(part, path):
    if part in path:
        return None
    if part not in depth:
        path.add(part)
        found = [longest(other, path) for other in before[part]]
        path.discard(part)
        depth[part] = None if None in found else 1 + max(found, default=0)
    return depth[part]


if any(longest(part, set()) is None for part in range(1, parts + 1)):
    print("cycle")
else:
    done, order = set(), []
    left = set(range(1, parts + 1))
    while left:
        part = next(part for part in sorted(left) if before[part] <= done)
        order.append(part)
        done.add(part)
        left.discard(part)
    print(*order)
