# What process 1 of a machine does: puts up the same walls that the other backends put up outside,
# and starts the runner behind them. The machine is the outer wall and does not replace the inner.
#
# It comes in over the channel and runs in the globals of `image/init.py`: `CHANNEL` and `read_exactly`.
# The fields of its configuration are made in `guest.rs`.

import ctypes
import os
import signal
import sys

LIBC = ctypes.CDLL(None, use_errno=True)

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 1 << 14, 1 << 18
MNT_DETACH = 2
# Mounts, host name, queues, processes, network, control groups.
NAMESPACES = 0x00020000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000 | 0x02000000
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 24, 38, 22
SECCOMP_MODE_FILTER = 2
# What the runner needs to start a program as another user and to end it: KILL, SETGID, SETUID.
RUNNER_RIGHTS = (5, 6, 7)
RB_AUTOBOOT = 0x01234567
GROUP = "/sys/fs/cgroup/agent"


def call(function, *arguments):
    if getattr(LIBC, function)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{function}{arguments[:3]}: {os.strerror(ctypes.get_errno())}")


def mount(kind, target, flags, options=""):
    call("mount", kind.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())


def write(path, value):
    with open(path, "wb", buffering=0) as file:
        file.write(str(value).encode())


def limit(config):
    # Version 2 of control groups. A file that is missing is a limit that nobody keeps: we end.
    mount("cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    write("/sys/fs/cgroup/cgroup.subtree_control", "+memory +pids")
    os.mkdir(GROUP)
    write(f"{GROUP}/memory.max", config["memory_bytes"])
    write(f"{GROUP}/pids.max", config["processes"])


def furnish(config):
    # In namespaces of its own. The root is a read-only device; all else that can be seen is here.
    call("mount", None, b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None)
    for path in ("/sys/fs/cgroup", "/proc", "/dev"):
        call("umount2", path.encode(), MNT_DETACH)
    mount("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY)
    mount("tmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "size=64k,nr_inodes=16,mode=0755")
    os.umask(0)
    for name, minor in (("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)):
        os.mknod(f"/dev/{name}", 0o020666, os.makedev(1, minor))
    os.umask(0o022)
    call("mount", None, b"/dev", None, ctypes.c_ulong(32 | MS_RDONLY | MS_NOSUID | MS_NOEXEC), None)
    mount("tmpfs", "/tmp", MS_NOSUID | MS_NODEV | MS_NOEXEC,
          f"size={config['scratch_kib']}k,nr_inodes={config['scratch_files']},mode=1777")
    mount("tmpfs", "/portcullis", MS_NOSUID | MS_NODEV | MS_NOEXEC,
          f"size={config['source_kib']}k,nr_inodes=4,mode=0755")
    call("sethostname", b"sandbox", 7)


class Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("program", ctypes.c_void_p)]


def renounce(filters):
    # Rights first, then the filters: the last of them forbids adding more.
    last = int(open("/proc/sys/kernel/cap_last_cap").read())
    for right in range(last + 1):
        if right not in RUNNER_RIGHTS:
            call("prctl", PR_CAPBSET_DROP, right, 0, 0, 0)
    mask = sum(1 << right for right in RUNNER_RIGHTS)
    data = (ctypes.c_uint32 * 6)(mask, mask, 0, 0, 0, 0)
    call("capset", ctypes.byref(Header(0x20080522, 0)), ctypes.byref(data))
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for text in filters:
        program = bytes.fromhex(text)
        held = ctypes.create_string_buffer(program, len(program))
        bpf = Filter(len(program) // 8, ctypes.cast(held, ctypes.c_void_p))
        call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(bpf), 0, 0)


def become_runner(config):
    furnish(config)
    # What the runner says on its standard error goes to the machine's console, as ours does.
    for number in (0, 1):
        os.dup2(CHANNEL, number)
    os.closerange(3, 64)
    renounce(config["filters"].split(","))
    runner = b""
    while len(runner) < int(config["runner"]):
        runner += os.read(0, int(config["runner"]) - len(runner))
    exec(compile(runner, "runner.py", "exec"), {"__name__": "__main__"})


def main():
    size = int.from_bytes(read_exactly(4), "big")
    config = dict(field.split("=", 1) for field in read_exactly(size).decode().split("\0"))
    mount("proc", "/proc", 0)
    limit(config)
    outer = os.fork()
    if outer == 0:
        write(f"{GROUP}/cgroup.procs", 0)
        call("unshare", NAMESPACES)
        if os.fork() == 0:
            try:
                become_runner(config)
            except BaseException as error:
                os.write(2, repr(error).encode()[:1000] + b"\n")
            os._exit(1)
        os.close(CHANNEL)
        os.wait()
        os._exit(0)
    os.close(CHANNEL)
    while os.wait()[0] != outer:
        pass


try:
    main()
except BaseException as error:
    os.write(2, repr(error).encode()[:1000] + b"\n")
# The machine monitor was told that a restart is an end.
LIBC.reboot(RB_AUTOBOOT)
