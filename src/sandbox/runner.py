# The program that is process 1 of every sandbox. It starts a fresh interpreter for each case,
# relays what the interpreter writes, measures, and clears away what the case left behind.
#
# It is a helper and not the judge: the host keeps its own clock and its own byte count, and ends
# the whole sandbox when this program does not answer. Frames on fd 0 (from the host) and fd 1
# (to the host) are one byte of kind, four bytes of length (big endian) and the body. The program
# under test never holds either descriptor.
#
# It must run on any CPython from 3.9 with `-I -S`. Opening a sandbox waits for its imports, so it takes
# the modules that are part of the interpreter: `os` and `signal` only wrap them, and take milliseconds.

import _signal as signal
import errno
import posix as os
import resource
import select
import sys
import time

CHUNK = 65536
# How often the CPU time of the tree is read, in seconds. The first reading comes after one tick,
# so a short case costs nothing.
TICK = 0.05
# Where nobody else limits memory, it is looked at more often.
MEMORY_TICK = 0.02
# Killed processes are gone within milliseconds. Longer than this, the sandbox is broken.
REAP_SECONDS = 5.0
# A host that takes nothing for so long is gone.
HOST_SECONDS = 60.0
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
SCRATCH = "/tmp"
# Beside the program's limits, ours: they are the same.
OUR_FILES = 32
OUR_BYTES = 256 * 1024 * 1024
DEFAULT_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ)

EXITED, SIGNALLED, WALL, CPU, OUTPUT, CANCELLED = range(6)


class HostGone(Exception):
    pass


pending = bytearray()


def send(kind, body=b""):
    # Frames are kept back for one tick at most, so that what a short case has to say leaves in one
    # piece: through an engine each piece wakes four processes.
    pending.extend(kind + len(body).to_bytes(4, "big") + body)
    if len(pending) >= CHUNK:
        flush()


def flush():
    data = memoryview(bytes(pending))
    pending.clear()
    while data:
        try:
            data = data[os.write(1, data):]
        except BlockingIOError:
            # An engine that was killed leaves a pipe that nobody reads and nobody closes.
            if not select.select([], [1], [], HOST_SECONDS)[1]:
                raise HostGone from None


def read_exactly(size):
    parts = []
    while size:
        try:
            part = os.read(0, min(size, CHUNK))
        except BlockingIOError:
            # In a machine one device is both descriptors, so this one does not wait either.
            select.select([0], [], [])
            continue
        if not part:
            raise HostGone
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def receive():
    head = read_exactly(5)
    return head[:1], read_exactly(int.from_bytes(head[1:], "big"))


class Counter:
    # The number behind `key` in the first of some files of "key number" lines that is there. It
    # stays open, and only grows.
    def __init__(self, key, *paths):
        self.key = key
        self.file = None
        self.seen = 0
        for path in paths:
            try:
                self.file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                continue
            if self.grown() is not None:
                return
            os.close(self.file)
            self.file = None

    def grown(self):
        # Since it was last asked; `None` where the number cannot be read.
        if self.file is None:
            return None
        try:
            text = os.pread(self.file, 4096, 0)
        except OSError:
            return None
        for line in text.splitlines():
            words = line.split()
            if len(words) == 2 and words[0] == self.key:
                before, self.seen = self.seen, int(words[1])
                return max(0, self.seen - before)
        return None


OOM_FILES = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
PIDS_FILES = ("/sys/fs/cgroup/pids.events", "/sys/fs/cgroup/pids/pids.events")


class Config:
    # The body of the first frame: `name=value` fields with a NUL between them.
    def __init__(self, body):
        fields = dict(field.split("=", 1) for field in body.decode().split("\0") if field)
        # A name is looked for in the path: images differ in where the interpreter lies.
        self.python = fields["python"] if "/" in fields["python"] else sys.executable
        self.agent = fields["agent"]
        self.idle = float(fields["idle_s"])
        self.wall = int(fields["wall_ms"]) / 1000
        self.cpu = int(fields["cpu_ms"]) / 1000
        self.output = int(fields["output_bytes"])
        self.open_files = int(fields["open_files"])
        self.file_bytes = int(fields["file_bytes"])
        # Absent where another user is not to be had (one uid is mapped) or not needed.
        self.uid = int(fields["uid"]) if "uid" in fields else None
        # Only where no cgroup limits them.
        self.address_bytes = int(fields["address_bytes"]) if "address_bytes" in fields else None
        self.processes = int(fields["processes"]) if "processes" in fields else None
        self.resident_kib = int(fields["resident_kib"]) if "resident_kib" in fields else None
        self.tells_code = "tell_code" in fields


def hide():
    # Under the same user as the program under test only this closes /proc/1/{mem,fd,environ} and
    # ptrace to it. It must be there: without it we do not start.
    prctl = find_prctl()
    if prctl(4, 0, 0, 0, 0) != 0 or prctl(3, 0, 0, 0, 0) != 0:  # PR_SET_DUMPABLE, PR_GET_DUMPABLE
        raise SystemExit("prctl(PR_SET_DUMPABLE) has no effect")


def find_prctl():
    try:
        from _ctypes import call_function, dlopen, dlsym
    except ImportError:
        # Slower to import than what it is made of, which no interpreter promises to keep.
        import ctypes

        return ctypes.CDLL(None).prctl
    address = dlsym(dlopen(None, 0), "prctl")
    return lambda *arguments: call_function(address, arguments)


def limit(which, value):
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def settle(config):
    # What every program under test inherits from us.
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_NOFILE, max(config.open_files, OUR_FILES))
    limit(resource.RLIMIT_FSIZE, config.file_bytes)
    if config.address_bytes is not None:
        limit(resource.RLIMIT_AS, max(config.address_bytes, OUR_BYTES))
    if config.processes is not None:
        limit(resource.RLIMIT_NPROC, config.processes)


ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": SCRATCH,
    "TMPDIR": SCRATCH,
}


class Starter:
    # Starts the programs under test. A fork would copy this process and then each page that either
    # side touches, which takes longer than everything else that is done for a short case. So the
    # program is spawned: the child borrows our memory until it is another program, and it can change
    # nothing of itself. What it must not be like us, we are for that moment.

    def __init__(self, config):
        self.config = config
        self.null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        # Opened before we hide, which makes it root's.
        self.oom = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
        self.oom_usual = os.read(self.oom, 32)
        try:
            self.peak = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
        except OSError:
            self.peak = None
        # Behind our own count and not before it: the kernel's limit charges whole ticks, on a busy
        # machine more than was used, and its signal could be anybody's.
        soft, self.cpu_hard = resource.getrlimit(resource.RLIMIT_CPU)
        self.cpu_usual = (soft, self.cpu_hard)
        seconds = int(config.cpu * 1.25) + 2
        if self.cpu_hard != resource.RLIM_INFINITY:
            seconds = min(seconds, self.cpu_hard)
        self.cpu = (seconds, self.cpu_hard)
        self.command = [config.python, "-I", "-S", "-B", config.agent]
        os.umask(0o077)
        os.chdir(SCRATCH)
        if config.uid is not None:
            os.setgroups([])

    def start(self, arguments, has_input):
        # The pid and our ends of the pipes. OSError says that there is no interpreter.
        uid = self.config.uid
        stdin, feed = os.pipe() if has_input else (self.null, None)
        stdout_r, stdout_w = os.pipe()
        stderr_r, stderr_w = os.pipe()
        ends = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout_w, 1), (os.POSIX_SPAWN_DUP2, stderr_w, 2)]
        os.write(self.oom, b"1000")
        if self.peak is not None:
            # The kernel counts the memory that a child borrowed as its own, so that ours must not
            # have been high: 5 forgets how high it was.
            os.write(self.peak, b"5")
        resource.setrlimit(resource.RLIMIT_CPU, self.cpu)
        if uid is not None:
            os.setresgid(uid, -1, -1)
            os.setresuid(uid, -1, -1)
        try:
            pid = os.posix_spawn(
                self.config.python, self.command + arguments, ENVIRONMENT, file_actions=ends,
                resetids=uid is not None, setsid=True, setsigdef=DEFAULT_SIGNALS,
            )
        finally:
            if uid is not None:
                os.setresuid(0, -1, -1)
                os.setresgid(0, -1, -1)
            resource.setrlimit(resource.RLIMIT_CPU, self.cpu_usual)
            os.write(self.oom, self.oom_usual)
            os.close(stdout_w)
            os.close(stderr_w)
            if has_input:
                os.close(stdin)
        return pid, feed, stdout_r, stderr_r


def living():
    # Every process but this one. Nothing else of ours runs in the sandbox.
    return [name for name in os.listdir("/proc") if name.isdigit() and name != "1"]


def tree_usage():
    # CPU seconds and resident KiB of all that lives, with the CPU time of the children they
    # waited for.
    ticks = pages = 0
    for name in living():
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
        pages += int(fields[21])
    return ticks / CLOCK_TICKS, pages * (resource.getpagesize() // 1024)


def memory_in_use(resident):
    # KiB of the whole tree. Resident sizes count a shared page once for each process that shares
    # it, so only when their sum is suspicious is the exact but slow number read.
    total = 0
    for name in living():
        share = None
        try:
            with open(f"/proc/{name}/smaps_rollup", "rb") as file:
                for line in file:
                    if line.startswith(b"Pss:"):
                        share = int(line.split()[1])
        except (ProcessLookupError, FileNotFoundError):
            share = 0
        except OSError:
            pass
        if share is None:
            return resident  # A process that hides its numbers is charged for all it shares.
        total += share
    return total


def kill_all():
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Case:
    def __init__(self, config, starter, counters, body):
        size = int.from_bytes(body[:4], "big")
        self.arguments = body[4:4 + size].split(b"\0")[:-1]
        self.input = memoryview(body)[4 + size:]
        self.config = config
        self.starter = starter
        self.oom, self.pids = counters
        self.total = 0
        self.cut = {1: False, 2: False}
        self.ending = None
        self.status = None
        self.alone = False
        self.cpu = 0.0
        self.resident = 0
        self.memory_kills = 0

    def run(self, wake):
        self.began = time.monotonic()
        try:
            self.pid, self.stdin, stdout, stderr = self.starter.start(self.arguments, len(self.input) > 0)
        except OSError as error:
            send(b"X", repr(error).encode())
            return
        send(b"S")
        self.streams = {stdout: 1, stderr: 2}
        self.poll = select.poll()
        for end in (0, wake, stdout, stderr):
            self.poll.register(end, select.POLLIN)
        if self.stdin is not None:
            os.set_blocking(self.stdin, False)
            self.poll.register(self.stdin, select.POLLOUT)
        self.watch(wake)
        ended = time.monotonic()
        if not self.alone:
            kill_all()
            self.reap_all()
        self.drain()
        self.close_stdin()
        for end in self.streams:
            os.close(end)
        oom = self.memory_kills + (self.oom.grown() or 0)
        pids = self.pids.grown() or 0
        clean = wipe(self.config)
        kind, value = self.ended_by()
        numbers = (int((ended - self.began) * 1e6), int(self.cpu * 1e6), self.resident, oom, pids)
        facts = bytes((kind, value, not clean, self.cut[1], self.cut[2]))
        send(b"E", facts + b"".join([number.to_bytes(8, "big") for number in numbers]))

    def watch(self, wake):
        deadline = self.began + self.config.wall
        pause = TICK if self.config.resident_kib is None else MEMORY_TICK
        tick = self.began + pause
        while self.status is None and self.ending is None:
            now = time.monotonic()
            if now >= deadline:
                self.ending = WALL
                return
            if now >= tick:
                tick = now + pause
                flush()
                self.check_usage()
            timeout = max(0.0, min(deadline, tick) - now)
            for end, event in self.poll.poll(int(timeout * 1000) + 1):
                if end == wake:
                    drop_wakes(wake)
                    self.reap()
                elif end == 0:
                    self.command()
                elif end == self.stdin:
                    self.feed()
                elif end in self.streams:
                    self.relay(end)

    def check_usage(self):
        seconds, resident = tree_usage()
        if seconds + self.cpu >= self.config.cpu:
            self.ending = CPU
        elif self.config.resident_kib is not None and resident > self.config.resident_kib:
            # Where no cgroup limits memory, we do, and say it in the same fact.
            if memory_in_use(resident) > self.config.resident_kib:
                self.memory_kills += 1
                kill_all()

    def command(self):
        kind, _ = receive()
        if kind == b"K":
            self.ending = CANCELLED

    def feed(self):
        try:
            count = os.write(self.stdin, self.input[:CHUNK])
        except BlockingIOError:
            return
        except OSError:
            count = len(self.input)  # Nobody reads it any more.
        self.input = self.input[count:]
        if not self.input:
            self.close_stdin()

    def close_stdin(self):
        if self.stdin is not None:
            try:
                self.poll.unregister(self.stdin)
            except KeyError:
                pass
            os.close(self.stdin)
            self.stdin = None

    def relay(self, end):
        # Reads at most one chunk; what is over the limit is dropped and ends the case.
        part = os.read(end, CHUNK)
        if not part:
            self.poll.unregister(end)
            os.close(end)
            del self.streams[end]
            return
        stream = self.streams[end]
        room = self.config.output - self.total
        if len(part) > room:
            part = part[:room]
            self.cut[stream] = True
            self.ending = OUTPUT
        if part:
            self.total += len(part)
            send(b"O" if stream == 1 else b"Z", part)

    def reap(self):
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                # Everything else here descends from us: nobody is left.
                self.alone = True
                return
            if pid == 0:
                return
            self.account(pid, status, usage)

    def account(self, pid, status, usage):
        self.cpu += usage.ru_utime + usage.ru_stime
        self.resident = max(self.resident, usage.ru_maxrss)
        if pid == self.pid:
            self.status = status

    def reap_all(self):
        # Everything is killed; orphans are ours now. Memory that is given back takes a moment.
        deadline = time.monotonic() + REAP_SECONDS
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid:
                self.account(pid, status, usage)
            elif time.monotonic() > deadline:
                raise SystemExit("killed processes do not end")
            else:
                kill_all()
                time.sleep(0.001)

    def drain(self):
        # All writers are dead, so this ends with the pipes' content, even at the limit.
        for end in list(self.streams):
            while end in self.streams and self.ending != OUTPUT:
                self.relay(end)

    def ended_by(self):
        if self.ending is not None:
            return self.ending, 0
        if os.WIFSIGNALED(self.status):
            number = os.WTERMSIG(self.status)
            # The kernel's own limit on CPU time: its soft signal, or SIGKILL at the hard one.
            if number in (signal.SIGXCPU, signal.SIGKILL) and self.cpu >= self.config.cpu:
                return CPU, 0
            return SIGNALLED, number
        return EXITED, os.WEXITSTATUS(self.status)


def drop_wakes(wake):
    try:
        while len(os.read(wake, CHUNK)) == CHUNK:
            pass
    except BlockingIOError:
        pass


def remove_tree(path):
    for entry in list(os.scandir(path)):
        if entry.is_dir(follow_symlinks=False):
            os.chmod(entry.path, 0o700)
            remove_tree(entry.path)
            os.rmdir(entry.path)
        else:
            os.unlink(entry.path)


def wipe(config):
    # Whether the scratch folder is empty now. Removal happens with the agent's own rights, so no
    # right to override permissions is needed here; what resists costs the session, nothing else.
    if not os.listdir(SCRATCH):
        return True
    pid = os.fork()
    if pid == 0:
        try:
            if config.uid is not None:
                os.setgroups([])
                os.setresgid(config.uid, config.uid, config.uid)
                os.setresuid(config.uid, config.uid, config.uid)
            remove_tree(SCRATCH)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    return not os.listdir(SCRATCH)


def install(config, source):
    # The folder belongs to us and the agent is somebody else, so it can read this and no more.
    handle = os.open(config.agent, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    with open(handle, "wb") as file:
        file.write(source)
    os.chmod(config.agent, 0o444)


def greeting(config):
    # The interpreter's version, and what it made of this text, for the next sandbox with the same.
    version = sys.version.encode() + b"\0"
    if not config.tells_code:
        return version
    import marshal

    return version + marshal.dumps(code)  # The bootstrap's name for us.


def main():
    # A handler must exist for the wake-up descriptor to be written; it has nothing to do.
    for number in (signal.SIGCHLD, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    wake, woken = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    os.set_blocking(1, False)
    kind, body = receive()
    if kind != b"C":
        raise SystemExit("the first frame is not the configuration")
    config = Config(body)
    starter = Starter(config)
    if config.uid is None:
        hide()
    counters = Counter(b"oom_kill", *OOM_FILES), Counter(b"max", *PIDS_FILES)
    settled = False
    send(b"H", greeting(config))
    flush()
    while True:
        drop_wakes(wake)
        # Without a host that speaks to it, a sandbox must not stay for ever.
        if not select.select([0], [], [], config.idle)[0]:
            return
        kind, body = receive()
        if kind == b"A":
            install(config, body)
        elif kind == b"R":
            if not settled:
                settle(config)
                settled = True
            Case(config, starter, counters, body).run(wake)
            flush()
        # A late order to cancel a case that has ended means nothing any more.


try:
    main()
except HostGone:
    pass
except OSError as error:
    if error.errno != errno.EPIPE:
        raise
os._exit(0)
