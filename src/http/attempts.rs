//! Failed authentications, by address and by key id: after too many the answer is 429 instead of 401. Only failures are counted,
//! and only their answers change. A right key always passes, so nobody can lock out an office behind one address, or a key
//! whose id is known.
//!
//! The memory is a constant: each address and each id has one of `PLACES` places, by a hash that this process alone knows. Two
//! who share a place share their failures.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Places for addresses, and as many for key ids: 128 KiB each.
const PLACES: u64 = 1 << 14;
/// One more failure is let pass after this long.
const EVERY: Duration = Duration::from_secs(3);

/// Too many failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany {
    /// `address` or `key_id`: whose they were.
    pub(super) of: &'static str,
    /// When the next one is let pass.
    pub(super) wait: Duration,
}

/// The failures of one process.
pub(super) struct Attempts {
    began: Instant,
    addresses: Places,
    key_ids: Places,
}

impl Attempts {
    /// So many failures at once pass.
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            began: Instant::now(),
            addresses: Places::new(at_once),
            key_ids: Places::new(at_once),
        }
    }

    /// Counts a failure. One that is refused for its address is not counted for the key: a single address cannot fill the
    /// places of many keys.
    pub(super) fn failed(&self, from: Option<IpAddr>, key_id: Option<&str>) -> Result<(), TooMany> {
        let now = millis(self.began.elapsed());
        let too_many = |of| move |wait| TooMany { of, wait };
        if let Some(from) = from {
            self.addresses.take(block(from), now).map_err(too_many("address"))?;
        }
        if let Some(key_id) = key_id {
            self.key_ids.take(key_id, now).map_err(too_many("key_id"))?;
        }
        Ok(())
    }
}

/// Whoever has one IPv6 address has the 2^64 beside it.
fn block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

/// A token bucket for each place, kept as the moment at which it will be full again (GCRA), in milliseconds since the start.
struct Places {
    full_at: Box<[AtomicU64]>,
    hash: RandomState,
    depth: u64,
}

impl Places {
    fn new(at_once: usize) -> Self {
        let at_once = u64::try_from(at_once).unwrap_or(u64::MAX);
        Self {
            full_at: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            hash: RandomState::new(),
            depth: at_once.saturating_mul(millis(EVERY)),
        }
    }

    fn take(&self, who: impl std::hash::Hash, now: u64) -> Result<(), Duration> {
        let place = usize::try_from(self.hash.hash_one(who) % PLACES).unwrap_or_default();
        let Some(full_at) = self.full_at.get(place) else {
            return Ok(());
        };
        let then = |full_at: u64| full_at.max(now).saturating_add(millis(EVERY));
        let most = now.saturating_add(self.depth);
        let taken = full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            Some(then(full_at)).filter(|then| *then <= most)
        });
        taken
            .map(drop)
            .map_err(|full_at| Duration::from_millis(then(full_at).saturating_sub(most)))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn so_many_pass_at_once_and_then_one_after_the_other() {
        let places = Places::new(3);
        for _ in 0..3 {
            assert_eq!(places.take("a", 1000), Ok(()));
        }
        assert_eq!(places.take("a", 1000), Err(Duration::from_secs(3)));
        assert_eq!(places.take("a", 2000), Err(Duration::from_secs(2)));
        assert_eq!(places.take("a", 4000), Ok(()));
        assert_eq!(places.take("a", 4000), Err(Duration::from_secs(3)));
        assert_eq!(places.take("a", 60_000), Ok(()), "a long rest gives all of them back");
        assert_eq!(places.take("a", 60_000), Ok(()));
    }

    #[test]
    fn one_address_cannot_use_up_the_failures_of_many_keys() {
        let attempts = Attempts::new(2);
        let from = |text: &str| Some(text.parse().unwrap());
        for id in 0..1000 {
            let key_id = format!("key{id}");
            assert_eq!(attempts.failed(from("1.1.1.1"), Some(&key_id)).is_ok(), id < 2);
        }
        let used = attempts
            .key_ids
            .full_at
            .iter()
            .filter(|at| at.load(Ordering::Relaxed) > 0)
            .count();
        assert!(used <= 2, "{used}");
        assert_eq!(attempts.failed(from("2001:db8::1"), None), Ok(()));
        assert_eq!(attempts.failed(from("2001:db8::2"), None), Ok(()));
        assert_eq!(attempts.failed(from("2001:db8::3"), None).unwrap_err().of, "address");
    }

    #[test]
    fn many_addresses_share_the_failures_of_one_key() {
        let attempts = Attempts::new(5);
        let from = |last: u8| Some(IpAddr::from([10, 0, 0, last]));
        let passed = (0..100)
            .filter(|last| attempts.failed(from(*last), Some("key")).is_ok())
            .count();
        assert_eq!(passed, 5);
        assert_eq!(attempts.failed(from(200), Some("key")).unwrap_err().of, "key_id");
    }

    #[test]
    fn a_million_addresses_and_ids_take_no_more_memory_than_one() {
        let attempts = Attempts::new(1);
        for number in 0..1_000_000_u32 {
            let _counted = attempts.failed(Some(IpAddr::from(number.to_be_bytes())), Some(&number.to_string()));
        }
        let bytes =
            std::mem::size_of_val(&*attempts.addresses.full_at) + std::mem::size_of_val(&*attempts.key_ids.full_at);
        assert_eq!(bytes, 256 << 10);
    }
}
