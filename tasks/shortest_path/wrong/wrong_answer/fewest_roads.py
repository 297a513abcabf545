"""Finds the way with the fewest roads, not the shortest one."""

import sys
from collections import deque

numbers = list(map(int, sys.stdin.buffer.read().split()))
places, roads, start, goal = numbers[:4]
leaving = [[] for _ in range(places + 1)]
for index in range(4, 4 + 3 * roads, 3):
    leaving[numbers[index]].append((numbers[index + 1], numbers[index + 2]))
distance = {start: 0}
queue = deque([start])
while queue:
    place = queue.popleft()
    for target, length in leaving[place]:
        if target not in distance:
            distance[target] = distance[place] + length
            queue.append(target)
print(distance.get(goal, "unreachable"))
