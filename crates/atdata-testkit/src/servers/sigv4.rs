//! Just enough of AWS's signature (version 4) to make a bucket, without a client of S3.

use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::macros::format_description;

use super::daemon::http_request;
use super::given::S3Server;
use atdata_core::shard::hex;

/// The body is not signed: there is none.
const PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Sends a signed `PUT` without a body; gives the status, if there is an answer.
pub(super) fn put(server: &S3Server, path: &str) -> Option<u16> {
    let host = server.endpoint.strip_prefix("http://")?;
    let now = OffsetDateTime::now_utc();
    let time = now.format(format_description!("[year][month][day]T[hour][minute][second]Z")).ok()?;
    let authorization = authorization(server, host, path, &time);
    let headers = format!(
        "Host: {host}\r\nx-amz-content-sha256: {PAYLOAD}\r\nx-amz-date: {time}\r\nAuthorization: {authorization}\r\n\
         Content-Length: 0\r\n"
    );
    http_request(host, &format!("PUT {path} HTTP/1.1\r\n{headers}"))
}

fn authorization(server: &S3Server, host: &str, path: &str, time: &str) -> String {
    let signed = "host;x-amz-content-sha256;x-amz-date";
    let request = format!(
        "PUT\n{path}\n\nhost:{host}\nx-amz-content-sha256:{PAYLOAD}\nx-amz-date:{time}\n\n{signed}\n{PAYLOAD}"
    );
    let day = time.get(..8).unwrap_or_default();
    let scope = format!("{day}/{}/s3/aws4_request", server.region);
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(request)));
    let first = format!("AWS4{}", server.secret_key).into_bytes();
    let key = scope.split('/').fold(first, |key, part| hmac(&key, part.as_bytes()).to_vec());
    let signature = hex(&hmac(&key, text.as_bytes()));
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={signature}",
        server.access_key
    )
}

/// HMAC with SHA-256 (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    match block.get_mut(..key.len()) {
        Some(beginning) => beginning.copy_from_slice(key),
        // A key that is longer than a block stands for its hash.
        None => block[..32].copy_from_slice(&Sha256::digest(key)),
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_4231() {
        let code = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex(&code), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let code = hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(hex(&code), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }
}
