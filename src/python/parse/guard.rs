//! Limits on nesting, read off the tokens: before the parser builds anything where the source is
//! large, and off the parser's own tokens where it is not, because reading them twice is most of what
//! a limit costs. They are CPython's own or of that order, so honest source never meets them, and
//! below them neither the parser nor a walk nor dropping the tree can exhaust the large stack that
//! analysis runs on.

use ruff_python_ast::token::{Token, TokenKind, Tokens};
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

/// Source of no more tokens than this is parsed first and looked at afterwards. The parser keeps its
/// own stack, so what it needs of ours, and what dropping the tree needs, is far below the large one.
const FEW: usize = 1 << 16;
/// For how many tokens a brace counts, over what it may be itself: f-strings in f-strings are what takes
/// the parser longest.
const FOR_A_BRACE: usize = 6;

/// Bytes whose counts are added up in one byte each, which lets the compiler use wide registers.
const BLOCK: usize = 64;
/// Bytes that are counted side by side.
const LANES: usize = 16;

/// Whether `text` has so few tokens that it may be parsed before anything is known of its nesting.
/// Counts each byte for as many tokens as may begin or end there, whatever is around it: strings and
/// comments count as if they were code.
pub(super) fn is_small(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() / 4 > FEW {
        return false;
    }
    let braces = count(bytes, |byte| (byte == b'{') | (byte == b'}'));
    // Most sources are small whatever their bytes are: each weighs one, or more if it is one of these.
    let lines = count(bytes, |byte| (byte == b'\n') | (byte == b'\r'));
    if bytes.len() + 2 * lines + (FOR_A_BRACE + 1) * braces <= FEW {
        return true;
    }
    let mut sum = FOR_A_BRACE * braces;
    sum += bytes.first().map_or(0, |first| usize::from(weight(b' ', *first)));
    let (blocks, rest) = bytes.get(1..).unwrap_or_default().as_chunks::<BLOCK>();
    for (before, these) in bytes.as_chunks::<BLOCK>().0.iter().zip(blocks) {
        let mut counts = [0_u8; LANES];
        let lanes = before.as_chunks::<LANES>().0.iter().zip(these.as_chunks::<LANES>().0);
        for (before, these) in lanes {
            for ((count, before), this) in counts.iter_mut().zip(before).zip(these) {
                *count += weight(*before, *this);
            }
        }
        sum += counts.iter().map(|count| usize::from(*count)).sum::<usize>();
    }
    let tail = bytes.get(BLOCK * blocks.len()..).unwrap_or_default();
    sum += tail.iter().zip(rest).map(|(before, this)| usize::from(weight(*before, *this))).sum::<usize>();
    sum <= FEW
}

fn count(bytes: &[u8], what: impl Fn(u8) -> bool) -> usize {
    let in_block =
        |block: &[u8]| block.iter().fold(0_u8, |sum, byte| sum.wrapping_add(u8::from(what(*byte))));
    bytes.chunks(BLOCK).map(|block| usize::from(in_block(block))).sum()
}

/// How many tokens there may be because of the byte `this` behind `before`, at most 3.
#[inline(always)]
const fn weight(before: u8, this: u8) -> u8 {
    const fn digit(byte: u8) -> bool {
        byte.wrapping_sub(b'0') < 10
    }
    const fn letter(byte: u8) -> bool {
        ((byte | 0x20).wrapping_sub(b'a') < 26) | (byte == b'_')
    }
    let is_word = digit(this) | letter(this);
    let goes_on = digit(before) | letter(before);
    // `1if` is a number and a keyword.
    let splits = letter(this) & digit(before);
    let begins = (is_word & !goes_on) | splits;
    // A line may end, indent, and (later) dedent.
    let ends_line = (this == b'\n') | (this == b'\r');
    // An f-string may have text on either side of a field.
    let is_brace = (this == b'{') | (this == b'}');
    let is_other = !(is_word | (this == b' ') | (this == b'\t'));
    begins as u8 + is_other as u8 + is_brace as u8 + 2 * (ends_line as u8)
}

/// The limits, by the tokens that the parser made of a source without an error.
pub(super) fn check_parsed(tokens: &Tokens, limit: &Nesting) -> Result<(), Vec<SyntaxProblem>> {
    judge(tokens.iter().map(Token::kind), limit)
}

/// The limits, before the parser sees the source.
pub(super) fn check(text: &str, limit: &Nesting) -> Result<(), Vec<SyntaxProblem>> {
    let mut lexer = lexer::lex(text, Mode::Module);
    judge(std::iter::from_fn(|| Some(lexer.next_token())), limit)
}

fn judge(kinds: impl Iterator<Item = TokenKind>, limit: &Nesting) -> Result<(), Vec<SyntaxProblem>> {
    let too_deep = |message: String| {
        Err(vec![SyntaxProblem { range: TextRange::default(), message, kind: SyntaxKind::TooDeep }])
    };
    let (mut brackets, mut indents, mut interpolated) = (0_usize, 0_usize, 0_usize);
    let (mut chain, mut tokens, mut bad) = (0_usize, 0_usize, 0_usize);
    for kind in kinds {
        tokens += 1;
        match kind {
            TokenKind::EndOfFile => return Ok(()),
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                brackets += 1;
                if brackets > limit.brackets {
                    return too_deep(format!("more than {} brackets are open at once", limit.brackets));
                }
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => brackets = brackets.saturating_sub(1),
            TokenKind::Indent => {
                indents += 1;
                if indents > limit.indents {
                    return too_deep(format!("more than {} levels of indentation", limit.indents));
                }
            }
            TokenKind::Dedent => indents = indents.saturating_sub(1),
            TokenKind::FStringStart | TokenKind::TStringStart => {
                interpolated += 1;
                if interpolated > limit.interpolated {
                    return too_deep(format!("f-strings are nested more than {} deep", limit.interpolated));
                }
            }
            TokenKind::FStringEnd | TokenKind::TStringEnd => interpolated = interpolated.saturating_sub(1),
            TokenKind::Newline | TokenKind::Comma | TokenKind::Semi => chain = 0,
            // Bad indentation repeats as one error per line; the parser recovers recursively.
            TokenKind::Unknown => {
                bad += 1;
                if bad > 100 {
                    return too_deep("more than 100 places that are no Python token".to_owned());
                }
            }
            _ => {}
        }
        chain += 1;
        if chain > limit.chain {
            return too_deep(format!("an expression of more than {} tokens without a comma", limit.chain));
        }
        if tokens > limit.tokens {
            return too_deep(format!("more than {} tokens", limit.tokens));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_source_has_more_tokens_than_are_counted_for_it() {
        for text in [
            "",
            "x",
            "x = 1if 0x1for 1_000else 0o18",
            "f'{a} {b:{c}}' rf\"{x!r} \" ' '",
            "if a:\n  if b:\n    c\nd",
            "\u{20ac}\u{20ac}\u{e9}x $?!`",
            "a\rb\r\nc \\\n d # e f",
            "t'{x}{y}' b'' u\"\"\"a\nb\"\"\" ...->:=**=//=",
        ] {
            let mut lexer = lexer::lex(text, Mode::Module);
            let tokens = std::iter::from_fn(|| Some(lexer.next_token()));
            let tokens = tokens.take_while(|kind| *kind != TokenKind::EndOfFile).count();
            let before = [b' '].into_iter().chain(text.bytes());
            let counted: usize = before.zip(text.bytes()).map(|(a, b)| usize::from(weight(a, b))).sum();
            assert!(tokens <= counted + 1, "{text:?}: {tokens} tokens, {counted} counted");
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_found_before_and_after_it_was_parsed() {
        let nested = |depth: usize| format!("x = {}1{}\n", "(".repeat(depth), ")".repeat(depth));
        for depth in [200, 201, 30_000] {
            let text = nested(depth);
            let parsed = ruff_python_parser::parse_unchecked(&text, Mode::Module.into());
            let before = check(&text, &Nesting::CPYTHON);
            assert_eq!(before.is_ok(), depth <= 200);
            assert_eq!(before, check_parsed(parsed.tokens(), &Nesting::CPYTHON));
        }
        assert!(is_small(&nested(30_000)) && !is_small(&nested(33_000)));
    }
}
