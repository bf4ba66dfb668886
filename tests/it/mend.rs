//! The loop: the failed rows come back as a file, are mended and sent again as they are, and exactly the mended rows come in.

use serde_json::Value;

use harness::{People, both_stacks, count};

both_stacks! {
    async fn mended_rows_come_in_and_nothing_else_changes(stack) {
        let running = stack.start(&[]).await;
        let (client, people) = (&running.client, People::new(1_000));
        let first = client.import("resource=users", people.csv()).await;
        assert_eq!(client.wait_final(first).await["status"], "partial");
        let before = client.users().await;
        let failed = client.failed_csv(first).await;
        assert!(failed.starts_with("_import_row,_import_codes,_import_error,source,source_id,"), "{failed}");

        // Half of them are mended; the others fail again, for the same reason.
        let mend = |(number, line): (usize, &str)| match number % 2 {
            0 => line.replace("@,", "@example.com,"),
            _ => line.to_owned(),
        };
        let mended: Vec<String> = failed.lines().enumerate().map(mend).collect();
        let second = client.import(&format!("resource=users&retry_of={first}"), mended.join("\r\n")).await;
        let second = client.wait_final(second).await;
        assert_eq!(count(&second, "total"), people.broken());
        assert_eq!(count(&second, "created"), people.broken() / 2);
        assert_eq!(count(&second, "failed"), people.broken() / 2);
        let after = client.users().await;
        assert_eq!(after.get(..before.len()), Some(&before[..]), "no other user is touched");
        assert_eq!(after.len(), before.len() + 5);
    }

    async fn a_spreadsheet_gets_no_formula_and_gives_the_same_cell_back(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let file = "source_id,email,company,note\n1,broken,=1+1,'quoted\n2,broken,+49,@x\n";
        let first = client.import("resource=users", file).await;
        client.wait_final(first).await;
        let failed = client.get(&format!("/v1/imports/{first}/failed.csv?for=excel")).await.expect(200).text;
        assert!(failed.starts_with('\u{feff}'), "{failed}");
        for cell in ["'=1+1", "''quoted", "'+49", "'@x"] {
            assert!(failed.contains(cell), "{cell} is not in {failed}");
        }
        let second = client.import("resource=users", failed.replace("broken", "a@example.com")).await;
        let second = client.wait_final(second).await;
        assert_eq!(count(&second, "created"), 2, "{second:#}");
        let users: Vec<(Value, Value)> = client
            .users()
            .await
            .into_iter()
            .map(|user| (user["company"].clone(), user["attributes"]["note"].clone()))
            .collect();
        assert_eq!(users, [("=1+1".into(), "'quoted".into()), ("+49".into(), "@x".into())]);
    }
}
