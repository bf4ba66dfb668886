//! Clients and report types by the native, asynchronous API: broken rows told, mended and sent again; nothing twice.

use reqwest::Method;
use serde_json::{Value, json};

use harness::{Client, both_stacks, count};

const FILE: &str = "\
client_name,status,shared,alias,alias:DE,country,pro,report_type,login,password,VAT
ABC,active,no,ABC Corp;ABC Inc,ABC GmbH,de,Stiftung EAR,WEEE,abc,pw-one-marked,DE 1
ABC,,,,,FR,Eco,Packaging,abc-fr,pw-two-marked,
XYZ,archived,YES,,,,,,,,
,active,,,,,,,,,
Broken 1,active,perhaps,,,,,,,,
Broken 2,active,,,,DE,,WEEE,b2,pw-three-marked,
Broken 3,active,,,,Germany,Stiftung EAR,WEEE,b3,pw-four-marked,
";
const OPTIONS: &str = "resource=clients&blank=ignore";

/// created, updated, unchanged, failed.
fn outcome(import: &Value) -> [u64; 4] {
    ["created", "updated", "unchanged", "failed"].map(|name| count(import, name))
}

async fn run(client: &Client, query: &str, file: impl Into<reqwest::Body>) -> Value {
    let id = client.import(query, file).await;
    client.wait_final(id).await
}

fn id(import: &Value) -> i64 {
    import["id"].as_i64().unwrap()
}

both_stacks! {
    async fn broken_rows_are_told_mended_and_sent_again(stack) {
        let running = stack.start(&[("LONGSHORE_WORKER_BATCH_ROWS", "2")]).await;
        let client = &running.client;
        let dry = run(client, &format!("{OPTIONS}&dry_run=true"), FILE).await;
        let first = run(client, OPTIONS, FILE).await;
        assert_eq!((outcome(&first), outcome(&dry)), ([2, 1, 0, 4], [2, 1, 0, 4]));
        assert_eq!((&first["status"], &first["resource"]), (&json!("partial"), &json!("clients")));
        let mapping = &first["mapping"];
        assert_eq!(
            [&mapping["client_name"], &mapping["alias:DE"], &mapping["password"], &mapping["VAT"]],
            [&json!("name"), &json!("alias:DE"), &json!("password"), &json!("attributes.VAT")]
        );
        let rows = client.failed_rows(id(&first)).await;
        let told: Vec<(&Value, &Value, &Value)> =
            rows.iter().map(|row| (&row["row"], &row["errors"][0]["code"], &row["errors"][0]["column"])).collect();
        let expected = [
            (5, "required", "client_name"), (6, "invalid-choice", "shared"), (7, "required", "pro"), (8, "invalid-choice", "country"),
        ];
        assert_eq!(json!(told), json!(expected));

        let again = run(client, OPTIONS, FILE).await;
        assert_eq!(outcome(&again), [0, 0, 3, 4], "what came in is there, and nothing else");
        let failed = client.failed_csv(id(&first)).await;
        assert!(failed.contains("pw-three-marked"), "an admin may see it: {failed}");
        let mended = failed
            .replace(",,active", ",DEF,active")
            .replace("perhaps", "1")
            .replace("DE,,WEEE", "DE,Stiftung EAR,WEEE")
            .replace("Germany", "DE");
        let second = run(client, &format!("{OPTIONS}&retry_of={}", id(&first)), mended.clone()).await;
        assert_eq!(outcome(&second), [4, 0, 0, 0], "{second:#}");
        assert_eq!(outcome(&run(client, OPTIONS, mended).await), [0, 0, 4, 0]);
    }

    async fn whoever_may_not_see_passwords_sees_none(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let import = run(client, OPTIONS, FILE).await;
        let reader = running.key_of("acme", &["imports:read", "imports:write"]).await;
        let failed = reader.failed_csv(id(&import)).await;
        let rows = json!(reader.failed_rows(id(&import)).await).to_string();
        for text in [&failed, &rows, &client.show(id(&import)).await.to_string()] {
            assert!(!text.contains("marked"), "{text}");
        }
        let again = run(&reader, OPTIONS, failed.replace("DE,,WEEE", "DE,EAR,WEEE")).await;
        assert_eq!(outcome(&again), [0, 0, 0, 4], "a hidden password is not taken for one");
    }

    async fn a_client_is_one_whatever_the_modes(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let file = "name,country,pro,report_type,login\nA,DE,EAR,WEEE,a\nA,DE,EAR,Batteries,a\nB,,,,\n";
        assert_eq!(outcome(&run(client, &format!("{OPTIONS}&mode=create"), file).await), [2, 0, 0, 1]);
        assert_eq!(outcome(&run(client, &format!("{OPTIONS}&mode=update"), file).await), [0, 1, 2, 0]);
        let short = "name,login\nA\nB,x,y\n";
        assert_eq!(outcome(&run(client, &format!("{OPTIONS}&ragged=pad"), short).await), [0, 0, 1, 1]);
        let stopped = run(client, &format!("{OPTIONS}&max_failures=0"), "name\n\"\t\"\nC\n").await;
        assert_eq!((outcome(&stopped), count(&stopped, "unprocessed")), ([0, 0, 0, 1], 1));
    }

    async fn report_types_come_in_the_same_way(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let file = "Land,PRO,Report Type\nde,Stiftung EAR,WEEE\nFR,Eco-Emballages,Packaging\nDE,Stiftung EAR,WEEE\nFR,,Packaging\n";
        let import = run(client, "resource=report_types", file).await;
        assert_eq!(outcome(&import), [2, 0, 1, 1], "{import:#}");
        assert_eq!(outcome(&run(client, "resource=report_types", file).await), [0, 0, 3, 1]);
        let listed = client.get("/v1/imports?resource=report_types").await.expect(200).json();
        assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    }

    async fn what_makes_no_sense_is_refused_at_the_door(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let code = async |query: &str, file: &str| client.post_csv(query, file.to_owned()).await.expect(400).json()["code"].clone();
        assert_eq!(code("resource=clients&source=hr", "name\nA\n").await, "invalid-parameter");
        assert_eq!(code("resource=report_types&key=email", "name\nA\n").await, "invalid-parameter");
        assert_eq!(code("resource=clients", "status\nactive\n").await, "key-missing");
        assert_eq!(code("resource=report_types", "country,pro\nDE,EAR\n").await, "key-missing");
        assert_eq!(code("resource=clients", "name,Alias: de,ALIAS:DE\nA,x,y\n").await, "field-mapped-twice");
        let mapping = "resource=clients&mapping=%7B%22x%22:%22pasword%22%7D";
        let refused = client.post_csv(mapping, "name,x\nA,y\n").await.expect(400).json();
        assert!(refused["detail"].as_str().unwrap().contains("did you mean password?"), "{refused}");
    }

    async fn files_and_the_surface_tell_of_the_same_clients(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        run(client, OPTIONS, FILE).await;
        let listed = client.get("/saas/logins/clients?search=ABC").await.expect(200).json();
        let abc = &listed["clients"][0];
        assert_eq!((&abc["name"], &abc["status"], &abc["shared"]), (&json!("ABC"), &json!("active"), &json!(false)));
        assert_eq!(abc["aliases"], json!({"": "ABC Corp; ABC Inc", "DE": "ABC GmbH"}));
        let path = format!("/saas/logins/clients/{}", abc["id"]);
        let german = format!("{path}/credentials/DE");
        let credentials = client.get(&german).await.expect(200).json();
        let credential = &credentials[0];
        assert_eq!((&credential["login"], &credential["password"]), (&json!("abc"), &json!("pw-one-marked")), "{credentials}");

        let by_hand = json!({"password": "by hand", "interval": "monthly"});
        let change = format!("{german}/{}", credential["id"]);
        client.send_json(Method::PUT, &change, &by_hand).await.expect(200);
        let alias = json!({"alias": "ABC Ltd"});
        client.send_json(Method::POST, &format!("{path}/aliases"), &alias).await.expect(200);
        assert_eq!(outcome(&run(client, OPTIONS, FILE).await), [0, 1, 2, 4], "the password alone is another");
        let credentials = client.get(&german).await.expect(200).json();
        assert_eq!(credentials[0]["id"], credential["id"]);
        assert_eq!((&credentials[0]["password"], &credentials[0]["interval"]), (&json!("pw-one-marked"), &json!("monthly")));
        let shown = client.get(&path).await.expect(200).json();
        assert_eq!(shown["aliases"][""], "ABC Corp; ABC Inc; ABC Ltd");
        let report_types = "country,pro,report_type\nDE,Stiftung EAR,WEEE\nFR,Eco-Emballages,Packaging\n";
        run(client, "resource=report_types", report_types).await;
        let catalogue = client.get("/saas/logins/report_types").await.expect(200).json();
        assert_eq!(catalogue, json!({"DE": {"Stiftung EAR": ["WEEE"]}, "FR": {"Eco-Emballages": ["Packaging"]}}));
    }
}
