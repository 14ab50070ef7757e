//! One object on its way: a multipart upload, which nobody sees until it is completed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use atdata_core::{Error, Result};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::parts::MAX_PARTS;
use crate::address::Address;
use crate::connection::{ATTEMPTS, FIRST_BACKOFF, once};
use crate::error::from_sdk;

/// The user metadata that says which write an object is of.
const WRITE_ID: &str = "atdata-write";

/// How long a part may take. That it makes progress is watched by the client.
const PART_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Servers put the parts together while the request waits.
const COMPLETION_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// An upload of one object.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) address: Address,
    content_type: &'static str,
    /// The write that the object is of.
    write_id: String,
    /// The identifier of the upload, once the server has begun one.
    upload: OnceCell<String>,
    /// The ETags of the parts that the server has.
    parts: Mutex<BTreeMap<i32, String>>,
    size: Mutex<u64>,
    /// Set before the server is asked to make the object visible.
    may_be_visible: AtomicBool,
    may_have_lost_upload: AtomicBool,
}

impl Object {
    pub(super) fn new(address: Address, content_type: &'static str, write_id: String) -> Self {
        Self {
            address,
            content_type,
            write_id,
            upload: OnceCell::new(),
            parts: Mutex::default(),
            size: Mutex::default(),
            may_be_visible: AtomicBool::new(false),
            may_have_lost_upload: AtomicBool::new(false),
        }
    }

    /// Uploads a part. The first one to do so begins the upload.
    pub(super) async fn put_part(&self, client: &Client, number: i32, part: Bytes) -> Result<()> {
        if number > MAX_PARTS {
            let fault = format!(
                "an object in S3 has at most {MAX_PARTS} parts: make shards smaller, or parts larger"
            );
            return Err(self.located(Error::invalid(fault)));
        }
        let upload = self.upload.get_or_try_init(|| self.begin(client)).await?;
        let length = part.len() as u64;
        let timeouts = TimeoutConfig::builder().read_timeout(PART_TIMEOUT).build();
        let answer = client
            .upload_part()
            .bucket(&self.address.bucket)
            .key(&self.address.key)
            .upload_id(upload)
            .part_number(number)
            .body(ByteStream::from(part))
            .customize()
            .config_override(aws_sdk_s3::config::Builder::new().timeout_config(timeouts))
            .send()
            .await
            .map_err(|error| self.located(from_sdk(&error)))?;
        let etag = answer.e_tag.ok_or_else(|| {
            self.located(Error::unexpected("the S3 server took a part and did not say its ETag"))
        })?;
        lock(&self.parts).insert(number, etag);
        *lock(&self.size) += length;
        Ok(())
    }

    /// Begins the upload. An answer that is lost leaves an upload that nobody knows the name of, so that is noted.
    async fn begin(&self, client: &Client) -> Result<String> {
        let mut attempt = 1;
        loop {
            let request = client
                .create_multipart_upload()
                .bucket(&self.address.bucket)
                .key(&self.address.key)
                .content_type(self.content_type)
                .metadata(WRITE_ID, &self.write_id);
            let error = match request.customize().config_override(once()).send().await {
                Ok(begun) => {
                    let text = "the S3 server began an upload and did not say its name";
                    return begun.upload_id.ok_or_else(|| self.located(Error::unexpected(text)));
                }
                Err(error) => self.located(from_sdk(&error)),
            };
            if !error.is_retryable() {
                return Err(error);
            }
            self.may_have_lost_upload.store(true, Ordering::Relaxed);
            if attempt == ATTEMPTS {
                return Err(error);
            }
            tokio::time::sleep(jittered(FIRST_BACKOFF * (1 << (attempt - 1)))).await;
            attempt += 1;
        }
    }

    /// Whether there may be an upload whose name is not known.
    pub(super) fn may_have_lost_upload(&self) -> bool {
        self.may_have_lost_upload.load(Ordering::Relaxed)
    }

    /// Makes the object visible.
    pub(super) async fn complete(&self, client: &Client) -> Result<()> {
        let Some(upload) = self.upload.get() else {
            return Err(self.located(Error::unexpected("an upload without parts was to be completed")));
        };
        let completed = |(number, etag): (&i32, &String)| {
            CompletedPart::builder().part_number(*number).e_tag(etag).build()
        };
        let parts = lock(&self.parts).iter().map(completed).collect();
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        self.may_be_visible.store(true, Ordering::Relaxed);
        let timeouts = TimeoutConfig::builder().read_timeout(COMPLETION_TIMEOUT).build();
        let answer = client
            .complete_multipart_upload()
            .bucket(&self.address.bucket)
            .key(&self.address.key)
            .upload_id(upload)
            .multipart_upload(parts)
            .customize()
            .config_override(aws_sdk_s3::config::Builder::new().timeout_config(timeouts))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            // The answer to an earlier attempt may have been lost on its way.
            Err(error) => match self.is_there(client).await {
                Ok(true) => Ok(()),
                _ => Err(self.located(from_sdk(&error))),
            },
        }
    }

    /// Whether the object is visible, of this write and complete.
    async fn is_there(&self, client: &Client) -> Result<bool> {
        let expected = *lock(&self.size);
        let found = head(client, &self.address).await?;
        Ok(found.is_some_and(|found| {
            found.size == Some(expected) && found.write_id.as_deref() == Some(&self.write_id)
        }))
    }

    /// Takes everything of the upload away again; the object too if it may be visible already, unless that is to be kept
    /// or is of another write.
    pub(super) async fn discard(&self, client: &Client, keep_visible: bool) -> Result<()> {
        let Some(upload) = self.upload.get() else { return Ok(()) };
        let aborted = client
            .abort_multipart_upload()
            .bucket(&self.address.bucket)
            .key(&self.address.key)
            .upload_id(upload)
            .send()
            .await;
        let aborted = match aborted.map_err(|error| from_sdk(&error)) {
            // `NoSuchUpload`: it is completed, or somebody else has aborted it.
            Err(error) if error.kind() != atdata_core::ErrorKind::Conflict && !error.is_not_found() => {
                Err(self.located(error))
            }
            _ => Ok(()),
        };
        if !keep_visible && self.may_be_visible.load(Ordering::Relaxed) {
            let found = head(client, &self.address).await?;
            if found.is_some_and(|found| found.write_id.as_deref() == Some(&self.write_id)) {
                delete(client, &self.address).await?;
            }
        }
        aborted
    }

    fn located(&self, error: Error) -> Error {
        error.with("url", &self.address)
    }
}

/// What is known of an object.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) size: Option<u64>,
    pub(super) write_id: Option<String>,
}

/// Looks at an object; nothing if it is not there.
pub(super) async fn head(client: &Client, address: &Address) -> Result<Option<Head>> {
    let answer = client.head_object().bucket(&address.bucket).key(&address.key).send().await;
    match answer.map_err(|error| from_sdk(&error).with("url", address)) {
        Ok(found) => Ok(Some(Head {
            size: found.content_length().and_then(|length| u64::try_from(length).ok()),
            write_id: found.metadata().and_then(|metadata| metadata.get(WRITE_ID)).cloned(),
        })),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts a small object where there is none; refused with `AlreadyExists` if there is one and the server looks.
pub(super) async fn put_new(client: &Client, address: &Address, body: Bytes, write_id: &str) -> Result<()> {
    let answer = client
        .put_object()
        .bucket(&address.bucket)
        .key(&address.key)
        .if_none_match("*")
        .content_type(super::INDEX_TYPE)
        .metadata(WRITE_ID, write_id)
        .body(ByteStream::from(body))
        .send()
        .await;
    answer.map(|_| ()).map_err(|error| from_sdk(&error).with("url", address))
}

/// Removes an object; one that is not there is no error.
pub(super) async fn delete(client: &Client, address: &Address) -> Result<()> {
    let answer = client.delete_object().bucket(&address.bucket).key(&address.key).send().await;
    match answer.map_err(|error| from_sdk(&error).with("url", address)) {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

/// A random duration up to `most`.
fn jittered(most: Duration) -> Duration {
    let (random, ..) = Uuid::new_v4().as_fields();
    most.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is held is changed by one insertion at a time.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
