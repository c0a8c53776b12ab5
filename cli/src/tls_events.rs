//! What an operator should know of an established connection.

use ravelin_core::{Event, Severity};

/// The code of `event` and a sentence, when it is a warning.
pub(crate) fn warning(event: &Event) -> Option<(&'static str, String)> {
    if event.severity() != Severity::Warning {
        return None;
    }
    let text = if let Event::PinWouldRefuse { presented } = event {
        format!("no pin matches, and pins are only reported; presented {presented}")
    } else if let Event::PinMatched { index } = event {
        format!("the primary pin is not on the path, its backup number {index} is")
    } else if let Event::EventsDropped { count } = event {
        format!("{count} events of the connection were lost")
    } else if *event == Event::PeerWithoutCertificate {
        "the client presented no certificate".to_owned()
    } else {
        event.code().to_owned()
    };
    Some((event.code(), text))
}
