"""Sends flow along paths and never takes any of it back."""

import sys
from collections import deque

numbers = list(map(int, sys.stdin.buffer.read().split()))
nodes, pipes, source, sink = numbers[:4]
room = [{} for _ in range(nodes + 1)]
for index in range(4, 4 + 3 * pipes, 3):
    origin, end, capacity = numbers[index : index + 3]
    room[origin][end] = room[origin].get(end, 0) + capacity
flow = 0
while True:
    came = {source: None}
    stack = [source]
    while stack and sink not in came:
        node = stack.pop()
        for end, free in room[node].items():
            if free and end not in came:
                came[end] = node
                stack.append(end)
    if sink not in came:
        break
    path, node = [], sink
    while came[node] is not None:
        path.append((came[node], node))
        node = came[node]
    amount = min(room[a][b] for a, b in path)
    for a, b in path:
        room[a][b] -= amount
    flow += amount
print(flow)
