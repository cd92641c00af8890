//! Writing a profile: only ours, only whole, and only what we mean to change (C1, C3a).

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value, json};

use crate::model::name::{NameError, Personality, Runtime};
use crate::model::profile::{Intelligence, Profile, WakePolicy};

use super::{FOREIGN_PROFILE, PROFILE, ProfileError, parse, read_text};

/// A profile for a folder that has none: named `name`, else by the folder's own name.
///
/// # Errors
///
/// A folder name that gives no personality: it is refused, never invented.
pub fn draft(
    folder: &Path,
    name: Option<&Personality>,
    runtime: &Runtime,
    ephemeral: bool,
    prompt: Option<&str>,
    description: Option<&str>,
) -> Result<Profile, NameError> {
    let personality = match name {
        Some(name) => name.clone(),
        None => Personality::from_folder(&folder.file_name().unwrap_or_default().to_string_lossy())?,
    };
    Ok(Profile {
        personality,
        default_runtime: runtime.clone(),
        runtimes: vec![runtime.clone()],
        description: description.unwrap_or_default().to_owned(),
        intelligence: Intelligence::Artificial,
        initial_prompt: prompt.filter(|prompt| !prompt.trim().is_empty()).map(str::to_owned),
        wake_policy: if ephemeral { WakePolicy::Ephemeral } else { WakePolicy::Persistent },
        converses_with_people: false,
        resume_on_death: false,
        remarks: Vec::new(),
    })
}

/// Gives `folder` its first profile; returns the file written.
///
/// The file appears whole or not at all, and never in place of another, whoever else writes at the same time.
///
/// # Errors
///
/// [`ProfileError::Exists`] when the folder has a profile of either kind, readable or not.
pub fn write_new(folder: &Path, profile: &Profile) -> Result<PathBuf, ProfileError> {
    for name in [PROFILE, FOREIGN_PROFILE] {
        let file = folder.join(name);
        // A dangling link is somebody's profile as well.
        if fs::symlink_metadata(&file).is_ok() {
            return Err(ProfileError::Exists { file });
        }
    }
    let file = folder.join(PROFILE);
    let written = write_whole(&file, &merged(Map::new(), profile), |new| fs::hard_link(new, &file));
    match written {
        Ok(()) => Ok(file),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(ProfileError::Exists { file }),
        Err(source) => Err(ProfileError::Unwritable { file, source }),
    }
}

/// Writes what `profile` says into the folder's profile and keeps every field it does not know (C1); returns the file.
///
/// A folder that only has [`FOREIGN_PROFILE`] gets a [`PROFILE`] of its own, with all of its fields.
///
/// # Errors
///
/// No profile, one that is not valid (what cannot be understood is not written over), or a failed write.
pub fn update(folder: &Path, profile: &Profile) -> Result<PathBuf, ProfileError> {
    let (found, text) = read_text(folder)?;
    parse(&text, &found)?;
    let Ok(Value::Object(fields)) = serde_json::from_str(&text) else {
        return Err(ProfileError::Field { file: found, problem: "expected an object".to_owned() });
    };
    let file = folder.join(PROFILE);
    match write_whole(&file, &merged(fields, profile), |new| fs::rename(new, &file)) {
        Ok(()) => Ok(file),
        Err(source) => Err(ProfileError::Unwritable { file, source }),
    }
}

/// `fields` with what `profile` says. A field that already means the same is left as it was written.
fn merged(mut fields: Map<String, Value>, profile: &Profile) -> Map<String, Value> {
    let runtime_field = if fields.contains_key("runtime") && !fields.contains_key("default_runtime") {
        "runtime"
    } else {
        "default_runtime"
    };
    put(&mut fields, "personality", Some(json!(profile.personality)));
    put(&mut fields, runtime_field, Some(json!(profile.default_runtime)));
    put(&mut fields, "runtimes", Some(json!(profile.runtimes)));
    put(&mut fields, "description", Some(json!(profile.description)).filter(|_| !profile.description.is_empty()));
    put(&mut fields, "intelligence", Some(json!(profile.intelligence)));
    put(&mut fields, "initial_prompt", profile.initial_prompt.as_ref().map(|prompt| json!(prompt)));
    put(&mut fields, "resume_on_death", profile.resume_on_death.then(|| json!(true)));
    let ephemeral = json!("ephemeral");
    match profile.wake_policy {
        WakePolicy::Ephemeral => put(&mut fields, "wake_policy", Some(ephemeral)),
        // Another word already counts as absent, and is not ours to delete (C2).
        WakePolicy::Persistent if fields.get("wake_policy") == Some(&ephemeral) => {
            put(&mut fields, "wake_policy", None)
        }
        WakePolicy::Persistent => {}
    }
    fields
}

fn put(fields: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => {
            fields.insert(name.to_owned(), value);
        }
        None => {
            fields.shift_remove(name);
        }
    }
}

/// Tells apart what several threads write at the same time.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// Writes beside `file`, syncs, lets `place` put it there, and syncs the folder.
fn write_whole(
    file: &Path,
    fields: &Map<String, Value>,
    place: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut text = serde_json::to_string_pretty(fields)?;
    text.push('\n');
    let nth = WRITES.fetch_add(1, Ordering::Relaxed);
    let new = folder.join(format!("peer-profile.json.{}-{nth}.new", std::process::id()));
    let outcome = write_synced(&new, &text).and_then(|()| place(&new));
    // Already gone after a rename; after a link or a failure it must not stay.
    let _ = fs::remove_file(&new);
    outcome?;
    File::open(folder)?.sync_all()
}

fn write_synced(file: &Path, text: &str) -> io::Result<()> {
    let mut out = File::create(file)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()
}
