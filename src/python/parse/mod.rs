//! The one place that names the parser. Text to a tree that is identical to CPython's, or the
//! errors that keep CPython from running it.
//!
//! The layers, in order: limits on nesting (`guard`), the parser itself with the target version,
//! the semantic syntax errors of the parser's companion (`semantic`), and the errors that only
//! CPython's compiler finds (`compile`). Source with an error is never analysed further.

mod compile;
mod guard;
mod semantic;

use ruff_python_ast::visitor::Visitor;
use ruff_python_ast::{self as ast, Expr, Mod, Suite};
use ruff_python_parser::{Mode, ParseOptions};
use ruff_text_size::{Ranged, TextRange};

use super::PythonVersion;

pub(crate) use guard::Nesting;

/// Something that keeps CPython from running the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxProblem {
    pub(crate) range: TextRange,
    pub(crate) message: String,
    pub(crate) kind: SyntaxKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SyntaxKind {
    /// No version accepts it.
    Invalid,
    /// A newer version than the target accepts it.
    TooNew,
    /// It parses, and CPython's compiler refuses it.
    Compile,
    /// Nested deeper than CPython or the gate allows.
    TooDeep,
}

/// A module that parsed without a problem.
pub(crate) fn parse_module(text: &str, version: PythonVersion) -> Result<Suite, Vec<SyntaxProblem>> {
    let small = guard::is_small(text);
    if !small {
        guard::check(text, &Nesting::CPYTHON)?;
    }
    let options = ParseOptions::from(Mode::Module).with_target_version(target(version));
    let parsed = ruff_python_parser::parse_unchecked(text, options);
    if small {
        // Where there are errors the parser's tokens are not the whole source.
        if parsed.errors().is_empty() {
            guard::check_parsed(parsed.tokens(), &Nesting::CPYTHON)?;
        } else {
            guard::check(text, &Nesting::CPYTHON)?;
        }
    }
    let mut problems: Vec<SyntaxProblem> = parsed
        .errors()
        .iter()
        .map(|error| SyntaxProblem {
            range: error.location,
            message: error.error.to_string(),
            kind: SyntaxKind::Invalid,
        })
        .collect();
    problems.extend(parsed.unsupported_syntax_errors().iter().map(|error| SyntaxProblem {
        range: error.range(),
        message: error.to_string(),
        kind: SyntaxKind::TooNew,
    }));
    if problems.is_empty() {
        problems.extend(compile::check_tabs(text, parsed.tokens()));
    }
    let Mod::Module(module) = parsed.into_syntax() else {
        return Ok(Suite::new());
    };
    if problems.is_empty() {
        problems = semantic::check(&module.body, text, target(version));
    }
    if problems.is_empty() {
        problems = compile::check(&module.body, text);
    }
    if problems.is_empty() { Ok(module.body) } else { Err(problems) }
}

/// A single expression, as in a string annotation. `None` when it is not one.
pub(crate) fn parse_expression(text: &str, version: PythonVersion) -> Option<Box<Expr>> {
    guard::check(text, &Nesting::CPYTHON).ok()?;
    let options = ParseOptions::from(Mode::ParenthesizedExpression).with_target_version(target(version));
    let parsed = ruff_python_parser::parse_unchecked(text, options);
    if !parsed.errors().is_empty() || !parsed.unsupported_syntax_errors().is_empty() {
        return None;
    }
    match parsed.into_syntax() {
        Mod::Expression(expression) => Some(expression.body),
        Mod::Module(_) => None,
    }
}

/// The name that a pattern binds itself, beside those of the patterns within it.
pub(crate) fn bound_by(pattern: &ast::Pattern) -> Option<&ast::Identifier> {
    match pattern {
        ast::Pattern::MatchStar(star) => star.name.as_ref(),
        ast::Pattern::MatchAs(capture) => capture.name.as_ref(),
        ast::Pattern::MatchMapping(mapping) => mapping.rest.as_ref(),
        ast::Pattern::MatchValue(_)
        | ast::Pattern::MatchSingleton(_)
        | ast::Pattern::MatchSequence(_)
        | ast::Pattern::MatchClass(_)
        | ast::Pattern::MatchOr(_) => None,
    }
}

/// Defaults and annotations belong to the scope around the function.
pub(crate) fn visit_around_parameters<'a>(visitor: &mut impl Visitor<'a>, parameters: &'a ast::Parameters) {
    for parameter in parameters.iter_non_variadic_params() {
        if let Some(default) = parameter.default() {
            visitor.visit_expr(default);
        }
    }
    for parameter in parameters {
        if let Some(annotation) = parameter.annotation() {
            visitor.visit_annotation(annotation);
        }
    }
}

fn target(version: PythonVersion) -> ast::PythonVersion {
    ast::PythonVersion { major: 3, minor: version.minor() }
}
