"""Some order that follows the rules, but not the smallest."""

import sys
from collections import deque

numbers = list(map(int, sys.stdin.buffer.read().split()))
parts, rules = numbers[:2]
after = [[] for _ in range(parts + 1)]
waits = [0] * (parts + 1)
for index in range(2, 2 + 2 * rules, 2):
    after[numbers[index]].append(numbers[index + 1])
    waits[numbers[index + 1]] += 1
ready = deque(part for part in range(1, parts + 1) if not waits[part])
order = []
while ready:
    order.append(ready.popleft())
    for then in after[order[-1]]:
        waits[then] -= 1
        if not waits[then]:
            ready.append(then)
print(*order if len(order) == parts else ["cycle"])
