//! A parsed source with its scopes, bindings and values: what a name may mean at a place, and what
//! an expression may be. Everything is an over-approximation that ignores the order of statements
//! (except where [`resolve`] says so), so "may be" errs on the side of finding more.

mod attributes;
mod bindings;
mod build;
mod calls;
mod change;
mod eval;
mod fold;
mod fuel;
mod inert;
mod links;
mod memo;
mod prefix;
mod resolve;
mod value;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::hash_map::Entry;
use std::ops::Deref;
use std::rc::Rc;

use ruff_python_ast::name::Name;
use ruff_python_ast::{self as ast, Expr, HasNodeIndex, Pattern, Stmt};
use ruff_text_size::{TextRange, TextSize};
use rustc_hash::{FxHashMap, FxHashSet};

pub(crate) use fuel::Fuel;
pub(crate) use value::{Value, Values};

use links::Spelled;
use memo::Memo;
use value::Common;

macro_rules! id {
    ($name:ident) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) struct $name(u32);
        impl $name {
            fn next(len: usize) -> Self {
                // Sources are bounded far below 4 billion nodes.
                Self(u32::try_from(len).unwrap_or(u32::MAX))
            }
            const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(NodeId);
id!(ScopeId);
id!(BindingId);
id!(FunctionId);
id!(ClassId);

/// What binds one name. Nearly always that is one, which needs no allocation.
#[derive(Debug)]
pub(crate) enum Ids {
    One(BindingId),
    Many(Vec<BindingId>),
}

impl Ids {
    /// Adds to what a table holds under a name, if anything.
    fn add(table: &mut FxHashMap<Name, Self>, name: Name, id: BindingId) {
        match table.entry(name) {
            Entry::Vacant(place) => drop(place.insert(Self::One(id))),
            Entry::Occupied(mut place) => match place.get_mut() {
                Self::Many(many) => many.push(id),
                Self::One(first) => {
                    let first = *first;
                    place.insert(Self::Many(vec![first, id]));
                }
            },
        }
    }
}

impl Deref for Ids {
    type Target = [BindingId];

    fn deref(&self) -> &[BindingId] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Many(ids) => ids,
        }
    }
}

/// What an expression hangs on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Parent<'a> {
    Expr(&'a Expr),
    /// An argument by keyword, or `**`, of this call, or of a class.
    Keyword(Option<&'a ast::ExprCall>),
    Stmt(&'a Stmt),
    Decorator(&'a Stmt),
    Annotation,
    Pattern,
    Root,
}

#[derive(Debug)]
pub(crate) struct ExprInfo<'a> {
    pub(crate) expr: &'a Expr,
    pub(crate) scope: ScopeId,
    pub(crate) parent: Parent<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScopeKind {
    Module,
    Class(ClassId),
    Function(FunctionId),
    Comprehension,
}

#[derive(Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) kind: ScopeKind,
    pub(crate) parent: Option<ScopeId>,
    names: FxHashMap<Name, Ids>,
    globals: FxHashSet<&'a str>,
    nonlocals: FxHashSet<&'a str>,
    /// For name mangling: the innermost class around.
    class_name: Option<&'a str>,
}

/// Part of a value that a target takes when it unpacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The element at this index.
    Index(usize),
    /// Everything behind this index, as a list.
    Rest,
}

#[derive(Debug, Clone)]
pub(crate) enum BindingKind<'a> {
    /// A module under its own name or another.
    Import {
        module: Rc<str>,
    },
    ImportFrom {
        module: Rc<str>,
        member: &'a str,
    },
    Assign {
        value: &'a Expr,
        path: Rc<[Step]>,
    },
    /// An element of an iterable.
    Element {
        iterable: &'a Expr,
        path: Rc<[Step]>,
    },
    /// What a context manager enters as.
    With {
        context: &'a Expr,
        path: Rc<[Step]>,
    },
    Parameter {
        function: FunctionId,
        slot: Slot,
    },
    Function(FunctionId),
    Class(ClassId),
    /// Part of what is matched; the subject.
    Pattern {
        subject: &'a Expr,
    },
    Exception,
    /// `x += added`, whatever the operator.
    Augmented {
        added: &'a Expr,
    },
    Delete,
    /// Annotated without a value.
    Declared,
}

/// Which parameter a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// By position (from 0) or by name.
    Plain(usize),
    KeywordOnly,
    Variadic,
    Keywords,
}

#[derive(Debug, Clone)]
pub(crate) struct Binding<'a> {
    pub(crate) name: Name,
    pub(crate) kind: BindingKind<'a>,
    pub(crate) range: TextRange,
    /// From here on the name is bound.
    effective: TextSize,
    /// Whether it surely happens when the body of its scope runs.
    straight: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum FunctionNode<'a> {
    Def(&'a ast::StmtFunctionDef),
    Lambda(&'a ast::ExprLambda),
}

#[derive(Debug)]
pub(crate) struct Function<'a> {
    pub(crate) node: FunctionNode<'a>,
    pub(crate) scope: ScopeId,
    /// The class whose body defines it.
    pub(crate) class: Option<ClassId>,
    pub(crate) returns: Vec<&'a Expr>,
    /// It has a `yield`, so calling it does not return what it returns.
    pub(crate) generator: bool,
    /// Calls that name it directly.
    pub(crate) calls: Vec<&'a ast::ExprCall>,
}

impl<'a> Function<'a> {
    pub(crate) fn parameters(&self) -> Option<&'a ast::Parameters> {
        match self.node {
            FunctionNode::Def(def) => Some(&def.parameters),
            FunctionNode::Lambda(lambda) => lambda.parameters.as_deref(),
        }
    }

    pub(crate) fn name(&self) -> &'a str {
        match self.node {
            FunctionNode::Def(def) => def.name.as_str(),
            FunctionNode::Lambda(_) => "<lambda>",
        }
    }

    pub(crate) fn decorators(&self) -> &'a [ast::Decorator] {
        match self.node {
            FunctionNode::Def(def) => &def.decorator_list,
            FunctionNode::Lambda(_) => &[],
        }
    }
}

#[derive(Debug)]
pub(crate) struct Class<'a> {
    pub(crate) node: &'a ast::StmtClassDef,
    pub(crate) scope: ScopeId,
}

/// A store to an attribute, wherever it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttributeStore<'a> {
    pub(crate) target: &'a ast::ExprAttribute,
    pub(crate) value: Option<&'a Expr>,
}

/// A source with everything that is known of it.
#[derive(Debug)]
pub(crate) struct Module<'a> {
    pub(crate) body: &'a [Stmt],
    pub(crate) exprs: Vec<ExprInfo<'a>>,
    pub(crate) stmts: Vec<(&'a Stmt, ScopeId)>,
    pub(crate) patterns: Vec<(&'a Pattern, ScopeId)>,
    pub(crate) scopes: Vec<Scope<'a>>,
    pub(crate) bindings: Vec<Binding<'a>>,
    pub(crate) functions: Vec<Function<'a>>,
    pub(crate) classes: Vec<Class<'a>>,
    pub(crate) attribute_stores: FxHashMap<&'a str, Vec<AttributeStore<'a>>>,
    /// Names of attributes that this source makes: stores, methods, class bodies, fields.
    pub(crate) own_attributes: FxHashSet<Name>,
    /// The source around a piece of code in a string.
    pub(crate) outer: Option<&'a Module<'a>>,
    /// Modules whose public names were imported with a star, wherever that was, each once.
    stars: Vec<Rc<str>>,
    /// Before this place nothing runs that could call a function of this source.
    inert_until: TextSize,
    /// What class bodies bind, by name, over all classes.
    class_members: FxHashMap<Name, Ids>,
    /// The names that either of these two has, numbered.
    stored: FxHashMap<Name, usize>,
    lambdas: FxHashMap<NodeId, FunctionId>,
    /// Expressions by what they read, once that is asked.
    spelled: OnceCell<Spelled>,
    /// Whether a container that a binding holds may be changed, as far as that was asked.
    changed: RefCell<FxHashMap<BindingId, bool>>,
    /// Whether attributes are stored by names that are not written with a dot.
    by_name: OnceCell<bool>,
    fuel: Rc<Fuel>,
    memo: Memo,
    builtins: RefCell<FxHashMap<Box<str>, Rc<Values>>>,
    /// How many calls deep evaluation is.
    calls: Cell<u32>,
    /// The function that the innermost of these calls follows.
    followed: Cell<Option<FunctionId>>,
    common: Common,
}

impl<'a> Module<'a> {
    /// Analyses a source, or a piece of code in a string of the source `outer`. What it and the rules
    /// cost is taken from `fuel`; once that is spent no answer counts.
    pub(crate) fn new(body: &'a [Stmt], outer: Option<&'a Module<'a>>, fuel: &Rc<Fuel>) -> Self {
        let mut module = build::build(body, outer, fuel);
        module.number_stored();
        module.memo = module.empty_memo();
        module.inert_until = module.first_active_statement();
        module.link_calls();
        // What was found before the calls were known is not all.
        module.memo.forget();
        module
    }

    fn number_stored(&mut self) {
        for name in self.class_members.keys() {
            self.stored.insert(name.clone(), self.stored.len());
        }
        for name in self.attribute_stores.keys() {
            if !self.stored.contains_key(*name) {
                self.stored.insert(Name::new(name), self.stored.len());
            }
        }
    }

    fn empty_memo(&self) -> Memo {
        Memo::for_sizes(self.exprs.len(), self.bindings.len(), self.functions.len(), self.stored.len())
    }

    #[inline]
    pub(crate) fn fuel(&self) -> &Rc<Fuel> {
        &self.fuel
    }

    /// Every expression, for a rule that goes through all of them to judge one. That has its price.
    pub(crate) fn all_exprs(&self) -> &[ExprInfo<'a>] {
        self.fuel.spend_for(self.exprs.len() / 2);
        &self.exprs
    }

    pub(crate) fn all_functions(&self) -> &[Function<'a>] {
        self.fuel.spend_for(self.functions.len() / 2);
        &self.functions
    }

    pub(crate) fn all_classes(&self) -> impl Iterator<Item = (ClassId, &Class<'a>)> {
        self.fuel.spend_for(self.classes.len());
        self.classes.iter().enumerate().map(|(index, class)| (ClassId::next(index), class))
    }

    pub(crate) fn all_bindings(&self) -> &[Binding<'a>] {
        self.fuel.spend_for(self.bindings.len() / 2);
        &self.bindings
    }

    #[inline]
    pub(crate) fn id(&self, expr: &Expr) -> Option<NodeId> {
        expr.node_index().load().as_u32().map(NodeId).filter(|id| id.index() < self.exprs.len())
    }

    /// The expression that a call is.
    pub(crate) fn expr_of(&self, call: &ast::ExprCall) -> Option<&'a Expr> {
        call.node_index.load().as_u32().and_then(|id| self.node(NodeId(id)))
    }

    #[inline]
    pub(crate) fn info(&self, expr: &Expr) -> Option<&ExprInfo<'a>> {
        self.id(expr).and_then(|id| self.exprs.get(id.index()))
    }

    pub(crate) fn node(&self, id: NodeId) -> Option<&'a Expr> {
        self.exprs.get(id.index()).map(|info| info.expr)
    }

    #[inline]
    pub(crate) fn parent(&self, expr: &Expr) -> Parent<'a> {
        self.info(expr).map_or(Parent::Root, |info| info.parent)
    }

    /// The call whose callee this expression is.
    pub(crate) fn called_by(&self, expr: &Expr) -> Option<&'a ast::ExprCall> {
        match self.parent(expr) {
            Parent::Expr(Expr::Call(call)) if std::ptr::eq(&raw const *call.func, expr) => Some(call),
            _ => None,
        }
    }

    /// The scope of the module itself.
    pub(crate) const fn root(&self) -> ScopeId {
        ScopeId(0)
    }

    #[inline]
    pub(crate) fn scope(&self, id: ScopeId) -> &Scope<'a> {
        &self.scopes[id.index()]
    }

    pub(crate) fn function(&self, id: FunctionId) -> &Function<'a> {
        &self.functions[id.index()]
    }

    pub(crate) fn class(&self, id: ClassId) -> &Class<'a> {
        &self.classes[id.index()]
    }

    #[inline]
    pub(crate) fn binding(&self, id: BindingId) -> &Binding<'a> {
        &self.bindings[id.index()]
    }

    /// The function around a scope.
    pub(crate) fn enclosing_function(&self, mut scope: ScopeId) -> Option<FunctionId> {
        loop {
            let here = self.scope(scope);
            if let ScopeKind::Function(function) = here.kind {
                return Some(function);
            }
            scope = here.parent?;
        }
    }

    /// What binds a name in a scope itself.
    pub(crate) fn bindings_in(&self, scope: ScopeId, name: &str) -> &[BindingId] {
        self.scope(scope).names.get(name).map_or(&[], Deref::deref)
    }

    /// Bindings of a class body by name.
    pub(crate) fn class_bindings(&self, class: ClassId, name: &str) -> &[BindingId] {
        self.bindings_in(self.class(class).scope, name)
    }

    /// `__x` within `class C` is `_C__x`.
    #[inline]
    pub(crate) fn mangled(&self, name: &str, scope: ScopeId) -> Option<String> {
        if name.starts_with("__") { self.mangled_private(name, scope) } else { None }
    }

    fn mangled_private(&self, name: &str, scope: ScopeId) -> Option<String> {
        if name.ends_with("__") || name.contains('.') {
            return None;
        }
        let class = self.scope(scope).class_name?.trim_start_matches('_');
        (!class.is_empty()).then(|| format!("_{class}{name}"))
    }

    /// Functions that the body of a class binds to a name.
    pub(crate) fn methods(&self, class: ClassId, name: &str) -> impl Iterator<Item = FunctionId> + '_ {
        self.class_bindings(class, name).iter().filter_map(|binding| match self.binding(*binding).kind {
            BindingKind::Function(function) => Some(function),
            _ => None,
        })
    }

    pub(crate) fn lambda(&self, lambda: &ast::ExprLambda) -> Option<FunctionId> {
        lambda.node_index.load().as_u32().and_then(|id| self.lambdas.get(&NodeId(id)).copied())
    }
}
