//! Workers' addresses as people write them, and what they resolve to.

use std::net::{SocketAddr, ToSocketAddrs};

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
        let resolved = text
            .to_socket_addrs()
            .map_err(|error| bad(error.to_string()))?;
        let candidates: Vec<_> = resolved.collect();
        if candidates.is_empty() {
            return Err(bad("the name has no address".to_owned()));
        }
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
