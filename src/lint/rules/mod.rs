//! The catalogue. A rule is a constant with its page and a function that finds it, in a file of
//! its own or with its closest kin; this table names each once.

mod attribute_dictionaries;
mod attributes;
mod builtins;
mod code_text;
mod computed;
mod deputies;
mod files;
mod generated;
mod hooks;
mod imports;
mod library;
mod names_in_text;
mod patterns;
mod resources;
pub(super) mod source;
mod upper_case;

use super::Rule;

/// Every rule, in the order of the codes.
pub fn rules() -> &'static [&'static Rule] {
    RULES
}

static RULES: &[&Rule] = &[
    &source::SYNTAX_ERROR,
    &source::NEWER_SYNTAX,
    &source::COMPILE_ERROR,
    &source::FOREIGN_ENCODING,
    &source::NOT_TEXT,
    &source::TOO_LARGE,
    &source::TOO_COMPLEX,
    &source::INVISIBLE_TEXT,
    &source::BAD_BUNDLE,
    &imports::THIRD_PARTY,
    &imports::PRIVATE,
    &imports::PROCESS,
    &imports::NETWORK,
    &imports::NATIVE,
    &imports::SERIALISATION,
    &imports::EVALUATOR,
    &imports::MACHINERY,
    &imports::SYSTEM,
    &imports::OTHER,
    &imports::STAR,
    &imports::RELATIVE,
    &builtins::DANGEROUS,
    &builtins::INTERPRETER_NAME,
    &builtins::OPEN_VALUE,
    &builtins::NAMESPACE,
    &builtins::REFLECTION_VALUE,
    &builtins::SITE_BUILTIN,
    &attributes::FRAME,
    &attributes::DUNDER,
    &attributes::PATTERN,
    &names_in_text::TEXT,
    &names_in_text::FORMAT,
    &attributes::FOREIGN_PRIVATE,
    &attributes::OUTWARD,
    &attribute_dictionaries::DICTIONARY,
    &attributes::COMPARISON,
    &library::MODULE_VALUE,
    &library::BORROWED,
    &library::DENIED,
    &library::UNKNOWN,
    &library::PROCESS,
    &library::NETWORK,
    &library::FRAME,
    &library::HOOK,
    &library::EVALUATOR,
    &library::REFLECTION,
    &library::FILES,
    &library::PRIVATE,
    &library::ALIAS,
    &computed::COMPUTED,
    &computed::DENIED_NAME,
    &computed::COMPUTED_GETTER,
    &code_text::CODE_TEXT,
    &code_text::ANNOTATION,
    &generated::GENERATED,
    &generated::REGISTER,
    &code_text::TESTS,
    &computed::COMPUTED_STORE,
    &deputies::DEPUTY,
    &deputies::EVALUATING_ARGUMENT,
    &files::WRITE,
    &files::READ,
    &files::RAW,
    &files::UNREADABLE_CALL,
    &files::COMPUTED_WRITE,
    &files::EXTRACTION,
    &files::DISGUISED,
    &hooks::LIBRARY_STORE,
    &hooks::REDUCE,
    &hooks::METADATA,
    &hooks::ENVIRONMENT,
    &hooks::NAMESPACE,
    &hooks::REDIRECT,
    &resources::ENTITY,
    &resources::HUGE_NUMBER,
    &resources::HUGE_REPEAT,
    &resources::ENDLESS,
    &resources::RECURSION,
    &patterns::PATTERN,
    &patterns::BOMB,
    &resources::DOUBLING,
];
