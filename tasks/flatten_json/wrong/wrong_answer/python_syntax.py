"""Prints the object as Python writes it, which is not JSON."""

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
sys.stdout.buffer.write((str(leaves) + "\n").encode("utf-8"))
