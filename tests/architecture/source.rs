//! Reads the library's source as tokens, so that comments and strings cannot deceive the laws, and macros cannot
//! hide from them.

use std::fs;
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

type Tokens = Peekable<proc_macro2::token_stream::IntoIter>;

/// A path as code names it: `["crate", "model", "id"]`, `["std", "fs", "read"]`. Relative ones are made absolute.
pub type Name = Vec<String>;

/// One file of the library.
pub struct Module {
    /// `["executor", "report"]`; empty for `lib.rs`.
    pub path: Name,
    pub file: PathBuf,
    pub text: String,
    tokens: TokenStream,
}

impl Module {
    /// A module of this text.
    pub fn of(path: Name, file: PathBuf, text: String) -> Self {
        let tokens = text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self { path, file, text, tokens }
    }

    /// The module's own name below the crate: `executor::report`.
    pub fn name(&self) -> String {
        self.path.join("::")
    }

    /// The module of the map it belongs to: `executor`.
    pub fn top(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }

    /// Nothing but tests, by the convention of its name.
    pub fn is_test(&self) -> bool {
        self.path.iter().any(|part| part == "tests" || part.ends_with("_tests"))
    }

    /// Every path that code outside `#[cfg(test)]` names.
    pub fn names(&self) -> Vec<Name> {
        let mut found = Vec::new();
        walk(self.tokens.clone(), &self.path, &mut found);
        found
    }

    pub fn has_word(&self, word: &str) -> bool {
        contains(self.tokens.clone(), word)
    }
}

/// All Rust files below `dir`, sorted.
pub fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The library's modules; `main.rs` is a crate of its own and comes as `main`.
pub fn library(root: &Path) -> Vec<Module> {
    let src = root.join("src");
    rust_files(&src).into_iter().map(|file| read(&src, file)).collect()
}

fn read(src: &Path, file: PathBuf) -> Module {
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let relative = file.strip_prefix(src).expect("the file was found below src").with_extension("");
    let mut path: Name = relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if path.last().is_some_and(|last| last == "mod" || last == "lib") {
        path.pop();
    }
    Module::of(path, file, text)
}

fn contains(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => contains(group.stream(), word),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

fn walk(tokens: TokenStream, here: &[String], found: &mut Vec<Name>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => skip_test_item(&mut tokens),
            TokenTree::Ident(ident) if ident == "mod" => inline_module(&mut tokens, here, found),
            TokenTree::Ident(ident) => {
                let mut name = vec![ident.to_string()];
                path(&mut tokens, &mut name, here, found);
            }
            TokenTree::Group(group) => walk(group.stream(), here, found),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// After a `#`: if what follows is `[cfg(test)]`, the item it stands on is passed over.
fn skip_test_item(tokens: &mut Tokens) {
    let is_test = |group: &Group| group.stream().to_string().replace(' ', "") == "cfg(test)";
    if !matches!(tokens.peek(), Some(TokenTree::Group(group)) if is_test(group)) {
        return;
    }
    for token in tokens.by_ref() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ';' => return,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return,
            _ => {}
        }
    }
}

/// After `mod`: the body of an inline module is one level deeper for its `super`s.
fn inline_module(tokens: &mut Tokens, here: &[String], found: &mut Vec<Name>) {
    let Some(TokenTree::Ident(name)) = tokens.next_if(|token| matches!(token, TokenTree::Ident(_))) else { return };
    if let Some(TokenTree::Group(body)) = tokens.next_if(|token| matches!(token, TokenTree::Group(_))) {
        let inside: Name = here.iter().cloned().chain([name.to_string()]).collect();
        walk(body.stream(), &inside, found);
    }
}

/// `name` has been read; goes on with every `::part`, and forks at `::{a, b}`.
fn path(tokens: &mut Tokens, name: &mut Name, here: &[String], found: &mut Vec<Name>) {
    while is_colon(tokens.peek()) {
        let mut ahead = tokens.clone();
        ahead.next();
        if !is_colon(ahead.peek()) {
            break;
        }
        ahead.next();
        match ahead.peek().cloned() {
            Some(TokenTree::Ident(part)) => {
                ahead.next();
                *tokens = ahead;
                name.push(part.to_string());
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                ahead.next();
                *tokens = ahead;
                return branches(group.stream(), name, here, found);
            }
            _ => break,
        }
    }
    found.push(absolute(name, here));
}

fn branches(tokens: TokenStream, stem: &[String], here: &[String], found: &mut Vec<Name>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        if let TokenTree::Ident(ident) = token {
            let mut name: Name = stem.to_vec();
            name.push(ident.to_string());
            path(&mut tokens, &mut name, here, found);
        }
    }
}

fn is_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':')
}

fn absolute(name: &[String], here: &[String]) -> Name {
    let climbs = name.iter().take_while(|part| *part == "super").count();
    let within = if name.first().is_some_and(|first| first == "self") {
        Some((here.len(), 1))
    } else if climbs > 0 {
        Some((here.len().saturating_sub(climbs), climbs))
    } else {
        None
    };
    match within {
        Some((depth, skipped)) => {
            ["crate".to_owned()].into_iter().chain(here[..depth].to_vec()).chain(name[skipped..].to_vec()).collect()
        }
        None => name.to_vec(),
    }
}
