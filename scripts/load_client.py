#!/usr/bin/env python3
"""The load of `scripts/load`: uploads over loopback from processes of its own, and slow connections.

    load_client.py upload --port P --seconds S --connections N [--rate R] [--processes K] [--rss PID]
    load_client.py slow --port P --connections N [--pid PID]
    load_client.py agent

`upload` keeps N connections busy with agents that all differ; with a rate it sends so many in a second
and measures each from the moment at which it was due, so that a server that stands still cannot hide
the requests that it held up. `slow` opens N connections that never finish a request and then uploads.
Both print one line of JSON. `agent` prints the agent for `load.lua`. Standard library only.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import resource
import sys
import time

BOUNDARY = "portcullisload7d1f"

# About the size and the kind of an honest agent: 40 lines, a few imports, functions, a main part.
AGENT = '''"""Agent {name}: answers small questions about text and numbers."""

import json
import math
import sys
from collections import Counter, defaultdict
from functools import lru_cache
from itertools import groupby

LIMIT = {number}


@lru_cache(maxsize=None)
def steps(value):
    count = 0
    while value != 1:
        value = value // 2 if value % 2 == 0 else 3 * value + 1
        count += 1
    return count


def words(text):
    counts = Counter(word.strip(".,;:!?").lower() for word in text.split())
    groups = defaultdict(list)
    for word, count in counts.items():
        groups[count].append(word)
    return {{count: sorted(found) for count, found in sorted(groups.items())}}


def runs(text):
    return [(key, len(list(group))) for key, group in groupby(text)]


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def distance(self, other):
        return math.hypot(self.x - other.x, self.y - other.y)


def main():
    task = sys.argv[sys.argv.index("--task") + 1] if "--task" in sys.argv else ""
    data = sys.stdin.read()
    if task.startswith("reverse_string"):
        print(data.strip()[::-1])
    elif task.startswith("words"):
        print(json.dumps(words(data)))
    else:
        best = max(range(1, min(LIMIT, 50)), key=steps)
        print(best, runs(data)[:3], round(Point(0, 0).distance(Point(3, 4)), 2))


if __name__ == "__main__":
    main()
'''


def request(port, name, number):
    """One upload: of this source there is no second one."""
    source = AGENT.format(name=name, number=number)
    body = (
        f"--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"miner_id\"\r\n\r\n{name}\r\n"
        f"--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"agent\"; filename=\"agent.py\"\r\n"
        f"content-type: text/x-python\r\n\r\n{source}\r\n--{BOUNDARY}--\r\n"
    ).encode()
    head = (
        f"POST /upload/agent HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
        f"content-type: multipart/form-data; boundary={BOUNDARY}\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode()
    return head + body


class Connection:
    def __init__(self, port):
        self.port, self.reader, self.writer = port, None, None

    async def ask(self, wanted):
        """The status of the answer, which is read whole."""
        if self.writer is None or self.writer.is_closing():
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            self.writer.write(wanted)
            await self.writer.drain()
            head = await self.reader.readuntil(b"\r\n\r\n")
            status = int(head.split(b" ", 2)[1])
            length, close = 0, False
            for line in head.split(b"\r\n")[1:]:
                key, _, value = line.partition(b":")
                key = key.strip().lower()
                if key == b"content-length":
                    length = int(value)
                elif key == b"connection" and value.strip().lower() == b"close":
                    close = True
            await self.reader.readexactly(length)
            if close:
                self.close()
            return status
        except BaseException:
            self.close()
            raise

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.writer = None


async def work(options, process, share, start, results):
    """`share` connections; what they came to is added to `results`."""
    end = start + options.seconds
    counter = iter(range(10**9))
    rate = options.rate / options.processes if options.rate else None
    due = asyncio.Queue()

    async def clock():
        number = 0
        while True:
            at = start + number / rate
            if at >= end:
                break
            now = time.monotonic()
            if at > now:
                await asyncio.sleep(at - now)
            due.put_nowait(at)
            number += 1
        for _ in range(share):
            due.put_nowait(None)

    async def one(connection):
        while True:
            if rate:
                began = await due.get()
                if began is None:
                    return
            else:
                began = time.monotonic()
                if began >= end:
                    return
            number = next(counter)
            # As many miners as a large competition has.
            name = f"m{process}x{number % 500}"
            wanted = request(options.port, name, f"{options.seed}{process:02}{number:09}")
            try:
                status = await connection.ask(wanted)
            except (OSError, asyncio.IncompleteReadError) as error:
                status = type(error).__name__
            results["statuses"][str(status)] = results["statuses"].get(str(status), 0) + 1
            if status == 201:
                results["times"].append(time.monotonic() - began)

    connections = [Connection(options.port) for _ in range(share)]
    tasks = [one(connection) for connection in connections]
    if rate:
        tasks.append(clock())
    await asyncio.gather(*tasks)
    for connection in connections:
        connection.close()


def process_main(options, process, share, start, pipe):
    results = {"statuses": {}, "times": []}
    asyncio.run(work(options, process, share, start, results))
    pipe.send(results)
    pipe.close()


def memory_kib(pid):
    """Resident memory of a process and of its children."""
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            with open(f"/proc/{one}/status") as status:
                for line in status:
                    if line.startswith("VmRSS:"):
                        total += int(line.split()[1])
            with open(f"/proc/{one}/task/{one}/children") as children:
                waiting += [int(child) for child in children.read().split()]
        except OSError:
            pass
    return total


def upload(options):
    start = time.monotonic() + 0.5
    shares = [
        options.connections // options.processes + (k < options.connections % options.processes)
        for k in range(options.processes)
    ]
    workers = []
    for process, share in enumerate(shares):
        ours, theirs = multiprocessing.Pipe(duplex=False)
        worker = multiprocessing.Process(target=process_main, args=(options, process, share, start, theirs))
        worker.start()
        workers.append((worker, ours))
    memory = []
    if options.rss:
        while time.monotonic() < start + options.seconds:
            memory.append(memory_kib(options.rss))
            time.sleep(min(1.0, options.seconds / 20))
    statuses, times = {}, []
    for worker, pipe in workers:
        results = pipe.recv()
        worker.join()
        times += results["times"]
        for status, count in results["statuses"].items():
            statuses[status] = statuses.get(status, 0) + count
    times.sort()

    def quantile(share):
        return round(1000 * times[min(len(times) - 1, int(share * len(times)))], 1) if times else None

    answer = {
        "accepted": len(times),
        "per_second": round(len(times) / options.seconds, 1),
        "p50_ms": quantile(0.5),
        "p99_ms": quantile(0.99),
        "max_ms": quantile(1),
        "statuses": statuses,
    }
    if memory:
        # Not the first tenth, in which caches fill.
        steady = memory[len(memory) // 10 :]
        fifth = max(1, len(steady) // 5)
        answer["rss_first_mib"] = round(sum(steady[:fifth]) / fifth / 1024, 1)
        answer["rss_last_mib"] = round(sum(steady[-fifth:]) / fifth / 1024, 1)
        answer["rss_max_mib"] = round(max(memory) / 1024, 1)
    print(json.dumps(answer))


async def slow(options):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, options.connections + 1000), hard))
    kinds = [
        b"",
        b"POST /upload/agent HTTP/1.1\r\nhost: x\r\n",
        b"POST /upload/agent HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=b\r\n"
        b"content-length: 5000\r\n\r\n--b\r\n",
    ]
    held, refused = [], 0
    for number in range(options.connections):
        try:
            # Loopback has many addresses, and so there are ports enough.
            local = f"127.0.{1 + number // 20000}.1"
            connecting = asyncio.open_connection("127.0.0.1", options.port, local_addr=(local, 0))
            _, writer = await asyncio.wait_for(connecting, 10)
            writer.write(kinds[number % len(kinds)])
            held.append(writer)
        except (OSError, asyncio.TimeoutError):
            refused += 1
            if refused > 200:
                break
    times, statuses = [], {}
    for number in range(options.uploads):
        began = time.monotonic()
        try:
            connection = Connection(options.port)
            wanted = request(options.port, f"slow{number}", f"{options.seed}77{number:09}")
            status = await asyncio.wait_for(connection.ask(wanted), 30)
            connection.close()
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
            status = type(error).__name__
        statuses[str(status)] = statuses.get(str(status), 0) + 1
        times.append(time.monotonic() - began)
    answer = {
        "held": len(held),
        "refused": refused,
        "statuses": statuses,
        "slowest_ms": round(1000 * max(times), 1),
        "rss_mib": round(memory_kib(options.pid) / 1024, 1) if options.pid else None,
    }
    print(json.dumps(answer))
    sys.stdout.flush()
    # Closing ten thousand writers in good order would take longer than the measurement.
    os._exit(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["upload", "slow", "agent"])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rss", type=int, default=0)
    parser.add_argument("--pid", type=int, default=0)
    parser.add_argument("--uploads", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6, 10**7))
    options = parser.parse_args()
    if options.what == "agent":
        print(AGENT.format(name="@NAME@", number="@NUMBER@"), end="")
    elif options.what == "upload":
        upload(options)
    else:
        asyncio.run(slow(options))


if __name__ == "__main__":
    main()
