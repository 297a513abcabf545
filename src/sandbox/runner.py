# The program that is process 1 of every sandbox. It starts a fresh interpreter for each case,
# relays what the interpreter writes, measures, and clears away what the case left behind.
#
# It is a helper and not the judge: the host keeps its own clock and its own byte count, and ends
# the whole sandbox when this program does not answer. Frames on fd 0 (from the host) and fd 1
# (to the host) are one byte of kind, four bytes of length (big endian) and the body. The program
# under test never holds either descriptor.
#
# It must run on any CPython from 3.9 with `-I -S`, so it imports only what is quick to import.

import errno
import os
import resource
import select
import signal
import struct
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

EXITED, SIGNALLED, WALL, CPU, OUTPUT, CANCELLED = range(6)


class HostGone(Exception):
    pass


pending = bytearray()


def send(kind, body=b""):
    # Frames are kept back for one tick at most, so that what a short case has to say leaves in one
    # piece: through an engine each piece wakes four processes.
    pending.extend(kind + struct.pack(">I", len(body)) + body)
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
    kind = read_exactly(1)
    (size,) = struct.unpack(">I", read_exactly(4))
    return kind, read_exactly(size)


def number_in(path, key):
    # The number behind `key` in a file of "key number" lines; None where the file cannot be read.
    try:
        with open(path, "rb") as file:
            for line in file:
                words = line.split()
                if len(words) == 2 and words[0] == key:
                    return int(words[1])
    except OSError:
        pass
    return None


def counter(paths, key):
    for path in paths:
        value = number_in(path, key)
        if value is not None:
            return path, value
    return None, None


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


def hide():
    # Under the same user as the program under test only this closes /proc/1/{mem,fd,environ} and
    # ptrace to it. It must be there: without it we do not start.
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(4, 0, 0, 0, 0) != 0:  # PR_SET_DUMPABLE
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE)")
    return libc


def limit(which, soft, hard):
    current = resource.getrlimit(which)[1]
    if current != resource.RLIM_INFINITY:
        soft, hard = min(soft, current), min(hard, current)
    resource.setrlimit(which, (soft, hard))


def become_agent(config, libc):
    # In the child, between fork and exec. The order matters: what needs our rights comes first.
    if libc is not None:
        libc.prctl(4, 1, 0, 0, 0)  # Else /proc/self belongs to root; exec would set it anyway.
    with open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
        file.write(b"1000")
    os.setsid()
    os.umask(0o077)
    if config.uid is not None:
        os.setgroups([])
        os.setresgid(config.uid, config.uid, config.uid)
        os.setresuid(config.uid, config.uid, config.uid)
    os.chdir(SCRATCH)
    # Behind our own count and not before it: the kernel's limit charges whole ticks, on a busy
    # machine more than was used, and its signal could be anybody's.
    seconds = int(config.cpu * 1.25) + 2
    limit(resource.RLIMIT_CPU, seconds, seconds + 1)
    limit(resource.RLIMIT_CORE, 0, 0)
    limit(resource.RLIMIT_NOFILE, config.open_files, config.open_files)
    limit(resource.RLIMIT_FSIZE, config.file_bytes, config.file_bytes)
    if config.address_bytes is not None:
        limit(resource.RLIMIT_AS, config.address_bytes, config.address_bytes)
    if config.processes is not None:
        limit(resource.RLIMIT_NPROC, config.processes, config.processes)
    for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGCHLD, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)


ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": SCRATCH,
    "TMPDIR": SCRATCH,
}


def start(config, libc, arguments):
    # Returns the pid, our ends of the three pipes, and the pipe that says why exec failed.
    stdin_r, stdin_w = os.pipe()
    stdout_r, stdout_w = os.pipe()
    stderr_r, stderr_w = os.pipe()
    failed_r, failed_w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            become_agent(config, libc)
            os.dup2(stdin_r, 0)
            os.dup2(stdout_w, 1)
            os.dup2(stderr_w, 2)
            command = [config.python, "-I", "-S", "-B", config.agent, *arguments]
            os.execve(config.python, command, ENVIRONMENT)
        except BaseException as error:
            os.write(failed_w, repr(error).encode()[:1000])
        finally:
            os._exit(127)
    for end in (stdin_r, stdout_w, stderr_w, failed_w):
        os.close(end)
    return pid, stdin_w, stdout_r, stderr_r, failed_r


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
    def __init__(self, config, libc, body):
        (size,) = struct.unpack(">I", body[:4])
        arguments = body[4:4 + size]
        self.arguments = arguments.split(b"\0")[:-1]
        self.input = memoryview(body)[4 + size:]
        self.config = config
        self.libc = libc
        self.total = 0
        self.cut = {1: False, 2: False}
        self.ending = None
        self.status = None
        self.cpu = 0.0
        self.resident = 0
        self.memory_kills = 0
        self.failed = b""

    def run(self, wake):
        oom_file, oom_before = counter(OOM_FILES, b"oom_kill")
        pids_file, pids_before = counter(PIDS_FILES, b"max")
        self.began = time.monotonic()
        self.pid, stdin, stdout, stderr, failed = start(self.config, self.libc, self.arguments)
        send(b"S")
        self.streams = {stdout: 1, stderr: 2}
        self.failed_end = failed
        self.stdin = stdin
        self.poll = select.poll()
        for end in (0, wake, stdout, stderr, failed):
            self.poll.register(end, select.POLLIN)
        if self.input:
            os.set_blocking(stdin, False)
            self.poll.register(stdin, select.POLLOUT)
        else:
            self.close_stdin()
        self.watch(wake)
        ended = time.monotonic()
        kill_all()
        self.reap_all()
        self.drain()
        self.close_stdin()
        for end in (*self.streams, self.failed_end):
            if end is not None:
                os.close(end)
        if self.failed:
            send(b"X", self.failed)
            return
        oom = self.memory_kills
        if oom_file is not None:
            oom += max(0, (number_in(oom_file, b"oom_kill") or 0) - oom_before)
        pids = 0
        if pids_file is not None:
            pids = max(0, (number_in(pids_file, b"max") or 0) - pids_before)
        clean = wipe(self.config)
        kind, value = self.ended_by()
        send(b"E", struct.pack(
            ">BBBBBQQQQQ", kind, value, not clean, self.cut[1], self.cut[2],
            int((ended - self.began) * 1e6), int(self.cpu * 1e6), self.resident, oom, pids,
        ))

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
                elif end == self.failed_end:
                    self.read_failure()
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

    def read_failure(self):
        self.failed += os.read(self.failed_end, 1000)
        self.poll.unregister(self.failed_end)
        os.close(self.failed_end)
        self.failed_end = None

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
        if self.failed_end is not None:
            self.failed += os.read(self.failed_end, 1000)

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
    with os.fdopen(handle, "wb") as file:
        file.write(source)
    os.chmod(config.agent, 0o444)


def main():
    for number in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    # A handler must exist for the wake-up descriptor to be written; it has nothing to do.
    signal.signal(signal.SIGCHLD, lambda *_: None)
    wake, woken = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    os.set_blocking(1, False)
    kind, body = receive()
    if kind != b"C":
        raise SystemExit("the first frame is not the configuration")
    config = Config(body)
    libc = hide() if config.uid is None else None
    send(b"H", sys.version.split()[0].encode())
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
            Case(config, libc, body).run(wake)
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
