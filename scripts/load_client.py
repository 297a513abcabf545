#!/usr/bin/env python3
"""What `scripts/load` needs beside wrk: slow connections, and what a server takes of the machine.

    load_client.py slow --port P --connections N [--pid PID]
    load_client.py watch --pid PID --seconds S
    load_client.py cpu --pid PID
    load_client.py agent

`slow` opens N connections that never finish a request and then uploads. `watch` looks at the memory of a
process and its children for a while. Both print one line of JSON. `cpu` prints how many milliseconds of
processor time they have taken. `agent` prints the agent for `load.lua`. Standard library only.
"""

import argparse
import asyncio
import json
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


def family(pid):
    """A process and its children."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        try:
            with open(f"/proc/{one}/task/{one}/children") as children:
                waiting += [int(child) for child in children.read().split()]
            found.append(one)
        except OSError:
            pass
    return found


def memory_kib(pid):
    """Resident memory of a process and of its children."""
    total = 0
    for one in family(pid):
        try:
            with open(f"/proc/{one}/status") as status:
                total += sum(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
        except OSError:
            pass
    return total


def cpu_ms(pid):
    """Processor time of a process and of its children, of those that ended too."""
    ticks = 0
    for one in family(pid):
        try:
            with open(f"/proc/{one}/stat") as stat:
                ticks += sum(int(field) for field in stat.read().rsplit(")", 1)[1].split()[11:15])
        except OSError:
            pass
    return round(1000 * ticks / os.sysconf("SC_CLK_TCK"))


def watch(options):
    memory, end = [], time.monotonic() + options.seconds
    while time.monotonic() < end:
        memory.append(memory_kib(options.pid))
        time.sleep(min(1.0, options.seconds / 20))
    # Not the first tenth, in which caches fill.
    steady = memory[len(memory) // 10 :]
    fifth = max(1, len(steady) // 5)
    answer = {
        "rss_first_mib": round(sum(steady[:fifth]) / fifth / 1024, 1),
        "rss_last_mib": round(sum(steady[-fifth:]) / fifth / 1024, 1),
        "rss_max_mib": round(max(memory) / 1024, 1),
    }
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
    parser.add_argument("what", choices=["slow", "watch", "cpu", "agent"])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--pid", type=int, default=0)
    parser.add_argument("--uploads", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6, 10**7))
    options = parser.parse_args()
    if options.what == "agent":
        print(AGENT.format(name="@NAME@", number="@NUMBER@"), end="")
    elif options.what == "watch":
        watch(options)
    elif options.what == "cpu":
        print(cpu_ms(options.pid))
    else:
        asyncio.run(slow(options))


if __name__ == "__main__":
    main()
