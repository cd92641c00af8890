use std::env;

use serde_json::{Value, json};

use super::context::Context;
use super::error::CliError;
use super::render;
use crate::config::{self, Shown};
use crate::explain::layout;

/// Show each setting and where its value came from
///
/// As a daemon started here and now would have it: `config.toml`, overridden by `DORMOUSE_<NAME>`. `daemon --set`
/// overrides both.
#[derive(Debug, clap::Args)]
pub struct Config {}

impl Config {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        let loaded = config::load(&context.home.config_file(), env::vars_os())?;
        let shown: Vec<Shown<'_>> = loaded.shown().collect();
        let data: Vec<Value> = shown.iter().map(data).collect();
        context.output.print(&data, || layout::table(&table(&shown), render::columns()))
    }
}

fn data(shown: &Shown<'_>) -> Value {
    let Shown { name, value, default, doc, source } = shown;
    json!({ "name": name, "value": value, "default": default, "source": source.to_string(), "doc": doc })
}

fn table(shown: &[Shown<'_>]) -> Vec<Vec<String>> {
    let heading = ["SETTING", "VALUE", "FROM", "WHAT IT IS"].map(str::to_owned).to_vec();
    let row = |it: &Shown<'_>| vec![it.name.to_owned(), it.value.clone(), it.source.to_string(), it.doc.to_owned()];
    std::iter::once(heading).chain(shown.iter().map(row)).collect()
}
