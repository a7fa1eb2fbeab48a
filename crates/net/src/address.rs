//! Workers' addresses as people write them, and what they resolve to.
//!
//! An IPv6 link-local address, as two boards on one cable have, is one of a zone: of the interface that it is
//! reached through. Zones are each device's own, so that none goes over the wire: whoever is told of a link-local
//! address takes the zone that it was told in.

use std::io;
use std::net::{SocketAddr, SocketAddrV6, ToSocketAddrs};

use crate::error::Error;

/// A worker as the root was told of it.
pub(crate) struct Named {
    /// `host:port` as it was given.
    pub(crate) text: String,
    /// All addresses of the name, in the resolver's order.
    pub(crate) candidates: Vec<SocketAddr>,
}

impl Named {
    pub(crate) fn resolve(text: &str) -> Result<Self, Error> {
        let bad = |reason: String| Error::BadAddress {
            address: text.to_owned(),
            reason,
        };
        let candidates = resolve(text).map_err(|error| bad(error.to_string()))?;
        Ok(Self {
            text: text.to_owned(),
            candidates,
        })
    }

    fn is_loopback(&self) -> bool {
        self.candidates
            .iter()
            .all(|address| address.ip().is_loopback())
    }

    fn is_same(&self, other: &Self) -> bool {
        self.candidates
            .iter()
            .any(|address| other.candidates.contains(address))
    }
}

/// The addresses of `host:port`, in the resolver's order: one at least.
pub(crate) fn resolve(text: &str) -> io::Result<Vec<SocketAddr>> {
    // The standard library reads no names of interfaces between brackets; the system's resolver does.
    let candidates: Vec<_> = match zoned(text) {
        Some((host, zone, port)) => (host, port)
            .to_socket_addrs()
            .map_err(|_| io::Error::other(format!("this device has no network interface {zone}")))?
            .collect(),
        None => text.to_socket_addrs()?.collect(),
    };
    match candidates.first() {
        None => Err(io::Error::other("the name has no address")),
        Some(SocketAddr::V6(first)) if is_link_local(first) && first.scope_id() == 0 => {
            let reason = "a link-local address is one of a network interface, which is not named";
            Err(io::Error::other(reason))
        }
        Some(_) => Ok(candidates),
    }
}

/// Host, zone and port of `[host%zone]:port`.
fn zoned(text: &str) -> Option<(&str, &str, u16)> {
    let (host, port) = text.strip_prefix('[')?.split_once("]:")?;
    let (_, zone) = host.split_once('%')?;
    Some((host, zone, port.parse().ok()?))
}

/// fe80::/10
fn is_link_local(address: &SocketAddrV6) -> bool {
    address.ip().segments()[0] & 0xffc0 == 0xfe80
}

/// The address as it may be told to another device.
pub(crate) fn without_zone(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => SocketAddrV6::new(*v6.ip(), v6.port(), 0, 0).into(),
        SocketAddr::V4(_) => address,
    }
}

/// The address that another device has told of, over a connection with `own` at this end. `None` for a
/// link-local one whose zone cannot be known: the connection has none.
pub(crate) fn with_zone_of(own: SocketAddr, told: SocketAddr) -> Option<SocketAddr> {
    match (told, own) {
        (SocketAddr::V6(told), _) if !is_link_local(&told) => Some(told.into()),
        (SocketAddr::V6(told), SocketAddr::V6(own)) if is_link_local(&own) => {
            Some(SocketAddrV6::new(*told.ip(), told.port(), 0, own.scope_id()).into())
        }
        (SocketAddr::V6(_), _) => None,
        (SocketAddr::V4(_), _) => Some(told),
    }
}

/// Refuses workers that cannot make a session, whatever the network is like.
pub(crate) fn check(workers: &[Named]) -> Result<(), Error> {
    for (index, worker) in workers.iter().enumerate() {
        if let Some(earlier) = workers[..index]
            .iter()
            .find(|earlier| earlier.is_same(worker))
        {
            return Err(Error::DuplicateWorker {
                first: earlier.text.clone(),
                second: worker.text.clone(),
            });
        }
    }
    let loopback = workers.iter().find(|worker| worker.is_loopback());
    let other = workers.iter().find(|worker| !worker.is_loopback());
    match (loopback, other) {
        (Some(loopback), Some(other)) => Err(Error::MixedLoopback {
            loopback: loopback.text.clone(),
            other: other.text.clone(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_all(addresses: &[&str]) -> Result<(), Error> {
        let resolve = |text: &&str| Named::resolve(text);
        check(
            &addresses
                .iter()
                .map(resolve)
                .collect::<Result<Vec<_>, _>>()?,
        )
    }

    #[test]
    fn addresses_that_make_no_session_are_refused_by_name() {
        assert!(check_all(&["10.0.0.2:9998", "10.0.0.3:9998", "[fd00::2]:9998"]).is_ok());
        assert!(check_all(&["127.0.0.1:1", "127.0.0.1:2", "[::1]:1"]).is_ok());
        let mixed = check_all(&["10.0.0.2:9998", "127.0.0.1:9998"]);
        assert!(
            matches!(mixed, Err(Error::MixedLoopback { loopback, other })
                if loopback == "127.0.0.1:9998" && other == "10.0.0.2:9998")
        );
        let twice = check_all(&["10.0.0.2:1", "10.0.0.3:1", "10.0.0.2:1"]);
        assert!(
            matches!(twice, Err(Error::DuplicateWorker { first, .. }) if first == "10.0.0.2:1")
        );
    }

    #[test]
    fn zones_are_understood_by_name_and_by_number() {
        // Every Linux machine has it, as its first interface.
        #[cfg(target_os = "linux")]
        for text in ["[fe80::1%lo]:9998", "[fe80::1%1]:9998"] {
            let found = resolve(text).expect("a zone of this device");
            assert_eq!(found, ["[fe80::1%1]:9998".parse().expect("an address")]);
        }
        let unknown = resolve("[fe80::1%nosuch0]:9998").expect_err("no such interface");
        assert_eq!(
            unknown.to_string(),
            "this device has no network interface nosuch0"
        );
        let missing = resolve("[fe80::1]:9998").expect_err("no zone");
        assert!(missing.to_string().contains("not named"), "{missing}");
    }

    #[test]
    fn a_zone_is_told_to_nobody_and_taken_from_the_connection() {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let told = without_zone(address("[fe80::2%3]:9998"));
        assert_eq!(told, address("[fe80::2]:9998"));
        let own = address("[fe80::1%7]:9998");
        assert_eq!(with_zone_of(own, told), Some(address("[fe80::2%7]:9998")));
        for own in ["[fd00::1]:9998", "10.0.0.1:9998"] {
            assert_eq!(with_zone_of(address(own), told), None, "{own}");
        }
        for other in ["10.0.0.2:9998", "[fd00::2]:9998"] {
            let other = address(other);
            assert_eq!(without_zone(other), other);
            assert_eq!(with_zone_of(own, other), Some(other));
        }
    }

    #[test]
    fn text_that_is_no_address_is_refused() {
        for text in [
            "",
            "10.0.0.2",
            "10.0.0.2:",
            "10.0.0.2:65536",
            "10.0.0.2:-1",
            ":::1:5",
        ] {
            assert!(
                matches!(Named::resolve(text), Err(Error::BadAddress { .. })),
                "{text}"
            );
        }
    }
}
