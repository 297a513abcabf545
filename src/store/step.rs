//! The states of a submission as types: a step consumes the state it starts from, so that only
//! the steps written here exist. The store takes a step by comparing and swapping.
//!
//! ```text
//! pending ─start─► running ─complete─► completed
//!    ▲                │ ├──fail──────► failed
//!    │                │ └──hold──────► held ─reject─► rejected
//!    ├────requeue─────┘                 │
//!    └────────────────release───────────┘
//! ```
//!
//! Beside these, what the gate let in may be held or rejected when it is asked again under another
//! policy ([`Admitted`]).

use jiff::Timestamp;
use sqlx::{Any, Transaction};

use super::rows::Event;
use super::{StoreError, record};
use crate::model::{Score, SubmissionId, SubmissionState as State};

/// It waits for a validator.
#[derive(Debug)]
pub(super) struct Pending(pub(super) SubmissionId);

/// At least one validator scores it or has scored it.
#[derive(Debug)]
pub(super) struct Running(pub(super) SubmissionId);

/// A person has to decide.
#[derive(Debug)]
pub(super) struct Held(pub(super) SubmissionId);

/// The gate let it in, and is asked again.
#[derive(Debug)]
pub(super) struct Admitted(SubmissionId, State);

/// A step that may be taken, once. Made by the methods of the states and by nothing else.
#[derive(Debug)]
pub(super) struct Step {
    id: SubmissionId,
    from: State,
    to: State,
    why: String,
    score: Option<Score>,
    /// How many validators may begin after it: `None` leaves that as it is.
    slots: Option<Slots>,
}

#[derive(Debug, Clone, Copy)]
enum Slots {
    None,
    Quorum,
}

impl Step {
    fn new(id: SubmissionId, from: State, to: State, why: String) -> Self {
        Self { id, from, to, why, score: None, slots: None }
    }
}

impl Pending {
    pub(super) fn start(self, why: String) -> Step {
        Step::new(self.0, State::Pending, State::Running, why)
    }
}

impl Running {
    pub(super) fn complete(self, score: Score, why: String) -> Step {
        let step = Step::new(self.0, State::Running, State::Completed, why);
        Step { score: Some(score), slots: Some(Slots::None), ..step }
    }

    /// Our fault, too often.
    pub(super) fn fail(self, why: String) -> Step {
        let step = Step::new(self.0, State::Running, State::Failed, why);
        Step { slots: Some(Slots::None), ..step }
    }

    /// Validators disagree.
    pub(super) fn hold(self, why: String) -> Step {
        let step = Step::new(self.0, State::Running, State::Held, why);
        Step { slots: Some(Slots::None), ..step }
    }

    pub(super) fn requeue(self, why: String) -> Step {
        Step::new(self.0, State::Running, State::Pending, why)
    }
}

impl Held {
    pub(super) fn release(self, why: String) -> Step {
        let step = Step::new(self.0, State::Held, State::Pending, why);
        Step { slots: Some(Slots::Quorum), ..step }
    }

    pub(super) fn reject(self, why: String) -> Step {
        Step::new(self.0, State::Held, State::Rejected, why)
    }
}

impl Admitted {
    /// `None` for a submission on which everything was said.
    pub(super) fn new(id: SubmissionId, state: State) -> Option<Self> {
        match state {
            State::Pending | State::Running | State::Completed | State::Held => Some(Self(id, state)),
            State::Failed | State::Rejected => None,
        }
    }

    pub(super) fn hold(self, why: String) -> Step {
        let step = Step::new(self.0, self.1, State::Held, why);
        Step { slots: Some(Slots::None), ..step }
    }

    pub(super) fn reject(self, why: String) -> Step {
        let step = Step::new(self.0, self.1, State::Rejected, why);
        Step { slots: Some(Slots::None), ..step }
    }
}

/// Takes the step and records it, or does nothing and answers `false` when the submission is not
/// in the state the step starts from.
pub(super) async fn take(
    transaction: &mut Transaction<'static, Any>,
    step: Step,
    actor: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let Step { id, from, to, why, score, slots } = step;
    let (resets, open) = match slots {
        None => (0, 0),
        Some(Slots::None) => (1, 0),
        Some(Slots::Quorum) => (1, 1),
    };
    // A state that needs an explanation keeps it; the others do not drag an old one along.
    let reason = match to {
        State::Failed | State::Rejected | State::Held => Some(why.clone()),
        State::Pending | State::Running | State::Completed => None,
    };
    let taken = sqlx::query(
        "UPDATE submissions SET state = $1, reason = $2, score = $3, updated_at = $4, \
         slots = CASE WHEN $5 = 0 THEN slots ELSE quorum * $6 END \
         WHERE id = $7 AND state = $8",
    )
    .bind(to.as_str())
    .bind(reason)
    .bind(score.map(|score| i64::from(score.hundredths())))
    .bind(at.as_millisecond())
    .bind(resets)
    .bind(open)
    .bind(id.to_string())
    .bind(from.as_str())
    .execute(&mut **transaction)
    .await
    .map_err(StoreError::query("take a step of a submission"))?;
    if taken.rows_affected() != 1 {
        return Ok(false);
    }
    let event = Event { at, actor: actor.to_owned(), from: Some(from), to, reason: why };
    record(transaction, &id.to_string(), &event).await?;
    Ok(true)
}
