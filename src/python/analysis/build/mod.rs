//! One walk over the tree that numbers the expressions and records scopes, bindings, functions,
//! classes and stores to attributes.

mod bind;
mod visit;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextSize};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Common, Fuel, Function, FunctionId, FunctionNode, Memo, Module, Parent, Scope, ScopeId, ScopeKind, Step,
};

/// About how many bytes of source there are for each expression, each statement and each binding.
const BYTES: (usize, usize, usize) = (20, 90, 120);

pub(super) fn build<'a>(body: &'a [Stmt], outer: Option<&'a Module<'a>>, fuel: &Rc<Fuel>) -> Module<'a> {
    let length = body.last().map_or(0, |last| last.end().to_usize());
    let module = Module {
        body,
        exprs: Vec::with_capacity(length / BYTES.0),
        stmts: Vec::with_capacity(length / BYTES.1),
        patterns: Vec::new(),
        scopes: Vec::new(),
        bindings: Vec::with_capacity(length / BYTES.2),
        functions: Vec::new(),
        classes: Vec::new(),
        attribute_stores: FxHashMap::default(),
        own_attributes: FxHashSet::default(),
        outer,
        stars: Vec::new(),
        inert_until: TextSize::new(0),
        class_members: FxHashMap::default(),
        stored: FxHashMap::default(),
        lambdas: FxHashMap::default(),
        spelled: OnceCell::new(),
        changed: RefCell::default(),
        by_name: OnceCell::new(),
        fuel: Rc::clone(fuel),
        memo: Memo::default(),
        builtins: RefCell::default(),
        calls: Cell::new(0),
        followed: Cell::new(None),
        common: Common::default(),
    };
    let mut builder = Builder {
        module,
        scope: ScopeId(0),
        parent: Parent::Root,
        end: TextSize::new(0),
        straight: true,
        subject: None,
        whole: [].into(),
    };
    builder.open(ScopeKind::Module, None);
    builder.visit_body(body);
    builder.module
}

struct Builder<'a> {
    module: Module<'a>,
    scope: ScopeId,
    parent: Parent<'a>,
    /// Where the current statement ends.
    end: TextSize,
    /// Whether the current statement surely runs when the body of its scope does.
    straight: bool,
    /// What the innermost `match` looks at.
    subject: Option<&'a Expr>,
    /// The path of a target that takes the whole value, which nearly all do.
    whole: Rc<[Step]>,
}

impl<'a> Builder<'a> {
    fn open(&mut self, kind: ScopeKind, class_name: Option<&'a str>) -> ScopeId {
        let id = ScopeId::next(self.module.scopes.len());
        let parent = (!self.module.scopes.is_empty()).then_some(self.scope);
        let inherited = parent.and_then(|parent| self.module.scope(parent).class_name);
        self.module.scopes.push(Scope {
            kind,
            parent,
            names: FxHashMap::default(),
            globals: FxHashSet::default(),
            nonlocals: FxHashSet::default(),
            class_name: class_name.or(inherited),
        });
        self.scope = id;
        id
    }

    fn within(&mut self, scope: ScopeId, visit: impl FnOnce(&mut Self)) {
        let saved = (self.scope, self.straight, self.parent);
        self.scope = scope;
        self.straight = true;
        visit(self);
        (self.scope, self.straight, self.parent) = saved;
    }

    fn path(&self, steps: &[Step]) -> Rc<[Step]> {
        if steps.is_empty() { Rc::clone(&self.whole) } else { steps.into() }
    }

    fn under(&mut self, parent: Parent<'a>, visit: impl FnOnce(&mut Self)) {
        let saved = self.parent;
        self.parent = parent;
        visit(self);
        self.parent = saved;
    }

    fn maybe(&mut self, visit: impl FnOnce(&mut Self)) {
        let saved = self.straight;
        self.straight = false;
        visit(self);
        self.straight = saved;
    }

    fn function(&mut self, node: FunctionNode<'a>) -> FunctionId {
        let id = FunctionId::next(self.module.functions.len());
        let class = match self.module.scope(self.scope).kind {
            ScopeKind::Class(class) => Some(class),
            ScopeKind::Module | ScopeKind::Function(_) | ScopeKind::Comprehension => None,
        };
        self.module.functions.push(Function {
            node,
            scope: self.scope,
            class,
            returns: Vec::new(),
            generator: false,
            calls: Vec::new(),
        });
        id
    }

    fn inside_function(&mut self, id: FunctionId, parameters: Option<&'a ast::Parameters>, body: &'a [Stmt]) {
        let saved = self.scope;
        let scope = self.open(ScopeKind::Function(id), None);
        self.scope = saved;
        if let Some(function) = self.module.functions.get_mut(id.index()) {
            function.scope = scope;
        }
        if let Some(parameters) = parameters {
            self.parameters(parameters, id, scope);
        }
        self.declarations(body, scope);
        self.within(scope, |builder| builder.visit_body(body));
    }

    /// `global` and `nonlocal` hold for a whole body, so they are read before it.
    fn declarations(&mut self, body: &'a [Stmt], scope: ScopeId) {
        struct Declarations<'s, 'a>(&'s mut Scope<'a>);
        impl<'a> Visitor<'a> for Declarations<'_, 'a> {
            fn visit_stmt(&mut self, stmt: &'a Stmt) {
                match stmt {
                    Stmt::Global(global) => {
                        self.0.globals.extend(global.names.iter().map(|name| name.as_str()));
                    }
                    Stmt::Nonlocal(outer) => {
                        self.0.nonlocals.extend(outer.names.iter().map(|name| name.as_str()));
                    }
                    Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
                    _ => visitor::walk_stmt(self, stmt),
                }
            }
            fn visit_expr(&mut self, _: &'a Expr) {}
        }
        if let Some(scope) = self.module.scopes.get_mut(scope.index()) {
            Declarations(scope).visit_body(body);
        }
    }
}
