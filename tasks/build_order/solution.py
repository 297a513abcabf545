"""Always takes the smallest part that waits for nothing (Kahn, with a heap)."""

import heapq
import sys

numbers = list(map(int, sys.stdin.buffer.read().split()))
parts, rules = numbers[:2]
after = [[] for _ in range(parts + 1)]
waits = [0] * (parts + 1)
for index in range(2, 2 + 2 * rules, 2):
    first, then = numbers[index], numbers[index + 1]
    after[first].append(then)
    waits[then] += 1
ready = [part for part in range(1, parts + 1) if not waits[part]]
order = []
while ready:
    part = heapq.heappop(ready)
    order.append(part)
    for then in after[part]:
        waits[then] -= 1
        if not waits[then]:
            heapq.heappush(ready, then)
print(*order if len(order) == parts else ["cycle"])
