//! Members of the JSON objects of a proof, as their definitions want them.

use super::refusal::{Member, Refusal};
use crate::json::{Object, Text, Value};

/// The values of these members, found in one walk.
pub(super) fn values<'s, const N: usize>(
    object: Object<'s>,
    members: [Member; N],
) -> [Option<Value<'s>>; N] {
    object.get_all(members.map(Member::name))
}

pub(super) fn string<'s>(value: Option<Value<'s>>, member: Member) -> Result<Text<'s>, Refusal> {
    optional_string(value, member)?.ok_or(Refusal::MissingMember(member))
}

pub(super) fn optional_string<'s>(
    value: Option<Value<'s>>,
    member: Member,
) -> Result<Option<Text<'s>>, Refusal> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::MalformedMember(member)),
    }
}

/// A NumericDate (RFC 7519, 2), without its fraction.
pub(super) fn seconds(value: Option<Value<'_>>, member: Member) -> Result<Option<u64>, Refusal> {
    match value {
        None => Ok(None),
        Some(Value::Number(number)) => number
            .floor_u64()
            .map(Some)
            .ok_or(Refusal::MalformedMember(member)),
        Some(_) => Err(Refusal::MalformedMember(member)),
    }
}
