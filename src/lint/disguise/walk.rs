//! What an expression is made of, as far as its own shape says. Names and attributes are followed in
//! `names`, calls in `calls`.

use ruff_python_ast::{self as ast, Expr, Operator};
use rustc_hash::FxHashMap;

use super::ingredients::Ingredients;
use super::library::Effect;
use crate::lint::context::Context;
use crate::python::analysis::{BindingId, FunctionId, Value};

/// Expressions that are looked at for one path. Behind that it counts as given.
const MAX_STEPS: u32 = 5000;

/// Expressions within expressions, and names bound to names, that are followed. What lies deeper is left
/// out, so that depth hides nothing that was found above.
const MAX_DEPTH: u32 = 120;

pub(super) struct Walk<'c, 'a, 'f> {
    pub(super) cx: &'c Context<'a, 'f>,
    steps: u32,
    /// What was found out already; while it is being found out, nothing.
    pub(super) bindings: FxHashMap<BindingId, Ingredients>,
    pub(super) functions: FxHashMap<FunctionId, Ingredients>,
    pub(super) attributes: FxHashMap<&'a str, Ingredients>,
}

impl<'c, 'a, 'f> Walk<'c, 'a, 'f> {
    pub(super) fn new(cx: &'c Context<'a, 'f>) -> Self {
        Self {
            cx,
            steps: 0,
            bindings: FxHashMap::default(),
            functions: FxHashMap::default(),
            attributes: FxHashMap::default(),
        }
    }

    pub(super) fn of(&mut self, expr: &Expr) -> Ingredients {
        self.expr(expr, 0)
    }

    pub(super) fn all<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>, depth: u32) -> Ingredients {
        exprs.into_iter().fold(Ingredients::NOTHING, |found, expr| found.and(self.expr(expr, depth)))
    }

    pub(super) fn expr(&mut self, expr: &Expr, depth: u32) -> Ingredients {
        self.steps += 1;
        self.cx.module.fuel().spend(4);
        if self.steps > MAX_STEPS || self.cx.module.fuel().is_spent() {
            return Ingredients::GIVEN;
        }
        if depth > MAX_DEPTH {
            return Ingredients::NOTHING;
        }
        let depth = depth + 1;
        match expr {
            Expr::StringLiteral(literal) => Ingredients::of_text(literal.value.to_str()),
            Expr::BytesLiteral(literal) => {
                let bytes: Vec<u8> = literal.value.bytes().collect();
                Ingredients::of_text(&String::from_utf8_lossy(&bytes))
            }
            Expr::NumberLiteral(_)
            | Expr::BooleanLiteral(_)
            | Expr::NoneLiteral(_)
            | Expr::EllipsisLiteral(_)
            | Expr::Lambda(_)
            | Expr::Compare(_) => Ingredients::NOTHING,
            Expr::Name(name) => self.name(name, expr, depth),
            Expr::Attribute(attribute) => self.attribute(attribute, expr, depth),
            Expr::Call(call) => self.call(call, depth),
            Expr::Named(named) => self.expr(&named.value, depth),
            Expr::Starred(star) => self.expr(&star.value, depth),
            Expr::BoolOp(operation) => self.all(&operation.values, depth),
            Expr::If(choice) => self.expr(&choice.body, depth).and(self.expr(&choice.orelse, depth)),
            Expr::BinOp(operation) => {
                let both = self.expr(&operation.left, depth).and(self.expr(&operation.right, depth));
                match operation.op {
                    Operator::Add | Operator::Mod | Operator::Mult | Operator::Div | Operator::BitOr => both,
                    _ => both.after(Effect::Counts),
                }
            }
            Expr::UnaryOp(operation) => self.expr(&operation.operand, depth).after(Effect::Counts),
            Expr::FString(string) => self.f_string(string, depth),
            Expr::Tuple(ast::ExprTuple { elts, .. })
            | Expr::List(ast::ExprList { elts, .. })
            | Expr::Set(ast::ExprSet { elts, .. }) => self.all(elts, depth),
            Expr::Dict(dict) => {
                let keys = self.all(dict.items.iter().filter_map(|item| item.key.as_ref()), depth);
                keys.and(self.all(dict.items.iter().map(|item| &item.value), depth))
            }
            Expr::ListComp(comp) => self.expr(&comp.elt, depth),
            Expr::SetComp(comp) => self.expr(&comp.elt, depth),
            Expr::Generator(comp) => self.expr(&comp.elt, depth),
            Expr::DictComp(comp) => self.all(comp.key.as_deref().into_iter().chain([&*comp.value]), depth),
            Expr::Subscript(part) => {
                let whole = self.expr(&part.value, depth);
                let cuts = part.slice.is_slice_expr() || self.may_be_text(&part.value);
                let index = self.expr(&part.slice, depth).after(Effect::Counts);
                whole.after(if cuts { Effect::Cuts } else { Effect::Keeps }).and(index)
            }
            Expr::Slice(slice) => self.all(
                [&slice.lower, &slice.upper, &slice.step].into_iter().flatten().map(|part| &**part),
                depth,
            ),
            _ => Ingredients::GIVEN,
        }
    }

    fn f_string(&mut self, string: &ast::ExprFString, depth: u32) -> Ingredients {
        let texts = string.value.literals().map(|literal| Ingredients::of_text(literal));
        let mut found = texts.fold(Ingredients::NOTHING, Ingredients::and);
        for element in string.value.f_strings().flat_map(|part| &part.elements) {
            found = found.and(match element {
                ast::InterpolatedStringElement::Literal(literal) => Ingredients::of_text(literal),
                ast::InterpolatedStringElement::Interpolation(field) => self.field(field, depth),
            });
        }
        found
    }

    /// `{x}`, or `{x:/>4}`, whose fill is text of its own.
    fn field(&mut self, field: &ast::InterpolatedElement, depth: u32) -> Ingredients {
        let mut found = self.expr(&field.expression, depth);
        for element in field.format_spec.iter().flat_map(|spec| &spec.elements) {
            found = found.and(match element {
                ast::InterpolatedStringElement::Literal(literal) if literal.contains('/') => {
                    Ingredients::SLASH.and(Ingredients::CUT)
                }
                ast::InterpolatedStringElement::Literal(_) => Ingredients::NOTHING,
                ast::InterpolatedStringElement::Interpolation(field) => self.expr(&field.expression, depth),
            });
        }
        found
    }

    /// Whether one of what an expression may be is text, so that its elements are letters.
    pub(super) fn may_be_text(&self, expr: &Expr) -> bool {
        self.cx.values(expr).known.iter().any(|value| matches!(value, Value::Str(_) | Value::Bytes(_)))
    }
}
