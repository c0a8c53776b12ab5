//! No secret in what `Debug` prints.

use std::fmt::{Debug, Write};

use ravelin_core::pki_types::PrivateKeyDer;
use ravelin_core::{ClientConfig, Identity, ServerConfig, provider};
use ravelin_tests::pair::{Pair, Side};
use ravelin_tests::provider::seeded;
use ravelin_tests::setup::{identity, setup};

#[test]
pub(crate) fn debug_never_prints_a_private_key() {
    let (server_key, client_key) = (scalar(&setup().server.key()), scalar(&setup().client.key()));
    let server_builder = setup().mutual(seeded(2)).alpn(["mcp"]);
    let client_builder = setup().client(seeded(1)).alpn(["mcp"]);
    let mut said = [
        debug(&server_builder),
        debug(&client_builder),
        debug(&identity(&setup().server)),
    ]
    .concat();
    let server = server_builder.build().unwrap();
    let client = client_builder.build().unwrap();
    said += &debug(&(&server, &client, server.resumption(), client.resumption()));
    let mut pair = Pair::new(&client, &server);
    said += &debug(&pair.client.connection);
    while pair.transmit(Side::Client) | pair.transmit(Side::Server) {
        said += &debug(&(&pair.client.connection, &pair.server.connection));
        pair.deliver(Side::Server, 100);
        pair.deliver(Side::Client, 100);
    }
    pair.establish();
    pair.send(Side::Client, b"a secret of the application");
    pair.transmit(Side::Client);
    pair.server.reading = false;
    pair.deliver(Side::Server, usize::MAX);
    for end in [&mut pair.client, &mut pair.server] {
        said += &debug(&(&end.connection, end.connection.peer(), &end.events));
        said += &debug(&end.connection.take_storage());
    }
    said += &debug(&(&server, &client, server.resumption(), client.resumption()));
    assert!(
        said.contains("ServerConfig") && said.contains("Connection"),
        "{said}"
    );
    for (name, secret) in [
        ("the server's key", &server_key[..]),
        ("the client's key", &client_key[..]),
        ("plaintext", b"a secret of the application"),
    ] {
        assert_hidden(&said, secret, name);
    }
}

#[test]
fn debug_of_an_rsa_identity_hides_every_part_of_the_key() {
    let identity = || {
        let (chain, key) = (super::RSA_LEAF, super::RSA_PKCS8);
        Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
    };
    let PrivateKeyDer::Pkcs8(key) = key_of(super::RSA_PKCS8) else {
        panic!("PKCS#8");
    };
    let server = ServerConfig::builder(provider::aws_lc_rs(), identity())
        .build()
        .unwrap();
    let client =
        ClientConfig::builder(provider::aws_lc_rs(), setup().anchors()).identity(identity());
    let client = client.build().unwrap();
    let said = debug(&(identity(), server, client));
    // The modulus, which is public, lies in the first half.
    let bytes = key.secret_pkcs8_der();
    assert_hidden(&said, &bytes[bytes.len() / 2..], "the RSA key");
}

#[test]
fn the_search_finds_what_it_looks_for() {
    let secret = scalar(&setup().server.key());
    let base64 = base64(&secret);
    for said in [
        format!("{secret:?}"),
        format!("{secret:#?}"),
        format!("{secret:02x?}"),
        hex(&secret),
        hex(&secret).to_uppercase(),
        format!("key: {base64}"),
        format!("…{}…", &hex(&secret)[20..40]),
    ] {
        assert!(leak(&said, &secret).is_some(), "{said}");
    }
    assert!(leak("Identity { certificates: 1, .. }", &secret).is_none());
}

fn debug(value: &dyn Debug) -> String {
    format!("{value:?}\n{value:#?}\n{value:x?}\n")
}

fn assert_hidden(said: &str, secret: &[u8], name: &str) {
    if let Some(found) = leak(said, secret) {
        panic!("{name} is printed: {found}");
    }
}

/// Any eight bytes of `secret` in a row, as text, in hex, in base64 or as a list of numbers.
fn leak(said: &str, secret: &[u8]) -> Option<String> {
    let flat: String = said
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    let lower = flat.to_lowercase();
    let list = |window: &[u8], base: fn(&u8) -> String| {
        window.iter().map(base).collect::<Vec<_>>().join(",")
    };
    let windows = secret.windows(8).flat_map(|window| {
        [
            (&lower, hex(window)),
            (&lower, list(window, |byte| format!("{byte:02x}"))),
            (&lower, list(window, |byte| format!("{byte:x}"))),
            (&lower, list(window, |byte| format!("0x{byte:x}"))),
            (&flat, list(window, u8::to_string)),
            (
                &flat,
                String::from_utf8(window.to_vec())
                    .unwrap_or("\0".into())
                    .replace(' ', ""),
            ),
        ]
    });
    // Groups of three bytes have the same base64 wherever they stand, in one of three alignments.
    let encoded = (0..3).flat_map(|skip| {
        let text = base64(&secret[skip..secret.len() - (secret.len() - skip) % 3]);
        let windows: Vec<_> = text.as_bytes().windows(12).map(<[u8]>::to_vec).collect();
        windows
            .into_iter()
            .map(|window| String::from_utf8(window).unwrap())
    });
    let encoded = encoded.map(|text| (&flat, text));
    let mut found = windows
        .chain(encoded)
        .filter(|(text, pattern)| text.contains(pattern.as_str()));
    found.next().map(|(_, pattern)| pattern)
}

/// The private scalar of a P-256 key in PKCS#8.
fn scalar(key: &PrivateKeyDer<'_>) -> [u8; 32] {
    let der = key.secret_der();
    // ECPrivateKey (RFC 5915): version 1, then the scalar as an OCTET STRING of 32 bytes.
    let start = der.windows(5).position(|window| window == [2, 1, 1, 4, 32]);
    let start = start.expect("an EC key") + 5;
    der[start..start + 32].try_into().unwrap()
}

fn key_of(pem: &str) -> PrivateKeyDer<'static> {
    use ravelin_core::pki_types::pem::PemObject;
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |group: u32, shift: u32| char::from(ALPHABET[(group >> shift & 63) as usize]);
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let group = chunk
                .iter()
                .chain([&0; 2])
                .take(3)
                .fold(0, |group, byte| group << 8 | u32::from(*byte));
            [18, 12, 6, 0]
                .map(|shift| letter(group, shift))
                .into_iter()
                .take(chunk.len() + 1)
        })
        .collect()
}
