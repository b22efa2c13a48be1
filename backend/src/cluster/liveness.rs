//! The proof that an instance is dead, for its successor at the same place. While an instance lives, it holds a name that the
//! kernel gives to one process at a time, and takes back when that process is gone: not when it is stopped, drains, or has closed
//! its port. The id of an instance says where that name is looked for.

use crate::clock::RandomSource;
use crate::store::InstanceId;
use auth_tokens::body_hash;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::io;
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Length of a place in an id, in hexadecimal digits.
const PLACE_DIGITS: usize = 16;

/// Where an instance runs, as a hash of the machine's boot, the network namespace, and the address for other instances.
///
/// Boot and namespace are where the name of an instance is alone of its kind: elsewhere it is free, and proves nothing. The
/// kernel gives the number of a namespace to another one only after all processes of the first are gone. The address is for
/// machines that were cloned while they ran: these share a boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(String);

impl Place {
    /// The place of this process. Fails where the kernel does not tell it.
    pub fn of_this_process(address: Option<&str>) -> io::Result<Self> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        let namespace = std::fs::read_link("/proc/self/ns/net")?;
        Ok(Self::new(boot.trim(), &namespace.to_string_lossy(), address))
    }

    /// The place of this boot, network namespace and address.
    pub fn new(boot: &str, namespace: &str, address: Option<&str>) -> Self {
        let place = format!("{boot}\n{namespace}\n{}", address.unwrap_or_default());
        Self(body_hash(place.as_bytes())[..PLACE_DIGITS].to_owned())
    }

    fn holds(&self, id: &InstanceId) -> bool {
        id.0.rsplit_once('-').is_some_and(|(_, place)| place == self.0)
    }
}

/// Holds the name of this instance, and knows the dead of its place.
#[derive(Debug, Default)]
pub struct Liveness {
    /// None without a name of its own: then no instance is proven dead.
    place: Option<Place>,
    /// Bound to this instance's name for as long as it lives. Takes no data.
    _name: Option<UnixDatagram>,
    /// Instances proven dead, which stay dead. Locked during a proof, which holds the other's name for a moment.
    dead: Mutex<HashSet<InstanceId>>,
}

impl Liveness {
    /// Takes the name of a new instance at this place. Returns the instance's id; without a place if the name cannot be had.
    pub fn claim(place: io::Result<Place>, random: &dyn RandomSource) -> (InstanceId, Self) {
        let random = hex::encode(random.bytes::<16>());
        let claimed = place.and_then(|place| {
            let id = InstanceId(format!("{random}-{}", place.0));
            let name = bind(&id)?;
            // No session may fill its queue.
            name.shutdown(Shutdown::Read)?;
            Ok((id, Self { place: Some(place), _name: Some(name), dead: Mutex::default() }))
        });
        claimed.unwrap_or_else(|error| {
            tracing::info!(%error, "after a crash, sessions of this instance wait until its heartbeat is over");
            (InstanceId(random), Self::default())
        })
    }

    /// True if that other instance ran at this place and its process is gone. False proves nothing.
    pub fn is_proven_dead(&self, id: &InstanceId) -> bool {
        if !self.place.as_ref().is_some_and(|place| place.holds(id)) {
            return false;
        }
        let mut dead = self.dead.lock();
        if !dead.contains(id) && bind(id).is_ok() {
            tracing::warn!(instance = %id, "an instance at this place is dead; its sessions may start again");
            dead.insert(id.clone());
        }
        dead.contains(id)
    }
}

/// Binds a socket to the name of an instance, which no directory holds. Fails while another socket has it. The name is a hash:
/// any session may read it.
fn bind(id: &InstanceId) -> io::Result<UnixDatagram> {
    let name = format!("termgate-{}", body_hash(id.0.as_bytes()));
    UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemRandom;

    const HERE: Option<&str> = Some("http://10.0.0.7:3001");

    /// An instance with a random name: tests run beside each other, in one namespace.
    fn claimed(place: Place) -> (InstanceId, Liveness) {
        Liveness::claim(Ok(place), &SystemRandom)
    }

    #[test]
    fn an_instance_is_dead_once_its_process_is_gone() {
        let (old, held) = claimed(Place::new("boot", "net:[1]", HERE));
        let (_, successor) = claimed(Place::new("boot", "net:[1]", HERE));
        assert!(!successor.is_proven_dead(&old), "it lives");
        drop(held);
        assert!(successor.is_proven_dead(&old));
        let taken = bind(&old).unwrap();
        assert!(successor.is_proven_dead(&old), "the name is a stranger's now");
        drop(taken);
    }

    #[test]
    fn a_free_name_elsewhere_proves_nothing() {
        let (old, held) = claimed(Place::new("boot", "net:[1]", HERE));
        drop(held);
        let elsewhere = [
            Place::new("another boot", "net:[1]", HERE),
            Place::new("boot", "net:[2]", HERE),
            Place::new("boot", "net:[1]", Some("http://10.0.0.8:3001")),
            Place::new("boot", "net:[1]", None),
        ];
        for elsewhere in elsewhere {
            let (_, other) = claimed(elsewhere.clone());
            assert!(!other.is_proven_dead(&old), "{elsewhere:?}");
        }
        let (_, here) = claimed(Place::new("boot", "net:[1]", HERE));
        assert!(here.is_proven_dead(&old));
        assert!(!here.is_proven_dead(&InstanceId("0123456789abcdef".into())), "of an older version");
    }

    #[test]
    fn a_stranger_who_holds_the_name_only_delays_the_proof() {
        let (old, held) = claimed(Place::new("boot", "net:[1]", HERE));
        let (_, successor) = claimed(Place::new("boot", "net:[1]", HERE));
        assert!(bind(&old).is_err(), "not while it lives");
        drop(held);
        let stranger = bind(&old).unwrap();
        assert!(!successor.is_proven_dead(&old));
        drop(stranger);
        assert!(successor.is_proven_dead(&old));
    }

    #[test]
    fn the_name_takes_no_data() {
        let (id, _held) = claimed(Place::new("boot", "net:[1]", HERE));
        let name = format!("termgate-{}", body_hash(id.0.as_bytes()));
        let stranger = UnixDatagram::unbound().unwrap();
        let sent = stranger.send_to_addr(b"x", &SocketAddr::from_abstract_name(name).unwrap());
        assert_eq!(sent.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn without_a_place_an_instance_works_and_proves_nothing() {
        let (old, held) = claimed(Place::new("boot", "net:[1]", HERE));
        drop(held);
        let (id, blind) = Liveness::claim(Err(io::ErrorKind::NotFound.into()), &SystemRandom);
        assert!(id.0.len() == 32 && !id.0.contains('-'), "{id}");
        assert!(!blind.is_proven_dead(&old));
    }

    #[test]
    fn this_process_has_a_place() {
        let place = Place::of_this_process(HERE).unwrap();
        assert_eq!(place, Place::of_this_process(HERE).unwrap());
        assert_ne!(place, Place::of_this_process(None).unwrap());
    }
}
