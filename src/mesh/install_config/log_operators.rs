//! Operators of access log formats, `%NAME(arguments):length%`. A proxy refuses every listener whose format has an operator that it
//! doesn't know, so such a format would stop the whole mesh's configuration.

/// The operators that are accepted: those of Envoy that logs of requests and connections use, and that take any arguments. Proxies
/// refuse some arguments of `COMMON_DURATION` and `METADATA`.
pub const ACCESS_LOG_OPERATORS: [&str; 53] = [
    "BYTES_RECEIVED",
    "BYTES_SENT",
    "CONNECTION_ID",
    "CONNECTION_TERMINATION_DETAILS",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_LOCAL_ADDRESS",
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_LOCAL_PORT",
    "DOWNSTREAM_LOCAL_SUBJECT",
    "DOWNSTREAM_LOCAL_URI_SAN",
    "DOWNSTREAM_PEER_CERT_V_END",
    "DOWNSTREAM_PEER_CERT_V_START",
    "DOWNSTREAM_PEER_ISSUER",
    "DOWNSTREAM_PEER_SERIAL",
    "DOWNSTREAM_PEER_SUBJECT",
    "DOWNSTREAM_PEER_URI_SAN",
    "DOWNSTREAM_REMOTE_ADDRESS",
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_TLS_CIPHER",
    "DOWNSTREAM_TLS_VERSION",
    "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
    "DURATION",
    "DYNAMIC_METADATA",
    "ENVIRONMENT",
    "FILTER_STATE",
    "GRPC_STATUS",
    "HOSTNAME",
    "PROTOCOL",
    "REQ",
    "REQUESTED_SERVER_NAME",
    "REQUEST_DURATION",
    "REQUEST_TX_DURATION",
    "RESP",
    "RESPONSE_CODE",
    "RESPONSE_CODE_DETAILS",
    "RESPONSE_DURATION",
    "RESPONSE_FLAGS",
    "RESPONSE_TX_DURATION",
    "ROUTE_NAME",
    "START_TIME",
    "STREAM_ID",
    "TRACE_ID",
    "TRAILER",
    "UPSTREAM_CLUSTER",
    "UPSTREAM_HOST",
    "UPSTREAM_LOCAL_ADDRESS",
    "UPSTREAM_PEER_URI_SAN",
    "UPSTREAM_REMOTE_ADDRESS",
    "UPSTREAM_REQUEST_ATTEMPT_COUNT",
    "UPSTREAM_TLS_CIPHER",
    "UPSTREAM_TLS_VERSION",
    "UPSTREAM_TRANSPORT_FAILURE_REASON",
];

/// The operators that need arguments in parentheses.
pub const OPERATORS_WITH_ARGUMENTS: [&str; 6] =
    ["DYNAMIC_METADATA", "ENVIRONMENT", "FILTER_STATE", "REQ", "RESP", "TRAILER"];

/// The first mistake in a format, as a sentence.
pub(super) fn mistake(format: &str) -> Option<String> {
    let mut rest = format;
    while let Some((_, after)) = rest.split_once('%') {
        if let Some(literal) = after.strip_prefix('%') {
            rest = literal;
            continue;
        }
        let name = after.split(|c: char| !(c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit())).next()?;
        if !ACCESS_LOG_OPERATORS.contains(&name) {
            return Some(format!(
                "%{name}% isn't an operator that is accepted: one of {}",
                ACCESS_LOG_OPERATORS.join(", ")
            ));
        }
        let mut tail = after.strip_prefix(name)?;
        if let Some(arguments) = tail.strip_prefix('(') {
            let Some((_, behind)) = arguments.split_once(')') else {
                return Some(format!("%{name}( has no closing parenthesis"));
            };
            tail = behind;
        } else if OPERATORS_WITH_ARGUMENTS.contains(&name) {
            return Some(format!("%{name}% needs arguments, like %REQ(:METHOD)%"));
        }
        if let Some(length) = tail.strip_prefix(':') {
            let digits = length.trim_start_matches(|c: char| c.is_ascii_digit());
            if digits.len() == length.len() {
                return Some(format!("the length of %{name}% isn't a number"));
            }
            tail = digits;
        }
        let Some(behind) = tail.strip_prefix('%') else {
            return Some(format!("%{name} has no closing %"));
        };
        rest = behind;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_parsed() {
        for format in ["", "a b", "100%%", "%PROTOCOL%", "[%START_TIME(%Y-%m-%d)%]", "%REQ(:PATH):20% %RESPONSE_CODE%"]
        {
            assert_eq!(mistake(format), None, "{format}");
        }
        for format in ["%", "%protocol%", "%PROTOCOL", "%REQ%", "%REQ(:PATH%", "%BOGUS%", "%REQ(A):x%", "%REQ(A):20"] {
            assert!(mistake(format).is_some(), "{format}");
        }
    }
}
