//! Rows as checked values. What does not parse is our data gone wrong, and an error.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::StoreError;
use crate::diagnostic::Finding;
use crate::model::{Digest, MinerId, Score, SubmissionId, SubmissionState};

/// One submission as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The order of arrival.
    pub sequence: i64,
    pub id: SubmissionId,
    pub miner: MinerId,
    /// Of the bytes as they came.
    pub upload: Digest,
    /// Of the normalised text that is stored and run.
    pub source: Digest,
    pub policy: Digest,
    pub findings: Vec<Finding>,
    pub state: SubmissionState,
    pub reason: Option<String>,
    pub quorum: u32,
    pub faults: u32,
    pub attempts: u32,
    pub score: Option<Score>,
    pub received_at: Timestamp,
    pub updated_at: Timestamp,
}

/// One step of a submission: who took it, when, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub at: Timestamp,
    pub actor: String,
    pub from: Option<SubmissionState>,
    pub to: SubmissionState,
    pub reason: String,
}

/// A step among those of all submissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// The order in which they were taken.
    pub sequence: i64,
    pub submission: SubmissionId,
    pub event: Event,
}

/// PostgreSQL keeps no text with a NUL in it, and what SQLite keeps shall go into PostgreSQL too: the
/// symbol for it stands in its place.
pub fn storable(text: &str) -> String {
    text.replace('\0', "␀")
}

/// The columns that [`submission`] reads.
pub(super) const SUBMISSION: &str = "sequence, id, miner_id, upload_sha256, source_sha256, policy, \
     findings, state, reason, quorum, faults, attempts, score, received_at, updated_at";

/// Reads columns of one row and names what could not be read.
pub(super) struct Reader<'r> {
    pub(super) row: &'r AnyRow,
    pub(super) what: &'static str,
    pub(super) id: String,
}

impl Reader<'_> {
    pub(super) fn corrupt(&self, cause: impl ToString) -> StoreError {
        StoreError::Corrupt { what: self.what, id: self.id.clone(), cause: cause.to_string() }
    }

    pub(super) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.row.try_get(column).map_err(|error| self.corrupt(error))
    }

    pub(super) fn optional_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        self.row.try_get(column).map_err(|error| self.corrupt(error))
    }

    pub(super) fn parsed<T, E: ToString>(
        &self,
        column: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        parse(&self.text(column)?).map_err(|error| self.corrupt(error.to_string()))
    }

    pub(super) fn integer(&self, column: &str) -> Result<i64, StoreError> {
        self.row.try_get(column).map_err(|error| self.corrupt(error))
    }

    pub(super) fn number(&self, column: &str) -> Result<u32, StoreError> {
        u32::try_from(self.integer(column)?).map_err(|error| self.corrupt(error))
    }

    pub(super) fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        Timestamp::from_millisecond(self.integer(column)?).map_err(|error| self.corrupt(error))
    }

    pub(super) fn optional_time(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        let at: Option<i64> = self.row.try_get(column).map_err(|error| self.corrupt(error))?;
        at.map(|at| Timestamp::from_millisecond(at).map_err(|error| self.corrupt(error))).transpose()
    }

    pub(super) fn optional_score(&self, column: &str) -> Result<Option<Score>, StoreError> {
        let hundredths: Option<i64> = self.row.try_get(column).map_err(|error| self.corrupt(error))?;
        hundredths
            .map(|hundredths| {
                u32::try_from(hundredths)
                    .ok()
                    .and_then(Score::from_hundredths)
                    .ok_or_else(|| self.corrupt("a score out of range"))
            })
            .transpose()
    }

    pub(super) fn state(&self, column: &str) -> Result<SubmissionState, StoreError> {
        self.parsed(column, parse_state)
    }
}

fn parse_state(text: &str) -> Result<SubmissionState, String> {
    SubmissionState::parse(text).ok_or_else(|| format!("`{text}` is not a state"))
}

pub(super) fn submission(row: &AnyRow) -> Result<Submission, StoreError> {
    let id = row.try_get("id").map_err(StoreError::query("read a submission"))?;
    let reader = Reader { row, what: "submission", id };
    Ok(Submission {
        sequence: reader.integer("sequence")?,
        id: reader.parsed("id", SubmissionId::parse)?,
        miner: reader.parsed("miner_id", str::parse)?,
        upload: reader.parsed("upload_sha256", str::parse)?,
        source: reader.parsed("source_sha256", str::parse)?,
        policy: reader.parsed("policy", str::parse)?,
        findings: reader.parsed("findings", |text| serde_json::from_str(text))?,
        state: reader.state("state")?,
        reason: reader.optional_text("reason")?,
        quorum: reader.number("quorum")?,
        faults: reader.number("faults")?,
        attempts: reader.number("attempts")?,
        score: reader.optional_score("score")?,
        received_at: reader.time("received_at")?,
        updated_at: reader.time("updated_at")?,
    })
}

pub(super) fn event(row: &AnyRow) -> Result<Event, StoreError> {
    let sequence: i64 = row.try_get("sequence").map_err(StoreError::query("read an event"))?;
    let reader = Reader { row, what: "event", id: sequence.to_string() };
    let from = reader.optional_text("from_state")?;
    Ok(Event {
        at: reader.time("at")?,
        actor: reader.text("actor")?,
        from: from.map(|text| parse_state(&text).map_err(|cause| reader.corrupt(cause))).transpose()?,
        to: reader.state("to_state")?,
        reason: reader.text("reason")?,
    })
}
