"""Measures how well the scripts of a bundle predict a stream of bytes.

This process holds the stream, the scripts run in another one. That one commits itself to a weight
for each of the 256 values of the next byte, and only then is it told the byte. What is measured is
the length of the code that it would have written, so nothing that it says about itself counts.

Both processes have the same user. What keeps the stream and the report out of the other's reach is
that this one is not dumpable: then the kernel opens neither its memory nor its descriptors.
"""

import base64
import json
import math
import os
import struct
import sys

CHILD = "<scripts>"
# Reads the program of the other process from its descriptor 3.
BOOTSTRAP = """
import os
size = int.from_bytes(os.read(3, 4), "big")
code = b""
while len(code) < size:
    code += os.read(3, size - len(code))
exec(compile(code, "harness.py", "exec"))
"""
FILES = json.loads("<files>")
ARCHITECTURE, TRAINING = json.loads("<entries>")
PR_GET_DUMPABLE, PR_SET_DUMPABLE = 3, 4
WEIGHTS = struct.Struct("<256d")
# So much of a uniform distribution is mixed into every prediction: no byte costs more than 32 bits.
UNIFORM = 2.0**-24
# The kind of a message and the length of what follows.
HEAD = struct.Struct(">cI")


def hide():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    if libc.prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0:
        sys.exit("the measuring process cannot be hidden")


def start(seed):
    """The scripts' process: its pid, where it reads and where it writes."""
    child_reads, to_child = os.pipe()
    from_child, child_writes = os.pipe()
    environment = {**os.environ, "PYTHONHASHSEED": str(seed % 2**32)}
    pid = os.fork()
    if pid == 0:
        try:
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
            os.dup2(2, 1)
            # Out of the way first: one of the numbers may be taken by the other pipe.
            reads, writes = os.dup(child_reads), os.dup(child_writes)
            while min(reads, writes) < 5:
                reads, writes = os.dup(reads), os.dup(writes)
            os.dup2(reads, 3)
            os.dup2(writes, 4)
            os.closerange(5, 64)
            command = [sys.executable, "-s", "-S", "-B", "-P", "-c", BOOTSTRAP]
            os.execve(sys.executable, command, environment)
        finally:
            os._exit(127)
    os.close(child_reads)
    os.close(child_writes)
    return pid, to_child, from_child


class Scripts:
    def __init__(self, seed):
        self.pid, self.into, self.out = start(seed)

    def write(self, data):
        data = memoryview(data)
        try:
            while data:
                data = data[os.write(self.into, data):]
        except BrokenPipeError:
            self.fail("the scripts ended")

    def read(self, size):
        parts = []
        while size:
            part = os.read(self.out, min(size, 1 << 16))
            if not part:
                self.fail("the scripts ended")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def message(self):
        kind, size = HEAD.unpack(self.read(HEAD.size))
        return kind, size

    def fail(self, why):
        sys.exit(f"not measured: {why}")


def measure(scripts, stream):
    """Bits for each byte of the stream, in order."""
    bits = []
    while True:
        kind, size = scripts.message()
        if kind != b"P":
            return bits, kind, size
        if size != WEIGHTS.size:
            scripts.fail("a prediction is not 256 numbers")
        weights = WEIGHTS.unpack(scripts.read(size))
        total = sum(weights)
        # With a NaN the sum is one, and no comparison with it holds.
        if not (0.0 < total < math.inf and min(weights) >= 0.0):
            scripts.fail("a prediction has a negative or infinite weight, or none at all")
        if len(bits) == len(stream):
            scripts.write(b"E\0")
            continue
        byte = stream[len(bits)]
        share = (1.0 - UNIFORM) * (weights[byte] / total) + UNIFORM / 256.0
        bits.append(-math.log2(share))
        scripts.write(bytes((66, byte)))


def millionths(value):
    return round(value * 1e6)


def main():
    hide()
    head = json.loads(sys.stdin.buffer.readline())
    scripts = Scripts(head["seed"])
    # Nothing of the stream is read before the other process has its own memory.
    stream = sys.stdin.buffer.read()
    if len(stream) != head["bytes"]:
        sys.exit("the stream is not whole")
    order = {"files": FILES, "phase": head["phase"], "seed": head["seed"], "state": head["state"]}
    order.update(architecture=ARCHITECTURE, training=TRAINING)
    code = CHILD.encode()
    order = json.dumps(order).encode()
    scripts.write(len(code).to_bytes(4, "big") + code + len(order).to_bytes(4, "big") + order)
    bits, kind, size = measure(scripts, stream)
    if len(bits) < len(stream):
        scripts.fail(f"only {len(bits)} of {len(stream)} bytes were predicted")
    state = None
    if kind == b"S":
        if size > head["state_bytes"]:
            scripts.fail(f"the state has {size} bytes, and {head['state_bytes']} are the most")
        state = base64.b64encode(scripts.read(size)).decode()
    elif kind != b"D":
        scripts.fail("a message that does not exist")
    first = bits[:head["first"]]
    step = max(1, len(bits) // 64)
    curve = [sum(bits[at:at + step]) / len(bits[at:at + step]) for at in range(0, len(bits), step)]
    report = {
        "bytes": len(bits),
        "microbits": millionths(math.fsum(bits)),
        "first_microbits": millionths(math.fsum(first) / max(1, len(first))),
        "curve": [millionths(value) for value in curve],
        "state": state,
    }
    sys.stdout.write(json.dumps(report) + "\n")


main()
