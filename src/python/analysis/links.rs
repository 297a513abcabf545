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
        let spelled = self.spelled.get_or_init(|| {
            let mut spelled: FxHashMap<Name, Vec<NodeId>> = FxHashMap::default();
            for (index, info) in self.exprs.iter().enumerate() {
                let name = match info.expr {
                    Expr::Name(name) => name.id.clone(),
                    Expr::Attribute(attribute) => attribute.attr.id.clone(),
                    Expr::StringLiteral(literal) if is_word(literal.value.to_str()) => {
                        Name::new(literal.value.to_str())
                    }
                    _ => continue,
                };
                spelled.entry(name).or_default().push(NodeId::next(index));
            }
            spelled
        });
        let found = spelled.get(name).map_or(&[][..], Vec::as_slice);
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
            match &*call.func {
                Expr::Name(name) => {
                    let resolution = self.resolve(name.id.as_str(), info.scope, name.range.start());
                    self.fuel.spend_for(resolution.bindings.len());
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

/// Whether text could be written behind a dot.
fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric() || !byte.is_ascii())
}
