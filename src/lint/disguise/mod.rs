//! Whether a path is disguised: put together from constants of the source in a way that cannot be
//! computed here. Whoever means `data.txt` writes it; a path that is decoded, shuffled or decompressed
//! from constants, with nothing in it that the program was given, is meant not to be read.
//!
//! What an expression is made of is followed back to its leaves: constants of the source on one hand,
//! on the other what comes from outside (arguments, streams, files, the clock). What is not understood
//! counts as given, so that this errs on the side of silence.

mod calls;
mod ingredients;
mod library;
mod names;
mod walk;

use ruff_python_ast::Expr;

use super::context::Context;
use super::paths::Guess;
use ingredients::Ingredients;
use walk::Walk;

/// Why a path that is not known is no honest one, if it is none.
pub(super) fn of_path(
    expr: &Expr,
    guess: &Guess,
    reader: &str,
    cx: &Context<'_, '_>,
) -> Option<&'static str> {
    if guess.complete {
        return None;
    }
    let made_of = Walk::new(cx).of(expr);
    // Anything may have become of these, whatever else is beside them.
    if made_of.has(Ingredients::DECODED) {
        return Some("the path is decoded from constants of the source");
    }
    // A search for a marker in the folders above is honest; a look at all that is there is not.
    let looks_around = library::lists(reader) || made_of.has(Ingredients::ROOTED);
    if made_of.has(Ingredients::CLIMBED) && looks_around {
        return Some("the path is found by climbing from folder to folder");
    }
    if made_of.has(Ingredients::GIVEN) {
        return None;
    }
    if made_of.has(Ingredients::MACHINE) && (looks_around || made_of.has(Ingredients::UPWARD)) {
        return Some("the path is found from where the interpreter lies");
    }
    let begins = guess.texts.iter().any(|known| known.prefix && !known.text.trim_matches('/').is_empty());
    if made_of.has(Ingredients::CUT) && made_of.has(Ingredients::SLASH)
        || (made_of.has(Ingredients::ROOTED) || made_of.has(Ingredients::UPWARD)) && !begins
    {
        return Some("the path is put together from constants in a way that hides it");
    }
    None
}
