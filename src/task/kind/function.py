"""Calls one function of the agent and replies with what it returned or raised."""

import json
import linecache
import os
import sys
import traceback
import types

FUNCTION = "<function>"
SOURCE = "<source>"


def main():
    request = json.loads(sys.stdin.buffer.read())
    reply_to = os.dup(1)
    # From here on what is printed goes to standard error, and there is nothing left to read.
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    module = types.ModuleType("agent")
    module.__file__ = "agent.py"
    sys.modules["agent"] = module
    lines = SOURCE.splitlines(keepends=True)
    linecache.cache["agent.py"] = (len(SOURCE), None, lines, "agent.py")
    exec(compile(SOURCE, "agent.py", "exec", dont_inherit=True), module.__dict__)
    function = getattr(module, FUNCTION, None)
    if not callable(function):
        sys.exit(f"the agent does not define the function {FUNCTION}")

    try:
        answer = {"returns": function(*request["arguments"], **request["keywords"])}
    except BaseException as error:
        traceback.print_exc()
        answer = {"raises": type(error).__name__}
    try:
        reply = json.dumps(answer)
    except (TypeError, ValueError, RecursionError) as error:
        sys.exit(f"what {FUNCTION} returned cannot be written as JSON: {error}")
    with open(reply_to, "w", encoding="utf-8") as stream:
        stream.write(reply + "\n")


main()
