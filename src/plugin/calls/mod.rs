//! The handlers of the calls, as methods of `PluginSession`: each decodes the request, calls the provider through
//! `plugin::interface`, and encodes the response. Errors go to `out`. `rpc` turns them into the diagnostics of the
//! response, and uses a fallback response if the handler returns none.

mod change;
mod data_source;
mod encode;
mod encoded_state;
mod function;
mod lookup;
mod provider;
mod resource;
mod schemas;

pub(super) use change::{plan_fallback, read_fallback};
