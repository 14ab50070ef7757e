//! Three servers that share the keys among them.

use std::io;

use super::{Redis, RedisOptions};
use crate::servers::daemon::free_port;
use crate::servers::given::unless_missing;

/// The number of servers: less are no cluster.
const MASTERS: usize = 3;

/// The slots that keys are hashed to.
const SLOTS: usize = 16384;

/// After so many milliseconds a server that does not answer is thought to be gone.
const NODE_TIMEOUT: u32 = 2000;

/// A cluster of three masters without replicas, ready some seconds after it was started. It ends when this is dropped.
#[derive(Debug)]
pub struct RedisCluster {
    masters: Vec<Redis>,
}

impl RedisCluster {
    /// Starts a cluster on free ports of the loopback interface.
    ///
    /// # Errors
    /// Redis is not installed, a server does not start, or they do not find each other.
    pub fn start() -> io::Result<Self> {
        let mut buses = Vec::new();
        let mut masters = Vec::new();
        for _ in 0..MASTERS {
            // By default it is the port and 10,000, which may be taken or be too large.
            let bus = free_port()?;
            let options = RedisOptions::default()
                .durable()
                .with_directive("cluster-enabled yes")
                .with_directive(&format!("cluster-port {bus}"))
                .with_directive(&format!("cluster-node-timeout {NODE_TIMEOUT}"));
            masters.push(Redis::start(options)?);
            buses.push(bus);
        }
        for (number, master) in masters.iter().enumerate() {
            let (first, end) = (number * SLOTS / MASTERS, (number + 1) * SLOTS / MASTERS);
            // Two servers of one epoch would quarrel first.
            master.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()])?;
            master.command(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &(end - 1).to_string()])?;
        }
        for (master, bus) in masters.iter().zip(&buses).skip(1) {
            let meet = ["CLUSTER", "MEET", "127.0.0.1", &master.port().to_string(), &bus.to_string()];
            masters[0].command(&meet)?;
        }
        let mut cluster = Self { masters };
        cluster.wait_until_ready()?;
        Ok(cluster)
    }

    /// A cluster of its own for one test, which may stop its servers; none, said on standard error, if Redis is not
    /// there. A test that only keeps data in it is quicker with a [`ClusterLease`](super::ClusterLease).
    ///
    /// # Panics
    /// It does not start; or Redis is not there, and servers are required.
    pub fn for_test(case: &str) -> Option<Self> {
        unless_missing("Redis", case, Self::start())
    }

    /// Waits until every master that runs knows the others, and that all slots are served.
    ///
    /// # Errors
    /// A master ends, or it takes longer than a minute.
    pub fn wait_until_ready(&mut self) -> io::Result<()> {
        let known = format!("cluster_known_nodes:{MASTERS}");
        for master in &mut self.masters {
            master.wait_until(|server| {
                let state = server.command(&["CLUSTER", "INFO"]).unwrap_or_default();
                state.contains("cluster_state:ok") && state.contains(&known)
            })?;
        }
        Ok(())
    }

    /// The address, by its first master.
    pub fn url(&self) -> String {
        format!("redis-cluster://127.0.0.1:{}", self.masters[0].port())
    }

    /// Its servers.
    pub fn masters(&self) -> &[Redis] {
        &self.masters
    }

    /// One of its servers, to be stopped, killed and started again.
    pub fn master(&mut self, number: usize) -> &mut Redis {
        &mut self.masters[number]
    }
}
