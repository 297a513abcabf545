//! Which calls name which functions, so that a parameter has the values that it is called with.

use ruff_python_ast::name::Name;
use ruff_python_ast::{self as ast, Expr};
use rustc_hash::FxHashMap;

use super::{BindingKind, ExprInfo, FunctionId, Module, NodeId};

/// Calls of one function that are looked at.
const MAX_CALLS: usize = 64;

impl<'a> Module<'a> {
    /// Every name, attribute and string that reads `name`.
    pub(crate) fn spelled(&self, name: &str) -> impl Iterator<Item = &ExprInfo<'a>> {
        let found = self.spelled.get_or_init(|| Spelled::of(&self.exprs)).find(name);
        self.fuel.spend_for(found.len());
        found.iter().filter_map(|id| self.exprs.get(id.index()))
    }

    /// Remembers for every function of this source which calls name it.
    pub(super) fn link_calls(&mut self) {
        let mut calls: Vec<Vec<&'a ast::ExprCall>> = vec![Vec::new(); self.functions.len()];
        let mut link = |function: FunctionId, call| {
            if let Some(calls) = calls.get_mut(function.index())
                && calls.len() < MAX_CALLS
            {
                calls.push(call);
            }
        };
        // Methods by name, and how many calls of that name there were.
        let mut methods: FxHashMap<&str, (Vec<FunctionId>, usize)> = FxHashMap::default();
        for (index, function) in self.functions.iter().enumerate() {
            if function.class.is_some() {
                methods.entry(function.name()).or_default().0.push(FunctionId::next(index));
            }
        }
        for info in &self.exprs {
            let Expr::Call(call) = info.expr else {
                continue;
            };
            if self.fuel.is_spent() {
                break;
            }
            match &*call.func {
                Expr::Name(name) => {
                    let resolution = self.resolve(name.id.as_str(), info.scope, name.range.start());
                    self.fuel.spend_for(2 * resolution.bindings.len());
                    for binding in resolution.bindings.iter() {
                        match self.binding(*binding).kind {
                            BindingKind::Function(function) => link(function, call),
                            BindingKind::Class(class) => {
                                self.methods(class, "__init__").for_each(|function| link(function, call));
                            }
                            BindingKind::Assign { value: Expr::Lambda(lambda), .. } => {
                                self.lambda(lambda).into_iter().for_each(|function| link(function, call));
                            }
                            _ => {}
                        }
                    }
                }
                Expr::Attribute(attribute) => {
                    // Which class the receiver has is not asked: the name is enough.
                    if let Some((functions, seen)) = methods.get_mut(attribute.attr.as_str())
                        && *seen < MAX_CALLS
                    {
                        *seen += 1;
                        functions.iter().for_each(|function| link(*function, call));
                    }
                }
                Expr::Lambda(lambda) => {
                    self.lambda(lambda).into_iter().for_each(|function| link(function, call));
                }
                _ => {}
            }
        }
        for (function, calls) in self.functions.iter_mut().zip(calls) {
            function.calls = calls;
        }
    }
}

/// Expressions by what they read, in the order of the source.
#[derive(Debug)]
pub(super) struct Spelled {
    /// Names by number.
    names: FxHashMap<Name, usize>,
    /// Where the expressions of each name end in `order`; they begin where those before it end.
    ends: Vec<usize>,
    order: Vec<NodeId>,
}

impl Spelled {
    /// Counts first and places then, so that it is three tables, however many names there are.
    fn of(exprs: &[ExprInfo<'_>]) -> Self {
        let mut names: FxHashMap<Name, usize> = FxHashMap::default();
        let mut ends: Vec<usize> = Vec::new();
        let mut numbered = Vec::with_capacity(exprs.len());
        for (index, info) in exprs.iter().enumerate() {
            let name = match info.expr {
                Expr::Name(name) => name.id.as_str(),
                Expr::Attribute(attribute) => attribute.attr.as_str(),
                Expr::StringLiteral(literal) if is_word(literal.value.to_str()) => literal.value.to_str(),
                _ => continue,
            };
            let number = match names.get(name) {
                Some(number) => *number,
                None => {
                    names.insert(Name::new(name), ends.len());
                    ends.push(0);
                    ends.len() - 1
                }
            };
            if let Some(count) = ends.get_mut(number) {
                *count += 1;
            }
            numbered.push((number, NodeId::next(index)));
        }
        let mut begin = 0;
        for end in &mut ends {
            // Moved to the end as the places before it are filled.
            begin += std::mem::replace(end, begin);
        }
        let mut order = vec![NodeId(0); numbered.len()];
        for (number, id) in numbered {
            if let Some(end) = ends.get_mut(number)
                && let Some(place) = order.get_mut(*end)
            {
                *place = id;
                *end += 1;
            }
        }
        Self { names, ends, order }
    }

    fn find(&self, name: &str) -> &[NodeId] {
        let Some(number) = self.names.get(name).copied() else {
            return &[];
        };
        let begin = number.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(number).copied().unwrap_or(begin);
        self.order.get(begin..end).unwrap_or_default()
    }
}

/// Whether text could be written behind a dot.
fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric() || !byte.is_ascii())
}
