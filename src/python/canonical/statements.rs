//! Statements, and what hangs on them: names imported, arguments, parameters.

use super::Tree;
use super::expressions::operator;
use crate::python::ast::{
    self, Arguments, ExceptHandler, Expr, Parameter, Parameters, Stmt, TypeParam, TypeParams,
};

impl Tree {
    pub(super) fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => {
                self.node(if def.is_async { "AsyncFunctionDef" } else { "FunctionDef" });
                self.text(&def.name);
                self.parameters(Some(&def.parameters));
                self.body(&def.body);
                self.exprs(def.decorator_list.iter().map(|decorator| &decorator.expression));
                self.optional(def.returns.as_deref());
                self.type_params(def.type_params.as_deref());
            }
            Stmt::ClassDef(def) => {
                self.node("ClassDef");
                self.text(&def.name);
                self.arguments(def.arguments.as_deref());
                self.body(&def.body);
                self.exprs(def.decorator_list.iter().map(|decorator| &decorator.expression));
                self.type_params(def.type_params.as_deref());
            }
            Stmt::Return(stmt) => {
                self.node("Return");
                self.optional(stmt.value.as_deref());
            }
            Stmt::Delete(stmt) => {
                self.node("Delete");
                self.exprs(&stmt.targets);
            }
            Stmt::TypeAlias(stmt) => {
                self.node("TypeAlias");
                self.expr(&stmt.name);
                self.type_params(stmt.type_params.as_deref());
                self.expr(&stmt.value);
            }
            Stmt::Assign(stmt) => {
                self.node("Assign");
                self.exprs(&stmt.targets);
                self.expr(&stmt.value);
            }
            Stmt::AugAssign(stmt) => {
                self.node("AugAssign");
                self.expr(&stmt.target);
                self.node(operator(stmt.op));
                self.expr(&stmt.value);
            }
            Stmt::AnnAssign(stmt) => {
                self.node("AnnAssign");
                self.expr(&stmt.target);
                self.expr(&stmt.annotation);
                self.optional(stmt.value.as_deref());
                self.integer(u64::from(stmt.simple));
            }
            Stmt::For(stmt) => {
                self.node(if stmt.is_async { "AsyncFor" } else { "For" });
                self.expr(&stmt.target);
                self.expr(&stmt.iter);
                self.body(&stmt.body);
                self.body(&stmt.orelse);
            }
            Stmt::While(stmt) => {
                self.node("While");
                self.expr(&stmt.test);
                self.body(&stmt.body);
                self.body(&stmt.orelse);
            }
            Stmt::If(stmt) => self.if_chain(&stmt.test, &stmt.body, &stmt.elif_else_clauses),
            Stmt::With(stmt) => {
                self.node(if stmt.is_async { "AsyncWith" } else { "With" });
                self.list(&stmt.items, |tree, item| {
                    tree.node("withitem");
                    tree.expr(&item.context_expr);
                    tree.optional(item.optional_vars.as_deref());
                });
                self.body(&stmt.body);
            }
            Stmt::Match(stmt) => {
                self.node("Match");
                self.expr(&stmt.subject);
                self.list(&stmt.cases, |tree, case| {
                    tree.node("match_case");
                    tree.pattern(&case.pattern);
                    tree.optional(case.guard.as_deref());
                    tree.body(&case.body);
                });
            }
            Stmt::Raise(stmt) => {
                self.node("Raise");
                self.optional(stmt.exc.as_deref());
                self.optional(stmt.cause.as_deref());
            }
            Stmt::Try(stmt) => {
                self.node(if stmt.is_star { "TryStar" } else { "Try" });
                self.body(&stmt.body);
                self.list(&stmt.handlers, |tree, ExceptHandler::ExceptHandler(handler)| {
                    tree.node("ExceptHandler");
                    tree.optional(handler.type_.as_deref());
                    tree.optional_text(handler.name.as_ref());
                    tree.body(&handler.body);
                });
                self.body(&stmt.orelse);
                self.body(&stmt.finalbody);
            }
            Stmt::Assert(stmt) => {
                self.node("Assert");
                self.expr(&stmt.test);
                self.optional(stmt.msg.as_deref());
            }
            Stmt::Import(stmt) => {
                self.node("Import");
                self.aliases(&stmt.names);
            }
            Stmt::ImportFrom(stmt) => {
                self.node("ImportFrom");
                self.optional_text(stmt.module.as_ref());
                self.aliases(&stmt.names);
                self.integer(u64::from(stmt.level));
            }
            Stmt::Global(stmt) => {
                self.node("Global");
                self.list(&stmt.names, |tree, name| tree.text(name));
            }
            Stmt::Nonlocal(stmt) => {
                self.node("Nonlocal");
                self.list(&stmt.names, |tree, name| tree.text(name));
            }
            Stmt::Expr(stmt) => {
                self.node("Expr");
                self.expr(&stmt.value);
            }
            Stmt::Pass(_) => self.node("Pass"),
            Stmt::Break(_) => self.node("Break"),
            Stmt::Continue(_) => self.node("Continue"),
            Stmt::IpyEscapeCommand(_) => self.node("IpyEscapeCommand"),
        }
    }

    /// CPython has no `elif`: it is an `if` alone in the `else` of the one before.
    pub(super) fn if_chain(&mut self, test: &Expr, body: &[Stmt], clauses: &[ast::ElifElseClause]) {
        self.node("If");
        self.expr(test);
        self.body(body);
        self.node("[");
        match clauses {
            [] => {}
            [clause, rest @ ..] => match &clause.test {
                Some(test) => self.if_chain(test, &clause.body, rest),
                None => clause.body.iter().for_each(|stmt| self.stmt(stmt)),
            },
        }
        self.node("]");
    }

    pub(super) fn aliases(&mut self, names: &[ast::Alias]) {
        self.list(names, |tree, alias| {
            tree.node("alias");
            tree.text(&alias.name);
            tree.optional_text(alias.asname.as_ref());
        });
    }

    /// Only what a newer Python than 3.11 accepts has any.
    pub(super) fn type_params(&mut self, params: Option<&TypeParams>) {
        let Some(params) = params else { return };
        self.list(&params.type_params, |tree, param| {
            let (kind, name, bound, default) = match param {
                TypeParam::TypeVar(param) => ("TypeVar", &param.name, &param.bound, &param.default),
                TypeParam::TypeVarTuple(param) => ("TypeVarTuple", &param.name, &None, &param.default),
                TypeParam::ParamSpec(param) => ("ParamSpec", &param.name, &None, &param.default),
            };
            tree.node(kind);
            tree.text(name);
            tree.optional(bound.as_deref());
            tree.optional(default.as_deref());
        });
    }

    pub(super) fn arguments(&mut self, arguments: Option<&Arguments>) {
        let args = arguments.map(|arguments| &*arguments.args).unwrap_or_default();
        let keywords = arguments.map(|arguments| &*arguments.keywords).unwrap_or_default();
        self.exprs(args);
        self.list(keywords, |tree, keyword| {
            tree.node("keyword");
            tree.optional_text(keyword.arg.as_ref());
            tree.expr(&keyword.value);
        });
    }

    pub(super) fn parameters(&mut self, parameters: Option<&Parameters>) {
        let empty = Parameters::default();
        let parameters = parameters.unwrap_or(&empty);
        self.node("arguments");
        self.list(&parameters.posonlyargs, |tree, each| tree.parameter(&each.parameter));
        self.list(&parameters.args, |tree, each| tree.parameter(&each.parameter));
        self.optional_parameter(parameters.vararg.as_deref());
        self.list(&parameters.kwonlyargs, |tree, each| tree.parameter(&each.parameter));
        self.list(&parameters.kwonlyargs, |tree, each| tree.optional(each.default.as_deref()));
        self.optional_parameter(parameters.kwarg.as_deref());
        let positional = parameters.posonlyargs.iter().chain(&parameters.args);
        self.exprs(positional.filter_map(|each| each.default.as_deref()));
    }

    pub(super) fn parameter(&mut self, parameter: &Parameter) {
        self.node("arg");
        self.text(&parameter.name);
        self.optional(parameter.annotation.as_deref());
    }

    pub(super) fn optional_parameter(&mut self, parameter: Option<&Parameter>) {
        match parameter {
            Some(parameter) => self.parameter(parameter),
            None => self.absent(),
        }
    }
}
