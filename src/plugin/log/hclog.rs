//! A layer of `tracing` that writes each event as a line in the form of hclog, the logger of go-plugin.

use std::{fmt, io::Write as _};

use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::line::format_line;

/// Writes events to stderr. Each line is one write, so that lines of two threads don't mix.
pub(super) struct HclogLayer;

/// The fields of a span, which the layer stores in the span and adds to each event inside it.
struct SpanFields(Map<String, Json>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for HclogLayer {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let mut visitor = FieldVisitor::default();
        attributes.record(&mut visitor);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(SpanFields(visitor.fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut visitor = FieldVisitor::default();
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(SpanFields(fields)) = span.extensions().get() {
                visitor.fields.extend(fields.clone());
            }
        }
        event.record(&mut visitor);
        let FieldVisitor { message, fields } = visitor;
        let metadata = event.metadata();
        let line = format_line(Timestamp::now(), *metadata.level(), metadata.target(), &message, fields);
        // If stderr is closed, there is no reader of logs.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

/// Collects the message and the fields of an event, or the fields of a span.
#[derive(Default)]
struct FieldVisitor {
    message: String,
    fields: Map<String, Json>,
}

impl FieldVisitor {
    fn insert(&mut self, field: &Field, value: Json) {
        // Names that start with `@` are hclog's own.
        self.fields.insert(field.name().trim_start_matches('@').to_owned(), value);
    }
}

impl Visit for FieldVisitor {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" { self.message = text } else { self.insert(field, text.into()) }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" { value.clone_into(&mut self.message) } else { self.insert(field, value.into()) }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value.into());
    }
}
