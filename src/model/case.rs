//! What a case and a task came to, once the facts were judged.

use serde::{Deserialize, Serialize};

use super::{Score, Slug, Usage};

/// The verdict on one case. The order of the variants is their precedence: where two apply, the
/// earlier one is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseVerdict {
    /// We failed. Never scored; retried.
    InternalError,
    OutputLimit,
    TimeLimit,
    MemoryLimit,
    ProcessLimit,
    RuntimeError,
    WrongAnswer,
    Accepted,
    /// Not run, because an earlier result made it pointless or the run was cancelled.
    Skipped,
}

impl CaseVerdict {
    /// Whether the agent was judged. A fault of ours and a case that was not run say nothing of it.
    pub const fn is_judged(self) -> bool {
        !matches!(self, Self::InternalError | Self::Skipped)
    }

    pub const ALL: [Self; 9] = [
        Self::InternalError,
        Self::OutputLimit,
        Self::TimeLimit,
        Self::MemoryLimit,
        Self::ProcessLimit,
        Self::RuntimeError,
        Self::WrongAnswer,
        Self::Accepted,
        Self::Skipped,
    ];

    /// The word of the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InternalError => "internal_error",
            Self::OutputLimit => "output_limit",
            Self::TimeLimit => "time_limit",
            Self::MemoryLimit => "memory_limit",
            Self::ProcessLimit => "process_limit",
            Self::RuntimeError => "runtime_error",
            Self::WrongAnswer => "wrong_answer",
            Self::Accepted => "accepted",
            Self::Skipped => "skipped",
        }
    }
}

impl std::fmt::Display for CaseVerdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// One judged case, as reports and the store show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseResult {
    pub name: Slug,
    pub verdict: CaseVerdict,
    pub usage: Usage,
    /// What differed first, or why the program failed, in one line.
    pub message: Option<String>,
    /// The first difference as a unified diff, bounded in length.
    pub diff: Option<String>,
    /// Of a case that was run more than once, the verdict of each run in their order; `verdict` is
    /// the worst of them. Empty for a case that was run once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeats: Vec<CaseVerdict>,
}

impl CaseResult {
    /// Whether its runs came to different verdicts.
    pub fn is_flaky(&self) -> bool {
        self.repeats.windows(2).any(|pair| pair[0] != pair[1])
    }
}

/// All cases of one task for one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskResult {
    pub task: Slug,
    /// `None` when our own fault kept a case from being judged: no score is better than a false 0.
    pub score: Option<Score>,
    /// Of a task that has public and hidden cases, the score of each kind by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    pub cases: Vec<CaseResult>,
}

/// What a task's score would be if it had only its public, or only its hidden cases. An agent that
/// knows the public answers by heart shows in the gap between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    pub public: Score,
    pub hidden: Score,
}
