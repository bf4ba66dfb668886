//! F6, F7: an API killed while it takes a file in has promised nothing; one killed right after the deed has kept the file.

use std::time::Duration;

use harness::{Client, People, both_stacks};
use reqwest::Body;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::load::{QUICK, a_minute_later, check_done, check_rest};

/// Several gulps of the door.
const ROWS: u64 = 8_000;
const KEY: &str = "the same";

both_stacks! {
    async fn an_api_killed_at_any_part_of_an_upload_leaves_nothing_but_a_free_key(stack) {
        let mut running = stack.start(QUICK).await;
        let people = People::new(ROWS);
        for (imports, percent) in (0..).step_by(2).zip([0, 1, 50, 99, 100]) {
            running.client = running.admin_of(&format!("at-{percent}")).await;
            let upload = stalled(&running.client, people, percent).await;
            running.kill9(running.front());
            assert!(upload.await.unwrap().is_none(), "{percent} %: nobody was promised anything");
            a_minute_later(&running).await;
            running.start(running.front()).await;
            assert_eq!(running.client.pages("/v1/imports?limit=100").await, Vec::<Value>::new(), "{percent} %");
            check_rest(&running, imports).await;
            let id = under(&running.client, people, KEY).await.expect("the key is free");
            check_done(&running.client, id, people).await;
        }
    }
}

// The program has failure points only with the feature.
#[cfg(feature = "failpoints")]
both_stacks! {
    async fn an_api_killed_between_the_deed_and_its_answer_gives_the_same_import_again(stack) {
        let mut running = stack.start(QUICK).await;
        let people = People::new(2_000);
        for (number, place) in (0..).zip(["upload.after_commit", "notify.before", "upload.before_reply"]) {
            running.client = running.admin_of(&format!("org-{number}")).await;
            running.set("FAILPOINTS", &format!("{place}=1*return(kill)"));
            running.restart(running.front()).await;
            assert!(under(&running.client, people, KEY).await.is_none(), "{place}: killed before its answer");
            running.set("FAILPOINTS", "");
            running.restart(running.front()).await;
            let listed = running.client.pages("/v1/imports?limit=100").await;
            assert_eq!(listed.len(), 1, "{place}");
            let id = under(&running.client, people, KEY).await.unwrap();
            assert_eq!(Some(id), listed[0]["id"].as_i64(), "{place}: the same key, the same import");
            check_done(&running.client, id, people).await;
        }
    }
}

/// Sends so much of the file, then says so and stalls.
async fn stalled(client: &Client, people: People, percent: usize) -> JoinHandle<Option<i64>> {
    let file = people.csv().into_bytes();
    let part = file[..file.len() * percent / 100].to_vec();
    let (say, sent) = oneshot::channel();
    let stream = futures::stream::unfold((Some(part), Some(say)), |(part, mut say)| async move {
        if let Some(part) = part {
            return Some((Ok::<_, std::io::Error>(part), (None, say)));
        }
        let _gone = say.take().map(|say: oneshot::Sender<()>| say.send(()));
        std::future::pending().await
    });
    let upload = tokio::spawn(send(client.clone(), Body::wrap_stream(stream), KEY.to_owned()));
    sent.await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    upload
}

async fn under(client: &Client, people: People, key: &str) -> Option<i64> {
    send(client.clone(), people.csv().into(), key.to_owned()).await
}

/// The id of the import, if there was an answer.
async fn send(client: Client, body: Body, key: String) -> Option<i64> {
    let request = client
        .csv_request("resource=users", body)
        .header("Idempotency-Key", key);
    let answer = client.try_send(request).await.ok()?.expect(202);
    answer.json()["id"].as_i64()
}
