//! What verbs print: data on standard output, as one JSON document or as text.

use std::io::{self, Write as _};

use serde::Serialize;

use super::error::CliError;

/// In which form the caller wants its data.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub json: bool,
}

impl Output {
    /// Prints `data`, or the text that says the same. A text without a newline at its end gets one.
    pub fn print<T: Serialize + ?Sized>(self, data: &T, text: impl FnOnce() -> String) -> Result<(), CliError> {
        if self.json {
            let mut document = serde_json::to_vec(data).map_err(|error| CliError::Output { source: error.into() })?;
            document.push(b'\n');
            return raw(&document);
        }
        let mut text = text();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        raw(text.as_bytes())
    }
}

/// Prints bytes as they are.
pub fn raw(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|source| CliError::Output { source })
}

/// The width of the terminal that the output goes to; none if it goes elsewhere.
pub fn columns() -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some(size.ws_col)
}
