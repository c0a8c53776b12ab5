//! What is no target URI, though some readers would find one in it.

use crate::dpop_cases::draft::{Draft, refused};
use crate::dpop_cases::forge::Forge;

pub(super) fn cases() -> Vec<Draft> {
    let malformed = |name, clause, shows, htu: &str| {
        refused(name, clause, shows, "E-DPO-21", Forge::request().htu(htu))
    };
    let raw = |name, clause, shows, htu: &str| {
        let proof = Forge::request().claim("htu", &format!("\"{htu}\""));
        refused(name, clause, shows, "E-DPO-21", proof)
    };
    let absolute = "RFC 3986, 4.3";
    let host = "RFC 3986, 3.2.2";
    let user = "RFC 9110, 4.2.4";
    let port = "RFC 3986, 3.2.3";
    let percent = "RFC 3986, 2.1";
    let characters = "RFC 3986, 2";
    vec![
        malformed("htu-empty", absolute, "An empty text is no URI.", ""),
        malformed(
            "htu-http",
            "RFC 9449, 2",
            "A resource server is reached over https.",
            "http://mcp.example.com/mcp",
        )
        .serves(&[44]),
        malformed(
            "htu-wss",
            "RFC 6455, 3",
            "A WebSocket begins as a request to an https URI.",
            "wss://mcp.example.com/mcp",
        )
        .serves(&[44]),
        malformed(
            "htu-without-scheme",
            absolute,
            "A host and a path are no absolute URI.",
            "mcp.example.com/mcp",
        )
        .serves(&[44]),
        malformed(
            "htu-relative-to-the-scheme",
            "RFC 3986, 4.2",
            "A network-path reference is no absolute URI.",
            "//mcp.example.com/mcp",
        )
        .serves(&[44]),
        malformed(
            "htu-path-alone",
            "RFC 3986, 4.2",
            "The request target of a request line is no absolute URI.",
            "/mcp",
        )
        .serves(&[44]),
        malformed(
            "htu-with-one-slash",
            absolute,
            "A URI of https has an authority; browsers would put in the second slash.",
            "https:/mcp.example.com/mcp",
        )
        .serves(&[44]),
        malformed(
            "htu-without-host",
            "RFC 9110, 4.2.2",
            "An https URI has a host.",
            "https:///mcp",
        ),
        malformed(
            "htu-with-user-and-password",
            user,
            "User information is no part of a target URI.",
            "https://u:p@mcp.example.com/mcp",
        )
        .serves(&[45]),
        malformed(
            "htu-with-host-as-user",
            user,
            "The host that is named first is only a user at another.",
            "https://mcp.example.com@evil.example/mcp",
        )
        .serves(&[45]),
        raw(
            "htu-with-backslash",
            characters,
            "A backslash is no slash.",
            "https://evil.example\\\\@mcp.example.com/mcp",
        )
        .serves(&[45]),
        raw(
            "htu-path-with-backslash",
            characters,
            "Nor in the path.",
            "https://mcp.example.com\\\\mcp",
        )
        .serves(&[45]),
        raw(
            "htu-with-tab-in-the-host",
            characters,
            "A TAB in the host is not skipped.",
            "https://mcp.exa\\tmple.com/mcp",
        )
        .serves(&[45]),
        malformed(
            "htu-with-leading-space",
            characters,
            "`htu` is not trimmed.",
            " https://mcp.example.com/mcp",
        ),
        malformed(
            "htu-with-space-in-the-path",
            characters,
            "A space has to be encoded.",
            "https://mcp.example.com/mcp x",
        ),
        malformed(
            "htu-path-not-ascii",
            "RFC 3986, 1.2.1",
            "A letter outside ASCII has to be encoded: this is an IRI.",
            "https://mcp.example.com/caf\u{e9}",
        )
        .serves(&[53]),
        malformed(
            "htu-host-in-unicode",
            "RFC 5890, 2.3.2.1",
            "A U-label is not mapped to its A-label.",
            "https://m\u{fc}nchen.example/mcp",
        )
        .uri("https://xn--mnchen-3ya.example/mcp")
        .serves(&[48]),
        malformed(
            "htu-host-in-full-width",
            "RFC 3986, 1.2.1",
            "Full-width letters are not folded to ASCII.",
            "https://\u{ff4d}cp.example.com/mcp",
        )
        .serves(&[48]),
        malformed(
            "htu-host-with-soft-hyphen",
            "RFC 3986, 1.2.1",
            "What cannot be seen is not skipped.",
            "https://mcp.exa\u{ad}mple.com/mcp",
        )
        .serves(&[48]),
        malformed(
            "htu-host-percent-encoded",
            host,
            "No name of a server is percent-encoded; a reader that does not decode would see another host.",
            "https://mcp%2Eexample.com/mcp",
        ),
        malformed(
            "htu-host-of-a-short-ipv4",
            host,
            "`127.1` is not 127.0.0.1, as it is to browsers.",
            "http://127.1/mcp",
        )
        .uri("http://127.0.0.1/mcp")
        .serves(&[47]),
        malformed(
            "htu-host-of-a-hexadecimal-ipv4",
            host,
            "`0x7f.1` is not 127.0.0.1.",
            "http://0x7f.1/mcp",
        )
        .uri("http://127.0.0.1/mcp")
        .serves(&[47]),
        malformed(
            "htu-host-of-a-decimal-ipv4",
            host,
            "`2130706433` is not 127.0.0.1.",
            "http://2130706433/mcp",
        )
        .uri("http://127.0.0.1/mcp")
        .serves(&[47]),
        malformed(
            "htu-host-of-an-octal-ipv4",
            host,
            "`0300.0.2.1` is not 192.0.2.1.",
            "https://0300.0.2.1/mcp",
        )
        .uri("https://192.0.2.1/mcp")
        .serves(&[47]),
        malformed(
            "htu-ipv6-with-zone",
            "RFC 4007, 11.2",
            "A zone means something on one machine only.",
            "https://[fe80::1%25eth0]/mcp",
        )
        .uri("https://[fe80::1]/mcp")
        .serves(&[46]),
        malformed(
            "htu-port-with-leading-zero",
            port,
            "`:0443` is a port that readers disagree about.",
            "https://mcp.example.com:0443/mcp",
        )
        .serves(&[43]),
        malformed(
            "htu-port-too-large",
            port,
            "65979 is 443 to a reader with 16 bits.",
            "https://mcp.example.com:65979/mcp",
        )
        .serves(&[43]),
        malformed(
            "htu-port-negative",
            port,
            "A port has digits only.",
            "https://mcp.example.com:-443/mcp",
        )
        .serves(&[43]),
        malformed(
            "htu-with-two-ports",
            port,
            "A colon parts host and port once.",
            "https://mcp.example.com:443:443/mcp",
        )
        .serves(&[43]),
        malformed(
            "htu-percent-alone",
            percent,
            "Two hexadecimal digits follow `%`.",
            "https://mcp.example.com/a%",
        )
        .serves(&[50]),
        malformed(
            "htu-percent-without-hexadecimal",
            percent,
            "`%G0` is no encoding.",
            "https://mcp.example.com/%G0",
        )
        .serves(&[50]),
        malformed(
            "htu-nul-encoded",
            percent,
            "`%00` ends strings in some languages.",
            "https://mcp.example.com/mcp%00",
        )
        .serves(&[50]),
    ]
}
