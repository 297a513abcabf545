//! What a checker says of an answer.

/// The answer is right, or this is what differed first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    Same,
    Differs {
        /// What differed first, in words and in one line.
        message: String,
        /// The place of the first difference as a unified diff, at most some hundred characters
        /// wide and some dozen lines long. `None` where a diff would say nothing.
        diff: Option<String>,
    },
}

impl Comparison {
    pub fn is_same(&self) -> bool {
        matches!(self, Self::Same)
    }
}
