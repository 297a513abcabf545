//! What a rule sees: the analysed source, the policy, and where to report.

use std::rc::Rc;

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::FxHashSet;

use super::verdict::{Findings, Found};
use super::{Policy, Rule};
use crate::diagnostic::{Note, Span};
use crate::python::Source;
use crate::python::analysis::{BindingKind, Module, Parent, ScopeId, Value, Values};
use crate::python::stdlib::{self, Kind, MemberRuling, ModuleRuling};

/// Where the text that is analysed comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'s> {
    Source(&'s Source),
    /// Code in a string: findings point at the string.
    Within {
        span: Span,
        what: &'static str,
    },
}

/// A set of qualified names that rules ask of nearly every call, and nearly always in vain: a bit for
/// each name answers most of that before anything is hashed.
#[derive(Debug, Default)]
pub(super) struct Mentioned {
    names: FxHashSet<Rc<str>>,
    bits: u64,
}

impl Mentioned {
    const fn bit(name: &str) -> u64 {
        let bytes = name.as_bytes();
        let at = match bytes {
            [first, .., last] => bytes.len() + 5 * (*first as usize) + 11 * (*last as usize),
            _ => bytes.len(),
        };
        1 << (at % 64)
    }

    pub(super) fn insert(&mut self, name: &Rc<str>) {
        if !self.contains(name) {
            self.bits |= Self::bit(name);
            self.names.insert(Rc::clone(name));
        }
    }

    #[inline]
    pub(super) fn contains(&self, name: &str) -> bool {
        self.bits & Self::bit(name) != 0 && self.names.contains(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Rc<str>> {
        self.names.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }
}

pub(super) struct Context<'a, 'f> {
    pub(super) module: &'a Module<'a>,
    pub(super) text: &'a str,
    pub(super) policy: &'f Policy,
    pub(super) place: Place<'f>,
    pub(super) findings: &'f mut Findings,
    /// Qualified names that this source mentions, for rules about combinations.
    pub(super) mentioned: &'f Mentioned,
    /// How many strings of code are around this one.
    pub(super) depth: u32,
    /// How code in a string is walked: handed in, because the walk knows the rules and they know this.
    pub(super) walk_code: WalkCode,
}

/// Walks code in a string at a place, which it is called by, within the source around it. An error when it
/// is no code or lies too deep.
pub(super) type WalkCode = fn(&str, Span, &'static str, &mut Context<'_, '_>) -> Result<(), ()>;

impl<'a> Context<'a, '_> {
    pub(super) fn report(&mut self, rule: &'static Rule, range: TextRange, mut found: Found) {
        let span = match self.place {
            Place::Source(source) => source.span(range),
            Place::Within { span, what } => {
                found.message = format!("{} ({what})", found.message);
                span
            }
        };
        self.findings.push(rule, span, found);
    }

    pub(super) fn span(&self, range: TextRange) -> Span {
        match self.place {
            Place::Source(source) => source.span(range),
            Place::Within { span, .. } => span,
        }
    }

    /// Applies every rule to code in a string, as if it stood in this source. An error when it is no code or
    /// lies too deep in other strings of code.
    pub(super) fn walk_code(&mut self, text: &str, span: Span, what: &'static str) -> Result<(), ()> {
        (self.walk_code)(text, span, what, self)
    }

    #[inline]
    pub(super) fn values(&self, expr: &Expr) -> &'a Values {
        self.module.values(expr)
    }

    /// The source text of a node, in one short line.
    pub(super) fn excerpt(&self, node: impl Ranged) -> String {
        let text = self.text.get(node.range().to_std_range()).unwrap_or_default();
        let mut short: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if short.chars().count() > 40 {
            short = short.chars().take(39).chain(['…']).collect();
        }
        short
    }

    /// Whether this file mentions a member of the library.
    #[inline]
    pub(super) fn mentions(&self, name: &str) -> bool {
        self.mentioned.contains(name)
    }

    /// Whether `expr` may be the library's `name`.
    pub(super) fn may_be(&self, expr: &Expr, name: &str) -> bool {
        self.values(expr).members().any(|member| &**member == name)
    }

    #[inline]
    pub(super) fn scope(&self, expr: &Expr) -> ScopeId {
        self.module.info(expr).map_or_else(|| self.module.root(), |info| info.scope)
    }

    /// Whether a name may be the builtin.
    pub(super) fn is_builtin(&self, name: &ast::ExprName, expr: &Expr) -> bool {
        stdlib::is_builtin(&name.id)
            && self.module.resolve(&name.id, self.scope(expr), name.range.start()).builtin
    }

    /// Whether a name can be nothing but the builtin.
    pub(super) fn is_surely_builtin(&self, name: &ast::ExprName, expr: &Expr) -> bool {
        stdlib::is_builtin(&name.id)
            && self.module.resolve(&name.id, self.scope(expr), name.range.start()).bindings.is_empty()
    }

    /// What the tables and the policy say of a module.
    pub(super) fn module_ruling(&self, name: &str) -> ModuleRuling {
        let overrides = &self.policy.modules;
        let any = !(overrides.deny.is_empty() && overrides.allow.is_empty());
        let mut prefix = any.then_some(name);
        while let Some(current) = prefix {
            if overrides.deny.contains(current) {
                return ModuleRuling::Denied {
                    kind: Kind::Other,
                    why: "the policy of this competition denies it",
                };
            }
            if overrides.allow.contains(current) {
                return ModuleRuling::Allowed;
            }
            prefix = current.rsplit_once('.').map(|(head, _)| head);
        }
        stdlib::module(name, self.policy.target())
    }

    /// What the tables and the policy say of a member of a module.
    pub(super) fn member_ruling(&self, module: &str, name: &str) -> MemberRuling {
        let (attributes, modules) = (&self.policy.attributes, &self.policy.modules);
        if attributes.deny.is_empty() && attributes.allow.is_empty() && modules.allow.is_empty() {
            return stdlib::member(module, name);
        }
        let full = stdlib::dotted(module, name);
        if attributes.deny.contains(&full) {
            return MemberRuling::Denied {
                kind: Kind::Other,
                why: "the policy of this competition denies it",
            };
        }
        if attributes.allow.contains(&full) || self.opened(module) {
            return MemberRuling::Allowed;
        }
        stdlib::member(module, name)
    }

    /// Whether the policy opens a module entirely.
    fn opened(&self, module: &str) -> bool {
        let mut prefix = Some(module);
        while let Some(current) = prefix {
            if self.policy.modules.allow.contains(current) {
                return true;
            }
            prefix = current.rsplit_once('.').map(|(head, _)| head);
        }
        false
    }

    /// How `expr` came to be the member `target`: each name on the way with its line.
    pub(super) fn chain(&self, expr: &Expr, target: &str) -> Vec<Note> {
        let mut notes = Vec::new();
        let mut current = expr;
        for _ in 0..8 {
            let next = match current {
                Expr::Name(name) => {
                    let info = self.module.info(current);
                    let scope = info.map_or_else(|| self.module.root(), |info| info.scope);
                    let resolution = self.module.resolve(&name.id, scope, name.range.start());
                    let binding = resolution.bindings.iter().map(|id| (*id, self.module.binding(*id))).find(
                        |(id, _)| {
                            self.module.values_of(*id).members().any(|member| &**member == target)
                                || holds(&self.module.values_of(*id), target)
                        },
                    );
                    let Some((_, binding)) = binding else { break };
                    let (message, next) = match &binding.kind {
                        BindingKind::Assign { value, .. } => (
                            format!("`{}` is bound to `{}` here", name.id, self.excerpt(*value)),
                            Some(*value),
                        ),
                        BindingKind::Element { iterable, .. } => (
                            format!("`{}` is an element of `{}` here", name.id, self.excerpt(*iterable)),
                            Some(*iterable),
                        ),
                        BindingKind::With { context, .. } => (
                            format!("`{}` is what `{}` enters as", name.id, self.excerpt(*context)),
                            Some(*context),
                        ),
                        BindingKind::ImportFrom { module, member } => {
                            (format!("`{}` is imported as `{module}.{member}` here", name.id), None)
                        }
                        BindingKind::Parameter { function, .. } => {
                            let function = self.module.function(*function);
                            let argument = function.calls.iter().find_map(|call| {
                                call.arguments
                                    .args
                                    .iter()
                                    .chain(call.arguments.keywords.iter().map(|keyword| &keyword.value))
                                    .find(|argument| self.may_be(argument, target))
                            });
                            let default = function.parameters().and_then(|parameters| {
                                parameters
                                    .iter_non_variadic_params()
                                    .filter_map(ast::ParameterWithDefault::default)
                                    .find(|default| self.may_be(default, target))
                            });
                            (
                                format!("`{}` is a parameter of `{}`", name.id, function.name()),
                                default.or(argument),
                            )
                        }
                        _ => break,
                    };
                    notes.push(Note { message, span: self.span(binding.range) });
                    next
                }
                Expr::Attribute(attribute) => {
                    let store = self
                        .module
                        .attribute_stores
                        .get(attribute.attr.as_str())
                        .into_iter()
                        .flatten()
                        .find(|store| store.value.is_some_and(|value| self.may_be(value, target)));
                    let Some(store) = store else { break };
                    let value = store.value;
                    notes.push(Note {
                        message: format!("`{}` is stored here", self.excerpt(store.target)),
                        span: self.span(store.target.range),
                    });
                    value
                }
                Expr::Subscript(subscript) => Some(&*subscript.value),
                Expr::Call(call) => call.arguments.args.iter().find(|argument| self.may_be(argument, target)),
                _ => None,
            };
            match next {
                Some(next) if !std::ptr::eq(next, current) => current = next,
                _ => break,
            }
        }
        notes
    }

    /// Names of the arguments of a call, positional ones first.
    pub(super) fn argument<'c>(&self, call: &'c ast::ExprCall, index: usize, name: &str) -> Option<&'c Expr> {
        call.arguments.find_argument_value(name, index)
    }

    /// Whether a call spreads arguments that are not written out.
    pub(super) fn spreads(&self, call: &ast::ExprCall) -> bool {
        call.arguments.args.iter().any(Expr::is_starred_expr)
            || call.arguments.keywords.iter().any(|keyword| keyword.arg.is_none())
    }

    /// Whether `expr` stands where its value is not kept: called, tested, compared, an annotation.
    pub(super) fn is_only_looked_at(&self, expr: &Expr) -> bool {
        match self.module.parent(expr) {
            Parent::Annotation => true,
            Parent::Expr(parent) => match parent {
                Expr::Compare(_) | Expr::UnaryOp(_) => true,
                Expr::Call(call) => {
                    matches!(&*call.func, Expr::Name(name) if matches!(name.id.as_str(), "isinstance" | "issubclass"))
                        && call.arguments.args.get(1).is_some_and(|second| std::ptr::eq(second, expr))
                }
                inner @ (Expr::Tuple(_) | Expr::Subscript(_) | Expr::BinOp(_)) => {
                    self.is_only_looked_at(inner)
                }
                _ => false,
            },
            _ => false,
        }
    }
}

/// Whether a container or partial holds the member.
fn holds(values: &Values, target: &str) -> bool {
    values.known.iter().any(|value| match value {
        Value::Member(name) => &**name == target,
        Value::Sequence(elements) => elements.iter().any(|element| holds(element, target)),
        Value::Elements(inner) | Value::Partial(inner) => holds(inner, target),
        Value::Dict(items) => items.iter().any(|(_, value)| holds(value, target)),
        _ => false,
    })
}
