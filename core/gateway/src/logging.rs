//! The log: structured, on standard error, cleaned of what nobody should read there.

use std::io::{self, Write};
use std::sync::{Arc, PoisonError, RwLock};

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{Log, LogFormat, LogLevel};
use crate::redact::Redactor;

/// What is taken out of the log: more, as more becomes known.
pub type Redactors = Arc<RwLock<Redactor>>;

/// Begins to log, for the whole process.
///
/// # Errors
/// When something logs already.
pub fn start(log: Log, redactor: Redactor) -> Result<Redactors, tracing::subscriber::SetGlobalDefaultError> {
    start_on(log, redactor, io::stderr)
}

/// The same, on what `open` opens for each line.
///
/// # Errors
/// When something logs already.
pub fn start_on<W: Write>(
    log: Log,
    redactor: Redactor,
    open: impl Fn() -> W + Send + Sync + 'static,
) -> Result<Redactors, tracing::subscriber::SetGlobalDefaultError> {
    let redactors = Arc::new(RwLock::new(redactor));
    tracing::subscriber::set_global_default(subscriber(log, redactors.clone(), open))?;
    Ok(redactors)
}

fn subscriber<W: Write>(
    log: Log,
    redactor: Redactors,
    open: impl Fn() -> W + Send + Sync + 'static,
) -> Box<dyn Subscriber + Send + Sync> {
    let level = match log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let writer = CleanWriters { redactor, open };
    // What goes wrong in here would be said on standard error, and panic where that is what went wrong.
    let common =
        tracing_subscriber::fmt().with_max_level(level).with_ansi(false).log_internal_errors(false).with_writer(writer);
    match log.format {
        LogFormat::Text => Box::new(common.with_target(false).finish()),
        LogFormat::Json => Box::new(common.json().flatten_event(true).finish()),
    }
}

struct CleanWriters<F> {
    redactor: Redactors,
    open: F,
}

struct CleanWriter<W> {
    redactor: Redactors,
    to: W,
}

impl<'a, W: Write, F: Fn() -> W> MakeWriter<'a> for CleanWriters<F> {
    type Writer = CleanWriter<W>;
    fn make_writer(&'a self) -> Self::Writer {
        CleanWriter { redactor: self.redactor.clone(), to: (self.open)() }
    }
}

impl<W: Write> Write for CleanWriter<W> {
    /// One event comes whole, with its line's end, in one call. A log that cannot be written (its reader has gone, its
    /// disk is full) stops nobody's payment: the line is lost, and that is all.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(event);
        let line = line.strip_suffix('\n').unwrap_or(&line);
        let mut clean = self.redactor.read().unwrap_or_else(PoisonError::into_inner).clean(line);
        clean.push('\n');
        let _ = self.to.write_all(clean.as_bytes());
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_nobody_should_read_does_not_reach_the_log() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let kept = Kept::default();
            let writer = kept.clone();
            let log = Log { format, level: LogLevel::Info };
            let redactor = Redactor::new(["hunter2-hunter2"]);
            let subscriber = subscriber(log, Arc::new(RwLock::new(redactor)), move || writer.clone());
            tracing::subscriber::with_default(subscriber, || {
                tracing::info!(account = "iban:FR1420041010050500013M02606", "paid");
                tracing::warn!("the key hunter2-hunter2 was refused\nINFO forged line");
                tracing::error!(from = ?"tel:+393331234567", "4111 1111 1111 1111\u{1b}[2J");
                tracing::debug!("too fine to be written");
            });
            let written = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
            assert_eq!(written.lines().count(), 3, "{written}");
            for hidden in ["FR14", "hunter2", "333123", "4111", "\u{1b}", "too fine", "\nINFO forged"] {
                assert!(!written.contains(hidden), "{hidden:?} in {written}");
            }
            if format == LogFormat::Json {
                for line in written.lines() {
                    serde_json::from_str::<serde_json::Value>(line).unwrap();
                }
            }
        }
    }
}
