//! `/metrics`: how the plugins are, for Prometheus (text exposition format 0.0.4).

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use sportello_host::{BreakerState, LATENCY_BUCKETS, Stats};

use super::App;
use super::problem::Problem;
use crate::config::Scope;
use crate::wire::{Stage, Version};

/// `GET /metrics`: for each version of each instance.
pub(super) async fn show(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    app.callers.authorize(&headers, Scope::PaymentsRead)?;
    let mut sheet = Sheet::default();
    for slot in app.wire.slots() {
        let refused = slot.webhooks_refused.load(Ordering::Relaxed);
        sheet.add("webhooks_refused_total", &format!("instance=\"{}\"", slot.name), refused);
        let standing = slot.standing();
        let canary = standing.canary.iter().map(|(version, ..)| (version, "canary"));
        let leaving = standing.leaving.iter().map(|(version, _)| (version, "leaving"));
        for (version, seat) in standing.current.iter().map(|v| (v, "current")).chain(canary).chain(leaving) {
            sheet.version(&slot.name, version, seat);
        }
    }
    let mut response = Response::new(Body::from(sheet.text() + &of_this_process()));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// What this program itself holds, under the name that such things have: plugins that share it, too.
fn of_this_process() -> String {
    let Some(bytes) = sportello_host::resident_bytes(std::process::id()) else {
        return String::new();
    };
    let name = "process_resident_memory_bytes";
    format!(
        "# HELP {name} Memory that the gateway holds, with the plugins that share its process.\n# TYPE {name} gauge\n{name} {bytes}\n"
    )
}

/// What is told of a version: its name, what kind of metric it is, and what it means.
const METRICS: [(&str, &str, &str); 15] = [
    ("up", "gauge", "Whether the version is open."),
    ("calls_total", "counter", "Calls made, whatever came of them."),
    ("errors_total", "counter", "Calls answered with a failure or not at all."),
    ("timeouts_total", "counter", "Calls whose caller stopped waiting."),
    ("panics_total", "counter", "Calls that ended in a panic."),
    ("refused_total", "counter", "Calls refused by limits, breaker or state."),
    ("run_restarts_total", "counter", "How often `run` was started again."),
    ("denied_total", "counter", "What it asked for and did not get: out of its reach, another's, or too much."),
    ("log_lines_lost_total", "counter", "Log lines of it that were one too many."),
    ("restarts_total", "counter", "How often it was opened again after it had ended by itself."),
    ("in_flight", "gauge", "Calls under way."),
    ("breaker_open", "gauge", "Whether the breaker keeps calls away."),
    ("resident_bytes", "gauge", "Memory that its own process holds."),
    ("call_seconds", "histogram", "How long calls took."),
    ("webhooks_refused_total", "counter", "Deliveries refused before the plugin saw them."),
];

/// The lines of each metric: a metric's stand together.
#[derive(Default)]
struct Sheet(std::collections::BTreeMap<&'static str, String>);

impl Sheet {
    fn add(&mut self, metric: &'static str, labels: &str, value: impl std::fmt::Display) {
        self.line(metric, "", labels, value);
    }

    fn line(&mut self, metric: &'static str, suffix: &str, labels: &str, value: impl std::fmt::Display) {
        // Writing into a text cannot fail.
        let _ = writeln!(self.0.entry(metric).or_default(), "sportello_plugin_{metric}{suffix}{{{labels}}} {value}");
    }

    fn version(&mut self, instance: &str, version: &Version, seat: &str) {
        let manifest = version.member.loaded.manifest();
        let labels = format!(
            "instance=\"{instance}\",plugin=\"{}\",version=\"{}\",seat=\"{seat}\"",
            escaped(&manifest.name),
            escaped(&manifest.version)
        );
        self.add("restarts_total", &labels, version.restarts());
        let Stage::Open(running) = version.stage() else {
            return self.add("up", &labels, 0);
        };
        self.add("up", &labels, 1);
        if let Some(bytes) = running.life().and_then(|life| life.resident_bytes()) {
            self.add("resident_bytes", &labels, bytes);
        }
        let stats = running.stats();
        for (metric, value) in [
            ("calls_total", stats.calls),
            ("errors_total", stats.errors),
            ("timeouts_total", stats.timeouts),
            ("panics_total", stats.panics),
            ("refused_total", stats.refused),
            ("run_restarts_total", stats.restarts),
            ("denied_total", stats.denied),
            ("log_lines_lost_total", stats.lines_lost),
            ("in_flight", stats.in_flight),
            ("breaker_open", u64::from(stats.breaker != BreakerState::Closed)),
        ] {
            self.add(metric, &labels, value);
        }
        self.latency(&labels, &stats);
    }

    /// Each bucket holds those below it as well (as Prometheus has it). Buckets below 1 µs say nothing that anybody asks.
    fn latency(&mut self, labels: &str, stats: &Stats) {
        let (mut below, mut sum_s) = (0, 0.0);
        for (n, count) in stats.latency_log2_ns.iter().enumerate() {
            below += count;
            let power = i32::try_from(n).unwrap_or(i32::MAX).saturating_add(1);
            let end_s = 2f64.powi(power) / 1e9;
            #[expect(clippy::cast_precision_loss, reason = "a count stays far below 2⁵³")]
            let count = *count as f64;
            // In the middle of the bucket, which is as exact as its width.
            sum_s += count * end_s * 0.75;
            let is_last = n + 1 == LATENCY_BUCKETS;
            if n >= 9 && !is_last {
                self.line("call_seconds", "_bucket", &format!("{labels},le=\"{end_s}\""), below);
            }
        }
        self.line("call_seconds", "_bucket", &format!("{labels},le=\"+Inf\""), below);
        self.line("call_seconds", "_sum", labels, sum_s);
        self.line("call_seconds", "_count", labels, below);
    }

    fn text(mut self) -> String {
        let mut text = String::new();
        for (metric, kind, meaning) in METRICS {
            let Some(lines) = self.0.remove(metric) else { continue };
            let _ = writeln!(text, "# HELP sportello_plugin_{metric} {meaning}");
            let _ = writeln!(text, "# TYPE sportello_plugin_{metric} {kind}");
            text.push_str(&lines);
        }
        text
    }
}

/// A label's value.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
