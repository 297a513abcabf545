"""Sends one unit along each path it finds."""

import sys

numbers = list(map(int, sys.stdin.buffer.read().split()))
nodes, pipes, source, sink = numbers[:4]
room = [{} for _ in range(nodes + 1)]
for index in range(4, 4 + 3 * pipes, 3):
    origin, end, capacity = numbers[index : index + 3]
    room[origin][end] = room[origin].get(end, 0) + capacity
    room[end].setdefault(origin, 0)
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
    node = sink
    while came[node] is not None:
        room[came[node]][node] -= 1
        room[node][came[node]] += 1
        node = came[node]
    flow += 1
print(flow)
