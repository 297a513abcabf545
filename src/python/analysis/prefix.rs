//! Two questions about an expression that its value does not answer: what its text begins with, and
//! whether it is the object that a method was called on.

use ruff_python_ast::{self as ast, Expr, Operator};
use ruff_text_size::Ranged;

use super::{BindingKind, Module, ScopeId, ScopeKind};

impl Module<'_> {
    /// The text that every value of `expr` begins with.
    pub(crate) fn literal_prefix(&self, expr: &Expr, depth: u32) -> Option<String> {
        if depth > 8 {
            return None;
        }
        if let Some(text) = self.values(expr).as_text() {
            return Some(text.to_owned());
        }
        match expr {
            Expr::BinOp(operation) => match operation.op {
                Operator::Add => self.literal_prefix(&operation.left, depth + 1),
                Operator::Mod => {
                    let template = self.values(&operation.left);
                    template.as_text().and_then(|text| text.split('%').next()).map(str::to_owned)
                }
                _ => None,
            },
            Expr::FString(string) => {
                let first = string.value.iter().next()?;
                match first {
                    ast::FStringPart::Literal(literal) => Some(literal.value.to_string()),
                    ast::FStringPart::FString(inner) => match inner.elements.first()? {
                        ast::InterpolatedStringElement::Literal(literal) => Some(literal.value.to_string()),
                        ast::InterpolatedStringElement::Interpolation(field) => {
                            self.literal_prefix(&field.expression, depth + 1)
                        }
                    },
                }
            }
            Expr::Call(call) => {
                let Expr::Attribute(method) = &*call.func else {
                    return None;
                };
                let template = self.values(&method.value);
                match method.attr.as_str() {
                    "format" => template.as_text().and_then(|text| text.split('{').next()).map(str::to_owned),
                    // These keep the letters in place.
                    "lower" => self.literal_prefix(&method.value, depth + 1).map(|text| text.to_lowercase()),
                    _ => None,
                }
            }
            Expr::Name(name) => {
                let info = self.info(expr)?;
                let resolution = self.resolve(name.id.as_str(), info.scope, expr.start());
                match &*resolution.bindings {
                    [only] => match &self.binding(*only).kind {
                        BindingKind::Assign { value, path } if path.is_empty() => {
                            self.literal_prefix(value, depth + 1)
                        }
                        _ => None,
                    },
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether the scope is a method of a class, and its first parameter is `name`.
    pub(crate) fn is_receiver(&self, name: &str, scope: ScopeId) -> bool {
        self.enclosing_function(scope).is_some_and(|function| {
            let info = self.function(function);
            info.class.is_some()
                && self.is_bound_once(name, scope)
                && !matches!(
                    info.name(),
                    "__new__" | "__init_subclass__" | "__class_getitem__" | "__set_name__"
                )
                && info.decorators().is_empty()
                && matches!(self.scope(info.scope).kind, ScopeKind::Function(_))
                && info
                    .parameters()
                    .and_then(|parameters| parameters.posonlyargs.first().or_else(|| parameters.args.first()))
                    .is_some_and(|parameter| parameter.parameter.name.as_str() == name)
        })
    }
}
