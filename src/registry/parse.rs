//! A profile's JSON, and what of it the rules look at.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::model::name::{NameError, Personality, Runtime};
use crate::model::profile::{Intelligence, Profile, WakePolicy};

use super::ProfileError;

/// The fields we know; others are the business of whoever wrote them (C1).
#[derive(Deserialize)]
struct Raw {
    personality: Option<String>,
    runtime: Option<String>,
    default_runtime: Option<String>,
    runtimes: Option<Vec<String>>,
    description: Option<String>,
    intelligence: Option<Intelligence>,
    initial_prompt: Option<String>,
    interfaces: Option<Map<String, Value>>,
    /// Of any shape: a wrong one is never an error (C2).
    wake_policy: Option<Value>,
    resume_on_death: Option<bool>,
}

/// The profile that `text` is; `file` only names it.
///
/// # Errors
///
/// What is wrong with it, and where.
pub fn parse(text: &str, file: &Path) -> Result<Profile, ProfileError> {
    if text.starts_with('\u{feff}') {
        return Err(ProfileError::ByteOrderMark { file: file.to_owned() });
    }
    let raw: Raw = serde_json::from_str(text).map_err(|error| json_error(&error, file))?;
    let missing = |field| ProfileError::Missing { file: file.to_owned(), field };
    let name_error = |error: NameError| ProfileError::Field { file: file.to_owned(), problem: error.to_string() };

    let personality = raw.personality.as_deref().ok_or_else(|| missing("personality"))?;
    let personality = Personality::new(personality).map_err(name_error)?;
    let declared = raw.runtimes.unwrap_or_default();
    let default_runtime =
        raw.default_runtime.as_deref().or(raw.runtime.as_deref()).or(declared.first().map(String::as_str));
    let default_runtime =
        Runtime::new(default_runtime.ok_or_else(|| missing("default_runtime"))?).map_err(name_error)?;
    let mut runtimes = vec![default_runtime.clone()];
    for name in raw.runtime.iter().chain(&declared) {
        let runtime = Runtime::new(name).map_err(name_error)?;
        if !runtimes.contains(&runtime) {
            runtimes.push(runtime);
        }
    }

    let converses_with_people = raw.interfaces.as_ref().is_some_and(talks_to_people);
    let (wake_policy, remarks) = wake_policy(raw.wake_policy.as_ref(), converses_with_people);
    Ok(Profile {
        personality,
        default_runtime,
        runtimes,
        description: raw.description.unwrap_or_default(),
        intelligence: raw.intelligence.unwrap_or(Intelligence::Artificial),
        initial_prompt: raw.initial_prompt.filter(|prompt| !prompt.trim().is_empty()),
        wake_policy,
        converses_with_people,
        resume_on_death: raw.resume_on_death.unwrap_or(false),
        remarks,
    })
}

/// `interfaces.telegram` is set: present, and neither `null` nor `false`.
fn talks_to_people(interfaces: &Map<String, Value>) -> bool {
    !matches!(interfaces.get("telegram"), None | Some(Value::Null | Value::Bool(false)))
}

/// The policy, and what `doctor` says of it (C2, C42).
fn wake_policy(written: Option<&Value>, converses_with_people: bool) -> (WakePolicy, Vec<String>) {
    match written {
        None => (WakePolicy::Persistent, Vec::new()),
        Some(Value::String(word)) if word == "ephemeral" => {
            let remark = "`wake_policy` is ephemeral and `interfaces.telegram` is set: ephemeral wins, so each message \
                          starts a new conversation";
            let remarks = if converses_with_people { vec![remark.to_owned()] } else { Vec::new() };
            (WakePolicy::Ephemeral, remarks)
        }
        Some(other) => {
            let remark =
                format!("`wake_policy` is {other}: only \"ephemeral\" means something, so it counts as absent");
            (WakePolicy::Persistent, vec![remark])
        }
    }
}

fn json_error(error: &serde_json::Error, file: &Path) -> ProfileError {
    let (line, column) = (error.line(), error.column());
    // The position is said once, in front, where editors look for it.
    let said = error.to_string();
    let problem = said.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&said).to_owned();
    ProfileError::Json { file: file.to_owned(), line, column, problem }
}
