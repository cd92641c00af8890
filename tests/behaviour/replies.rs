//! Replies: what is asked, what answers it, and who is told that no answer will come (C13).

use dormouse::model::actor::Sender;
use dormouse::model::event::{Decision, Event, Fact, MessageAccepted, MessageRefused};
use dormouse::model::id::MessageId;
use dormouse::model::record::Record;
use dormouse::model::request::{DeliveredHere, Named};

use crate::script::{check, happens};
use crate::world::{World, ephemeral, user};

/// Ada and bob, both live and at rest; cid is a worker that sleeps.
fn world() -> World {
    let mut world = World::new();
    for name in ["ada", "bob", "eve"] {
        world.add(name, |_| {});
    }
    world.add("cid", ephemeral);
    for name in ["ada", "bob", "eve"] {
        happens(&mut world, &format!("send first-{name} to {name}"));
        happens(&mut world, &format!("up {name}"));
        happens(&mut world, &format!("turn {name} ended"));
    }
    world
}

fn accepted(records: &[Record]) -> &MessageAccepted {
    match &records[0].event {
        Event::Fact(Fact::MessageAccepted(accepted)) => accepted,
        other => panic!("{other:?}"),
    }
}

fn refused(records: &[Record]) -> &MessageRefused {
    match &records[0].event {
        Event::Fact(Fact::MessageRefused(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

/// What was reported last: about which message, to whom, in which words.
fn report(world: &World) -> (MessageId, String, String) {
    let made = world.records.iter().rev().find_map(|record| match &record.event {
        Event::Decision(Decision::ReportMade(made)) => Some((made.about, made.to.to_string(), made.text.clone())),
        _ => None,
    });
    made.expect("a report was made")
}

/// C13, C44a, C38: however a worker ends without a word, the peer that gave it its task is told.
#[test]
fn c13_a_peer_is_told_that_its_task_ended_without_a_word() {
    for (end, says) in [
        (
            "1s gone cid exit:0 => session_finished, task_done[without_a_word], report_made, delivery_decided",
            "exited with code 0",
        ),
        (
            "601s passes => look_decided
             601s looked cid 10m => reaped[unarmed]
             602s gone cid signal:15 => session_ended, task_done[without_a_word], report_made, delivery_decided",
            "was ended (unarmed)",
        ),
    ] {
        let mut world = world();
        check(
            &mut world,
            "0s answer t from ada to cid => wake_decided[fresh ephemeral]
             1s up cid                   => delivery_decided, delivered, session_ready
             1s turn cid ended           =>",
        );
        check(&mut world, end);
        let (about, to, text) = report(&world);
        assert_eq!((about, to.contains("ada")), (world.messages["t"], true), "{to}");
        assert!(text.contains(&format!("its session {says} without a word")), "{text}");
    }
}

/// C13, C36, C41a: what a worker still says while its session is being ended counts: the task is answered, is not given again,
/// and nobody is told that there was no word.
#[test]
fn c36_a_word_while_the_session_is_being_ended_is_an_answer() {
    for end in [
        "601s passes            => look_decided
         601s looked cid 10m    => reaped[unarmed]",
        "30s stop cid => stop_set, reaped[stopped]",
    ] {
        let mut world = world();
        check(
            &mut world,
            "0s question q from ada to cid => wake_decided[fresh ephemeral]
             1s up cid                     => delivery_decided, delivered, session_ready
             1s turn cid ended             =>",
        );
        check(&mut world, end);
        check(
            &mut world,
            "2s reply r from cid to ada answers q => armed, delivery_decided
             3s gone cid signal:15 => session_ended, task_done[answered]",
        );
    }
}

/// C13: a person is told by the call that waits, and a worker whom a report would become a task by nobody.
#[test]
fn c13_no_report_of_a_task_without_a_word_for_a_person() {
    let mut world = world();
    check(
        &mut world,
        "0s send t to cid     => wake_decided[fresh ephemeral]
         1s up cid            => delivery_decided, delivered, session_ready
         2s gone cid exit:0   => session_finished, task_done[without_a_word]",
    );
}

/// C13: a report never wakes whom it is for, and causes no other when it dies.
#[test]
fn c13_a_report_waits_for_its_peer_to_be_there() {
    let mut world = world();
    check(
        &mut world,
        "0s answer t from ada to cid => wake_decided[fresh ephemeral]
         1s gone ada exit:0          => parked, session_finished
         2s up cid                   => delivery_decided, delivered, session_ready
         3s gone cid exit:0          => session_finished, task_done[without_a_word], report_made
         9m passes                   =>
         9m send b to ada            => wake_decided[fresh no_topic]",
    );
}

/// C13: a question is owed an answer by the session that was given it, and by nobody once that has ended.
#[test]
fn c13_who_asked_is_told_that_the_session_ended_before_it_replied() {
    let mut world = world();
    check(
        &mut world,
        "0s question q from ada to bob => delivery_decided
         1s begun q bob                =>
         1s proven q bob               => delivered
         2s progress p from bob to ada => delivery_decided
         3s begun p ada                =>
         3s proven p ada               => delivered
         3s turn ada ended             =>
         4s gone bob signal:9          => session_died, report_made, delivery_decided",
    );
    let (about, _, text) = report(&world);
    assert_eq!(about, world.messages["q"]);
    assert!(text.contains("demo-bob, and its session died by signal 9 before it replied"), "{text}");
}

/// C13: what was answered, or never asked, is reported to nobody.
#[test]
fn c13_an_answered_question_is_reported_to_nobody() {
    let mut world = world();
    check(
        &mut world,
        "0s question q from ada to bob => delivery_decided
         1s begun q bob                =>
         1s proven q bob               => delivered
         2s answer r from bob to ada   => delivery_decided
         3s gone bob signal:9          => session_died",
    );
    let mut world = self::world();
    check(
        &mut world,
        "0s answer q from ada to bob => delivery_decided
         1s begun q bob              =>
         1s proven q bob             => delivered
         3s gone bob signal:9        => session_died",
    );
}

/// C13: also where the delivery was in doubt when its session ended, and the record says that it had arrived.
#[test]
fn c13_a_question_that_arrived_after_all_is_reported() {
    let mut world = world();
    check(
        &mut world,
        "0s question q from ada to bob => delivery_decided
         1s begun q bob                =>
         2s gone bob signal:9          => session_died
         3s settled q bob found        => delivered, report_made, delivery_decided",
    );
}

/// C13, C55: a worker may have nothing to say; whoever waits for a reply hears that none will come.
#[test]
fn c13_a_worker_that_is_done_without_a_reply_owes_one_to_whom_waits() {
    for (how, end) in
        [("question", "task_done[answered], report_made, delivery_decided"), ("answer", "task_done[answered]")]
    {
        let mut world = world();
        check(
            &mut world,
            &format!(
                "0s {how} t from ada to cid  => wake_decided[fresh ephemeral]
                 1s up cid                   => delivery_decided, delivered, session_ready
                 2s done cid                 => armed
                 3s gone cid exit:0          => session_finished, {end}"
            ),
        );
    }
    let mut world = self::world();
    check(
        &mut world,
        "0s question t from ada to cid => wake_decided[fresh ephemeral]
         1s up cid                     => delivery_decided, delivered, session_ready
         2s answer r from cid to ada   => armed, delivery_decided
         3s gone cid exit:0            => session_finished, task_done[answered]",
    );
}

/// C41a: a task that is given again is not reported before it is given up, and the report is one.
#[test]
fn c13_a_question_to_a_worker_is_reported_once() {
    let mut world = world();
    check(
        &mut world,
        "0s question t from ada to cid => wake_decided[fresh ephemeral]
         1s up cid                     => delivery_decided, delivered, session_ready
         2s gone cid signal:9          => session_died, message_requeued, drained, wake_decided[fresh ephemeral]
         3s up cid                     => delivery_decided, delivered, session_ready
         4s gone cid signal:9          => session_died, message_dead, report_made, delivery_decided",
    );
}

/// What is tied by name is believed over what is concluded from the last delivery.
#[test]
fn an_answer_that_names_its_question_answers_that_one() {
    let mut world = world();
    check(
        &mut world,
        "0s question one from ada to bob => delivery_decided
         1s begun one bob                =>
         1s proven one bob               => delivered
         2s question two from ada to bob => delivery_decided
         3s begun two bob                =>
         3s proven two bob               => delivered",
    );
    let records = happens(&mut world, "reply r from bob to ada answers one");
    let answer = accepted(&records);
    assert_eq!((answer.answers, answer.named), (Some(world.messages["one"]), true));
    let records = happens(&mut world, "answer s from bob to ada");
    let answer = accepted(&records);
    assert_eq!((answer.answers, answer.named), (Some(world.messages["two"]), false));
}

/// The last thing that was delivered came from somebody else: the answer is for the one who still waits.
#[test]
fn an_answer_without_a_name_finds_the_only_question_of_whom_it_is_for() {
    let mut world = world();
    check(
        &mut world,
        "0s question q from ada to bob => delivery_decided
         1s begun q bob                =>
         1s proven q bob               => delivered
         2s answer n from eve to bob   => delivery_decided
         3s begun n bob                =>
         3s proven n bob               => delivered",
    );
    let records = happens(&mut world, "answer r from bob to ada");
    assert_eq!(accepted(&records).answers, Some(world.messages["q"]));
}

/// A name ends somebody's waiting: it must be that of a message which the speaker was given by whom it answers.
#[test]
fn a_name_of_what_was_never_delivered_here_is_refused() {
    let mut world = world();
    check(
        &mut world,
        "0s question q from ada to bob => delivery_decided
         1s begun q bob                =>
         1s proven q bob               => delivered
         2s question w from ada to bob => delivery_decided",
    );
    let why = |world: &mut World, line: &str| refused(&happens(world, line)).why.clone();
    assert!(why(&mut world, "reply a from bob to ada answers w").contains("never delivered to this session"));
    assert!(why(&mut world, "reply b from eve to ada answers q").contains("never delivered to this session"));
    assert!(why(&mut world, "reply c from bob to eve answers q").contains("is from ada (demo)"));
    assert_eq!(world.session("bob").questions.len(), 1, "nobody's waiting has ended");
    let mut outside = world.message("bob", user(), "psst");
    outside.answers = Some(Named { message: world.messages["q"], delivered: DeliveredHere::NotKnown });
    let records = world.request(dormouse::model::request::Verb::Send(Box::new(outside)));
    assert!(refused(&records).why.contains("only what an agent sends"));
}

/// The state forgets what was settled; the journal, where the door looks, does not.
#[test]
fn a_name_that_the_journal_knows_is_believed() {
    let mut world = world();
    let old = world.messages["first-eve"];
    let ada = Sender::User { name: "root".into(), uid: 0 };
    for (delivered, expected) in [
        (DeliveredHere::From(ada), Some(old)),
        // Nobody could look: the message is taken, and tied to what was delivered last.
        (DeliveredHere::NotKnown, Some(world.messages["first-bob"])),
    ] {
        let mut send = world.message("user:root", world.sender("bob"), "an answer");
        send.answers = Some(Named { message: old, delivered });
        let records = world.request(dormouse::model::request::Verb::Send(Box::new(send)));
        assert_eq!(accepted(&records).answers, expected);
    }
}
