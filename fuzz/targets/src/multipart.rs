//! Forms, through the upload bridge and through the reader of small fields, however their bytes arrive.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use bytes::Bytes;
use futures::stream;
use longshore::http::body::fields::{Bounds, Fields};
use longshore::http::body::pace::Limits;
use longshore::http::body::{CHUNKS_IN_FLIGHT, Forms, Upload};
use longshore::imports::submit::BodyPart;
use tokio::sync::mpsc;

use crate::cuts::Cuts;

const LIMITS: Limits = Limits {
    idle: Duration::from_secs(600),
    total: Duration::from_secs(3600),
    bytes_per_second: 0,
};
const LIMIT: u64 = 1 << 20;

/// What became of a form: what stands before its file, and the file, or the code of its refusal.
type Carried = Result<(Option<String>, Option<String>, Vec<u8>), &'static str>;

/// The first byte chooses the way; the bytes behind it are the body, with the boundary `b`, and the file of a sound form.
pub fn multipart(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let forms = if choice % 2 == 0 {
            Forms::RawOrMultipart
        } else {
            Forms::PartOnly("file")
        };
        let mut cuts = Cuts::of(data);
        let whole = carry("b", &[data], forms).await;
        let fields = read_fields(&[data]).await;
        for way in cuts.ways(data) {
            assert_eq!(
                carry("b", &way, forms).await,
                whole,
                "the verdict depends on how the bytes arrive"
            );
            assert_eq!(
                read_fields(&way).await,
                fields,
                "the fields depend on how the bytes arrive"
            );
        }
        sound(data, &mut cuts).await;
    });
}

/// A sound form gives exactly its options, its file's name and its file.
async fn sound(file: &[u8], cuts: &mut Cuts) {
    let boundary = format!("----{:016x}{:016x}", cuts.below(usize::MAX), cuts.below(usize::MAX));
    let mut body = format!("--{boundary}\r\n");
    let options = cuts.coin().then(|| r#"{"dry_run":true}"#.to_owned());
    if let Some(options) = &options {
        body.push_str(&format!(
            "Content-Disposition: form-data; name=\"options\"\r\n\r\n{options}\r\n--{boundary}\r\n"
        ));
    }
    let named = cuts.coin().then(|| "people.csv".to_owned());
    let attribute = named
        .as_ref()
        .map(|name| format!("; filename=\"{name}\""))
        .unwrap_or_default();
    body.push_str(&format!(
        "Content-Disposition: form-data; name=\"file\"{attribute}\r\nContent-Type: text/csv\r\n\r\n"
    ));
    let end = format!("\r\n--{boundary}--\r\n");
    let body = [body.as_bytes(), file, end.as_bytes()].concat();
    let carried = carry(&boundary, &cuts.pieces(&body, 100), Forms::RawOrMultipart).await;
    assert_eq!(carried, Ok((options, named, file.to_vec())));
    let cut = cuts.below(body.len() - 2);
    let carried = carry(&boundary, &cuts.pieces(&body[..cut], 100), Forms::RawOrMultipart).await;
    assert!(
        carried.is_err(),
        "a form that is cut at {cut} of {} was taken",
        body.len()
    );
}

fn headers(boundary: &str) -> HeaderMap {
    let value = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}")).unwrap();
    std::iter::once((CONTENT_TYPE, value)).collect()
}

fn payload(pieces: &[&[u8]]) -> Payload {
    let chunk = |piece: &&[u8]| Ok::<_, PayloadError>(Bytes::copy_from_slice(piece));
    let chunks: Vec<_> = pieces.iter().map(chunk).collect();
    Payload::Stream {
        payload: Box::pin(stream::iter(chunks)),
    }
}

async fn carry(boundary: &str, pieces: &[&[u8]], forms: Forms) -> Carried {
    let upload = Upload::open(&headers(boundary), payload(pieces), forms, &LIMITS, LIMIT)
        .await
        .map_err(|problem| problem.code)?;
    let options = upload
        .options
        .as_ref()
        .map(|options| serde_json::to_string(options).unwrap());
    let name = upload.file_name.clone();
    let (sink, mut source) = mpsc::channel(CHUNKS_IN_FLIGHT);
    let reading = async {
        let (mut file, mut ended) = (Vec::new(), false);
        while let Some(part) = source.recv().await {
            match part {
                BodyPart::Chunk(chunk) => file.extend_from_slice(&chunk),
                BodyPart::End => ended = true,
            }
        }
        (file, ended)
    };
    let (pumped, (file, ended)) = tokio::join!(upload.pump(sink, async { Ok(()) }), reading);
    assert_eq!(pumped.is_ok(), ended);
    pumped.map(|_| (options, name, file)).map_err(|problem| problem.code)
}

async fn read_fields(pieces: &[&[u8]]) -> Result<Vec<(String, String)>, &'static str> {
    let bounds = Bounds {
        text: 2000,
        fields: 20,
        body: LIMIT,
    };
    let mut fields = Fields::open(&headers("b"), payload(pieces), &LIMITS, bounds).map_err(|problem| problem.code)?;
    let mut read = Vec::new();
    while let Some(field) = fields.next().await.map_err(|problem| problem.code)? {
        read.push(field);
    }
    Ok(read)
}
