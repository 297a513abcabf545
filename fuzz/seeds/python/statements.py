# Every statement and most expressions, small.
from __future__ import annotations
import os.path as p, sys
from collections import *
from . import x as y
@d(1)
async def f(a, /, b: int = 1, *c, d=2, **e) -> "int":
    global g
    async with a as b, c: pass
    async for i in b: await i
    else: return
    yield [*a, *b]
    return {**a, "k": v}
class C(B, metaclass=M):
    __x: int
    def m(self):
        nonlocal_ = lambda x=1, *y: (yield)
        return super().m()[1:2, ::3] @ -x ** ~y
try:
    raise E from None
except* (A, B) as e: del e.x, e[0]
finally: pass
while (n := 1) and not 2 or 3 < 4 <= 5 is not None in (): break
else: continue_ = 0
match x:
    case {"a": [1, *_], **r} | C(k=1.5j) if z: pass
    case None | -1 | "s" as q: pass
x, (y, *z) = [i for i in a if b async for c in d] = {1, 2}
t = f"a{b!r:>{w}}" 'c' rb'\x00' f'{x=}' if x else ...
assert x, "m"
x += 0xFF + 1_000 + 1e-5
