//! A line of `--lines`: a JSON string or object.

use serde::Deserialize;

use super::settings::Op;

/// A line of `--lines`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Path(String),
    Question(Question),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    path: String,
    op: Option<Op>,
}

/// The path of a line, and the operation if it names one; or what is wrong with it.
pub(super) fn line(line: &[u8]) -> Result<(String, Option<Op>), String> {
    match serde_json::from_slice(line) {
        Ok(Line::Path(path)) => Ok((path, None)),
        Ok(Line::Question(Question { path, op })) => Ok((path, op)),
        Err(error) if error.is_data() => Err(
            "neither a JSON string nor an object with `path` and, if need be, an `op`".to_owned(),
        ),
        Err(error) => Err(error.to_string()),
    }
}
