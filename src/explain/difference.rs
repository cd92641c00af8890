//! What differs between two documents, path by path.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// What names an element of a list, tried in this order; a list of anything else is compared as one value.
const KEYS: [&str; 3] = ["message", "peer", "name"];

/// One value that is another one, or came, or went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Names from the outside in, with dots between them: `peers.claude-ada.session.turn`.
    pub path: String,
    /// Null: it was not there.
    pub before: Value,
    /// Null: it is not there any more.
    pub after: Value,
}

/// Every value that differs, in the order of the paths.
pub fn difference(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    compare("", before, after, &mut changes);
    changes
}

fn compare(path: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    if before == after {
        return;
    }
    match (children(before), children(after)) {
        (Some(before), Some(after)) => {
            let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for name in names {
                let value = |of: &BTreeMap<String, &Value>| of.get(name).map_or(Value::Null, |value| (*value).clone());
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(&path, &value(&before), &value(&after), changes);
            }
        }
        _ => changes.push(Change { path: path.to_owned(), before: before.clone(), after: after.clone() }),
    }
}

/// The named parts of a value; none for one that has no parts or whose parts have no names.
fn children(value: &Value) -> Option<BTreeMap<String, &Value>> {
    match value {
        Value::Object(fields) => Some(fields.iter().map(|(name, value)| (name.clone(), value)).collect()),
        Value::Array(elements) => {
            let named = |element: &Value| KEYS.iter().find_map(|key| element.get(key)?.as_str().map(str::to_owned));
            elements.iter().map(|element| Some((named(element)?, element))).collect()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(before: &Value, after: &Value) -> Vec<String> {
        difference(before, after).into_iter().map(|change| change.path).collect()
    }

    #[test]
    fn what_has_a_name_is_compared_by_it_wherever_it_stands() {
        let before = json!({ "peers": [{ "peer": "a", "turn": "running" }, { "peer": "b", "turn": "ended" }] });
        let after = json!({ "peers": [{ "peer": "b", "turn": "ended" }, { "peer": "a", "turn": "ended" }] });
        let turn = Change { path: "peers.a.turn".to_owned(), before: json!("running"), after: json!("ended") };
        assert_eq!(difference(&before, &after), [turn]);
    }

    #[test]
    fn what_comes_and_what_goes_is_told_whole() {
        let (none, one) = (json!({ "peers": [] }), json!({ "peers": [{ "peer": "a", "queue": [1, 2] }] }));
        assert_eq!(paths(&none, &one), ["peers.a"]);
        assert_eq!(difference(&one, &none)[0].after, Value::Null);
        assert_eq!(paths(&one, &json!({ "peers": [{ "peer": "a", "queue": [2] }] })), ["peers.a.queue"]);
        assert_eq!(paths(&one, &one), Vec::<String>::new());
    }
}
