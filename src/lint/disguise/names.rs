//! What names and attributes are made of: everything that binds them, stores to them, or puts something
//! into what they hold.

use ruff_python_ast::{self as ast, Expr, ExprContext, Stmt};
use ruff_text_size::Ranged;

use super::ingredients::Ingredients;
use super::library::{self, Effect};
use super::walk::Walk;
use crate::python::analysis::{BindingId, BindingKind, FunctionId, Parent, Slot, Value};

impl Walk<'_, '_, '_> {
    pub(super) fn name(&mut self, name: &ast::ExprName, expr: &Expr, depth: u32) -> Ingredients {
        match name.id.as_str() {
            "__file__" => return Ingredients::GIVEN,
            "__doc__" => return Ingredients::DECODED,
            _ => {}
        }
        let module = self.cx.module;
        let resolution = module.resolve(&name.id, self.cx.scope(expr), name.range.start());
        let mut found = Ingredients::NOTHING;
        for id in resolution.bindings.iter() {
            found = found.and(self.binding(*id, depth));
        }
        found
    }

    fn binding(&mut self, id: BindingId, depth: u32) -> Ingredients {
        if let Some(known) = self.bindings.get(&id) {
            return *known;
        }
        self.bindings.insert(id, Ingredients::NOTHING);
        let found = self.bound(id, depth);
        self.bindings.insert(id, found);
        found
    }

    fn bound(&mut self, id: BindingId, depth: u32) -> Ingredients {
        let module = self.cx.module;
        let binding = module.binding(id);
        match &binding.kind {
            BindingKind::Assign { value, .. } => {
                let climbs = self.climbs(value, &binding.name);
                let whole = if climbs { Ingredients::CLIMBED } else { self.expr(value, depth) };
                whole.and(self.put_into(&binding.name, Some(id), value, depth))
            }
            BindingKind::Element { iterable, .. } => {
                let cuts = self.may_be_text(iterable);
                self.expr(iterable, depth).after(if cuts { Effect::Cuts } else { Effect::Keeps })
            }
            BindingKind::With { context, .. } => self.expr(context, depth),
            BindingKind::Pattern { subject } => self.expr(subject, depth).after(Effect::Cuts),
            BindingKind::Augmented { added } => self.expr(added, depth),
            BindingKind::Parameter { function, slot } => self.parameter(*function, *slot, id, depth),
            BindingKind::Import { .. }
            | BindingKind::ImportFrom { .. }
            | BindingKind::Function(_)
            | BindingKind::Class(_)
            | BindingKind::Delete
            | BindingKind::Declared => Ingredients::NOTHING,
            BindingKind::Exception => Ingredients::GIVEN,
        }
    }

    /// What every call of the function gives a parameter.
    fn parameter(&mut self, id: FunctionId, slot: Slot, binding: BindingId, depth: u32) -> Ingredients {
        let module = self.cx.module;
        let function = module.function(id);
        let name = &module.binding(binding).name;
        if function.calls.is_empty() || !function.decorators().is_empty() {
            return Ingredients::GIVEN;
        }
        let bound = usize::from(function.class.is_some());
        let mut found = Ingredients::NOTHING;
        if function.class.is_none() {
            // A function that is handed to somebody is called with whatever he likes.
            let mentions = module
                .spelled(function.name())
                .filter(|info| matches!(info.expr, Expr::Name(name) if name.ctx == ExprContext::Load));
            if mentions.count() != function.calls.len() {
                found = Ingredients::GIVEN;
            }
        } else if slot == Slot::Plain(0) {
            return Ingredients::GIVEN;
        }
        for call in &function.calls {
            let argument = match slot {
                Slot::Plain(index) => {
                    index.checked_sub(bound).and_then(|index| call.arguments.find_argument_value(name, index))
                }
                Slot::KeywordOnly => call.arguments.find_keyword(name).map(|keyword| &keyword.value),
                Slot::Variadic | Slot::Keywords => {
                    found = found.and(self.all(call.arguments.args.iter(), depth));
                    found = found.and(self.all(call.arguments.keywords.iter().map(|k| &k.value), depth));
                    continue;
                }
            };
            found = found.and(match argument {
                Some(argument) => self.expr(argument, depth),
                None if self.cx.spreads(call) => self.all(call.arguments.args.iter(), depth),
                None => Ingredients::NOTHING,
            });
        }
        let parameters = function.parameters().into_iter().flat_map(|all| all.iter_non_variadic_params());
        let default = parameters
            .filter(|parameter| parameter.parameter.name.range == module.binding(binding).range)
            .find_map(|parameter| parameter.default());
        found.and(default.map_or(Ingredients::NOTHING, |default| self.expr(default, depth)))
    }

    /// `d = os.path.dirname(d)` and `d = d.parent` in a loop.
    fn climbs(&self, value: &Expr, name: &str) -> bool {
        let is_itself = |expr: &Expr| matches!(expr, Expr::Name(inner) if inner.id == *name);
        let up = match value {
            Expr::Attribute(parent) => parent.attr.as_str() == "parent" && is_itself(&parent.value),
            Expr::Call(call) => {
                call.arguments.args.first().is_some_and(is_itself)
                    && self.cx.may_be(&call.func, "os.path.dirname")
            }
            _ => false,
        };
        up && {
            let module = self.cx.module;
            module.fuel().spend_for(module.stmts.len() / 4);
            module.stmts.iter().any(|(stmt, _)| {
                matches!(stmt, Stmt::While(_) | Stmt::For(_)) && stmt.range().contains_range(value.range())
            })
        }
    }

    /// What uses of a container put into it: `x.append(y)`, `x[i] = y`, `shuffle(x)`.
    fn put_into(&mut self, name: &str, id: Option<BindingId>, value: &Expr, depth: u32) -> Ingredients {
        if value.is_literal_expr() || value.is_f_string_expr() || value.is_bin_op_expr() {
            return Ingredients::NOTHING;
        }
        let module = self.cx.module;
        let uses = module.spelled(name).filter(|info| match info.expr {
            Expr::Name(used) => {
                used.ctx == ExprContext::Load
                    && id.is_some_and(|id| {
                        module.resolve(name, info.scope, used.range.start()).bindings.contains(&id)
                    })
            }
            Expr::Attribute(used) => id.is_none() && used.ctx == ExprContext::Load,
            _ => false,
        });
        let mut found = Ingredients::NOTHING;
        for used in uses.map(|info| info.expr) {
            found = found.and(match module.parent(used) {
                Parent::Expr(outer @ Expr::Attribute(method)) => match module.called_by(outer) {
                    Some(call) => {
                        // `parser.read("settings.ini")`
                        if library::fills(method.attr.as_str()) {
                            Ingredients::GIVEN
                        } else {
                            self.all(call.arguments.args.iter(), depth)
                        }
                    }
                    None => Ingredients::NOTHING,
                },
                Parent::Expr(outer @ Expr::Subscript(part)) if part.ctx == ExprContext::Store => {
                    match module.parent(outer) {
                        Parent::Stmt(Stmt::Assign(assign)) => self.expr(&assign.value, depth),
                        Parent::Stmt(Stmt::AugAssign(assign)) => self.expr(&assign.value, depth),
                        _ => Ingredients::GIVEN,
                    }
                }
                Parent::Expr(Expr::Call(call)) => {
                    let values = self.cx.values(&call.func);
                    let own = values.known.iter().any(|value| {
                        matches!(value, Value::Function(_) | Value::Class(_) | Value::Object(_))
                    });
                    // A method of a text or of the library's object; who has no name that is known is own.
                    let method = call.func.is_attribute_expr() && !own;
                    let library = values.complete && values.members().count() == values.known.len();
                    if method || library {
                        self.all(
                            call.arguments.args.iter().filter(|other| !std::ptr::eq(*other, used)),
                            depth,
                        )
                    } else {
                        Ingredients::GIVEN
                    }
                }
                _ => Ingredients::NOTHING,
            });
        }
        found
    }

    pub(super) fn attribute(
        &mut self,
        attribute: &ast::ExprAttribute,
        expr: &Expr,
        depth: u32,
    ) -> Ingredients {
        let name = attribute.attr.as_str();
        match name {
            "__doc__" => return Ingredients::DECODED,
            "__file__" => return Ingredients::GIVEN,
            "__name__" | "__qualname__" => return Ingredients::NOTHING,
            _ => {}
        }
        let module = self.cx.module;
        let values = self.cx.values(expr);
        if let [Value::Str(text)] = &*values.known {
            return Ingredients::of_text(text);
        }
        // Arguments that the source has set itself were not given.
        let own_arguments = name == "argv" && module.attribute_stores.contains_key(name);
        if let Some(Value::Module(owner)) = self.cx.values(&attribute.value).exactly()
            && !own_arguments
        {
            let full = format!("{owner}.{name}");
            return match full.as_str() {
                "os.sep" | "os.path.sep" => Ingredients::of_text("/"),
                "os.pardir" => Ingredients::of_text(".."),
                "string.printable" | "string.punctuation" => Ingredients::SLASH,
                machine if library::is_machine(machine) => Ingredients::MACHINE,
                text if text.starts_with("string.") => Ingredients::NOTHING,
                _ => Ingredients::GIVEN,
            };
        }
        let Some(stores) = module.attribute_stores.get(name) else {
            return self.member(attribute, name, depth);
        };
        let key = stores.first().map_or("", |store| store.target.attr.as_str());
        if let Some(known) = self.attributes.get(key) {
            return *known;
        }
        self.attributes.insert(key, Ingredients::NOTHING);
        let mut found = self.members_of_classes(name, depth);
        for store in stores {
            found = found.and(match store.value {
                Some(value) => {
                    let put = self.put_into(name, None, value, depth);
                    self.expr(value, depth).and(put)
                }
                None => Ingredients::GIVEN,
            });
        }
        self.attributes.insert(key, found);
        found
    }

    /// An attribute that nothing stores: of a class body of this source, or of an object of the library.
    fn member(&mut self, attribute: &ast::ExprAttribute, name: &str, depth: u32) -> Ingredients {
        let own = self.cx.module.own_attributes.contains(name);
        if own {
            return self.members_of_classes(name, depth);
        }
        match name {
            "value" | "text" | "path" | "netloc" | "string" | "tail" | "packed" | "bytes" | "body" => {
                let inner = self.expr(&attribute.value, depth);
                if inner == Ingredients::NOTHING { Ingredients::GIVEN } else { inner.after(Effect::Decodes) }
            }
            "name" | "parent" | "parents" | "stem" | "suffix" | "parts" | "anchor" | "root" => {
                self.expr(&attribute.value, depth)
            }
            _ => Ingredients::GIVEN,
        }
    }

    fn members_of_classes(&mut self, name: &str, depth: u32) -> Ingredients {
        let module = self.cx.module;
        let mut found = Ingredients::NOTHING;
        for id in module.all_classes().flat_map(|(id, _)| module.class_bindings(id, name)) {
            found = found.and(match module.binding(*id).kind {
                // A property, or a method that is not called here.
                BindingKind::Function(function) => self.returned(function, depth),
                // `path: str`, set by a constructor that is not written out.
                BindingKind::Declared => Ingredients::GIVEN,
                _ => self.binding(*id, depth),
            });
        }
        found
    }
}
