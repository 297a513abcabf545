//! The walk itself: what each statement, expression and pattern adds to the module.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, ExprContext, HasNodeIndex, NodeIndex, Pattern, Stmt};
use ruff_text_size::Ranged;

use super::Builder;
use crate::python::analysis::{
    BindingKind, Class, ClassId, ExprInfo, FunctionNode, NodeId, Parent, ScopeKind,
};
use crate::python::parse::bound_by;

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
                        let kind = BindingKind::Augmented { added: &assign.value };
                        self.maybe(|b| b.bind(name.id.as_str(), kind, name.range));
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
        if let (Some(name), Some(subject)) = (bound_by(pattern), self.subject) {
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

impl<'a> Builder<'a> {
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
}
