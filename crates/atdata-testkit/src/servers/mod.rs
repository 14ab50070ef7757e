//! Real servers for integration tests: started on free ports of the loopback interface, in temporary directories, and
//! ended with whoever started them.

pub mod chromium;
pub mod daemon;
pub mod garage;
pub mod given;
pub mod nginx;
pub mod pds;
pub mod redis;
pub mod rgw;
pub mod s3s;
mod sigv4;
