"""Walks down with a stack."""

import json
import sys


def escape(key):
    return key.replace("~", "~0").replace("/", "~1")


leaves = {}
stack = [("", json.loads(sys.stdin.buffer.read()))]
while stack:
    pointer, value = stack.pop()
    if isinstance(value, dict) and value:
        stack.extend((f"{pointer}/{escape(key)}", inner) for key, inner in value.items())
    elif isinstance(value, list) and value:
        stack.extend((f"{pointer}/{index}", inner) for index, inner in enumerate(value))
    else:
        leaves[pointer] = value
print(json.dumps(leaves))
