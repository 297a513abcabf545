//! What a call may return: of functions of this source, with the arguments in place; of the library,
//! where that is one of the arguments or known by kind.

use std::ops::Deref;
use std::rc::Rc;

use ruff_python_ast::{self as ast, Expr};

use super::bindings::keyword;
use super::memo::{Environment, Lookup};
use super::value::Union;
use super::{FunctionId, FunctionNode, Module, Value, Values, fold};

/// Calls within calls that are followed with the arguments they have.
const MAX_CALLS: u32 = 2;
/// Places where a function returns that are looked at.
const MAX_RETURNS: usize = 16;

impl Module<'_> {
    pub(super) fn call(&self, call: &ast::ExprCall, env: &mut Environment, depth: u32) -> Rc<Values> {
        // A method of a known text, number or container.
        if let Expr::Attribute(attribute) = &*call.func {
            let receiver = self.eval(&attribute.value, env, depth);
            if let [value] = &*receiver.known
                && fold::has_methods(value)
                && let Some(arguments) = self.arguments(call, env, depth)
            {
                self.fuel.spend_for(receiver.weight().saturating_mul(1 + arguments.weight()));
                if let Some(folded) = fold::method(value, attribute.attr.as_str(), &arguments) {
                    return Rc::new(if receiver.complete { folded } else { folded.incomplete() });
                }
            }
        }
        let callee = self.eval(&call.func, env, depth);
        let mut union = Union::default();
        if !callee.complete || callee.known.is_empty() {
            union.or_unknown();
        }
        for value in &callee.known {
            match value {
                Value::Function(function) => union.add(self.call_function(*function, call, env, depth)),
                Value::Class(class) => union.add(Values::one(Value::Object(*class))),
                Value::Object(class) => {
                    for method in self.methods(*class, "__call__") {
                        union.add(self.returned_by(method, depth));
                    }
                    union.or_unknown();
                }
                Value::Partial(inner) => {
                    let mut any = Union::default();
                    any.or_unknown();
                    for value in &inner.known {
                        match value {
                            Value::Member(name) => any.add(Values::one(Value::Instance(Rc::clone(name)))),
                            Value::Function(function) => any.add(self.returned_by(*function, depth)),
                            _ => {}
                        }
                    }
                    union.add(any.finish(&self.common));
                }
                Value::Member(name) => {
                    let folded = if fold::is_known(name) {
                        self.arguments(call, env, depth).and_then(|arguments| {
                            self.fuel.spend_for(arguments.weight());
                            fold::function(name, &arguments)
                        })
                    } else {
                        None
                    };
                    match folded {
                        Some(values) => union.add(values),
                        None => union.add(self.library_call(name, call, env, depth)),
                    }
                }
                _ => union.or_unknown(),
            }
        }
        union.finish(&self.common)
    }

    /// Calls of the library whose result is one of their arguments, or known by kind.
    fn library_call(
        &self,
        name: &Rc<str>,
        call: &ast::ExprCall,
        env: &mut Environment,
        depth: u32,
    ) -> Rc<Values> {
        let argument = |index: usize, env: &mut Environment| {
            call.arguments.args.get(index).map(|argument| self.eval(argument, env, depth))
        };
        let found = match &**name {
            "functools.partial" | "functools.partialmethod" => {
                argument(0, env).map(|inner| Rc::new(Values::one(Value::Partial(inner))))
            }
            "contextlib.nullcontext" => {
                argument(0, env).map(|inner| Rc::new(Values::one(Value::Elements(inner))))
            }
            "copy.copy" | "copy.deepcopy" | "sys.intern" => argument(0, env),
            "typing.cast" => argument(1, env),
            "builtins.next" | "builtins.min" | "builtins.max" | "random.choice" => {
                argument(0, env).map(|values| {
                    self.fuel.spend_for(values.weight());
                    Rc::new(values.any_element().incomplete())
                })
            }
            "builtins.getattr" => {
                let base = argument(0, env);
                let name = argument(1, env);
                match (base, name.as_deref().and_then(Values::as_text)) {
                    (Some(base), Some(name)) => {
                        let mut found = Union::default();
                        found.add(self.attribute(&base, name, depth));
                        if let Some(default) = argument(2, env) {
                            found.add(default);
                        }
                        Some(found.finish(&self.common))
                    }
                    _ => None,
                }
            }
            _ => Some(Rc::new(Values::one(Value::Instance(Rc::clone(name))))),
        };
        found.unwrap_or_else(|| self.unknown())
    }

    /// Arguments in order, if none is starred and none by keyword but those that `fold` knows.
    fn arguments(
        &self,
        call: &ast::ExprCall,
        env: &mut Environment,
        depth: u32,
    ) -> Option<fold::Arguments<'_>> {
        let mut positional = Vec::new();
        for argument in &call.arguments.args {
            if let Expr::Starred(star) = argument {
                let elements = self.eval(&star.value, env, depth).elements()?;
                self.fuel.spend_for(elements.len());
                positional.extend(elements);
            } else {
                positional.push((*self.eval(argument, env, depth)).clone());
            }
        }
        let mut named = Vec::new();
        for keyword in &call.arguments.keywords {
            let name = keyword.arg.as_ref()?.as_str().into();
            named.push((name, (*self.eval(&keyword.value, env, depth)).clone()));
        }
        Some(fold::Arguments { positional, named, fuel: &self.fuel })
    }

    /// What a call of a function of this source returns, with the arguments in place.
    fn call_function(
        &self,
        function: FunctionId,
        call: &ast::ExprCall,
        env: &mut Environment,
        depth: u32,
    ) -> Rc<Values> {
        let info = self.function(function);
        let mut inner = Environment::default();
        // Arguments are followed a few calls deep; below that a function returns what it may
        // return at all, which is found out once.
        if let Some(parameters) = info.parameters() {
            // A function that calls itself is followed once, or each of its returns would follow all of them.
            let again = self.followed.get() == Some(function);
            if again || self.calls.get() >= MAX_CALLS {
                self.memo.cut();
            } else {
                let bound = usize::from(info.class.is_some());
                let names = self.scope(info.scope);
                let plain = parameters.posonlyargs.iter().chain(&parameters.args);
                let spread = call.arguments.args.iter().any(Expr::is_starred_expr);
                for (index, parameter) in plain.enumerate().skip(bound) {
                    self.fuel.spend_for(1 + call.arguments.keywords.len());
                    let name = parameter.parameter.name.as_str();
                    let argument = match call.arguments.args.get(index - bound) {
                        Some(_) if spread => None,
                        Some(argument) => Some(argument),
                        None => keyword(call, name).or_else(|| parameter.default()),
                    };
                    if let (Some(argument), Some([binding])) =
                        (argument, names.names.get(name).map(Deref::deref))
                    {
                        inner.push(*binding, self.eval(argument, env, depth));
                    }
                }
            }
        }
        self.calls.set(self.calls.get() + 1);
        let before = self.followed.replace(Some(function));
        let returned = self.memo.apart(|| self.returned(function, &mut inner, depth));
        self.followed.set(before);
        self.calls.set(self.calls.get() - 1);
        returned
    }

    /// What a function returns, whatever its arguments are.
    pub(super) fn returned_by(&self, function: FunctionId, depth: u32) -> Rc<Values> {
        self.memo.apart(|| self.returned(function, &mut Environment::default(), depth))
    }

    fn returned(&self, function: FunctionId, env: &mut Environment, depth: u32) -> Rc<Values> {
        if self.function(function).generator {
            return self.unknown();
        }
        if !env.is_empty() {
            return self.find_returned(function, env, depth);
        }
        match self.memo.returned(function) {
            Lookup::Known(values) => values,
            Lookup::Open => self.unknown(),
            Lookup::New(ticket) => {
                let values = self.find_returned(function, env, depth);
                self.memo.keep_returned(function, &ticket, &values);
                values
            }
        }
    }

    fn find_returned(&self, function: FunctionId, env: &mut Environment, depth: u32) -> Rc<Values> {
        let info = self.function(function);
        let mut union = Union::default();
        for value in info.returns.iter().take(MAX_RETURNS) {
            union.add(self.eval(value, env, depth));
        }
        // A function may also fall off its end; `None` is of no interest to any rule.
        let asynchronous = matches!(info.node, FunctionNode::Def(def) if def.is_async);
        if asynchronous || info.returns.is_empty() || info.returns.len() > MAX_RETURNS {
            union.or_unknown();
        }
        union.finish(&self.common)
    }
}
