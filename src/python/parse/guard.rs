//! Limits on nesting, read off the tokens before the parser builds anything. They are CPython's
//! own or of that order, so honest source never meets them, and below them neither the parser nor
//! a walk nor dropping the tree can exhaust the large stack that analysis runs on.

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer};
use ruff_text_size::TextRange;

use super::{SyntaxKind, SyntaxProblem};

/// How deep source may nest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nesting {
    brackets: usize,
    indents: usize,
    /// F-strings within f-strings.
    interpolated: usize,
    /// Operators, keywords and the like without a token between them that ends an operand chain:
    /// what makes `1+1+1+…`, `not not …`, `a.b.c.…` and `lambda: lambda: …` deep trees.
    chain: usize,
    tokens: usize,
}

impl Nesting {
    pub(crate) const CPYTHON: Self =
        Self { brackets: 200, indents: 99, interpolated: 8, chain: 20_000, tokens: 400_000 };
}

pub(super) fn check(text: &str, limit: &Nesting) -> Result<(), Vec<SyntaxProblem>> {
    let too_deep = |range: TextRange, message: String| {
        Err(vec![SyntaxProblem { range, message, kind: SyntaxKind::TooDeep }])
    };
    let mut lexer = lexer::lex(text, Mode::Module);
    let (mut brackets, mut indents, mut interpolated) = (0_usize, 0_usize, 0_usize);
    let (mut chain, mut tokens, mut bad) = (0_usize, 0_usize, 0_usize);
    loop {
        let kind = lexer.next_token();
        tokens += 1;
        match kind {
            TokenKind::EndOfFile => return Ok(()),
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => brackets += 1,
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => brackets = brackets.saturating_sub(1),
            TokenKind::Indent => indents += 1,
            TokenKind::Dedent => indents = indents.saturating_sub(1),
            TokenKind::FStringStart | TokenKind::TStringStart => interpolated += 1,
            TokenKind::FStringEnd | TokenKind::TStringEnd => interpolated = interpolated.saturating_sub(1),
            TokenKind::Newline | TokenKind::Comma | TokenKind::Semi => chain = 0,
            // Bad indentation repeats as one error per line; the parser recovers recursively.
            TokenKind::Unknown => bad += 1,
            _ => {}
        }
        chain += 1;
        let range = TextRange::default();
        if brackets > limit.brackets {
            return too_deep(range, format!("more than {} brackets are open at once", limit.brackets));
        }
        if indents > limit.indents {
            return too_deep(range, format!("more than {} levels of indentation", limit.indents));
        }
        if interpolated > limit.interpolated {
            return too_deep(range, format!("f-strings are nested more than {} deep", limit.interpolated));
        }
        if chain > limit.chain {
            return too_deep(
                range,
                format!("an expression of more than {} tokens without a comma", limit.chain),
            );
        }
        if tokens > limit.tokens {
            return too_deep(range, format!("more than {} tokens", limit.tokens));
        }
        if bad > 100 {
            return too_deep(range, "more than 100 places that are no Python token".to_owned());
        }
    }
}
