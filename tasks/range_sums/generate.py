"""Makes COUNT cases from SEED: `generate.py SEED COUNT` prints each as a line of JSON."""

import json
import random
import sys


def case(rng, places, lines, most):
    rows = [f"{places} {lines}", " ".join(str(rng.randint(-most, most)) for _ in range(places))]
    for _ in range(lines):
        if rng.random() < 0.4:
            rows.append(f"add {rng.randint(1, places)} {rng.randint(-most, most)}")
        else:
            first, last = sorted((rng.randint(1, places), rng.randint(1, places)))
            rows.append(f"sum {first} {last}")
    return "\n".join(rows) + "\n"


def main():
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    for number in range(count):
        rng = random.Random(seed * 1000 + number)
        if number == 0:
            stdin = case(rng, 60_000, 60_000, 10**9)
        elif number == 1:
            stdin = case(rng, rng.randint(1, 4), 40, 10**19)
        else:
            stdin = case(rng, rng.randint(2, 300), rng.randint(2, 300), 10 ** rng.randint(1, 19))
        print(json.dumps({"stdin": stdin}))


main()
