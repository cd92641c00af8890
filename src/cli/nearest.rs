//! Whom a name that means nobody may have meant.

use std::collections::BTreeSet;

use crate::model::name::Identity;

/// The nearest name, where one is near, and names that do mean somebody.
pub fn hint(name: &str, known: &BTreeSet<Identity>) -> String {
    const SHOWN: usize = 12;
    let names: Vec<String> = known.iter().take(SHOWN).map(ToString::to_string).collect();
    let told = match known.len() {
        0 => "this history tells of no peer at all".to_owned(),
        n if n > SHOWN => format!("this history tells of {n} peers, such as {}", names.join(", ")),
        _ => format!("this history tells of {}", names.join(", ")),
    };
    let meant = nearest(name, known).map(|near| format!("did you mean `{near}`? "));
    meant.unwrap_or_default() + &told
}

/// The identity or personality that takes the fewest slips to become `name`; none that takes more than a slip in three
/// characters.
fn nearest(name: &str, known: &BTreeSet<Identity>) -> Option<String> {
    let typed: Vec<char> = name.to_lowercase().chars().collect();
    let names = known.iter().flat_map(|peer| [peer.personality.to_string(), peer.to_string()]);
    let apart = names.map(|known| (slips(&typed, &known.chars().collect::<Vec<_>>()), known));
    apart.filter(|(slips, _)| *slips <= (typed.len() / 3).max(1)).min().map(|(_, known)| known)
}

/// Letters left out, put in, mistaken, or typed in the wrong order.
fn slips(typed: &[char], meant: &[char]) -> usize {
    let mut rows = vec![(0..=meant.len()).collect::<Vec<usize>>()];
    for i in 1..=typed.len() {
        let mut row = vec![i];
        for j in 1..=meant.len() {
            let mistaken = rows[i - 1][j - 1] + usize::from(typed[i - 1] != meant[j - 1]);
            let mut fewest = mistaken.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && typed[i - 1] == meant[j - 2] && typed[i - 2] == meant[j - 1] {
                fewest = fewest.min(rows[i - 2][j - 2] + 1);
            }
            row.push(fewest);
        }
        rows.push(row);
    }
    rows[typed.len()][meant.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_or_two_are_near_and_another_name_is_not() {
        let known = ["demo-ada", "claude-release-notes"].iter().map(|peer| peer.parse().unwrap()).collect();
        for (typed, meant) in [
            ("aad", Some("ada")),
            ("ADA", Some("ada")),
            ("demo-ada", Some("demo-ada")),
            ("relase-ntoes", Some("release-notes")),
            ("eve", None),
            ("x", None),
            ("nobody", None),
        ] {
            assert_eq!(nearest(typed, &known).as_deref(), meant, "{typed}");
        }
    }
}
