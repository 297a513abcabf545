//! The kinds of ingredients that an expression may be made of, as a set.

use super::library::Effect;

/// A set of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ingredients(u8);

impl Ingredients {
    /// Numbers, and text that leads nowhere by itself.
    pub(super) const NOTHING: Self = Self(0);
    /// Something from outside of the source, or that is not understood.
    pub(super) const GIVEN: Self = Self(1);
    /// A constant with a slash in it.
    pub(super) const SLASH: Self = Self(2);
    /// A constant that begins with a slash or a tilde, and is not in the temporary folder.
    pub(super) const ROOTED: Self = Self(4);
    /// Parts of text, or its letters in another order.
    pub(super) const CUT: Self = Self(8);
    /// What came out of a function that makes new text of constants.
    pub(super) const DECODED: Self = Self(16);
    /// Where the interpreter lies.
    pub(super) const MACHINE: Self = Self(32);
    /// The parent of the parent of the parent …
    pub(super) const CLIMBED: Self = Self(64);
    /// A constant that leads upwards: `..`.
    pub(super) const UPWARD: Self = Self(128);

    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What a function that does this makes of them.
    pub(super) const fn after(self, effect: Effect) -> Self {
        match effect {
            Effect::Keeps => self,
            Effect::Counts => Self(self.0 & Self::GIVEN.0),
            Effect::Cuts => self.and(Self::CUT),
            Effect::Decodes if self.has(Self::GIVEN) => self,
            Effect::Decodes => self.and(Self::DECODED),
            Effect::Brings => Self::GIVEN,
        }
    }

    pub(super) fn of_text(text: &str) -> Self {
        let mut found = Self::NOTHING;
        if text.contains(['/', '\\']) {
            found = found.and(Self::SLASH);
        }
        if text.contains("..") {
            found = found.and(Self::UPWARD);
        }
        // `{:/>4}` fills with slashes.
        if text.contains(":/>") || text.contains(":/<") || text.contains(":/^") {
            found = found.and(Self::ROOTED);
        }
        if text.starts_with(['/', '~']) && !text.starts_with("/tmp") && !text.starts_with("/dev/std") {
            found = found.and(Self::ROOTED);
        }
        found
    }
}
