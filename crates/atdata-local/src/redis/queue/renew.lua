#!lua
-- Says that a shard is being worked on; whether the lease is the newest one.
-- KEYS: see `Keys`. ARGV: job, token, worker.
local lease = redis.call('HGET', KEYS[3], ARGV[1])
if not lease or lease:match('^%d+') ~= ARGV[2] then return 0 end
redis.call('XCLAIM', KEYS[2], 'workers', ARGV[3], 0, ARGV[1], 'JUSTID')
return 1
