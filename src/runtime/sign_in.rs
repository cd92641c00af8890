//! Programs' own settings, which may name somebody to ask for whom nobody has to sign in.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::spec::ConfigFormat;

/// Whom the settings name in place of the program's own service, and what that one wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    pub name: String,
    /// The variable that holds its key; none: it wants no key.
    pub key: Option<String>,
}

/// Reads settings of `format`. None: they name nobody, or somebody for whom one signs in all the same.
pub fn provider(format: ConfigFormat, text: &str) -> Option<Provider> {
    match format {
        ConfigFormat::Codex => toml::from_str::<Codex>(text).ok()?.provider(),
    }
}

/// As Codex 0.169 reads it. It writes the file itself, for one when it trusts a folder.
#[derive(Deserialize)]
struct Codex {
    model_provider: Option<String>,
    #[serde(default)]
    model_providers: BTreeMap<String, CodexProvider>,
}

#[derive(Deserialize)]
struct CodexProvider {
    env_key: Option<String>,
    #[serde(default)]
    requires_openai_auth: bool,
}

/// Known to it without a table, and asked without a key.
const CODEX_KEYLESS: [&str; 2] = ["ollama", "lmstudio"];

impl Codex {
    fn provider(self) -> Option<Provider> {
        let name = self.model_provider?;
        if CODEX_KEYLESS.contains(&name.as_str()) {
            return Some(Provider { name, key: None });
        }
        let found = self.model_providers.get(&name)?;
        // It shows its sign-in then, whatever key there is.
        (!found.requires_openai_auth).then(|| Provider { key: found.env_key.clone(), name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C24: each as Codex 0.169 takes it at its start: with its box, or with its sign-in.
    #[test]
    fn c24_only_a_provider_of_its_own_spares_codex_its_sign_in() {
        let read = |text: &str| provider(ConfigFormat::Codex, text);
        let mine = |key: Option<&str>| Some(Provider { name: "mine".to_owned(), key: key.map(str::to_owned) });
        let table = |rest: &str| format!("model_provider = \"mine\"\n[model_providers.mine]\nname = \"mine\"\n{rest}");
        assert_eq!(
            read("model = \"x\"\n[projects.\"/a\"]\ntrust_level = \"trusted\"\n"),
            None,
            "what it writes itself"
        );
        assert_eq!(read("model_provider = \"openai\"\n"), None, "its own service");
        assert_eq!(read("[model_providers.mine]\nname = \"mine\"\nenv_key = \"K\"\n"), None, "there, and not chosen");
        assert_eq!(read(&table("requires_openai_auth = true\nenv_key = \"K\"\n")), None);
        assert_eq!(read(&table("requires_openai_auth = false\nenv_key = \"K\"\n")), mine(Some("K")));
        assert_eq!(read(&table("")), mine(None));
        assert_eq!(read("model_provider = \"ollama\"\n").map(|it| it.key), Some(None));
        assert_eq!(read("model_provider = "), None, "half of it");
    }
}
