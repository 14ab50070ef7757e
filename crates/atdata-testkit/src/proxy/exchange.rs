//! One request, one answer, one connection each.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::head::Head;
use super::{Fault, Request, Shared};

/// The most bytes that are passed on at once.
const PIECE: u64 = 16 << 10;

pub(super) async fn exchange(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    client.set_nodelay(true)?;
    let Some(mut head) = Head::read(&mut client).await? else { return Ok(()) };
    let mut request = request(&head);
    let fault = shared.fault_of(&mut request);
    match &fault {
        Fault::NoAnswer => return Ok(()),
        Fault::Silence => return silence(client).await,
        Fault::Status { code, retry_after } => {
            swallow(&mut client, &head).await?;
            let wait =
                retry_after.as_ref().map(|wait| format!("retry-after: {wait}\r\n")).unwrap_or_default();
            return finish(
                client,
                format!("HTTP/1.1 {code} x\r\n{wait}content-length: 0\r\nconnection: close\r\n\r\n"),
            )
            .await;
        }
        Fault::Redirect(to) => {
            swallow(&mut client, &head).await?;
            let answer =
                format!("HTTP/1.1 302 x\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            return finish(client, answer).await;
        }
        Fault::EndlessHeaders => {
            let header = format!("x-more: {}\r\n", "m".repeat(1 << 10)).repeat(4 << 10);
            return finish(client, format!("HTTP/1.1 200 x\r\n{header}\r\n")).await;
        }
        Fault::Garbage => return finish(client, "\u{0}\u{1}garbage\r\n\r\n".to_owned()).await,
        Fault::IgnoreRange => {
            head.remove("range");
            head.remove("if-range");
        }
        Fault::ShiftRange(by) => {
            let shifted = head.get("range").and_then(|range| shifted(range, *by));
            if let Some(range) = shifted {
                head.set("range", range);
            }
        }
        Fault::Wait(gate) => gate.pass().await,
        Fault::OtherPath(path) => head.first = format!("{} {path} HTTP/1.1", request.method),
        _ => {}
    }
    head.set("connection", "close".to_owned());
    let mut server = TcpStream::connect(shared.upstream).await?;
    server.write_all(&head.to_bytes()).await?;
    let answer = {
        let (mut from_client, _) = client.split();
        let (mut from_server, mut to_server) = server.split();
        let sending = async {
            match upload(&mut from_client, &mut to_server, &head, &fault).await {
                Ok(Upload::Stopped) => {}
                // A server that refuses does not take everything, and answers nevertheless.
                Ok(Upload::Taken) | Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            answer = Head::read(&mut from_server) => Some(answer?),
            () = sending => None,
        }
    };
    let Some(answer) = answer else { return stop_upload(client, server, &fault).await };
    let Some(mut answer) = answer else { return Ok(()) };
    if fault == Fault::LostAnswer {
        return Ok(());
    }
    if let (Fault::WrongLength(by), Some(length)) = (&fault, answer.length()) {
        answer.set("content-length", length.saturating_add_signed(*by).to_string());
    }
    answer.set("connection", "close".to_owned());
    answer_body(client, server, answer, &fault, shared).await
}

fn request(head: &Head) -> Request {
    let mut words = head.first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    Request { number: 0, method, path, headers: head.headers.clone() }
}

/// `bytes=A-B` by so many bytes later.
fn shifted(range: &str, by: i64) -> Option<String> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let first = first.parse::<u64>().ok()?.saturating_add_signed(by);
    let last = last.parse::<u64>().map(|last| last.saturating_add_signed(by).max(first).to_string());
    Some(format!("bytes={first}-{}", last.unwrap_or_default()))
}

/// How passing on an upload ends.
enum Upload {
    /// The server has got all of it.
    Taken,
    /// The client has gone, or the fault says that this is the end.
    Stopped,
}

/// Passes on what a client uploads.
async fn upload(
    client: &mut (impl AsyncRead + Unpin),
    server: &mut (impl AsyncWrite + Unpin),
    head: &Head,
    fault: &Fault,
) -> io::Result<Upload> {
    // Where the length is not said, the server finds the end, and answers.
    let length = head.length().unwrap_or(if head.is_chunked() { u64::MAX } else { 0 });
    let end = match fault {
        Fault::CutUploadAfter(n) | Fault::ResetUploadAfter(n) | Fault::StallUploadAfter(n) => *n,
        _ => u64::MAX,
    };
    let mut piece = head.rest.clone();
    let mut passed = 0;
    loop {
        piece.truncate(usize::try_from(end - passed).unwrap_or(usize::MAX));
        server.write_all(&piece).await?;
        passed += piece.len() as u64;
        if passed >= end {
            return Ok(Upload::Stopped);
        }
        if passed >= length {
            return Ok(Upload::Taken);
        }
        piece.clear();
        piece.reserve(PIECE as usize);
        let room = PIECE.min(length - passed);
        if (&mut *client).take(room).read_buf(&mut piece).await? == 0 {
            return Ok(Upload::Stopped);
        }
    }
}

/// Ends a request in the middle of its body.
async fn stop_upload(client: TcpStream, server: TcpStream, fault: &Fault) -> io::Result<()> {
    if let Fault::StallUploadAfter(_) = fault {
        // Neither side is told anything until this proxy ends.
        return std::future::pending().await;
    }
    if let Fault::ResetUploadAfter(_) = fault {
        client.set_zero_linger()?;
        server.set_zero_linger()?;
    }
    Ok(())
}

/// Takes what a client uploads, so that it is ready to be told what becomes of it.
async fn swallow(client: &mut TcpStream, head: &Head) -> io::Result<()> {
    let left = head.length().unwrap_or(0).saturating_sub(head.rest.len() as u64);
    tokio::io::copy(&mut client.take(left), &mut tokio::io::sink()).await?;
    Ok(())
}

async fn answer_body(
    mut client: TcpStream,
    mut server: TcpStream,
    answer: Head,
    fault: &Fault,
    shared: &Shared,
) -> io::Result<()> {
    let mut left = match fault {
        Fault::CutAfter(n) | Fault::ResetAfter(n) | Fault::StallAfter(n) => *n,
        _ => u64::MAX,
    };
    let (at_once, pause) = match fault {
        Fault::Drip { bytes, pause } => (*bytes, *pause),
        _ => (usize::MAX, Duration::ZERO),
    };
    let (mut head, mut piece) = (Some(answer.to_bytes()), answer.rest);
    loop {
        piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        for part in piece.chunks(at_once.min(PIECE as usize)) {
            // Counted first, and before the head: who has got it may ask at once.
            shared.moved.fetch_add(part.len() as u64, Ordering::Relaxed);
            if let Some(head) = head.take() {
                client.write_all(&head).await?;
            }
            client.write_all(part).await?;
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        // No part of the body came with it.
        if let Some(head) = head.take() {
            client.write_all(&head).await?;
        }
        left -= piece.len() as u64;
        if left == 0 {
            break;
        }
        piece.clear();
        // A read fills what there is room for.
        piece.reserve(PIECE as usize);
        if (&mut server).take(PIECE).read_buf(&mut piece).await? == 0 {
            return client.shutdown().await;
        }
    }
    match fault {
        Fault::StallAfter(_) => silence(client).await,
        Fault::ResetAfter(_) => {
            // Without time to linger, closing is a reset.
            client.set_zero_linger()?;
            Ok(())
        }
        _ => client.shutdown().await,
    }
}

/// Says nothing until the client goes.
async fn silence(mut client: TcpStream) -> io::Result<()> {
    let mut ignored = [0; 1024];
    while client.read(&mut ignored).await? > 0 {}
    Ok(())
}

async fn finish(mut client: TcpStream, answer: String) -> io::Result<()> {
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await
}
