//! What an attribute may be. Attributes are followed by name, whoever the receiver is: what any
//! store or class body of this source gives a name is what it may be on any object.

use std::ops::Deref;
use std::rc::Rc;

use super::memo::{Environment, Lookup};
use super::value::Union;
use super::{ClassId, Module, Value, Values};
use crate::python::stdlib;

impl Module<'_> {
    pub(super) fn attribute(&self, base: &Values, name: &str, depth: u32) -> Rc<Values> {
        let mut union = Union::default();
        if !base.complete || base.known.is_empty() {
            union.or_unknown();
        }
        for value in &base.known {
            match value {
                Value::Module(module) => union.add(self.member(module, name)),
                Value::Member(owner) | Value::Instance(owner) => {
                    union.add(Values::member(stdlib::dotted(owner, name)));
                }
                Value::Object(class) | Value::Class(class) => union.add(self.field(*class, name, depth)),
                _ => union.or_unknown(),
            }
        }
        if base.known.is_empty() || !base.complete {
            // An unknown receiver may be anything that this source stored such an attribute on.
            union.add(self.stored(name, depth));
        }
        union.finish(&self.common)
    }

    /// An attribute of a class of this source or its instances: what any body or store gives it.
    fn field(&self, class: ClassId, name: &str, depth: u32) -> Rc<Values> {
        let mut union = Union::default();
        union.add(self.stored(name, depth));
        let open =
            union.is_empty() || self.class(class).node.keywords().iter().any(|keyword| keyword.arg.is_some());
        if open {
            union.or_unknown();
        }
        union.finish(&self.common)
    }

    /// What stores to attributes of this name and class bodies put there, whoever the receiver is.
    fn stored(&self, name: &str, depth: u32) -> Rc<Values> {
        let Some(number) = self.stored.get(name).copied() else {
            return Rc::clone(&self.common.nothing);
        };
        match self.memo.stored(number) {
            Lookup::Known(values) => values,
            // While it is being found out, it is not known: stores that depend on each other.
            Lookup::Open => self.unknown(),
            Lookup::New(ticket) => {
                let values = self.memo.apart(|| self.find_stored(name, depth));
                self.memo.keep_stored(number, &ticket, &values);
                values
            }
        }
    }

    fn find_stored(&self, name: &str, depth: u32) -> Rc<Values> {
        let env = &mut Environment::default();
        let mut union = Union::default();
        for binding in self.class_members.get(name).map_or(&[][..], Deref::deref) {
            union.add(self.bound(*binding, env, depth));
            self.fuel.spend(1);
        }
        for store in self.attribute_stores.get(name).map_or(&[][..], Vec::as_slice) {
            match store.value {
                Some(value) => {
                    let values = self.eval(value, env, depth);
                    union.add(self.as_used_attribute(name, value, (*values).clone()));
                }
                None => union.or_unknown(),
            }
            self.fuel.spend(1);
        }
        let values = union.finish(&self.common);
        let is_datum = |value: &Value| {
            !matches!(value, Value::Module(_) | Value::Member(_) | Value::Instance(_) | Value::Function(_))
        };
        if values.complete && values.known.iter().any(is_datum) && self.stores_by_name() {
            return Rc::new((*values).clone().incomplete());
        }
        values
    }
}
