//! The private servers themselves: what a test breaks, it must be able to break and to mend.

use harness::{Redis, moto, postgres};

#[tokio::test]
async fn each_database_is_empty_and_apart() {
    let (one, other) = (postgres().fresh_database().await, postgres().fresh_database().await);
    assert_ne!(one, other);
    let (client, connection) = tokio_postgres::connect(&one, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let tables = client
        .query_one("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", &[])
        .await
        .unwrap();
    assert_eq!(tables.get::<_, i64>(0), 0);
    let lower: String = client.query_one("SELECT lower('ÄÖÜ')", &[]).await.unwrap().get(0);
    assert_eq!(lower, "äöü", "the locale folds letters beyond ASCII");
}

#[test]
fn redis_can_be_killed_paused_and_flushed() {
    let mut redis = Redis::start();
    assert_eq!(redis.command("SET a b").unwrap(), "+OK");
    redis.flush_all();
    assert_eq!(redis.command("GET a").unwrap(), "$-1");
    redis.pause();
    redis.resume();
    redis.kill9();
    assert!(redis.command("PING").is_err());
    redis.restart();
    assert_eq!(redis.command("PING").unwrap(), "+PONG");
}

#[tokio::test]
async fn each_bucket_is_empty() {
    let bucket = moto().fresh_bucket().await;
    assert!(bucket.url.starts_with("s3://"));
    assert_eq!(bucket.keys().await, Vec::<String>::new());
}
