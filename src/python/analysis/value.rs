//! What an expression may be, as far as that is known without running it.

use std::ops::Deref;
use std::rc::Rc;

use super::{ClassId, FunctionId};

/// One thing that an expression may be.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(i128),
    Str(Rc<str>),
    Bytes(Rc<[u8]>),
    /// A module, by its full name.
    Module(Rc<str>),
    /// An attribute of a module or a builtin, by its qualified name: `os.path.join`,
    /// `builtins.eval`.
    Member(Rc<str>),
    /// What calling the member of this name returns.
    Instance(Rc<str>),
    /// A tuple, list or set whose elements are known one by one.
    Sequence(Rc<[Values]>),
    /// Something that yields these, in unknown number and order.
    Elements(Rc<Values>),
    Dict(Rc<[(Values, Values)]>),
    Function(FunctionId),
    Class(ClassId),
    /// An instance of a class of this source.
    Object(ClassId),
    /// `functools.partial` of something.
    Partial(Rc<Values>),
}

/// Containers are equal only to themselves: comparing what they hold costs more than it tells.
impl PartialEq for Value {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Str(a), Self::Str(b))
            | (Self::Module(a), Self::Module(b))
            | (Self::Member(a), Self::Member(b))
            | (Self::Instance(a), Self::Instance(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Sequence(a), Self::Sequence(b)) => Rc::ptr_eq(a, b),
            (Self::Elements(a), Self::Elements(b)) | (Self::Partial(a), Self::Partial(b)) => Rc::ptr_eq(a, b),
            (Self::Dict(a), Self::Dict(b)) => Rc::ptr_eq(a, b),
            (Self::Function(a), Self::Function(b)) => a == b,
            (Self::Class(a), Self::Class(b)) | (Self::Object(a), Self::Object(b)) => a == b,
            _ => false,
        }
    }
}

/// What is told apart of what an expression may be: nearly always nothing or one value, which stands
/// where it is without an allocation of its own.
#[derive(Debug, Clone)]
pub(crate) enum Alternatives {
    None,
    One(Value),
    Many(Vec<Value>),
}

impl Alternatives {
    pub(crate) fn push(&mut self, value: Value) {
        match self {
            Self::None => *self = Self::One(value),
            Self::Many(many) => many.push(value),
            Self::One(_) => {
                if let Self::One(first) = std::mem::replace(self, Self::None) {
                    *self = Self::Many(vec![first, value]);
                }
            }
        }
    }

    fn retain(&mut self, keep: impl Fn(&Value) -> bool) {
        match self {
            Self::None => {}
            Self::One(value) => {
                if !keep(value) {
                    *self = Self::None;
                }
            }
            Self::Many(many) => many.retain(keep),
        }
    }
}

impl Deref for Alternatives {
    type Target = [Value];

    #[inline]
    fn deref(&self) -> &[Value] {
        match self {
            Self::None => &[],
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(many) => many,
        }
    }
}

impl PartialEq for Alternatives {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<'v> IntoIterator for &'v Alternatives {
    type Item = &'v Value;
    type IntoIter = std::slice::Iter<'v, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Alternatives {
    type Item = Value;
    type IntoIter = std::iter::Chain<std::option::IntoIter<Value>, std::vec::IntoIter<Value>>;

    fn into_iter(self) -> Self::IntoIter {
        let (one, many) = match self {
            Self::None => (None, Vec::new()),
            Self::One(value) => (Some(value), Vec::new()),
            Self::Many(many) => (None, many),
        };
        one.into_iter().chain(many)
    }
}

/// Everything that an expression may be. When `complete` is false it may be something else too.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Values {
    pub(crate) known: Alternatives,
    pub(crate) complete: bool,
}

/// More alternatives than this are no longer told apart.
const MAX_ALTERNATIVES: usize = 32;
/// Longest string that is computed, in bytes.
pub(crate) const MAX_TEXT: usize = 8192;
/// Longest sequence that is followed element by element.
pub(crate) const MAX_ELEMENTS: usize = 512;

impl Values {
    pub(crate) const fn unknown() -> Self {
        Self { known: Alternatives::None, complete: false }
    }

    pub(crate) fn one(value: Value) -> Self {
        Self { known: Alternatives::One(value), complete: true }
    }

    pub(crate) fn text(text: impl Into<Rc<str>>) -> Self {
        let text = text.into();
        // Lone surrogates and other damage arrive as U+FFFD: what the text is, is not known then.
        if text.len() > MAX_TEXT || text.contains('\u{fffd}') {
            Self::unknown()
        } else {
            Self::one(Value::Str(text))
        }
    }

    pub(crate) fn bytes(bytes: impl Into<Rc<[u8]>>) -> Self {
        let bytes = bytes.into();
        if bytes.len() > MAX_TEXT { Self::unknown() } else { Self::one(Value::Bytes(bytes)) }
    }

    pub(crate) fn member(name: impl Into<Rc<str>>) -> Self {
        Self::one(Value::Member(name.into()))
    }

    pub(crate) fn sequence(elements: Vec<Self>) -> Self {
        if elements.len() > MAX_ELEMENTS {
            let mut any = Self { known: Alternatives::None, complete: true };
            for element in elements {
                any.add(element);
            }
            return Self::one(Value::Elements(Rc::new(any)));
        }
        Self::one(Value::Sequence(elements.into()))
    }

    /// No value at all: the start of a union.
    pub(crate) const fn nothing() -> Self {
        Self::none_yet(true)
    }

    /// The start of a union that may hold something unknown already.
    pub(in crate::python) const fn none_yet(complete: bool) -> Self {
        Self { known: Alternatives::None, complete }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.complete &= other.complete;
        for value in other.known {
            if self.known.len() >= MAX_ALTERNATIVES {
                self.complete = false;
                return;
            }
            if !self.holds(&value) {
                self.known.push(value);
            }
        }
    }

    /// As `add`, of something that is kept elsewhere.
    pub(super) fn add_ref(&mut self, other: &Self) {
        self.complete &= other.complete;
        for value in &other.known {
            if self.known.len() >= MAX_ALTERNATIVES {
                self.complete = false;
                return;
            }
            if !self.holds(value) {
                self.known.push(value.clone());
            }
        }
    }

    /// Whether it may be this value. By far the most alternatives are texts, of which most differ in
    /// length.
    fn holds(&self, value: &Value) -> bool {
        match value {
            Value::Str(text) => self.known.iter().any(|known| match known {
                Value::Str(known) => known.len() == text.len() && known == text,
                _ => false,
            }),
            Value::Int(int) => {
                self.known.iter().any(|known| matches!(known, Value::Int(known) if known == int))
            }
            _ => {
                let kind = std::mem::discriminant(value);
                self.known.iter().any(|known| std::mem::discriminant(known) == kind && known == value)
            }
        }
    }

    /// Whether more alternatives would change nothing.
    pub(super) fn is_full(&self) -> bool {
        !self.complete && self.known.len() >= MAX_ALTERNATIVES
    }

    /// About how much it costs to look at all of it once, in steps.
    #[inline]
    pub(super) fn weight(&self) -> usize {
        let of_value = |value: &Value| match value {
            Value::Str(text) => 1 + text.len() / 32,
            Value::Bytes(bytes) => 1 + bytes.len() / 32,
            Value::Sequence(elements) => 1 + 2 * elements.len(),
            Value::Dict(items) => 1 + 4 * items.len(),
            Value::Elements(inner) | Value::Partial(inner) => 1 + inner.known.len(),
            _ => 1,
        };
        self.known.iter().map(of_value).sum()
    }

    #[must_use]
    pub(crate) fn incomplete(mut self) -> Self {
        self.complete = false;
        self
    }

    /// The one value that it can only be.
    #[inline]
    pub(crate) fn exactly(&self) -> Option<&Value> {
        match (self.complete, &*self.known) {
            (true, [value]) => Some(value),
            _ => None,
        }
    }

    /// The one text that it can only be.
    #[inline]
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self.exactly() {
            Some(Value::Str(text)) => Some(text),
            _ => None,
        }
    }

    /// Every text that it may be.
    #[inline]
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.known.iter().filter_map(|value| match value {
            Value::Str(text) => Some(&**text),
            _ => None,
        })
    }

    /// The qualified names that it may be.
    #[inline]
    pub(crate) fn members(&self) -> impl Iterator<Item = &Rc<str>> {
        self.known.iter().filter_map(|value| match value {
            Value::Member(name) => Some(name),
            _ => None,
        })
    }

    #[inline]
    pub(crate) fn modules(&self) -> impl Iterator<Item = &Rc<str>> {
        self.known.iter().filter_map(|value| match value {
            Value::Module(name) => Some(name),
            _ => None,
        })
    }

    /// What iterating over it yields, element by element where that is known.
    pub(crate) fn elements(&self) -> Option<Vec<Self>> {
        match self.exactly()? {
            Value::Sequence(elements) => Some(elements.to_vec()),
            Value::Dict(items) => Some(items.iter().map(|(key, _)| key.clone()).collect()),
            Value::Str(text) if text.len() <= MAX_ELEMENTS => {
                Some(text.chars().map(|c| Self::text(c.to_string())).collect())
            }
            Value::Bytes(bytes) if bytes.len() <= MAX_ELEMENTS => {
                Some(bytes.iter().map(|byte| Self::one(Value::Int(i128::from(*byte)))).collect())
            }
            _ => None,
        }
    }

    /// What an element of it may be.
    pub(crate) fn any_element(&self) -> Self {
        let mut any = Self { known: Alternatives::None, complete: self.complete && !self.known.is_empty() };
        for value in &self.known {
            match value {
                Value::Elements(elements) => any.add_ref(elements),
                Value::Sequence(elements) => elements.iter().for_each(|element| any.add_ref(element)),
                Value::Dict(items) => items.iter().for_each(|(key, _)| any.add_ref(key)),
                _ => match Self::one(value.clone()).elements() {
                    Some(elements) => elements.into_iter().for_each(|element| any.add(element)),
                    None => any.complete = false,
                },
            }
        }
        any
    }

    /// What survives when it leaves the source that its functions and classes belong to.
    #[must_use]
    pub(crate) fn portable(mut self) -> Self {
        let before = self.known.len();
        self.known.retain(|value| {
            matches!(
                value,
                Value::None
                    | Value::Bool(_)
                    | Value::Int(_)
                    | Value::Str(_)
                    | Value::Bytes(_)
                    | Value::Module(_)
                    | Value::Member(_)
                    | Value::Instance(_)
            )
        });
        self.complete &= self.known.len() == before;
        self
    }
}

/// The answers that nearly every source has thousands of, made once.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) unknown: Rc<Values>,
    pub(super) nothing: Rc<Values>,
    pub(super) none: Rc<Values>,
    pub(super) yes: Rc<Values>,
    pub(super) no: Rc<Values>,
}

impl Default for Common {
    fn default() -> Self {
        Self {
            unknown: Rc::new(Values::unknown()),
            nothing: Rc::new(Values::nothing()),
            none: Rc::new(Values::one(Value::None)),
            yes: Rc::new(Values::one(Value::Bool(true))),
            no: Rc::new(Values::one(Value::Bool(false))),
        }
    }
}

/// Puts together what an expression may be, without copying where there is only one part.
#[derive(Debug, Default)]
pub(super) struct Union {
    only: Option<Rc<Values>>,
    many: Option<Values>,
    incomplete: bool,
}

impl Union {
    pub(super) fn add(&mut self, values: impl Into<Rc<Values>>) {
        let values = values.into();
        if values.known.is_empty() && (self.only.is_some() || self.many.is_some()) {
            self.incomplete |= !values.complete;
        } else if let Some(many) = &mut self.many {
            many.add_ref(&values);
        } else if let Some(only) = self.only.take() {
            if only.known.is_empty() {
                self.incomplete |= !only.complete;
                self.only = Some(values);
            } else {
                let mut many = (*only).clone();
                many.add_ref(&values);
                self.many = Some(many);
            }
        } else {
            self.only = Some(values);
        }
    }

    /// It may be something else too.
    pub(super) fn or_unknown(&mut self) {
        self.incomplete = true;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.only.as_ref().is_none_or(|only| only.known.is_empty())
            && self.many.as_ref().is_none_or(|many| many.known.is_empty())
    }

    /// Whether more alternatives would change nothing.
    pub(super) fn is_full(&self) -> bool {
        let parts = self.only.as_deref().or(self.many.as_ref());
        parts.is_some_and(|parts| {
            (self.incomplete || !parts.complete) && parts.known.len() >= MAX_ALTERNATIVES
        })
    }

    pub(super) fn finish(self, common: &Common) -> Rc<Values> {
        let values = match (self.only, self.many) {
            (Some(only), _) => only,
            (None, Some(many)) => Rc::new(many),
            (None, None) => Rc::clone(&common.nothing),
        };
        if !self.incomplete || !values.complete {
            return values;
        }
        if values.known.is_empty() {
            return Rc::clone(&common.unknown);
        }
        Rc::new((*values).clone().incomplete())
    }
}
