//! Lets in many submissions with the few statements that one would take. Only for SQLite, which has one
//! writer: nobody else decides at the same time. What is decided is the same as in
//! `Store::admit_within`, one after the other; a property test compares the two.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, Row as _, Transaction};

use super::bans::{self, BAN, Ban};
use super::quota::{self, Quota};
use super::rows::Reader;
use super::submissions::{findings_json, open_hold};
use super::together::MOST;
use super::{Admission, NewSubmission, Store, StoreError, Submission};
use crate::model::{Digest, MinerId, SubmissionId};

const DOING: &str = "store submissions";

/// What is known of those who arrive, and grows as they are let in.
struct Known {
    /// Who holds a name, by the name without its case.
    names: HashMap<String, MinerId>,
    bans: HashMap<String, Ban>,
    /// Who has submitted a source.
    sources: HashMap<Digest, (SubmissionId, MinerId)>,
    /// The number of the last submission.
    last: i64,
}

impl Store {
    /// Decides in order. `None` are the last ones, which have to be asked again: after what is decided
    /// now was stored, because the quota of a miner counts that. The first one is always decided.
    pub(super) async fn admit_all(
        &self,
        all: &[NewSubmission],
    ) -> Result<Vec<Option<Admission>>, StoreError> {
        let mut transaction = self.begin(DOING).await?;
        let mut known = known(&mut transaction, all).await?;
        let mut miners = Vec::new();
        let mut taken: Vec<&NewSubmission> = Vec::new();
        let mut counted: HashSet<&MinerId> = HashSet::new();
        let mut admissions = Vec::with_capacity(all.len());
        for new in all {
            let folded = new.miner.as_str().to_ascii_lowercase();
            if let Some(ban) = known.bans.get(&folded) {
                admissions.push(Some(Admission::Banned(Box::new(ban.clone()))));
                continue;
            }
            let holder = known.names.get(&folded);
            if let Some(by) = holder.filter(|by| **by != new.miner) {
                admissions.push(Some(Admission::NameTaken { by: by.clone() }));
                continue;
            }
            if let Some((earlier, miner)) = known.sources.get(&new.source) {
                admissions.push(Some(Admission::Duplicate { earlier: *earlier, miner: miner.clone() }));
                continue;
            }
            if new.quota != Quota::default() {
                if counted.contains(&new.miner) {
                    break;
                }
                let exceeded =
                    quota::exceeded(&mut transaction, new.quota, &new.miner, new.source_bytes, new.at)
                        .await?;
                if let Some(exceeded) = exceeded {
                    admissions.push(Some(Admission::OverQuota(exceeded)));
                    continue;
                }
            }
            if holder.is_none() {
                miners.push(json!([new.miner.as_str(), folded, new.at.as_millisecond()]));
                known.names.insert(folded, new.miner.clone());
            }
            known.sources.insert(new.source, (new.id, new.miner.clone()));
            counted.insert(&new.miner);
            taken.push(new);
            // Filled in when its row has a number.
            admissions.push(None);
        }
        let stored = insert(&mut transaction, known.last, miners, &taken).await?;
        transaction.commit().await.map_err(StoreError::query(DOING))?;
        admissions.resize(all.len(), None);
        let mut stored: HashMap<SubmissionId, Submission> =
            stored.into_iter().map(|submission| (submission.id, submission)).collect();
        for (admission, new) in admissions.iter_mut().zip(all) {
            if let Some(submission) = stored.remove(&new.id) {
                *admission = Some(Admission::Stored(Box::new(submission)));
            }
        }
        Ok(admissions)
    }
}

/// Asks for everything that decides about `all`, in one message to the database: each message changes
/// threads twice.
async fn known(
    transaction: &mut Transaction<'static, Any>,
    all: &[NewSubmission],
) -> Result<Known, StoreError> {
    let folded: Vec<Value> = all.iter().map(|new| new.miner.as_str().to_ascii_lowercase().into()).collect();
    let digests: Vec<Value> = all.iter().map(|new| new.source.to_string().into()).collect();
    // The order of the tables is ours: each of what arrives is looked up by an index.
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT 'name' AS found, folded, miners.id FROM json_each($1) CROSS JOIN miners ON folded = value; \
         SELECT 'ban' AS found, {BAN} FROM bans \
         WHERE lifted_at IS NULL AND folded IN (SELECT value FROM json_each($1)); \
         SELECT 'source' AS found, source_sha256, submissions.id, miner_id \
         FROM json_each($2) CROSS JOIN sources ON sha256 = value \
         CROSS JOIN submissions ON sequence = latest WHERE state <> 'failed'; \
         SELECT 'last' AS found, 'submissions' AS id, seq FROM sqlite_sequence WHERE name = 'submissions'"
    )))
    .bind(Value::from(folded).to_string())
    .bind(Value::from(digests).to_string())
    .fetch_all(&mut **transaction)
    .await
    .map_err(StoreError::query(DOING))?;

    let mut known = Known { names: HashMap::new(), bans: HashMap::new(), sources: HashMap::new(), last: 0 };
    for row in &rows {
        let id: String = row.try_get("id").map_err(StoreError::query(DOING))?;
        let reader = Reader { row, what: "submission", id };
        match reader.text("found")?.as_str() {
            "name" => {
                known.names.insert(reader.text("folded")?, reader.parsed("id", str::parse)?);
            }
            "ban" => {
                let ban = bans::ban(row)?;
                known.bans.insert(ban.miner.as_str().to_ascii_lowercase(), ban);
            }
            "last" => known.last = reader.integer("seq")?,
            _ => {
                let earlier =
                    (reader.parsed("id", SubmissionId::parse)?, reader.parsed("miner_id", str::parse)?);
                known.sources.insert(reader.parsed("source_sha256", str::parse)?, earlier);
            }
        }
    }
    Ok(known)
}

/// Rows are values of the statement, of which there is one for each power of two: it is prepared once. What
/// it has more rows than there are is NULL in the first column, and left out. Parameters have no numbers,
/// because the library looks each number up from the first on.
fn statement(rows: usize) -> Arc<str> {
    static ALL: LazyLock<Vec<Arc<str>>> =
        LazyLock::new(|| (0..=MOST.ilog2()).map(|power| written(1 << power).into()).collect());
    ALL.get(rows.next_power_of_two().ilog2() as usize).map_or_else(|| written(rows).into(), Arc::clone)
}

/// Most who arrive are known: newcomers are one parameter, and none of them insert nothing. A row that
/// cannot be stored ends the whole transaction; `OR FAIL` saves keeping what its statement would undo.
fn written(rows: usize) -> String {
    let values = |columns: usize| {
        let row = format!("({})", vec!["?"; columns].join(","));
        format!("(VALUES {}) WHERE column1 IS NOT NULL", vec![row; rows].join(","))
    };
    let (sources, submissions, events, shelf) =
        (values(SOURCE_COLUMNS), values(SUBMISSION_COLUMNS), values(EVENT_COLUMNS), values(SHELF_COLUMNS));
    format!(
        "INSERT INTO miners (id, folded, created_at) \
         SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?); \
         INSERT OR FAIL INTO sources (sha256, bytes, created_at, latest) \
         SELECT column1, column2, column3, column4 FROM {sources} \
         ON CONFLICT (sha256) DO UPDATE SET latest = excluded.latest; \
         INSERT OR FAIL INTO submissions (sequence, id, miner_id, upload_sha256, source_sha256, policy, \
         findings, state, reason, slots, quorum, received_at, updated_at) \
         SELECT column1, column2, column3, column4, column5, column6, column7, column8, column9, column10, \
         column11, column12, column12 FROM {submissions}; \
         INSERT OR FAIL INTO audit_events (at, actor, submission_id, to_state, reason) \
         SELECT column1, column2, column3, column4, column5 FROM {events}; \
         INSERT OR FAIL INTO shelf (sha256, place, text) \
         SELECT column1, column2, column3 FROM {shelf}"
    )
}

const SOURCE_COLUMNS: usize = 4;
const SUBMISSION_COLUMNS: usize = 12;
const EVENT_COLUMNS: usize = 5;
const SHELF_COLUMNS: usize = 3;

/// Stores those that are let in, in their order, behind the submission with the number `last`. One message.
async fn insert(
    transaction: &mut Transaction<'static, Any>,
    last: i64,
    miners: Vec<Value>,
    taken: &[&NewSubmission],
) -> Result<Vec<Submission>, StoreError> {
    if taken.is_empty() {
        return Ok(Vec::new());
    }
    let stored: Vec<Submission> =
        (last + 1..).zip(taken).map(|(number, new)| new.stored_as(number)).collect();
    let spare = taken.len().next_power_of_two() - taken.len();
    let mut query =
        sqlx::query(sqlx::AssertSqlSafe(statement(taken.len()))).bind(Value::from(miners).to_string());
    for (new, stored) in taken.iter().zip(&stored) {
        let bytes = i64::try_from(new.source_bytes).unwrap_or(i64::MAX);
        query = query
            .bind(new.source.to_string())
            .bind(bytes)
            .bind(new.at.as_millisecond())
            .bind(stored.sequence);
    }
    query = nothing(query, spare * SOURCE_COLUMNS);
    for (new, stored) in taken.iter().zip(&stored) {
        query = query
            .bind(stored.sequence)
            .bind(new.id.to_string())
            .bind(new.miner.to_string())
            .bind(new.upload.to_string())
            .bind(new.source.to_string())
            .bind(new.policy.to_string())
            .bind(findings_json(new.id, &new.findings)?)
            .bind(stored.state.as_str())
            .bind(new.hold.clone())
            .bind(i64::from(new.slots()))
            .bind(i64::from(new.quorum))
            .bind(new.at.as_millisecond());
    }
    query = nothing(query, spare * SUBMISSION_COLUMNS);
    for (new, stored) in taken.iter().zip(&stored) {
        query = query
            .bind(new.at.as_millisecond())
            .bind(new.miner.to_string())
            .bind(new.id.to_string())
            .bind(stored.state.as_str())
            .bind(new.first_words());
    }
    query = nothing(query, spare * EVENT_COLUMNS);
    for (new, stored) in taken.iter().zip(&stored) {
        let text = new.text.as_ref();
        query = query
            .bind(text.map(|_| new.source.to_string()))
            .bind(stored.sequence)
            .bind(text.map(|text| text.as_bytes().to_vec()));
    }
    // Parameters that are left out are NULL too.
    query.execute(&mut **transaction).await.map_err(StoreError::query(DOING))?;
    for new in taken {
        if let Some(reason) = &new.hold {
            open_hold(transaction, new.id, reason, new.at).await?;
        }
    }
    Ok(stored)
}

fn nothing(mut query: Query<'_, Any, AnyArguments>, many: usize) -> Query<'_, Any, AnyArguments> {
    for _ in 0..many {
        query = query.bind(None::<i64>);
    }
    query
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    /// What fails here would be done one by one, and nobody would see but by the clock.
    #[tokio::test]
    async fn newcomers_and_those_who_are_known_are_let_in_together() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open_file(&folder.path().join("db")).await.expect("a store");
        let of = |who: &str, text: &str| NewSubmission {
            id: SubmissionId::generate(),
            miner: MinerId::parse(who).expect("a miner id"),
            upload: Digest::of(text.as_bytes()),
            source: Digest::of(text.as_bytes()),
            source_bytes: text.len() as u64,
            text: Some(text.into()),
            policy: Digest::of(b"policy"),
            findings: Vec::new(),
            hold: None,
            quorum: 1,
            quota: Quota::default(),
            upstream: None,
            at: Timestamp::UNIX_EPOCH,
        };
        store
            .ban(&MinerId::parse("mallory").expect("a miner id"), "why", "operator", Timestamp::UNIX_EPOCH)
            .await
            .expect("it works");
        for round in ["first", "second"] {
            let all = [
                of("alice", round),
                of("bob", &format!("{round} of bob")),
                of("mallory", "x"),
                of("alice", "first"),
            ];
            let admissions = store.admit_all(&all).await.expect("together");
            let stored = admissions.iter().filter(|one| matches!(one, Some(Admission::Stored(_)))).count();
            assert_eq!((stored, admissions.len()), (2, 4), "{admissions:?}");
        }
    }
}
