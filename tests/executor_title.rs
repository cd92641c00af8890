//! What a program's title tells of its turns, where nothing else of it does (C46b).

mod executor_world;

use std::time::Duration;

use dormouse::model::effect::SessionName;
use dormouse::model::event::{Fact, TurnSeen};
use dormouse::model::session::Source;

use executor_world::World;

/// Says, at each key, the next of `says`, and then nothing more.
fn teller(says: &[&str], source: &str) -> String {
    let steps: Vec<_> = says.iter().map(|says| format!("head -c 1 > /dev/null; printf '{says}'")).collect();
    format!(
        r#"
argv = ["sh", "-c", "stty raw -echo; printf '\\033[?2004h'; {}; exec cat > /dev/null"]
[proof]
keys = true
[turn]
source = {source}
waiting = '(?m)^Do you want to'
title_working = '^busy'
title_idle = '^rests'
"#,
        steps.join("; ").replace('\\', "\\\\")
    )
}

fn title(text: &str) -> String {
    format!(r"\033]0;{text}\007")
}

async fn open(file: &str) -> (World, SessionName) {
    let mut world = World::new(&[("teller", file)], "text");
    let name = world.open("teller-ada", 3).await;
    (world, name)
}

fn press(world: &World, name: &SessionName) {
    world.tmux(name, &["send-keys", "-t", "=teller-ada:", "x"]);
}

async fn told(world: &mut World, wanted: TurnSeen) -> Source {
    let told = |fact: &Fact| match fact {
        Fact::TurnObserved(seen) if seen.turn == wanted => Some(seen.source),
        _ => None,
    };
    world.until(told).await.0
}

async fn silence(world: &mut World) {
    tokio::time::timeout(Duration::from_secs(2), world.next()).await.expect_err("nothing is told");
}

#[tokio::test]
async fn c46b_a_title_tells_what_nothing_else_does() {
    let (mut world, name) = open(&teller(&[&title("busy \\\\"), &title("rests")], r#"["title"]"#)).await;
    press(&world, &name);
    assert_eq!(told(&mut world, TurnSeen::Running).await, Source::Title);
    world.executor.tell_turn(&name, true);
    press(&world, &name);
    assert_eq!(told(&mut world, TurnSeen::Idle).await, Source::Title);
    world.end(&name).await;
}

/// C46b: a turn that is over before anybody has seen its title has an end all the same.
#[tokio::test]
async fn c46b_a_title_that_came_and_went_tells_of_an_end() {
    let says = [title("rests"), format!("{}{}", title("busy"), title("rests"))];
    let (mut world, name) = open(&teller(&[&says[0], &says[1]], r#"["title"]"#)).await;
    press(&world, &name);
    silence(&mut world).await;
    press(&world, &name);
    assert_eq!(told(&mut world, TurnSeen::Idle).await, Source::Title);
    world.end(&name).await;
}

/// C46b: also the first one, of a program whose title has not stood for long enough to be judged before.
#[tokio::test]
async fn c46b_a_first_title_that_came_and_went_tells_of_an_end() {
    let says = format!("{}{}{}", title("rests"), title("busy"), title("rests"));
    let (mut world, name) = open(&teller(&[&says], r#"["title"]"#)).await;
    press(&world, &name);
    assert_eq!(told(&mut world, TurnSeen::Idle).await, Source::Title);
    world.end(&name).await;
}

/// C46b: a spinner that turns is one turn, and what the loop knows already is no news.
#[tokio::test]
async fn c46b_a_title_that_says_nothing_new_is_not_told() {
    let says = [&title("busy 1"), &title("busy 2"), &title("rests")];
    let (mut world, name) = open(&teller(&says.map(String::as_str), r#"["hooks", "title"]"#)).await;
    world.executor.tell_turn(&name, true);
    press(&world, &name);
    press(&world, &name);
    silence(&mut world).await;
    world.executor.tell_turn(&name, false);
    press(&world, &name);
    silence(&mut world).await;
    world.end(&name).await;
}

/// C46b: the program's own word comes before its title, and does not say the same.
#[tokio::test]
async fn c46b_a_program_that_says_its_state_is_not_judged_by_its_title() {
    let says = [r"\033]7501;state=working\007", &title("rests")];
    let (mut world, name) = open(&teller(&says, r#"["terminal", "title"]"#)).await;
    press(&world, &name);
    assert_eq!(told(&mut world, TurnSeen::Running).await, Source::Terminal);
    world.executor.tell_turn(&name, true);
    press(&world, &name);
    silence(&mut world).await;
    world.end(&name).await;
}

/// C46: Claude's title at rest is the one that it has while it asks.
#[tokio::test]
async fn c46_a_title_at_rest_over_a_question_is_no_end() {
    let asks = format!("Do you want to proceed?{}", title("rests"));
    let (mut world, name) = open(&teller(&[&title("busy"), &asks], r#"["title"]"#)).await;
    press(&world, &name);
    assert_eq!(told(&mut world, TurnSeen::Running).await, Source::Title);
    world.executor.tell_turn(&name, true);
    press(&world, &name);
    let on = "Do you want to proceed?".to_owned();
    assert_eq!(told(&mut world, TurnSeen::Waiting { on }).await, Source::Title);
    world.end(&name).await;
}
