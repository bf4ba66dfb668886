//! What must not be seen is not seen: cells sealed in the database, keys that can be changed beside a running service.

use std::os::unix::fs::PermissionsExt;

use longshore::store::{Store, StoreOptions};
use longshore::vault::Vault;
use serde_json::Value;

use harness::{Running, Stack, both_stacks};

/// One client with a credential, and a row without a name, which fails.
const CLIENTS: &str = "name,country,pro,report_type,login,password\n\
                       ABC,DE,Stiftung EAR,WEEE,me,marked-secret-one\n\
                       ,FR,Eco,Packaging,me,marked-secret-two\n";
const OTHER_SECRET: &str = "another secret of at least 32 characters, for the tests only";

fn rotate(running: &Running) -> Value {
    let mut command = running.command(&["keys", "rotate-secrets", "--output", "json"]);
    let made = command.output().expect("the binary runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    serde_json::from_slice(&made.stdout).expect("JSON on stdout")
}

fn secret_key(running: &Running) -> String {
    match running.stack {
        Stack::Embedded => {
            let file = running.data_dir().join("secret.key");
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "for its owner's eyes only");
            std::fs::read_to_string(file).unwrap().trim().to_owned()
        }
        Stack::Scaled => running.environment("LONGSHORE_SECRET_KEY"),
    }
}

/// What `rotate-secrets` does first: a new key. Then it is killed.
fn begin_rotation(running: &Running) -> i64 {
    let (url, secret) = (running.database_url.clone(), secret_key(running));
    // The store wants a runtime of several threads, a test has one.
    let other = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(add_key(&url, &secret))
    });
    other.join().unwrap()
}

async fn add_key(url: &str, secret: &str) -> i64 {
    let options = StoreOptions {
        connections: 1,
        bulk_connections: 1,
        create: false,
    };
    let vault = Vault::new(secret.as_bytes(), None);
    let store = Store::connect(url, options, vault).await.unwrap();
    store.load_keys([0; 32]).await.unwrap();
    store.add_sealing_key().await.unwrap()
}

/// The secrets show to whoever may see them, and nowhere in the database.
async fn check_sealed(running: &Running, import: i64) {
    let failed = running.client.failed_csv(import).await;
    assert!(failed.contains("marked-secret-two"), "{failed}");
    let path = "/saas/logins/clients?search=ABC";
    let id = running.client.get(path).await.expect(200).json()["clients"][0]["id"].clone();
    let credentials = running
        .client
        .get(&format!("/saas/logins/clients/{id}/credentials/DE"))
        .await;
    assert_eq!(credentials.expect(200).json()[0]["password"], "marked-secret-one");
    let dump = running.dump().await;
    assert!(dump.contains("Stiftung EAR"), "the dump shows what is no secret");
    assert!(
        !dump.contains("marked-secret"),
        "a thief of the database reads no password"
    );
}

async fn import_clients(running: &Running) -> i64 {
    let id = running.client.import("resource=clients", CLIENTS).await;
    let import = running.client.wait_final(id).await;
    assert_eq!(import["counts"]["created"], 1, "{import}");
    assert_eq!(import["counts"]["failed"], 1, "{import}");
    id
}

both_stacks! {
    async fn secrets_lie_sealed_and_their_keys_change_beside_a_running_service(stack) {
        let running = stack.start(&[]).await;
        let import = import_clients(&running).await;
        check_sealed(&running, import).await;
        assert_eq!(running.blobs().await, Vec::<String>::new(), "a file with passwords goes with the end of its import");
        let done = rotate(&running);
        assert_eq!(done["rows_resealed"], 2, "one credential, one failed row: {done}");
        assert_eq!((&done["resumed"], &done["rows_damaged"]), (&false.into(), &0.into()), "{done}");
        check_sealed(&running, import).await;
        let key = done["key"].as_i64().unwrap();
        let dump = running.dump().await;
        assert!(dump.contains(&format!("s1.{key}.")), "they lie under the new key");
        let again = rotate(&running);
        assert!(again["key"].as_i64() > Some(key) && again["rows_resealed"] == 2, "{again}");
    }

    async fn a_rotation_that_was_stopped_goes_on_where_it_was(stack) {
        let running = stack.start(&[]).await;
        let import = import_clients(&running).await;
        let made = begin_rotation(&running);
        check_sealed(&running, import).await;
        let done = rotate(&running);
        assert_eq!((&done["resumed"], &done["key"]), (&true.into(), &made.into()), "{done}");
        assert_eq!(done["rows_resealed"], 2, "{done}");
        check_sealed(&running, import).await;
    }

    async fn the_secret_key_itself_can_be_changed(stack) {
        let mut running = stack.start(&[]).await;
        let import = import_clients(&running).await;
        let old = secret_key(&running);
        running.set("LONGSHORE_SECRET_KEY", OTHER_SECRET);
        let refused = running.command(&["migrate"]).output().unwrap();
        assert!(!refused.status.success(), "a wrong key does not start");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains("secret_key is not the one that this database was made with"), "{said}");
        running.set("LONGSHORE_PREVIOUS_SECRET_KEY", &old);
        for role in [running.front(), running.back()] {
            running.restart(role).await;
        }
        check_sealed(&running, import).await;
        assert_eq!(rotate(&running)["keys_rewrapped"], 2);
        running.set("LONGSHORE_PREVIOUS_SECRET_KEY", "");
        for role in [running.front(), running.back()] {
            running.restart(role).await;
        }
        check_sealed(&running, import).await;
    }

    async fn a_key_without_the_scope_sees_no_cell_of_a_row_that_is_out_of_line(stack) {
        let running = stack.start(&[]).await;
        let file = "name,notes,login,password,country,pro,report_type\nABC,a,b,me,marked-secret,DE,EAR,WEEE\n";
        let id = running.client.import("resource=clients", file).await;
        running.client.wait_final(id).await;
        let reader = running.key_of("acme", &["imports:read"]).await;
        for path in ["failed.csv", "rows"] {
            let shown = reader.get(&format!("/v1/imports/{id}/{path}")).await.expect(200).text;
            assert!(!shown.contains("marked-secret"), "{shown}");
        }
        assert!(running.client.failed_csv(id).await.contains("marked-secret"));
        assert!(!running.dump().await.contains("marked-secret"));
    }
}
