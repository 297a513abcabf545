//! Where a program in a sandbox may connect to: a list of hosts and ports, by default empty.
//!
//! The type only says what was asked for. A backend enforces the whole list or refuses to open.

// Addresses without sockets: this room has no effects.
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// More than anybody lists by hand.
const MOST_DESTINATIONS: usize = 64;
/// Of a host name, by RFC 1035.
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// Where machines in a cloud ask for their own credentials. Never open, however it is spelt.
const METADATA: &[IpAddr] = &[
    // AWS, Azure, Google, OpenStack, Oracle, DigitalOcean; and AWS over IPv6.
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254)),
    // Credentials of containers on AWS.
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0023)),
    // Alibaba, Azure's host, Oracle's older one.
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
];
/// The names under which they are known.
const METADATA_NAMES: &[&str] = &[
    "metadata",
    "metadata.google.internal",
    "instance-data",
    "metadata.azure.internal",
    "metadata.tencentyun.com",
];

/// One place that may be connected to by TCP: `api.example.org:443`, `192.0.2.1:80`, `[2001:db8::1]:443`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Destination {
    host: Host,
    port: NonZeroU16,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Host {
    /// In lower case, without a dot at its end.
    Name(String),
    Address(IpAddr),
}

/// The list. Empty means no network at all, which is the default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<Destination>", into = "Vec<Destination>")]
pub struct Egress(Vec<Destination>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEgress {
    #[error("`{0}` is not a destination; write `host:port`, an IPv6 address in brackets")]
    Malformed(String),
    #[error("`{0}` is this machine, its network or a group of machines, which no agent may reach")]
    Local(String),
    #[error("`{0}` is where a cloud hands out credentials, which is always closed")]
    Metadata(String),
    #[error("{0} destinations are more than {MOST_DESTINATIONS}")]
    TooMany(usize),
}

impl Egress {
    /// Sorted and without repeats.
    ///
    /// # Errors
    /// More than 64 destinations.
    pub fn new(destinations: impl IntoIterator<Item = Destination>) -> Result<Self, InvalidEgress> {
        let mut list: Vec<_> = destinations.into_iter().collect();
        list.sort();
        list.dedup();
        if list.len() > MOST_DESTINATIONS {
            return Err(InvalidEgress::TooMany(list.len()));
        }
        Ok(Self(list))
    }

    pub fn is_closed(&self) -> bool {
        self.0.is_empty()
    }

    pub fn destinations(&self) -> &[Destination] {
        &self.0
    }

    /// Whether a connection to `address` may ever be made, whatever name led there. Who enforces a
    /// list asks this for each address that a listed name resolves to, at the time of connecting:
    /// a name may be made to point at the metadata service later.
    pub fn may_reach(address: IpAddr) -> bool {
        closed(address).is_none()
    }
}

/// Why an address is closed.
fn closed(address: IpAddr) -> Option<fn(String) -> InvalidEgress> {
    let address = plain(address);
    if METADATA.contains(&address) {
        return Some(InvalidEgress::Metadata);
    }
    let is_local = match address {
        IpAddr::V4(v4) => {
            v4.is_loopback()
                || v4.is_unspecified()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.octets()[0] == 0
        }
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.is_unspecified() || v6.is_unicast_link_local() || v6.is_multicast()
        }
    };
    is_local.then_some(InvalidEgress::Local)
}

/// An IPv4 address in any of the ways in which IPv6 can carry it: mapped, compatible, and the
/// translation prefix `64:ff9b::/96` and 6to4 `2002::/16`, which gateways take apart.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if v6.is_loopback() || v6.is_unspecified() {
        return address;
    }
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b, [c, d, e]) {
        (0, 0, [0, 0, 0]) if f == 0xffff || f == 0 => from(g, h),
        // Translated, "SIIT": ::ffff:0:a.b.c.d
        (0, 0, [0, 0, 0xffff]) if f == 0 => from(g, h),
        (0x0064, 0xff9b, [0, 0, 0]) if f == 0 => from(g, h),
        (0x2002, ..) => from(b, c),
        _ => address,
    }
}

impl FromStr for Destination {
    type Err = InvalidEgress;

    fn from_str(text: &str) -> Result<Self, InvalidEgress> {
        let malformed = || InvalidEgress::Malformed(text.chars().take(LONGEST_NAME + 8).collect());
        let (host, port) = text.rsplit_once(':').ok_or_else(malformed)?;
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| is_number).ok_or_else(malformed)?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(inside) => Host::Address(IpAddr::V6(inside.parse().map_err(|_| malformed())?)),
            None => match host.parse::<Ipv4Addr>() {
                Ok(address) => Host::Address(IpAddr::V4(address)),
                Err(_) => Host::Name(name(host).ok_or_else(malformed)?),
            },
        };
        match &host {
            Host::Address(address) => {
                if let Some(why) = closed(*address) {
                    return Err(why(text.to_owned()));
                }
            }
            Host::Name(name) if METADATA_NAMES.contains(&name.as_str()) => {
                return Err(InvalidEgress::Metadata(text.to_owned()));
            }
            Host::Name(name) if name == "localhost" || name.ends_with(".localhost") => {
                return Err(InvalidEgress::Local(text.to_owned()));
            }
            Host::Name(_) => {}
        }
        Ok(Self { host, port })
    }
}

/// A host name by RFC 1123, in its one spelling. Not one that ends in a number: resolvers read
/// `0x7f.1` and `2130706433` as addresses.
fn name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let last = name.rsplit('.').next()?;
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    (name.len() <= LONGEST_NAME && name.split('.').all(is_label) && !is_number).then_some(name)
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Name(name) => write!(f, "{name}:{}", self.port),
            Host::Address(IpAddr::V4(address)) => write!(f, "{address}:{}", self.port),
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
        }
    }
}

impl fmt::Display for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_closed() {
            return f.write_str("none");
        }
        let list: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&list.join(", "))
    }
}

impl TryFrom<String> for Destination {
    type Error = InvalidEgress;
    fn try_from(text: String) -> Result<Self, InvalidEgress> {
        text.parse()
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> Self {
        destination.to_string()
    }
}

impl TryFrom<Vec<Destination>> for Egress {
    type Error = InvalidEgress;
    fn try_from(list: Vec<Destination>) -> Result<Self, InvalidEgress> {
        Self::new(list)
    }
}

impl From<Egress> for Vec<Destination> {
    fn from(egress: Egress) -> Self {
        egress.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<String, InvalidEgress> {
        text.parse::<Destination>().map(|destination| destination.to_string())
    }

    #[test]
    fn a_destination_has_one_spelling() {
        assert_eq!(parse("API.Example.org.:443").as_deref(), Ok("api.example.org:443"));
        assert_eq!(parse("192.0.2.1:80").as_deref(), Ok("192.0.2.1:80"));
        assert_eq!(parse("[2001:DB8:0::1]:443").as_deref(), Ok("[2001:db8::1]:443"));
    }

    #[test]
    fn what_is_no_host_and_port_is_refused() {
        for text in [
            "",
            ":",
            "a",
            "a:",
            ":80",
            "a:0",
            "a:65536",
            "a:+1",
            "a b:1",
            "-a:1",
            "a-:1",
            "a..b:1",
            "*:1",
            "*.a:1",
            "2001:db8::1:443",
            "[2001:db8::1]",
            "http://a:1",
            "a/b:1",
            "a_b:1",
            "1.2.3:1",
            "2130706433:80",
            "0x7f000001:80",
            "127.1:80",
            "01.2.3.4:1",
            "ü.example:1",
            "a:1\n",
        ] {
            assert!(matches!(parse(text), Err(InvalidEgress::Malformed(_))), "{text:?}");
        }
    }

    #[test]
    fn the_metadata_service_is_closed_however_it_is_written() {
        for text in [
            "169.254.169.254:80",
            "[fd00:ec2::254]:80",
            "100.100.100.200:80",
            "168.63.129.16:80",
            "[::ffff:169.254.169.254]:80",
            "[::169.254.169.254]:80",
            "[64:ff9b::169.254.169.254]:80",
            "[::ffff:0:169.254.169.254]:80",
            "[2002:a9fe:a9fe::]:80",
            "metadata.google.internal:80",
            "Metadata.Google.Internal.:80",
        ] {
            assert!(matches!(parse(text), Err(InvalidEgress::Metadata(_))), "{text}");
        }
    }

    #[test]
    fn this_machine_and_its_link_are_closed() {
        for text in [
            "127.0.0.1:80",
            "0.0.0.0:80",
            "0.1.2.3:80",
            "169.254.1.1:80",
            "224.0.0.1:80",
            "255.255.255.255:80",
            "[::]:80",
            "[::1]:80",
            "[fe80::1]:80",
            "[ff02::1]:80",
            "[::ffff:127.0.0.1]:80",
            "localhost:80",
            "a.localhost:80",
        ] {
            assert!(matches!(parse(text), Err(InvalidEgress::Local(_))), "{text}");
        }
    }

    #[test]
    fn nothing_is_listed_by_default() {
        assert!(Egress::default().is_closed());
        assert_eq!(serde_json::from_str::<Egress>("[]").unwrap(), Egress::default());
        assert_eq!(Egress::default().to_string(), "none");
    }

    #[test]
    fn a_list_is_bounded_sorted_and_without_repeats() {
        let list = |count: u16| (1..=count).map(|port| format!("a:{port}").parse::<Destination>().unwrap());
        assert!(Egress::new(list(64)).is_ok());
        assert_eq!(Egress::new(list(65)), Err(InvalidEgress::TooMany(65)));
        assert_eq!(Egress::new(list(3).rev().chain(list(3))), Egress::new(list(3)));
        assert!(serde_json::from_str::<Egress>(r#"["169.254.169.254:80"]"#).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_survives_its_own_spelling(text in "[a-zA-Z0-9.:\\[\\]-]{0,40}") {
            if let Ok(destination) = text.parse::<Destination>() {
                prop_assert_eq!(destination.to_string().parse::<Destination>(), Ok(destination));
            }
        }

        #[test]
        fn an_address_is_accepted_exactly_when_it_may_be_reached(bits: u128, port in 1_u16..) {
            let address = Ipv6Addr::from_bits(bits);
            let accepted = parse(&format!("[{address}]:{port}")).is_ok();
            prop_assert_eq!(accepted, Egress::may_reach(IpAddr::V6(address)));
        }

        #[test]
        fn an_address_that_is_closed_stays_closed_within_the_other_family(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let mapped = v4.to_ipv6_mapped();
            prop_assert_eq!(Egress::may_reach(IpAddr::V4(v4)), Egress::may_reach(IpAddr::V6(mapped)));
        }
    }
}
