//! Addresses that a receiver may have. The owner of a name could otherwise have the service talk to itself, or to the machine's
//! metadata, which hand out its credentials.

use reqwest::Url;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses of metadata services that are in no range of their own: AWS over IPv6, AWS ECS over IPv6, Alibaba, Oracle.
const METADATA: [IpAddr; 4] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
];

/// The address in a URL that names none.
pub(crate) fn literal_address(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// True if the receiver may have this address.
pub(super) fn is_allowed(address: IpAddr, allows_loopback: bool) -> bool {
    let address = meant(address);
    if METADATA.contains(&address) || address.is_multicast() {
        return false;
    }
    match address {
        // The kernel takes all of 0.0.0.0/8 for this machine, or for nothing.
        IpAddr::V4(v4) if v4.octets()[0] == 0 || v4.is_link_local() || v4.is_broadcast() => false,
        IpAddr::V6(v6) if v6.is_unspecified() || v6.is_unicast_link_local() => false,
        _ => allows_loopback || !address.is_loopback(),
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped, of a NAT64, of a 6to4, or compatible.
fn meant(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0x64, 0xff9b, _, _, _, _, high, low] | [0, 0, 0, 0, 0, 0xffff, high, low] | [0x2002, high, low, ..] => {
            v4(high, low)
        }
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => v4(high, low),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_leads_to_metadata_or_this_network_alone() {
        for (address, elsewhere, here) in [
            ("203.0.113.7", true, true),
            ("10.0.0.7", true, true),
            ("192.168.1.1", true, true),
            ("2001:db8::1", true, true),
            ("fd12::1", true, true),
            ("127.0.0.1", false, true),
            ("127.9.9.9", false, true),
            ("::1", false, true),
            ("::ffff:127.0.0.1", false, true),
            ("64:ff9b::7f00:1", false, true),
            ("169.254.169.254", false, false),
            ("169.254.170.2", false, false),
            ("169.254.0.1", false, false),
            ("::ffff:169.254.169.254", false, false),
            ("::169.254.169.254", false, false),
            ("64:ff9b::a9fe:a9fe", false, false),
            ("64:ff9b:1::a9fe:a9fe", false, false),
            ("2002:a9fe:a9fe::1", false, false),
            ("fe80::1", false, false),
            ("febf::1", false, false),
            ("fd00:ec2::254", false, false),
            ("fd00:ec2::23", false, false),
            ("100.100.100.200", false, false),
            ("::ffff:100.100.100.200", false, false),
            ("192.0.0.192", false, false),
            ("0.0.0.0", false, false),
            ("0.1.2.3", false, false),
            ("::", false, false),
            ("255.255.255.255", false, false),
            ("224.0.0.1", false, false),
            ("ff02::1", false, false),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!((is_allowed(address, false), is_allowed(address, true)), (elsewhere, here), "{address}");
        }
    }
}
