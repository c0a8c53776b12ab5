//! What counts as the same target URI, and what only looks like it.

use crate::dpop_cases::draft::{Draft, accepted, refused};
use crate::dpop_cases::forge::{Forge, RESOURCE};

pub(super) fn cases() -> Vec<Draft> {
    [same(), queries(), other_origin(), other_path()].concat()
}

/// The server knows itself as `uri`, and the proof says `htu`.
fn equal(name: &str, clause: &str, shows: &str, uri: &str, htu: &str) -> Draft {
    accepted(name, clause, shows, Forge::request().htu(htu)).uri(uri)
}

fn unequal(name: &str, clause: &str, shows: &str, uri: &str, htu: &str) -> Draft {
    refused(name, clause, shows, "E-DPO-20", Forge::request().htu(htu)).uri(uri)
}

fn same() -> Vec<Draft> {
    let case = "RFC 3986, 6.2.2.1";
    let percent = "RFC 3986, 6.2.2.2";
    let dots = "RFC 3986, 6.2.2.3";
    let scheme = "RFC 3986, 6.2.3";
    vec![
        equal(
            "htu-scheme-in-capitals",
            case,
            "The scheme is case-insensitive.",
            RESOURCE,
            "HTTPS://mcp.example.com/mcp",
        )
        .serves(&[42]),
        equal(
            "htu-host-in-capitals",
            case,
            "The host is case-insensitive.",
            RESOURCE,
            "https://MCP.Example.COM/mcp",
        )
        .serves(&[42]),
        equal(
            "htu-a-label-in-capitals",
            "RFC 5890, 2.3.2.1",
            "An internationalised name is compared as its A-label, without regard to case.",
            "https://xn--mnchen-3ya.example/mcp",
            "https://XN--Mnchen-3ya.example/mcp",
        )
        .serves(&[48]),
        equal(
            "htu-with-default-port",
            scheme,
            "Port 443 is the default of https.",
            RESOURCE,
            "https://mcp.example.com:443/mcp",
        )
        .serves(&[42]),
        equal(
            "htu-without-default-port",
            scheme,
            "A server that knows itself with port 443 takes an `htu` without.",
            "https://mcp.example.com:443/mcp",
            RESOURCE,
        )
        .serves(&[42]),
        equal(
            "htu-with-empty-port",
            scheme,
            "A colon with no port behind it is the default port.",
            RESOURCE,
            "https://mcp.example.com:/mcp",
        )
        .serves(&[42]),
        equal(
            "htu-with-other-port-on-both-sides",
            "RFC 9449, 4.3 (9)",
            "A port that is not the default is part of the target.",
            "https://mcp.example.com:8443/mcp",
            "https://mcp.example.com:8443/mcp",
        ),
        equal(
            "htu-with-empty-path",
            scheme,
            "An empty path is `/`.",
            "https://mcp.example.com/",
            "https://mcp.example.com",
        )
        .serves(&[42]),
        equal(
            "htu-tilde-encoded",
            percent,
            "`%7e` is `~`, which needs no encoding.",
            "https://mcp.example.com/~alice",
            "https://mcp.example.com/%7ealice",
        )
        .serves(&[49]),
        equal(
            "htu-hyphen-encoded-by-the-server",
            percent,
            "Both sides are normalised, not `htu` alone.",
            "https://mcp.example.com/a%2Db",
            "https://mcp.example.com/a-b",
        )
        .serves(&[49]),
        equal(
            "htu-letter-encoded",
            percent,
            "`%6D` is `m`.",
            RESOURCE,
            "https://mcp.example.com/%6Dcp",
        )
        .serves(&[49]),
        equal(
            "htu-encoded-slash-in-both-cases",
            case,
            "`%2f` and `%2F` are the same encoding.",
            "https://mcp.example.com/a%2Fb",
            "https://mcp.example.com/a%2fb",
        )
        .serves(&[49]),
        equal(
            "okta-at-encoded-on-both-sides",
            percent,
            "An encoded `@` in the path stays as it is on both sides.",
            "https://mcp.example.com/users/a%40example.com",
            "https://mcp.example.com/users/a%40example.com",
        ),
        equal(
            "htu-with-dot-segments",
            dots,
            "`/a/./b/../c` is `/a/c`.",
            "https://mcp.example.com/a/c",
            "https://mcp.example.com/a/./b/../c",
        )
        .serves(&[51]),
        equal(
            "htu-with-dot-segments-above-the-root",
            "RFC 3986, 5.2.4",
            "There is nothing above the root.",
            RESOURCE,
            "https://mcp.example.com/../../mcp",
        )
        .serves(&[51]),
        equal(
            "htu-with-dots-at-the-end",
            "RFC 3986, 5.2.4",
            "`/a/b/..` is `/a/`, with the slash.",
            "https://mcp.example.com/a/",
            "https://mcp.example.com/a/b/..",
        )
        .serves(&[51]),
        equal(
            "htu-with-encoded-dot-segments",
            dots,
            "`%2e%2E` is `..` once it is decoded.",
            RESOURCE,
            "https://mcp.example.com/a/%2e%2E/mcp",
        )
        .serves(&[51]),
        equal(
            "htu-with-dots-over-an-empty-segment",
            "RFC 3986, 5.2.4",
            "An empty segment is a segment: `..` removes it and no more.",
            "https://mcp.example.com/a/b",
            "https://mcp.example.com/a//../b",
        )
        .serves(&[51]),
        equal(
            "htu-with-empty-segments-on-both-sides",
            "RFC 3986, 3.3",
            "Empty segments are part of the path.",
            "https://mcp.example.com//a//b",
            "https://mcp.example.com//a//b",
        )
        .serves(&[51]),
        equal(
            "htu-with-parameters-in-the-path",
            "RFC 3986, 3.3",
            "`;v=1,2` is part of a segment.",
            "https://mcp.example.com/a;v=1,2",
            "https://mcp.example.com/a;v=1,2",
        ),
        equal(
            "htu-ipv6-in-another-case-and-length",
            "RFC 5952, 4",
            "An IPv6 address is compared as the address that it is.",
            "https://[2001:db8::1]/mcp",
            "https://[2001:0DB8:0:0:0:0:0:1]/mcp",
        )
        .serves(&[46]),
        equal(
            "htu-ipv4-on-both-sides",
            "RFC 3986, 3.2.2",
            "An IPv4 address in four decimal numbers.",
            "https://192.0.2.1/mcp",
            "https://192.0.2.1/mcp",
        )
        .serves(&[47]),
        equal(
            "htu-of-this-machine",
            "RFC 8252, 7.3",
            "Plain http is for a server on the loopback interface.",
            "http://127.0.0.1:8080/mcp",
            "http://127.0.0.1:8080/mcp",
        )
        .serves(&[44]),
    ]
}

fn queries() -> Vec<Draft> {
    let ignoring = "RFC 9449, 4.3 (9)";
    let with_query = "https://mcp.example.com/mcp?session=1";
    vec![
        equal(
            "htu-with-query",
            ignoring,
            "A query in `htu` is ignored.",
            RESOURCE,
            with_query,
        )
        .serves(&[52]),
        equal(
            "htu-with-fragment",
            ignoring,
            "A fragment in `htu` is ignored.",
            RESOURCE,
            "https://mcp.example.com/mcp#top",
        )
        .serves(&[52]),
        equal(
            "htu-with-another-query",
            ignoring,
            "Both queries are ignored: they are not compared.",
            with_query,
            "https://mcp.example.com/mcp?session=2",
        )
        .serves(&[52]),
        equal(
            "htu-without-the-query-of-the-request",
            "RFC 9449, 4.2",
            "`htu` leaves away the query that the request has.",
            with_query,
            RESOURCE,
        )
        .strict()
        .serves(&[52]),
        refused(
            "htu-with-query-in-strict",
            "RFC 9449, 4.2",
            "The strict profile holds a client to the letter: `htu` has no query.",
            "E-DPO-22",
            Forge::request().htu(with_query),
        )
        .uri(with_query)
        .strict()
        .serves(&[52]),
        refused(
            "htu-with-fragment-in-strict",
            "RFC 9449, 4.2",
            "Nor a fragment.",
            "E-DPO-22",
            Forge::request().htu("https://mcp.example.com/mcp#"),
        )
        .strict()
        .serves(&[52]),
        unequal(
            "htu-with-encoded-question-mark",
            "RFC 3986, 2.2",
            "`%3F` begins no query.",
            RESOURCE,
            "https://mcp.example.com/mcp%3Fsession=1",
        )
        .serves(&[52]),
        unequal(
            "htu-with-path-in-the-query",
            ignoring,
            "What stands behind `?` is no path, though it ends as the target does.",
            RESOURCE,
            "https://mcp.example.com/?/mcp",
        )
        .serves(&[52]),
    ]
}

fn other_origin() -> Vec<Draft> {
    let clause = "RFC 9449, 4.3 (9)";
    let other = |name, shows, htu: &str| unequal(name, clause, shows, RESOURCE, htu);
    vec![
        other(
            "htu-of-another-host",
            "A proof that another server received does not fit here.",
            "https://evil.example/mcp",
        ),
        other(
            "htu-host-as-subdomain",
            "The whole host is compared: nothing stands before it.",
            "https://evil.mcp.example.com/mcp",
        ),
        other(
            "htu-host-as-prefix",
            "Nothing stands behind it either.",
            "https://mcp.example.com.evil.example/mcp",
        ),
        other(
            "htu-with-dot-behind-the-host",
            "A name with the dot of the root is another text, and to some servers another host.",
            "https://mcp.example.com./mcp",
        )
        .serves(&[48]),
        other(
            "htu-with-another-port",
            "Another port is another server.",
            "https://mcp.example.com:8443/mcp",
        ),
        other(
            "quarkus-port-80",
            "80 is not the default port of https.",
            "https://mcp.example.com:80/mcp",
        ),
        unequal(
            "htu-https-for-http",
            "RFC 9449, 4.3 (9)",
            "The scheme counts, also on the loopback interface and with the same port.",
            "http://localhost:8443/mcp",
            "https://localhost:8443/mcp",
        )
        .serves(&[44]),
        unequal(
            "htu-localhost-for-its-address",
            clause,
            "Names are not resolved.",
            "http://127.0.0.1:8080/mcp",
            "http://localhost:8080/mcp",
        ),
        unequal(
            "htu-ipv4-mapped",
            "RFC 4291, 2.5.5.2",
            "An IPv4 address within IPv6 is another address.",
            "https://192.0.2.1/mcp",
            "https://[::ffff:192.0.2.1]/mcp",
        )
        .serves(&[46]),
    ]
}

fn other_path() -> Vec<Draft> {
    let clause = "RFC 9449, 4.3 (9)";
    let other = |name, shows, htu: &str| unequal(name, clause, shows, RESOURCE, htu);
    let percent = "RFC 3986, 2.2";
    vec![
        other(
            "htu-of-another-path",
            "A proof for another resource of the same server does not fit.",
            "https://mcp.example.com/admin",
        ),
        other(
            "htu-with-slash-at-the-end",
            "`/mcp/` is another path than `/mcp`.",
            "https://mcp.example.com/mcp/",
        )
        .serves(&[51]),
        other(
            "htu-path-in-capitals",
            "Paths are case-sensitive.",
            "https://mcp.example.com/MCP",
        )
        .serves(&[51]),
        other(
            "htu-with-double-slash",
            "Empty segments are not folded.",
            "https://mcp.example.com//mcp",
        )
        .serves(&[51]),
        other(
            "htu-of-the-origin",
            "The origin alone is not all of its resources.",
            "https://mcp.example.com/",
        ),
        unequal(
            "htu-slash-encoded",
            percent,
            "`%2F` is no slash: reserved characters are not decoded.",
            "https://mcp.example.com/a/b",
            "https://mcp.example.com/a%2Fb",
        )
        .serves(&[49]),
        unequal(
            "htu-at-encoded-on-one-side",
            percent,
            "`%40` and `@` differ, as all reserved characters do.",
            "https://mcp.example.com/users/a@example.com",
            "https://mcp.example.com/users/a%40example.com",
        ),
        unequal(
            "htu-encoded-twice",
            "RFC 3986, 2.4",
            "`%252F` is decoded at most once: it is not `%2F`.",
            "https://mcp.example.com/a%2Fb",
            "https://mcp.example.com/a%252Fb",
        )
        .serves(&[50]),
        unequal(
            "htu-plus-for-space",
            "RFC 3986, 2.2",
            "`+` is a plus sign in a path, not a space.",
            "https://mcp.example.com/a%20b",
            "https://mcp.example.com/a+b",
        ),
        unequal(
            "htu-encoded-slash-under-dots",
            "RFC 3986, 2.2",
            "`b%2Fc` is one segment: `..` removes all of it.",
            "https://mcp.example.com/a/b/d",
            "https://mcp.example.com/a/b%2Fc/../d",
        )
        .serves(&[49, 51]),
    ]
}
