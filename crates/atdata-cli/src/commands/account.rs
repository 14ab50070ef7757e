//! `atdata login`, `logout` and `whoami`.

use atdata::atmosphere::{AccountInfo, Session};
use atdata::{Atmosphere, Credentials, Error};
use serde_json::json;

use crate::address::Backends;
use crate::args::{Login, Logout};
use crate::network::password;
use crate::output::{CliResult, Hint, Out, Status, note, printable};

/// Logs in, and saves the session.
pub(super) async fn login(args: &Login, backends: &Backends, out: &mut Out) -> CliResult {
    let network = backends.network();
    let sessions = network.sessions()?;
    let mut options = network.options()?;
    if let Some(pds) = &args.pds {
        options = options.with_pds(pds)?;
    }
    let password = password::read(args.password_stdin, &args.account)?;
    let credentials = Credentials::new(&args.account, password);
    let session = Atmosphere::login(&credentials, options, None).await?.session()?;
    sessions.save(&session).await?;
    let Session { did, handle, pds, .. } = &session;
    if out.is_json() {
        out.document(&json!({"did": did, "handle": handle, "pds": pds}))?;
    } else {
        out.line(printable(&format!("logged in as {handle} ({did}) on {pds}")))?;
    }
    Ok(Status::Done)
}

/// Ends a session, here and on its server.
pub(super) async fn logout(args: &Logout, backends: &Backends, out: &mut Out) -> CliResult {
    let network = backends.network();
    let sessions = network.sessions()?;
    let session = match &args.account {
        Some(account) => sessions.find(account).await?,
        None => sessions.default().await?,
    };
    let Some(session) = session else {
        let error = Error::not_found("there is no saved session");
        let error = match &args.account {
            Some(account) => error.with("account", account),
            None => error,
        };
        return Err(error).hint(|| "`atdata whoami` says who is logged in".to_owned());
    };
    let (did, handle) = (session.did.clone(), session.handle.clone());
    let on_server = network.resumed(session)?.logout().await;
    if let Err(error) = &on_server {
        note(format_args!("the session is forgotten here, but its server was not told: {error}"));
    }
    if out.is_json() {
        out.document(&json!({"did": did, "handle": handle, "ended_on_server": on_server.is_ok()}))?;
    } else {
        out.line(printable(&format!("logged out {handle} ({did})")))?;
    }
    Ok(Status::Done)
}

/// Says who would write, as the server sees it.
pub(super) async fn whoami(backends: &Backends, out: &mut Out) -> CliResult {
    let (atmosphere, origin) = backends.network().current().await?;
    let asked = atmosphere.whoami().await;
    let AccountInfo { did, handle, pds, active, status, .. } = asked.hint(|| {
        let account = atmosphere.did().map_or_else(|| "HANDLE".to_owned(), ToString::to_string);
        format!("if the session is over, `atdata login {account}` begins another")
    })?;
    if out.is_json() {
        out.document(&json!({
            "did": did.as_str(),
            "handle": handle,
            "pds": pds,
            "active": active,
            "status": status,
            "session": origin.as_str(),
        }))?;
        return Ok(Status::Done);
    }
    let state = match (&status, active) {
        (Some(status), _) => format!(", {status}"),
        (None, false) => ", not active".to_owned(),
        (None, true) => String::new(),
    };
    out.line(printable(&format!("{handle} ({did}) on {pds}{state}")))?;
    Ok(Status::Done)
}
