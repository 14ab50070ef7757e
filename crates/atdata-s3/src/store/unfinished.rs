//! Uploads that nobody finished.

use std::time::{Duration, SystemTime};

use atdata_core::Result;
use aws_sdk_s3::Client;

use crate::address::Address;
use crate::error::from_sdk;

/// Aborts uploads of keys that begin so and are at least so old.
pub(super) async fn abort(
    client: &Client,
    bucket: &str,
    prefix: Option<&str>,
    age: Duration,
) -> Result<Vec<String>> {
    // The server's clock may be a little ahead of ours.
    let latest = if age.is_zero() { None } else { SystemTime::now().checked_sub(age) };
    let mut aborted = Vec::new();
    let (mut key_marker, mut upload_marker) = (None, None);
    loop {
        let page = client
            .list_multipart_uploads()
            .bucket(bucket)
            .set_prefix(prefix.map(str::to_owned))
            .set_key_marker(key_marker)
            .set_upload_id_marker(upload_marker)
            .send()
            .await
            .map_err(|error| from_sdk(&error).with("name", bucket))?;
        for upload in page.uploads() {
            let (Some(key), Some(id)) = (upload.key(), upload.upload_id()) else { continue };
            let begun = upload.initiated().and_then(|begun| SystemTime::try_from(*begun).ok());
            if latest.is_some_and(|latest| begun.is_none_or(|begun| begun > latest)) {
                continue;
            }
            let address = Address { bucket: bucket.to_owned(), key: key.to_owned() };
            let request = client.abort_multipart_upload().bucket(bucket).key(key).upload_id(id).send().await;
            request.map_err(|error| from_sdk(&error).with("url", &address))?;
            aborted.push(address.to_string());
        }
        if !page.is_truncated().unwrap_or(false) || page.next_key_marker().is_none() {
            return Ok(aborted);
        }
        key_marker = page.next_key_marker().map(str::to_owned);
        upload_marker = page.next_upload_id_marker().map(str::to_owned);
    }
}
