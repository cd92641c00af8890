//! Which key of a TOML file a byte belongs to, so that an error can name them.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The dotted path of the deepest key that byte `at` belongs to, by its own text or its value's: `dialog[0].screen`.
/// None for a byte of no key.
pub fn key_at(table: &Spanned<DeTable<'_>>, at: usize) -> Option<String> {
    in_table(table.get_ref(), at)
}

fn in_table(table: &DeTable<'_>, at: usize) -> Option<String> {
    let (key, value) = table.iter().find(|(key, value)| holds(&key.span(), at) || reaches(value, at))?;
    let name: &str = key.get_ref();
    Some(match in_value(value, at) {
        Some(deeper) => format!("{name}{deeper}"),
        None => name.to_owned(),
    })
}

fn in_value(value: &Spanned<DeValue<'_>>, at: usize) -> Option<String> {
    match value.get_ref() {
        DeValue::Table(table) => in_table(table, at).map(|key| format!(".{key}")),
        DeValue::Array(items) => {
            let (index, item) = items.iter().enumerate().find(|(_, item)| reaches(item, at))?;
            Some(format!("[{index}]{}", in_value(item, at).unwrap_or_default()))
        }
        _ => None,
    }
}

/// A `[table]`'s span is its header alone, so what is in it is asked as well.
fn reaches(value: &Spanned<DeValue<'_>>, at: usize) -> bool {
    holds(&value.span(), at) || in_value(value, at).is_some()
}

fn holds(span: &Range<usize>, at: usize) -> bool {
    span.contains(&at)
}
