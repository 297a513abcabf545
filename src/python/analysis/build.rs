//! One walk over the tree that numbers the expressions and records scopes, bindings, functions,
//! classes and stores to attributes.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use ruff_python_ast::name::Name;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, ExprContext, HasNodeIndex, NodeIndex, Pattern, Stmt};
use ruff_text_size::{Ranged, TextRange, TextSize};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    AttributeStore, Binding, BindingId, BindingKind, Class, ClassId, Common, ExprInfo, Fuel, Function,
    FunctionId, FunctionNode, Ids, Memo, Module, NodeId, Parent, Scope, ScopeId, ScopeKind, Slot, Step,
};
use crate::python::stdlib;

/// About how many bytes of source there are for each expression, and for each statement.
const BYTES: (usize, usize) = (20, 90);

pub(super) fn build<'a>(body: &'a [Stmt], outer: Option<&'a Module<'a>>, fuel: &Rc<Fuel>) -> Module<'a> {
    let length = body.last().map_or(0, |last| last.end().to_usize());
    let module = Module {
        body,
        exprs: Vec::with_capacity(length / BYTES.0),
        stmts: Vec::with_capacity(length / BYTES.1),
        patterns: Vec::new(),
        scopes: Vec::new(),
        bindings: Vec::new(),
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

    /// Binds a name where the rules of `global`, `nonlocal` and mangling say.
    fn bind(&mut self, name: &'a str, kind: BindingKind<'a>, range: TextRange) {
        let mut owner = self.scope;
        let mut straight = self.straight;
        // A walrus within a comprehension binds around it; the targets of the comprehension bind
        // in its own scope, through `bind_in`.
        while self.module.scope(owner).kind == ScopeKind::Comprehension {
            straight = false;
            match self.module.scope(owner).parent {
                Some(parent) => owner = parent,
                None => break,
            }
        }
        let name: Name = match self.module.mangled(name, owner) {
            Some(mangled) => mangled.into(),
            None => Name::new(name),
        };
        if self.module.scope(owner).globals.contains(&*name) {
            straight &= owner == ScopeId(0);
            owner = ScopeId(0);
        } else if self.module.scope(owner).nonlocals.contains(&*name) {
            straight = false;
            let mut outer = self.module.scope(owner).parent;
            while let Some(id) = outer {
                let scope = self.module.scope(id);
                if matches!(scope.kind, ScopeKind::Function(_)) && scope.names.contains_key(name.as_str()) {
                    owner = id;
                    break;
                }
                outer = scope.parent;
            }
        }
        self.bind_in(owner, name, kind, range, straight);
    }

    fn bind_in(
        &mut self,
        owner: ScopeId,
        name: Name,
        kind: BindingKind<'a>,
        range: TextRange,
        straight: bool,
    ) {
        let id = BindingId::next(self.module.bindings.len());
        if matches!(self.module.scope(owner).kind, ScopeKind::Class(_)) {
            self.module.own_attributes.insert(name.clone());
            Ids::add(&mut self.module.class_members, name.clone(), id);
        }
        self.module.bindings.push(Binding {
            name: name.clone(),
            kind,
            range,
            effective: self.end.max(range.end()),
            straight,
        });
        if let Some(scope) = self.module.scopes.get_mut(owner.index()) {
            Ids::add(&mut scope.names, name, id);
        }
    }

    /// Binds every name of a target, each with the part of the value that it takes.
    fn bind_target(&mut self, target: &'a Expr, make: &dyn Fn(Rc<[Step]>) -> BindingKind<'a>, path: &[Step]) {
        match target {
            Expr::Name(name) => self.bind(name.id.as_str(), make(self.path(path)), name.range),
            Expr::Tuple(ast::ExprTuple { elts, .. }) | Expr::List(ast::ExprList { elts, .. }) => {
                let mut starred = false;
                for (index, element) in elts.iter().enumerate() {
                    let mut inner = path.to_vec();
                    // Behind a star the distance to the end is known, the index is not.
                    inner.push(if starred { Step::Rest } else { Step::Index(index) });
                    if let Expr::Starred(star) = element {
                        starred = true;
                        let mut rest = path.to_vec();
                        rest.push(Step::Rest);
                        self.bind_target(&star.value, make, &rest);
                    } else {
                        self.bind_target(element, make, &inner);
                    }
                }
            }
            Expr::Starred(star) => self.bind_target(&star.value, make, path),
            Expr::Attribute(attribute) => {
                let value = match make(self.path(path)) {
                    BindingKind::Assign { value, path } if path.is_empty() => Some(value),
                    _ => None,
                };
                self.store_attribute(attribute, value);
            }
            _ => {}
        }
    }

    fn store_attribute(&mut self, target: &'a ast::ExprAttribute, value: Option<&'a Expr>) {
        let name = target.attr.as_str();
        let mangled = self.module.mangled(name, self.scope);
        self.module.own_attributes.insert(mangled.map_or_else(|| Name::new(name), Name::from));
        self.module.attribute_stores.entry(name).or_default().push(AttributeStore { target, value });
    }

    fn parameters(&mut self, parameters: &'a ast::Parameters, function: FunctionId, scope: ScopeId) {
        let mut position = 0;
        let plain = parameters.posonlyargs.iter().chain(&parameters.args);
        let all = plain
            .map(|parameter| {
                position += 1;
                (&parameter.parameter, Slot::Plain(position - 1))
            })
            .chain(parameters.kwonlyargs.iter().map(|parameter| (&parameter.parameter, Slot::KeywordOnly)))
            .chain(parameters.vararg.iter().map(|parameter| (&**parameter, Slot::Variadic)))
            .chain(parameters.kwarg.iter().map(|parameter| (&**parameter, Slot::Keywords)))
            .collect::<Vec<_>>();
        for (parameter, slot) in all {
            let name = parameter.name.as_str();
            let name = self.module.mangled(name, scope).map_or_else(|| Name::new(name), Name::from);
            let kind = BindingKind::Parameter { function, slot };
            self.bind_in(scope, name, kind, parameter.name.range, true);
        }
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

    fn comprehension(&mut self, generators: &'a [ast::Comprehension], results: [Option<&'a Expr>; 2]) {
        if let Some(first) = generators.first() {
            self.visit_expr(&first.iter);
        }
        let saved = self.scope;
        let scope = self.open(ScopeKind::Comprehension, None);
        self.scope = saved;
        self.within(scope, |builder| {
            for (index, generator) in generators.iter().enumerate() {
                if index > 0 {
                    builder.visit_expr(&generator.iter);
                }
                builder.comprehension_target(&generator.target, &generator.iter, scope, &mut Vec::new());
                builder.visit_expr(&generator.target);
                for test in &generator.ifs {
                    builder.visit_expr(test);
                }
            }
            for result in results.into_iter().flatten() {
                builder.visit_expr(result);
            }
        });
    }

    fn comprehension_target(
        &mut self,
        target: &'a Expr,
        iterable: &'a Expr,
        scope: ScopeId,
        path: &mut Vec<Step>,
    ) {
        match target {
            Expr::Name(name) => {
                let kind = BindingKind::Element { iterable, path: self.path(path) };
                self.bind_in(scope, name.id.clone(), kind, name.range, true);
            }
            Expr::Tuple(ast::ExprTuple { elts, .. }) | Expr::List(ast::ExprList { elts, .. }) => {
                for (index, element) in elts.iter().enumerate() {
                    path.push(if element.is_starred_expr() { Step::Rest } else { Step::Index(index) });
                    self.comprehension_target(element, iterable, scope, path);
                    path.pop();
                }
            }
            Expr::Starred(star) => self.comprehension_target(&star.value, iterable, scope, path),
            Expr::Attribute(attribute) => self.store_attribute(attribute, None),
            _ => {}
        }
    }

    fn import(&mut self, alias: &'a ast::Alias) {
        let full = alias.name.as_str();
        match &alias.asname {
            Some(name) => {
                let kind = BindingKind::Import { module: full.into() };
                self.bind(name.as_str(), kind, alias.range);
            }
            None => {
                let root = full.split('.').next().unwrap_or(full);
                let kind = BindingKind::Import { module: root.into() };
                self.bind(root, kind, alias.range);
            }
        }
    }

    fn import_from(&mut self, import: &'a ast::StmtImportFrom) {
        let module: Rc<str> = if import.level > 0 {
            // Relative: there is no package around a single file.
            "".into()
        } else {
            import.module.as_deref().unwrap_or_default().into()
        };
        for alias in &import.names {
            if alias.name.as_str() == "*" {
                // What others export is not known, so nothing is ever found there.
                let stars = &mut self.module.stars;
                if stdlib::has_known_exports(&module) && !stars.contains(&module) {
                    stars.push(Rc::clone(&module));
                }
                continue;
            }
            let kind = BindingKind::ImportFrom { module: Rc::clone(&module), member: alias.name.as_str() };
            let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
            self.bind(name, kind, alias.range);
        }
    }
}

impl<'a> Visitor<'a> for Builder<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        let saved = (self.parent, self.end);
        self.parent = Parent::Stmt(stmt);
        self.end = stmt.end();
        self.module.stmts.push((stmt, self.scope));
        match stmt {
            Stmt::FunctionDef(def) => {
                for decorator in &def.decorator_list {
                    self.under(Parent::Decorator(stmt), |b| b.visit_expr(&decorator.expression));
                }
                if let Some(parameters) = &def.type_params {
                    self.visit_type_params(parameters);
                }
                crate::python::parse::visit_around_parameters(self, &def.parameters);
                if let Some(returns) = &def.returns {
                    self.visit_annotation(returns);
                }
                let id = self.function(FunctionNode::Def(def));
                self.bind(def.name.as_str(), BindingKind::Function(id), def.name.range);
                self.inside_function(id, Some(&def.parameters), &def.body);
            }
            Stmt::ClassDef(def) => {
                for decorator in &def.decorator_list {
                    self.under(Parent::Decorator(stmt), |b| b.visit_expr(&decorator.expression));
                }
                if let Some(parameters) = &def.type_params {
                    self.visit_type_params(parameters);
                }
                for base in def.bases() {
                    self.visit_expr(base);
                }
                for keyword in def.keywords() {
                    self.under(Parent::Keyword(None), |b| b.visit_expr(&keyword.value));
                }
                let id = ClassId::next(self.module.classes.len());
                self.bind(def.name.as_str(), BindingKind::Class(id), def.name.range);
                let outer = self.scope;
                let scope = self.open(ScopeKind::Class(id), Some(def.name.as_str()));
                self.scope = outer;
                self.module.classes.push(Class { node: def, scope });
                self.declarations(&def.body, scope);
                self.within(scope, |builder| builder.visit_body(&def.body));
            }
            Stmt::Return(ast::StmtReturn { value, .. }) => {
                if let (Some(value), Some(function)) =
                    (value.as_deref(), self.module.enclosing_function(self.scope))
                    && let Some(function) = self.module.functions.get_mut(function.index())
                {
                    function.returns.push(value);
                }
                visitor::walk_stmt(self, stmt);
            }
            Stmt::Assign(assign) => {
                self.visit_expr(&assign.value);
                for target in &assign.targets {
                    let value = &*assign.value;
                    self.bind_target(target, &|path| BindingKind::Assign { value, path }, &[]);
                    self.visit_expr(target);
                }
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    self.visit_expr(value);
                }
                self.visit_annotation(&assign.annotation);
                match assign.value.as_deref() {
                    Some(value) => {
                        self.bind_target(&assign.target, &|path| BindingKind::Assign { value, path }, &[]);
                    }
                    None => {
                        if let Expr::Name(name) = &*assign.target {
                            self.maybe(|b| b.bind(name.id.as_str(), BindingKind::Declared, name.range));
                        }
                    }
                }
                self.visit_expr(&assign.target);
            }
            Stmt::AugAssign(assign) => {
                self.visit_expr(&assign.value);
                match &*assign.target {
                    Expr::Name(name) => {
                        self.maybe(|b| b.bind(name.id.as_str(), BindingKind::Augmented, name.range));
                    }
                    Expr::Attribute(attribute) => self.store_attribute(attribute, None),
                    _ => {}
                }
                self.visit_expr(&assign.target);
            }
            Stmt::For(each) => {
                self.visit_expr(&each.iter);
                self.maybe(|b| {
                    let iterable = &*each.iter;
                    b.bind_target(&each.target, &|path| BindingKind::Element { iterable, path }, &[]);
                    b.visit_expr(&each.target);
                    b.visit_body(&each.body);
                    b.visit_body(&each.orelse);
                });
            }
            Stmt::While(repeat) => {
                self.visit_expr(&repeat.test);
                self.maybe(|b| {
                    b.visit_body(&repeat.body);
                    b.visit_body(&repeat.orelse);
                });
            }
            Stmt::If(choice) => {
                self.visit_expr(&choice.test);
                self.maybe(|b| {
                    b.visit_body(&choice.body);
                    for clause in &choice.elif_else_clauses {
                        b.parent = Parent::Stmt(stmt);
                        b.visit_elif_else_clause(clause);
                    }
                });
            }
            Stmt::With(with) => {
                for item in &with.items {
                    self.visit_expr(&item.context_expr);
                    if let Some(target) = &item.optional_vars {
                        let context = &item.context_expr;
                        self.maybe(|b| {
                            b.bind_target(target, &|path| BindingKind::With { context, path }, &[]);
                            b.visit_expr(target);
                        });
                    }
                }
                // A context manager may swallow an exception, so the body may stop half-way.
                self.maybe(|b| b.visit_body(&with.body));
            }
            Stmt::Match(choice) => {
                self.visit_expr(&choice.subject);
                let outer = self.subject.replace(&choice.subject);
                self.maybe(|b| {
                    for case in &choice.cases {
                        b.parent = Parent::Stmt(stmt);
                        b.visit_match_case(case);
                    }
                });
                self.subject = outer;
            }
            Stmt::Try(_) => self.maybe(|b| visitor::walk_stmt(b, stmt)),
            Stmt::Import(import) => import.names.iter().for_each(|alias| self.import(alias)),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::Delete(delete) => {
                for target in &delete.targets {
                    match target {
                        Expr::Name(name) => self.bind(name.id.as_str(), BindingKind::Delete, name.range),
                        Expr::Attribute(attribute) => self.store_attribute(attribute, None),
                        _ => {}
                    }
                }
                visitor::walk_stmt(self, stmt);
            }
            Stmt::TypeAlias(alias) => {
                if let Expr::Name(name) = &*alias.name {
                    self.bind(name.id.as_str(), BindingKind::Declared, name.range);
                }
                visitor::walk_stmt(self, stmt);
            }
            Stmt::Raise(_)
            | Stmt::Assert(_)
            | Stmt::Global(_)
            | Stmt::Nonlocal(_)
            | Stmt::Expr(_)
            | Stmt::Pass(_)
            | Stmt::Break(_)
            | Stmt::Continue(_)
            | Stmt::IpyEscapeCommand(_) => visitor::walk_stmt(self, stmt),
        }
        (self.parent, self.end) = saved;
    }

    fn visit_annotation(&mut self, expr: &'a Expr) {
        self.under(Parent::Annotation, |b| b.visit_expr(expr));
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        let id = NodeId::next(self.module.exprs.len());
        expr.node_index().set(NodeIndex::from(id.0));
        self.module.exprs.push(ExprInfo { expr, scope: self.scope, parent: self.parent });
        let saved = self.parent;
        self.parent = Parent::Expr(expr);
        match expr {
            Expr::Lambda(lambda) => {
                if let Some(parameters) = &lambda.parameters {
                    crate::python::parse::visit_around_parameters(self, parameters);
                }
                let function = self.function(FunctionNode::Lambda(lambda));
                self.module.lambdas.insert(id, function);
                if let Some(function) = self.module.functions.get_mut(function.index()) {
                    function.returns.push(&lambda.body);
                }
                let outer = self.scope;
                let scope = self.open(ScopeKind::Function(function), None);
                self.scope = outer;
                if let Some(function) = self.module.functions.get_mut(function.index()) {
                    function.scope = scope;
                }
                if let Some(parameters) = lambda.parameters.as_deref() {
                    self.parameters(parameters, function, scope);
                }
                self.within(scope, |b| b.visit_expr(&lambda.body));
            }
            Expr::Named(named) => {
                self.visit_expr(&named.value);
                let value = &*named.value;
                if let Expr::Name(name) = &*named.target {
                    let kind = BindingKind::Assign { value, path: self.path(&[]) };
                    self.maybe(|b| b.bind(name.id.as_str(), kind, name.range));
                }
                self.visit_expr(&named.target);
            }
            Expr::ListComp(comp) => self.comprehension(&comp.generators, [Some(&comp.elt), None]),
            Expr::SetComp(comp) => self.comprehension(&comp.generators, [Some(&comp.elt), None]),
            Expr::Generator(comp) => self.comprehension(&comp.generators, [Some(&comp.elt), None]),
            Expr::DictComp(comp) => {
                self.comprehension(&comp.generators, [comp.key.as_deref(), Some(&comp.value)]);
            }
            Expr::Call(call) => {
                self.visit_expr(&call.func);
                for argument in &call.arguments.args {
                    self.visit_expr(argument);
                }
                for keyword in &call.arguments.keywords {
                    self.under(Parent::Keyword(Some(call)), |b| b.visit_expr(&keyword.value));
                }
            }
            Expr::Yield(_) | Expr::YieldFrom(_) => {
                if let Some(function) = self.module.enclosing_function(self.scope)
                    && let Some(function) = self.module.functions.get_mut(function.index())
                {
                    function.generator = true;
                }
                visitor::walk_expr(self, expr);
            }
            Expr::Attribute(attribute) if attribute.ctx != ExprContext::Load => {
                // Stores that no target recorded (a walrus cannot, `with` and `for` can).
                self.module.own_attributes.insert(attribute.attr.id.clone());
                visitor::walk_expr(self, expr);
            }
            _ => visitor::walk_expr(self, expr),
        }
        self.parent = saved;
    }

    fn visit_except_handler(&mut self, handler: &'a ast::ExceptHandler) {
        let ast::ExceptHandler::ExceptHandler(inner) = handler;
        if let Some(kind) = &inner.type_ {
            self.visit_expr(kind);
        }
        if let Some(name) = &inner.name {
            self.bind(name.as_str(), BindingKind::Exception, name.range);
        }
        self.visit_body(&inner.body);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        self.module.patterns.push((pattern, self.scope));
        let name = match pattern {
            Pattern::MatchStar(star) => star.name.as_ref(),
            Pattern::MatchAs(capture) => capture.name.as_ref(),
            Pattern::MatchMapping(mapping) => mapping.rest.as_ref(),
            Pattern::MatchValue(_)
            | Pattern::MatchSingleton(_)
            | Pattern::MatchSequence(_)
            | Pattern::MatchClass(_)
            | Pattern::MatchOr(_) => None,
        };
        if let (Some(name), Some(subject)) = (name, self.subject) {
            self.bind(name.as_str(), BindingKind::Pattern { subject }, name.range);
        }
        self.under(Parent::Pattern, |b| visitor::walk_pattern(b, pattern));
    }

    fn visit_type_param(&mut self, parameter: &'a ast::TypeParam) {
        let name = parameter.name();
        self.maybe(|b| b.bind(name.as_str(), BindingKind::Declared, name.range));
        visitor::walk_type_param(self, parameter);
    }
}
