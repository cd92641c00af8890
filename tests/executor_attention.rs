//! The user's own command for what a person should hear of.

mod executor_world;

use dormouse::model::effect::{Attention, AttentionKind, Task};
use dormouse::model::event::{AttentionCalled, Event, Fact};
use dormouse::model::id::{Lsn, MessageId};

use executor_world::World;

async fn call(world: &mut World, command: &[&str]) -> AttentionCalled {
    let attention = Attention {
        command: command.iter().map(ToString::to_string).collect(),
        what: AttentionKind::MessageDead,
        peer: Some("cat-ada".parse().unwrap()),
        message: Some(MessageId(1)),
        says: "a \"message\" is dead".to_owned(),
    };
    world.run(Lsn(7), Task::CallAttention(Box::new(attention)));
    let draft = world.next().await;
    assert_eq!((draft.cause, draft.subject.message), (Some(Lsn(7)), Some(MessageId(1))));
    let Event::Fact(Fact::AttentionCalled(called)) = draft.event else { panic!("{draft:?}") };
    called
}

#[tokio::test]
async fn the_command_gets_what_happened_as_json() {
    let mut world = World::new(&[], "text");
    let heard = world.folder.join("heard");
    let called = call(&mut world, &["sh", "-c", &format!("cat > {}", heard.display())]).await;
    assert_eq!(called, AttentionCalled { what: "message_dead".to_owned(), failed: None });
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(heard).unwrap()).unwrap();
    assert_eq!((&json["what"], &json["peer"]), (&"message_dead".into(), &"cat-ada".into()));
    assert_eq!(json["says"], "a \"message\" is dead");
}

#[tokio::test]
async fn a_command_that_fails_is_reported_as_what_it_is() {
    let mut world = World::new(&[], "text");
    let failed = call(&mut world, &["sh", "-c", "exit 3"]).await.failed.unwrap();
    assert!(failed.contains("exit status: 3"), "{failed}");
    let failed = call(&mut world, &["/nonexistent/command"]).await.failed.unwrap();
    assert!(failed.contains("/nonexistent/command"), "{failed}");
}
