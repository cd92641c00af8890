//! Text for a terminal of some width, or for no terminal at all.

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};

/// A sentence beside its prefix needs so many columns to read well.
const SENTENCE_COLUMNS: usize = 40;
/// How far what is folded below its beginning is set in.
const INDENT: usize = 8;

/// Rows of cells, the first one the heading, as an aligned table.
///
/// With a width the cells are folded into it, never within a word; what does not fit even then is written a row below
/// the other, each cell behind its heading.
pub fn table(cells: &[Vec<String>], columns: Option<u16>) -> String {
    let Some((heading, rows)) = cells.split_first() else { return String::new() };
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(heading);
    table.add_rows(rows);
    if let Some(columns) = columns {
        let words: Vec<usize> = (0..heading.len()).map(|column| longest_word(cells, column)).collect();
        if words.iter().map(|word| word + 2).sum::<usize>() > usize::from(columns) {
            return rows.iter().map(|row| below(heading, row, columns)).collect();
        }
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(columns);
        table.set_constraints(words.iter().map(|word| {
            // With the padding, which comfy_table counts.
            ColumnConstraint::LowerBoundary(Width::Fixed(u16::try_from(word + 2).unwrap_or(u16::MAX)))
        }));
    }
    table.trim_fmt()
}

fn longest_word(cells: &[Vec<String>], column: usize) -> usize {
    let words = cells.iter().filter_map(|row| row.get(column)).flat_map(|cell| cell.split_whitespace());
    words.map(|word| word.chars().count()).max().unwrap_or(0)
}

fn below(heading: &[String], row: &[String], columns: u16) -> String {
    let said = heading.iter().zip(row).skip(1).filter(|(_, cell)| *cell != "-");
    let said: Vec<String> = said.map(|(name, cell)| format!("{}: {cell}", name.to_lowercase())).collect();
    let indent = " ".repeat(INDENT);
    let first = row.first().map_or("", String::as_str);
    format!("{first}\n{}\n", fold(&indent, &said.join("; "), Some(columns)))
}

/// `prefix` and `text`, which goes on below its own beginning, or below the prefix where that leaves it too little room.
pub fn fold(prefix: &str, text: &str, columns: Option<u16>) -> String {
    let Some(columns) = columns.map(usize::from) else { return format!("{prefix}{text}") };
    let width = prefix.chars().count();
    let has_room = width + SENTENCE_COLUMNS.min(text.chars().count()) <= columns;
    let (mut out, indent) = if width == INDENT || has_room {
        (prefix.to_owned(), width)
    } else {
        (format!("{}\n{}", narrowed(prefix.trim_end(), columns), " ".repeat(INDENT)), INDENT)
    };
    let mut at = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if at > indent && at + 1 + length > columns {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            at = indent;
        } else if at > indent {
            out.push(' ');
            at += 1;
        }
        out.push_str(word);
        at += length;
    }
    out
}

/// `prefix` without the room that aligns its columns, where there is none to spare. What it begins with stays in its place.
fn narrowed(prefix: &str, columns: usize) -> String {
    if prefix.chars().count() <= columns {
        return prefix.to_owned();
    }
    let begins = prefix.len() - prefix.trim_start().len();
    format!("{}{}", &prefix[..begins], prefix.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[test]
    fn a_table_is_as_wide_as_it_likes_where_there_is_no_terminal() {
        let wide = "word ".repeat(60);
        let text = table(&cells(&[&["A", "B"], &["a", wide.trim()]]), None);
        assert_eq!(text.lines().count(), 2, "{text}");
    }

    #[test]
    fn no_line_of_a_table_is_wider_than_its_terminal_and_no_word_is_cut() {
        let rows = cells(&[
            &["PEER", "MESSAGE", "WAITS FOR"],
            &["demo-ada", "01M82ED00EDQDSBN56VC1W955N", "the session works on another message of the very same peer"],
        ]);
        for columns in [40, 60, 80, 200] {
            let text = table(&rows, Some(columns));
            assert!(text.lines().all(|line| line.chars().count() <= columns.into()), "{columns}:\n{text}");
            for word in ["demo-ada", "01M82ED00EDQDSBN56VC1W955N", "another"] {
                assert!(text.contains(word), "{columns}: {word} is cut in\n{text}");
            }
        }
    }

    #[test]
    fn a_sentence_goes_on_below_its_own_beginning() {
        let prefix = " 12  kind  ";
        let text = "seven words make more than one line of this";
        assert_eq!(fold(prefix, text, None), format!("{prefix}{text}"));
        assert_eq!(fold(prefix, text, Some(51)), " 12  kind  seven words make more than one line of\n           this");
        assert_eq!(
            fold(prefix, text, Some(40)),
            " 12  kind\n        seven words make more than one\n        line of this"
        );
        assert_eq!(
            fold("   12  a time  kind          peer    ", "it is so", Some(24)),
            "   12 a time kind peer\n        it is so"
        );
        assert_eq!(fold("possible duplicates: ", "8 marked", Some(40)), "possible duplicates: 8 marked");
        assert_eq!(
            fold("", "one-word-that-is-far-too-long-for-it", Some(9)),
            "\n        one-word-that-is-far-too-long-for-it"
        );
    }
}
