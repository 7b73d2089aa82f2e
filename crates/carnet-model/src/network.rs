//! Where in the network an address lies.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Tells whether an address is one of this machine, of its link, of a group, or of a cloud's metadata: nothing that a user names
/// may lead there, unless the operator has allowed it.
pub fn is_local_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_local_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(address) => is_local_v4(address),
            None => is_local_v6(address),
        },
    }
}

/// Metadata and platform services that lie outside of the link-local range: Alibaba Cloud, Azure, Oracle.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];

fn is_local_v4(address: Ipv4Addr) -> bool {
    // 0.0.0.0/8 is "this host on this network" (RFC 1122, section 3.2.1.3).
    address.octets()[0] == 0
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || METADATA_V4.contains(&address)
}

fn is_local_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Site-local addresses are deprecated, and still routed nowhere but here (RFC 3879).
    let is_site_local = segments[0] & 0xffc0 == 0xfec0;
    // fd00:ec2::/32 holds the services of an instance in AWS, fd20:ce::/32 those in Google Cloud.
    let is_metadata = matches!(segments[..2], [0xfd00, 0x0ec2] | [0xfd20, 0x00ce]);
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unicast_link_local()
        || is_site_local
        || is_metadata
}

/// The IPv4 address inside of an IPv6 one: mapped, compatible, translated (RFC 6052, RFC 8215) or 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let joined = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    let last = joined(segments[6], segments[7]);
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] => Some(last),
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] | [0x64, 0xff9b, 1, _, _, _, _, _] => Some(last),
        [0x2002, high, low, ..] => Some(joined(high, low)),
        _ => None,
    }
}

/// Tells whether an address lies in a private network: the ranges of RFC 1918 and RFC 6598, benchmarks (RFC 2544), reserved ones
/// (RFC 1112), and unique local addresses (RFC 4193).
pub fn is_private_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(address) => is_private_v4(address),
            None => address.is_unique_local(),
        },
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_shared = first == 100 && second & 0xc0 == 64;
    let is_benchmark = first == 198 && second & 0xfe == 18;
    let is_protocol = [first, second, third] == [192, 0, 0];
    address.is_private() || is_shared || is_benchmark || is_protocol || first >= 240
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_networks_are_known_in_every_spelling() {
        for text in [
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "198.18.0.1",
            "240.0.0.1",
            "fd12::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
        ] {
            assert!(is_private_address(text.parse().expect("an address")), "{text}");
        }
        for text in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111"] {
            let address = text.parse().expect("an address");
            assert!(!is_private_address(address) && !is_local_address(address), "{text}");
        }
    }
}
