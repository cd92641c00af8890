//! A line of the control protocol, from whoever may connect.

use dormouse::model::id::MessageId;
use dormouse::protocol::{AddPeer, Call, Problem, ProblemCode, Reply, SendMessage, Verb, Wait};

pub fn run(bytes: &[u8]) {
    match Call::from_line(bytes) {
        Ok(call) => {
            let line = call.to_line();
            assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1), "one line");
            assert_eq!(Call::from_line(&line).expect("what we say can be read"), call);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(reply) = Reply::from_line(bytes) {
        let line = reply.to_line();
        assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1), "one line");
        assert_eq!(Reply::from_line(&line).expect("what we say can be read"), reply);
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let send = SendMessage {
        to: "ada".to_owned(),
        text: "a\u{1b}\n\"b\"".to_owned(),
        topic: Some("t".to_owned()),
        key: Some("k".to_owned()),
        runtime: None,
        progress: true,
        answers: None,
        wait: Wait::Replied,
        timeout_ms: Some(1000),
    };
    let add = AddPeer { folder: "/srv/ada".into(), consents: vec!["trust".to_owned()], ..AddPeer::default() };
    let peer = || "ada".to_owned();
    let message = MessageId(1 << 90);
    let verbs = [
        Verb::Send(Box::new(send)),
        Verb::Add(Box::new(add)),
        Verb::Remove { peer: peer(), force: true },
        Verb::Run { folder: "/srv".into(), runtime: Some("demo".to_owned()) },
        Verb::Cancel { message },
        Verb::RefreshAll,
        Verb::Queue { peer: None },
    ];
    let mut seeds: Vec<Vec<u8>> = verbs.into_iter().map(|verb| Call::new(message, verb).to_line()).collect();
    seeds.push(Call { more: true, ..Call::new(message, Verb::Ls) }.to_line());
    seeds.push(Reply::ok(&serde_json::json!({"peers": [1, -2.5, null]})).to_line());
    seeds.push(Reply::Error(Problem::new(ProblemCode::Usage, "no").hint("ask")).to_line());
    seeds
}
