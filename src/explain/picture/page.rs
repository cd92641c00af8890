//! One page that needs nothing else: no network, no font, no library. It works from a file.

use serde::Serialize;

use super::Picture;
use super::columns::Columns;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// In the order in which they build on each other.
const SCRIPT: [&str; 7] = [
    include_str!("page/data.js"),
    include_str!("page/words.js"),
    include_str!("page/window.js"),
    include_str!("page/draw.js"),
    include_str!("page/panel.js"),
    include_str!("page/search.js"),
    include_str!("page/main.js"),
];

/// The page. Its sentences speak in the zone of this IANA name; none is UTC.
///
/// Nothing in a history can become markup or run: all of it stands in one block of JSON without a single `<`, is only
/// ever shown as text, and scripts are admitted by a word that is made of the history itself, so that nobody who writes
/// into it can know it.
pub fn page(picture: &Picture, zone: Option<String>) -> String {
    let data = inert(&Columns::of(picture, zone));
    let word = blake3::hash(data.as_bytes()).to_hex();
    let script = SCRIPT.join("\n");
    let title = match (picture.marks.first(), picture.marks.last()) {
        (Some(first), Some(last)) => format!("dormouse: records {} to {}", first.lsn, last.lsn),
        _ => "dormouse: no records".to_owned(),
    };
    filled(PAGE, &[("word", &word), ("title", &title), ("style", STYLE), ("script", &script), ("data", &data)])
}

/// JSON in which nothing can end the block it stands in, nor begin a comment.
fn inert(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).expect("columns are numbers and texts");
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// `page` with a text for each `{{name}}`; what was filled in is not looked at again.
fn filled(page: &str, texts: &[(&str, &str)]) -> String {
    let room = texts.iter().map(|(_, text)| text.len()).sum::<usize>();
    let mut out = String::with_capacity(page.len() + room);
    let mut pieces = page.split("{{");
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").expect("the page closes what it opens");
        let text = texts.iter().find(|(known, _)| *known == name).expect("the page names what there is").1;
        out.push_str(text);
        out.push_str(rest);
    }
    out
}
