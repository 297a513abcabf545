//! What calls are made of: of functions of the source, what they return; of the library, what it makes of
//! the arguments.

use ruff_python_ast::{self as ast, Expr};

use super::ingredients::Ingredients;
use super::library::{self, Effect};
use super::walk::Walk;
use crate::python::analysis::{FunctionId, FunctionNode, Value};

impl Walk<'_, '_, '_> {
    pub(super) fn call(&mut self, call: &ast::ExprCall, depth: u32) -> Ingredients {
        let arguments = |walk: &mut Self| {
            let named = walk.all(call.arguments.keywords.iter().map(|keyword| &keyword.value), depth);
            walk.all(call.arguments.args.iter(), depth).and(named)
        };
        let module = self.cx.module;
        let values = self.cx.values(&call.func);
        let method = match &*call.func {
            Expr::Attribute(method) if self.cx.values(&method.value).modules().next().is_none() => {
                Some(method)
            }
            _ => None,
        };
        let mut found = Ingredients::NOTHING;
        if values.known.is_empty() && method.is_none() {
            return Ingredients::GIVEN;
        }
        for value in &values.known {
            found = found.and(match value {
                Value::Function(function) => self.returned(*function, depth),
                Value::Class(class) => {
                    let methods =
                        ["__str__", "__fspath__", "__getitem__", "__iter__", "__next__", "__call__"];
                    let mut made = arguments(self);
                    for id in methods.into_iter().flat_map(|name| module.methods(*class, name)) {
                        made = made.and(self.returned(id, depth));
                    }
                    made
                }
                Value::Member(name) if method.is_none() || library::is_class_function(name) => {
                    self.library(name, call, depth)
                }
                _ if method.is_some() => continue,
                _ => Ingredients::GIVEN,
            });
        }
        match method {
            Some(method)
                if !values.known.iter().any(|value| match value {
                    Value::Function(_) | Value::Class(_) => true,
                    Value::Member(name) => library::is_class_function(name),
                    _ => false,
                }) =>
            {
                let name = method.attr.as_str();
                let inner = self.expr(&method.value, depth);
                let effect = match library::method(name) {
                    // Text in UTF-8, as long as no other codec is asked for.
                    Effect::Decodes if name == "decode" && call.arguments.is_empty() => Effect::Keeps,
                    Effect::Brings
                        if matches!(name, "read" | "readline" | "readlines")
                            && self.is_memory(&method.value) =>
                    {
                        Effect::Keeps
                    }
                    other => other,
                };
                found.and(inner.and(arguments(self)).after(effect))
            }
            _ => found,
        }
    }

    /// `io.StringIO("…")`, itself or by name.
    fn is_memory(&self, stream: &Expr) -> bool {
        matches!(self.cx.values(stream).exactly(), Some(Value::Instance(name))
            if matches!(&**name, "io.StringIO" | "io.BytesIO"))
    }

    fn library(&mut self, name: &str, call: &ast::ExprCall, depth: u32) -> Ingredients {
        let args = &call.arguments.args;
        let effect = library::function(name);
        if effect == Effect::Brings {
            return Ingredients::GIVEN;
        }
        // Without arguments it tells something of the world, or makes an empty container.
        if call.arguments.is_empty() {
            return if effect == Effect::Keeps { Ingredients::NOTHING } else { Ingredients::GIVEN };
        }
        let mut found = self.all(call.arguments.keywords.iter().map(|keyword| &keyword.value), depth);
        for (index, argument) in args.iter().enumerate() {
            let mut one = self.expr(argument, depth);
            if effect == Effect::Keeps
                && name != "builtins.str"
                && self.may_be_text(argument)
                && library::takes_apart(name)
            {
                one = one.after(Effect::Cuts);
            }
            // `map(chr, numbers)`, `reduce(function, …)`
            if index == 0 && matches!(name, "builtins.map" | "functools.reduce" | "builtins.filter") {
                one = one.and(self.applied(argument, args.get(1), depth));
            }
            found = found.and(one);
        }
        if name == "builtins.map" {
            return found;
        }
        found.after(effect)
    }

    /// What a function that is handed over makes of the elements of a container.
    fn applied(&mut self, function: &Expr, elements: Option<&Expr>, depth: u32) -> Ingredients {
        let values = self.cx.values(function);
        let mut found = Ingredients::NOTHING;
        for value in &values.known {
            found = found.and(match value {
                Value::Function(function) => {
                    // Its parameters are the elements, which are looked at beside it.
                    let module = self.cx.module;
                    let info = module.function(*function);
                    for parameter in info.parameters().into_iter().flat_map(|all| all.iter()) {
                        for id in module.bindings_in(info.scope, parameter.name().as_str()) {
                            self.bindings.insert(*id, Ingredients::NOTHING);
                        }
                    }
                    self.returned(*function, depth)
                }
                Value::Member(name) => {
                    let inner = elements.map_or(Ingredients::NOTHING, |elements| self.expr(elements, depth));
                    inner.after(library::function(name))
                }
                _ => Ingredients::GIVEN,
            });
        }
        if values.known.is_empty() { Ingredients::GIVEN } else { found }
    }

    /// What a function of this source returns or yields.
    pub(super) fn returned(&mut self, id: FunctionId, depth: u32) -> Ingredients {
        if let Some(known) = self.functions.get(&id) {
            return *known;
        }
        self.functions.insert(id, Ingredients::NOTHING);
        let found = self.find_returned(id, depth);
        self.functions.insert(id, found);
        found
    }

    fn find_returned(&mut self, id: FunctionId, depth: u32) -> Ingredients {
        let module = self.cx.module;
        let function = module.function(id);
        if matches!(function.node, FunctionNode::Def(def) if def.is_async) {
            return Ingredients::GIVEN;
        }
        let mut found = self.all(function.returns.iter().copied(), depth);
        if function.generator {
            let scope = function.scope;
            let inside = module.all_exprs().iter().filter(|info| info.scope == scope);
            let yielded = inside.filter_map(|info| match info.expr {
                Expr::Yield(each) => each.value.as_deref(),
                Expr::YieldFrom(each) => Some(&*each.value),
                _ => None,
            });
            found = found.and(self.all(yielded, depth));
        }
        found
    }
}
