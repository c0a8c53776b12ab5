extern crate std;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn items(field: &str) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Items::new(field.as_bytes())
        .map(|item| match item {
            Item::Scheme(scheme) => text(scheme),
            Item::Parameter(name, Value::Token(value)) => {
                format!("{}={}", text(name), text(value))
            }
            Item::Parameter(name, Value::Quoted(value)) => {
                format!("{}=[{}]", text(name), text(value))
            }
        })
        .collect()
}

#[test]
fn a_field_is_a_list_of_challenges() {
    for (field, expected) in [
        ("", &[][..]),
        (" , ,", &[]),
        ("DPoP", &["DPoP"]),
        ("DPoP, Bearer", &["DPoP", "Bearer"]),
        ("DPoP ,Bearer , Basic", &["DPoP", "Bearer", "Basic"]),
        (r#"DPoP error="x""#, &["DPoP", "error=[x]"]),
        (
            r#"DPoP error="x", algs="ES256 PS256""#,
            &["DPoP", "error=[x]", "algs=[ES256 PS256]"],
        ),
        // RFC 9110, 11.6.1.
        (
            r#"Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"""#,
            &[
                "Basic",
                "realm=[simple]",
                "Newauth",
                "realm=[apps]",
                "type=1",
                r#"title=[Login to \"apps\"]"#,
            ],
        ),
        // RFC 9449, 7.1.
        (
            r#"Bearer, DPoP algs="ES256 PS256""#,
            &["Bearer", "DPoP", "algs=[ES256 PS256]"],
        ),
        ("Negotiate a87421000492aa874209af8bc028", &["Negotiate"]),
        ("Negotiate YII==, DPoP a=1", &["Negotiate", "DPoP", "a=1"]),
        ("Negotiate YII=", &["Negotiate"]),
        ("Negotiate a/b+c=  , DPoP", &["Negotiate", "DPoP"]),
        ("DPoP  a  =\t1 ,,\t, b= 2 ", &["DPoP", "a=1", "b=2"]),
        ("DPoP , a=1", &["DPoP", "a=1"]),
        ("DPoP a=1 , Bearer b=2", &["DPoP", "a=1", "Bearer", "b=2"]),
        (r#"DPoP a="""#, &["DPoP", "a=[]"]),
        (r#"DPoP a=", b=\"\\""#, &["DPoP", r#"a=[, b=\"\\]"#]),
        // Reading stops where the grammar is broken.
        ("a=1, DPoP", &[]),
        ("DPoP a=", &["DPoP"]),
        ("DPoP a=, b=1", &["DPoP", "b=1"]),
        ("DPoP =, a=1", &[]),
        ("Basic, DPoP =, a=1", &["Basic"]),
        ("DPoP a=1 b=2", &["DPoP"]),
        ("DPoP a=1;b=2", &["DPoP"]),
        ("DPoP a b", &["DPoP"]),
        ("DPoP a=1, b, =2", &["DPoP", "a=1", "b"]),
        (r#"DPoP a="x"#, &["DPoP"]),
        (r#"DPoP a="x\"#, &["DPoP"]),
        (r#"DPoP a="x\""#, &["DPoP"]),
        ("DPoP a=\"x\ny\"", &["DPoP"]),
        ("DPoP a=\"x\\\ny\"", &["DPoP"]),
        (r#"DPoP a="x"y"#, &["DPoP"]),
        ("DPoP/1 a=1", &[]),
        ("\"DPoP\"", &[]),
    ] {
        assert_eq!(items(field), expected, "{field}");
    }
}

#[test]
fn only_a_dpop_challenge_with_this_error_demands_a_nonce() {
    for field in [
        // RFC 9449, 9.
        r#"DPoP error="use_dpop_nonce", error_description="Resource server requires nonce in DPoP proof""#,
        r#"DPoP error="use_dpop_nonce""#,
        "DPoP error=use_dpop_nonce",
        r#"dpop ERROR="use_dpop_nonce""#,
        r#"DPOP Error = "use_dpop_nonce""#,
        r#"DPoP algs="ES256", x="a, Bearer error=b", error="use_dpop_nonce""#,
        r#"DPoP error="use\_dpop\_nonce""#,
        r#"Bearer realm="a \" DPoP", DPoP error="use_dpop_nonce", Basic realm="b""#,
        r#"Negotiate YII==, DPoP error="use_dpop_nonce""#,
        r#"DPoP error="invalid_token", DPoP error="use_dpop_nonce""#,
        r#"DPoP error="use_dpop_nonce", DPoP error="invalid_token""#,
        r#"DPoP error="use_dpop_nonce", realm="never ends"#,
        "DPoP realm=\"Z\u{fc}rich\", error=\"use_dpop_nonce\"",
    ] {
        assert!(demands_nonce(field.as_bytes()), "{field}");
    }
    for field in [
        "",
        "DPoP",
        r#"error="use_dpop_nonce""#,
        r#"DPoP error="invalid_token""#,
        r#"DPoP error="USE_DPOP_NONCE""#,
        r#"DPoP error="use_dpop_nonce ""#,
        r#"DPoP error="use_dpop_nonc""#,
        r#"DPoP error="use_dpop_nonce"#,
        r#"DPoP error_description="use_dpop_nonce""#,
        r#"Bearer error="use_dpop_nonce""#,
        r#"DPoP, Bearer error="use_dpop_nonce""#,
        r#"DPoP realm="x", Bearer realm="y", error="use_dpop_nonce""#,
        r#"Bearer realm="DPoP error=use_dpop_nonce""#,
        r#"Bearer realm="\", DPoP error=use_dpop_nonce""#,
        r#"DPoP realm="error=\"use_dpop_nonce\"""#,
        r#"DPoP error="use_dpop_nonce", error="invalid_token""#,
        r#"DPoP error="invalid_token", error="use_dpop_nonce""#,
        r#"DPoP error="use_dpop_nonce", error="use_dpop_nonce""#,
        r#"DPoPX error="use_dpop_nonce""#,
        r#"DPoP use_dpop_nonce"#,
    ] {
        assert!(!demands_nonce(field.as_bytes()), "{field}");
    }
}

/// Challenges as they may be written, and whether one of them demands a nonce.
fn challenges() -> impl Strategy<Value = (String, bool)> {
    let scheme = prop::sample::select(&["DPoP", "dpop", "Bearer", "Basic", "x-1"][..]);
    let value = prop::sample::select(
        &[
            r#""use_dpop_nonce""#,
            "use_dpop_nonce",
            r#""use\_dpop_nonce""#,
            r#""invalid_token""#,
            r#"", DPoP error=\"use_dpop_nonce\"""#,
        ][..],
    );
    let name = prop::sample::select(&["error", "ERROR", "realm", "error_uri"][..]);
    let parameters = prop::collection::vec((name, value), 0..4);
    prop::collection::vec((scheme, parameters), 0..4).prop_map(|challenges| {
        let (mut texts, mut demanded) = (Vec::new(), false);
        for (scheme, parameters) in challenges {
            let errors: Vec<_> = parameters
                .iter()
                .filter(|(name, _)| name.eq_ignore_ascii_case("error"))
                .collect();
            demanded |= scheme.eq_ignore_ascii_case("DPoP")
                && errors.len() == 1
                && errors[0].1.replace(['"', '\\'], "") == "use_dpop_nonce";
            let parameters: Vec<_> = parameters
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            texts.push(format!("{scheme} {}", parameters.join(" , ")));
        }
        (texts.join(","), demanded)
    })
}

proptest! {
    #[test]
    fn any_list_is_understood((field, demanded) in challenges()) {
        prop_assert_eq!(demands_nonce(field.as_bytes()), demanded, "{}", field);
    }

    #[test]
    fn any_bytes_are_read_to_an_end(field in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Items::new(&field).count() <= field.len());
        demands_nonce(&field);
    }

    #[test]
    fn any_likely_bytes_are_read_to_an_end(field in "[DPo =\t,\"\\\\a1/error]{0,60}") {
        prop_assert!(Items::new(field.as_bytes()).count() <= field.len());
        demands_nonce(field.as_bytes());
    }
}
