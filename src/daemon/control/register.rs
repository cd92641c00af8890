//! `add`: a folder becomes a peer (C3a, C4, C5, C22).

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Door;
use crate::daemon::input::Answer;
use crate::home::{Home, SOCKET_BYTES_MAX};
use crate::model::actor::Actor;
use crate::model::name::{Identity, NameError, Personality, Runtime};
use crate::model::profile::{Profile, Registration, WakePolicy};
use crate::model::request::{Request, Verb};
use crate::model::state::State;
use crate::protocol::{AddPeer, Added, Problem};
use crate::registry::{self, ProfileError};

/// Registers the folder; writes its profile first if it has none, and takes that back if the rules refuse.
pub(super) async fn add(door: &Door, actor: Actor, reason: Option<String>, peer: AddPeer) -> Result<Value, Problem> {
    sockets_fit(&door.home, &peer)?;
    let folder = peer.folder.clone();
    let known = move |state: &State, _| {
        let mut registered = state.peers.values().map(|peer| &peer.registration);
        let before = registered.find(|registration| registration.folder == folder).cloned();
        (state.runtimes.keys().cloned().collect::<Vec<Runtime>>(), before)
    };
    let (known, before) = door.read(known).await?;
    let read = tokio::task::spawn_blocking(move || registration(peer, &known, before));
    let (registration, written) = read.await.map_err(|_| super::answer::ending())??;
    let Registration { folder, profile, consents, args, managed } = registration.clone();
    let verb = Verb::Add { registration: Box::new(registration) };
    match door.ask(Request { actor, reason, verb }).await {
        Ok(Answer::Done(records)) if !records.is_empty() => {
            let peer = Identity::new(profile.default_runtime, profile.personality);
            let (profile_written, remarks, lsn) = (written, profile.remarks, records[0].lsn);
            let added = Added { peer, folder, profile_written, remarks, consents, args, managed, lsn };
            serde_json::to_value(&added).map_err(|error| Problem::failed(error.to_string()))
        }
        Ok(_) => Err(Problem::failed("the daemon has no answer to `add`")),
        Err(problem) => {
            written.iter().for_each(|file| take_back(file));
            Err(problem)
        }
    }
}

/// What the folder says of itself, and the profile that was written because it said nothing. What `peer` does not name is as
/// it was `before`.
fn registration(
    peer: AddPeer,
    known: &[Runtime],
    before: Option<Registration>,
) -> Result<(Registration, Option<PathBuf>), Problem> {
    if !peer.folder.is_absolute() || !peer.folder.is_dir() {
        return Err(Problem::refused(format!("{} is no folder", peer.folder.display())));
    }
    let (profile, written) = match registry::read(&peer.folder) {
        Ok(profile) => {
            agrees(&peer, &profile)?;
            (profile, None)
        }
        Err(ProfileError::None { .. }) => {
            let profile = draft(&peer, known)?;
            let file = registry::write_new(&peer.folder, &profile).map_err(|error| unusable(&error))?;
            (profile, Some(file))
        }
        Err(error) => return Err(unusable(&error)),
    };
    let AddPeer { folder, consents: given, args, managed, without_consents, without_args, .. } = peer;
    let (mut consents, args_before, managed_before) =
        before.map_or_else(Default::default, |before| (before.consents, before.args, before.managed));
    for consent in given {
        if !consents.contains(&consent) {
            consents.push(consent);
        }
    }
    consents.retain(|consent| !without_consents.contains(consent));
    let args = if args.is_empty() && !without_args { args_before } else { args };
    Ok((Registration { folder, profile, consents, args, managed: managed.or(managed_before) }, written))
}

fn draft(peer: &AddPeer, known: &[Runtime]) -> Result<Profile, Problem> {
    let name: Option<Personality> =
        peer.name.as_deref().map(str::parse).transpose().map_err(|error| misnamed(&error))?;
    let runtime: Runtime = match (&peer.runtime, known) {
        (Some(name), _) => name.parse().map_err(|error| misnamed(&error))?,
        (None, [only]) => only.clone(),
        (None, known) => {
            let known = known.iter().map(Runtime::as_str).collect::<Vec<_>>().join(", ");
            return Err(Problem::refused("the folder has no profile, and no runtime was named")
                .hint(format!("`--runtime` names one of: {known}")));
        }
    };
    let (prompt, description) = (peer.prompt.as_deref(), peer.description.as_deref());
    registry::draft(&peer.folder, name.as_ref(), &runtime, peer.ephemeral, prompt, description)
        .map_err(|error| misnamed(&error))
}

/// A profile that is there is read as it is, so a flag that says otherwise is a misunderstanding.
fn agrees(peer: &AddPeer, profile: &Profile) -> Result<(), Problem> {
    let differs = |flag: &Option<String>, found: &str| flag.as_deref().is_some_and(|flag| flag != found);
    let flag = if differs(&peer.name, profile.personality.as_str()) {
        "--name"
    } else if differs(&peer.runtime, profile.default_runtime.as_str()) {
        "--runtime"
    } else if peer.ephemeral && profile.wake_policy != WakePolicy::Ephemeral {
        "--ephemeral"
    } else if differs(&peer.prompt, profile.initial_prompt.as_deref().unwrap_or_default()) {
        "--prompt"
    } else if differs(&peer.description, &profile.description) {
        "--description"
    } else {
        return Ok(());
    };
    Err(Problem::refused(format!("the profile in {} says otherwise than `{flag}` (C1)", peer.folder.display()))
        .hint(format!("edit the profile, or leave out `{flag}`")))
}

/// C22: a path the kernel would cut is refused now, not at the first wake.
fn sockets_fit(home: &Home, peer: &AddPeer) -> Result<(), Problem> {
    let own = ("this home's tmux sockets", home.tmux_socket_bytes_max());
    let (whose, bytes) = match &peer.managed {
        Some(managed) => ("the socket it is managed on", managed.socket.as_os_str().len()),
        None => own,
    };
    if bytes <= SOCKET_BYTES_MAX {
        return Ok(());
    }
    Err(Problem::refused(format!("{whose} have {bytes} bytes, the kernel takes at most {SOCKET_BYTES_MAX} (C22)"))
        .hint("`--home DIR` or `XDG_RUNTIME_DIR` with a shorter path"))
}

/// Nothing was changed, so nothing is left. A folder that holds more than what we wrote stays.
fn take_back(profile: &Path) {
    let removed = fs::remove_file(profile).and_then(|()| profile.parent().map_or(Ok(()), fs::remove_dir));
    if let Err(error) = removed {
        tracing::debug!(%error, profile = %profile.display(), "a profile that was not needed stays");
    }
}

fn misnamed(error: &NameError) -> Problem {
    Problem::refused(error.to_string())
}

fn unusable(error: &ProfileError) -> Problem {
    let cause = std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
    Problem::refused(format!("{error}{cause}")).hint("the folder was not registered")
}
