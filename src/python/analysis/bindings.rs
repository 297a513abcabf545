//! What a name may be: the values of everything that binds it.

use std::rc::Rc;

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::{Ranged, TextSize};

use super::eval::MAX_DEPTH;
use super::memo::{Environment, Lookup};
use super::value::Union;
use super::{Binding, BindingId, BindingKind, FunctionId, Module, ScopeId, Slot, Step, Value, Values, fold};
use crate::python::stdlib;

/// Decorators that return the class that they are given.
const KEEPING_DECORATORS: [&str; 7] = [
    "dataclasses.dataclass",
    "functools.total_ordering",
    "typing.final",
    "typing.runtime_checkable",
    "typing.dataclass_transform",
    "enum.unique",
    "enum.verify",
];

/// Of a name with more bindings than this, those to the result of an operator are not followed.
const MAX_ACCUMULATED: usize = 24;

impl<'a> Module<'a> {
    /// What a name may be where it is bound.
    pub(crate) fn values_of(&self, binding: BindingId) -> Rc<Values> {
        self.bound(binding, &mut Environment::default(), 0)
    }

    pub(super) fn name(&self, name: &str, expr: &Expr, env: &mut Environment, depth: u32) -> Rc<Values> {
        match self.info(expr) {
            Some(info) => self.named(name, info.scope, expr.start(), env, depth),
            None => self.unknown(),
        }
    }

    fn named(
        &self,
        name: &str,
        scope: ScopeId,
        place: TextSize,
        env: &mut Environment,
        depth: u32,
    ) -> Rc<Values> {
        let resolution = self.resolve(name, scope, place);
        let mut union = Union::default();
        let accumulates = resolution.bindings.len() > MAX_ACCUMULATED;
        for binding in resolution.bindings.iter() {
            // `text = text + "…"`, line after line: no operator gives anything but a constant, and each of
            // them could be followed by each other.
            if accumulates
                && matches!(&self.binding(*binding).kind, BindingKind::Assign { value, .. } if value.is_bin_op_expr())
            {
                union.add(self.unknown());
                continue;
            }
            union.add(self.bound(*binding, env, depth));
            self.fuel.spend(1);
            if union.is_full() {
                break;
            }
        }
        if resolution.outer
            && let Some(outer) = self.outer
        {
            let around =
                outer.named(name, ScopeId(0), TextSize::new(u32::MAX), &mut Environment::default(), depth);
            union.add((*around).clone().portable());
            return union.finish(&self.common);
        }
        if resolution.bindings.is_empty() {
            self.fuel.spend_for(self.stars.len());
            for module in &self.stars {
                if stdlib::exports(module, name) {
                    union.add(self.member(module, name));
                }
            }
        }
        if resolution.builtin && stdlib::is_builtin(name) {
            // Where this source binds the name too, that is what is meant nearly always; rules that
            // care for the builtin ask `resolve`.
            union.add(self.builtin(name));
        } else if union.is_empty() {
            union.or_unknown();
        }
        union.finish(&self.common)
    }

    fn builtin(&self, name: &str) -> Rc<Values> {
        let mut builtins = self.builtins.borrow_mut();
        if let Some(known) = builtins.get(name) {
            return Rc::clone(known);
        }
        let values = Rc::new(Values::member(format!("builtins.{name}")));
        builtins.insert(name.into(), Rc::clone(&values));
        values
    }

    pub(super) fn bound(&self, id: BindingId, env: &mut Environment, depth: u32) -> Rc<Values> {
        let binding = self.binding(id);
        if matches!(binding.kind, BindingKind::Parameter { .. } | BindingKind::Element { .. }) {
            self.memo.depend_on(id);
            if let Some(values) = env.get(id) {
                return Rc::clone(values);
            }
        }
        if depth > MAX_DEPTH {
            self.memo.cut();
            return self.unknown();
        }
        match self.memo.binding(id, env) {
            Lookup::Known(values) => values,
            Lookup::Open => self.unknown(),
            Lookup::New(ticket) => {
                let values = self.binding_values(id, binding, env, depth + 1);
                self.memo.keep_binding(id, ticket, &values, env, depth >= MAX_DEPTH / 2);
                values
            }
        }
    }

    fn binding_values(
        &self,
        id: BindingId,
        binding: &Binding<'a>,
        env: &mut Environment,
        depth: u32,
    ) -> Rc<Values> {
        let values = match &binding.kind {
            BindingKind::Import { module } => Values::one(Value::Module(Rc::clone(module))),
            BindingKind::ImportFrom { module, member } => self.member(module, member),
            BindingKind::Assign { value, path } => {
                let whole = self.eval(value, env, depth);
                return self.used(id, self.project(whole, path));
            }
            BindingKind::Element { iterable, path } => {
                let whole = self.eval(iterable, env, depth);
                self.fuel.spend_for(whole.weight());
                return self.used(id, self.project(Rc::new(whole.any_element()), path));
            }
            BindingKind::With { context, path } => {
                let context = self.eval(context, env, depth);
                return self.used(id, self.project(Rc::new(self.entered(&context, depth)), path));
            }
            BindingKind::Parameter { function, slot } => {
                return self.memo.apart(|| self.parameter(id, *function, *slot, depth));
            }
            BindingKind::Function(function) => {
                let values = Values::one(Value::Function(*function));
                let transparent = self.function(*function).decorators().iter().all(|decorator| {
                    let decorator = self
                        .memo
                        .apart(|| self.eval(&decorator.expression, &mut Environment::default(), depth));
                    decorator.members().any(|name| {
                        matches!(&**name, "functools.lru_cache" | "functools.cache" | "builtins.staticmethod")
                    })
                });
                if transparent { values } else { values.incomplete() }
            }
            BindingKind::Class(class) => {
                let values = Values::one(Value::Class(*class));
                let kept = self.class(*class).node.decorator_list.iter().all(|decorator| {
                    let decorator = match &decorator.expression {
                        Expr::Call(call) => &*call.func,
                        other => other,
                    };
                    let decorator =
                        self.memo.apart(|| self.eval(decorator, &mut Environment::default(), depth));
                    matches!(decorator.exactly(), Some(Value::Member(name)) if KEEPING_DECORATORS.contains(&&**name))
                });
                // What another decorator returns is anything.
                if kept { values } else { values.incomplete() }
            }
            BindingKind::Pattern { subject } => {
                let whole = self.eval(subject, env, depth);
                self.fuel.spend_for(whole.weight());
                let parts = whole.any_element();
                let mut union = (*whole).clone();
                union.add(parts);
                self.as_used(id, union.incomplete())
            }
            BindingKind::Exception | BindingKind::Augmented { .. } => return self.unknown(),
            BindingKind::Delete | BindingKind::Declared => Values::nothing(),
        };
        Rc::new(values)
    }

    fn used(&self, id: BindingId, values: Rc<Values>) -> Rc<Values> {
        let container =
            |value: &Value| matches!(value, Value::Sequence(_) | Value::Elements(_) | Value::Dict(_));
        if values.known.iter().any(container) {
            return Rc::new(self.as_used(id, (*values).clone()));
        }
        values
    }

    /// `from module import member`, or `module.member`.
    pub(super) fn member(&self, module: &str, member: &str) -> Values {
        let full = stdlib::dotted(module, member);
        if stdlib::is_submodule(module, member) {
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
        let mut union = Values::none_yet(context.complete);
        for value in &context.known {
            match value {
                Value::Instance(name) if matches!(&**name, "tempfile.TemporaryDirectory") => {
                    union.add(Values::text(fold::TEMPORARY_FOLDER));
                }
                Value::Instance(_) => union.add(Values::one(value.clone())),
                Value::Elements(inner) => union.add_ref(inner),
                Value::Object(class) => {
                    for method in self.methods(*class, "__enter__") {
                        union.add_ref(&self.returned_by(method, depth));
                    }
                }
                _ => union.complete = false,
            }
        }
        union
    }

    fn parameter(&self, id: BindingId, function: FunctionId, slot: Slot, depth: u32) -> Rc<Values> {
        let info = self.function(function);
        let Some(parameters) = info.parameters() else {
            return self.unknown();
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
            return Rc::new(Values::one(if implicit || decorated("classmethod") {
                Value::Class(class)
            } else {
                Value::Object(class)
            }));
        }
        let env = &mut Environment::default();
        let binding = self.binding(id);
        let mut union = Union::default();
        union.add(self.unknown());
        let named = parameters
            .iter_non_variadic_params()
            .find(|parameter| parameter.parameter.name.range == binding.range);
        if let Some(default) = named.and_then(ast::ParameterWithDefault::default) {
            union.add(self.eval(default, env, depth));
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
            self.fuel.spend_for(1 + call.arguments.keywords.len());
            match argument {
                Some(Expr::Starred(star)) => union.add(self.eval(&star.value, env, depth).any_element()),
                Some(argument) => union.add(self.eval(argument, env, depth)),
                None => {}
            }
            if slot == Slot::Variadic {
                let mut any = Values::unknown();
                for argument in &call.arguments.args {
                    any.add_ref(&self.eval(argument, env, depth));
                    self.fuel.spend(1);
                }
                union.add(Values::one(Value::Elements(Rc::new(any))));
            }
        }
        union.finish(&self.common)
    }

    /// The part of a value that a target of an unpacking takes.
    fn project(&self, mut values: Rc<Values>, path: &[Step]) -> Rc<Values> {
        for step in path {
            self.fuel.spend_for(values.weight());
            let mut union = Values::none_yet(values.complete && !values.known.is_empty());
            for value in &values.known {
                match (value, step) {
                    (Value::Sequence(elements), Step::Index(index)) => match elements.get(*index) {
                        Some(element) => union.add_ref(element),
                        None => union.complete = false,
                    },
                    (_, Step::Index(_)) => union.add(Values::one(value.clone()).any_element()),
                    (_, Step::Rest) => {
                        let any = Values::one(value.clone()).any_element();
                        // A starred name is a list of them, a name behind the star is one of them.
                        union.add_ref(&any);
                        union.add(Values::one(Value::Elements(Rc::new(any))));
                    }
                }
            }
            values = Rc::new(union);
        }
        values
    }
}

pub(super) fn keyword<'c>(call: &'c ast::ExprCall, name: &str) -> Option<&'c Expr> {
    call.arguments
        .keywords
        .iter()
        .find(|keyword| keyword.arg.as_ref().is_some_and(|arg| arg.as_str() == name))
        .map(|keyword| &keyword.value)
}
