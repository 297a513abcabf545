//! What a monitoring system may count, in the text format of OpenMetrics. No name of a miner or a
//! path of a request becomes a label: labels are few and known.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use tracing_appender::non_blocking::ErrorCounter;

use crate::model::SubmissionState;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    /// The route as it is written in the code, never the path that was asked for.
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Histogram,
    gate_seconds: Histogram,
    gate_free: Gauge,
    submissions: Family<StateLabel, Gauge<i64>>,
    requeued: Counter<u64, AtomicU64>,
    made_room: Counter<u64, AtomicU64>,
    log_dropped: Counter<u64, AtomicU64>,
    log_errors: Option<ErrorCounter>,
}

impl Metrics {
    pub(super) fn new(log_errors: Option<ErrorCounter>) -> Self {
        let mut registry = Registry::with_prefix("portcullis");
        let metrics = (
            Family::default(),
            // 0.5 ms to 16 s.
            Histogram::new(exponential_buckets(0.0005, 2.0, 16)),
            Histogram::new(exponential_buckets(0.0005, 2.0, 16)),
            Gauge::default(),
            Family::default(),
            Counter::default(),
        );
        let (requests, seconds, gate_seconds, gate_free, submissions, requeued) = metrics;
        registry.register("requests", "Requests that were answered", Family::clone(&requests));
        registry.register_with_unit(
            "request_duration",
            "Time from a request's head to its answer's head",
            Unit::Seconds,
            seconds.clone(),
        );
        registry.register_with_unit(
            "gate_duration",
            "Time of an upload in the gate, waiting included",
            Unit::Seconds,
            gate_seconds.clone(),
        );
        registry.register(
            "gate_free_places",
            "Uploads that may come before the gate is busy",
            Gauge::clone(&gate_free),
        );
        registry.register("submissions", "Submissions by state", Family::clone(&submissions));
        registry.register(
            "leases_expired",
            "Assignments whose validator went silent",
            Counter::clone(&requeued),
        );
        let (made_room, log_dropped) = (Counter::default(), Counter::default());
        registry.register(
            "connections_made_room",
            "Slow connections that were ended because there were too many",
            Counter::clone(&made_room),
        );
        registry.register(
            "log_lines_dropped",
            "Lines that the log could not keep up with",
            Counter::clone(&log_dropped),
        );
        Self {
            registry,
            requests,
            seconds,
            gate_seconds,
            gate_free,
            submissions,
            requeued,
            made_room,
            log_dropped,
            log_errors,
        }
    }

    pub(super) fn request(&self, method: &http::Method, route: Option<&str>, status: u16, took: Duration) {
        let method = match method.as_str() {
            "GET" => "GET",
            "POST" => "POST",
            "HEAD" => "HEAD",
            _ => "other",
        };
        let route = route.unwrap_or("unknown").to_owned();
        self.requests.get_or_create(&RequestLabels { method, route, status }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub(super) fn gate(&self, took: Duration) {
        self.gate_seconds.observe(took.as_secs_f64());
    }

    pub(super) fn expired(&self, leases: usize) {
        self.requeued.inc_by(leases as u64);
    }

    pub(super) fn made_room(&self) {
        self.made_room.inc();
    }

    /// Everything, with the numbers that are read when they are asked for.
    pub(super) fn text(
        &self,
        free: usize,
        states: &[(SubmissionState, u64)],
    ) -> Result<String, std::fmt::Error> {
        self.gate_free.set(i64::try_from(free).unwrap_or(i64::MAX));
        for state in SubmissionState::ALL {
            let count = states.iter().find(|(known, _)| *known == state).map_or(0, |(_, count)| *count);
            let label = StateLabel { state: state.as_str() };
            self.submissions.get_or_create(&label).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        let dropped = self.log_errors.as_ref().map_or(0, ErrorCounter::dropped_lines) as u64;
        self.log_dropped.inner().fetch_max(dropped, Ordering::Relaxed);
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}
