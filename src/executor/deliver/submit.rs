//! From the paste to the submit: the paste is seen to have landed, and the last look and the key are one queue (C27).

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::gate::Open;
use super::{Delivery, Failure, What};
use crate::executor::launch::reads_screen;
use crate::executor::tmux::{Look, Pressed, in_full};
use crate::model::delivery::{DeliveryStep, RecordMark};
use crate::runtime::screen;

/// First pause between two looks for a paste that has not landed, and the longest.
const LOOK_MS_FIRST: u64 = 5;
const LOOK_MS_LAST: u64 = 100;

/// What the box looked like when the key was pressed.
#[derive(Debug, Default)]
pub(super) struct Submitted {
    /// The screen at that moment; none where no key had to be pressed.
    pub screen: Option<String>,
    /// What showed the paste in the box.
    pub line: Option<String>,
}

impl Delivery<'_> {
    pub(super) async fn submit(&self, open: &Open, record: Option<&RecordMark>) -> Result<Submitted, Failure> {
        let read = open.tty.read_within(self.typed.text.len(), self.land_deadline()).await;
        match read {
            Ok(true) => {}
            Ok(false) => return Err(Failure::after_typing(DeliveryStep::Land, "the program has not read the message")),
            Err(error) => {
                return Err(Failure::after_typing(DeliveryStep::Land, format!("its terminal is gone: {error}")));
            }
        }
        if self.spec.input.submit.is_empty() || self.is_router() {
            return Ok(Submitted::default());
        }
        if !reads_screen(&self.spec) && self.spec.input.landed.is_none() {
            // There is nothing to look at: the text has been read, and the key itself refuses a pane that is not there.
            let pressed = self.press(open, None, "").await?;
            let refused = || Failure::after_typing(DeliveryStep::Submit, "its pane takes no keys");
            return if pressed.pressed { Ok(Submitted::default()) } else { Err(refused()) };
        }
        let until = Instant::now() + self.land_deadline();
        let mut pause = Duration::from_millis(LOOK_MS_FIRST);
        let mut last = None;
        while Instant::now() < until {
            let look = match self.look(&open.pane).await {
                Ok(look) => look,
                Err(error) if error.is_answer() => {
                    return Err(Failure::after_typing(DeliveryStep::Land, in_full(&error)));
                }
                // Not known: asked again (C43).
                Err(_) => {
                    sleep(pause).await;
                    continue;
                }
            };
            if look.dead {
                return Err(Failure::after_typing(DeliveryStep::Land, "its pane is dead"));
            }
            if let Some(dialog) = self.dialog_over(&look) {
                let why = format!(
                    "the dialog `{dialog}` opened over the box and took the message: \
                     run the program in its folder once, and answer it"
                );
                return Err(Failure::after_typing(DeliveryStep::Land, why));
            }
            if let Some(line) = self.landed(&look) {
                let pressed = self.press(open, Some(&look), &line).await?;
                if pressed.pressed {
                    return Ok(Submitted { screen: Some(pressed.screen), line: Some(line) });
                }
            } else if self.terms.what != What::Command && self.recorded(record).is_some() {
                // It took the text by itself; a key now would be one too many. A command stands in the record from its last time.
                return Ok(Submitted::default());
            }
            last = Some(look);
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(LOOK_MS_LAST));
        }
        self.remember_residue(last.as_ref());
        let why = "the message was read, and is not seen in the input box".to_owned();
        Err(Failure::after_typing(DeliveryStep::Land, why))
    }

    /// A dialog of a boot that came only after the box: what is typed into it never shows anywhere else.
    fn dialog_over(&self, look: &Look) -> Option<String> {
        let reading = screen::read(&self.spec, &look.screen);
        reading.dialog.filter(|_| reading.box_open == Some(false)).map(|seen| seen.dialog.name.clone())
    }

    /// The line that shows the landed paste. A runtime without a pattern for it: the box as it was, with the paste read.
    fn landed(&self, look: &Look) -> Option<String> {
        if look.in_mode || look.input_off {
            return None;
        }
        let reading = screen::read(&self.spec, &look.screen);
        if reading.box_open == Some(false) || reading.waiting.is_some() || reading.dialog.is_some() {
            return None;
        }
        if self.terms.what == What::Command
            && let Some(line) = self.command_line(look)
        {
            return Some(line);
        }
        match reading.landed {
            Some(true) => Some(self.landed_line(look).unwrap_or_default()),
            Some(false) => None,
            None => Some(String::new()),
        }
    }

    /// The line of the box that shows a command as it was typed: shorter than what a program shows as a mark only.
    fn command_line(&self, look: &Look) -> Option<String> {
        let from = self.spec.input.screen.as_ref()?.find_iter(&look.screen).last()?.start();
        look.screen[from..].lines().find(|line| line.ends_with(&self.typed.text)).map(str::to_owned)
    }

    pub(super) fn landed_line(&self, look: &Look) -> Option<String> {
        let found = self.spec.input.landed.as_ref()?.find_iter(&look.screen).last()?;
        Some(found.as_str().to_owned())
    }

    async fn press(&self, open: &Open, look: Option<&Look>, line: &str) -> Result<Pressed, Failure> {
        let pressed = open.pane.press_if_unchanged(&self.spec.input.submit, look, line).await;
        pressed.map_err(|error| Failure::after_typing(DeliveryStep::Submit, in_full(&error)))
    }

    /// Presses the key once more, if this paste is still in the open box (C31), and looks as it did when the key was pressed:
    /// a person who watches may have pasted something of their own since. Without a pattern for a landed paste nobody can see
    /// that, and the one key was all.
    pub(super) async fn press_again(&self, open: &Open, submitted: &Submitted) {
        if self.spec.input.landed.is_none() && self.terms.what != What::Command || self.spec.input.submit.is_empty() {
            return;
        }
        let Ok(look) = self.look(&open.pane).await else { return };
        let Some(line) = self.landed(&look) else { return };
        // Nobody else's text is the very command.
        let is_command = self.terms.what == What::Command && self.command_line(&look).as_ref() == Some(&line);
        if is_command || submitted.line.as_ref() == Some(&line) {
            // Not pressed, or not known: the next round looks again.
            let _ = self.press(open, Some(&look), &line).await;
        }
    }

    /// Our own text is in the box and stays there: the next delivery may clear it, and nobody else's.
    pub(super) fn remember_residue(&self, look: Option<&Look>) {
        let left = look.and_then(|look| self.landed_line(look)).filter(|line| !line.is_empty());
        self.hand.leaves_residue(left);
    }
}
