//! `htm` and `htu`: the request that a proof is for.

mod malformed;
mod uri;

use super::draft::{Draft, accepted, refused};
use super::forge::{Forge, quoted};

pub(super) fn cases() -> Vec<Draft> {
    [methods(), members(), uri::cases(), malformed::cases()].concat()
}

fn methods() -> Vec<Draft> {
    let with = |method: &str| Forge::request().htm(method);
    let clause = "RFC 9449, 4.3 (8)";
    let other =
        |name, clause, shows, method: &str| refused(name, clause, shows, "E-DPO-19", with(method));
    vec![
        accepted(
            "htm-get",
            clause,
            "A proof for GET fits a GET.",
            with("GET"),
        )
        .method("GET"),
        accepted(
            "htm-extension-method",
            "RFC 9110, 16.1.1",
            "Any token is a method: here one of SSDP.",
            with("M-SEARCH"),
        )
        .method("M-SEARCH"),
        accepted(
            "htm-in-lower-case-on-both-sides",
            "RFC 9110, 9.1",
            "`patch` is a method, though another one than `PATCH`.",
            with("patch"),
        )
        .method("patch"),
        other(
            "htm-in-lower-case",
            "RFC 9110, 9.1",
            "Methods are case-sensitive: `post` is not POST.",
            "post",
        )
        .serves(&[40]),
        other(
            "htm-custom-verb-in-another-case",
            "RFC 9110, 9.1",
            "Also those that nobody registered.",
            "Purge",
        )
        .method("PURGE")
        .serves(&[40]),
        other(
            "htm-with-leading-space",
            clause,
            "`htm` is not trimmed.",
            " POST",
        )
        .serves(&[40]),
        other(
            "htm-of-another-method",
            clause,
            "A proof for GET does not fit a POST.",
            "GET",
        ),
        other(
            "htm-get-for-head",
            "RFC 9110, 9.3.2",
            "HEAD is like GET to a handler and another method to a proof.",
            "GET",
        )
        .method("HEAD"),
        other(
            "htm-of-the-override",
            clause,
            "The method on the request line counts, not the DELETE that an override field would ask for.",
            "DELETE",
        )
        .serves(&[41]),
        other("htm-empty", clause, "An empty `htm` fits no method.", ""),
        refused(
            "htm-with-nul",
            "RFC 8259, 9",
            "A NUL in `htm` ends nothing.",
            "E-DPO-09",
            Forge::request().claim("htm", "\"POST\\u0000\""),
        )
        .serves(&[12, 40]),
    ]
}

fn members() -> Vec<Draft> {
    let claim = |name: &str, value: &str| Forge::request().claim(name, value);
    vec![
        refused(
            "htm-missing",
            "RFC 9449, 4.3 (3)",
            "A proof for every method is none.",
            "E-DPO-10",
            Forge::request().without_claim("htm"),
        ),
        refused(
            "htu-missing",
            "RFC 9449, 4.3 (3)",
            "A proof for every resource is none.",
            "E-DPO-10",
            Forge::request().without_claim("htu"),
        ),
        refused(
            "htu-array",
            "RFC 9449, 4.2",
            "`htu` is no list that the target is looked up in.",
            "E-DPO-11",
            claim("htu", &format!("[{}]", quoted(super::forge::RESOURCE))),
        )
        .serves(&[15]),
    ]
}
