//! What a rule is: a page that explains it, and the functions that find it.

use std::fmt;

use ruff_python_ast::{Expr, ExprAttribute, ExprCall, ExprName, Pattern, Stmt};

use super::context::Context;
use crate::diagnostic::Severity;
use crate::python::analysis::ScopeId;

/// Where a rule looks. The walk calls the function for every such node, in source order.
#[derive(Clone, Copy)]
pub(super) enum On {
    Name(fn(&ExprName, &Expr, &mut Context<'_, '_>)),
    /// Names that are loaded and may be a module, a member of the library or a builtin.
    LibraryName(fn(&ExprName, &Expr, &mut Context<'_, '_>)),
    Attribute(fn(&ExprAttribute, &Expr, &mut Context<'_, '_>)),
    Call(fn(&ExprCall, &mut Context<'_, '_>)),
    /// Calls of what may be a member of the library or a builtin. Most calls are of something else, and those
    /// cost such a rule nothing.
    LibraryCall(fn(&ExprCall, &mut Context<'_, '_>)),
    /// Every expression but names and attributes, which are most of a source and have their own.
    Expr(fn(&Expr, &mut Context<'_, '_>)),
    Stmt(fn(&Stmt, ScopeId, &mut Context<'_, '_>)),
    Pattern(fn(&Pattern, &mut Context<'_, '_>)),
    /// Once for each source.
    Module(fn(&mut Context<'_, '_>)),
}

/// Code blocks of a hundred: what kind of trick a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// PC0xx
    Source,
    /// PC1xx
    Imports,
    /// PC2xx
    Builtins,
    /// PC3xx
    Attributes,
    /// PC4xx
    Library,
    /// PC5xx
    Dynamic,
    /// PC6xx
    Files,
    /// PC7xx
    Hooks,
    /// PC8xx
    Resources,
}

impl Family {
    pub const ALL: [Self; 9] = [
        Self::Source,
        Self::Imports,
        Self::Builtins,
        Self::Attributes,
        Self::Library,
        Self::Dynamic,
        Self::Files,
        Self::Hooks,
        Self::Resources,
    ];

    /// The digit that every code of the family begins with.
    pub const fn digit(self) -> char {
        match self {
            Self::Source => '0',
            Self::Imports => '1',
            Self::Builtins => '2',
            Self::Attributes => '3',
            Self::Library => '4',
            Self::Dynamic => '5',
            Self::Files => '6',
            Self::Hooks => '7',
            Self::Resources => '8',
        }
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Source => "Syntax and source",
            Self::Imports => "Imports",
            Self::Builtins => "Builtins",
            Self::Attributes => "Attribute and frame walking",
            Self::Library => "The standard library",
            Self::Dynamic => "Dynamic evaluation",
            Self::Files => "Files",
            Self::Hooks => "Hooks and monkeypatching",
            Self::Resources => "Resources",
        }
    }
}

/// One rule of the catalogue. The texts are its page of documentation, in Markdown.
#[derive(Clone, Copy)]
pub struct Rule {
    /// `PC###`, stable for ever.
    pub code: &'static str,
    /// What was found, in kebab case, stable for ever.
    pub name: &'static str,
    pub family: Family,
    /// What it does unless the policy says otherwise.
    pub severity: Severity,
    /// What it finds.
    pub what: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// A source that this rule refuses (or warns about). Tested.
    pub refused: &'static str,
    /// A source in the same spirit that passes. Tested.
    pub passes: &'static str,
    /// What to write instead.
    pub fix: &'static str,
    /// What finds it. Empty where another rule of the family finds it on its way.
    pub(super) on: &'static [On],
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.name)
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for Rule {}
