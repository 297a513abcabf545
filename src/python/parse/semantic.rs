//! The errors that a parser without scopes cannot see: `return` outside a function, a duplicate
//! argument, `nonlocal` at module level. The parser's companion finds them; it asks us where we
//! are, and this file answers.

use std::cell::RefCell;

use memchr::memmem;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, ExprContext, Pattern, PythonVersion, Stmt};
use ruff_python_parser::semantic_errors::{
    LazyImportContext, SemanticSyntaxChecker, SemanticSyntaxContext, SemanticSyntaxError,
};
use ruff_text_size::TextRange;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{SyntaxKind, SyntaxProblem, bound_by};

pub(super) fn check(body: &[Stmt], text: &str, version: PythonVersion) -> Vec<SyntaxProblem> {
    let mut walk = Walk {
        checker: SemanticSyntaxChecker::new(),
        place: Place {
            text,
            version,
            scopes: Vec::new(),
            declares: ["global", "nonlocal"]
                .into_iter()
                .any(|word| memmem::find(text.as_bytes(), word.as_bytes()).is_some()),
            future_annotations: false,
            found: RefCell::default(),
        },
    };
    let names = walk.place.names(body);
    walk.inside(Scope::new(Kind::Module, names), |walk| walk.visit_body(body));
    walk.place
        .found
        .into_inner()
        .into_iter()
        .map(|error| SyntaxProblem {
            range: error.range,
            message: error.to_string(),
            kind: SyntaxKind::Compile,
        })
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Module,
    Class,
    Function { is_async: bool },
    Lambda,
    Comprehension { is_async: bool, is_generator: bool },
}

#[derive(Debug)]
struct Scope<'a> {
    kind: Kind,
    names: Names<'a>,
    parameters: FxHashSet<&'a str>,
    loops: u32,
}

impl<'a> Scope<'a> {
    fn new(kind: Kind, names: Names<'a>) -> Self {
        Self { kind, names, parameters: FxHashSet::default(), loops: 0 }
    }
}

struct Place<'a> {
    text: &'a str,
    version: PythonVersion,
    scopes: Vec<Scope<'a>>,
    /// Whether any scope could declare a name of another. Only then it matters what scopes bind.
    declares: bool,
    future_annotations: bool,
    found: RefCell<Vec<SemanticSyntaxError>>,
}

impl<'a> Place<'a> {
    fn kinds(&self) -> impl Iterator<Item = Kind> + '_ {
        self.scopes.iter().rev().map(|scope| scope.kind)
    }

    fn names(&self, body: &'a [Stmt]) -> Names<'a> {
        if self.declares { Names::of(body) } else { Names::default() }
    }

    fn parameters(&self, parameters: &'a ast::Parameters) -> FxHashSet<&'a str> {
        let all = self.declares.then(|| parameters.iter().map(|parameter| parameter.name().as_str()));
        all.into_iter().flatten().collect()
    }

    fn current(&self) -> Kind {
        self.kinds().next().unwrap_or(Kind::Module)
    }
}

impl SemanticSyntaxContext for Place<'_> {
    fn future_annotations_or_stub(&self) -> bool {
        self.future_annotations
    }

    fn lazy_import_context(&self) -> Option<LazyImportContext> {
        None
    }

    fn python_version(&self) -> PythonVersion {
        self.version
    }

    fn source(&self) -> &str {
        self.text
    }

    fn global(&self, name: &str) -> Option<TextRange> {
        let scope = self.scopes.last()?;
        scope.names.globals.get(name).copied()
    }

    fn has_nonlocal_binding(&self, name: &str) -> bool {
        // Every class body has an implicit cell of this name for the functions in it.
        if name == "__class__" {
            return self.scopes.iter().any(|scope| scope.kind == Kind::Class);
        }
        self.scopes.iter().rev().skip(1).any(|scope| {
            matches!(scope.kind, Kind::Function { .. } | Kind::Lambda)
                && (scope.parameters.contains(name) || scope.names.bound.contains(name))
                && !scope.names.globals.contains_key(name)
        })
    }

    fn in_async_context(&self) -> bool {
        for kind in self.kinds() {
            match kind {
                Kind::Function { is_async } => return is_async,
                Kind::Comprehension { is_async: true, .. } => return true,
                Kind::Comprehension { .. } => {}
                Kind::Module | Kind::Class | Kind::Lambda => return false,
            }
        }
        false
    }

    fn in_await_allowed_context(&self) -> bool {
        for kind in self.kinds() {
            match kind {
                Kind::Function { .. } | Kind::Lambda => return true,
                Kind::Class | Kind::Module => return false,
                Kind::Comprehension { .. } => {}
            }
        }
        false
    }

    fn in_yield_allowed_context(&self) -> bool {
        matches!(self.current(), Kind::Function { .. } | Kind::Lambda)
    }

    fn in_sync_comprehension(&self) -> bool {
        self.kinds()
            .take_while(|kind| matches!(kind, Kind::Comprehension { .. }))
            .any(|kind| matches!(kind, Kind::Comprehension { is_async: false, is_generator: false }))
    }

    fn in_class_body_comprehension(&self) -> bool {
        self.kinds().find(|kind| !matches!(kind, Kind::Comprehension { .. })) == Some(Kind::Class)
    }

    fn in_module_scope(&self) -> bool {
        self.current() == Kind::Module
    }

    fn in_function_scope(&self) -> bool {
        matches!(self.current(), Kind::Function { .. })
    }

    fn in_generator_context(&self) -> bool {
        matches!(self.current(), Kind::Comprehension { is_generator: true, .. })
    }

    fn in_notebook(&self) -> bool {
        false
    }

    fn report_semantic_error(&self, error: SemanticSyntaxError) {
        self.found.borrow_mut().push(error);
    }

    fn in_loop_context(&self) -> bool {
        self.scopes.last().is_some_and(|scope| scope.loops > 0)
    }

    fn is_bound_parameter(&self, name: &str) -> bool {
        self.scopes.last().is_some_and(|scope| scope.parameters.contains(name))
    }
}

struct Walk<'a> {
    checker: SemanticSyntaxChecker,
    place: Place<'a>,
}

impl<'a> Walk<'a> {
    fn inside(&mut self, scope: Scope<'a>, visit: impl FnOnce(&mut Self)) {
        self.place.scopes.push(scope);
        visit(self);
        self.place.scopes.pop();
    }

    fn looping(&mut self, body: &'a [Stmt]) {
        if let Some(scope) = self.place.scopes.last_mut() {
            scope.loops += 1;
        }
        self.visit_body(body);
        if let Some(scope) = self.place.scopes.last_mut() {
            scope.loops -= 1;
        }
    }

    /// The first iterable runs in the scope around; everything else inside.
    fn comprehension(
        &mut self,
        generators: &'a [ast::Comprehension],
        results: [Option<&'a Expr>; 2],
        is_generator: bool,
    ) {
        if let Some(first) = generators.first() {
            self.visit_expr(&first.iter);
        }
        let is_async = generators.iter().any(|generator| generator.is_async);
        let scope = Scope::new(Kind::Comprehension { is_async, is_generator }, Names::default());
        self.inside(scope, |walk| {
            for (index, generator) in generators.iter().enumerate() {
                if index > 0 {
                    walk.visit_expr(&generator.iter);
                }
                walk.visit_expr(&generator.target);
                for test in &generator.ifs {
                    walk.visit_expr(test);
                }
            }
            for result in results.into_iter().flatten() {
                walk.visit_expr(result);
            }
        });
    }
}

impl<'a> Visitor<'a> for Walk<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        self.checker.visit_stmt(stmt, &self.place);
        match stmt {
            Stmt::FunctionDef(function) => {
                for decorator in &function.decorator_list {
                    self.visit_decorator(decorator);
                }
                super::visit_around_parameters(self, &function.parameters);
                if let Some(returns) = &function.returns {
                    self.visit_annotation(returns);
                }
                let names = self.place.names(&function.body);
                let mut scope = Scope::new(Kind::Function { is_async: function.is_async }, names);
                scope.parameters = self.place.parameters(&function.parameters);
                self.inside(scope, |walk| walk.visit_body(&function.body));
            }
            Stmt::ClassDef(class) => {
                for decorator in &class.decorator_list {
                    self.visit_decorator(decorator);
                }
                if let Some(arguments) = &class.arguments {
                    self.visit_arguments(arguments);
                }
                let scope = Scope::new(Kind::Class, self.place.names(&class.body));
                self.inside(scope, |walk| walk.visit_body(&class.body));
            }
            Stmt::For(each) => {
                self.visit_expr(&each.iter);
                self.visit_expr(&each.target);
                self.looping(&each.body);
                self.visit_body(&each.orelse);
            }
            Stmt::While(while_) => {
                self.visit_expr(&while_.test);
                self.looping(&while_.body);
                self.visit_body(&while_.orelse);
            }
            Stmt::ImportFrom(import) => {
                if import.module.as_deref() == Some("__future__")
                    && import.names.iter().any(|alias| alias.name.as_str() == "annotations")
                {
                    self.place.future_annotations = true;
                }
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        self.checker.visit_expr(expr, &self.place);
        match expr {
            Expr::Lambda(lambda) => {
                if let Some(parameters) = &lambda.parameters {
                    super::visit_around_parameters(self, parameters);
                }
                let mut scope = Scope::new(Kind::Lambda, Names::default());
                if let Some(parameters) = &lambda.parameters {
                    scope.parameters = self.place.parameters(parameters);
                }
                self.inside(scope, |walk| walk.visit_expr(&lambda.body));
            }
            Expr::ListComp(comp) => self.comprehension(&comp.generators, [Some(&comp.elt), None], false),
            Expr::SetComp(comp) => self.comprehension(&comp.generators, [Some(&comp.elt), None], false),
            Expr::Generator(comp) => self.comprehension(&comp.generators, [Some(&comp.elt), None], true),
            Expr::DictComp(comp) => {
                self.comprehension(&comp.generators, [comp.key.as_deref(), Some(&comp.value)], false);
            }
            _ => visitor::walk_expr(self, expr),
        }
    }
}

/// The names that one scope binds, and those that it declares global.
#[derive(Debug, Default)]
struct Names<'a> {
    bound: FxHashSet<&'a str>,
    globals: FxHashMap<&'a str, TextRange>,
}

impl<'a> Names<'a> {
    fn of(body: &'a [Stmt]) -> Self {
        let mut names = Self::default();
        names.visit_body(body);
        names
    }
}

impl<'a> Visitor<'a> for Names<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(function) => {
                self.bound.insert(function.name.as_str());
            }
            Stmt::ClassDef(class) => {
                self.bound.insert(class.name.as_str());
            }
            Stmt::Import(import) => {
                for alias in &import.names {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                    self.bound.insert(name.split('.').next().unwrap_or(name));
                }
            }
            Stmt::ImportFrom(import) => {
                for alias in &import.names {
                    self.bound.insert(alias.asname.as_ref().unwrap_or(&alias.name).as_str());
                }
            }
            Stmt::Global(global) => {
                for name in &global.names {
                    self.globals.entry(name.as_str()).or_insert(name.range);
                }
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) if matches!(name.ctx, ExprContext::Store | ExprContext::Del) => {
                self.bound.insert(name.id.as_str());
            }
            Expr::Lambda(_) => {}
            _ => visitor::walk_expr(self, expr),
        }
    }

    fn visit_except_handler(&mut self, handler: &'a ast::ExceptHandler) {
        let ast::ExceptHandler::ExceptHandler(inner) = handler;
        if let Some(name) = &inner.name {
            self.bound.insert(name.as_str());
        }
        visitor::walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        if let Some(name) = bound_by(pattern) {
            self.bound.insert(name.as_str());
        }
        visitor::walk_pattern(self, pattern);
    }
}
