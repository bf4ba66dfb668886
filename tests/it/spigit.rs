//! The spigit surface, byte by byte as its document says: upload, poll, delete, and its envelope for everything else.

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use harness::{Answer, Client, both_stacks};

/// The document's own file: 22 headers over 21 cells.
const SAMPLE: &str = "EMAIL,USERNAME,FIRST_NM,LAST_NM,WORK_CITY,PARTNER_NR,POSITION_LTXT,WORK_STATE,INTF_PUBLISH_DT,POSITION_STXT,JOB_NM,JOB_VIEW,ORG_UNIT_LTXT,ORG_UNIT_STXT,COST_CENTER_NM,COST_CTR_ORT01,COST_CTR_REGIO,COST_CTR_LAND1,KNOWN_AS_NM,NETWORK_ID,MANAGER_PNR,COMPANY_ID
test1@spigit.com,user_test1,test_last1,UNKNOWN,A001,Developer,Unknown,\"01/01/2019\",Dev,Coder,\"Entry level\",Production,Prod,SF,SF01,SF011,US,test1_dev1,SPG01,SPG-A001,SPG
test2@spigit.com,user_test2,test_last2,UNKNOWN,A002,Developer,Unknown,\"01/20/2019\",Dev,Coder,\"Entry level\",Production,Prod,SF,SF01,SF011,US,test2_dev2,SPG01,SPG-A001,SPG
test3@spigit.com,user_test3,test_last3,UNKNOWN,A001,Developer,Unknown,\"01/03/2019\",Dev,Coder,\"Entry level\",Production,Prod,SF,SF01,SF011,US,test3_dev3,SPG01,SPG-A001,SPG
test4@spigit.com,user_test4,test_last4,UNKNOWN,A001,Developer,Unknown,\"01/04/2019\",Dev,Coder,\"Entry level\",Production,Prod,SF,SF01,SF011,US,test4_dev4,SPG01,SPG-A001,SPG
";

/// The document's request as it is printed: the part has no file name, and its name stands without quotes.
async fn post_as_printed(client: &Client) -> (String, serde_json::Value) {
    let body = format!(
        "--6o2knFse3p53ty9dmcQvWAIx1zInP11uCfbm\r\nContent-Disposition: form-data; name=file\r\nContent-Type: text/csv\r\n\r\n{SAMPLE}\r\n--6o2knFse3p53ty9dmcQvWAIx1zInP11uCfbm--\r\n"
    );
    let request = format!(
        "POST /bulk/v1/files HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=6o2knFse3p53ty9dmcQvWAIx1zInP11uCfbm\r\nContent-Length: {}\r\n\r\n{body}",
        client.address(),
        client.key,
        body.len()
    );
    let mut stream = TcpStream::connect(client.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), serde_json::from_str(body).unwrap())
}

async fn upload(client: &Client, file: &str) -> Answer {
    let part = Part::bytes(file.as_bytes().to_vec())
        .file_name("users.csv")
        .mime_str("text/csv")
        .unwrap();
    let form = Form::new().part("file", part);
    client
        .send(client.request(Method::POST, "/bulk/v1/files").multipart(form))
        .await
}

/// Polls as one of its clients would.
async fn settled(client: &Client, id: i64) -> serde_json::Value {
    client.wait_final(id).await;
    client.get(&format!("/bulk/v1/files/{id}")).await.expect(200).json()
}

both_stacks! {
    async fn the_documents_sample(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let (head, answer) = post_as_printed(client).await;
        assert!(head.starts_with("http/1.1 202 accepted"), "{head}");
        assert!(head.contains("content-type: application/json;charset=utf-8"), "{head}");
        let id: i64 = head.lines().find_map(|line| line.strip_prefix("longshore-import-id: ")).unwrap().parse().unwrap();
        let url = client.url(&format!("/bulk/v1/files/{id}"));
        assert_eq!(answer, json!({"status": "Status: Success", "status_url": url}));
        let status = settled(client, id).await;
        let expected = json!({"total_users": 4, "failed_users": 0, "created_users": 4, "status": "SUCCESS", "error_message": "No errors"});
        assert_eq!(status, expected);
        let users = client.users().await;
        assert_eq!((&users[0]["source"], &users[0]["source_id"], &users[0]["email"]), (&json!("spigit"), &json!("user_test1"), &json!("test1@spigit.com")));
        assert_eq!(users[0]["attributes"]["WORK_CITY"], "A001");
        assert_eq!(client.show(id).await["counts"]["warnings"], 4, "short rows are padded, and counted");
        let gone = client.delete(&format!("/bulk/v1/files/{id}")).await.expect(200);
        assert_eq!(gone.json(), json!({"message": "File deleted."}));
        client.get(&format!("/bulk/v1/files/{id}")).await.expect(404);
        client.delete(&format!("/bulk/v1/files/{id}")).await.expect(404);
        assert_eq!(client.users().await.len(), 4, "imported users stay");
    }

    async fn bad_rows_are_told_and_good_ones_applied(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let file = "USERNAME,EMAIL,FAVOURITE\nann,ann@x.com,tea\n,bob@x.com,\n,,tea\ncid,cid@,\n";
        let id: i64 = upload(client, file).await.expect(202).header("longshore-import-id").parse().unwrap();
        let status = settled(client, id).await;
        assert_eq!((&status["total_users"], &status["failed_users"], &status["created_users"], &status["status"]), (&json!(4), &json!(2), &json!(2), &json!("PARTIAL_SUCCESS")));
        let message = status["error_message"].as_str().unwrap();
        assert!(message.contains('4') && message.contains('5'), "the rows are named: {message}");
        let again: i64 = upload(client, file).await.expect(202).header("longshore-import-id").parse().unwrap();
        assert_eq!(settled(client, again).await["created_users"], 2, "unchanged rows are its only success count too");
        let none: i64 = upload(client, "USERNAME,EMAIL\n,\" \"\n").await.expect(202).header("longshore-import-id").parse().unwrap();
        assert_eq!(settled(client, none).await["status"], "FAILED");
    }

    async fn everything_wears_its_envelope(stack) {
        let running = stack.start(&[]).await;
        let client = &running.client;
        let stranger = client.with_key("$2a$10$./KN8pb6Yp8w9ijv");
        let answers = [
            stranger.get("/bulk/v1/files/1").await.expect(401),
            client.get("/bulk/v1/files/77").await.expect(404),
            client.get("/bulk/v1/files/x").await.expect(404),
            client.get("/bulk/v1/nothing").await.expect(404),
            client.send(client.request(Method::PUT, "/bulk/v1/files/1")).await.expect(405),
            client.post("/bulk/v1/files").await.expect(415),
            client.upload("/bulk/v1/files", None, "flie", SAMPLE.into()).await.expect(400),
            upload(client, "EMAIL,USERNAME\n\"open").await.expect(400),
            upload(client, "NAME\nx\n").await.expect(400),
        ];
        for answer in answers {
            let body = answer.json();
            let members: Vec<&String> = body.as_object().unwrap().keys().collect();
            assert_eq!(members, ["message", "status"], "{body}");
            assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
        }
    }
}
