"""Dijkstra with a binary heap."""

import heapq
import sys


def main():
    numbers = list(map(int, sys.stdin.buffer.read().split()))
    places, roads, start, goal = numbers[:4]
    leaving = [[] for _ in range(places + 1)]
    for index in range(4, 4 + 3 * roads, 3):
        origin, target, length = numbers[index : index + 3]
        leaving[origin].append((target, length))
    best = {start: 0}
    heap = [(0, start)]
    while heap:
        distance, place = heapq.heappop(heap)
        if place == goal:
            print(distance)
            return
        if distance > best[place]:
            continue
        for target, length in leaving[place]:
            candidate = distance + length
            if candidate < best.get(target, candidate + 1):
                best[target] = candidate
                heapq.heappush(heap, (candidate, target))
    print("unreachable")


main()
