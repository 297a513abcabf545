//! Whether a list, set or dictionary may be changed after it was made. Its display says what is in it
//! only if nobody puts anything else there: a container whose every use merely reads it is what it
//! was; every other one may hold anything.

use ruff_python_ast::{self as ast, CmpOp, Expr, ExprContext, Stmt};

use super::{BindingId, BindingKind, Module, Parent, ScopeKind, Value, Values};
use crate::python::stdlib;

/// Builtins that look at what is in a container and keep nothing of it.
const READERS: [&str; 20] = [
    "len",
    "sorted",
    "tuple",
    "list",
    "set",
    "frozenset",
    "dict",
    "enumerate",
    "zip",
    "reversed",
    "any",
    "all",
    "sum",
    "min",
    "max",
    "iter",
    "map",
    "filter",
    "print",
    "repr",
];

/// Methods of containers that change nothing.
const READING_METHODS: [&str; 7] = ["get", "items", "keys", "values", "index", "count", "copy"];

/// How what is read of a container may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// What is in it cannot be changed itself.
    Plain,
    /// It holds containers, so what is taken out of it may be changed in its place.
    Containers,
}

impl Module<'_> {
    /// What a name is bound to, in view of what is done with it afterwards.
    pub(crate) fn as_used(&self, id: BindingId, values: Values) -> Values {
        if holds_container(&values) && self.may_change(id) { opened(values) } else { values }
    }

    /// The same of what is stored to an attribute of this name.
    pub(super) fn as_used_attribute(&self, name: &str, value: &Expr, values: Values) -> Values {
        if !holds_container(&values) || is_fixed(value) {
            return values;
        }
        let inside = inside(value);
        if self.attribute_is_changed(name, inside) { opened(values) } else { values }
    }

    /// Whether a container that this binds may be changed.
    fn may_change(&self, id: BindingId) -> bool {
        if let Some(known) = self.changed.borrow().get(&id) {
            return *known;
        }
        let changed = self.find_change(id);
        self.changed.borrow_mut().insert(id, changed);
        changed
    }

    fn find_change(&self, id: BindingId) -> bool {
        let binding = self.binding(id);
        let value = match &binding.kind {
            BindingKind::Assign { value, .. } => Some(*value),
            _ => None,
        };
        let inside = match value {
            Some(value) if is_fixed(value) => return false,
            Some(value) => {
                // Two names for one container, or a container that is used where it is named.
                match self.parent(value) {
                    Parent::Stmt(Stmt::Assign(assign)) if assign.targets.len() > 1 => return true,
                    Parent::Expr(_) => return true,
                    _ => {}
                }
                inside(value)
            }
            None => Inside::Plain,
        };
        let name = binding.name.as_str();
        let mut uses = self.spelled(name).filter(|info| match info.expr {
            Expr::Name(name) => name.ctx == ExprContext::Load,
            _ => false,
        });
        let by_name = uses.any(|info| {
            let resolution = self.resolve(name, info.scope, ruff_text_size::Ranged::start(info.expr));
            resolution.bindings.contains(&id) && !self.only_reads(info.expr, inside)
        });
        let in_class = || {
            let members = self.class_members.get(name);
            members.is_some_and(|members| members.contains(&id))
        };
        by_name || (in_class() && self.attribute_is_changed(name, inside))
    }

    fn attribute_is_changed(&self, name: &str, inside: Inside) -> bool {
        // Mangled names are spelled otherwise where they are used.
        name.contains("__")
            || self.spelled(name).any(|info| match info.expr {
                Expr::Attribute(attribute) => {
                    attribute.ctx == ExprContext::Load && !self.only_reads(info.expr, inside)
                }
                // For `getattr` and its kin.
                Expr::StringLiteral(_) => true,
                _ => false,
            })
    }

    /// Whether this use of a container neither changes it nor hands it on.
    fn only_reads(&self, expr: &Expr, inside: Inside) -> bool {
        let taken_out = |holder: &Expr| inside == Inside::Plain || self.only_reads(holder, inside);
        match self.parent(expr) {
            Parent::Stmt(stmt) => match stmt {
                Stmt::Expr(_) | Stmt::If(_) | Stmt::While(_) | Stmt::Assert(_) => true,
                Stmt::For(_) => inside == Inside::Plain,
                Stmt::Assign(assign) => {
                    let unpacks = |target: &Expr| target.is_tuple_expr() || target.is_list_expr();
                    inside == Inside::Plain && assign.targets.iter().all(unpacks)
                }
                _ => false,
            },
            Parent::Expr(parent) => match parent {
                holder @ Expr::Subscript(subscript) => {
                    std::ptr::eq(&raw const *subscript.value, expr)
                        && subscript.ctx == ExprContext::Load
                        && taken_out(holder)
                }
                Expr::Compare(compare) => {
                    matches!(&*compare.ops, [CmpOp::In | CmpOp::NotIn])
                        && !std::ptr::eq(&raw const *compare.left, expr)
                }
                Expr::UnaryOp(operation) => operation.op == ast::UnaryOp::Not,
                Expr::FString(_) => true,
                Expr::Starred(_) => inside == Inside::Plain,
                Expr::ListComp(ast::ExprListComp { generators, .. })
                | Expr::SetComp(ast::ExprSetComp { generators, .. })
                | Expr::Generator(ast::ExprGenerator { generators, .. })
                | Expr::DictComp(ast::ExprDictComp { generators, .. }) => {
                    inside == Inside::Plain
                        && generators.iter().any(|each| std::ptr::eq(&raw const each.iter, expr))
                }
                method @ Expr::Attribute(attribute) => {
                    READING_METHODS.contains(&attribute.attr.as_str())
                        && self.called_by(method).is_some()
                        && inside == Inside::Plain
                }
                Expr::Call(call) if !std::ptr::eq(&raw const *call.func, expr) => match &*call.func {
                    Expr::Name(name) => {
                        inside == Inside::Plain
                            && READERS.contains(&name.id.as_str())
                            && stdlib::is_builtin(&name.id)
                            && self.info(&call.func).is_some_and(|info| {
                                self.resolve(&name.id, info.scope, name.range.start()).bindings.is_empty()
                            })
                    }
                    Expr::Attribute(method) => {
                        matches!(method.attr.as_str(), "join" | "translate" | "format_map")
                            && (method.value.is_string_literal_expr() || method.value.is_bytes_literal_expr())
                    }
                    _ => false,
                },
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether attributes may be stored in ways that name no attribute: then what is written with a
    /// dot is not all that an attribute may be.
    pub(super) fn stores_by_name(&self) -> bool {
        *self.by_name.get_or_init(|| {
            ["setattr", "vars", "__setattr__", "__dict__", "__setstate__"]
                .into_iter()
                .any(|name| self.spelled(name).next().is_some())
        })
    }

    /// Whether no scope between a place and the function around it, nor that function, binds `name`
    /// once more.
    pub(super) fn is_bound_once(&self, name: &str, mut scope: super::ScopeId) -> bool {
        loop {
            let here = self.scope(scope);
            let bindings = here.names.get(name).map_or(0, |ids| ids.len());
            match here.kind {
                ScopeKind::Function(_) => return bindings == 1,
                _ if bindings > 0 => return false,
                _ => {}
            }
            match here.parent {
                Some(parent) => scope = parent,
                None => return false,
            }
        }
    }
}

fn holds_container(values: &Values) -> bool {
    values.known.iter().any(|value| matches!(value, Value::Sequence(_) | Value::Elements(_) | Value::Dict(_)))
}

/// A tuple of what cannot be changed, or another name of something that is judged where it is made.
fn is_fixed(value: &Expr) -> bool {
    match value {
        Expr::Tuple(tuple) => tuple.elts.iter().all(|inner| is_fixed(inner) || inner.is_literal_expr()),
        Expr::Name(_) | Expr::Attribute(_) => true,
        _ => value.is_literal_expr(),
    }
}

fn inside(value: &Expr) -> Inside {
    let plain = |inner: &Expr| !is_container(inner) && (!inner.is_tuple_expr() || is_fixed(inner));
    let all_plain = match value {
        Expr::Tuple(ast::ExprTuple { elts, .. })
        | Expr::List(ast::ExprList { elts, .. })
        | Expr::Set(ast::ExprSet { elts, .. }) => elts.iter().all(plain),
        Expr::Dict(dict) => dict.items.iter().all(|item| plain(&item.value)),
        Expr::ListComp(comp) => plain(&comp.elt),
        Expr::DictComp(comp) => plain(&comp.value),
        _ => true,
    };
    if all_plain { Inside::Plain } else { Inside::Containers }
}

fn is_container(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::List(_)
            | Expr::Set(_)
            | Expr::Dict(_)
            | Expr::ListComp(_)
            | Expr::SetComp(_)
            | Expr::DictComp(_)
    )
}

/// The same containers, each with something unknown in it.
fn opened(values: Values) -> Values {
    let mut open = Values::none_yet(values.complete);
    for value in values.known {
        let value = match value {
            Value::Dict(items) => {
                let unknown = (Values::unknown(), Values::unknown());
                Value::Dict(items.iter().cloned().chain([unknown]).collect())
            }
            Value::Sequence(_) | Value::Elements(_) => {
                Value::Elements(std::rc::Rc::new(Values::one(value).any_element().incomplete()))
            }
            other => other,
        };
        open.known.push(value);
    }
    open
}
