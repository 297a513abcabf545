//! What the measuring process reports, what it means, and the score.

use serde::Deserialize;

use super::{MILLION, Metric, Microbits};
use crate::model::{CaseVerdict, Score};

/// The stretch of the training stream that is looked at for knowledge that nobody can have.
pub(super) const FIRST: usize = 64;
/// No byte costs more, because a share of a uniform distribution is mixed in.
const MOST_BITS: u64 = 32;
/// Held-out bytes that cost so much more than the training stream halve the score.
const GAP: Microbits = MILLION;

#[derive(Debug, Deserialize)]
struct Report {
    bytes: u64,
    microbits: u64,
    first_microbits: u64,
    #[serde(default)]
    state: Option<String>,
}

/// What one stream cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    pub per_byte: Microbits,
    /// The mean of the first bytes.
    pub first: Microbits,
    /// What was learned, in base64. Of the training only.
    pub state: Option<String>,
}

impl Measured {
    /// Reads the report on a stream of `bytes` bytes.
    ///
    /// # Errors
    /// What is wrong with it. Our own process writes it, so that is our fault.
    pub(super) fn read(stdout: &[u8], bytes: usize) -> Result<Self, String> {
        let report: Report = serde_json::from_slice(stdout)
            .map_err(|error| format!("the measurement is no report: {error}"))?;
        let most = MOST_BITS * MILLION;
        let is_whole = report.bytes == bytes as u64 && bytes > 0;
        if !is_whole || report.microbits > most.saturating_mul(report.bytes) || report.first_microbits > most
        {
            return Err("the measurement contradicts itself".to_owned());
        }
        // Rounded up: nobody is better than measured.
        let per_byte = report.microbits.div_ceil(report.bytes);
        Ok(Self { per_byte, first: report.first_microbits, state: report.state })
    }
}

impl Metric {
    /// The report on the training, or on the held-out stream.
    ///
    /// # Errors
    /// That the measuring process said something that it cannot have measured.
    pub fn training(&self, stdout: &[u8]) -> Result<Measured, String> {
        Measured::read(stdout, self.train.len())
    }

    /// # Errors
    /// As [`Metric::training`].
    pub fn held_out(&self, stdout: &[u8]) -> Result<Measured, String> {
        Measured::read(stdout, self.held_out.len())
    }

    /// Whether the training stream was known before it began.
    pub fn is_anomalous(&self, training: &Measured) -> bool {
        training.first < self.anomaly
    }

    /// The verdict on the training.
    pub fn judge_training(&self, training: &Measured) -> (CaseVerdict, String) {
        if self.is_anomalous(training) {
            let (first, least) = (bits(training.first), bits(self.anomaly));
            let message = format!(
                "anomaly at step 0: the first {FIRST} bytes cost {first} bits each before anything was learned; \
                 at least {least} are possible without knowing them"
            );
            return (CaseVerdict::WrongAnswer, message);
        }
        self.against_the_baseline(training)
    }

    /// The verdict on the held-out stream.
    pub fn judge_held_out(&self, held_out: &Measured) -> (CaseVerdict, String) {
        self.against_the_baseline(held_out)
    }

    fn against_the_baseline(&self, measured: &Measured) -> (CaseVerdict, String) {
        let cost = bits(measured.per_byte);
        if measured.per_byte <= self.baseline {
            (CaseVerdict::Accepted, format!("{cost} bits per byte"))
        } else {
            let baseline = bits(self.baseline);
            (CaseVerdict::WrongAnswer, format!("{cost} bits per byte, and at most {baseline} are asked for"))
        }
    }

    /// 100 ÷ (1 + bpb) of the dearer of the two streams, rounded down; half of it when the held-out
    /// stream costs over one bit per byte more than the training; 0 for an anomaly.
    pub fn score(&self, training: &Measured, held_out: &Measured) -> Score {
        if self.is_anomalous(training) {
            return Score::ZERO;
        }
        let cost = training.per_byte.max(held_out.per_byte);
        let share = if held_out.per_byte > training.per_byte.saturating_add(GAP) { 2 } else { 1 };
        Score::of_share(MILLION, share * (MILLION + cost))
    }
}

/// `2.5`, `1.228444`.
fn bits(microbits: Microbits) -> String {
    let text = format!("{}.{:06}", microbits / MILLION, microbits % MILLION);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric() -> Metric {
        Metric {
            train: vec![0; 4].into(),
            held_out: vec![0; 2].into(),
            baseline: 3 * MILLION,
            anomaly: 4 * MILLION,
            seed: 1,
            state_bytes: 100,
            modules: Vec::new(),
            gpus: 0,
        }
    }

    fn measured(per_byte: Microbits, first: Microbits) -> Measured {
        Measured { per_byte, first, state: None }
    }

    #[track_caller]
    fn scores(training: Microbits, held_out: Microbits, score: &str) {
        let (training, held_out) = (measured(training, 6 * MILLION), measured(held_out, 0));
        assert_eq!(metric().score(&training, &held_out).to_string(), score);
    }

    #[test]
    fn the_score_is_that_of_the_dearer_stream() {
        scores(MILLION, MILLION, "50");
        scores(3 * MILLION, MILLION, "25");
        scores(2 * MILLION, 3 * MILLION, "25");
        scores(0, 0, "100");
        scores(1, 0, "99.99");
    }

    #[test]
    fn knowing_the_training_stream_by_heart_costs_half_and_knowing_its_beginning_all() {
        scores(2 * MILLION, 3 * MILLION + 1, "12.49");
        let known = measured(0, 4 * MILLION - 1);
        assert_eq!(metric().score(&known, &measured(0, 0)), Score::ZERO);
        assert_eq!(metric().judge_training(&known).0, CaseVerdict::WrongAnswer);
        assert_eq!(metric().judge_training(&measured(0, 4 * MILLION)).0, CaseVerdict::Accepted);
    }

    #[test]
    fn a_report_that_cannot_be_true_is_our_fault() {
        let read = |text: &str| metric().training(text.as_bytes());
        let good =
            "{\"bytes\": 4, \"microbits\": 9, \"first_microbits\": 1, \"curve\": [], \"state\": \"AA==\"}";
        assert_eq!(read(good).map(|measured| measured.per_byte), Ok(3));
        for wrong in [
            "",
            "{}",
            "{\"bytes\": 3, \"microbits\": 9, \"first_microbits\": 1}",
            "{\"bytes\": 4, \"microbits\": 128000001, \"first_microbits\": 1}",
            "{\"bytes\": 4, \"microbits\": 9, \"first_microbits\": 32000001}",
            "{\"bytes\": 4, \"microbits\": -1, \"first_microbits\": 1}",
            "{\"bytes\": 4, \"microbits\": NaN, \"first_microbits\": 1}",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
