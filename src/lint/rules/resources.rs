//! PC8xx: sources that, as written, take all memory or never end.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, ExprCall, Number, Operator, Stmt, UnaryOp};
use ruff_text_size::Ranged;

use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::analysis::{BindingKind, FunctionNode, ScopeId, Value};

pub(super) static ENTITY: Rule = Rule {
    code: "PC801",
    name: "xml-entity",
    family: Family::Resources,
    severity: Severity::Error,
    what: "XML text with an entity declaration, in a file that parses XML.",
    why: "A few nested entities expand to gigabytes.",
    refused: "import xml.etree.ElementTree as ET\nET.fromstring('<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>')\n",
    passes: "import xml.etree.ElementTree as ET\nET.fromstring('<x>b</x>')\n",
    fix: "Write the text out.",
    on: &[On::Expr(entity)],
};

pub(super) static HUGE_NUMBER: Rule = Rule {
    code: "PC802",
    name: "huge-number",
    family: Family::Resources,
    severity: Severity::Error,
    what: "A constant power or shift with more than 100 million bits (`10 ** 10 ** 10`).",
    why: "It takes all memory or never ends, before anything else is done.",
    refused: "x = 10 ** 10 ** 10\n",
    passes: "x = 10 ** 100\ny = pow(7, 10 ** 9, 1000)\n",
    fix: "Use `pow(a, b, modulus)`, or floating point.",
    on: &[On::Expr(number), On::Stmt(grown)],
};

pub(super) static HUGE_REPEAT: Rule = Rule {
    code: "PC803",
    name: "huge-repeat",
    family: Family::Resources,
    severity: Severity::Error,
    what: "A constant repetition, padding, buffer or comprehension of more than a billion elements (`'x' * 10 ** 12`), or \
           all of an iterator that has so many or never ends (`list(product(range(1000), repeat=5))`).",
    why: "It takes all memory, or never ends.",
    refused: "x = 'x' * 10 ** 12\n",
    passes: "x = [0] * 1000\n",
    fix: "Use an iterator, or a dictionary of what is not zero.",
    on: &[On::Call(buffer), On::Expr(comprehension), On::Expr(padded)],
};

pub(super) static ENDLESS: Rule = Rule {
    code: "PC804",
    name: "unbounded-loop",
    family: Family::Resources,
    severity: Severity::Warning,
    what: "`while True`, or a `for` over an iterator without an end, with nothing in it that could end it: no `break`, no \
           `return`, and no call that might raise an error.",
    why: "It runs until the time limit.",
    refused: "while True:\n    pass\n",
    passes: "n = 3\nwhile True:\n    n -= 1\n    if not n:\n        break\n",
    fix: "Give it an end.",
    on: &[On::Stmt(endless)],
};

pub(super) static RECURSION: Rule = Rule {
    code: "PC805",
    name: "recursion-limit",
    family: Family::Resources,
    severity: Severity::Warning,
    what: "`sys.setrecursionlimit` with more than a million.",
    why: "The stack of the interpreter ends before that, and the process with it.",
    refused: "import sys\nsys.setrecursionlimit(10 ** 9)\n",
    passes: "import sys\nsys.setrecursionlimit(10 ** 6)\n",
    fix: "Use a loop with a stack of your own.",
    on: &[],
};

/// More bits than this is more than 12 MB for one number.
const MAX_BITS: f64 = 1e8;
const MAX_ELEMENTS: f64 = 1e9;

fn entity(expr: &Expr, cx: &mut Context<'_, '_>) {
    // Most texts have no markup: those are not copied.
    let declares = |text: &str| text.contains("<!") && text.to_ascii_uppercase().contains("<!ENTITY");
    let found = match expr {
        Expr::StringLiteral(literal) => declares(literal.value.to_str()),
        Expr::BytesLiteral(literal) => {
            declares(&String::from_utf8_lossy(&literal.value.bytes().collect::<Vec<u8>>()))
        }
        Expr::BinOp(_) | Expr::Call(_) | Expr::FString(_) => match cx.values(expr).exactly() {
            Some(Value::Str(text)) => declares(text),
            Some(Value::Bytes(bytes)) => declares(&String::from_utf8_lossy(bytes)),
            _ => false,
        },
        _ => false,
    };
    if !found {
        return;
    }
    let parses = cx.mentioned.iter().any(|name| name.starts_with("xml") || name.starts_with("plistlib"));
    if parses {
        cx.report(&ENTITY, expr.range(), Found::new("the text declares an XML entity").help(ENTITY.fix));
    }
}

/// The size of a constant number, also where it is far too large to compute.
fn magnitude(expr: &Expr, cx: &Context<'_, '_>, depth: u32) -> Option<f64> {
    if depth > 20 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "only its magnitude is asked for")]
    match expr {
        Expr::NumberLiteral(literal) => match &literal.value {
            Number::Int(int) => Some(int.as_i64().map_or(f64::INFINITY, |int| int as f64)),
            Number::Float(float) => Some(*float),
            Number::Complex { .. } => None,
        },
        Expr::UnaryOp(operation) if operation.op == UnaryOp::USub => {
            magnitude(&operation.operand, cx, depth + 1).map(|value| -value)
        }
        Expr::BinOp(operation) => {
            let left = magnitude(&operation.left, cx, depth + 1)?;
            let right = magnitude(&operation.right, cx, depth + 1)?;
            match operation.op {
                Operator::Add => Some(left + right),
                Operator::Sub => Some(left - right),
                Operator::Mult => Some(left * right),
                Operator::Pow => Some(left.powf(right)),
                Operator::LShift => Some(left * right.exp2()),
                Operator::FloorDiv | Operator::Div => Some(left / right),
                _ => None,
            }
        }
        Expr::Name(_) => match cx.values(expr).exactly() {
            Some(Value::Int(int)) => Some(*int as f64),
            _ => None,
        },
        _ => None,
    }
}

/// How many elements a sequence has that is written out, or that surely is one (then at least one).
fn length(expr: &Expr, cx: &Context<'_, '_>) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "only its magnitude is asked for")]
    match expr {
        Expr::StringLiteral(literal) => Some(literal.value.len() as f64),
        Expr::BytesLiteral(literal) => Some(literal.value.len() as f64),
        Expr::List(list) => Some(list.elts.len() as f64),
        Expr::Tuple(tuple) => Some(tuple.elts.len() as f64),
        Expr::Call(call) => {
            let made = cx.values(&call.func).members().any(|name| SEQUENCES.contains(&&**name));
            (made && !call.arguments.is_empty()).then_some(1.0)
        }
        Expr::Name(_) => match cx.values(expr).exactly() {
            Some(Value::Str(text)) => Some(text.len() as f64),
            Some(Value::Bytes(bytes)) => Some(bytes.len() as f64),
            Some(Value::Sequence(elements)) => Some(elements.len() as f64),
            _ => None,
        },
        _ => None,
    }
}

/// What makes a sequence that can be repeated.
const SEQUENCES: [&str; 6] = [
    "array.array",
    "builtins.bytearray",
    "builtins.bytes",
    "builtins.list",
    "builtins.tuple",
    "collections.deque",
];

/// What takes everything that an iterable yields before it returns.
const CONSUMERS: [&str; 11] = [
    "builtins.dict",
    "builtins.frozenset",
    "builtins.list",
    "builtins.max",
    "builtins.min",
    "builtins.set",
    "builtins.sorted",
    "builtins.sum",
    "builtins.tuple",
    "collections.Counter",
    "collections.deque",
];

/// How many elements an iterable yields that has no end or a constant one.
fn yields(expr: &Expr, cx: &Context<'_, '_>) -> Option<f64> {
    let call = match expr {
        Expr::Call(call) => call,
        // Without a condition every element is taken.
        Expr::Generator(comp) => return comp.generators.first().and_then(|first| yields(&first.iter, cx)),
        _ => return None,
    };
    let arguments = &call.arguments;
    for name in cx.values(&call.func).members() {
        match (&**name, &*arguments.args) {
            ("builtins.range", [stop] | [_, stop]) => return magnitude(stop, cx, 0),
            ("builtins.range", [_, stop, step]) => {
                return Some(magnitude(stop, cx, 0)? / magnitude(step, cx, 0)?.abs().max(1.0));
            }
            ("itertools.count", _) => return Some(f64::INFINITY),
            ("itertools.repeat", [_]) if arguments.keywords.is_empty() => return Some(f64::INFINITY),
            ("itertools.product", pools) => {
                let repeat =
                    arguments.find_keyword("repeat").map_or(Some(1.0), |k| magnitude(&k.value, cx, 0))?;
                let sizes: Option<Vec<f64>> = pools.iter().map(|pool| size(pool, cx)).collect();
                return Some(sizes?.iter().product::<f64>().powf(repeat));
            }
            (
                "itertools.permutations"
                | "itertools.combinations"
                | "itertools.combinations_with_replacement",
                [pool, ..],
            ) => {
                let size = size(pool, cx)?;
                let taken =
                    match arguments.args.get(1).or_else(|| arguments.find_keyword("r").map(|k| &k.value)) {
                        Some(taken) => magnitude(taken, cx, 0)?,
                        None => size,
                    };
                return Some(ways_to_take(&name["itertools.".len()..], size, taken));
            }
            ("itertools.chain.from_iterable", [inner]) => return yields(inner, cx),
            ("itertools.repeat", [_, times]) => return magnitude(times, cx, 0),
            ("itertools.cycle", [cycled]) if length(cycled, cx).is_some_and(|length| length > 0.0) => {
                return Some(f64::INFINITY);
            }
            _ => {}
        }
    }
    None
}

/// How many elements a pool has that is written out or counted.
fn size(expr: &Expr, cx: &Context<'_, '_>) -> Option<f64> {
    length(expr, cx).filter(|_| !expr.is_call_expr()).or_else(|| yields(expr, cx))
}

fn ways_to_take(how: &str, size: f64, taken: f64) -> f64 {
    if taken > size && how != "combinations_with_replacement" || taken < 0.0 {
        return 0.0;
    }
    let mut ways = 1.0;
    let mut number = 0.0;
    // Enough to see that it is too many.
    while number < taken && ways <= MAX_ELEMENTS * 1e3 && number < 1e4 {
        ways *= match how {
            "permutations" => size - number,
            "combinations" if taken * 2.0 > size && number >= size - taken => 1.0,
            "combinations" => (size - number) / (number + 1.0),
            _ => (size + number) / (number + 1.0),
        };
        number += 1.0;
    }
    ways
}

/// What a name is plainly assigned, wherever that is.
fn first_values<'a>(target: &Expr, cx: &Context<'a, '_>) -> Vec<&'a Expr> {
    let Expr::Name(name) = target else {
        return Vec::new();
    };
    let bindings = cx.module.resolve(&name.id, cx.scope(target), name.range.start()).bindings;
    let values = bindings.iter().filter_map(|id| match &cx.module.binding(*id).kind {
        BindingKind::Assign { value, path } if path.is_empty() => Some(*value),
        _ => None,
    });
    values.collect()
}

/// `x *= 10 ** 12`, `x **= 10 ** 10`
fn grown(stmt: &Stmt, _: ScopeId, cx: &mut Context<'_, '_>) {
    let Stmt::AugAssign(assign) = stmt else {
        return;
    };
    let Some(right) = magnitude(&assign.value, cx, 0) else {
        return;
    };
    let initial = first_values(&assign.target, cx);
    match assign.op {
        Operator::Mult
            if right > MAX_ELEMENTS
                && initial.iter().any(|value| !value.is_name_expr() && length(value, cx).is_some()) =>
        {
            report_repeat(stmt, cx);
        }
        Operator::Pow | Operator::LShift if right > MAX_BITS => {
            let whole = |value: &&Expr| matches!(cx.values(value).exactly(), Some(Value::Int(int)) if int.unsigned_abs() > 1);
            if initial.iter().any(whole) {
                cx.report(
                    &HUGE_NUMBER,
                    stmt.range(),
                    Found::new("this number has more than 100 million bits").help(HUGE_NUMBER.fix),
                );
            }
        }
        _ => {}
    }
}

/// A comprehension over more than a billion elements, or one that makes so many.
fn comprehension(expr: &Expr, cx: &mut Context<'_, '_>) {
    let (generators, element) = match expr {
        Expr::ListComp(comp) => (&comp.generators, Some(&*comp.elt)),
        Expr::SetComp(comp) => (&comp.generators, None),
        Expr::DictComp(comp) => (&comp.generators, None),
        _ => return,
    };
    let Some(times) = generators.first().and_then(|first| yields(&first.iter, cx)) else {
        return;
    };
    let each = match element {
        Some(Expr::BinOp(repeat)) if repeat.op == Operator::Mult => {
            let length = length(&repeat.left, cx).unwrap_or(0.0);
            magnitude(&repeat.right, cx, 0).map_or(1.0, |times| times * length)
        }
        _ => 1.0,
    };
    if times * each.max(1.0) > MAX_ELEMENTS {
        report_repeat(expr, cx);
    }
}

/// A width of ten digits or more in a format: the text is padded to it.
fn padded(expr: &Expr, cx: &mut Context<'_, '_>) {
    let is_huge = |spec: &str| {
        spec.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.trim_start_matches('0').len() >= 10)
    };
    let found = match expr {
        Expr::FString(string) => string
            .value
            .f_strings()
            .flat_map(|part| part.elements.interpolations())
            .filter_map(|field| field.format_spec.as_ref())
            .flat_map(|spec| spec.elements.literals())
            .any(|literal| is_huge(literal)),
        Expr::BinOp(operation) if operation.op == Operator::Mod => match &*operation.left {
            Expr::StringLiteral(text) => text.value.to_str().split('%').skip(1).any(|field| {
                let width = field.trim_start_matches(['-', '+', ' ', '#', '0']);
                is_huge(&width[..width.find(|c: char| !c.is_ascii_digit()).unwrap_or(width.len())])
            }),
            _ => false,
        },
        Expr::Call(call) => match (&*call.func, call.arguments.args.first()) {
            (Expr::Attribute(method), Some(width))
                if matches!(method.attr.as_str(), "ljust" | "rjust" | "center" | "zfill") =>
            {
                magnitude(width, cx, 0).is_some_and(|width| width > MAX_ELEMENTS)
            }
            (Expr::Attribute(method), _) if method.attr.as_str() == "format" => match &*method.value {
                Expr::StringLiteral(text) => text.value.to_str().split('{').skip(1).any(|field| {
                    let field = field.split('}').next().unwrap_or(field);
                    field.split_once(':').is_some_and(|(_, spec)| is_huge(spec))
                }),
                _ => false,
            },
            _ => false,
        },
        _ => false,
    };
    if found {
        report_repeat(expr, cx);
    }
}

fn number(expr: &Expr, cx: &mut Context<'_, '_>) {
    let Expr::BinOp(operation) = expr else {
        return;
    };
    let right = || magnitude(&operation.right, cx, 0);
    match operation.op {
        Operator::Pow | Operator::LShift => {
            let Some(right) = right() else { return };
            let bits = if operation.op == Operator::LShift {
                right
            } else {
                // A float base overflows at once; an integer grows.
                let float = matches!(&*operation.left, Expr::NumberLiteral(literal) if matches!(literal.value, Number::Float(_)));
                let Some(left) = magnitude(&operation.left, cx, 0).filter(|_| !float) else { return };
                right * left.abs().max(1.0).log2()
            };
            if bits > MAX_BITS {
                cx.report(
                    &HUGE_NUMBER,
                    expr.range(),
                    Found::new("this number has more than 100 million bits").help(HUGE_NUMBER.fix),
                );
            }
        }
        Operator::Mult => {
            let sequence = |expr: &Expr| length(expr, cx);
            let (length, times) = match (sequence(&operation.left), sequence(&operation.right)) {
                (Some(length), None) => (length, right()),
                (None, Some(length)) => (length, magnitude(&operation.left, cx, 0)),
                _ => return,
            };
            if times.is_some_and(|times| times * length > MAX_ELEMENTS) {
                report_repeat(expr, cx);
            }
        }
        _ => {}
    }
}

fn report_repeat(node: impl Ranged, cx: &mut Context<'_, '_>) {
    cx.report(
        &HUGE_REPEAT,
        node.range(),
        Found::new("this makes or takes more than a billion elements at once").help(HUGE_REPEAT.fix),
    );
}

fn buffer(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let values = cx.values(&call.func);
    if let Expr::Attribute(method) = &*call.func
        && method.attr.as_str() == "join"
        && let [parts] = &*call.arguments.args
        && yields(parts, cx).is_some_and(|size| size > MAX_ELEMENTS)
    {
        report_repeat(call, cx);
    }
    for name in values.members() {
        let first = call.arguments.args.first();
        match &**name {
            "builtins.bytes" | "builtins.bytearray"
                if first.and_then(|size| magnitude(size, cx, 0)).is_some_and(|size| size > MAX_ELEMENTS) =>
            {
                report_repeat(call, cx);
            }
            consumer
                if CONSUMERS.contains(&consumer)
                    && call.arguments.find_keyword("maxlen").is_none()
                    && call.arguments.args.len() == 1
                    && first.and_then(|first| yields(first, cx)).is_some_and(|size| size > MAX_ELEMENTS) =>
            {
                report_repeat(call, cx);
            }
            "builtins.pow" if call.arguments.len() == 2 => {
                let bits = first
                    .and_then(|base| magnitude(base, cx, 0))
                    .zip(call.arguments.args.get(1).and_then(|exponent| magnitude(exponent, cx, 0)));
                let float = first.is_some_and(|base| matches!(base, Expr::NumberLiteral(literal) if matches!(literal.value, Number::Float(_))));
                if !float
                    && bits.is_some_and(|(base, exponent)| exponent * base.abs().max(1.0).log2() > MAX_BITS)
                {
                    cx.report(
                        &HUGE_NUMBER,
                        call.range(),
                        Found::new("this number has more than 100 million bits").help(HUGE_NUMBER.fix),
                    );
                }
            }
            "math.factorial"
                if first.and_then(|size| magnitude(size, cx, 0)).is_some_and(|size| size > 5e6) =>
            {
                cx.report(
                    &HUGE_NUMBER,
                    call.range(),
                    Found::new("this factorial has more than 100 million bits"),
                );
            }
            "sys.setrecursionlimit"
                if first.and_then(|limit| magnitude(limit, cx, 0)).is_some_and(|limit| limit > 1e6) =>
            {
                cx.report(
                    &RECURSION,
                    call.range(),
                    Found::new("the stack ends before this limit")
                        .name("sys.setrecursionlimit")
                        .help(RECURSION.fix),
                );
            }
            _ => {}
        }
    }
}

/// What neither ends a loop nor raises an error, whatever it is given.
const WITHOUT_END: [&str; 4] = ["builtins.print", "builtins.len", "builtins.id", "time.sleep"];

/// Anything that could end a loop: a jump out, or whatever may raise.
struct Exit<'c, 'a, 'f> {
    found: bool,
    /// Functions of the source that are looked into: a jump there stays there.
    depth: u32,
    cx: &'c Context<'a, 'f>,
}

impl<'a> Visitor<'a> for Exit<'_, '_, '_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Raise(_) | Stmt::Assert(_) | Stmt::Delete(_) | Stmt::Import(_) | Stmt::ImportFrom(_) => {
                self.found = true;
            }
            Stmt::Break(_) | Stmt::Return(_) if self.depth == 0 => self.found = true,
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Call(call) => self.found |= self.may_end(call),
            Expr::Yield(_) | Expr::YieldFrom(_) | Expr::Await(_) | Expr::Subscript(_) => self.found = true,
            Expr::BinOp(operation)
                if matches!(operation.op, Operator::Div | Operator::FloorDiv | Operator::Mod) =>
            {
                self.found = true;
            }
            _ => {}
        }
        if !self.found {
            visitor::walk_expr(self, expr);
        }
    }
}

impl Exit<'_, '_, '_> {
    fn may_end(&self, call: &ExprCall) -> bool {
        self.cx.module.fuel().spend(8);
        match self.cx.values(&call.func).exactly() {
            Some(Value::Member(name)) => !WITHOUT_END.contains(&&**name),
            Some(Value::Function(id)) if self.depth < 3 => match self.cx.module.function(*id).node {
                FunctionNode::Def(def) if def.decorator_list.is_empty() && !def.is_async => {
                    let mut inner = Exit { found: false, depth: self.depth + 1, cx: self.cx };
                    self.cx.module.fuel().spend_for(def.range().len().to_usize() / 8);
                    inner.visit_body(&def.body);
                    inner.found
                }
                _ => true,
            },
            _ => true,
        }
    }
}

fn endless(stmt: &Stmt, _: ScopeId, cx: &mut Context<'_, '_>) {
    let (range, body) = match stmt {
        Stmt::While(ast::StmtWhile { test, body, .. }) => {
            let always = match &**test {
                Expr::BooleanLiteral(literal) => literal.value,
                Expr::NumberLiteral(ast::ExprNumberLiteral { value: Number::Int(int), .. }) => {
                    int.as_i64() != Some(0)
                }
                _ => false,
            };
            if !always {
                return;
            }
            (test.range(), body)
        }
        Stmt::For(each) if !each.is_async => {
            if !each.iter.is_call_expr() || yields(&each.iter, cx) != Some(f64::INFINITY) {
                return;
            }
            (each.iter.range(), &each.body)
        }
        _ => return,
    };
    let mut exit = Exit { found: false, depth: 0, cx };
    exit.visit_body(body);
    if !exit.found {
        cx.report(&ENDLESS, range, Found::new("nothing ends this loop").help(ENDLESS.fix));
    }
}
