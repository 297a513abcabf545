"""Blocking flows in layered networks (Dinic), without recursion."""

import sys
from collections import deque


def main():
    numbers = list(map(int, sys.stdin.buffer.read().split()))
    nodes, pipes, source, sink = numbers[:4]
    target, room, leaving = [], [], [[] for _ in range(nodes + 1)]
    for index in range(4, 4 + 3 * pipes, 3):
        origin, end, capacity = numbers[index : index + 3]
        for node, other, free in ((origin, end, capacity), (end, origin, 0)):
            leaving[node].append(len(target))
            target.append(other)
            room.append(free)
    flow = 0
    while True:
        level = [-1] * (nodes + 1)
        level[source] = 0
        queue = deque([source])
        while queue:
            node = queue.popleft()
            for edge in leaving[node]:
                if room[edge] and level[target[edge]] < 0:
                    level[target[edge]] = level[node] + 1
                    queue.append(target[edge])
        if level[sink] < 0:
            print(flow)
            return
        following = [0] * (nodes + 1)
        path, node = [], source
        while True:
            if node == sink:
                amount = min(room[edge] for edge in path)
                flow += amount
                for edge in path:
                    room[edge] -= amount
                    room[edge ^ 1] += amount
                path, node = [], source
            edges = leaving[node]
            while following[node] < len(edges):
                edge = edges[following[node]]
                if room[edge] and level[target[edge]] == level[node] + 1:
                    break
                following[node] += 1
            if following[node] < len(edges):
                path.append(edges[following[node]])
                node = target[path[-1]]
            elif path:
                edge = path.pop()
                node = target[edge ^ 1]
                following[node] += 1
            else:
                break


main()
