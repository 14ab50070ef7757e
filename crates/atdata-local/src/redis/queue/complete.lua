#!lua
-- Keeps a result, if the shard has none and the lease is the newest one; says whether it has.
-- KEYS: see `Keys`. ARGV: job, token, shard, result.
local _, jobs, leases, _, results = unpack(KEYS)
local lease = redis.call('HGET', leases, ARGV[1])
if not lease or lease:match('^%d+') ~= ARGV[2] then return 0 end
local kept = redis.call('HSETNX', results, ARGV[3], ARGV[4])
redis.call('XACK', jobs, 'workers', ARGV[1])
redis.call('XDEL', jobs, ARGV[1])
redis.call('HDEL', leases, ARGV[1])
return kept
