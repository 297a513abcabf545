//! Ways to reach something dangerous without calling it under its name, a line or two each: every one
//! must be refused. Beside them what honest programs write that looks alike.

use portcullis::lint::{self, Policy, Report};
use portcullis::model::GateVerdict;

fn check(source: &str) -> Report {
    lint::check(source.as_bytes(), &Policy::standard())
}

#[track_caller]
fn refused(sources: &[&str]) {
    for source in sources {
        assert_eq!(check(source).verdict, GateVerdict::Rejected, "{source}");
    }
}

#[track_caller]
fn accepted(sources: &[&str]) {
    for source in sources {
        let report = check(source);
        assert_eq!(report.verdict, GateVerdict::Accepted, "{source}\n{:#?}", report.findings);
    }
}

#[test]
fn an_alias_that_no_name_shows_is_found_where_it_decorates_or_makes_a_class() {
    refused(&[
        "def run(x, e=eval):\n    @e\n    class A: pass\n",
        "import os\nfor e in [os.system]:\n    @e\n    def f(): ...\n",
        "import code\nclass A(metaclass=code.InteractiveInterpreter): ...\n",
        "def m(n, b, ns, e=exec): return e(ns['__doc__'])\nclass A(metaclass=m):\n    'print(1)'\n",
        "class M(type):\n    __prepare__ = lambda *a: vars()\nclass A(metaclass=M): ...\n",
        "class X:\n    def __mro_entries__(self, bases): return (type(__loader__),)\nclass A(X()): ...\n",
    ]);
}

#[test]
fn a_protocol_method_that_is_a_dangerous_function_is_one() {
    refused(&[
        "class A:\n    __getitem__ = eval\nA()['1']\n",
        "class A:\n    from builtins import exec as __call__\nA()('1')\n",
        "class A:\n    from os import system as __getattr__\nA().ls\n",
        "class A:\n    __class_getitem__ = exec\nA['1']\n",
        "class A:\n    __repr__ = breakpoint\nf'{A()!r}'\n",
        "class A:\n    __init_subclass__ = breakpoint\nclass B(A): ...\n",
        "class D:\n    __set_name__ = setattr\nclass A:\n    x = D()\n",
        "class D:\n    __get__ = getattr\nclass A:\n    x = D()\n",
        "class M(type):\n    __instancecheck__ = getattr\nclass A(metaclass=M): ...\nisinstance('x', A)\n",
        "import os\nclass A:\n    __lt__ = os.system\nsorted([A(), 'ls'])\n",
        "import os\nclass A:\n    __del__ = os.abort\n",
        "import os\nclass A:\n    x = property(os.system)\n",
        "import functools\nclass A:\n    x = functools.cached_property(getattr)\n",
    ]);
}

#[test]
fn a_dangerous_function_cannot_be_handed_to_the_library_to_call() {
    refused(&[
        "sorted(['1'], key=eval)\n",
        "import re\nre.sub('.*', eval, 'x')\n",
        "import os\nlist(iter(os.getppid, 0))\n",
        "import os\nfrom collections import defaultdict\ndefaultdict(os.fork)[1]\n",
        "import os\nfrom dataclasses import dataclass, field\n@dataclass\nclass A:\n    x: int = field(default_factory=os.abort)\n",
        "import os\ntype('A', (), {'f': os.system}).f('ls')\n",
        "import os, threading\nthreading.Thread(target=os.system, args=('ls',)).start()\n",
        "import os\nfrom concurrent.futures import ThreadPoolExecutor as T\nT().submit(os.system, 'ls')\n",
        "from concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor(initializer=exec, initargs=('1',))\n",
        "import asyncio, os\nasyncio.run(asyncio.to_thread(os.system, 'ls'))\n",
        "import contextlib, os\nwith contextlib.ExitStack() as s:\n    s.callback(os.abort)\n",
        "import contextvars, os\ncontextvars.ContextVar('v', default=os.system).get()('ls')\n",
        "import copyreg, os\ncopyreg.pickle(complex, lambda c: (os.system, ('ls',)))\n",
        "import operator\noperator.methodcaller('system', 'ls')\noperator.attrgetter('__globals__')\n",
        "import functools\nfunctools.reduce(getattr, ['__class__', '__base__'], 1)\n",
        "import itertools\nlist(itertools.starmap(getattr, [(1, 'real')]))\n",
        "import string\nstring.Formatter().get_field('0.__globals__', [lambda: 0], {})\n",
        "import os\ntry:\n    raise ValueError(os.system)\nexcept ValueError as e:\n    e.args[0]('id')\n",
        "import sys\nmatch sys:\n    case object(modules=m): print(m)\n",
        "import os, queue\nq = queue.Queue()\nq.put(os)\nq.get().system('ls')\n",
        "import argparse\nargparse.ArgumentParser().add_argument('x', type=eval)\n",
        "import json\njson.loads('[1]', parse_int=exec)\n",
    ]);
}

#[test]
fn what_is_put_into_a_container_counts_as_much_as_what_it_was_made_with() {
    refused(&[
        "l = ['real']\nl[0] = input()\ngetattr(print, l[0])\n",
        "l = ['real']\nl.insert(0, input())\nfor n in l: getattr(print, n)\n",
        "l = ['real']\nm = l\nm[0] = input()\ngetattr(print, l[0])\n",
        "l = m = ['real']\nm[0] = input()\ngetattr(print, l[0])\n",
        "l = []\nfor c in (95, 95): l.append(chr(c))\ngetattr(print, ''.join(l))\n",
        "l = ['real']\nl[:] = [input()]\nfor n in l: getattr(print, n)\n",
        "l = ['real']\nfor l[0] in [input()]: getattr(print, l[0])\n",
        "l = ['real']\nl[0], x = input(), 1\ngetattr(print, l[0])\n",
        "l = ['real']\n(lambda m: m.append(input()))(l)\nfor n in l: getattr(print, n)\n",
        "def put(l): l[0] = input()\nl = ['real']\nput(l)\ngetattr(print, l[0])\n",
        "def g(names):\n    names[0] = input()\n    for n in names: getattr(print, n)\ng(['real'])\n",
        "if (l := ['real']).append(input()): ...\nfor n in l: getattr(print, n)\n",
        "for l in [['real']]:\n    l[0] = input()\n    getattr(print, l[0])\n",
        "d = {'a': 'real'}\nd['a'] = input()\ngetattr(print, d['a'])\n",
        "d = {'a': 'real'}\nd.update(a=input())\ngetattr(print, d['a'])\n",
        "d = {'a': ['real']}\nd['a'][0] = input()\ngetattr(print, d['a'][0])\n",
        "d = {'a': ['real']}\nfor l in d.values(): l[0] = input()\ngetattr(print, d['a'][0])\n",
        "class A:\n    names = ['real']\nA.names[0] = input()\ngetattr(print, A.names[0])\n",
        "class A:\n    n = 'real'\nsetattr(A, 'n', input())\ngetattr(print, A.n)\n",
        "class A:\n    n = 'real'\na = A()\nvars(a)['n'] = input()\ngetattr(print, a.n)\n",
        "class E:\n    def __eq__(self, other): other[0] = input()\nl = ['real']\nl == E()\ngetattr(print, l[0])\n",
    ]);
    accepted(&[
        "import operator\nOPS = {'+': 'add', '-': 'sub'}\ndef f(op, a, b): return getattr(operator, OPS[op])(a, b)\n",
        "class P:\n    x = y = 0\nfor n in ['x', 'y']: print(getattr(P, n))\n",
        "class P:\n    x = y = 0\nnames = ['x', 'y']\nprint([getattr(P, n) for n in names if n in names], len(names))\n",
        "class P:\n    x = y = 0\nTABLE = {1: 'x', 2: 'y'}\nfor k, n in TABLE.items(): print(k, getattr(P, n))\n",
        "class P:\n    FIELDS = ['x', 'y']\n    x = y = 0\n    def show(self): return [getattr(self, n) for n in self.FIELDS]\n",
    ]);
}

#[test]
fn a_receiver_is_one_only_if_nothing_else_can_take_its_place() {
    let with = |more: &str| format!("class A:\n    def f(self, n): return getattr(self, n)\n{more}");
    for more in [
        "getattr(A, chr(102))(print, input())\n",
        "match A:\n    case object(f=g): g(print, input())\n",
        "A.f(print, input())\n",
        "A.f(self=print, n=input())\n",
        "A.f(*(print, input()))\n",
        "class B:\n    p = A.f\n",
        "import string\nclass B(A, string.Formatter): ...\nB().f(input())\n",
        "class B(A, type(print)): ...\n",
    ] {
        refused(&[&with(more)]);
    }
    for body in [
        "self = print\n        return getattr(self, n)",
        "for self in [print]: return getattr(self, n)",
        "with open('x') as self: return getattr(self, n)",
        "return [getattr(self, n) for self in [print]]",
        "return (lambda self: getattr(self, n))(print)",
        "match print:\n            case self: return getattr(self, n)",
    ] {
        refused(&[&format!("class A:\n    def f(self, n):\n        {body}\nA().f(input())\n")]);
    }
    refused(&["def d(c): return lambda: print\n@d\nclass A: ...\na = A()\ngetattr(a, input())\n"]);
    accepted(&[
        &with("class B(A): ...\nprint(B().f(input()))\n"),
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int = 0\na = A()\nprint(getattr(a, input()))\n",
    ]);
}
