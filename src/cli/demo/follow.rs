//! The journal as it grows, read as any script would: `dormouse log -f --json`.

use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::super::error::CliError;
use super::listen::{Ear, end, failed};
use crate::protocol::Problem;

/// Every record so far, and those to come.
#[derive(Debug)]
pub struct Follower {
    child: Child,
    output: ChildStdout,
    /// What has been read of a line that is not whole yet.
    rest: Vec<u8>,
    records: Vec<Value>,
}

impl Follower {
    /// `log` follows a journal that is there already.
    pub fn start(mut log: Command) -> Result<Self, CliError> {
        let mut child = log.stdout(Stdio::piped()).spawn().map_err(failed("follow the journal"))?;
        match child.stdout.take() {
            Some(output) => Ok(Self { child, output, rest: Vec::new(), records: Vec::new() }),
            None => Err(Problem::failed("the tour cannot follow the journal").into()),
        }
    }

    /// The first record that `is_it`, whether it has come already or is yet to come.
    pub fn await_record(
        &mut self,
        ear: &mut Ear,
        what: &str,
        is_it: impl Fn(&Value) -> bool,
    ) -> Result<Value, CliError> {
        let deadline = Ear::deadline();
        let mut looked_at = 0;
        loop {
            if let Some(found) = self.records[looked_at..].iter().find(|record| is_it(record)) {
                return Ok(found.clone());
            }
            looked_at = self.records.len();
            ear.wait(&[self.output.as_fd()], deadline, what)?;
            self.read()?;
        }
    }

    fn read(&mut self) -> Result<(), CliError> {
        let mut bytes = [0; 16 * 1024];
        let count = self.output.read(&mut bytes).map_err(failed("read the journal"))?;
        if count == 0 {
            return Err(Problem::failed("the program that followed the journal has ended").into());
        }
        self.rest.extend_from_slice(&bytes[..count]);
        while let Some(at) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=at).collect();
            let record = serde_json::from_slice(&line);
            self.records.push(record.map_err(|error| failed("read the journal")(std::io::Error::from(error)))?);
        }
        Ok(())
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}
