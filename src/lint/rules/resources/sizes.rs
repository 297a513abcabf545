//! How large what a source writes out would become, without making it.

use ruff_python_ast::{Expr, Number, Operator, UnaryOp};

use super::MAX_ELEMENTS;
use crate::lint::context::Context;
use crate::python::analysis::Value;

/// The size of a constant number, also where it is far too large to compute.
pub(super) fn magnitude(expr: &Expr, cx: &Context<'_, '_>, depth: u32) -> Option<f64> {
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
pub(super) fn length(expr: &Expr, cx: &Context<'_, '_>) -> Option<f64> {
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

/// How many elements an iterable yields that has no end or a constant one.
pub(super) fn yields(expr: &Expr, cx: &Context<'_, '_>) -> Option<f64> {
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
