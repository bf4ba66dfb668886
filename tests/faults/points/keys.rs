//! Places of the commands: a migration and a rotation that are stopped half-way go on when they are called again.

use harness::both_stacks;

use super::QUICK;

/// What ends a command; waiting or a lost connection end nothing here.
const ENDS: [&str; 3] = ["return(kill)", "return(error)", "panic"];

both_stacks! {
    async fn migrate_mid(stack) {
        for action in ENDS {
            let mut running = stack.prepare(&[]).await;
            let make_key = ["keys", "create", "--organization", "acme", "--output", "json"];
            running.set("FAILPOINTS", &format!("migrate.mid=1*{action}"));
            let stopped = running.command(&make_key).output().unwrap();
            assert!(!stopped.status.success(), "{action} ends the command");
            running.set("FAILPOINTS", "");
            let made = running.command(&make_key).output().unwrap();
            assert!(made.status.success(), "{action}: {}", String::from_utf8_lossy(&made.stderr));
        }
    }

    async fn rotate_mid(stack) {
        let mut running = stack.start(QUICK).await;
        let csv = "source,source_id,language,email,password\r\nhr,1,en,no address,canary-a\r\nhr,2,en,nor this,canary-b\r\n";
        let id = running.client.import("resource=users", csv).await;
        let before = { running.client.wait_final(id).await; running.client.failed_rows(id).await };
        for action in ENDS {
            running.set("FAILPOINTS", &format!("rotate.mid=1*{action}"));
            let stopped = running.command(&["keys", "rotate-secrets"]).output().unwrap();
            assert!(!stopped.status.success(), "{action} ends the command");
            running.set("FAILPOINTS", "");
            assert_eq!(running.client.failed_rows(id).await, before, "{action}: what was sealed opens");
            let again = running.command(&["keys", "rotate-secrets"]).output().unwrap();
            assert!(again.status.success(), "{action}: {}", String::from_utf8_lossy(&again.stderr));
            assert_eq!(running.client.failed_rows(id).await, before);
        }
    }
}
