//! One JSON object per line: `timestamp`, `level`, `target`, `message`, and all fields of the spans around it (outermost
//! first) and of the event itself, under their own dotted names. An inner field wins over an outer one of the same name.

use std::error::Error;
use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

/// Writes the lines.
pub(super) struct Lines;

impl<S> FormatEvent<S, JsonFields> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), timestamp.into());
        line.insert("level".to_owned(), event.metadata().level().as_str().into());
        line.insert("target".to_owned(), event.metadata().target().into());
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            let extensions = span.extensions();
            let formatted = extensions.get::<FormattedFields<JsonFields>>();
            // `JsonFields` wrote it, so it is an object.
            if let Some(Ok(fields)) =
                formatted.map(|fields| serde_json::from_str::<Map<String, Value>>(fields))
            {
                line.extend(fields);
            }
        }
        event.record(&mut Fields(&mut line));
        // Whoever reads a log without a tool looks for these three first.
        writer.write_char('{')?;
        for name in ["timestamp", "level", "message"] {
            if let Some(value) = line.remove(name) {
                write!(writer, "\"{name}\":{value},")?;
            }
        }
        // There is a target at least, so the object that follows is not empty.
        let rest = Value::Object(line).to_string();
        writeln!(writer, "{}", rest.strip_prefix('{').unwrap_or(&rest))
    }
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn set(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }

    /// The error and its causes, each once: `cannot push: connection refused`.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        self.set(field, text.into());
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing_subscriber::fmt::format::JsonFields;

    use super::Lines;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panics with the lock").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines_of(run: impl FnOnce()) -> Vec<Value> {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .fmt_fields(JsonFields::new())
            .event_format(Lines)
            .finish();
        tracing::subscriber::with_default(subscriber, run);
        let bytes = buffer.0.lock().expect("nobody panics with the lock").clone();
        let text = String::from_utf8(bytes).expect("JSON is UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }

    #[test]
    fn the_fields_of_the_spans_are_on_the_line_under_their_dotted_names() {
        let lines = lines_of(|| {
            let outer =
                tracing::info_span!("handle", event.id = "e1", event.ty = "com.github.push", attempt = 1);
            let _outer = outer.enter();
            let inner = tracing::info_span!("effect", attempt = 2);
            let _inner = inner.enter();
            tracing::info!(took_ms = 7, "pushed");
        });
        assert_eq!(lines.len(), 1);
        let line = &lines[0];
        assert_eq!(line["message"], "pushed");
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["event.id"], "e1");
        assert_eq!(line["event.ty"], "com.github.push");
        assert_eq!(line["attempt"], 2, "the inner span wins");
        assert_eq!(line["took_ms"], 7);
        assert!(line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    }

    #[test]
    fn an_error_is_written_with_its_causes_once_and_a_line_break_stays_inside_the_line() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot push")]
        struct Push(#[source] io::Error);
        let error = Push(io::Error::other("refused:\nnot fast-forward"));
        let lines = lines_of(|| tracing::error!(error = &error as &dyn std::error::Error, "deploy failed"));
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["error"], "cannot push: refused:\nnot fast-forward");
    }
}
