//! Networks by address and length, as in `10.0.0.0/8`: whom a forwarding header is believed.

use std::net::IpAddr;

use super::{ConfigError, Layers, refuse};

/// An address, or all that share its first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: u128,
    bits: u32,
}

impl Network {
    /// Reads `10.0.0.0/8`, `2001:db8::/32` or a single address.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        // An IPv4 address is looked at as the IPv6 address that it maps to.
        let (offset, most) = if address.is_ipv4() { (96, 32) } else { (0, 128) };
        let length: u32 = length.map_or(Some(most), |length| length.parse().ok())?;
        (length <= most).then_some(Self {
            address: number(address),
            bits: offset + length,
        })
    }

    /// Whether an address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let differing = self.address ^ number(address);
        differing.leading_zeros() >= self.bits
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The setting `trusted_proxies`: networks with commas between them.
pub(super) fn trusted_proxies(layers: &Layers) -> Result<Vec<Network>, ConfigError> {
    let text = layers.text("trusted_proxies");
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    let networks: Option<Vec<Network>> = words.map(Network::parse).collect();
    networks.map_or_else(
        || {
            refuse(format!(
                "trusted_proxies is \"{text}\"; expected addresses or networks with commas between them, such as 127.0.0.1,10.0.0.0/8"
            ))
        },
        Ok,
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_network_holds_what_shares_its_first_bits() {
        let holds = |network: &str, address: &str| Network::parse(network).unwrap().contains(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.0"));
        assert!(holds("127.0.0.1", "127.0.0.1") && !holds("127.0.0.1", "127.0.0.2"));
        assert!(holds("0.0.0.0/0", "8.8.8.8") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("2001:db8::/32", "2001:db8:1::1") && !holds("2001:db8::/32", "2001:db9::1"));
        assert!(
            holds("10.0.0.0/8", "::ffff:10.1.2.3"),
            "a mapped address is the same one"
        );
        for broken in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0",
            "proxy",
            "2001:db8::/129",
            "10.0.0.0/8/8",
        ] {
            assert_eq!(Network::parse(broken), None, "{broken}");
        }
    }
}
