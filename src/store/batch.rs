//! Lets in many submissions with the few statements that one would take. Only for SQLite, which has one
//! writer: nobody else decides at the same time. What is decided is the same as in
//! `Store::admit_within`, one after the other; a property test compares the two.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use sqlx::{Any, Row as _, Transaction};

use super::bans::{self, BAN, Ban};
use super::quota::{self, Quota};
use super::rows::Reader;
use super::submissions::{findings_json, open_hold};
use super::{Admission, NewSubmission, Store, StoreError, Submission, shelf};
use crate::model::{Digest, MinerId, SubmissionId};

const DOING: &str = "store submissions";

/// What is known of those who arrive, and grows as they are let in.
struct Known {
    /// Who holds a name, by the name without its case.
    names: HashMap<String, MinerId>,
    bans: HashMap<String, Ban>,
    /// Who has submitted a source.
    sources: HashMap<Digest, (SubmissionId, MinerId)>,
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
        let stored = insert(&mut transaction, miners, &taken).await?;
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
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT 'name' AS found, folded, id FROM miners WHERE folded IN (SELECT value FROM json_each($1)); \
         SELECT 'ban' AS found, {BAN} FROM bans \
         WHERE lifted_at IS NULL AND folded IN (SELECT value FROM json_each($1)); \
         SELECT 'source' AS found, source_sha256, id, miner_id FROM submissions \
         WHERE state <> 'failed' AND source_sha256 IN (SELECT value FROM json_each($2))"
    )))
    .bind(Value::from(folded).to_string())
    .bind(Value::from(digests).to_string())
    .fetch_all(&mut **transaction)
    .await
    .map_err(StoreError::query(DOING))?;

    let mut known = Known { names: HashMap::new(), bans: HashMap::new(), sources: HashMap::new() };
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
            _ => {
                let earlier =
                    (reader.parsed("id", SubmissionId::parse)?, reader.parsed("miner_id", str::parse)?);
                known.sources.insert(reader.parsed("source_sha256", str::parse)?, earlier);
            }
        }
    }
    Ok(known)
}

/// One message: the statements take their parameters by number, and a list of nothing inserts nothing.
const INSERT: &str = "\
    INSERT INTO miners (id, folded, created_at) \
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($1); \
    INSERT INTO sources (sha256, bytes, created_at) \
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($2) WHERE true \
    ON CONFLICT (sha256) DO NOTHING; \
    INSERT INTO submissions (id, miner_id, upload_sha256, source_sha256, policy, findings, \
    state, reason, slots, quorum, received_at, updated_at) \
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, \
    value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 10 FROM json_each($3) ORDER BY key \
    RETURNING id, sequence; \
    INSERT INTO audit_events (at, actor, submission_id, to_state, reason) \
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each($4) ORDER BY key";

/// Stores those that are let in, in their order.
async fn insert(
    transaction: &mut Transaction<'static, Any>,
    miners: Vec<Value>,
    taken: &[&NewSubmission],
) -> Result<Vec<Submission>, StoreError> {
    if taken.is_empty() {
        return Ok(Vec::new());
    }
    let sources = taken.iter().map(|new| json!([new.source, new.source_bytes, new.at.as_millisecond()]));
    let mut submissions = Vec::with_capacity(taken.len());
    for new in taken {
        submissions.push(json!([
            new.id,
            new.miner.as_str(),
            new.upload,
            new.source,
            new.policy,
            findings_json(new.id, &new.findings)?,
            new.state().as_str(),
            new.hold,
            new.slots(),
            new.quorum,
            new.at.as_millisecond(),
        ]));
    }
    let events = taken.iter().map(|new| {
        let (at, state) = (new.at.as_millisecond(), new.state().as_str());
        json!([at, new.miner.as_str(), new.id, state, new.first_words()])
    });
    let numbers = sqlx::query(INSERT)
        .bind(Value::from(miners).to_string())
        .bind(Value::from_iter(sources).to_string())
        .bind(Value::from(submissions).to_string())
        .bind(Value::from_iter(events).to_string())
        .fetch_all(&mut **transaction)
        .await
        .map_err(StoreError::query(DOING))?;
    shelf::shelve(transaction, taken).await?;
    let mut sequences = HashMap::with_capacity(numbers.len());
    for row in &numbers {
        let id: String = row.try_get("id").map_err(StoreError::query(DOING))?;
        let reader = Reader { row, what: "submission", id };
        sequences.insert(reader.parsed("id", SubmissionId::parse)?, reader.integer("sequence")?);
    }

    for new in taken {
        if let Some(reason) = &new.hold {
            open_hold(transaction, new.id, reason, new.at).await?;
        }
    }
    taken
        .iter()
        .map(|new| {
            let lost = || StoreError::Corrupt {
                what: "submission",
                id: new.id.to_string(),
                cause: "it was stored and has no number".to_owned(),
            };
            sequences.get(&new.id).map(|sequence| new.stored_as(*sequence)).ok_or_else(lost)
        })
        .collect()
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
