"""Puts one answer to the checker program of a task's author."""

import io
import json
import os
import sys
import traceback

NAME = "<name>"
SOURCE = "<source>"
PROTOCOL = "<protocol>"
ARGUMENTS = "<arguments>"

# Any status but 0 and 1: an uncaught exception is the checker's failure and not a verdict.
FAILED = 70


def read_files():
    lengths = json.loads(sys.stdin.buffer.readline())
    for name in ("input", "expected", "actual"):
        content = sys.stdin.buffer.read(lengths[name])
        if len(content) != lengths[name]:
            sys.exit(FAILED)
        with open(name, "wb") as file:
            file.write(content)


def redirect(path):
    handle = os.open(path, os.O_RDONLY)
    os.dup2(handle, 0)
    os.close(handle)
    # What an agent printed need not be UTF-8, and a checker that stumbles over it judges nothing.
    sys.stdin = io.TextIOWrapper(
        open(0, "rb", closefd=False), encoding="utf-8", errors="surrogateescape"
    )


def status_of(error):
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    print(error.code)
    return 1


def run():
    module = sys.modules["__main__"].__dict__
    names = {"__name__": "__main__", "__builtins__": module["__builtins__"], "__file__": NAME}
    try:
        exec(compile(SOURCE, NAME, "exec", dont_inherit=True), names)
        return 0
    except SystemExit as error:
        return status_of(error)
    except BaseException:
        traceback.print_exc()
        return FAILED


def icpc_status(status):
    if status not in (42, 43):
        return FAILED
    for name in ("feedback/teammessage.txt", "feedback/judgemessage.txt"):
        try:
            with open(name, encoding="utf-8", errors="backslashreplace") as file:
                print(file.read(4096))
        except OSError:
            pass
    return status - 42


def main():
    sys.stdout.reconfigure(errors="backslashreplace")
    read_files()
    if PROTOCOL == "icpc":
        os.mkdir("feedback")
        sys.argv = [NAME, "input", "expected", "feedback" + os.sep, *ARGUMENTS]
        redirect("actual")
        status = icpc_status(run())
    else:
        sys.argv = [NAME, "input", "expected", "actual", *ARGUMENTS]
        redirect(os.devnull)
        status = run()
    sys.exit(status)


main()
