use alloc::string::ToString;

use super::*;

fn ip(text: &str) -> Principal {
    Principal::ip(text.parse().unwrap())
}

#[test]
fn an_ipv6_host_cannot_leave_its_64() {
    assert_eq!(
        ip("2001:db8:1:2::1"),
        ip("2001:db8:1:2:ffff:ffff:ffff:ffff")
    );
    assert_ne!(ip("2001:db8:1:2::1"), ip("2001:db8:1:3::1"));
    assert_eq!(ip("2001:db8:1:2::1").kind(), Kind::Ipv6);
}

#[test]
fn an_ipv4_mapped_address_is_the_ipv4_address() {
    assert_eq!(ip("::ffff:192.0.2.7"), ip("192.0.2.7"));
    assert_ne!(ip("::ffff:192.0.2.7"), ip("192.0.2.8"));
    // IPv4-compatible and NAT64 addresses are no IPv4 addresses.
    assert_eq!(ip("::192.0.2.7").kind(), Kind::Ipv6);
    assert_eq!(ip("64:ff9b::192.0.2.7").kind(), Kind::Ipv6);
}

#[test]
fn the_same_bytes_in_two_kinds_are_two_principals() {
    let mut digest = [0; 32];
    digest[..4].copy_from_slice(&[192, 0, 2, 1]);
    let all = [
        Principal::thumbprint(&digest),
        Principal::uid(u32::from_be_bytes([192, 0, 2, 1])),
        ip("192.0.2.1"),
        ip("c000:201::"),
        Principal::name("192.0.2.1"),
    ];
    let hasher = SipHasher13::new_with_key(&[1; 16]);
    for (i, a) in all.iter().enumerate() {
        for b in &all[i + 1..] {
            assert_ne!(a, b);
            assert_ne!(a.hash(&hasher, 0), b.hash(&hasher, 0));
        }
        assert_ne!(a.hash(&hasher, 0), a.hash(&hasher, 1));
        let other = SipHasher13::new_with_key(&[2; 16]);
        assert_ne!(a.hash(&hasher, 0), a.hash(&other, 0));
    }
}

#[test]
fn who_authenticated_comes_before_the_address() {
    let address = "192.0.2.1".parse().unwrap();
    let alice = Principal::name("alice");
    assert_eq!(Principal::responsible(Some(alice), address), alice);
    assert_eq!(Principal::responsible(None, address), ip("192.0.2.1"));
    assert!(alice.is_authenticated() && Principal::uid(0).is_authenticated());
    assert!(!ip("::1").is_authenticated() && !ip("127.0.0.1").is_authenticated());
}

#[test]
fn text() {
    assert_eq!(ip("192.0.2.1").to_string(), "192.0.2.1");
    assert_eq!(ip("2001:db8::9").to_string(), "2001:db8::/64");
    assert_eq!(Principal::uid(1000).to_string(), "uid:1000");
    assert_eq!(
        Principal::name("alice").to_string(),
        "name:2bd806c97f0e00af1a1fc3328fa763a9"
    );
    let digest = Principal::thumbprint(&[0xab; 32]).to_string();
    assert_eq!(digest, "thumbprint:abababababababababababababababab");
}

#[test]
fn bytes_round_trip_and_no_others_pass() {
    let all = [
        Principal::name("alice"),
        Principal::thumbprint(&[9; 32]),
        Principal::uid(7),
        ip("192.0.2.1"),
        ip("2001:db8::"),
    ];
    for principal in all {
        assert_eq!(
            Principal::from_bytes(&principal.to_bytes()),
            Some(principal)
        );
    }
    let mut padded = ip("192.0.2.1").to_bytes();
    padded[16] = 1;
    assert_eq!(Principal::from_bytes(&padded), None);
    let mut host = ip("2001:db8::").to_bytes();
    host[9] = 1;
    assert_eq!(Principal::from_bytes(&host), None);
    assert_eq!(Principal::from_bytes(&[5; 17]), None);
}

#[test]
fn seventeen_bytes_and_no_more_as_an_option() {
    assert_eq!(size_of::<Principal>(), 17);
    assert_eq!(size_of::<Option<Principal>>(), 17);
}
