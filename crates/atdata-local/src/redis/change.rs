//! Changes: all of one or, if what they rest on has changed in the meantime, nothing.

use std::collections::BTreeMap;

use atdata_core::{Error, Result};
use bytes::Bytes;

use super::keys;
use super::server::{Reply, Server, script};

script!(
    /// Applies a [`Change`].
    APPLY = "apply.lua"
);

/// How often a change is made up anew because others were faster.
const ATTEMPTS: usize = 64;

/// The order in which the nodes of a cluster are changed: who reads in between sees nothing that does not lead
/// anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// What would be lost by the next.
    Kept,
    /// What others will refer to: entries, schemas.
    Things,
    /// What decides which of two writers was first: the record of a name.
    Names,
    /// What leads to them: labels, lists.
    Ways,
    /// What nothing leads to any more.
    Remains,
    /// That all of it is done.
    Done,
}

/// Commands, and the values that they rest on. On one server it happens as a whole or not at all; in a cluster node
/// by node in the order of the stages, each of which can be repeated.
#[derive(Debug, Default)]
pub(super) struct Change {
    parts: BTreeMap<(Stage, Bytes), Part>,
}

#[derive(Debug, Default)]
struct Part {
    guards: Vec<Guard>,
    commands: Vec<Vec<Bytes>>,
}

#[derive(Debug)]
struct Guard {
    key: Bytes,
    /// The field of a hash; empty for the key itself, which must not be there.
    field: Bytes,
    value: Option<Bytes>,
}

impl Change {
    /// What is done with keys that are on one node with `group`.
    pub(super) fn at(&mut self, stage: Stage, group: Bytes) -> At<'_> {
        At(self.parts.entry((stage, group)).or_default())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.values().all(|part| part.commands.is_empty())
    }

    /// Does it, and says whether it was done: if not, somebody else has changed something.
    pub(super) async fn apply(self, server: &dyn Server) -> Result<bool> {
        if !server.is_cluster() {
            let whole = self.parts.into_values().fold(Part::default(), Part::join);
            return whole.apply(server, Bytes::from_static(keys::STATE.as_bytes()), true).await;
        }
        for ((_, group), part) in self.parts {
            if !part.apply(server, group, false).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A part of a change; see [`Change::at`].
pub(super) struct At<'a>(&'a mut Part);

impl At<'_> {
    /// Expects a field of a hash to be so, or not to be.
    pub(super) fn expect(&mut self, key: Bytes, field: impl Into<Bytes>, value: Option<Bytes>) -> &mut Self {
        self.0.guards.push(Guard { key, field: field.into(), value });
        self
    }

    /// Expects a key not to be there.
    pub(super) fn expect_absent(&mut self, key: Bytes) -> &mut Self {
        self.expect(key, Bytes::new(), None)
    }

    pub(super) fn run(
        &mut self,
        name: &'static str,
        arguments: impl IntoIterator<Item = Bytes>,
    ) -> &mut Self {
        let name = Bytes::from_static(name.as_bytes());
        self.0.commands.push([name].into_iter().chain(arguments).collect());
        self
    }

    pub(super) fn set(&mut self, key: &Bytes, field: impl Into<Bytes>, value: impl Into<Bytes>) -> &mut Self {
        self.run("HSET", [key.clone(), field.into(), value.into()])
    }

    pub(super) fn unset(&mut self, key: &Bytes, field: impl Into<Bytes>) -> &mut Self {
        self.run("HDEL", [key.clone(), field.into()])
    }

    pub(super) fn delete(&mut self, key: &Bytes) -> &mut Self {
        self.run("DEL", [key.clone()])
    }
}

/// Adds a member to one of the lists, or takes it away.
pub(super) fn list(change: &mut Change, list: &'static str, member: impl Into<Bytes>, is_there: bool) {
    let key = Bytes::from_static(list.as_bytes());
    let member = member.into();
    let mut at = change.at(Stage::Ways, key.clone());
    if is_there {
        at.run("ZADD", [key, Bytes::from_static(b"0"), member]);
    } else {
        at.run("ZREM", [key, member]);
    }
}

impl Part {
    fn join(mut self, other: Part) -> Part {
        self.guards.extend(other.guards);
        self.commands.extend(other.commands);
        self
    }

    async fn apply(self, server: &dyn Server, key: Bytes, counted: bool) -> Result<bool> {
        let number = |number: usize| Bytes::from(number.to_string());
        let flag = |flag: bool| Bytes::from_static(if flag { b"1" } else { b"0" });
        let mut arguments = vec![flag(counted), number(self.guards.len())];
        for guard in self.guards {
            let value = guard.value;
            arguments.extend([guard.key, guard.field, flag(value.is_some()), value.unwrap_or_default()]);
        }
        arguments.push(number(self.commands.len()));
        for command in self.commands {
            arguments.push(number(command.len()));
            arguments.extend(command);
        }
        Ok(server.script(&APPLY, vec![key], arguments).await? == Reply::Int(1))
    }
}

/// Tries until `attempt` has a result: it has none when others were faster.
pub(super) async fn repeat<T, F>(mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    for _ in 0..ATTEMPTS {
        if let Some(done) = attempt().await? {
            return Ok(done);
        }
        tokio::task::yield_now().await;
    }
    Err(Error::conflict("others keep changing the same thing"))
}
