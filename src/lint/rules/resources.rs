//! PC8xx: sources that, as written, take all memory or never end.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, ExprCall, Number, Operator, Stmt, UnaryOp};
use ruff_text_size::Ranged;

use crate::diagnostic::Severity;
use crate::lint::context::Context;
use crate::lint::rule::{Family, On, Rule};
use crate::lint::verdict::Found;
use crate::python::analysis::{ScopeId, Value};

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
    on: &[On::Expr(number)],
};

pub(super) static HUGE_REPEAT: Rule = Rule {
    code: "PC803",
    name: "huge-repeat",
    family: Family::Resources,
    severity: Severity::Error,
    what: "A constant repetition or buffer of more than a billion elements (`'x' * 10 ** 12`).",
    why: "It takes all memory at once.",
    refused: "x = 'x' * 10 ** 12\n",
    passes: "x = [0] * 1000\n",
    fix: "Use an iterator, or a dictionary of what is not zero.",
    on: &[On::Call(buffer)],
};

pub(super) static ENDLESS: Rule = Rule {
    code: "PC804",
    name: "unbounded-loop",
    family: Family::Resources,
    severity: Severity::Warning,
    what: "`while True` with nothing in it that could end it.",
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
    let text = match expr {
        Expr::StringLiteral(literal) => literal.value.to_str().to_ascii_uppercase(),
        Expr::BytesLiteral(literal) => {
            String::from_utf8_lossy(&literal.value.bytes().collect::<Vec<u8>>()).to_ascii_uppercase()
        }
        _ => return,
    };
    if !text.contains("<!ENTITY") {
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
            let sequence = |expr: &Expr| match expr {
                Expr::StringLiteral(literal) => Some(literal.value.len()),
                Expr::BytesLiteral(literal) => Some(literal.value.len()),
                Expr::List(list) => Some(list.elts.len()),
                Expr::Tuple(tuple) => Some(tuple.elts.len()),
                _ => None,
            };
            let (length, times) = match (sequence(&operation.left), sequence(&operation.right)) {
                (Some(length), None) => (length, right()),
                (None, Some(length)) => (length, magnitude(&operation.left, cx, 0)),
                _ => return,
            };
            #[expect(clippy::cast_precision_loss, reason = "only its magnitude is asked for")]
            let elements = times.map(|times| times * length as f64);
            if elements.is_some_and(|elements| elements > MAX_ELEMENTS) {
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
        Found::new("this makes more than a billion elements at once").help(HUGE_REPEAT.fix),
    );
}

fn buffer(call: &ExprCall, cx: &mut Context<'_, '_>) {
    let values = cx.values(&call.func);
    for name in values.members() {
        let first = call.arguments.args.first();
        match &**name {
            "builtins.bytes" | "builtins.bytearray"
                if first.and_then(|size| magnitude(size, cx, 0)).is_some_and(|size| size > MAX_ELEMENTS) =>
            {
                report_repeat(call, cx);
            }
            "builtins.list" | "builtins.tuple" | "builtins.set" | "builtins.sorted" => {
                if let Some(Expr::Call(inner)) = first
                    && cx.may_be(&inner.func, "builtins.range")
                    && let [.., stop] = &*inner.arguments.args
                    && magnitude(stop, cx, 0).is_some_and(|size| size > MAX_ELEMENTS)
                    && inner.arguments.args.len() < 3
                {
                    report_repeat(call, cx);
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

fn endless(stmt: &Stmt, _: ScopeId, cx: &mut Context<'_, '_>) {
    /// Anything that could end a loop: a jump out, or a call, which may raise.
    struct Exit(bool);
    impl<'a> Visitor<'a> for Exit {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            match stmt {
                Stmt::Break(_) | Stmt::Return(_) | Stmt::Raise(_) | Stmt::Assert(_) | Stmt::Delete(_) => {
                    self.0 = true;
                }
                Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
                _ => visitor::walk_stmt(self, stmt),
            }
        }
        fn visit_expr(&mut self, expr: &'a Expr) {
            self.0 |= matches!(
                expr,
                Expr::Call(_) | Expr::Yield(_) | Expr::YieldFrom(_) | Expr::Await(_) | Expr::Subscript(_)
            );
            visitor::walk_expr(self, expr);
        }
    }
    let Stmt::While(ast::StmtWhile { test, body, .. }) = stmt else {
        return;
    };
    let always = match &**test {
        Expr::BooleanLiteral(literal) => literal.value,
        Expr::NumberLiteral(ast::ExprNumberLiteral { value: Number::Int(int), .. }) => {
            int.as_i64() != Some(0)
        }
        _ => false,
    };
    let mut exit = Exit(false);
    exit.visit_body(body);
    if always && !exit.0 {
        cx.report(&ENDLESS, test.range(), Found::new("nothing ends this loop").help(ENDLESS.fix));
    }
}
