//! What `case` matches.

use super::Tree;
use crate::python::ast::{Pattern, Singleton};

impl Tree {
    pub(super) fn pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::MatchValue(pattern) => {
                self.node("MatchValue");
                self.expr(&pattern.value);
            }
            Pattern::MatchSingleton(pattern) => {
                self.node("MatchSingleton");
                self.node(match pattern.value {
                    Singleton::None => "~",
                    Singleton::True => "True",
                    Singleton::False => "False",
                });
            }
            Pattern::MatchSequence(pattern) => {
                self.node("MatchSequence");
                self.list(&pattern.patterns, Self::pattern);
            }
            Pattern::MatchMapping(pattern) => {
                self.node("MatchMapping");
                self.exprs(&pattern.keys);
                self.list(&pattern.patterns, Self::pattern);
                self.optional_text(pattern.rest.as_ref());
            }
            Pattern::MatchClass(pattern) => {
                self.node("MatchClass");
                self.expr(&pattern.cls);
                self.list(&pattern.arguments.patterns, Self::pattern);
                self.list(&pattern.arguments.keywords, |tree, keyword| tree.text(&keyword.attr));
                self.list(&pattern.arguments.keywords, |tree, keyword| tree.pattern(&keyword.pattern));
            }
            Pattern::MatchStar(pattern) => {
                self.node("MatchStar");
                self.optional_text(pattern.name.as_ref());
            }
            Pattern::MatchAs(pattern) => {
                self.node("MatchAs");
                match &pattern.pattern {
                    Some(pattern) => self.pattern(pattern),
                    None => self.absent(),
                }
                self.optional_text(pattern.name.as_ref());
            }
            Pattern::MatchOr(pattern) => {
                self.node("MatchOr");
                self.list(&pattern.patterns, Self::pattern);
            }
        }
    }
}
