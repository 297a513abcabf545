//! What was computed before, and when it may be used again.
//!
//! A value may have been found in a context that does not hold elsewhere, for two reasons. Within a
//! call the parameters have the values of that call: such a value carries the parameters that it
//! [depends](Dependencies) on and counts only where none of them is set. And a name may depend on
//! itself: where a value that is still being computed is needed it is taken to be unknown, and
//! what came of that is kept only for the thing whose computation went round, not for what lies
//! on the way.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::{BindingId, FunctionId, NodeId, Values};

/// A set of parameters and loop variables, by a bit of their numbers. It may name more of them than
/// meant, which costs time and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Dependencies(u64);

impl Dependencies {
    pub(super) fn on(binding: BindingId) -> Self {
        Self(1 << (binding.0 % 64))
    }

    const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Parameters and loop variables with the values that they have on this path.
#[derive(Debug, Default)]
pub(super) struct Environment {
    set: Vec<(BindingId, Rc<Values>)>,
    mask: Dependencies,
    /// Other bindings, as far as they were computed with these.
    memo: FxHashMap<BindingId, Answer>,
}

impl Environment {
    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    pub(super) fn get(&self, binding: BindingId) -> Option<&Rc<Values>> {
        if !self.mask.meets(Dependencies::on(binding)) {
            return None;
        }
        self.set.iter().rev().find(|(id, _)| *id == binding).map(|(_, values)| values)
    }

    pub(super) fn push(&mut self, binding: BindingId, values: Rc<Values>) {
        self.set.push((binding, values));
        self.changed();
    }

    pub(super) fn pop(&mut self) {
        self.set.pop();
        self.changed();
    }

    fn changed(&mut self) {
        self.memo.clear();
        self.mask =
            self.set.iter().fold(Dependencies::default(), |mask, (id, _)| mask.with(Dependencies::on(*id)));
    }
}

#[derive(Debug, Clone)]
struct Answer {
    values: Rc<Values>,
    depends: Dependencies,
}

#[derive(Debug, Clone, Default)]
enum Slot {
    #[default]
    Empty,
    /// Being computed, as the so-manieth of those that are.
    Open(u32),
    Done(Answer),
}

/// What is found under a key.
pub(super) enum Lookup {
    Known(Rc<Values>),
    /// It depends on itself.
    Open,
    New(Ticket),
}

/// That a thing is being computed. Given back with the answer.
pub(super) struct Ticket {
    position: u32,
    before: Notes,
    /// The answer that holds where the environment does not matter.
    general: Option<Answer>,
}

/// What is noted while something is computed.
#[derive(Debug, Clone, Copy)]
struct Notes {
    depends: Dependencies,
    /// The outermost of the open computations whose value was needed and taken to be unknown;
    /// 0 where a limit cut the computation short.
    low: u32,
}

const CLEAN: u32 = u32::MAX;
const FRESH: Notes = Notes { depends: Dependencies(0), low: CLEAN };

#[derive(Debug)]
pub(super) struct Memo {
    /// What each expression is, for who asks from outside of any computation. That never changes, so
    /// it is lent out.
    settled: Vec<OnceCell<Rc<Values>>>,
    exprs: RefCell<Vec<Option<Answer>>>,
    bindings: RefCell<Vec<Slot>>,
    returned: RefCell<Vec<Slot>>,
    stored: RefCell<Vec<Slot>>,
    open: Cell<u32>,
    notes: Cell<Notes>,
}

impl Default for Memo {
    fn default() -> Self {
        Self::for_sizes(0, 0, 0, 0)
    }
}

impl Memo {
    pub(super) fn for_sizes(exprs: usize, bindings: usize, functions: usize, stored: usize) -> Self {
        Self {
            settled: vec![OnceCell::new(); exprs],
            exprs: RefCell::new(vec![None; exprs]),
            bindings: RefCell::new(vec![Slot::Empty; bindings]),
            returned: RefCell::new(vec![Slot::Empty; functions]),
            stored: RefCell::new(vec![Slot::Empty; stored]),
            open: Cell::new(0),
            notes: Cell::new(FRESH),
        }
    }

    /// Forgets every answer, because what they rest on has changed.
    pub(super) fn forget(&mut self) {
        self.settled.fill(OnceCell::new());
        self.exprs.get_mut().fill(None);
        self.bindings.get_mut().fill(Slot::Empty);
        self.returned.get_mut().fill(Slot::Empty);
        self.stored.get_mut().fill(Slot::Empty);
    }

    #[inline]
    fn note(&self, depends: Dependencies, low: u32) {
        let notes = self.notes.get();
        self.notes.set(Notes { depends: notes.depends.with(depends), low: notes.low.min(low) });
    }

    /// The value that is being computed depends on what this binding is set to.
    #[inline]
    pub(super) fn depend_on(&self, binding: BindingId) {
        self.note(Dependencies::on(binding), CLEAN);
    }

    /// The value that is being computed would be another without a limit.
    pub(super) fn cut(&self) {
        self.note(Dependencies::default(), 0);
    }

    /// Computes something whose value does not depend on the environment around it.
    pub(super) fn apart<T>(&self, compute: impl FnOnce() -> T) -> T {
        let before = self.notes.get();
        let result = compute();
        self.notes.set(Notes { depends: before.depends, ..self.notes.get() });
        result
    }

    /// The place for what an expression is when nothing else is being computed.
    #[inline]
    pub(super) fn settled(&self, id: NodeId) -> Option<&OnceCell<Rc<Values>>> {
        self.settled.get(id.index())
    }

    /// What was found on the way to something else, and holds everywhere.
    pub(super) fn found(&self, id: NodeId) -> Option<Rc<Values>> {
        let exprs = self.exprs.borrow();
        exprs.get(id.index())?.as_ref().map(|answer| Rc::clone(&answer.values))
    }

    #[inline]
    pub(super) fn expr(&self, id: NodeId, env: &Environment) -> Option<Rc<Values>> {
        let exprs = self.exprs.borrow();
        let answer = exprs.get(id.index())?.as_ref()?;
        if answer.depends.meets(env.mask) {
            return None;
        }
        self.note(answer.depends, CLEAN);
        Some(Rc::clone(&answer.values))
    }

    /// Computes the value of an expression, and keeps it if it holds outside of this computation too.
    pub(super) fn compute_expr(
        &self,
        id: Option<NodeId>,
        env: &mut Environment,
        compute: impl FnOnce(&mut Environment) -> Rc<Values>,
    ) -> Rc<Values> {
        let before = self.notes.replace(FRESH);
        let values = compute(env);
        let notes = self.notes.get();
        if let Some(id) = id
            && notes.low == CLEAN
            && !notes.depends.meets(env.mask)
        {
            self.keep_expr(id, &values, notes.depends);
        }
        self.notes.set(before);
        self.note(notes.depends, notes.low);
        values
    }

    fn keep_expr(&self, id: NodeId, values: &Rc<Values>, depends: Dependencies) {
        if let Some(slot) = self.exprs.borrow_mut().get_mut(id.index()) {
            *slot = Some(Answer { values: Rc::clone(values), depends });
        }
    }

    /// Keeps what an expression is when nothing else is being computed.
    pub(super) fn settle(&self, id: NodeId, values: &Rc<Values>) {
        let notes = self.notes.replace(FRESH);
        if self.exprs.borrow().get(id.index()).is_some_and(Option::is_none) {
            self.keep_expr(id, values, notes.depends);
        }
    }

    fn look_up(&self, slot: &mut Slot, mask: Dependencies) -> Lookup {
        match slot {
            Slot::Done(answer) if !answer.depends.meets(mask) => {
                self.note(answer.depends, CLEAN);
                return Lookup::Known(Rc::clone(&answer.values));
            }
            Slot::Open(position) => {
                self.note(Dependencies::default(), *position);
                return Lookup::Open;
            }
            Slot::Done(_) | Slot::Empty => {}
        }
        let position = self.open.get() + 1;
        self.open.set(position);
        let general = match std::mem::replace(slot, Slot::Open(position)) {
            Slot::Done(answer) => Some(answer),
            Slot::Empty | Slot::Open(_) => None,
        };
        Lookup::New(Ticket { position, before: self.notes.replace(FRESH), general })
    }

    /// Ends a computation: what is noted of it, seen from outside.
    fn close(&self, ticket: &Ticket) -> Notes {
        let inner = self.notes.get();
        self.open.set(ticket.position - 1);
        let low = if inner.low >= ticket.position { CLEAN } else { inner.low };
        self.notes.set(ticket.before);
        self.note(inner.depends, low);
        Notes { depends: inner.depends, low }
    }

    pub(super) fn binding(&self, id: BindingId, env: &Environment) -> Lookup {
        if let Some(answer) = env.memo.get(&id) {
            self.note(answer.depends, CLEAN);
            return Lookup::Known(Rc::clone(&answer.values));
        }
        match self.bindings.borrow_mut().get_mut(id.index()) {
            Some(slot) => self.look_up(slot, env.mask),
            None => Lookup::Open,
        }
    }

    /// `deep` says that so little depth was left that what a limit cut short is not worth keeping.
    pub(super) fn keep_binding(
        &self,
        id: BindingId,
        ticket: Ticket,
        values: &Rc<Values>,
        env: &mut Environment,
        deep: bool,
    ) {
        let notes = self.close(&ticket);
        let answer = Answer { values: Rc::clone(values), depends: notes.depends };
        let mut slot = ticket.general.map_or(Slot::Empty, Slot::Done);
        if deep && notes.low == 0 {
            // Found again when asked from elsewhere.
        } else if notes.depends.meets(env.mask) {
            env.memo.insert(id, answer);
        } else if env.is_empty() || notes.low == CLEAN {
            slot = Slot::Done(answer);
        } else {
            env.memo.insert(id, answer);
        }
        if let Some(place) = self.bindings.borrow_mut().get_mut(id.index()) {
            *place = slot;
        }
    }

    pub(super) fn returned(&self, id: FunctionId) -> Lookup {
        match self.returned.borrow_mut().get_mut(id.index()) {
            Some(slot) => self.look_up(slot, Dependencies::default()),
            None => Lookup::Open,
        }
    }

    pub(super) fn keep_returned(&self, id: FunctionId, ticket: &Ticket, values: &Rc<Values>) {
        let notes = self.close(ticket);
        if let Some(slot) = self.returned.borrow_mut().get_mut(id.index()) {
            *slot = Slot::Done(Answer { values: Rc::clone(values), depends: notes.depends });
        }
    }

    /// What is stored to attributes of the name with this number.
    pub(super) fn stored(&self, number: usize) -> Lookup {
        match self.stored.borrow_mut().get_mut(number) {
            Some(slot) => self.look_up(slot, Dependencies::default()),
            None => Lookup::Open,
        }
    }

    pub(super) fn keep_stored(&self, number: usize, ticket: &Ticket, values: &Rc<Values>) {
        let notes = self.close(ticket);
        if let Some(slot) = self.stored.borrow_mut().get_mut(number) {
            *slot = Slot::Done(Answer { values: Rc::clone(values), depends: notes.depends });
        }
    }
}
