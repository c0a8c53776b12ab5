//! Members of the JSON objects of a proof, as their definitions want them.

use super::refusal::{Member, Refusal};
use crate::json::{Object, Text, Value};

pub(super) fn string<'s>(object: Object<'s>, member: Member) -> Result<Text<'s>, Refusal> {
    optional_string(object, member)?.ok_or(Refusal::MissingMember(member))
}

pub(super) fn optional_string<'s>(
    object: Object<'s>,
    member: Member,
) -> Result<Option<Text<'s>>, Refusal> {
    match object.get(member.name()) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::MalformedMember(member)),
    }
}

/// A NumericDate (RFC 7519, 2), without its fraction.
pub(super) fn seconds(object: Object<'_>, member: Member) -> Result<Option<u64>, Refusal> {
    match object.get(member.name()) {
        None => Ok(None),
        Some(Value::Number(number)) => number
            .floor_u64()
            .map(Some)
            .ok_or(Refusal::MalformedMember(member)),
        Some(_) => Err(Refusal::MalformedMember(member)),
    }
}
