# Runs in the scripts' process: builds the model, lets it learn, hands its state back. Nothing here is
# believed by the process that measures.

import base64
import json
import os
import random
import struct
import sys
import types

WEIGHTS = struct.Struct("<256d")
HEAD = struct.Struct(">cI")


def _read(size):
    parts = []
    while size:
        part = os.read(3, size)
        if not part:
            raise SystemExit("the measuring process ended")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _write(kind, body):
    data = memoryview(HEAD.pack(kind, len(body)) + body)
    while data:
        data = data[os.write(4, data):]


class Context:
    """What the scripts get: `seed`, `phase` (`train` or `evaluate`), `model` once it is built."""

    def __init__(self, order):
        self.seed = order["seed"]
        self.phase = order["phase"]
        self.model = None

    def reveal(self, weights):
        """Takes 256 weights for the next byte and returns that byte, or None at the end."""
        _write(b"P", WEIGHTS.pack(*weights))
        kind, byte = _read(2)
        return byte if kind == 66 else None


def _load(files, entry):
    path, function = entry
    module = types.ModuleType(path.removesuffix(".py").replace("/", "."))
    module.__file__ = path
    sys.modules[module.__name__] = module
    exec(compile(files[path], path, "exec", dont_inherit=True), module.__dict__)
    return getattr(module, function)


def _main():
    order = json.loads(_read(int.from_bytes(_read(4), "big")))
    random.seed(order["seed"])
    context = Context(order)
    context.model = _load(order["files"], order["architecture"])(context)
    if order["phase"] == "train":
        _load(order["files"], order["training"])(context)
        _write(b"S", bytes(context.model.state()))
        return
    context.model.load(base64.b64decode(order["state"]))
    model = context.model
    while True:
        byte = context.reveal(model.predict())
        if byte is None:
            break
        model.update(byte)
    _write(b"D", b"")


_main()
