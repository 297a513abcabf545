//! What an expression is made of, followed back through names, containers, functions and attributes.

use ruff_python_ast::{self as ast, Expr, ExprContext, Operator, Stmt};
use ruff_text_size::Ranged;
use rustc_hash::FxHashMap;

use super::library::{self, Effect};
use crate::lint::context::Context;
use crate::python::analysis::{BindingId, BindingKind, FunctionId, FunctionNode, Parent, Slot, Value};

/// Expressions that are looked at for one path. Behind that it counts as given.
const MAX_STEPS: u32 = 600;

/// Expressions within expressions, and names bound to names, that are followed.
const MAX_DEPTH: u32 = 60;

/// A set of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ingredients(u8);

impl Ingredients {
    /// Numbers, and text that leads nowhere by itself.
    const NOTHING: Self = Self(0);
    /// Something from outside of the source, or that is not understood.
    pub(super) const GIVEN: Self = Self(1);
    /// A constant with a slash in it.
    pub(super) const SLASH: Self = Self(2);
    /// A constant that begins with a slash or a tilde, and is not in the temporary folder.
    pub(super) const ROOTED: Self = Self(4);
    /// Parts of text, or its letters in another order.
    pub(super) const CUT: Self = Self(8);
    /// What came out of a function that makes new text of constants.
    pub(super) const DECODED: Self = Self(16);
    /// Where the interpreter lies.
    pub(super) const MACHINE: Self = Self(32);
    /// The parent of the parent of the parent …
    pub(super) const CLIMBED: Self = Self(64);
    /// A constant that leads upwards: `..`.
    pub(super) const UPWARD: Self = Self(128);

    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What a function that does this makes of them.
    const fn after(self, effect: Effect) -> Self {
        match effect {
            Effect::Keeps => self,
            Effect::Counts => Self(self.0 & Self::GIVEN.0),
            Effect::Cuts => self.and(Self::CUT),
            Effect::Decodes if self.has(Self::GIVEN) => self,
            Effect::Decodes => self.and(Self::DECODED),
            Effect::Brings => Self::GIVEN,
        }
    }

    fn of_text(text: &str) -> Self {
        let mut found = Self::NOTHING;
        if text.contains(['/', '\\']) {
            found = found.and(Self::SLASH);
        }
        if text.contains("..") {
            found = found.and(Self::UPWARD);
        }
        // `{:/>4}` fills with slashes.
        if text.contains(":/>") || text.contains(":/<") || text.contains(":/^") {
            found = found.and(Self::ROOTED);
        }
        if text.starts_with(['/', '~']) && !text.starts_with("/tmp") && !text.starts_with("/dev/std") {
            found = found.and(Self::ROOTED);
        }
        found
    }
}

pub(super) struct Walk<'c, 'a, 'f> {
    cx: &'c Context<'a, 'f>,
    steps: u32,
    /// What was found out already; while it is being found out, nothing.
    bindings: FxHashMap<BindingId, Ingredients>,
    functions: FxHashMap<FunctionId, Ingredients>,
    attributes: FxHashMap<&'a str, Ingredients>,
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

    fn all<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>, depth: u32) -> Ingredients {
        exprs.into_iter().fold(Ingredients::NOTHING, |found, expr| found.and(self.expr(expr, depth)))
    }

    fn expr(&mut self, expr: &Expr, depth: u32) -> Ingredients {
        self.steps += 1;
        self.cx.module.fuel().spend(4);
        if self.steps > MAX_STEPS || depth > MAX_DEPTH || self.cx.module.fuel().is_spent() {
            return Ingredients::GIVEN;
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
            Expr::FString(string) => {
                let mut found = Ingredients::NOTHING;
                for part in string.value.iter() {
                    match part {
                        ast::FStringPart::Literal(literal) => {
                            found = found.and(Ingredients::of_text(literal));
                        }
                        ast::FStringPart::FString(inner) => {
                            for element in &inner.elements {
                                found = found.and(match element {
                                    ast::InterpolatedStringElement::Literal(literal) => {
                                        Ingredients::of_text(literal)
                                    }
                                    ast::InterpolatedStringElement::Interpolation(field) => {
                                        self.field(field, depth)
                                    }
                                });
                            }
                        }
                    }
                }
                found
            }
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
    fn may_be_text(&self, expr: &Expr) -> bool {
        self.cx.values(expr).known.iter().any(|value| matches!(value, Value::Str(_) | Value::Bytes(_)))
    }

    fn name(&mut self, name: &ast::ExprName, expr: &Expr, depth: u32) -> Ingredients {
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
            BindingKind::Augmented => {
                let range = binding.range;
                module.fuel().spend_for(module.stmts.len() / 4);
                let added = module.stmts.iter().find_map(|(stmt, _)| match stmt {
                    Stmt::AugAssign(added) if added.target.range() == range => Some(&*added.value),
                    _ => None,
                });
                added.map_or(Ingredients::GIVEN, |added| self.expr(added, depth))
            }
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
        let uses: Vec<&Expr> = module
            .spelled(name)
            .filter(|info| match info.expr {
                Expr::Name(used) => {
                    used.ctx == ExprContext::Load
                        && id.is_some_and(|id| {
                            module.resolve(name, info.scope, used.range.start()).bindings.contains(&id)
                        })
                }
                Expr::Attribute(used) => id.is_none() && used.ctx == ExprContext::Load,
                _ => false,
            })
            .map(|info| info.expr)
            .collect();
        let mut found = Ingredients::NOTHING;
        for used in uses {
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

    fn attribute(&mut self, attribute: &ast::ExprAttribute, expr: &Expr, depth: u32) -> Ingredients {
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
        let ids: Vec<BindingId> =
            module.all_classes().flat_map(|(id, _)| module.class_bindings(id, name).to_vec()).collect();
        let mut found = Ingredients::NOTHING;
        for id in ids {
            found = found.and(match module.binding(id).kind {
                // A property, or a method that is not called here.
                BindingKind::Function(function) => self.returned(function, depth),
                // `path: str`, set by a constructor that is not written out.
                BindingKind::Declared => Ingredients::GIVEN,
                _ => self.binding(id, depth),
            });
        }
        found
    }

    fn call(&mut self, call: &ast::ExprCall, depth: u32) -> Ingredients {
        let arguments = |walk: &mut Self| {
            let named = walk.all(call.arguments.keywords.iter().map(|keyword| &keyword.value), depth);
            walk.all(call.arguments.args.iter(), depth).and(named)
        };
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
                    let class = *class;
                    let methods =
                        ["__str__", "__fspath__", "__getitem__", "__iter__", "__next__", "__call__"];
                    let mut made = arguments(self);
                    for name in methods {
                        let ids: Vec<FunctionId> = self.cx.module.methods(class, name).collect();
                        for id in ids {
                            made = made.and(self.returned(id, depth));
                        }
                    }
                    made
                }
                Value::Member(name) if method.is_none() || library::is_class_function(name) => {
                    let name = name.to_string();
                    self.library(&name, call, depth)
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
    fn returned(&mut self, id: FunctionId, depth: u32) -> Ingredients {
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
        let returns: Vec<&Expr> = function.returns.clone();
        let mut found = self.all(returns, depth);
        if function.generator {
            let scope = function.scope;
            let yielded: Vec<&Expr> = module
                .all_exprs()
                .iter()
                .filter(|info| info.scope == scope)
                .filter_map(|info| match info.expr {
                    Expr::Yield(each) => each.value.as_deref(),
                    Expr::YieldFrom(each) => Some(&*each.value),
                    _ => None,
                })
                .collect();
            found = found.and(self.all(yielded, depth));
        }
        found
    }
}
