"""Mixes the predictions of contexts of no to four bytes in the log domain, as PAQ does with bits."""

import json
import math


class Model:
    """For each byte, bit by bit: a counter for each context, a weight for each counter."""

    ORDERS = 5
    RATE = 0.02

    def __init__(self):
        self.counters = {}
        self.weights = [0.4] * self.ORDERS
        self.history = b""

    def keys(self):
        return [(order, self.history[len(self.history) - order:]) for order in range(self.ORDERS)]

    def inputs(self, keys, node):
        found = []
        for key in keys:
            zero, one = self.counters.get((key, node), (0.4, 0.4))
            found.append(math.log(one / zero))
        return found

    def predict(self):
        keys = self.keys()
        # The tree of the eight bits, from the root: the share of each node.
        shares = {1: 1.0}
        for node in range(1, 256):
            share = shares[node]
            if share < 1e-7:
                one = 0.5
            else:
                inputs = self.inputs(keys, node)
                total = sum(weight * value for weight, value in zip(self.weights, inputs))
                one = 1.0 / (1.0 + math.exp(-max(-12.0, min(12.0, total))))
            shares[2 * node] = share * (1.0 - one)
            shares[2 * node + 1] = share * one
        return [shares[256 + byte] for byte in range(256)]

    def update(self, byte):
        keys = self.keys()
        node = 1
        for place in range(7, -1, -1):
            bit = byte >> place & 1
            inputs = self.inputs(keys, node)
            total = sum(weight * value for weight, value in zip(self.weights, inputs))
            one = 1.0 / (1.0 + math.exp(-max(-12.0, min(12.0, total))))
            error = bit - one
            for index, value in enumerate(inputs):
                self.weights[index] += self.RATE * error * value
            for key in keys:
                zero, ones = self.counters.get((key, node), (0.4, 0.4))
                if bit:
                    ones, zero = ones + 1.0, min(zero, 0.4 + zero * 0.5)
                else:
                    zero, ones = zero + 1.0, min(ones, 0.4 + ones * 0.5)
                self.counters[(key, node)] = (zero, ones)
            node = 2 * node + bit
        self.history = (self.history + bytes([byte]))[-self.ORDERS:]

    def state(self):
        rows = []
        for ((order, context), node), (zero, one) in self.counters.items():
            if zero + one > 1.9:
                rows.append([order, context.hex(), node, round(zero, 2), round(one, 2)])
        return json.dumps([self.weights, rows], separators=(",", ":")).encode()

    def load(self, state):
        self.weights, rows = json.loads(state)
        for order, context, node, zero, one in rows:
            self.counters[((order, bytes.fromhex(context)), node)] = (zero, one)


def build_model(ctx):
    return Model()
