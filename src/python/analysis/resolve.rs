//! What a name may refer to at a place, by the rules of CPython's symbol table.

use std::borrow::Cow;

use ruff_text_size::TextSize;

use super::{BindingId, BindingKind, Module, ScopeId, ScopeKind};

/// Everything that a name may refer to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Resolution<'m> {
    pub(crate) bindings: Cow<'m, [BindingId]>,
    /// The search may go past the module to the builtins.
    pub(crate) builtin: bool,
    /// The search may go past this piece of code to the source around it.
    pub(crate) outer: bool,
}

impl<'m> Resolution<'m> {
    fn extend(&mut self, bindings: &'m [BindingId]) {
        if self.bindings.is_empty() {
            self.bindings = Cow::Borrowed(bindings);
        } else {
            self.bindings.to_mut().extend(bindings);
        }
    }
}

impl Module<'_> {
    /// Resolves a load of `name` in `scope` at `place`.
    ///
    /// Order is ignored but for one question, whether a binding of the module or a class hides a
    /// builtin: only a binding that surely ran before the load and is never undone does.
    pub(crate) fn resolve(&self, name: &str, scope: ScopeId, place: TextSize) -> Resolution<'_> {
        let mangled = self.mangled(name, scope);
        let name = mangled.as_deref().unwrap_or(name);
        let mut found = Resolution::default();
        let mut current = Some(scope);
        let mut first = true;
        while let Some(id) = current {
            let here = self.scope(id);
            current = here.parent;
            if here.kind == ScopeKind::Module {
                break;
            }
            // Class bodies are seen only by code that runs directly in them.
            let visible = first || !matches!(here.kind, ScopeKind::Class(_));
            // A comprehension's own scope passes on to the class only for its first iterable,
            // which is recorded in the class already.
            first = false;
            if !visible {
                continue;
            }
            if here.globals.contains(name) {
                break;
            }
            if here.nonlocals.contains(name) {
                continue;
            }
            if let Some(bindings) = here.names.get(name) {
                found.extend(bindings);
                match here.kind {
                    ScopeKind::Class(_) => {
                        if self.hides(bindings, scope, place, id) {
                            return found;
                        }
                    }
                    // The local variables of a function never fall back to anything.
                    ScopeKind::Function(_) | ScopeKind::Comprehension | ScopeKind::Module => return found,
                }
            }
        }
        let root = ScopeId(0);
        let mut hidden = false;
        if let Some(bindings) = self.scope(root).names.get(name) {
            hidden = self.hides(bindings, scope, place, root);
            found.extend(bindings);
        }
        found.builtin = !hidden;
        found.outer = !hidden && self.outer.is_some();
        found
    }

    /// Whether one of these bindings of the scope `owner` surely ran before a load at `place`, and
    /// none of them takes the name away again.
    fn hides(&self, bindings: &[BindingId], from: ScopeId, place: TextSize, owner: ScopeId) -> bool {
        self.fuel.spend_for(bindings.len());
        if self.fuel.is_spent() {
            return false;
        }
        let taken_away = bindings
            .iter()
            .any(|id| matches!(self.binding(*id).kind, BindingKind::Delete | BindingKind::Exception));
        if taken_away {
            return false;
        }
        // Code in a function runs when it is called, which nothing does before the first active
        // statement of the module.
        let in_function = from != owner && self.enclosing_function(from).is_some();
        bindings.iter().any(|id| {
            let binding = self.binding(*id);
            if !binding.straight {
                return false;
            }
            if place >= binding.effective {
                return true;
            }
            if !in_function || owner != ScopeId(0) {
                return false;
            }
            if binding.effective <= self.inert_until {
                return true;
            }
            // A function that calls itself is bound by then, unless a decorator called it first.
            match binding.kind {
                BindingKind::Function(function) => {
                    let function = self.function(function);
                    function.decorators().is_empty() && self.is_inside(from, function.scope)
                }
                _ => false,
            }
        })
    }

    fn is_inside(&self, mut scope: ScopeId, outer: ScopeId) -> bool {
        loop {
            if scope == outer {
                return true;
            }
            match self.scope(scope).parent {
                Some(parent) => scope = parent,
                None => return false,
            }
        }
    }
}
