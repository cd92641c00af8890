//! Which check refused. A refusal names its rule and says why in a sentence; of one rule there are many.

/// Parts of sentences, and the check that says them. The first that fits.
type Sentences = &'static [(&'static str, &'static str)];

const OF_MESSAGES: Sentences = &[
    ("no peer is called", "no such peer"),
    ("could be", "several peers"),
    ("only a session can answer", "to a person from outside"),
    ("names nobody", "to a person without a name"),
    ("does not declare", "runtime not declared"),
    ("the topic has", "topic too long"),
    ("the topic is empty", "topic not printable"),
    ("NUL", "NUL"),
    ("the text is empty", "empty"),
    ("the text has", "too long"),
    ("cannot write to itself", "to oneself"),
    ("is stopped", "stopped"),
    ("is full", "queue full"),
    ("the id has", "id not printable"),
    ("for another text", "id of another text"),
];

const OF_REQUESTS: Sentences = &[
    ("no peer is called", "no such peer"),
    ("could be", "several peers"),
    ("is kept alive by", "managed elsewhere"),
    ("has no conversation", "nothing to resume"),
    ("cannot resume", "cannot resume"),
    ("is already live", "already live"),
    ("is live", "live"),
    ("is stopped", "stopped"),
    ("in quarantine", "quarantined"),
    ("does not declare", "runtime not declared"),
    ("is held by", "name is held"),
    ("is already the peer", "folder is held"),
    ("is not known here", "runtime not known"),
    ("inside its own session", "not from a session"),
    ("has ended", "session has ended"),
    ("has been typed", "already typed"),
    ("there is no turn", "not live"),
    ("no turn of", "no turn"),
    ("is under way already", "under way"),
    ("is not dead", "not dead"),
    ("no unsettled message", "no such message"),
];

pub fn of_message(why: &str) -> &'static str {
    find(OF_MESSAGES, why)
}

pub fn of_request(why: &str) -> &'static str {
    find(OF_REQUESTS, why)
}

/// What is none of these is no name at all: the letters it may have are told in many ways.
fn find(sentences: Sentences, why: &str) -> &'static str {
    sentences.iter().find(|(part, _)| why.contains(part)).map_or("not a name", |(_, check)| check)
}
