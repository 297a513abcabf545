//! What an expression may be: names through their bindings, attributes through classes and stores,
//! calls through the functions of this source, constants through `fold`.

use std::rc::Rc;

use ruff_python_ast::{self as ast, Expr, Operator, UnaryOp};
use ruff_text_size::{Ranged, TextSize};

use super::value::MAX_ELEMENTS;
use super::{
    Binding, BindingId, BindingKind, ClassId, FunctionId, Module, ScopeId, ScopeKind, Slot, Step, Value,
    Values, fold,
};
use crate::python::stdlib;

/// Parameters and loop variables with the values that they have on this path.
type Environment = Vec<(BindingId, Values)>;

/// Calls into functions of the source, or nested expressions, that are followed.
const MAX_DEPTH: u32 = 120;
/// Calls within calls that are followed with the arguments they have.
const MAX_CALLS: u32 = 2;

impl<'a> Module<'a> {
    /// Everything that `expr` may be.
    pub(crate) fn values(&self, expr: &Expr) -> Rc<Values> {
        let Some(id) = self.id(expr) else {
            return Rc::new(Values::unknown());
        };
        if let Some(Some(done)) = self.memo.borrow().get(id.index()) {
            return Rc::clone(done);
        }
        let values = Rc::new(self.eval(expr, &mut Vec::new(), 0));
        if let Some(slot) = self.memo.borrow_mut().get_mut(id.index()) {
            *slot = Some(Rc::clone(&values));
        }
        values
    }

    /// What a name may be where it is bound.
    pub(crate) fn values_of(&self, binding: BindingId) -> Values {
        self.bound(binding, &mut Vec::new(), 0)
    }

    fn eval(&self, expr: &Expr, env: &mut Environment, depth: u32) -> Values {
        if let Expr::StringLiteral(literal) = expr {
            return Values::text(literal.value.to_str());
        }
        let fuel = self.fuel.get();
        if depth > MAX_DEPTH || fuel == 0 {
            return Values::unknown();
        }
        self.fuel.set(fuel - 1);
        if env.is_empty()
            && let Some(id) = self.id(expr)
            && let Some(Some(done)) = self.memo.borrow().get(id.index())
        {
            return (**done).clone();
        }
        let depth = depth + 1;
        match expr {
            Expr::NoneLiteral(_) => Values::one(Value::None),
            Expr::BooleanLiteral(literal) => Values::one(Value::Bool(literal.value)),
            Expr::NumberLiteral(ast::ExprNumberLiteral { value: ast::Number::Int(int), .. }) => {
                int.as_i64().map_or_else(Values::unknown, |int| Values::one(Value::Int(i128::from(int))))
            }
            Expr::BytesLiteral(literal) => Values::bytes(literal.value.bytes().collect::<Vec<u8>>()),
            Expr::FString(string) => self.f_string(string, env, depth),
            Expr::Name(name) => self.name(name.id.as_str(), expr, env, depth),
            Expr::Attribute(attribute) => {
                let base = self.eval(&attribute.value, env, depth);
                self.attribute(&base, attribute.attr.as_str(), depth)
            }
            Expr::Call(call) => self.call(call, env, depth),
            Expr::Subscript(subscript) => {
                let base = self.eval(&subscript.value, env, depth);
                self.subscript(&base, &subscript.slice, env, depth)
            }
            Expr::Tuple(ast::ExprTuple { elts, .. })
            | Expr::List(ast::ExprList { elts, .. })
            | Expr::Set(ast::ExprSet { elts, .. }) => self.display(elts, env, depth),
            Expr::Dict(dict) => {
                let mut items = Vec::new();
                for item in dict.items.iter().take(MAX_ELEMENTS) {
                    let Some(key) = &item.key else {
                        // `**other`: what is known of the rest stays useful.
                        items.push((Values::unknown(), Values::unknown()));
                        continue;
                    };
                    items.push((self.eval(key, env, depth), self.eval(&item.value, env, depth)));
                }
                Values::one(Value::Dict(items.into()))
            }
            Expr::BoolOp(operation) => {
                let mut union = Values::nothing();
                for value in &operation.values {
                    union.add(self.eval(value, env, depth));
                }
                union
            }
            Expr::If(choice) => self.eval(&choice.body, env, depth).or(self.eval(&choice.orelse, env, depth)),
            Expr::Named(named) => self.eval(&named.value, env, depth),
            Expr::BinOp(operation) => {
                let left = self.eval(&operation.left, env, depth);
                if left.known.is_empty() && operation.op != Operator::Mod {
                    return Values::unknown();
                }
                let right = self.eval(&operation.right, env, depth);
                fold::binary(&left, operation.op, &right)
            }
            Expr::UnaryOp(operation) => {
                match (operation.op, self.eval(&operation.operand, env, depth).exactly()) {
                    (UnaryOp::USub, Some(Value::Int(int))) => Values::one(Value::Int(-int)),
                    (UnaryOp::UAdd, Some(Value::Int(int))) => Values::one(Value::Int(*int)),
                    (UnaryOp::Invert, Some(Value::Int(int))) => Values::one(Value::Int(!int)),
                    _ => Values::unknown(),
                }
            }
            Expr::Lambda(lambda) => self
                .lambda(lambda)
                .map_or_else(Values::unknown, |function| Values::one(Value::Function(function))),
            Expr::ListComp(comp) => self.comprehension(&comp.elt, &comp.generators, env, depth),
            Expr::SetComp(comp) => self.comprehension(&comp.elt, &comp.generators, env, depth),
            Expr::Generator(comp) => self.comprehension(&comp.elt, &comp.generators, env, depth),
            Expr::Starred(star) => self.eval(&star.value, env, depth),
            _ => Values::unknown(),
        }
    }

    fn display(&self, elements: &[Expr], env: &mut Environment, depth: u32) -> Values {
        let mut known = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            if index >= MAX_ELEMENTS {
                // The rest of a long table is not followed.
                let mut any = Values::nothing();
                known.into_iter().for_each(|value| any.add(value));
                return Values::one(Value::Elements(Rc::new(any.incomplete())));
            }
            if let Expr::Starred(star) = element {
                let inner = self.eval(&star.value, env, depth);
                match inner.elements() {
                    Some(elements) => known.extend(elements),
                    None => {
                        let mut any = inner.any_element();
                        known.into_iter().for_each(|value| any.add(value));
                        for rest in &elements[index + 1..] {
                            any.add(self.eval(rest, env, depth));
                        }
                        return Values::one(Value::Elements(Rc::new(any)));
                    }
                }
            } else {
                known.push(self.eval(element, env, depth));
            }
        }
        Values::sequence(known)
    }

    fn f_string(&self, string: &ast::ExprFString, env: &mut Environment, depth: u32) -> Values {
        let mut parts = Vec::new();
        for part in string.value.iter() {
            match part {
                ast::FStringPart::Literal(literal) => parts.push(Values::text(&*literal.value)),
                ast::FStringPart::FString(inner) => {
                    for element in &inner.elements {
                        match element {
                            ast::InterpolatedStringElement::Literal(literal) => {
                                parts.push(Values::text(&*literal.value));
                            }
                            ast::InterpolatedStringElement::Interpolation(field) => {
                                let plain = field.format_spec.is_none()
                                    && field.debug_text.is_none()
                                    && matches!(
                                        field.conversion,
                                        ast::ConversionFlag::None | ast::ConversionFlag::Str
                                    );
                                parts.push(if plain {
                                    fold::to_text(&self.eval(&field.expression, env, depth))
                                } else {
                                    Values::unknown()
                                });
                            }
                        }
                    }
                }
            }
        }
        fold::concatenate(&parts)
    }

    fn name(&self, name: &str, expr: &Expr, env: &mut Environment, depth: u32) -> Values {
        let Some(info) = self.info(expr) else {
            return Values::unknown();
        };
        self.named(name, info.scope, expr.start(), env, depth)
    }

    fn named(
        &self,
        name: &str,
        scope: ScopeId,
        place: TextSize,
        env: &mut Environment,
        depth: u32,
    ) -> Values {
        let resolution = self.resolve(name, scope, place);
        let mut union = Values::nothing();
        for binding in &resolution.bindings {
            union.add(self.bound(*binding, env, depth));
        }
        if resolution.outer
            && let Some(outer) = self.outer
        {
            union.add(
                outer.named(name, ScopeId(0), TextSize::new(u32::MAX), &mut Vec::new(), depth).portable(),
            );
            return union;
        }
        if resolution.bindings.is_empty() && self.has_stars {
            for module in self.stars() {
                if stdlib::exports(module, name) {
                    union.add(self.member(module, name));
                }
            }
        }
        if resolution.builtin && stdlib::is_builtin(name) {
            // Where this source binds the name too, that is what is meant nearly always; rules that
            // care for the builtin ask `resolve`.
            union.add(Values::member(format!("builtins.{name}")));
        } else if union.known.is_empty() {
            union.complete = false;
        }
        union
    }

    fn bound(&self, id: BindingId, env: &mut Environment, depth: u32) -> Values {
        if let Some((_, values)) = env.iter().rev().find(|(binding, _)| *binding == id) {
            return values.clone();
        }
        if env.is_empty()
            && let Some(done) = self.binding_memo.borrow().get(&id)
        {
            return (**done).clone();
        }
        if depth > MAX_DEPTH || !self.busy.borrow_mut().insert(id) {
            return Values::unknown();
        }
        let binding = self.binding(id);
        let values = self.binding_values(id, binding, env, depth + 1);
        self.busy.borrow_mut().remove(&id);
        if env.is_empty() && depth < MAX_DEPTH / 2 {
            self.binding_memo.borrow_mut().insert(id, Rc::new(values.clone()));
        }
        values
    }

    fn binding_values(
        &self,
        id: BindingId,
        binding: &Binding<'a>,
        env: &mut Environment,
        depth: u32,
    ) -> Values {
        match &binding.kind {
            BindingKind::Import { module } => Values::one(Value::Module(Rc::clone(module))),
            BindingKind::ImportFrom { module, member } => self.member(module, member),
            BindingKind::Assign { value, path } => project(self.eval(value, env, depth), path),
            BindingKind::Element { iterable, path } => {
                project(self.eval(iterable, env, depth).any_element(), path)
            }
            BindingKind::With { context, path } => {
                let entered = self.eval(context, env, depth);
                project(self.entered(&entered, depth), path)
            }
            BindingKind::Parameter { function, slot } => self.parameter(id, *function, *slot, depth),
            BindingKind::Function(function) => {
                let values = Values::one(Value::Function(*function));
                let transparent = self.function(*function).decorators().iter().all(|decorator| {
                    self.values(&decorator.expression).members().any(|name| {
                        matches!(&**name, "functools.lru_cache" | "functools.cache" | "builtins.staticmethod")
                    })
                });
                if transparent { values } else { values.incomplete() }
            }
            BindingKind::Class(class) => Values::one(Value::Class(*class)),
            BindingKind::Pattern { subject } => {
                let whole = self.eval(subject, env, depth);
                let parts = whole.any_element();
                whole.or(parts).incomplete()
            }
            BindingKind::Exception | BindingKind::Augmented => Values::unknown(),
            BindingKind::Delete | BindingKind::Declared => Values::nothing(),
        }
    }

    /// `from module import member`, or `module.member`.
    fn member(&self, module: &str, member: &str) -> Values {
        let full = format!("{module}.{member}");
        if stdlib::is_module(&full) {
            return Values::one(Value::Module(full.into()));
        }
        if let Some(text) = stdlib::constant(&full) {
            return Values::text(text);
        }
        match stdlib::leaked_module(module, member) {
            Some(leaked) => Values::one(Value::Module(leaked.into())),
            None => Values::member(full),
        }
    }

    /// What `with` binds.
    fn entered(&self, context: &Values, depth: u32) -> Values {
        let mut union = Values { known: Vec::new(), complete: context.complete };
        for value in &context.known {
            match value {
                Value::Instance(name) if matches!(&**name, "tempfile.TemporaryDirectory") => {
                    union.add(Values::text(fold::TEMPORARY_FOLDER));
                }
                Value::Instance(_) => union.add(Values::one(value.clone())),
                Value::Elements(inner) => union.add((**inner).clone()),
                Value::Object(class) => {
                    for method in self.methods(*class, "__enter__") {
                        union.add(self.returned(method, &mut Vec::new(), depth));
                    }
                }
                _ => union.complete = false,
            }
        }
        union
    }

    fn parameter(&self, id: BindingId, function: FunctionId, slot: Slot, depth: u32) -> Values {
        let info = self.function(function);
        let Some(parameters) = info.parameters() else {
            return Values::unknown();
        };
        let decorated = |name: &str| {
            info.decorators()
                .iter()
                .any(|decorator| decorator.expression.as_name_expr().is_some_and(|n| n.id == name))
        };
        if let (Some(class), Slot::Plain(0)) = (info.class, slot)
            && !decorated("staticmethod")
            && matches!(info.node, super::FunctionNode::Def(_))
        {
            let implicit = matches!(info.name(), "__new__" | "__init_subclass__" | "__class_getitem__");
            return Values::one(if implicit || decorated("classmethod") {
                Value::Class(class)
            } else {
                Value::Object(class)
            });
        }
        let binding = self.binding(id);
        let mut union = Values::unknown();
        let named = parameters
            .iter_non_variadic_params()
            .find(|parameter| parameter.parameter.name.range == binding.range);
        if let Some(default) = named.and_then(ast::ParameterWithDefault::default) {
            union.add(self.eval(default, &mut Vec::new(), depth));
        }
        let bound = usize::from(info.class.is_some() && !decorated("staticmethod"));
        for call in &info.calls {
            let argument = match slot {
                Slot::Plain(index) => index
                    .checked_sub(bound)
                    .and_then(|index| call.arguments.args.get(index))
                    .or_else(|| keyword(call, &binding.name)),
                Slot::KeywordOnly => keyword(call, &binding.name),
                Slot::Variadic | Slot::Keywords => None,
            };
            match argument {
                Some(Expr::Starred(star)) => {
                    union.add(self.eval(&star.value, &mut Vec::new(), depth).any_element());
                }
                Some(argument) => union.add(self.eval(argument, &mut Vec::new(), depth)),
                None => {}
            }
            if slot == Slot::Variadic {
                let mut any = Values::unknown();
                for argument in &call.arguments.args {
                    any.add(self.eval(argument, &mut Vec::new(), depth));
                }
                union.add(Values::one(Value::Elements(Rc::new(any))));
            }
        }
        union.incomplete()
    }

    fn attribute(&self, base: &Values, name: &str, depth: u32) -> Values {
        let mut union = Values { known: Vec::new(), complete: base.complete && !base.known.is_empty() };
        for value in &base.known {
            match value {
                Value::Module(module) => union.add(self.member(module, name)),
                Value::Member(owner) => union.add(Values::member(format!("{owner}.{name}"))),
                Value::Instance(owner) => union.add(Values::member(format!("{owner}.{name}"))),
                Value::Object(class) | Value::Class(class) => union.add(self.field(*class, name, depth)),
                _ => union.complete = false,
            }
        }
        if base.known.is_empty() || !base.complete {
            // An unknown receiver may be anything that this source stored such an attribute on.
            union.add(self.stored(name, depth).incomplete());
        }
        union
    }

    /// An attribute of a class of this source or its instances: what any body or store gives it.
    fn field(&self, class: ClassId, name: &str, depth: u32) -> Values {
        let mut union = self.stored(name, depth);
        let open = union.known.is_empty()
            || self.class(class).node.keywords().iter().any(|keyword| keyword.arg.is_some());
        if open {
            union.complete = false;
        }
        union
    }

    /// What stores to attributes of this name and class bodies put there, whoever the receiver is.
    fn stored(&self, name: &str, depth: u32) -> Values {
        if let Some(done) = self.stored_memo.borrow().get(name) {
            return (**done).clone();
        }
        // While it is being found out, it is not known: stores that depend on each other.
        self.stored_memo.borrow_mut().insert(name.into(), Rc::new(Values::unknown()));
        let values = self.find_stored(name, depth);
        self.stored_memo.borrow_mut().insert(name.into(), Rc::new(values.clone()));
        values
    }

    fn find_stored(&self, name: &str, depth: u32) -> Values {
        let mut union = Values::nothing();
        for index in 0..self.classes.len() {
            for binding in self.class_bindings(ClassId::next(index), name) {
                union.add(self.bound(*binding, &mut Vec::new(), depth));
            }
        }
        for store in self.attribute_stores.get(name).map_or(&[][..], Vec::as_slice) {
            match store.value {
                Some(value) => union.add(self.eval(value, &mut Vec::new(), depth)),
                None => union.complete = false,
            }
        }
        union
    }

    fn subscript(&self, base: &Values, index: &Expr, env: &mut Environment, depth: u32) -> Values {
        if let Expr::Slice(slice) = index {
            let part = |expr: &Option<Box<Expr>>, module: &Self, env: &mut Environment| match expr {
                None => Some(None),
                Some(expr) => match module.eval(expr, env, depth).exactly() {
                    Some(Value::Int(int)) => Some(Some(*int)),
                    Some(Value::None) => Some(None),
                    _ => None,
                },
            };
            let (lower, upper, step) =
                (part(&slice.lower, self, env), part(&slice.upper, self, env), part(&slice.step, self, env));
            return match (lower, upper, step) {
                (Some(lower), Some(upper), Some(step)) => fold::slice(base, lower, upper, step),
                _ => {
                    let any = base.any_element();
                    if any.known.is_empty() {
                        Values::unknown()
                    } else {
                        Values::one(Value::Elements(Rc::new(any)))
                    }
                }
            };
        }
        let key = self.eval(index, env, depth);
        let mut union = Values { known: Vec::new(), complete: base.complete && !base.known.is_empty() };
        for value in &base.known {
            union.add(fold::item(value, &key));
        }
        union
    }

    fn comprehension(
        &self,
        result: &Expr,
        generators: &[ast::Comprehension],
        env: &mut Environment,
        depth: u32,
    ) -> Values {
        // One generator without a condition over known elements is computed exactly.
        if let [generator] = generators
            && generator.ifs.is_empty()
            && let Expr::Name(target) = &generator.target
            && let Some(elements) = self.eval(&generator.iter, env, depth).elements()
            && let Some(binding) = self.comprehension_binding(&generator.target, target)
        {
            let mut results = Vec::new();
            for element in elements {
                env.push((binding, element));
                results.push(self.eval(result, env, depth));
                env.pop();
            }
            return Values::sequence(results);
        }
        Values::one(Value::Elements(Rc::new(self.eval(result, env, depth))))
    }

    fn comprehension_binding(&self, target: &Expr, name: &ast::ExprName) -> Option<BindingId> {
        let scope = self.info(target)?.scope;
        let bindings = self.scope(scope).names.get(name.id.as_str())?;
        bindings.iter().copied().find(|id| self.binding(*id).range == name.range)
    }

    fn call(&self, call: &ast::ExprCall, env: &mut Environment, depth: u32) -> Values {
        // A method of a known text, number or container.
        if let Expr::Attribute(attribute) = &*call.func {
            let receiver = self.eval(&attribute.value, env, depth);
            if let Some(value) = receiver.exactly()
                && let Some(arguments) = self.arguments(call, env, depth)
                && let Some(folded) = fold::method(value, attribute.attr.as_str(), &arguments)
            {
                return folded;
            }
        }
        let callee = self.eval(&call.func, env, depth);
        let mut union = Values { known: Vec::new(), complete: callee.complete && !callee.known.is_empty() };
        for value in &callee.known {
            match value {
                Value::Function(function) => union.add(self.call_function(*function, call, env, depth)),
                Value::Class(class) => union.add(Values::one(Value::Object(*class))),
                Value::Object(class) => {
                    for method in self.methods(*class, "__call__") {
                        union.add(self.returned(method, &mut Vec::new(), depth));
                    }
                    union.complete = false;
                }
                Value::Partial(inner) => {
                    let mut any = Values { known: Vec::new(), complete: false };
                    for value in &inner.known {
                        match value {
                            Value::Member(name) => any.add(Values::one(Value::Instance(Rc::clone(name)))),
                            Value::Function(function) => {
                                any.add(self.returned(*function, &mut Vec::new(), depth));
                            }
                            _ => {}
                        }
                    }
                    union.add(any);
                }
                Value::Member(name) => {
                    let folded = self
                        .arguments(call, env, depth)
                        .and_then(|arguments| fold::function(name, &arguments));
                    union.add(folded.unwrap_or_else(|| self.library_call(name, call, env, depth)));
                }
                _ => union.complete = false,
            }
        }
        union
    }

    /// Calls of the library whose result is one of their arguments, or known by kind.
    fn library_call(
        &self,
        name: &Rc<str>,
        call: &ast::ExprCall,
        env: &mut Environment,
        depth: u32,
    ) -> Values {
        let first = |module: &Self, env: &mut Environment| {
            call.arguments.args.first().map(|argument| module.eval(argument, env, depth))
        };
        match &**name {
            "functools.partial" | "functools.partialmethod" => match first(self, env) {
                Some(inner) => Values::one(Value::Partial(Rc::new(inner))),
                None => Values::unknown(),
            },
            "contextlib.nullcontext" => match first(self, env) {
                Some(inner) => Values::one(Value::Elements(Rc::new(inner))),
                None => Values::unknown(),
            },
            "copy.copy" | "copy.deepcopy" | "typing.cast" | "sys.intern" => {
                let index = usize::from(&**name == "typing.cast");
                call.arguments
                    .args
                    .get(index)
                    .map_or_else(Values::unknown, |value| self.eval(value, env, depth))
            }
            "builtins.next" | "builtins.min" | "builtins.max" | "random.choice" => {
                first(self, env).map_or_else(Values::unknown, |values| values.any_element().incomplete())
            }
            "builtins.getattr" => {
                let name = call.arguments.args.get(1).map(|name| self.eval(name, env, depth));
                match (first(self, env), name.as_ref().and_then(Values::as_text)) {
                    (Some(base), Some(name)) => {
                        let mut found = self.attribute(&base, name, depth);
                        if let Some(default) = call.arguments.args.get(2) {
                            found.add(self.eval(default, env, depth));
                        }
                        found
                    }
                    _ => Values::unknown(),
                }
            }
            _ => Values::one(Value::Instance(Rc::clone(name))),
        }
    }

    /// Arguments in order, if none is starred and none by keyword but those that `fold` knows.
    fn arguments(&self, call: &ast::ExprCall, env: &mut Environment, depth: u32) -> Option<fold::Arguments> {
        let mut positional = Vec::new();
        for argument in &call.arguments.args {
            if let Expr::Starred(star) = argument {
                positional.extend(self.eval(&star.value, env, depth).elements()?);
            } else {
                positional.push(self.eval(argument, env, depth));
            }
        }
        let mut named = Vec::new();
        for keyword in &call.arguments.keywords {
            named.push((keyword.arg.as_ref()?.as_str().into(), self.eval(&keyword.value, env, depth)));
        }
        Some(fold::Arguments { positional, named })
    }

    /// What a call of a function of this source returns, with the arguments in place.
    fn call_function(
        &self,
        function: FunctionId,
        call: &ast::ExprCall,
        env: &mut Environment,
        depth: u32,
    ) -> Values {
        let info = self.function(function);
        let mut inner = Vec::new();
        // Arguments are followed a few calls deep; below that a function returns what it may
        // return at all, which is found out once.
        if let Some(parameters) = info.parameters()
            && self.calls.get() < MAX_CALLS
        {
            let bound = usize::from(info.class.is_some());
            let names = self.scope(info.scope);
            let plain: Vec<_> = parameters.posonlyargs.iter().chain(&parameters.args).collect();
            let spread = call.arguments.args.iter().any(Expr::is_starred_expr);
            for (index, parameter) in plain.iter().enumerate().skip(bound) {
                let name = parameter.parameter.name.as_str();
                let argument = match call.arguments.args.get(index - bound) {
                    Some(_) if spread => None,
                    Some(argument) => Some(argument),
                    None => keyword(call, name).or_else(|| parameter.default()),
                };
                let binding = names.names.get(name).and_then(|bindings| bindings.first());
                if let (Some(argument), Some(binding)) = (argument, binding)
                    && names.names.get(name).is_some_and(|bindings| bindings.len() == 1)
                {
                    inner.push((*binding, self.eval(argument, env, depth)));
                }
            }
        }
        self.calls.set(self.calls.get() + 1);
        let returned = self.returned(function, &mut inner, depth);
        self.calls.set(self.calls.get() - 1);
        returned
    }

    fn returned(&self, function: FunctionId, env: &mut Environment, depth: u32) -> Values {
        let info = self.function(function);
        let asynchronous = matches!(info.node, super::FunctionNode::Def(def) if def.is_async);
        if info.generator {
            return Values::unknown();
        }
        if env.is_empty() {
            if let Some(done) = self.returned_memo.borrow().get(&function) {
                return (**done).clone();
            }
            self.returned_memo.borrow_mut().insert(function, Rc::new(Values::unknown()));
        }
        let mut union = Values::nothing();
        for value in info.returns.iter().take(16) {
            union.add(self.eval(value, env, depth));
        }
        // A function may also fall off its end; `None` is of no interest to any rule.
        if asynchronous || info.returns.is_empty() || info.returns.len() > 16 {
            union.complete = false;
        }
        if env.is_empty() {
            self.returned_memo.borrow_mut().insert(function, Rc::new(union.clone()));
        }
        union
    }

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
                match resolution.bindings.as_slice() {
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

fn keyword<'c>(call: &'c ast::ExprCall, name: &str) -> Option<&'c Expr> {
    call.arguments
        .keywords
        .iter()
        .find(|keyword| keyword.arg.as_ref().is_some_and(|arg| arg.as_str() == name))
        .map(|keyword| &keyword.value)
}

/// The part of a value that a target of an unpacking takes.
fn project(mut values: Values, path: &[Step]) -> Values {
    for step in path {
        let mut union = Values { known: Vec::new(), complete: values.complete && !values.known.is_empty() };
        for value in &values.known {
            match (value, step) {
                (Value::Sequence(elements), Step::Index(index)) => match elements.get(*index) {
                    Some(element) => union.add(element.clone()),
                    None => union.complete = false,
                },
                (_, Step::Index(_)) => union.add(Values::one(value.clone()).any_element()),
                (_, Step::Rest) => {
                    let any = Values::one(value.clone()).any_element();
                    // A starred name is a list of them, a name behind the star is one of them.
                    union.add(any.clone());
                    union.add(Values::one(Value::Elements(Rc::new(any))));
                }
            }
        }
        values = union;
    }
    values
}
