"""Forgets to escape keys, and loses empty containers."""

import json
import sys

leaves = {}
stack = [("", json.loads(sys.stdin.buffer.read()))]
while stack:
    pointer, value = stack.pop()
    if isinstance(value, dict):
        stack.extend((f"{pointer}/{key}", inner) for key, inner in value.items())
    elif isinstance(value, list):
        stack.extend((f"{pointer}/{index}", inner) for index, inner in enumerate(value))
    else:
        leaves[pointer] = value
print(json.dumps(leaves))
