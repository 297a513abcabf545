//! What an expression may be, as far as its own shape says: literals, displays, operators. Names are
//! followed in `bindings`, attributes in `attributes`, calls in `calls`; constants are computed in
//! `fold`.

use std::rc::Rc;

use ruff_python_ast::{self as ast, Expr, Operator, UnaryOp};

use super::memo::Environment;
use super::value::{MAX_ELEMENTS, Union};
use super::{BindingId, Module, NodeId, Value, Values, fold};

/// Calls into functions of the source, or nested expressions, that are followed.
pub(super) const MAX_DEPTH: u32 = 120;

impl Module<'_> {
    /// Everything that `expr` may be.
    #[inline]
    pub(crate) fn values(&self, expr: &Expr) -> &Values {
        let Some((id, place)) = self.id(expr).and_then(|id| Some((id, self.memo.settled(id)?))) else {
            return &self.common.unknown;
        };
        match place.get() {
            Some(done) => done,
            None => place.get_or_init(|| self.settle(id, expr)),
        }
    }

    #[inline(never)]
    fn settle(&self, id: NodeId, expr: &Expr) -> Rc<Values> {
        if let Some(done) = self.memo.found(id) {
            return done;
        }
        let values = self.eval(expr, &mut Environment::default(), 0);
        self.memo.settle(id, &values);
        values
    }

    pub(super) fn eval(&self, expr: &Expr, env: &mut Environment, depth: u32) -> Rc<Values> {
        let id = self.id(expr);
        if let Some(done) = id.and_then(|id| self.memo.expr(id, env)) {
            return done;
        }
        if depth > MAX_DEPTH || self.fuel.is_spent() {
            self.memo.cut();
            return self.unknown();
        }
        let values = self.memo.compute_expr(id, env, |env| self.expression(expr, env, depth + 1));
        self.fuel.spend_for(2 + values.weight());
        values
    }

    /// Shared, because it is the commonest answer.
    pub(super) fn unknown(&self) -> Rc<Values> {
        Rc::clone(&self.common.unknown)
    }

    fn expression(&self, expr: &Expr, env: &mut Environment, depth: u32) -> Rc<Values> {
        let values = match expr {
            Expr::Name(name) => return self.name(name.id.as_str(), expr, env, depth),
            Expr::Attribute(attribute) => {
                let base = self.eval(&attribute.value, env, depth);
                return self.attribute(&base, attribute.attr.as_str(), depth);
            }
            Expr::Call(call) => return self.call(call, env, depth),
            Expr::Named(named) => return self.eval(&named.value, env, depth),
            Expr::Starred(star) => return self.eval(&star.value, env, depth),
            Expr::BoolOp(operation) => {
                let mut union = Union::default();
                for value in &operation.values {
                    union.add(self.eval(value, env, depth));
                }
                return union.finish(&self.common);
            }
            Expr::If(choice) => {
                let mut union = Union::default();
                union.add(self.eval(&choice.body, env, depth));
                union.add(self.eval(&choice.orelse, env, depth));
                return union.finish(&self.common);
            }
            Expr::StringLiteral(literal) => Values::text(literal.value.to_str()),
            Expr::NoneLiteral(_) => return Rc::clone(&self.common.none),
            Expr::BooleanLiteral(literal) => {
                return Rc::clone(if literal.value { &self.common.yes } else { &self.common.no });
            }
            Expr::NumberLiteral(ast::ExprNumberLiteral { value: ast::Number::Int(int), .. }) => {
                int.as_i64().map_or_else(Values::unknown, |int| Values::one(Value::Int(i128::from(int))))
            }
            Expr::BytesLiteral(literal) => Values::bytes(literal.value.bytes().collect::<Vec<u8>>()),
            Expr::FString(string) => self.f_string(string, env, depth),
            Expr::Subscript(subscript) => {
                let base = self.eval(&subscript.value, env, depth);
                self.subscript(&base, &subscript.slice, env, depth)
            }
            Expr::Tuple(ast::ExprTuple { elts, .. })
            | Expr::List(ast::ExprList { elts, .. })
            | Expr::Set(ast::ExprSet { elts, .. }) => self.display(elts, env, depth),
            Expr::Dict(dict) => self.dictionary(dict, env, depth),
            Expr::BinOp(operation) => {
                let left = self.eval(&operation.left, env, depth);
                if left.known.is_empty() && operation.op != Operator::Mod {
                    return self.unknown();
                }
                let right = self.eval(&operation.right, env, depth);
                fold::binary(&left, operation.op, &right, &self.fuel)
            }
            Expr::UnaryOp(operation) => {
                match (operation.op, self.eval(&operation.operand, env, depth).exactly()) {
                    (UnaryOp::USub, Some(Value::Int(int))) => {
                        int.checked_neg().map_or_else(Values::unknown, |int| Values::one(Value::Int(int)))
                    }
                    (UnaryOp::UAdd, Some(Value::Int(int))) => Values::one(Value::Int(*int)),
                    (UnaryOp::Invert, Some(Value::Int(int))) => Values::one(Value::Int(!int)),
                    _ => return self.unknown(),
                }
            }
            Expr::Lambda(lambda) => self
                .lambda(lambda)
                .map_or_else(Values::unknown, |function| Values::one(Value::Function(function))),
            Expr::ListComp(comp) => self.comprehension(&comp.elt, &comp.generators, env, depth),
            Expr::SetComp(comp) => self.comprehension(&comp.elt, &comp.generators, env, depth),
            Expr::Generator(comp) => self.comprehension(&comp.elt, &comp.generators, env, depth),
            _ => return self.unknown(),
        };
        Rc::new(values)
    }

    fn display(&self, elements: &[Expr], env: &mut Environment, depth: u32) -> Values {
        let mut known = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            if index >= MAX_ELEMENTS {
                // The rest of a long table is not followed.
                let mut any = Values::nothing();
                known.iter().for_each(|value| any.add_ref(value));
                return Values::one(Value::Elements(Rc::new(any.incomplete())));
            }
            if let Expr::Starred(star) = element {
                let inner = self.eval(&star.value, env, depth);
                match inner.elements() {
                    Some(elements) => {
                        self.fuel.spend_for(elements.len());
                        known.extend(elements);
                    }
                    None => {
                        let mut any = inner.any_element();
                        known.iter().for_each(|value| any.add_ref(value));
                        for rest in &elements[index + 1..] {
                            any.add_ref(&self.eval(rest, env, depth));
                        }
                        return Values::one(Value::Elements(Rc::new(any)));
                    }
                }
            } else {
                known.push((*self.eval(element, env, depth)).clone());
            }
        }
        Values::sequence(known)
    }

    fn dictionary(&self, dict: &ast::ExprDict, env: &mut Environment, depth: u32) -> Values {
        let mut items = Vec::new();
        for item in dict.items.iter().take(MAX_ELEMENTS) {
            let Some(key) = &item.key else {
                // `**other`: what is known of the rest stays useful.
                items.push((Values::unknown(), Values::unknown()));
                continue;
            };
            let (key, value) = (self.eval(key, env, depth), self.eval(&item.value, env, depth));
            items.push(((*key).clone(), (*value).clone()));
        }
        Values::one(Value::Dict(items.into()))
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
        fold::concatenate(&parts, &self.fuel)
    }

    fn subscript(&self, base: &Values, index: &Expr, env: &mut Environment, depth: u32) -> Values {
        self.fuel.spend_for(base.weight());
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
        let mut union = Values::none_yet(base.complete && !base.known.is_empty());
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
            self.fuel.spend_for(2 * elements.len());
            let mut results = Vec::new();
            for element in elements {
                env.push(binding, Rc::new(element));
                results.push((*self.eval(result, env, depth)).clone());
                env.pop();
            }
            return Values::sequence(results);
        }
        Values::one(Value::Elements(self.eval(result, env, depth)))
    }

    fn comprehension_binding(&self, target: &Expr, name: &ast::ExprName) -> Option<BindingId> {
        let scope = self.info(target)?.scope;
        let bindings = self.scope(scope).names.get(name.id.as_str())?;
        bindings.iter().copied().find(|id| self.binding(*id).range == name.range)
    }
}
