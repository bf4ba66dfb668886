//! F1, F2: kill -9 at random moments under load, on both stacks.

use std::time::{Duration, Instant};

use harness::{Dice, Role, Running, both_stacks, long};

use crate::load::{Load, QUICK, a_minute_later, check_rest};

both_stacks! {
    async fn kills_at_random_moments_lose_nothing_and_double_nothing(stack) {
        let kills = if long() { 160 } else { 10 };
        let mut dice = Dice::seeded();
        let mut running = stack.start(QUICK).await;
        let load = Load::start(&running, 4, 4_000, &mut dice).await;
        let began = Instant::now();
        for _ in 0..kills {
            tokio::time::sleep(dice.moment(Duration::from_secs(2))).await;
            kill_one(&mut running, &load, &mut dice).await;
        }
        let imports = load.finish().await;
        a_minute_later(&running).await;
        running.restart(running.front()).await;
        check_rest(&running, imports).await;
        println!("{stack:?}: {kills} kills, {imports} imports compared with the oracle, {:?}", began.elapsed());
    }
}

/// One process of the stack, and after a while another in its place.
async fn kill_one(running: &mut Running, load: &Load, dice: &mut Dice) {
    let role = if dice.below(2) == 0 {
        running.front()
    } else {
        running.back()
    };
    if role == Role::Worker {
        running.kill9(role);
        tokio::time::sleep(dice.moment(Duration::from_millis(200))).await;
        running.start(role).await;
        return;
    }
    let _nobody_compares = load.trouble().await;
    running.kill9(role);
    tokio::time::sleep(dice.moment(Duration::from_millis(200))).await;
    a_minute_later(running).await;
    running.start(role).await;
}
