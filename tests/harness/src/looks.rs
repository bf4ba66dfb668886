//! What a running product has kept, seen from outside: every byte of its database, the files of its uploads.

use std::path::Path;

use super::running::Running;

impl Running {
    /// Every byte that the database keeps, as far as a thief of it would read: all rows as text, or the files.
    pub async fn dump(&self) -> String {
        let Some(path) = self.database_url.strip_prefix("sqlite://") else {
            return postgres_rows(&self.database().await).await;
        };
        let files = [path.to_owned(), format!("{path}-wal")];
        let bytes: Vec<u8> = files
            .iter()
            .flat_map(|file| std::fs::read(file).unwrap_or_default())
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// All files below the data folder's blobs, or all keys of the bucket: what uploads have left behind.
    pub async fn blobs(&self) -> Vec<String> {
        match &self.bucket {
            Some(bucket) => bucket.keys().await,
            None => files_below(&self.data_dir().join("blobs")),
        }
    }
}

async fn postgres_rows(client: &tokio_postgres::Client) -> String {
    let tables = "select tablename from pg_tables where schemaname = 'public' order by tablename";
    let mut dump = String::new();
    for table in client.query(tables, &[]).await.expect("the catalogue") {
        let table: String = table.get(0);
        let rows = client
            .query(&format!("select t::text from \"{table}\" t"), &[])
            .await
            .expect("its rows");
        for row in rows {
            dump.push_str(&format!("{table}: {}\n", row.get::<_, String>(0)));
        }
    }
    dump
}

fn files_below(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(files_below(&path))
        } else {
            files.push(path.display().to_string())
        }
    }
    files
}
