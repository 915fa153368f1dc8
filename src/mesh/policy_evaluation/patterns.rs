//! How values of a rule match attributes of a request
//! (<https://istio.io/latest/docs/concepts/security/#value-matching>).

use core::net::IpAddr;

/// Whether a value matches a text: exactly, as a prefix with `*` at its end, or as a suffix with `*` at its start. `*` alone
/// matches every text that isn't empty.
pub(super) fn matches_text(value: &str, text: &str) -> bool {
    if value == "*" {
        return !text.is_empty();
    }
    match (value.strip_prefix('*'), value.strip_suffix('*')) {
        (Some(suffix), _) => text.ends_with(suffix),
        (None, Some(prefix)) => text.starts_with(prefix),
        (None, None) => text == value,
    }
}

/// Whether a value matches a path. In a path template `{*}` stands for one segment, and `{**}` for any number of them.
pub fn matches_path(value: &str, path: &str) -> bool {
    if !value.contains("{*}") && !value.contains("{**}") {
        return matches_text(value, path);
    }
    let (template, path): (Vec<&str>, Vec<&str>) = (value.split('/').collect(), path.split('/').collect());
    matches_segments(&template, &path)
}

fn matches_segments(template: &[&str], path: &[&str]) -> bool {
    match (template, path) {
        ([], []) => true,
        (["{**}", template @ ..], path) => {
            (1..=path.len()).any(|count| matches_segments(template, path.get(count..).unwrap_or_default()))
        }
        ([segment, template @ ..], [first, path @ ..]) => {
            let matches = if *segment == "{*}" { !first.is_empty() } else { segment == first };
            matches && matches_segments(template, path)
        }
        _ => false,
    }
}

/// Whether an address is `block`, or in the CIDR block `block`.
pub(super) fn contains(block: &str, address: IpAddr) -> bool {
    let (start, bits) = block.split_once('/').map_or((block, None), |(start, bits)| (start, Some(bits)));
    let Ok(start) = start.parse::<IpAddr>() else { return false };
    let (start, address, width) = match (start, address) {
        (IpAddr::V4(start), IpAddr::V4(address)) => (start.to_bits().into(), address.to_bits().into(), 32),
        (IpAddr::V6(start), IpAddr::V6(address)) => (start.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    let Ok(bits) = bits.map_or(Ok(width), str::parse::<u32>) else { return false };
    let distance: u128 = start ^ address;
    bits <= width && distance.checked_shr(width - bits).unwrap_or(0) == 0
}
