"""Goes over all roads until nothing changes: a round for each place of the path at worst."""

import sys

numbers = list(map(int, sys.stdin.buffer.read().split()))
places, roads, start, goal = numbers[:4]
edges = [tuple(numbers[index : index + 3]) for index in range(4, 4 + 3 * roads, 3)]
infinity = float("inf")
distance = [infinity] * (places + 1)
distance[start] = 0
changed = True
while changed:
    changed = False
    for origin, target, length in edges:
        if distance[origin] + length < distance[target]:
            distance[target] = distance[origin] + length
            changed = True
print(distance[goal] if distance[goal] < infinity else "unreachable")
