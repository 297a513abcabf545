//! Hotkeys against published keys and addresses, and whatever else somebody may write.

use portcullis::config::MinerKey;
use portcullis::model::{Hotkey, InvalidHotkey, Scheme, ss58_decode, ss58_encode};
use proptest::prelude::*;

fn bytes(digits: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).expect("32 bytes");
    bytes
}

/// Substrate's well-known development accounts: seed, public key, address.
#[test]
fn known_seeds_have_their_known_addresses() {
    for (scheme, seed, key, address) in [
        (
            Scheme::Sr25519,
            "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a",
            "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d",
            "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
        ),
        (
            Scheme::Sr25519,
            "398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89",
            "8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48",
            "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
        ),
        (
            Scheme::Ed25519,
            "abf8e5bdbe30c65656c0a3cbd181ff8a56294a69dfedd27982aace4a76909115",
            "88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee",
            "5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu",
        ),
    ] {
        let hotkey = MinerKey::from_seed(scheme, bytes(seed)).hotkey();
        assert_eq!(hotkey, Hotkey { scheme, key: bytes(key) });
        assert_eq!(ss58_encode(42, &hotkey.key), address);
        assert_eq!(Hotkey::parse(address, Some(scheme)), Ok(hotkey));
        assert_eq!(Hotkey::parse(&hotkey.to_string(), None), Ok(hotkey), "its own name means the same");
    }
}

#[test]
fn an_address_of_another_network_is_the_same_key() {
    let alice = bytes("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d");
    for (prefix, address) in [
        (0, "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"),
        (2, "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F"),
        (42, "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"),
    ] {
        assert_eq!(ss58_encode(prefix, &alice), address);
        assert_eq!(ss58_decode(address), Ok((prefix, alice)));
    }
}

#[test]
fn what_is_no_hotkey_is_refused_with_its_reason() {
    let hex = "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
    for (text, scheme, why) in [
        ("", None, InvalidHotkey::Form),
        ("alice", None, InvalidHotkey::Form),
        ("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ", None, InvalidHotkey::Checksum),
        ("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQ", None, InvalidHotkey::Form),
        ("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKut0Y", None, InvalidHotkey::Form),
        (&hex.to_ascii_uppercase(), None, InvalidHotkey::Form),
        (hex, Some(Scheme::Sr25519), InvalidHotkey::HexScheme),
        // Networks 46 and 47 are reserved.
        (&ss58_encode(46, &bytes(hex)), None, InvalidHotkey::Prefix),
    ] {
        assert_eq!(Hotkey::parse(text, scheme), Err(why), "{text}");
    }
}

proptest! {
    #[test]
    fn an_address_says_its_network_and_its_key(prefix in 0..16_384_u16, key: [u8; 32]) {
        prop_assume!(!matches!(prefix, 46 | 47));
        let address = ss58_encode(prefix, &key);
        prop_assert_eq!(ss58_decode(&address), Ok((prefix, key)));
    }

    #[test]
    fn whatever_is_read_as_an_address_has_one_spelling(
        text in prop_oneof!["[1-9A-HJ-NP-Za-km-z]{40,52}", "\\PC{0,80}", "5[1-9A-HJ-NP-Za-km-z]{47}"]
    ) {
        if let Ok((prefix, key)) = ss58_decode(&text) {
            prop_assert_eq!(ss58_encode(prefix, &key), text);
        }
    }

    #[test]
    fn every_key_that_is_read_is_read_again_from_its_name(text in "[0-9a-f]{62,66}") {
        if let Ok(hotkey) = Hotkey::parse(&text, None) {
            prop_assert_eq!(hotkey.to_string(), text);
        }
    }

    #[test]
    fn a_wrong_letter_is_noticed(key: [u8; 32], place in 1..47_usize) {
        let address = ss58_encode(42, &key);
        let mut text = address.into_bytes();
        text[place] = if text[place] == b'x' { b'y' } else { b'x' };
        let text = String::from_utf8(text).expect("ASCII");
        // One in 65,536 wrong addresses has a right checksum; then it is at least not the same key.
        prop_assert_ne!(ss58_decode(&text), Ok((42, key)));
    }
}
