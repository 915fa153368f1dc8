//! The `headers` blocks: changes of the headers of requests and responses.

use crate::{
    diagnostics::Diagnostics,
    known::Known,
    mesh::{
        istio::virtual_service::{HeaderOperations, Headers as Rendered},
        patterns,
    },
    model,
    schema::{
        At, Attr, Block, Map, Set,
        model::{block, optional},
    },
};

model! {
    /// Changes of headers (`headers`), by the caller's proxy or the gateway.
    pub struct Headers {
        /// Changes of the request, before it is sent to the workload.
        request: Block<HeaderChanges> = block(),
        /// Changes of the response, before the caller gets it.
        response: Block<HeaderChanges> = block(),
    }
}

model! {
    /// Changes of the headers of a request or a response. Values may contain Envoy's variables, such as
    /// `%DOWNSTREAM_REMOTE_ADDRESS%`; a percent sign itself is written `%%`. They are shown in `objects` and in
    /// the cluster, so they must not be secret.
    pub struct HeaderChanges {
        /// Headers that get this value, replacing an existing one (`set`). Defaults to none.
        set: Map<String> = optional().non_empty("At least one header.").keys(NAME, is_header_name),
        /// Headers that get this value in addition to existing ones (`add`). Defaults to none.
        add: Map<String> = optional().non_empty("At least one header.").keys(NAME, is_header_name),
        /// Names of headers that are removed (`remove`). Defaults to none.
        remove: Set<String> = optional().non_empty("At least one header.").each(NAME, is_header_name),
    }
}

const NAME: &str =
    "Names of headers, like `x-team`. `host` is changed by `rewrite`, and names that start with `:` can't be changed.";

/// Whether Envoy changes a header of this name: a token of RFC 9110, and neither `host` nor a pseudo-header.
fn is_header_name(name: &str) -> bool {
    patterns::is_token(name) && !name.eq_ignore_ascii_case("host")
}

impl Headers {
    /// Renders the changes.
    pub(super) fn render(&self) -> Known<Rendered> {
        let render = |block: &Block<HeaderChanges>| block.known()?.map(|changes| changes.render()).transpose();
        Ok(Rendered { request: render(&self.request)?, response: render(&self.response)? })
    }
}

impl HeaderChanges {
    fn render(&self) -> Known<HeaderOperations> {
        Ok(HeaderOperations {
            set: self.set.elements_or_empty()?,
            add: self.add.elements_or_empty()?,
            remove: self.remove.elements_or_empty()?.into_iter().collect(),
        })
    }
}

/// Reports blocks that change nothing.
pub(super) fn validate(headers: &Block<Headers>, out: &mut Diagnostics) {
    let Ok(Some(headers)) = headers.known() else { return };
    let blocks = [headers.request.known(), headers.response.known()];
    if blocks.iter().all(|block| matches!(block, Ok(None))) {
        out.error(
            &headers.at,
            "No header is changed",
            "Write request { } or response { } with what changes, or remove the block.",
        );
    }
    for block in blocks.into_iter().flatten().flatten() {
        validate_changes(block, out);
    }
}

fn validate_changes(changes: &At<HeaderChanges>, out: &mut Diagnostics) {
    if changes.set == Attr::Null && changes.add == Attr::Null && changes.remove == Attr::Null {
        out.error(&changes.at, "No header is changed", "Write set, add or remove, or remove the block.");
    }
    let (Ok(set), Ok(add), Ok(remove)) =
        (changes.set.elements_or_empty(), changes.add.elements_or_empty(), changes.remove.elements_or_empty())
    else {
        return;
    };
    for name in remove {
        let is_same = |other: &&String| other.eq_ignore_ascii_case(&name);
        if set.keys().chain(add.keys()).any(|other| is_same(&other)) {
            out.error(
                &changes.at.attribute("remove"),
                "Header both set and removed",
                format!("Envoy removes headers first, so {name:?} would still be there. Leave it out of remove: set replaces what was there."),
            );
        }
    }
}
