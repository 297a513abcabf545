"""CPython's side of the differential tests: what it accepts, and the tree it sees.

Reads frames from stdin and answers each on stdout until stdin ends. A frame is a length (4 bytes,
little-endian) and so many bytes of source. An answer is `A` (it compiles) or `R` (it does not), a
length, and the tree as text or the reason. `src/python/canonical/` describes the text.
"""

import ast
import struct
import sys
import threading
import warnings

LEFT_OUT = {"type_comment", "type_ignores", "kind"}
FIELDS = {}


def tree(node):
    out = []
    write(node, out.append)
    return "\n".join(out) + "\n"


def write(value, out):
    if isinstance(value, ast.AST):
        kind = type(value)
        out(kind.__name__)
        fields = FIELDS.get(kind)
        if fields is None:
            fields = FIELDS[kind] = [field for field in kind._fields if field not in LEFT_OUT]
        for field in fields:
            write(getattr(value, field, None), out)
    elif isinstance(value, list):
        out("[")
        for item in value:
            write(item, out)
        out("]")
    elif value is None:
        out("~")
    elif value is True or value is False or value is Ellipsis:
        out("..." if value is Ellipsis else str(value))
    elif isinstance(value, str):
        out("s" + value.replace("\\", "\\\\").replace("\n", "\\n"))
    elif isinstance(value, int):
        out("i%x" % value if value >= 0 else "i%d" % value)
    elif isinstance(value, bytes):
        out("b" + value.hex())
    elif isinstance(value, float):
        out("f" + struct.pack(">d", value).hex())
    elif isinstance(value, complex):
        out("complex")
        write(value.real, out)
        write(value.imag, out)
    else:
        raise TypeError(type(value))


def answer(source):
    try:
        # From bytes, as `python file.py` does it: the coding line and the line ends count.
        parsed = compile(source, "<agent>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        # What only the compiler refuses. Run from the same bytes, so that nothing is lost between.
        compile(source, "<agent>", "exec", dont_inherit=True)
        text = tree(parsed)
    except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError, LookupError) as error:
        reason = "%s: %s" % (type(error).__name__, error)
        return b"R", reason.encode("utf-8", "replace")
    # A lone surrogate cannot be written as UTF-8; the other parser shows U+FFFD in its place.
    text = "".join("\ufffd" if 0xD800 <= ord(c) <= 0xDFFF else c for c in text) if has_surrogate(text) else text
    return b"A", text.encode()


def has_surrogate(text):
    try:
        text.encode()
        return False
    except UnicodeEncodeError:
        return True


def serve():
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(1_000_000)
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    stdout.write("%d.%d.%d\n".encode() % sys.version_info[:3])
    stdout.flush()
    while len(head := stdin.read(4)) == 4:
        verdict, text = answer(stdin.read(struct.unpack("<I", head)[0]))
        stdout.write(verdict + struct.pack("<I", len(text)) + text)
        stdout.flush()


if __name__ == "__main__":
    threading.stack_size(512 << 20)
    server = threading.Thread(target=serve)
    server.start()
    server.join()
