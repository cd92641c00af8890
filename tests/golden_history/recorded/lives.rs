//! Peers in all their ways of life.

use dormouse::model::event::DialogAnswered;

use super::add;
use crate::script::{check, happens};
use crate::world::World;

/// A peer that lives long: deliveries that wait, fail, and are given up; a look that fails; idle at last.
pub fn persistent(world: &mut World) {
    check(
        world,
        "0s  send a1 to ada about release => wake_decided[fresh first_wake]
         1s  started ada =>
         2s  box ada => delivery_decided
         2s  waits a1 ada =>
         3s  begun a1 ada =>
         4s  proven a1 ada => delivered, session_ready
         4s  turn ada running =>
         5s  send a2 to ada about docs => delivery_decided
         5s  send a3 to ada =>
         5s  send a4 to ada =>
         6s  cancel a3 => message_cancelled
         6s  answer r1 from ada to user:root => answer_kept
         7s  turn ada ended =>
         8s  begun a2 ada =>
         8s  failed a2 ada typed => delivery_failed
         9s  passes => delivery_decided
         9s  begun a2 ada =>
         10s proven a2 ada => delivered, delivery_decided
         11s impossible a4 ada => message_dead, report_made
         12s send a5 to ada => delivery_decided
         13s begun a5 ada =>
         14s failed a5 ada typed => delivery_failed
         15s passes => delivery_decided
         15s begun a5 ada =>
         16s failed a5 ada typed => delivery_failed
         20s passes => delivery_decided
         20s begun a5 ada =>
         21s failed a5 ada typed => message_dead, report_made
         30s retry a5 => message_requeued, delivery_decided
         30s begun a5 ada =>
         31s proven a5 ada => delivered
         31s turn ada running =>
         2h  passes => kept[turn_running]
         2h  turn ada waiting =>
         4h  passes => kept[waits_for_person]
         4h  turn ada idle =>
         5h  passes => look_decided
         5h  look-fails ada =>
         5h  turn ada failed =>
         6h  passes => look_decided
         6h  looked ada transcript:600s =>
         7h  passes => look_decided
         7h  looked ada 2h => parked, reaped[idle]
         7h  gone ada signal:15 => session_ended",
    );
}

/// What was parked is resumed or not, by topic and by mark.
pub fn parked(world: &mut World) {
    check(
        world,
        "0s  send b1 to ada about docs => wake_decided[resumed topic_known]
         1s  up ada => delivery_decided, delivered, session_ready
         2s  fresh ada => refresh_marked
         3s  turn ada idle =>
         4s  stop ada => stop_set, parked, reaped[stopped]
         5s  kill-failed ada =>
         30s passes => kill_repeated
         31s gone ada signal:9 => session_ended
         32s send b2 to ada =>
         33s start ada => stop_cleared
         34s send b3 to ada => wake_decided[fresh refresh_mark]
         35s up ada => delivery_decided, delivered, session_ready
         36s turn ada idle =>
         37s gone ada exit:0 => parked, session_finished
         38s send b4 to ada about tides => wake_decided[fresh topic_new]
         39s up ada => delivery_decided, delivered, session_ready
         39s turn ada idle =>
         40s gone ada exit:0 => parked, session_finished
         41s send b5 to ada => wake_decided[fresh no_topic]
         42s up ada => delivery_decided, delivered, session_ready
         42s turn ada idle =>
         43s gone ada exit:0 => parked, session_finished
         44s attach ada => wake_decided[resumed attach]
         45s up ada => session_ready
         46s turn ada idle =>
         47s gone ada exit:0 => parked, session_finished
         48s run ada => wake_decided[fresh folder_launch]
         49s up ada => delivery_decided, delivered, session_ready
         50s run ada =>
         51s new ada => reaped[replaced]
         52s gone ada signal:15 => session_ended, wake_decided[fresh new]
         53s up ada => delivery_decided, delivered, session_ready
         60s refresh ada => refresh_marked
         60s send b6 to ada => delivery_decided
         60s begun b6 ada =>
         61s stop ada => stop_set, parked, reaped[stopped]
         61s cut-off b6 ada =>
         62s gone ada signal:15 => session_ended
         62s settled b6 ada absent => message_requeued, wake_refused[stopped]
         63s start ada => stop_cleared, wake_decided[fresh refresh_mark]
         64s send b7 to ada =>
         65s up ada => delivery_decided, delivered, session_ready, delivery_decided
         66s begun b7 ada =>
         67s proven b7 ada => delivered
         68s turn ada idle =>",
    );
    check(
        world,
        "0s  send e1 to eve => wake_decided[fresh first_wake]
         1s  up eve => delivery_decided, delivered, session_ready
         2s  turn eve idle =>
         3s  gone eve exit:0 => parked, session_finished
         4s  send e2 to eve => wake_decided[resumed human_conversation]
         5s  up eve => delivery_decided, delivered, session_ready
         6s  gone eve terminal => session_died
         7s  send d1 to dot => wake_decided[fresh first_wake]
         8s  up dot => delivery_decided, delivered, session_ready
         9s  gone dot signal:11 => session_died
         10s send d2 to dot => wake_decided[resumed resume_on_death]
         11s up dot => delivery_decided, delivered, session_ready
         12s turn dot idle =>",
    );
}

/// Wakes that fail, in each phase, until the guard trips; an operator lifts it, or its window passes.
pub fn failed(world: &mut World) {
    check(
        world,
        "0s   send h1 to hal => wake_decided[fresh first_wake]
         1s   launch-failed hal launch nothing => wake_failed, wake_refused[retry_delay]
         2s   passes => wake_decided[fresh first_wake]
         3s   launch-failed hal boot left => wake_failed, reaped[wake_failed]
         4s   gone hal signal:15 => session_ended, wake_refused[retry_delay]
         10s  passes => wake_decided[fresh first_wake]
         11s  started hal =>
         12s  box hal => delivery_decided
         13s  begun h1 hal =>
         133s unproven h1 hal => delivery_failed, wake_failed, reaped[wake_failed]
         134s gone hal signal:15 => session_ended, wake_refused[retry_delay]
         140s passes => wake_decided[fresh first_wake]
         141s up hal => delivery_decided, delivered, session_ready
         150s send i1 to ida => wake_decided[fresh first_wake]
         150s gone ida exit:1 => session_died, wake_failed, wake_refused[retry_delay]
         160s passes => wake_decided[fresh died]
         160s gone ida exit:1 => session_died, wake_failed, wake_refused[retry_delay]
         170s passes => wake_decided[fresh died]
         170s gone ida unseen => session_died, wake_failed, quarantined, wake_refused[quarantined]
         600s passes => quarantine_lifted, wake_decided[fresh died], boot_slot_released
         601s gone ida exit:2 => session_died, wake_failed, wake_refused[retry_delay]
         640s passes => wake_decided[fresh died], boot_slot_released
         641s launch-failed ida boot nothing => wake_failed, wake_refused[retry_delay]
         700s passes => wake_decided[fresh died], boot_slot_released
         701s gone ida exit:2 => session_died, wake_failed, quarantined, wake_refused[quarantined]
         702s stop ida => stop_set, wake_refused[stopped]
         703s start ida => stop_cleared, quarantine_lifted, wake_decided[fresh died]
         704s up ida => delivery_decided, delivered, session_ready
         705s turn ida idle =>",
    );
}

/// Tasks, one session each: answered, without a word, never answered, left unfinished, cut off.
pub fn workers(world: &mut World) {
    check(
        world,
        "0s   send t1 to bob => wake_decided[fresh ephemeral]
         0s   send t2 to bob =>
         0s   send t3 to bob =>
         1s   up bob => delivery_decided, delivered, session_ready
         1s   turn bob running =>
         2s   progress p1 from bob to user:root => answer_kept
         5s   answer r2 from bob to user:root => answer_kept, armed
         30s  turn bob idle =>
         50s  passes => look_decided
         50s  looked bob attached =>
         70s  passes => look_decided
         70s  looked bob 1h => reaped[done]
         71s  gone bob signal:15 => session_ended, task_done[answered], drained, wake_decided[fresh ephemeral]
         72s  up bob => delivery_decided, delivered, session_ready
         73s  gone bob exit:0 => session_finished, task_done[without_a_word], drained, wake_decided[fresh ephemeral]
         74s  up bob => delivery_decided, delivered, session_ready
         75s  turn bob idle =>
         675s passes => look_decided
         675s looked bob 600s => reaped[unarmed]
         676s gone bob signal:15 => session_ended, task_done[without_a_word]
         700s send t4 to bob => drained, wake_decided[fresh ephemeral]
         701s started bob =>
         701s box bob => delivery_decided
         702s begun t4 bob =>
         703s answer r3 from bob to ada => armed, delivery_decided
         704s proven t4 bob => delivered, session_ready
         704s begun r3 ada =>
         704s proven r3 ada => delivered
         705s done bob =>
         706s gone bob signal:11 => session_died, task_done[answered]
         710s send t5 to bob => drained, wake_decided[fresh ephemeral]
         711s up bob => delivery_decided, delivered, session_ready
         712s gone bob signal:9 => session_died, message_requeued, drained, wake_decided[fresh ephemeral]
         713s up bob => delivery_decided, delivered, session_ready
         714s gone bob signal:9 => session_died, message_dead, report_made, quarantined
         715s answer q1 from ada to bob => wake_refused[quarantined]
         1020s passes => quarantine_lifted, drained, wake_decided[fresh ephemeral]
         1021s up bob => delivery_decided, delivered, session_ready
         1022s new bob => reaped[replaced]
         1023s gone bob signal:15 => session_ended, message_requeued, wake_decided[fresh new]
         1024s up bob => delivery_decided, delivered, session_ready
         1025s gone bob signal:9 => session_died, message_requeued, drained, wake_decided[fresh ephemeral]
         1026s up bob => delivery_decided, delivered, session_ready
         1027s gone bob signal:9 => session_died, message_dead, report_made, delivery_decided
         1028s turn ada idle =>",
    );
    taken(world, "ada");
    check(
        world,
        "1s turn ada idle =>
         5h passes => look_decided, kept[turn_running], look_decided, look_decided
         5h looked ada transcript:60s =>
         5h looked dot transcript:60s =>
         5h looked ida transcript:60s =>",
    );
    check(
        world,
        "0s new bob => wake_decided[fresh new]
         0s started bob =>
         0s box bob => session_ready
         5s send t6 to bob => reaped[unneeded]
         5s gone bob signal:15 => session_ended, drained, wake_decided[fresh ephemeral]
         6s up bob => delivery_decided, delivered, session_ready
         7s done bob => armed
         7s turn bob idle =>
         8s gone bob exit:0 => session_finished, task_done[answered]",
    );
}

/// Programs that do not tell their turns, and one that something else keeps alive.
pub fn judged(world: &mut World) {
    check(
        world,
        "0s   send c1 to cid => wake_decided[fresh ephemeral]
         0s   send c2 to cid =>
         1s   up cid => delivery_decided, delivered, session_ready
         21s  passes => look_decided
         21s  looked cid 5s =>
         36s  passes => look_decided
         36s  looked cid 20s => turn_judged
         616s passes => look_decided
         616s looked cid 600s => reaped[unarmed]
         617s gone cid signal:15 => session_ended, task_done[without_a_word], drained, wake_decided[fresh ephemeral]
         618s up cid => delivery_decided, delivered, session_ready
         619s answer r4 from cid to user:root => answer_kept, armed, turn_judged
         639s passes => look_decided
         639s looked cid 1s => reaped[done]
         640s gone cid signal:15 => session_ended, task_done[answered]
         641s send f1 to fay => wake_decided[fresh first_wake]
         642s up fay => delivery_decided, delivered, session_ready
         643s send g1 to gus => delivery_decided
         644s send g2 to gus => wake_refused[managed_elsewhere]",
    );
}

/// More wakes than boot slots.
pub fn crowd(world: &mut World) {
    for name in ["k1", "k2", "k3", "k4", "k5"] {
        add(world, name, |_| {});
    }
    check(world, "0s send k to k1 => wake_decided[fresh first_wake]");
    let (dialog, key) = ("trust this folder".to_owned(), "Enter".to_owned());
    let asked =
        DialogAnswered { dialog, key, consent: Some("trust".to_owned()), saw: "❯ 1. Yes, proceed".to_owned() };
    world.see(world.of_session("k1"), asked);
    check(
        world,
        "1s  send l to k2 => wake_decided[fresh first_wake]
         1s  send m to k3 => wake_decided[fresh first_wake]
         1s  send n to k4 => wake_refused[boot_slots]
         2s  send o to k5 => wake_refused[boot_slots]
         3s  box k2 => delivery_decided, wake_decided[fresh first_wake]
         20s passes => boot_slot_released, wake_decided[fresh first_wake]
         21s launch-failed k3 boot nothing => boot_slot_released, wake_failed, wake_refused[retry_delay]
         21s launch-failed k4 boot nothing => wake_failed, wake_refused[retry_delay]
         23s passes => wake_decided[fresh first_wake], wake_refused[failed_boot_slot]
         24s up k5 => delivery_decided, delivered, session_ready
         25s up k1 => delivery_decided, delivered, session_ready
         26s passes =>",
    );
}

/// What is on its way into this session begins there, and is proven.
fn taken(world: &mut World, peer: &str) {
    let message = world.session(peer).delivering.expect("a delivery");
    world.messages.insert("taken".to_owned(), message);
    for line in [format!("begun taken {peer}"), format!("proven taken {peer}")] {
        happens(world, &line);
    }
}
