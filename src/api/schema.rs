//! Schemas of the types that live in the pure rooms, which know nothing of OpenAPI. They are
//! never built; a test holds them to what the real types serialise.

#![expect(dead_code, reason = "only their schemas are used")]

use utoipa::ToSchema;

/// 1 to 64 ASCII letters, digits, `-` and `_`, beginning with a letter or digit.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
pub(crate) struct Name(String);

/// As a miner's id, without upper case.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,63}$")]
pub(crate) struct SlugName(String);

/// One finding of the gate. Lines and columns count from 1, columns in Unicode scalar values; the
/// end is exclusive.
#[derive(Debug, ToSchema)]
pub(crate) struct Finding {
    /// `PC` and a number; stable.
    code: String,
    rule: String,
    severity: Severity,
    message: String,
    /// The honest alternative, where there is one.
    #[schema(required)]
    help: Option<String>,
    /// The qualified name that the finding is about.
    #[schema(required)]
    name: Option<String>,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    /// The chain that made the name dangerous, nearest link first. Absent where there is none.
    notes: Option<Vec<Note>>,
    /// The file of the bundle. Absent where the subject is one file.
    file: Option<String>,
}

/// How a key signs.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum SignatureScheme {
    Ed25519,
    Sr25519,
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Severity {
    Error,
    Warning,
}

/// A place that explains a finding.
#[derive(Debug, ToSchema)]
pub(crate) struct Note {
    message: String,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum SubmissionState {
    Pending,
    Running,
    Completed,
    Failed,
    Rejected,
    Held,
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum GateVerdict {
    Accepted,
    NeedsReview,
    Rejected,
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum CaseVerdict {
    InternalError,
    OutputLimit,
    TimeLimit,
    MemoryLimit,
    ProcessLimit,
    RuntimeError,
    WrongAnswer,
    Accepted,
    Skipped,
}

/// What the kernel measured of one case.
#[derive(Debug, ToSchema)]
pub(crate) struct Usage {
    wall_ms: u64,
    cpu_ms: u64,
    memory_kib: u64,
}

/// One judged case. Of a hidden case, `message` and `diff` stay with the platform.
#[derive(Debug, ToSchema)]
pub(crate) struct CaseResult {
    name: SlugName,
    verdict: CaseVerdict,
    usage: Usage,
    #[schema(required)]
    message: Option<String>,
    #[schema(required)]
    diff: Option<String>,
    /// Of a case that was run more than once, the verdict of each run; `verdict` is the worst.
    #[schema(required = false)]
    repeats: Vec<CaseVerdict>,
}

/// All cases of one task for one agent.
#[derive(Debug, ToSchema)]
pub(crate) struct TaskResult {
    task: SlugName,
    /// 0 to 100 with at most two decimals; null when our own fault kept a case from being judged.
    #[schema(required, minimum = 0, maximum = 100)]
    score: Option<f64>,
    /// Of a task that has public and hidden cases; absent otherwise.
    #[schema(required = false, nullable = false)]
    split: Option<Split>,
    cases: Vec<CaseResult>,
}

/// What the score would be if the task had only its public, or only its hidden cases.
#[derive(Debug, ToSchema)]
pub(crate) struct Split {
    #[schema(minimum = 0, maximum = 100)]
    public: f64,
    #[schema(minimum = 0, maximum = 100)]
    hidden: f64,
}

/// What one run may use.
#[derive(Debug, ToSchema)]
pub(crate) struct Limits {
    wall_ms: u64,
    cpu_ms: u64,
    memory_kib: u64,
    processes: u64,
    output_bytes: u64,
    scratch_kib: u64,
    scratch_files: u64,
    open_files: u64,
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum IsolationLevel {
    Full,
    Reduced,
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Difficulty {
    Easy,
    Medium,
    Hard,
    Expert,
}
