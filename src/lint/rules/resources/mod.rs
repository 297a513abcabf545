//! PC8xx: sources that, as written, take all memory or never end.

mod growth;
mod loops;
mod sizes;

use ruff_python_ast::{Expr, ExprCall, Number, Operator, Stmt};
use ruff_text_size::Ranged;

pub(super) use self::growth::DOUBLING;
pub(super) use self::loops::ENDLESS;
use self::sizes::{length, magnitude, yields};
use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::analysis::{BindingKind, ScopeId, Value};

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
    what: "A constant power or shift with more than 100 million bits (`10 ** 10 ** 10`), or decimal numbers of so many.",
    why: "It takes all memory or never ends, before anything else is done.",
    refused: "x = 10 ** 10 ** 10\n",
    passes: "x = 10 ** 100\ny = pow(7, 10 ** 9, 1000)\n",
    fix: "Use `pow(a, b, modulus)`, or floating point.",
    on: &[On::Expr(number), On::Stmt(grown), On::Stmt(precision)],
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
    on: &[On::LibraryCall(buffer), On::Call(joined), On::Expr(comprehension), On::Expr(padded)],
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
    let declares = |text: &str| {
        text.contains('<') && text.contains("<!") && text.to_ascii_uppercase().contains("<!ENTITY")
    };
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
                report_number(stmt, cx);
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
            let huge = match operation.op {
                Operator::Pow => is_huge_power(&operation.left, &operation.right, cx),
                _ => right().is_some_and(|bits| bits > MAX_BITS),
            };
            if huge {
                report_number(expr, cx);
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

/// A float base overflows at once; an integer and a fraction grow.
fn is_huge_power(base: &Expr, exponent: &Expr, cx: &Context<'_, '_>) -> bool {
    if matches!(base, Expr::NumberLiteral(literal) if matches!(literal.value, Number::Float(_))) {
        return false;
    }
    let Some(exponent) = magnitude(exponent, cx, 0) else { return false };
    let bits = match cx.values(base).exactly() {
        Some(Value::Instance(name)) if &**name == "fractions.Fraction" => 1.0,
        _ => magnitude(base, cx, 0).map_or(0.0, |base| base.abs().max(1.0).log2()),
    };
    exponent * bits > MAX_BITS
}

/// Decimal digits, of which each costs more than three bits.
fn is_huge_precision(digits: &Expr, cx: &Context<'_, '_>) -> bool {
    magnitude(digits, cx, 0).is_some_and(|digits| digits > MAX_BITS / 3.0)
}

/// `getcontext().prec = 10 ** 18`
fn precision(stmt: &Stmt, _: ScopeId, cx: &mut Context<'_, '_>) {
    let Stmt::Assign(assign) = stmt else {
        return;
    };
    let sets = |target: &Expr| matches!(target, Expr::Attribute(target) if target.attr.as_str() == "prec");
    if assign.targets.iter().any(sets) && cx.mentions("decimal") && is_huge_precision(&assign.value, cx) {
        report_number(stmt, cx);
    }
}

fn report_number(node: impl Ranged, cx: &mut Context<'_, '_>) {
    cx.report(
        &HUGE_NUMBER,
        node.range(),
        Found::new("this number has more than 100 million bits").help(HUGE_NUMBER.fix),
    );
}

fn report_repeat(node: impl Ranged, cx: &mut Context<'_, '_>) {
    cx.report(
        &HUGE_REPEAT,
        node.range(),
        Found::new("this makes or takes more than a billion elements at once").help(HUGE_REPEAT.fix),
    );
}

fn joined(call: &ExprCall, cx: &mut Context<'_, '_>) {
    if let Expr::Attribute(method) = &*call.func
        && method.attr.as_str() == "join"
        && let [parts] = &*call.arguments.args
        && yields(parts, cx).is_some_and(|size| size > MAX_ELEMENTS)
    {
        report_repeat(call, cx);
    }
}

fn buffer(call: &ExprCall, cx: &mut Context<'_, '_>) {
    for name in cx.values(&call.func).members() {
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
            "builtins.pow" | "operator.pow" | "operator.__pow__" => {
                if let [base, exponent] = &*call.arguments.args
                    && is_huge_power(base, exponent, cx)
                {
                    report_number(call, cx);
                }
            }
            "operator.lshift" | "operator.__lshift__" => {
                let bits = call.arguments.args.get(1).and_then(|bits| magnitude(bits, cx, 0));
                if bits.is_some_and(|bits| bits > MAX_BITS) {
                    report_number(call, cx);
                }
            }
            "decimal.Context" | "decimal.localcontext" => {
                let digits = call.arguments.find_keyword("prec").map(|keyword| &keyword.value);
                if digits.is_some_and(|digits| is_huge_precision(digits, cx)) {
                    report_number(call, cx);
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
