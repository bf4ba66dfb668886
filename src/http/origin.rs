//! Where a request comes from: the connection's address, or, where a trusted proxy holds that, the one the proxy names. Without
//! trusted proxies no header is believed: anybody can write one.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{HeaderMap, X_FORWARDED_FOR};

use crate::config::Network;

/// Walks `X-Forwarded-For` from its end, past our own proxies: what a caller wrote there himself stands further left. The header
/// `Forwarded` is not read: a proxy that writes the one passes the other on as it came.
pub(super) fn of(peer: Option<SocketAddr>, headers: &HeaderMap, trusted: &[Network]) -> Option<IpAddr> {
    let is_ours = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut address = peer?.ip();
    let lines: Vec<&str> = headers
        .get_all(X_FORWARDED_FOR)
        .map(|line| line.to_str().unwrap_or_default())
        .collect();
    for named in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !is_ours(address) {
            break;
        }
        let Some(named) = parse(named.trim()) else { break };
        address = named;
    }
    Some(address)
}

/// An address with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse().map(|address: SocketAddr| address.ip());
    text.parse().or_else(|_| with_port()).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn origin(trusted: &[&str], lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        let trusted: Vec<Network> = trusted.iter().filter_map(|text| Network::parse(text)).collect();
        of("10.0.0.1:999".parse().ok(), &headers, &trusted).unwrap().to_string()
    }

    #[test]
    fn a_header_is_believed_only_as_far_as_our_own_proxies_wrote_it() {
        assert_eq!(origin(&[], &["1.1.1.1"]), "10.0.0.1");
        assert_eq!(origin(&["10.9.9.9"], &["1.1.1.1"]), "10.0.0.1");
        assert_eq!(origin(&["10.0.0.0/8"], &[]), "10.0.0.1");
        assert_eq!(origin(&["10.0.0.0/8"], &["1.1.1.1"]), "1.1.1.1");
        assert_eq!(
            origin(&["10.0.0.0/8"], &["6.6.6.6, 1.1.1.1"]),
            "1.1.1.1",
            "6.6.6.6 is the caller's own word"
        );
        assert_eq!(origin(&["10.0.0.0/8"], &["6.6.6.6", "1.1.1.1, 10.0.0.2"]), "1.1.1.1");
        assert_eq!(origin(&["10.0.0.0/8"], &["1.1.1.1:77"]), "1.1.1.1");
        assert_eq!(origin(&["10.0.0.0/8"], &["[2001:db8::1]:77"]), "2001:db8::1");
        assert_eq!(origin(&["10.0.0.0/8"], &["1.1.1.1, unknown"]), "10.0.0.1");
    }
}
