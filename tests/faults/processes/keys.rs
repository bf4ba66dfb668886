//! F47: a key that is revoked while its file comes in, and while its import runs.

use std::time::Duration;

use harness::{People, both_stacks};
use serde_json::Value;

use crate::load::{QUICK, check_done, check_rest, in_pieces, reached};

both_stacks! {
    /// An import belongs to its organization, not to the key that brought it.
    async fn a_revoked_key_opens_nothing_more_and_what_it_brought_goes_on(stack) {
        let running = stack.start(QUICK).await;
        let people = People::new(30_000);
        let spare = running.admin_of("acme").await;
        let id = spare.import("resource=users", people.csv()).await;
        assert!(reached(&spare, id, 1).await);
        revoke(&running.client, &spare).await;
        spare.get(&format!("/v1/imports/{id}")).await.expect(401);
        spare.post_csv("resource=users", people.csv()).await.expect(401);
        check_done(&running.client, id, people).await;
        check_rest(&running, 2).await;
    }

    async fn an_upload_whose_key_is_revoked_meanwhile_is_refused_and_leaves_nothing(stack) {
        let running = stack.start(QUICK).await;
        let spare = running.admin_of("acme").await;
        let body = in_pieces(&People::new(5_000).csv(), 20, Duration::from_millis(100));
        let upload = tokio::spawn(async move { (spare.clone(), spare.post_csv("resource=users", body).await) });
        tokio::time::sleep(Duration::from_millis(500)).await;
        let listed = running.client.pages("/v1/keys").await;
        let newest = listed.last().unwrap()["id"].as_str().unwrap().to_owned();
        running.client.delete(&format!("/v1/keys/{newest}")).await.expect(204);
        let (spare, answer) = upload.await.unwrap();
        answer.expect(401);
        spare.get("/v1/imports").await.expect(401);
        assert_eq!(running.client.pages("/v1/imports?limit=100").await, Vec::<Value>::new());
        check_rest(&running, 0).await;
    }
}

/// Revokes the key that `of` holds.
async fn revoke(admin: &harness::Client, of: &harness::Client) {
    let keys = admin.pages("/v1/keys").await;
    let own = keys
        .iter()
        .find_map(|key| key["id"].as_str().filter(|id| of.key.contains(*id)));
    let id = own.expect("its key is listed");
    admin.delete(&format!("/v1/keys/{id}")).await.expect(204);
}
